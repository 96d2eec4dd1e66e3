-- +goose Up
-- The directory turns something from outside into a platform. Its tables have no row-level security and no grants:
-- each is reached through the narrow functions below, which match exactly and answer one row at the most.

CREATE TABLE directory.keys (
    hash        bytea PRIMARY KEY,
    platform_id text NOT NULL REFERENCES platform.platforms (id)
);

CREATE TABLE directory.domains (
    domain      text PRIMARY KEY CHECK (domain = lower(domain)),
    platform_id text NOT NULL REFERENCES platform.platforms (id)
);
CREATE INDEX ON directory.domains (platform_id);

-- The users of the shared Clerk app. The row of a user outlives the user, so that nobody joins one who is on the way
-- out or gone.
CREATE TABLE directory.users (
    id    text PRIMARY KEY,
    state text NOT NULL DEFAULT 'member' CHECK (state IN ('member', 'leaving', 'gone'))
);

CREATE TABLE directory.memberships (
    user_id     text NOT NULL REFERENCES directory.users (id),
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    PRIMARY KEY (user_id, platform_id)
);
CREATE INDEX users_leaving_idx ON directory.users (id) WHERE state = 'leaving';

-- +goose StatementBegin
CREATE FUNCTION directory.platform_of_key(key_hash bytea) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN (SELECT platform_id FROM directory.keys WHERE hash = key_hash); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Lists a new key for the platform that the transaction has entered.
CREATE FUNCTION directory.add_key(key_hash bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN INSERT INTO directory.keys (hash, platform_id) VALUES (key_hash, dreamapi.platform()); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.platform_of_domain(name text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN (SELECT platform_id FROM directory.domains WHERE domain = name); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The domains of the platform that the transaction has entered.
CREATE FUNCTION directory.domains_here() RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    RETURN ARRAY(SELECT domain FROM directory.domains WHERE platform_id = dreamapi.platform() ORDER BY domain);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Lists a domain for the platform that the transaction has entered; false when another platform has it. Who has just
-- proved that the domain is theirs gets it all the same: domains change hands.
CREATE FUNCTION directory.add_domain(name text, proven boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    INSERT INTO directory.domains (domain, platform_id) VALUES (name, dreamapi.platform())
        ON CONFLICT (domain) DO UPDATE SET platform_id = excluded.platform_id WHERE proven;
    RETURN EXISTS (SELECT FROM directory.domains WHERE domain = name AND platform_id = dreamapi.platform());
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.remove_domain(name text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    DELETE FROM directory.domains WHERE domain = name AND platform_id = dreamapi.platform();
    RETURN FOUND;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether any platform allows the origin: what a CORS preflight, which carries no credentials, is answered by.
CREATE FUNCTION directory.origin_known(origin text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN EXISTS (SELECT FROM tenant.settings WHERE allowed_origins @> ARRAY[origin]); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Makes a Clerk user a member of the platform that the transaction has entered, and answers the user's state: only
-- after 'member' has it happened.
CREATE FUNCTION directory.join_user(clerk_user text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    now_is text;
BEGIN
    INSERT INTO directory.users (id) VALUES (clerk_user) ON CONFLICT DO NOTHING;
    SELECT state INTO now_is FROM directory.users WHERE id = clerk_user FOR UPDATE;
    IF now_is = 'member' THEN
        INSERT INTO directory.memberships (user_id, platform_id) VALUES (clerk_user, dreamapi.platform())
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN now_is;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Ends the membership on the platform that the transaction has entered, and answers the user's state: 'leaving' when
-- it was the last.
CREATE FUNCTION directory.leave_user(clerk_user text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    now_is text;
BEGIN
    PERFORM FROM directory.users WHERE id = clerk_user FOR UPDATE;
    DELETE FROM directory.memberships WHERE user_id = clerk_user AND platform_id = dreamapi.platform();
    UPDATE directory.users SET state = 'leaving'
        WHERE id = clerk_user AND state = 'member'
          AND NOT EXISTS (SELECT FROM directory.memberships WHERE user_id = clerk_user);
    SELECT state INTO now_is FROM directory.users WHERE id = clerk_user;
    RETURN now_is;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.user_state(clerk_user text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN (SELECT state FROM directory.users WHERE id = clerk_user); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Puts a Clerk user who has never been a member anywhere on the way out: whoever is about to join the user finds that.
CREATE FUNCTION directory.see_off_user(clerk_user text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN INSERT INTO directory.users (id, state) VALUES (clerk_user, 'leaving') ON CONFLICT DO NOTHING; END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Records that Clerk no longer has a user whose last membership had ended.
CREATE FUNCTION directory.user_gone(clerk_user text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN UPDATE directory.users SET state = 'gone' WHERE id = clerk_user AND state = 'leaving'; END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Records that Clerk has deleted a user, so that nobody joins any more, and answers the memberships that are left.
CREATE FUNCTION directory.end_user(clerk_user text) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    INSERT INTO directory.users (id, state) VALUES (clerk_user, 'gone') ON CONFLICT (id) DO UPDATE SET state = 'gone';
    RETURN directory.platforms_of_user(clerk_user);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.platforms_of_user(clerk_user text) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    RETURN ARRAY(SELECT platform_id FROM directory.memberships WHERE user_id = clerk_user ORDER BY platform_id);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The users who are on the way out, a thousand at the most: what a crash may have left to be finished.
CREATE FUNCTION directory.users_leaving() RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN ARRAY(SELECT id FROM directory.users WHERE state = 'leaving' ORDER BY id LIMIT 1000); END $$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION directory.add_key(bytea), directory.add_domain(text, boolean), directory.remove_domain(text),
    directory.domains_here() TO dreamapi_developer;
GRANT EXECUTE ON FUNCTION directory.platform_of_key(bytea), directory.platform_of_domain(text),
    directory.origin_known(text) TO dreamapi_customer;
GRANT EXECUTE ON FUNCTION directory.join_user(text), directory.leave_user(text), directory.user_state(text),
    directory.user_gone(text) TO dreamapi_customer, dreamapi_worker;
GRANT EXECUTE ON FUNCTION directory.platforms_of_user(text), directory.users_leaving(), directory.see_off_user(text),
    directory.end_user(text), directory.platform_of_key(bytea) TO dreamapi_worker;
