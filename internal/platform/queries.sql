-- name: InsertDeveloper :execrows
INSERT INTO platform.developers (id, clerk_user_id, email, name)
VALUES (@id, @clerk_user_id, @email, @name)
ON CONFLICT (clerk_user_id) DO NOTHING;

-- name: DeveloperByClerkUser :one
SELECT * FROM platform.developers WHERE clerk_user_id = @clerk_user_id AND deleted_at IS NULL;

-- name: DeveloperByToken :one
SELECT d.*, t.id AS token_id,
    (t.last_used_at IS NULL OR t.last_used_at < dreamapi.now() - interval '1 minute')::boolean AS unseen
FROM platform.developer_tokens t JOIN platform.developers d ON d.id = t.developer_id
WHERE t.hash = @hash AND t.revoked_at IS NULL AND d.deleted_at IS NULL;

-- name: TouchToken :exec
-- Whoever finds the row locked leaves it to the one who holds it: no call waits for this.
UPDATE platform.developer_tokens SET last_used_at = dreamapi.now()
WHERE id = (SELECT t.id FROM platform.developer_tokens t WHERE t.id = @id FOR UPDATE SKIP LOCKED);

-- name: InsertToken :one
INSERT INTO platform.developer_tokens (id, developer_id, name, hash, hint)
VALUES (@id, @developer_id, @name, @hash, @hint) RETURNING *;

-- name: CountTokens :one
SELECT count(*) FROM platform.developer_tokens WHERE developer_id = @developer_id AND revoked_at IS NULL;

-- name: Tokens :many
SELECT * FROM platform.developer_tokens WHERE developer_id = @developer_id ORDER BY id;

-- name: RevokeToken :one
UPDATE platform.developer_tokens SET revoked_at = coalesce(revoked_at, dreamapi.now())
WHERE developer_id = @developer_id AND id = @id RETURNING *;

-- name: InsertProject :one
INSERT INTO platform.projects (id, developer_id, name) VALUES (@id, @developer_id, @name) RETURNING *;

-- name: CountProjects :one
SELECT count(*) FROM platform.projects WHERE developer_id = @developer_id;

-- name: Project :one
SELECT * FROM platform.projects WHERE developer_id = @developer_id AND id = @id;

-- name: Projects :many
SELECT * FROM platform.projects WHERE developer_id = @developer_id ORDER BY id;

-- name: RenameProject :one
UPDATE platform.projects SET name = @name WHERE developer_id = @developer_id AND id = @id RETURNING *;

-- name: InsertPlatform :one
INSERT INTO platform.platforms (id, project_id, mode, name) VALUES (@id, @project_id, @mode, @name) RETURNING *;

-- name: CountPlatforms :one
SELECT count(*) FROM platform.platforms WHERE project_id = @project_id;

-- name: Platforms :many
SELECT p.* FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id
WHERE j.developer_id = @developer_id ORDER BY p.id;

-- name: OwnedPlatform :one
SELECT p.* FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id
WHERE j.developer_id = @developer_id AND p.id = @id;

-- name: RenamePlatform :exec
UPDATE platform.platforms SET name = @name WHERE id = @id;

-- name: PlatformIDs :many
SELECT id FROM platform.platforms WHERE id > @after ORDER BY id LIMIT @max;

-- name: LockDeveloper :one
SELECT * FROM platform.developers WHERE id = @id FOR UPDATE;

-- name: InsertSession :exec
INSERT INTO platform.sessions (hash, id, developer_id, clerk_session_id, user_agent, expires_at)
VALUES (@hash, @id, @developer_id, @clerk_session_id, @user_agent, dreamapi.now() + make_interval(days => @days::int));

-- name: DeveloperBySession :one
SELECT d.*, s.id AS session_id, (s.seen_at < dreamapi.now() - interval '1 minute')::boolean AS unseen
FROM platform.sessions s JOIN platform.developers d ON d.id = s.developer_id
WHERE s.hash = @hash AND s.ended_at IS NULL AND dreamapi.now() < s.expires_at
    AND s.seen_at > dreamapi.now() - make_interval(days => @idle_days::int) AND d.deleted_at IS NULL;

