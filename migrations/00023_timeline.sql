-- +goose Up
-- What happened to a customer, as it happened. Lines are added and never changed; they go with the customer, and with the rest
-- of the history when they are old. What is told of twice has an id that follows from it, and so is written once.
CREATE TABLE tenant.timeline (
    platform_id text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL DEFAULT dreamapi.now(),
    kind        text NOT NULL CHECK (kind IN ('created', 'deleted', 'plan_changed', 'limit_reached', 'payment_succeeded',
        'payment_failed', 'subscription_changed', 'stripe_event', 'sessions_ended')),
    via         text NOT NULL DEFAULT '',
    detail      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (platform_id, id)
);
COMMENT ON COLUMN tenant.timeline.customer_id IS 'empty for a deletion, which is all that is left of a customer';
COMMENT ON COLUMN tenant.timeline.via IS 'by what it came about: api, dashboard, developer_api, sign_up, invitation, checkout, subscription, grace_over, …';
CREATE INDEX timeline_customer_idx ON tenant.timeline (platform_id, customer_id, at DESC, id DESC);
CREATE INDEX timeline_latest_idx ON tenant.timeline (platform_id, at DESC, id DESC);
CALL dreamapi.isolate('tenant.timeline');
GRANT SELECT, INSERT, DELETE ON tenant.timeline TO dreamapi_customer, dreamapi_worker;
GRANT SELECT ON tenant.timeline TO dreamapi_developer;

INSERT INTO tenant.timeline (platform_id, id, customer_id, at, kind)
    SELECT platform_id, 'created ' || id, id, created_at, 'created' FROM tenant.customers;

-- Units granted and given back are shown there too.
CREATE INDEX adjustments_when_idx ON tenant_usage.adjustments (platform_id, user_id, created_at DESC, id DESC);
