-- +goose Up
-- Metering in batches: all that is counted of a user is one row, and what a process remembers of keys, tiers and plans
-- is fenced by epochs.

-- The clock as a view: a statement that runs very often has it planned along, where a call of the function is planned anew
-- each time.
CREATE VIEW dreamapi.present WITH (security_invoker = true) AS
    SELECT pg_catalog.now() + ahead AS now FROM dreamapi.clock;
GRANT SELECT ON dreamapi.present TO dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker;

CREATE OR REPLACE FUNCTION dreamapi.now() RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = ''
    AS $$ SELECT now FROM dreamapi.present $$;

CREATE SEQUENCE tenant.epochs;
GRANT USAGE ON SEQUENCE tenant.epochs TO dreamapi_developer, dreamapi_customer, dreamapi_worker;

ALTER TABLE tenant.settings
    ADD COLUMN epoch      bigint NOT NULL DEFAULT nextval('tenant.epochs'),
    ADD COLUMN rate_limit integer CHECK (rate_limit > 0);
COMMENT ON COLUMN tenant.settings.epoch IS
    'another number after each change of what the platform''s calls are judged by: its keys, tiers, settings, suspension';
COMMENT ON COLUMN tenant.settings.rate_limit IS 'calls a minute for all users together; NULL: as many as they like';
GRANT UPDATE (epoch) ON tenant.settings TO dreamapi_worker;

ALTER TABLE tenant.tier_limits
    ADD COLUMN anchor text NOT NULL DEFAULT 'calendar' CHECK (anchor IN ('calendar', 'customer', 'subscription'));
COMMENT ON COLUMN tenant.tier_limits.anchor IS 'from where periods are counted: the UTC calendar, the customer''s start, or the subscription''s';

DROP TABLE tenant_usage.counters;
DROP TABLE tenant_usage.rate_windows;
DROP FUNCTION dreamapi.period_start(text, timestamptz);
DROP FUNCTION dreamapi.period_end(text, timestamptz);

