-- +goose Up
-- The platform side: who signed up with us, and what they build.

CREATE TABLE platform.developers (
    id            text PRIMARY KEY,
    clerk_user_id text NOT NULL CONSTRAINT developers_clerk_user_key UNIQUE,
    email         text NOT NULL,
    name          text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT dreamapi.now()
);

CREATE TABLE platform.projects (
    id           text PRIMARY KEY,
    developer_id text NOT NULL REFERENCES platform.developers (id),
    name         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT dreamapi.now()
);
CREATE INDEX ON platform.projects (developer_id);

CREATE TABLE platform.platforms (
    id         text PRIMARY KEY,
    project_id text NOT NULL REFERENCES platform.projects (id),
    mode       text NOT NULL CHECK (mode IN ('test', 'live')),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT dreamapi.now()
);
CREATE INDEX ON platform.platforms (project_id);
CREATE UNIQUE INDEX platforms_one_live_key ON platform.platforms (project_id) WHERE mode = 'live';

-- dk_…: what a developer's programs sign in with. Only the SHA-256 is kept.
CREATE TABLE platform.developer_tokens (
    id           text PRIMARY KEY,
    developer_id text NOT NULL REFERENCES platform.developers (id),
    name         text NOT NULL,
    hash         bytea NOT NULL CONSTRAINT developer_tokens_hash_key UNIQUE,
    hint         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT dreamapi.now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX ON platform.developer_tokens (developer_id);

GRANT SELECT, INSERT, UPDATE ON platform.developers, platform.projects, platform.platforms, platform.developer_tokens
    TO dreamapi_developer;
GRANT SELECT ON platform.developers, platform.projects, platform.platforms TO dreamapi_oauth;
GRANT SELECT ON platform.platforms TO dreamapi_worker;
