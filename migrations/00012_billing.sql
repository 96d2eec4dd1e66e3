-- +goose Up
-- The customers' money. An account of '' is our own, in test mode: where previews are paid.

-- Whose Stripe customer is whose. The row outlives the customer, so that a payment that comes too late is known for what it is.
CREATE TABLE billing.customers (
    platform_id        text NOT NULL,
    account            text NOT NULL,
    customer_id        text NOT NULL,
    stripe_customer_id text,
    subscribed_at      timestamptz,
    gone_at            timestamptz,
    PRIMARY KEY (platform_id, account, customer_id)
);
COMMENT ON COLUMN billing.customers.subscribed_at IS 'when the first subscription was seen: a trial is for those who never had one';
CREATE UNIQUE INDEX customers_stripe_key ON billing.customers (platform_id, stripe_customer_id);

-- A checkout: the intent before Stripe is asked, then the session that it became. Who has a subscription already is sent to
-- have a change of it confirmed instead; there the session is ours, and stands for the way back.
CREATE TABLE billing.checkouts (
    platform_id     text NOT NULL,
    id              text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('subscribe', 'change')),
    account         text NOT NULL,
    customer_id     text NOT NULL,
    tier            text NOT NULL,
    price_id        text NOT NULL,
    trial_days      integer NOT NULL,
    success_url     text NOT NULL,
    cancel_url      text NOT NULL,
    session_id      text,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'open', 'complete', 'expired', 'failed')),
    created_at      timestamptz NOT NULL DEFAULT dreamapi.now(),
    checked_at      timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, id),
    FOREIGN KEY (platform_id, price_id, tier) REFERENCES tenant.prices (platform_id, id, tier),
    CONSTRAINT an_open_checkout_has_a_session CHECK (status IN ('pending', 'failed') OR session_id IS NOT NULL)
);
CREATE UNIQUE INDEX checkouts_session_key ON billing.checkouts (platform_id, session_id);
CREATE INDEX checkouts_customer_idx ON billing.checkouts (platform_id, customer_id);
CREATE INDEX checkouts_undecided_idx ON billing.checkouts (platform_id, checked_at) WHERE status IN ('pending', 'open');

ALTER TABLE billing.subscriptions
    ALTER COLUMN tier DROP NOT NULL,
    ADD COLUMN account              text NOT NULL DEFAULT '',
    ADD COLUMN stripe_customer_id   text NOT NULL DEFAULT '',
    ADD COLUMN price_id             text,
    ADD COLUMN stripe_price_id      text NOT NULL DEFAULT '',
    ADD COLUMN interval             text,
    ADD COLUMN interval_count       integer NOT NULL DEFAULT 1,
    ADD COLUMN amount               bigint NOT NULL DEFAULT 0,
    ADD COLUMN quantity             bigint NOT NULL DEFAULT 1,
    ADD COLUMN currency             text NOT NULL DEFAULT 'usd',
    ADD COLUMN percent_off          numeric,
    ADD COLUMN amount_off           bigint,
    ADD COLUMN current_period_start timestamptz,
    ADD COLUMN current_period_end   timestamptz,
    ADD COLUMN trial_end            timestamptz,
    ADD COLUMN cancel_at            timestamptz,
    ADD COLUMN ended_at             timestamptz,
    ADD COLUMN next_price_id        text,
    ADD COLUMN fetched_at           timestamptz NOT NULL DEFAULT dreamapi.now(),
    ADD CONSTRAINT subscriptions_price_fkey FOREIGN KEY (platform_id, price_id, tier) REFERENCES tenant.prices (platform_id, id, tier);
COMMENT ON COLUMN billing.subscriptions.tier IS 'NULL: its price is none of this platform''s';
COMMENT ON COLUMN billing.subscriptions.amount IS 'of one unit a billing interval, in the minor unit, before discounts';
COMMENT ON COLUMN billing.subscriptions.next_price_id IS 'to which it changes at the end of the period';
CREATE INDEX subscriptions_unseen_idx ON billing.subscriptions (platform_id, fetched_at) WHERE ended_at IS NULL;

CREATE OR REPLACE VIEW billing.counting_subscriptions WITH (security_invoker = true) AS
    SELECT platform_id, customer_id, tier, created_at
    FROM billing.subscriptions
    WHERE tier IS NOT NULL
        AND (status IN ('trialing', 'active') OR (status = 'past_due' AND dreamapi.now() < grace_until));

-- Who looks at an object of Stripe's takes the next number, and what was seen is kept only if no later look has been kept.
CREATE TABLE billing.looks (
    platform_id text NOT NULL,
    object_id   text NOT NULL,
    taken       bigint NOT NULL,
    kept        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (platform_id, object_id)
);

-- What must be ended at Stripe, though we know it no longer: subscriptions and open sessions of customers who were deleted, and
-- subscriptions paid twice.
CREATE TABLE billing.endings (
    platform_id text NOT NULL,
    object_id   text NOT NULL,
    account     text NOT NULL,
    refund      boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    checked_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    done_at     timestamptz,
    PRIMARY KEY (platform_id, object_id)
);

