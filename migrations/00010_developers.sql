-- +goose Up
-- Developers in a browser: their sessions, and the plan that they pay us for.

ALTER TABLE platform.developers ADD COLUMN deleted_at timestamptz;

-- A session of the dashboard. Only the SHA-256 of the cookie is kept.
CREATE TABLE platform.sessions (
    hash             bytea PRIMARY KEY,
    id               text NOT NULL CONSTRAINT sessions_id_key UNIQUE,
    developer_id     text NOT NULL REFERENCES platform.developers (id),
    clerk_session_id text NOT NULL,
    user_agent       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT dreamapi.now(),
    seen_at          timestamptz NOT NULL DEFAULT dreamapi.now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE INDEX ON platform.sessions (developer_id) WHERE ended_at IS NULL;
CREATE INDEX ON platform.sessions (clerk_session_id) WHERE ended_at IS NULL;

-- Events of the developers' Clerk app, as received: the worker's alone.
CREATE TABLE platform.clerk_events (
    id           text PRIMARY KEY,
    type         text NOT NULL,
    user_id      text NOT NULL,
    session_id   text NOT NULL DEFAULT '',
    received_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    processed_at timestamptz
);

-- What a developer pays us for, as our own Stripe says. Where there is no row, nothing was ever paid.
CREATE TABLE platform_usage.plans (
    developer_id           text PRIMARY KEY REFERENCES platform.developers (id),
    stripe_customer_id     text CONSTRAINT plans_stripe_customer_key UNIQUE,
    stripe_subscription_id text,
    status                 text NOT NULL DEFAULT 'none',
    current_period_end     timestamptz,
    cancel_at              timestamptz,
    grace_until            timestamptz,
    taken                  bigint NOT NULL DEFAULT 0,
    written                bigint NOT NULL DEFAULT 0,
    fetched_at             timestamptz
);
COMMENT ON COLUMN platform_usage.plans.status IS 'of the subscription, in Stripe''s words; none before the first';
COMMENT ON COLUMN platform_usage.plans.grace_until IS 'until when a plan that is past due or has ended still counts';
COMMENT ON COLUMN platform_usage.plans.taken IS 'how many looks at Stripe have begun; written is the number of the one that was kept last';

-- A calendar month of UTC for each row.
CREATE TABLE platform_usage.counts (
    developer_id text NOT NULL REFERENCES platform.developers (id),
    month        date NOT NULL,
    count        bigint NOT NULL CHECK (count >= 0),
    PRIMARY KEY (developer_id, month)
);

-- Until when a developer's plan counts. This is the only place with that rule.
CREATE VIEW platform_usage.paid_until WITH (security_invoker = true) AS
    SELECT developer_id,
        CASE WHEN status IN ('active', 'trialing') THEN 'infinity'::timestamptz
             ELSE coalesce(grace_until, '-infinity'::timestamptz) END AS paid_until
    FROM platform_usage.plans;

GRANT SELECT, INSERT, UPDATE ON platform.sessions TO dreamapi_developer;
GRANT SELECT, UPDATE ON platform.sessions, platform.developers, platform.developer_tokens TO dreamapi_worker;
GRANT DELETE ON platform.sessions TO dreamapi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform.clerk_events TO dreamapi_worker;
GRANT USAGE ON SCHEMA platform_usage TO dreamapi_worker;
GRANT SELECT, INSERT, UPDATE ON platform_usage.plans, platform_usage.counts TO dreamapi_developer;
GRANT SELECT, UPDATE ON platform_usage.plans TO dreamapi_worker;
GRANT SELECT ON platform_usage.paid_until TO dreamapi_developer, dreamapi_worker;
