-- +goose Up
-- Counters, rate windows and idempotency records.

-- The period is part of the key because a month and a day may begin at the same moment. No index on a column that
-- changes, and room in each page: an increment stays a heap-only update.
CREATE TABLE tenant_usage.counters (
    platform_id  text NOT NULL,
    user_id      text NOT NULL,
    meter        text NOT NULL,
    period       text NOT NULL,
    period_start timestamptz NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (platform_id, user_id, meter, period, period_start)
) WITH (fillfactor = 70);

-- One row a user, used again in each minute.
CREATE TABLE tenant_usage.rate_windows (
    platform_id text NOT NULL,
    user_id     text NOT NULL,
    minute      timestamptz NOT NULL,
    calls       integer NOT NULL,
    PRIMARY KEY (platform_id, user_id)
) WITH (fillfactor = 70);

-- The first answer to each idempotency key. Partitions by hash, because with a partition a day one key could count on
-- both sides of midnight. A NULL result: the first call with the key is under way.
CREATE TABLE tenant_usage.idempotency (
    platform_id text NOT NULL,
    route       text NOT NULL,
    user_id     text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    result      jsonb,
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, route, user_id, key)
) PARTITION BY HASH (key);
CREATE INDEX idempotency_age_idx ON tenant_usage.idempotency USING brin (created_at);

-- +goose StatementBegin
DO $$
BEGIN
    FOR n IN 0..7 LOOP
        EXECUTE format('CREATE TABLE tenant_usage.idempotency_%s PARTITION OF tenant_usage.idempotency '
            'FOR VALUES WITH (MODULUS 8, REMAINDER %s)', n, n);
        EXECUTE format('CALL dreamapi.isolate(%L)', 'tenant_usage.idempotency_' || n);
    END LOOP;
END
$$;
-- +goose StatementEnd

CALL dreamapi.isolate('tenant_usage.counters');
CALL dreamapi.isolate('tenant_usage.rate_windows');
CALL dreamapi.isolate('tenant_usage.idempotency');

GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.counters, tenant_usage.rate_windows
    TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.idempotency
    TO dreamapi_developer, dreamapi_customer, dreamapi_worker;