-- name: TouchSession :exec
UPDATE platform.sessions SET seen_at = dreamapi.now()
WHERE id = (SELECT s.id FROM platform.sessions s WHERE s.id = @id FOR UPDATE SKIP LOCKED);

-- name: Sessions :many
SELECT id, user_agent, created_at, seen_at FROM platform.sessions
WHERE developer_id = @developer_id AND ended_at IS NULL AND dreamapi.now() < expires_at
    AND seen_at > dreamapi.now() - make_interval(days => @idle_days::int)
ORDER BY seen_at DESC;

-- name: EndSession :many
UPDATE platform.sessions SET ended_at = dreamapi.now()
WHERE developer_id = @developer_id AND id = @id AND ended_at IS NULL RETURNING clerk_session_id;

-- name: EndSessions :many
UPDATE platform.sessions SET ended_at = dreamapi.now()
WHERE developer_id = @developer_id AND ended_at IS NULL RETURNING clerk_session_id;

-- name: EndSessionOfCookie :exec
UPDATE platform.sessions SET ended_at = dreamapi.now() WHERE hash = @hash AND ended_at IS NULL;

-- name: EndSessionsOfClerk :exec
UPDATE platform.sessions SET ended_at = dreamapi.now() WHERE clerk_session_id = @clerk_session_id AND ended_at IS NULL;

-- name: SweepSessions :exec
DELETE FROM platform.sessions WHERE expires_at < dreamapi.now() - interval '30 days';

-- name: RevokeTokens :exec
UPDATE platform.developer_tokens SET revoked_at = dreamapi.now() WHERE developer_id = @developer_id AND revoked_at IS NULL;

-- name: DeleteDeveloper :exec
UPDATE platform.developers SET deleted_at = dreamapi.now() WHERE id = @id AND deleted_at IS NULL;

-- name: SetDeveloper :exec
UPDATE platform.developers SET email = @email, name = @name WHERE id = @id;

-- name: InsertClerkEvent :execrows
INSERT INTO platform.clerk_events (id, type, user_id, session_id) VALUES (@id, @type, @user_id, @session_id)
ON CONFLICT DO NOTHING;

-- name: ClerkEvent :one
SELECT * FROM platform.clerk_events WHERE id = @id AND processed_at IS NULL;

-- name: LeftClerkEvents :many
SELECT id FROM platform.clerk_events
WHERE processed_at IS NULL AND received_at < dreamapi.now() - interval '5 minutes'
ORDER BY received_at LIMIT 1000;

-- name: ClerkEventDone :exec
UPDATE platform.clerk_events SET processed_at = dreamapi.now() WHERE id = @id;

-- name: SweepClerkEvents :exec
DELETE FROM platform.clerk_events WHERE processed_at < dreamapi.now() - interval '30 days';

-- name: SweepConnectAttempts :exec
SELECT directory.sweep_connect_attempts();

-- name: Plan :one
SELECT status, current_period_end, cancel_at, grace_until, coalesce(stripe_customer_id, '')::text AS stripe_customer_id,
    coalesce(stripe_subscription_id, '')::text AS stripe_subscription_id,
    EXISTS (SELECT FROM platform.developers d WHERE d.id = p.developer_id AND d.deleted_at IS NOT NULL)::boolean AS gone,
    (dreamapi.now() < (SELECT u.paid_until FROM platform_usage.paid_until u WHERE u.developer_id = p.developer_id))::boolean AS paid
FROM platform_usage.plans p WHERE p.developer_id = @developer_id;

-- name: EnsurePlan :exec
INSERT INTO platform_usage.plans (developer_id) VALUES (@developer_id) ON CONFLICT DO NOTHING;

-- name: SetPlanCustomer :exec
UPDATE platform_usage.plans SET stripe_customer_id = @stripe_customer_id
WHERE developer_id = @developer_id AND stripe_customer_id IS NULL;

