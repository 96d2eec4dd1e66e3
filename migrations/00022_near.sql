-- +goose Up
-- Who is near a limit, and what all use together: worked out now and then from what is counted, so that counting pays nothing
-- for it. What is here is of the moment that the snapshot says.

CREATE TABLE tenant_usage.near (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    plan        text NOT NULL,
    count       bigint NOT NULL,
    max         bigint NOT NULL CHECK (max > 0),
    share       integer NOT NULL,
    period      text NOT NULL,
    ends        timestamptz NOT NULL,
    PRIMARY KEY (platform_id, user_id, meter)
);
COMMENT ON COLUMN tenant_usage.near.max IS 'with units granted beyond the limit';
COMMENT ON COLUMN tenant_usage.near.share IS 'of it, in hundredths of a percent; 99 times as much at the most';
CREATE INDEX near_share_idx ON tenant_usage.near (platform_id, share DESC, user_id DESC);

CREATE TABLE tenant_usage.snapshots (
    platform_id text COLLATE "C" PRIMARY KEY,
    at          timestamptz,
    tried_at    timestamptz,
    took        interval NOT NULL DEFAULT '0',
    users       bigint NOT NULL DEFAULT 0,
    totals      jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON COLUMN tenant_usage.snapshots.at IS 'NULL: there is none yet';
COMMENT ON COLUMN tenant_usage.snapshots.tried_at IS 'when somebody last set about to take one, whatever came of it';
COMMENT ON COLUMN tenant_usage.snapshots.users IS 'of whom anything is counted';

-- When what a platform counted was added up last: a snapshot from after that is still right.
CREATE TABLE tenant_usage.activity (
    platform_id text COLLATE "C" PRIMARY KEY,
    at          timestamptz NOT NULL
);
INSERT INTO tenant_usage.activity (platform_id, at)
    SELECT DISTINCT platform_id, pg_catalog.now() FROM tenant_usage.users;

CALL dreamapi.isolate('tenant_usage.near');
CALL dreamapi.isolate('tenant_usage.snapshots');
CALL dreamapi.isolate('tenant_usage.activity');
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.near TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, INSERT, UPDATE ON tenant_usage.snapshots TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, INSERT, UPDATE ON tenant_usage.activity TO dreamapi_worker;
GRANT SELECT ON tenant_usage.near, tenant_usage.snapshots TO dreamapi_developer;