-- What is counted of a user is one row, because a row is one look-up, one lock and one write, whichever meter a call
-- counts on. Its counters are parallel arrays. No index on a column that changes, and room in each page: an increment
-- stays a heap-only update.
CREATE TABLE tenant_usage.users (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    epoch       bigint NOT NULL DEFAULT 0,
    settled     bigint NOT NULL DEFAULT -1,
    minute      timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    calls       integer NOT NULL DEFAULT 0,
    day         date NOT NULL DEFAULT '0001-01-01',
    slots       text[] NOT NULL DEFAULT '{}',
    starts      timestamptz[] NOT NULL DEFAULT '{}',
    ends        timestamptz[] NOT NULL DEFAULT '{}',
    counts      bigint[] NOT NULL DEFAULT '{}',
    extras      bigint[] NOT NULL DEFAULT '{}',
    kept        bigint[] NOT NULL DEFAULT '{}',
    today       bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (platform_id, user_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN tenant_usage.users.epoch IS 'another number after each change of what decides the user''s plan';
COMMENT ON COLUMN tenant_usage.users.settled IS 'the epoch for which the periods of the slots were worked out';
COMMENT ON COLUMN tenant_usage.users.calls IS 'how many there were in that minute, refused ones too';
COMMENT ON COLUMN tenant_usage.users.slots IS 'of each counter: the meter and the kind of its period';
COMMENT ON COLUMN tenant_usage.users.extras IS 'units granted beyond the limit, for this period';
COMMENT ON COLUMN tenant_usage.users.kept IS 'units granted beyond the limit, until they are used';
COMMENT ON COLUMN tenant_usage.users.today IS 'what was counted on that day, which goes to days when the next begins';

-- How much each user used of a meter on each day (UTC) that is over; the present one is in users.
CREATE TABLE tenant_usage.days (
    platform_id text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    day         date NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (platform_id, user_id, meter, day)
);

-- How much a platform's users used of a meter in each hour (UTC), by the plan that they were on.
CREATE TABLE tenant_usage.hours (
    platform_id text COLLATE "C" NOT NULL,
    hour        timestamptz NOT NULL,
    meter       text COLLATE "C" NOT NULL,
    plan        text COLLATE "C" NOT NULL,
    count       bigint NOT NULL,
    PRIMARY KEY (platform_id, hour, meter, plan)
);

-- What each commit counted, until it is added to hours: one row a commit, of many platforms, so that history costs the
-- counting next to nothing. A surface can write it and not read it.
CREATE TABLE tenant_usage.journal (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    platforms text[] NOT NULL,
    meters    text[] NOT NULL,
    plans     text[] NOT NULL,
    counts    bigint[] NOT NULL
);

-- All calls of a platform that has a limit for them together.
CREATE TABLE tenant_usage.platforms (
    platform_id text COLLATE "C" PRIMARY KEY,
    minute      timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    calls       integer NOT NULL DEFAULT 0,
    month       timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    tracked     bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN tenant_usage.platforms.tracked IS 'calls in that month';

-- The first answer to each idempotency key of a tracked call. The id is a hash of route, user and key, and the
-- fingerprint one of the body.
CREATE TABLE tenant_usage.receipts (
    platform_id text COLLATE "C" NOT NULL,
    id          uuid NOT NULL,
    fingerprint uuid NOT NULL,
    refused     boolean NOT NULL,
    count       bigint NOT NULL,
    max         bigint,
    extra       bigint NOT NULL,
    plan        text NOT NULL,
    slot        text NOT NULL,
    starts      timestamptz NOT NULL,
    ends        timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (platform_id, id)
);
CREATE INDEX receipts_age_idx ON tenant_usage.receipts USING brin (created_at);

-- Units given back, and units granted beyond a limit.
CREATE TABLE tenant_usage.adjustments (
    platform_id text COLLATE "C" NOT NULL,
    id          text NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    meter       text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('return', 'grant')),
    quantity    bigint NOT NULL CHECK (quantity > 0),
    expires     text CHECK (expires IN ('period', 'used')),
    reason      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT dreamapi.now(),
    PRIMARY KEY (platform_id, id),
    CONSTRAINT a_grant_says_when_it_ends CHECK ((kind = 'grant') = (expires IS NOT NULL))
);
CREATE INDEX adjustments_user_idx ON tenant_usage.adjustments (platform_id, user_id, id);

CALL dreamapi.isolate('tenant_usage.users');
CALL dreamapi.isolate('tenant_usage.days');
CALL dreamapi.isolate('tenant_usage.hours');
CALL dreamapi.isolate('tenant_usage.platforms');
CALL dreamapi.isolate('tenant_usage.receipts');
CALL dreamapi.isolate('tenant_usage.adjustments');

GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.users, tenant_usage.days TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, INSERT, UPDATE ON tenant_usage.platforms TO dreamapi_customer;
GRANT SELECT, INSERT ON tenant_usage.receipts, tenant_usage.adjustments TO dreamapi_customer;
GRANT DELETE ON tenant_usage.adjustments TO dreamapi_customer, dreamapi_worker;
GRANT SELECT, DELETE ON tenant_usage.receipts TO dreamapi_worker;
GRANT SELECT ON tenant_usage.adjustments TO dreamapi_worker;
GRANT INSERT ON tenant_usage.journal TO dreamapi_customer;
GRANT SELECT, DELETE ON tenant_usage.journal TO dreamapi_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_usage.hours TO dreamapi_worker;
GRANT SELECT ON tenant_usage.users, tenant_usage.days, tenant_usage.hours, tenant_usage.adjustments TO dreamapi_developer;

-- +goose StatementBegin
-- To be called, in the same transaction, by whatever changes what the platform's calls are judged by. A call that was
-- judged by what a process remembers from before is judged again.
CREATE FUNCTION tenant.platform_changed(platform text) RETURNS void
    LANGUAGE sql SET search_path = ''
    AS $$ UPDATE tenant.settings SET epoch = nextval('tenant.epochs') WHERE platform_id = platform $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Likewise by whatever changes what decides the plan of one user.
CREATE FUNCTION tenant.user_changed(platform text, usr text) RETURNS void
    LANGUAGE sql SET search_path = ''
    AS $$
    INSERT INTO tenant_usage.users (platform_id, user_id, epoch) VALUES (platform, usr, nextval('tenant.epochs'))
    ON CONFLICT (platform_id, user_id) DO UPDATE SET epoch = excluded.epoch
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The number of a user's last change; 0 where there was none.
CREATE FUNCTION tenant.user_epoch(platform text, usr text) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = ''
    AS $$ SELECT coalesce((SELECT epoch FROM tenant_usage.users WHERE platform_id = platform AND user_id = usr), 0) $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Likewise by whatever changes until when a developer's platforms are paid for.
CREATE FUNCTION directory.developer_changed(developer text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$
BEGIN
    UPDATE tenant.settings s SET epoch = nextval('tenant.epochs')
    FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id
    WHERE s.platform_id = p.id AND j.developer_id = developer AND p.mode = 'live';
END
$$;
-- +goose StatementEnd

GRANT EXECUTE ON FUNCTION tenant.platform_changed(text) TO dreamapi_developer, dreamapi_worker;
GRANT EXECUTE ON FUNCTION tenant.user_changed(text, text), tenant.user_epoch(text, text) TO dreamapi_customer, dreamapi_worker;
GRANT EXECUTE ON FUNCTION directory.developer_changed(text) TO dreamapi_developer, dreamapi_worker;

-- What decides a user's plan, and until when it does if nothing else happens.
CREATE OR REPLACE VIEW billing.counting_subscriptions WITH (security_invoker = true) AS
    SELECT platform_id, customer_id, tier, created_at, current_period_start, current_period_end, interval, interval_count,
        CASE WHEN status = 'past_due' THEN grace_until END AS grace_until
    FROM billing.subscriptions
    WHERE tier IS NOT NULL
        AND (status IN ('trialing', 'active') OR (status = 'past_due' AND dreamapi.now() < grace_until));

CREATE OR REPLACE VIEW tenant.current_plans WITH (security_invoker = true) AS
    SELECT c.platform_id, c.id AS customer_id, c.kind,
        coalesce(s.tier, c.plan, d.name) AS plan,
        CASE WHEN s.tier IS NOT NULL THEN 'subscription'
             WHEN c.plan IS NOT NULL THEN 'assigned'
             ELSE 'default' END AS source,
        c.created_at AS since, s.current_period_start, s.current_period_end, s.interval, s.interval_count, s.grace_until
    FROM tenant.customers c
    LEFT JOIN LATERAL (
        SELECT * FROM billing.counting_subscriptions cs
        WHERE cs.platform_id = c.platform_id AND cs.customer_id = c.id
        ORDER BY cs.created_at DESC LIMIT 1
    ) s ON true
    LEFT JOIN tenant.default_tiers d ON d.platform_id = c.platform_id;

-- Who is a customer already has changed once.
INSERT INTO tenant_usage.users (platform_id, user_id, epoch) SELECT platform_id, id, nextval('tenant.epochs') FROM tenant.customers;
