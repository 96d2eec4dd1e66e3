-- +goose Up
-- Who pays for which tier.

CREATE TABLE billing.subscriptions (
    platform_id text NOT NULL,
    id          text NOT NULL,
    customer_id text NOT NULL,
    tier        text NOT NULL,
    status      text NOT NULL CHECK (status IN
        ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
    grace_until timestamptz,
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, id),
    FOREIGN KEY (platform_id, customer_id) REFERENCES tenant.customers (platform_id, id),
    FOREIGN KEY (platform_id, tier) REFERENCES tenant.tiers (platform_id, name)
);
CREATE INDEX ON billing.subscriptions (platform_id, customer_id);
COMMENT ON COLUMN billing.subscriptions.grace_until IS 'until when a subscription that is past due still counts';

CALL dreamapi.isolate('billing.subscriptions');

-- The subscriptions that decide a customer's plan. It runs with the rights of who asks, so row-level security holds.
CREATE VIEW billing.counting_subscriptions WITH (security_invoker = true) AS
    SELECT platform_id, customer_id, tier, created_at
    FROM billing.subscriptions
    WHERE status IN ('trialing', 'active') OR (status = 'past_due' AND dreamapi.now() < grace_until);

GRANT SELECT ON billing.subscriptions, billing.counting_subscriptions
    TO dreamapi_developer, dreamapi_customer, dreamapi_worker;
GRANT INSERT, UPDATE, DELETE ON billing.subscriptions TO dreamapi_worker;

-- The tier that a customer is on when nothing else says so: the first free one of the price list.
CREATE VIEW tenant.default_tiers WITH (security_invoker = true) AS
    SELECT DISTINCT ON (platform_id) platform_id, name
    FROM tenant.tiers
    WHERE price = 0 AND archived_at IS NULL
    ORDER BY platform_id, position, name;

-- The plan of each customer, and what it follows from. This is the only place with that rule. The plan is NULL for one
-- on the default tier of a platform that has none.
CREATE VIEW tenant.current_plans WITH (security_invoker = true) AS
    SELECT c.platform_id, c.id AS customer_id, c.kind,
        coalesce(s.tier, c.plan, d.name) AS plan,
        CASE WHEN s.tier IS NOT NULL THEN 'subscription'
             WHEN c.plan IS NOT NULL THEN 'assigned'
             ELSE 'default' END AS source
    FROM tenant.customers c
    LEFT JOIN LATERAL (
        SELECT tier FROM billing.counting_subscriptions cs
        WHERE cs.platform_id = c.platform_id AND cs.customer_id = c.id
        ORDER BY cs.created_at DESC LIMIT 1
    ) s ON true
    LEFT JOIN tenant.default_tiers d ON d.platform_id = c.platform_id;

GRANT SELECT ON tenant.default_tiers, tenant.current_plans TO dreamapi_developer, dreamapi_customer, dreamapi_worker;
