-- +goose Up
-- What a live platform must have, and how its Stripe account gets connected.

-- +goose StatementBegin
-- Until when the platform that the transaction has entered is paid for: for ever, if it is a test platform.
CREATE FUNCTION directory.paid_until() RETURNS timestamptz
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    until timestamptz;
BEGIN
    SELECT CASE WHEN p.mode = 'test' THEN 'infinity' ELSE coalesce(u.paid_until, '-infinity') END INTO until
    FROM platform.platforms p
    JOIN platform.projects j ON j.id = p.project_id
    LEFT JOIN platform_usage.paid_until u ON u.developer_id = j.developer_id
    WHERE p.id = dreamapi.platform();
    RETURN until;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The mode of the platform that the transaction has entered.
CREATE FUNCTION directory.mode() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN (SELECT mode FROM platform.platforms WHERE id = dreamapi.platform()); END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- What the platform that the transaction has entered lacks before it may have live keys: plan, connection or tiers;
-- empty when it lacks nothing. A test platform lacks nothing.
CREATE FUNCTION directory.live_lacks() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    here text := dreamapi.platform();
BEGIN
    IF NOT EXISTS (SELECT FROM platform.platforms WHERE id = here AND mode = 'live') THEN
        RETURN '';
    END IF;
    IF directory.paid_until() <= dreamapi.now() THEN
        RETURN 'plan';
    END IF;
    IF NOT EXISTS (SELECT FROM tenant.connections WHERE platform_id = here AND ended_at IS NULL) THEN
        RETURN 'connection';
    END IF;
    IF NOT EXISTS (
        SELECT FROM tenant.tiers t JOIN tenant.prices p ON p.platform_id = t.platform_id AND p.tier = t.name
        WHERE t.platform_id = here AND t.archived_at IS NULL AND p.retired_at IS NULL AND p.stripe_price_id IS NOT NULL)
    THEN
        RETURN 'tiers';
    END IF;
    RETURN '';
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Lists a new key for the platform that the transaction has entered. A live one that lacks something gets none: this is
-- the one way to a key that works, so no page and no call can forget to ask.
CREATE OR REPLACE FUNCTION directory.add_key(key_hash bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    lacking text := directory.live_lacks();
BEGIN
    IF lacking <> '' THEN
        RAISE EXCEPTION 'the live platform lacks: %', lacking
            USING ERRCODE = 'check_violation', CONSTRAINT = 'live_keys_need_' || lacking;
    END IF;
    INSERT INTO directory.keys (hash, platform_id) VALUES (key_hash, dreamapi.platform());
END
$$;
-- +goose StatementEnd

-- The oauth surface carries an attempt from one secret to the next and needs no right on any table.
REVOKE ALL ON tenant.tiers, tenant.tier_limits FROM dreamapi_oauth;
REVOKE ALL ON platform.developers, platform.projects, platform.platforms FROM dreamapi_oauth;
REVOKE USAGE ON SCHEMA platform, tenant FROM dreamapi_oauth;

-- How an account gets connected. Each step has a secret of its own that works once: the ticket goes from the dashboard
-- to the oauth surface, the state (with the cookie) through Stripe and back, the receipt from there to the dashboard,
-- where it counts only in the session that took the ticket: a link that somebody planted connects nothing.
CREATE TABLE directory.connect_attempts (
    id           text PRIMARY KEY,
    platform_id  text NOT NULL REFERENCES platform.platforms (id),
    session_id   text NOT NULL,
    ticket_hash  bytea UNIQUE,
    state_hash   bytea UNIQUE,
    cookie_hash  bytea,
    receipt_hash bytea UNIQUE,
    account      text,
    account_name text,
    charges      boolean,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX ON directory.connect_attempts (expires_at);

-- +goose StatementBegin
CREATE FUNCTION directory.begin_connect(attempt text, session text, ticket bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    INSERT INTO directory.connect_attempts (id, platform_id, session_id, ticket_hash, expires_at)
    VALUES (attempt, dreamapi.platform(), session, ticket, dreamapi.now() + interval '1 minute');
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Spends a ticket for a state and the cookie that belongs to it, and answers the attempt.
CREATE FUNCTION directory.take_ticket(ticket bytea, state bytea, cookie bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    attempt text;
BEGIN
    UPDATE directory.connect_attempts
    SET ticket_hash = NULL, state_hash = state, cookie_hash = cookie, expires_at = dreamapi.now() + interval '10 minutes'
    WHERE ticket_hash = ticket AND dreamapi.now() < expires_at
    RETURNING id INTO attempt;
    RETURN attempt;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Spends a state together with its cookie, and answers the attempt. A wrong cookie spends nothing.
CREATE FUNCTION directory.take_state(state bytea, cookie bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    attempt text;
BEGIN
    UPDATE directory.connect_attempts SET state_hash = NULL, cookie_hash = NULL
    WHERE state_hash = state AND cookie_hash = cookie AND dreamapi.now() < expires_at
    RETURNING id INTO attempt;
    RETURN attempt;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Leaves the account that Stripe named for an attempt whose state was spent, to be fetched with the receipt. From here on
-- the account is let go again if nobody finishes the attempt.
CREATE FUNCTION directory.leave_receipt(attempt text, receipt bytea, acct text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    UPDATE directory.connect_attempts
    SET receipt_hash = receipt, account = acct, expires_at = dreamapi.now() + interval '2 minutes'
    WHERE id = attempt AND ticket_hash IS NULL AND state_hash IS NULL AND receipt_hash IS NULL AND account IS NULL;
    RETURN FOUND;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Adds to a receipt what Stripe says of its account.
CREATE FUNCTION directory.describe_receipt(receipt bytea, acct_name text, acct_charges boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    UPDATE directory.connect_attempts SET account_name = acct_name, charges = acct_charges WHERE receipt_hash = receipt;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Spends a receipt, whoever shows it, and answers what it is for: {platform, account, name, charges, own}. own is
-- whether the session is the one that took the ticket.
CREATE FUNCTION directory.take_receipt(receipt bytea, session text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    found jsonb;
BEGIN
    UPDATE directory.connect_attempts SET receipt_hash = NULL
    WHERE receipt_hash = receipt AND dreamapi.now() < expires_at
    RETURNING jsonb_build_object('platform', platform_id, 'account', account, 'name', coalesce(account_name, ''),
        'charges', coalesce(charges, false),
        'own', session_id = session) INTO found;
    RETURN found;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.sweep_connect_attempts() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN DELETE FROM directory.connect_attempts WHERE expires_at < dreamapi.now() - interval '1 day'; END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Takes an account that agreed to be connected by an attempt that nobody finished; NULL when there is none left.
CREATE FUNCTION directory.take_abandoned_account() RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    taken directory.connect_attempts;
BEGIN
    SELECT * INTO taken FROM directory.connect_attempts
    WHERE account IS NOT NULL AND receipt_hash IS NOT NULL AND expires_at < dreamapi.now()
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    UPDATE directory.connect_attempts SET receipt_hash = NULL WHERE id = taken.id;
    RETURN taken.account;
END
$$;
-- +goose StatementEnd

-- The platforms that an account serves; several, of one developer.
CREATE TABLE directory.accounts (
    account     text NOT NULL,
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    PRIMARY KEY (account, platform_id)
);

-- +goose StatementBegin
-- Lists the account for the platform that the transaction has entered; false when it serves another developer's.
CREATE FUNCTION directory.link_account(acct text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
DECLARE
    here text := dreamapi.platform();
BEGIN
    -- Two who link the account at once take turns.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('stripe account ' || acct, 0));
    IF EXISTS (
        SELECT FROM directory.accounts a
        JOIN platform.platforms p ON p.id = a.platform_id JOIN platform.projects j ON j.id = p.project_id
        WHERE a.account = acct AND j.developer_id <> (
            SELECT mine.developer_id FROM platform.platforms own JOIN platform.projects mine ON mine.id = own.project_id
            WHERE own.id = here))
    THEN
        RETURN false;
    END IF;
    DELETE FROM directory.accounts WHERE platform_id = here;
    INSERT INTO directory.accounts (account, platform_id) VALUES (acct, here);
    RETURN true;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Ends the link of the platform that the transaction has entered, and answers whether any other has the account.
CREATE FUNCTION directory.unlink_account(acct text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    DELETE FROM directory.accounts WHERE account = acct AND platform_id = dreamapi.platform();
    RETURN EXISTS (SELECT FROM directory.accounts WHERE account = acct);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.platforms_of_account(acct text) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    RETURN ARRAY(SELECT platform_id FROM directory.accounts WHERE account = acct ORDER BY platform_id);
END
$$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION directory.mode() TO dreamapi_developer, dreamapi_customer, dreamapi_worker;
GRANT EXECUTE ON FUNCTION directory.paid_until() TO dreamapi_customer;
GRANT EXECUTE ON FUNCTION directory.live_lacks(), directory.begin_connect(text, text, bytea), directory.take_receipt(bytea, text),
    directory.link_account(text), directory.unlink_account(text) TO dreamapi_developer;
GRANT EXECUTE ON FUNCTION directory.take_ticket(bytea, bytea, bytea), directory.take_state(bytea, bytea),
    directory.leave_receipt(text, bytea, text), directory.describe_receipt(bytea, text, boolean) TO dreamapi_oauth;
GRANT EXECUTE ON FUNCTION directory.platforms_of_account(text), directory.unlink_account(text),
    directory.sweep_connect_attempts(), directory.take_abandoned_account() TO dreamapi_worker;
