-- +goose Up
-- Who used most of a meter, over spans of days: worked out now and then by the worker, as to add up what a hundred thousand
-- users did takes seconds and a page none of them.

CREATE TABLE tenant_usage.tops (
    platform_id text COLLATE "C" NOT NULL,
    days        integer NOT NULL CHECK (days > 0),
    tried_at    timestamptz NOT NULL,
    taken_at    timestamptz,
    took_ms     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (platform_id, days)
);
COMMENT ON TABLE tenant_usage.tops IS 'when top_users of so many days, with the present one, was worked out, and how long that took';
COMMENT ON COLUMN tenant_usage.tops.tried_at IS 'when somebody last set about it, whatever came of it';
COMMENT ON COLUMN tenant_usage.tops.taken_at IS 'NULL: not yet';

CREATE TABLE tenant_usage.top_users (
    platform_id text COLLATE "C" NOT NULL,
    days        integer NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    place       integer NOT NULL CHECK (place > 0),
    user_id     text COLLATE "C" NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (platform_id, days, meter, place)
);

-- What was used in a span of days, without what was before.
CREATE INDEX days_day_idx ON tenant_usage.days (platform_id, day);

CALL dreamapi.isolate('tenant_usage.tops');
CALL dreamapi.isolate('tenant_usage.top_users');
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.tops, tenant_usage.top_users TO dreamapi_worker;
GRANT SELECT ON tenant_usage.tops, tenant_usage.top_users TO dreamapi_developer;
GRANT SELECT, DELETE ON tenant_usage.top_users TO dreamapi_customer;
