-- +goose Up
-- A tier may have a price a month and a price a year. A price is never changed, as at Stripe: a new one takes its place,
-- and who subscribed to the old one stays on it.

CREATE TABLE tenant.prices (
    platform_id     text NOT NULL,
    id              text NOT NULL,
    tier            text NOT NULL,
    interval        text NOT NULL CHECK (interval IN ('month', 'year')),
    amount          bigint NOT NULL CHECK (amount >= 0),
    currency        text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    stripe_price_id text,
    created_at      timestamptz NOT NULL DEFAULT dreamapi.now(),
    retired_at      timestamptz,
    withdrawn       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (platform_id, id),
    CONSTRAINT prices_tier_fkey FOREIGN KEY (platform_id, tier) REFERENCES tenant.tiers (platform_id, name),
    CONSTRAINT prices_belong_to_their_tier UNIQUE (platform_id, id, tier)
);
COMMENT ON COLUMN tenant.prices.amount IS 'in the minor unit of the currency';
COMMENT ON COLUMN tenant.prices.stripe_price_id IS 'NULL until Stripe has it';
COMMENT ON COLUMN tenant.prices.withdrawn IS 'Stripe knows that it is retired';
CREATE UNIQUE INDEX prices_current_key ON tenant.prices (platform_id, tier, interval) WHERE retired_at IS NULL;
CREATE UNIQUE INDEX prices_stripe_key ON tenant.prices (platform_id, stripe_price_id);

CALL dreamapi.isolate('tenant.prices');
GRANT SELECT, INSERT, UPDATE ON tenant.prices TO dreamapi_developer;
GRANT SELECT ON tenant.prices TO dreamapi_customer, dreamapi_worker;
GRANT UPDATE (stripe_price_id, withdrawn) ON tenant.prices TO dreamapi_worker;

INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency, created_at)
SELECT t.platform_id, 'prc_' || replace(gen_random_uuid()::text, '-', ''), t.name, t.interval, t.price, s.currency, t.created_at
FROM tenant.tiers t JOIN tenant.settings s ON s.platform_id = t.platform_id;

-- The tier that a customer is on when nothing else says so: the first free one of the price list.
CREATE OR REPLACE VIEW tenant.default_tiers WITH (security_invoker = true) AS
    SELECT DISTINCT ON (t.platform_id) t.platform_id, t.name
    FROM tenant.tiers t
    WHERE t.archived_at IS NULL AND EXISTS (
        SELECT FROM tenant.prices p
        WHERE p.platform_id = t.platform_id AND p.tier = t.name AND p.retired_at IS NULL AND p.amount = 0)
    ORDER BY t.platform_id, t.position, t.name;

-- published counts up to version as Stripe gets to know of what was changed.
ALTER TABLE tenant.tiers
    DROP COLUMN price,
    DROP COLUMN interval,
    DROP COLUMN stripe_price_id,
    ADD COLUMN trial_days        integer NOT NULL DEFAULT 0 CHECK (trial_days BETWEEN 0 AND 730),
    ADD COLUMN stripe_product_id text,
    ADD COLUMN version           bigint NOT NULL DEFAULT 1,
    ADD COLUMN published         bigint NOT NULL DEFAULT 0,
    ADD COLUMN unpublished_because text;
COMMENT ON COLUMN tenant.tiers.stripe_product_id IS 'NULL until Stripe has it';
CREATE UNIQUE INDEX tiers_product_key ON tenant.tiers (platform_id, stripe_product_id);
GRANT UPDATE (stripe_product_id, published, unpublished_because) ON tenant.tiers TO dreamapi_worker;

-- The connected Stripe account of a live platform: the present one, or the last.
CREATE TABLE tenant.connections (
    platform_id     text PRIMARY KEY REFERENCES platform.platforms (id),
    account         text NOT NULL,
    name            text NOT NULL DEFAULT '',
    charges_enabled boolean NOT NULL DEFAULT false,
    checked_at      timestamptz NOT NULL DEFAULT dreamapi.now(),
    connected_at    timestamptz NOT NULL DEFAULT dreamapi.now(),
    ended_at        timestamptz,
    end_reason      text CHECK (end_reason IN ('disconnected', 'deauthorized')),
    CONSTRAINT an_end_has_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CALL dreamapi.isolate('tenant.connections');
GRANT SELECT, INSERT, UPDATE ON tenant.connections TO dreamapi_developer;
GRANT SELECT ON tenant.connections TO dreamapi_customer, dreamapi_worker;
GRANT UPDATE ON tenant.connections TO dreamapi_worker;
