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
    asked_at    timestamptz NOT NULL DEFAULT dreamapi.now(),
    tried_at    timestamptz,
    PRIMARY KEY (platform_id, id)
);
COMMENT ON COLUMN tenant.events.id IS 'the sender''s: evt_… of Stripe, msg_… of Clerk';
COMMENT ON COLUMN tenant.events.customer_id IS 'empty: it is about none, or the customer was deleted';
COMMENT ON COLUMN tenant.events.problem IS 'a code: why it failed, or why nothing was to be done';
COMMENT ON COLUMN tenant.events.took_ms IS 'the last attempt';
COMMENT ON COLUMN tenant.events.asked_at IS 'since when there is a job for it: it came in, or is to be worked again';
CREATE INDEX events_newest_idx ON tenant.events (platform_id, received_at DESC, id DESC);
CREATE INDEX events_type_idx ON tenant.events (platform_id, type, received_at DESC, id DESC);
CREATE INDEX events_state_idx ON tenant.events (platform_id, state, received_at DESC, id DESC);
CREATE INDEX events_customer_idx ON tenant.events (platform_id, customer_id) WHERE customer_id <> '';

CALL dreamapi.isolate('tenant.events');
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.events TO dreamapi_worker;
GRANT SELECT, UPDATE (state, asked_at) ON tenant.events TO dreamapi_developer;
GRANT SELECT (platform_id, customer_id), UPDATE (customer_id, object_id, payload) ON tenant.events TO dreamapi_customer;

-- Where an event is shown is known from when it comes in: what follows from it may end what it is about before it is worked.
ALTER TABLE billing.events ADD COLUMN shown text[] NOT NULL DEFAULT '{}';
ALTER TABLE tenant.clerk_events ADD COLUMN shown text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN billing.events.shown IS 'the platforms that have it in tenant.events';
COMMENT ON COLUMN tenant.clerk_events.shown IS 'the platforms that have it in tenant.events';

-- What was received before has no payload any more.
INSERT INTO tenant.events (platform_id, id, source, endpoint, type, object_id, customer_id, state, received_at, asked_at, tried_at)
    SELECT d.platform_id, e.id, 'stripe', e.endpoint, e.type,
        CASE WHEN c.gone_at IS NULL THEN e.object_id ELSE '' END, CASE WHEN c.gone_at IS NULL THEN c.customer_id ELSE '' END,
        CASE WHEN e.processed_at IS NULL THEN 'waiting' ELSE 'processed' END, e.received_at, e.received_at, e.processed_at
    FROM billing.events e
    JOIN directory.stripe_customers d ON d.account = e.account AND d.stripe_customer_id = e.customer
    JOIN billing.customers c ON c.platform_id = d.platform_id AND c.account = e.account AND c.stripe_customer_id = e.customer
    WHERE e.endpoint <> 'own' AND e.customer <> '';
UPDATE billing.events e SET shown = ARRAY[t.platform_id] FROM tenant.events t WHERE t.endpoint = e.endpoint AND t.id = e.id;
