-- +goose Up
-- What belongs to one platform: its settings, keys, price list and customers.

CREATE TABLE tenant.settings (
    platform_id     text PRIMARY KEY REFERENCES platform.platforms (id),
    currency        text NOT NULL DEFAULT 'usd' CHECK (currency ~ '^[a-z]{3}$'),
    allowed_origins text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX settings_origins_idx ON tenant.settings USING gin (allowed_origins);

-- A publishable key is public and kept as it is; of a secret key only the SHA-256 is kept.
CREATE TABLE tenant.keys (
    platform_id  text NOT NULL REFERENCES platform.platforms (id),
    id           text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('secret', 'publishable')),
    name         text NOT NULL,
    hash         bytea NOT NULL,
    value        text,
    hint         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT dreamapi.now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (platform_id, id),
    CONSTRAINT keys_hash_key UNIQUE (platform_id, hash),
    CONSTRAINT keys_value_is_public CHECK ((kind = 'publishable') = (value IS NOT NULL))
);

-- The price list. A tier is known by its name, which never changes; an archived one stays for those who are on it.
CREATE TABLE tenant.tiers (
    platform_id     text NOT NULL REFERENCES platform.platforms (id),
    name            text NOT NULL,
    display_name    text NOT NULL,
    price           bigint NOT NULL CHECK (price >= 0),
    interval        text NOT NULL CHECK (interval IN ('month', 'year')),
    features        text[] NOT NULL DEFAULT '{}',
    rate_limit      integer NOT NULL CHECK (rate_limit > 0),
    position        integer NOT NULL,
    stripe_price_id text,
    archived_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, name)
);
COMMENT ON COLUMN tenant.tiers.price IS 'in the minor unit of the platform''s currency';
COMMENT ON COLUMN tenant.tiers.rate_limit IS 'calls a minute for each user';

-- A tier grants what is listed here and nothing else. A NULL max is unlimited.
CREATE TABLE tenant.tier_limits (
    platform_id text NOT NULL,
    tier        text NOT NULL,
    meter       text NOT NULL,
    max         bigint CHECK (max >= 0),
    period      text NOT NULL CHECK (period IN ('minute', 'hour', 'day', 'week', 'month', 'year', 'lifetime')),
    PRIMARY KEY (platform_id, tier, meter),
    FOREIGN KEY (platform_id, tier) REFERENCES tenant.tiers (platform_id, name) ON DELETE CASCADE
);

-- The membership of an end user on a platform, and the authority on it. The id is the user's in the shared Clerk app
-- (kind 'clerk') or the developer's own (kind 'external'); the form of the id proves nothing.
CREATE TABLE tenant.customers (
    platform_id text NOT NULL REFERENCES platform.platforms (id),
    id          text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('clerk', 'external')),
    email       text,
    first_name  text NOT NULL DEFAULT '',
    last_name   text NOT NULL DEFAULT '',
    plan        text,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    updated_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    CONSTRAINT customers_pkey PRIMARY KEY (platform_id, id),
    CONSTRAINT customers_plan_fkey FOREIGN KEY (platform_id, plan) REFERENCES tenant.tiers (platform_id, name),
    CONSTRAINT customers_clerk_has_email CHECK (kind <> 'clerk' OR email IS NOT NULL)
);
COMMENT ON COLUMN tenant.customers.plan IS 'NULL: whatever the default tier is';
CREATE INDEX customers_newest_idx ON tenant.customers (platform_id, created_at DESC, id DESC);
CREATE INDEX customers_email_idx ON tenant.customers (platform_id, lower(email));

-- A customer whose creation has begun and may have reached Clerk, where the new user's external_id is this id.
CREATE TABLE tenant.customer_intents (
    platform_id     text NOT NULL REFERENCES platform.platforms (id),
    id              text NOT NULL,
    email           text NOT NULL,
    first_name      text NOT NULL,
    last_name       text NOT NULL,
    plan            text,
    idempotency_key text,
    tried_at        timestamptz NOT NULL DEFAULT dreamapi.now(),
    CONSTRAINT customer_intents_pkey PRIMARY KEY (platform_id, id),
    CONSTRAINT customer_intents_plan_fkey FOREIGN KEY (platform_id, plan) REFERENCES tenant.tiers (platform_id, name)
);

-- Events of the shared Clerk app, as received: they come before their platform is known, and are the worker's alone.
CREATE TABLE tenant.clerk_events (
    id           text PRIMARY KEY,
    type         text NOT NULL,
    user_id      text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    processed_at timestamptz
);

CALL dreamapi.isolate('tenant.settings');
CALL dreamapi.isolate('tenant.keys');
CALL dreamapi.isolate('tenant.tiers');
CALL dreamapi.isolate('tenant.tier_limits');
CALL dreamapi.isolate('tenant.customers');
CALL dreamapi.isolate('tenant.customer_intents');

GRANT SELECT, INSERT, UPDATE ON tenant.settings, tenant.keys TO dreamapi_developer;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.tiers, tenant.tier_limits TO dreamapi_developer, dreamapi_oauth;
GRANT SELECT ON tenant.settings, tenant.keys, tenant.tiers, tenant.tier_limits TO dreamapi_customer, dreamapi_worker;
GRANT UPDATE (last_used_at) ON tenant.keys TO dreamapi_customer;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.customers, tenant.customer_intents TO dreamapi_customer, dreamapi_worker;
GRANT SELECT ON tenant.customers TO dreamapi_developer;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.clerk_events TO dreamapi_worker;