-- The configuration of the billing portal that each platform has at Stripe, and the price list that it shows.
CREATE TABLE billing.portals (
    platform_id      text NOT NULL,
    account          text NOT NULL,
    configuration_id text NOT NULL,
    shows            bytea NOT NULL,
    PRIMARY KEY (platform_id, account)
);

-- What the reconciliation found and put right.
CREATE TABLE billing.repairs (
    platform_id text NOT NULL,
    id          text NOT NULL,
    object_id   text NOT NULL,
    customer_id text NOT NULL DEFAULT '',
    was         jsonb,
    became      jsonb,
    repaired_at timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, id)
);

-- Events as received from Stripe, before their platform is known: the worker's alone. An endpoint is own, preview or connect.
CREATE TABLE billing.events (
    endpoint     text NOT NULL CHECK (endpoint IN ('own', 'preview', 'connect')),
    id           text NOT NULL,
    type         text NOT NULL,
    account      text NOT NULL,
    object_id    text NOT NULL,
    customer     text NOT NULL,
    subscription text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    processed_at timestamptz,
    PRIMARY KEY (endpoint, id)
);
CREATE INDEX ON billing.events (processed_at);
CREATE INDEX events_left_idx ON billing.events (received_at) WHERE processed_at IS NULL;

CREATE TABLE directory.stripe_customers (
    account            text NOT NULL,
    stripe_customer_id text NOT NULL,
    platform_id        text NOT NULL REFERENCES platform.platforms (id),
    PRIMARY KEY (account, stripe_customer_id)
);

-- +goose StatementBegin
CREATE FUNCTION directory.add_stripe_customer(acct text, customer text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    INSERT INTO directory.stripe_customers (account, stripe_customer_id, platform_id) VALUES (acct, customer, dreamapi.platform())
        ON CONFLICT DO NOTHING;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.platform_of_stripe_customer(acct text, customer text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    RETURN (SELECT platform_id FROM directory.stripe_customers WHERE account = acct AND stripe_customer_id = customer);
END
$$;
-- +goose StatementEnd

CREATE TABLE directory.checkout_sessions (
    session_id  text PRIMARY KEY,
    platform_id text NOT NULL REFERENCES platform.platforms (id)
);

-- +goose StatementBegin
CREATE FUNCTION directory.add_checkout_session(session text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    INSERT INTO directory.checkout_sessions (session_id, platform_id) VALUES (session, dreamapi.platform()) ON CONFLICT DO NOTHING;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION directory.platform_of_checkout_session(session text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN (SELECT platform_id FROM directory.checkout_sessions WHERE session_id = session); END $$;
-- +goose StatementEnd

CALL dreamapi.isolate('billing.customers');
CALL dreamapi.isolate('billing.checkouts');
CALL dreamapi.isolate('billing.looks');
CALL dreamapi.isolate('billing.endings');
CALL dreamapi.isolate('billing.portals');
CALL dreamapi.isolate('billing.repairs');

GRANT SELECT, INSERT, UPDATE ON billing.customers, billing.checkouts, billing.portals TO dreamapi_customer;
GRANT SELECT, UPDATE ON billing.customers, billing.checkouts TO dreamapi_worker;
GRANT SELECT, INSERT, UPDATE ON billing.looks TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, INSERT ON billing.endings TO dreamapi_customer, dreamapi_developer;
GRANT SELECT, INSERT, UPDATE ON billing.endings TO dreamapi_worker;
GRANT INSERT, UPDATE, DELETE ON billing.subscriptions TO dreamapi_customer;
GRANT DELETE ON billing.checkouts TO dreamapi_customer, dreamapi_worker;
GRANT SELECT ON billing.checkouts, billing.repairs TO dreamapi_developer;
GRANT SELECT, INSERT ON billing.repairs TO dreamapi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON billing.events TO dreamapi_worker;
GRANT EXECUTE ON FUNCTION directory.add_stripe_customer(text, text), directory.add_checkout_session(text) TO dreamapi_customer;
GRANT EXECUTE ON FUNCTION directory.platform_of_checkout_session(text) TO dreamapi_customer, dreamapi_worker;
GRANT EXECUTE ON FUNCTION directory.platform_of_stripe_customer(text, text) TO dreamapi_worker;

-- The dashboard has jobs done too.
GRANT SELECT, INSERT, UPDATE ON river.river_job TO dreamapi_developer;
GRANT USAGE ON SEQUENCE river.river_job_id_seq TO dreamapi_developer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA river TO dreamapi_developer;

-- The dashboard shows what customers use.
GRANT USAGE ON SCHEMA tenant_usage TO dreamapi_developer;
GRANT SELECT ON tenant_usage.counters, tenant_usage.rate_windows TO dreamapi_developer;
