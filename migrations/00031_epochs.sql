-- +goose Up
-- The epoch of a platform is the number of the transaction that changed it. So a batch can ask which platforms have changed since a
-- snapshot, by one range of an index that is mostly empty, instead of looking each of its own up.

-- +goose StatementBegin
CREATE FUNCTION tenant.next_epoch() RETURNS bigint
    LANGUAGE sql SET search_path = ''
    AS $$ SELECT pg_catalog.pg_current_xact_id()::text::bigint $$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION tenant.next_epoch() TO dreamapi_developer, dreamapi_worker;

ALTER TABLE tenant.settings ALTER COLUMN epoch SET DEFAULT tenant.next_epoch();
UPDATE tenant.settings SET epoch = tenant.next_epoch();
-- Of an older version of the program, which would give another kind of number while this one counts already.
REVOKE USAGE ON SEQUENCE tenant.epochs FROM dreamapi_developer;
CREATE INDEX settings_epoch_idx ON tenant.settings (epoch);
COMMENT ON COLUMN tenant.settings.epoch IS
    'which transaction last changed what the platform''s calls are judged by: its keys, tiers, settings, suspension';

-- +goose StatementBegin
-- To be called after migrations: a database that was restored brings numbers along which this server has still to give.
CREATE FUNCTION tenant.renew_epochs() RETURNS void
    LANGUAGE sql SET search_path = ''
    AS $$
    UPDATE tenant.settings SET epoch = tenant.next_epoch()
    WHERE epoch >= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tenant.platform_changed(platform text) RETURNS void
    LANGUAGE sql SET search_path = ''
    AS $$ UPDATE tenant.settings SET epoch = tenant.next_epoch() WHERE platform_id = platform $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION directory.developer_changed(developer text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    UPDATE tenant.settings s SET epoch = tenant.next_epoch()
    FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id
    WHERE s.platform_id = p.id AND j.developer_id = developer AND p.mode = 'live';
END
$$;
-- +goose StatementEnd
