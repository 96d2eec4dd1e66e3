-- The roles under which dreamapi serves. Each may do only what the migrations grant it; none may log in, own a table or
-- pass by row-level security. Roles belong to the whole cluster: the lock keeps two databases from creating them at once.
DO $$
DECLARE
    surface text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('dreamapi roles'));
    FOREACH surface IN ARRAY ARRAY['dreamapi_developer', 'dreamapi_oauth', 'dreamapi_customer', 'dreamapi_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = surface) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', surface);
        END IF;
    END LOOP;
END
$$;
