-- name: Reserve :execrows
INSERT INTO tenant_usage.idempotency (platform_id, route, user_id, key, fingerprint)
VALUES (@platform_id, @route, @user_id, @key, @fingerprint)
ON CONFLICT DO NOTHING;

-- name: Find :one
SELECT fingerprint, result FROM tenant_usage.idempotency
WHERE platform_id = @platform_id AND route = @route AND user_id = @user_id AND key = @key;

-- name: Complete :exec
UPDATE tenant_usage.idempotency SET result = @result
WHERE platform_id = @platform_id AND route = @route AND user_id = @user_id AND key = @key;

-- name: Release :exec
DELETE FROM tenant_usage.idempotency
WHERE platform_id = @platform_id AND route = @route AND user_id = @user_id AND key = @key AND result IS NULL;

-- name: Sweep :execrows
DELETE FROM tenant_usage.idempotency
WHERE (platform_id, route, user_id, key) IN (
    SELECT platform_id, route, user_id, key FROM tenant_usage.idempotency
    WHERE platform_id = ANY(@platform_ids::text[]) AND created_at < dreamapi.now() - interval '25 hours'
    LIMIT @most
);
