-- name: InsertDeveloper :execrows
INSERT INTO platform.developers (id, clerk_user_id, email, name)
VALUES (@id, @clerk_user_id, @email, @name)
ON CONFLICT (clerk_user_id) DO NOTHING;

-- name: DeveloperByClerkUser :one
SELECT * FROM platform.developers WHERE clerk_user_id = @clerk_user_id;

-- name: DeveloperByToken :one
SELECT d.*, t.id AS token_id,
    (t.last_used_at IS NULL OR t.last_used_at < dreamapi.now() - interval '1 minute')::boolean AS unseen
FROM platform.developer_tokens t JOIN platform.developers d ON d.id = t.developer_id
WHERE t.hash = @hash AND t.revoked_at IS NULL;

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