-- name: ForgetPlanCustomer :exec
UPDATE platform_usage.plans SET stripe_customer_id = NULL
WHERE developer_id = @developer_id AND stripe_customer_id = @stripe_customer_id::text;

-- name: DeveloperOfStripeCustomer :one
SELECT developer_id FROM platform_usage.plans WHERE stripe_customer_id = @stripe_customer_id;

-- name: TakePlanNumber :one
UPDATE platform_usage.plans SET taken = taken + 1 WHERE developer_id = @developer_id RETURNING taken;

-- name: KeepPlan :exec
UPDATE platform_usage.plans
SET written = @number, fetched_at = dreamapi.now(), stripe_subscription_id = sqlc.narg(stripe_subscription_id), status = @status::text,
    current_period_end = sqlc.narg(current_period_end), cancel_at = sqlc.narg(cancel_at),
    grace_until = CASE
        WHEN @status::text IN ('active', 'trialing', 'none') THEN NULL
        WHEN grace_until IS NOT NULL THEN grace_until
        WHEN status IN ('active', 'trialing') THEN dreamapi.now() + make_interval(days => @grace_days::int)
    END
WHERE developer_id = @developer_id AND written < @number
RETURNING directory.developer_changed(developer_id);

-- name: PlansToCheck :many
SELECT developer_id FROM platform_usage.plans
WHERE stripe_customer_id IS NOT NULL AND (fetched_at IS NULL OR fetched_at < dreamapi.now() - interval '6 hours')
ORDER BY fetched_at NULLS FIRST LIMIT 1000;

-- name: CountCall :one
INSERT INTO platform_usage.counts AS c (developer_id, month, count)
SELECT @developer_id, (dreamapi.now() AT TIME ZONE 'UTC')::date - (extract(day FROM dreamapi.now() AT TIME ZONE 'UTC')::int - 1), 1
WHERE @most::bigint > 0
ON CONFLICT (developer_id, month) DO UPDATE SET count = c.count + 1 WHERE c.count < @most::bigint
RETURNING count;

-- name: UncountCall :exec
UPDATE platform_usage.counts SET count = count - 1
WHERE developer_id = @developer_id AND count > 0
    AND month = (dreamapi.now() AT TIME ZONE 'UTC')::date - (extract(day FROM dreamapi.now() AT TIME ZONE 'UTC')::int - 1);

-- name: CallsCounted :one
SELECT coalesce((
    SELECT count FROM platform_usage.counts
    WHERE developer_id = @developer_id
        AND month = (dreamapi.now() AT TIME ZONE 'UTC')::date - (extract(day FROM dreamapi.now() AT TIME ZONE 'UTC')::int - 1)
), 0)::bigint AS count;

-- name: InsertAudit :exec
INSERT INTO platform.audit_log (id, developer_id, of_platform, action, target, via, ip, request_id)
VALUES (@id, @developer_id, sqlc.narg(of_platform), @action, @target, @via, @ip, @request_id);

-- name: EndAudit :exec
UPDATE platform.audit_log SET outcome = @outcome, target = CASE WHEN @target::text = '' THEN target ELSE @target END WHERE id = @id;

-- name: AuditPlace :one
SELECT at FROM platform.audit_log WHERE id = @id AND developer_id = @developer_id;

-- name: Audit :many
-- The bounds are always there, so that each plan of it begins in the index where the page does.
SELECT a.* FROM platform.audit_log a
WHERE a.developer_id = @developer_id
    AND (sqlc.narg(of_platform)::text IS NULL OR a.of_platform = sqlc.narg(of_platform))
    AND (sqlc.narg(action)::text IS NULL OR a.action = sqlc.narg(action))
    AND a.at >= @since::timestamptz AND a.at < @until::timestamptz AND (a.at, a.id) < (@before::timestamptz, @before_id::text)
ORDER BY a.at DESC, a.id DESC LIMIT @most;

-- name: SweepAudit :exec
DELETE FROM platform.audit_log WHERE at < dreamapi.now() - interval '2 years';
