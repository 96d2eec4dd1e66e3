-- +goose Up
-- The events that came in about a platform, as its developer sees them. What an event is worked by stays the worker's alone, in
-- billing.events and tenant.clerk_events: those come before their platform is known. The payload is one from which secrets, card
-- details and what tells of a person are taken out before it is kept.
CREATE TABLE tenant.events (
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    id          text NOT NULL,
    source      text NOT NULL CHECK (source IN ('stripe', 'clerk')),
    endpoint    text NOT NULL,
    type        text NOT NULL,
    object_id   text NOT NULL DEFAULT '',
    customer_id text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'processed', 'failed', 'ignored')),
    attempts    integer NOT NULL DEFAULT 0,
    problem     text,
    took_ms     integer,
    payload     jsonb,
    received_at timestamptz NOT NULL DEFAULT dreamapi.now(),
    tried_at    timestamptz,
    PRIMARY KEY (platform_id, id)
);
COMMENT ON COLUMN tenant.events.id IS 'the sender''s: evt_… of Stripe, msg_… of Clerk';
COMMENT ON COLUMN tenant.events.customer_id IS 'empty: it is about none, or the customer was deleted';
COMMENT ON COLUMN tenant.events.problem IS 'a code: why it failed, or why nothing was to be done';
COMMENT ON COLUMN tenant.events.took_ms IS 'the last attempt';
CREATE INDEX events_newest_idx ON tenant.events (platform_id, received_at DESC, id DESC);
CREATE INDEX events_type_idx ON tenant.events (platform_id, type, received_at DESC, id DESC);
CREATE INDEX events_state_idx ON tenant.events (platform_id, state, received_at DESC, id DESC);
CREATE INDEX events_customer_idx ON tenant.events (platform_id, customer_id) WHERE customer_id <> '';

CALL dreamapi.isolate('tenant.events');
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.events TO dreamapi_worker;
GRANT SELECT, UPDATE (state) ON tenant.events TO dreamapi_developer;
GRANT SELECT (platform_id, customer_id), UPDATE (customer_id, object_id, payload) ON tenant.events TO dreamapi_customer;

-- What was received before has no payload any more.
INSERT INTO tenant.events (platform_id, id, source, endpoint, type, object_id, state, received_at, tried_at)
    SELECT c.platform_id, e.id, 'stripe', e.endpoint, e.type, e.object_id,
        CASE WHEN e.processed_at IS NULL THEN 'waiting' ELSE 'processed' END, e.received_at, e.processed_at
    FROM billing.events e
    JOIN directory.stripe_customers c ON c.account = e.account AND c.stripe_customer_id = e.customer
    WHERE e.endpoint <> 'own' AND e.customer <> '';
