-- +goose Up
-- Monthly recurring revenue, and how it came about. What a subscription was worth on a day is written down on that day, so
-- that the past does not change when a price does.

-- Yearly prices count a twelfth, trials nothing, and a payment that is late as long as the subscription lives; discounts
-- are taken off. It is rounded to the minor unit once.
ALTER TABLE billing.subscriptions ADD COLUMN monthly bigint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN tier IS NULL OR status NOT IN ('active', 'past_due') THEN 0 ELSE round(
        greatest(amount * quantity * (1 - coalesce(percent_off, 0) / 100) - coalesce(amount_off, 0), 0)
        * CASE interval WHEN 'year' THEN 1.0 / 12 WHEN 'week' THEN 365.0 / 7 / 12 WHEN 'day' THEN 365.0 / 12 ELSE 1.0 END
        / greatest(interval_count, 1)
    )::bigint END
) STORED;
COMMENT ON COLUMN billing.subscriptions.monthly IS 'what it adds to the monthly recurring revenue, in the minor unit';

-- Each change of what a customer pays a month.
CREATE TABLE billing.mrr_movements (
    platform_id text NOT NULL,
    id          text NOT NULL,
    at          timestamptz NOT NULL DEFAULT dreamapi.now(),
    customer_id text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('new', 'reactivation', 'expansion', 'contraction', 'churn')),
    before      bigint NOT NULL CHECK (before >= 0),
    after       bigint NOT NULL CHECK (after >= 0),
    currency    text NOT NULL,
    tier        text,
    PRIMARY KEY (platform_id, id)
);
COMMENT ON COLUMN billing.mrr_movements.customer_id IS 'empty once the customer is deleted';
COMMENT ON COLUMN billing.mrr_movements.tier IS 'that the customer is on after it, or was on before it ended';
CREATE INDEX mrr_movements_customer_idx ON billing.mrr_movements (platform_id, customer_id);
CREATE INDEX mrr_movements_latest_idx ON billing.mrr_movements (platform_id, at DESC, id DESC);

-- The movements of each day (UTC), added up as they happen.
CREATE TABLE billing.mrr_days (
    platform_id   text NOT NULL,
    currency      text NOT NULL,
    day           date NOT NULL,
    new           bigint NOT NULL DEFAULT 0,
    reactivation  bigint NOT NULL DEFAULT 0,
    expansion     bigint NOT NULL DEFAULT 0,
    contraction   bigint NOT NULL DEFAULT 0,
    churn         bigint NOT NULL DEFAULT 0,
    subscribers   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (platform_id, currency, day)
);
COMMENT ON COLUMN billing.mrr_days.subscribers IS 'by how many there were more at its end';

INSERT INTO billing.mrr_movements (platform_id, id, at, customer_id, kind, before, after, currency, tier)
    SELECT platform_id, 'mov_' || id, min(created_at), customer_id, 'new', 0, sum(monthly), min(currency), min(tier)
    FROM billing.subscriptions WHERE monthly > 0 GROUP BY platform_id, id, customer_id;
INSERT INTO billing.mrr_days (platform_id, currency, day, new, subscribers)
    SELECT platform_id, currency, (at AT TIME ZONE 'UTC')::date, sum(after), count(*) FROM billing.mrr_movements GROUP BY 1, 2, 3;

CREATE INDEX subscriptions_state_idx ON billing.subscriptions (platform_id, status) WHERE ended_at IS NULL;

CALL dreamapi.isolate('billing.mrr_movements');
CALL dreamapi.isolate('billing.mrr_days');
GRANT SELECT, INSERT, UPDATE ON billing.mrr_movements, billing.mrr_days TO dreamapi_customer, dreamapi_worker;
GRANT SELECT ON billing.mrr_movements, billing.mrr_days TO dreamapi_developer;
