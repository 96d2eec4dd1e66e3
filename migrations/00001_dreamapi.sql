-- +goose Up
-- The ground: the schemas, the clock, and how a transaction enters a platform.

CREATE SCHEMA IF NOT EXISTS dreamapi; -- goose keeps its own table there
CREATE SCHEMA platform;
CREATE SCHEMA platform_usage;
CREATE SCHEMA directory;
CREATE SCHEMA tenant;
CREATE SCHEMA tenant_usage;
CREATE SCHEMA billing;
CREATE SCHEMA river;

GRANT USAGE ON SCHEMA dreamapi TO dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker;
GRANT USAGE ON SCHEMA platform, platform_usage TO dreamapi_developer;
GRANT USAGE ON SCHEMA platform TO dreamapi_oauth, dreamapi_worker;
GRANT USAGE ON SCHEMA directory, tenant TO dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker;
GRANT USAGE ON SCHEMA tenant_usage, billing, river TO dreamapi_developer, dreamapi_customer, dreamapi_worker;

-- A new function is for nobody until a migration grants it.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- One row. A database that `dreamapi dev` or a test created is turnable; in any other the clock is the server's.
CREATE TABLE dreamapi.clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    turnable  boolean  NOT NULL DEFAULT false,
    ahead     interval NOT NULL DEFAULT interval '0',
    CONSTRAINT only_a_turnable_clock_is_ahead CHECK (turnable OR ahead = interval '0')
);
INSERT INTO dreamapi.clock DEFAULT VALUES;
GRANT SELECT ON dreamapi.clock, dreamapi.goose_db_version TO dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker;

-- +goose StatementBegin
-- The time by which periods, expiry and grace are judged: the start of the transaction, so that one transaction
-- never falls into two periods.
CREATE FUNCTION dreamapi.now() RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = ''
    AS $$ SELECT pg_catalog.now() + ahead FROM dreamapi.clock $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Enters platforms, {"plt_…": true, …}, until the end of the transaction. SET LOCAL by EXECUTE, and not set_config,
-- because only the former reaches the workers of a Citus cluster.
CREATE FUNCTION dreamapi.enter(platforms jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('SET LOCAL dreamapi.platforms = %L', platforms::text);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The one platform that the transaction has entered; an error when it has entered none or several.
CREATE FUNCTION dreamapi.platform() RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = ''
    AS $$
DECLARE
    ids text[] := ARRAY(SELECT jsonb_object_keys(NULLIF(current_setting('dreamapi.platforms', true), '')::jsonb));
BEGIN
    IF cardinality(ids) <> 1 THEN
        RAISE EXCEPTION 'the transaction has entered % platforms where exactly one is needed', cardinality(ids)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN ids[1];
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Isolates a table by its platform_id. The second policy lets the owner of the tables, as whom nobody serves, migrate
-- data, look things up for the directory's functions, and be dumped. The sub-select makes the setting a constant of
-- the query, read once instead of once a row.
CREATE PROCEDURE dreamapi.isolate(tbl regclass)
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
    EXECUTE format($policy$
        CREATE POLICY entered ON %s
            USING      ((SELECT NULLIF(current_setting('dreamapi.platforms', true), '')::jsonb) ? platform_id)
            WITH CHECK ((SELECT NULLIF(current_setting('dreamapi.platforms', true), '')::jsonb) ? platform_id)
    $policy$, tbl);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true) WITH CHECK (true)', tbl);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The calendar period, in UTC, that holds a moment; 'lifetime' has neither beginning nor end.
CREATE FUNCTION dreamapi.period_start(period text, at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE SET search_path = ''
    AS $$ SELECT CASE period WHEN 'lifetime' THEN '-infinity'::timestamptz ELSE date_trunc(period, at, 'UTC') END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION dreamapi.period_end(period text, at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE SET search_path = ''
    AS $$
    SELECT CASE period
        WHEN 'lifetime' THEN 'infinity'::timestamptz
        ELSE (date_trunc(period, at AT TIME ZONE 'UTC') + ('1 ' || period)::interval) AT TIME ZONE 'UTC'
    END
$$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION
    dreamapi.now(), dreamapi.enter(jsonb), dreamapi.platform(),
    dreamapi.period_start(text, timestamptz), dreamapi.period_end(text, timestamptz)
    TO dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker;
