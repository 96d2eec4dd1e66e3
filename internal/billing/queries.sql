-- name: StripeCustomer :one
SELECT coalesce(stripe_customer_id, '')::text AS stripe_customer_id
FROM billing.customers WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id;

-- name: EnsureCustomer :exec
INSERT INTO billing.customers (platform_id, account, customer_id) VALUES (@platform_id, @account, @customer_id)
ON CONFLICT (platform_id, account, customer_id) DO NOTHING;

-- name: SetStripeCustomer :one
-- The first one stays: two checkouts at once may each have made one.
UPDATE billing.customers SET stripe_customer_id = coalesce(stripe_customer_id, @stripe_customer_id::text)
WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id
RETURNING stripe_customer_id::text;

-- name: WhoseStripeCustomer :one
SELECT customer_id, (gone_at IS NOT NULL)::boolean AS gone FROM billing.customers
WHERE platform_id = @platform_id AND account = @account AND stripe_customer_id = @stripe_customer_id::text;

-- name: AddStripeCustomerToDirectory :exec
SELECT directory.add_stripe_customer(@account, @stripe_customer_id);

-- name: PlatformOfStripeCustomer :one
SELECT coalesce(directory.platform_of_stripe_customer(@account, @stripe_customer_id), '')::text AS platform_id;

-- name: PlatformOfCheckout :one
SELECT coalesce(directory.platform_of_checkout_session(@session_id), '')::text AS platform_id;

-- name: AddCheckoutToDirectory :exec
SELECT directory.add_checkout_session(@session_id);

-- name: CustomersGone :exec
-- The row gives its id free, as no id has a space in it: somebody else may get the id, and must not get the invoices.
UPDATE billing.customers SET gone_at = dreamapi.now(), customer_id = customer_id || ' gone ' || coalesce(stripe_customer_id, dreamapi.now()::text)
WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: SameCheckout :one
-- One that was left without an answer, or that is open already. Stripe keeps an idempotency key, and a session, for 24 hours.
SELECT * FROM billing.checkouts
WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id AND price_id = @price_id
    AND success_url = @success_url AND cancel_url = @cancel_url AND status IN ('pending', 'open') AND kind = 'subscribe'
    AND created_at > dreamapi.now() - interval '23 hours'
ORDER BY created_at DESC LIMIT 1;

-- name: OpenCheckouts :one
SELECT count(*) FROM billing.checkouts
WHERE platform_id = @platform_id AND customer_id = @customer_id AND status IN ('pending', 'open')
    AND created_at > dreamapi.now() - interval '24 hours';

-- name: InsertCheckout :one
INSERT INTO billing.checkouts (platform_id, id, kind, account, customer_id, tier, price_id, trial_days, success_url, cancel_url, session_id, status)
VALUES (@platform_id, @id, @kind, @account, @customer_id, @tier, @price_id, @trial_days, @success_url, @cancel_url,
    sqlc.narg(session_id), @status)
RETURNING *;

-- name: CheckoutOpened :execrows
UPDATE billing.checkouts SET session_id = @session_id, status = 'open', checked_at = dreamapi.now()
WHERE platform_id = @platform_id AND id = @id AND status = 'pending';

-- name: CheckoutIs :exec
-- What is over stays so.
UPDATE billing.checkouts SET status = @status, checked_at = dreamapi.now()
WHERE platform_id = @platform_id AND id = @id AND (status IN ('pending', 'open') OR status = @status);

-- name: Checkout :one
SELECT * FROM billing.checkouts WHERE platform_id = @platform_id AND session_id = @session_id::text;

-- name: DeleteCheckouts :many
DELETE FROM billing.checkouts WHERE platform_id = @platform_id AND customer_id = @customer_id
RETURNING kind, account, session_id, status;

-- name: ToCheck :many
-- A row for each thing at Stripe that nobody has looked at for long: a subscription or a connection for six hours; an open
-- checkout or an ending for a few minutes, and then ever longer. Each platform has its turn before any has its second.
SELECT platform_id, kind, object_id, account FROM (
    SELECT platform_id, kind, object_id, account, since, row_number() OVER (PARTITION BY platform_id ORDER BY since) AS turn FROM (
        SELECT s.platform_id, 'subscription' AS kind, s.id AS object_id, s.account, s.fetched_at AS since FROM billing.subscriptions s
        WHERE s.platform_id = ANY(@platform_ids::text[]) AND s.ended_at IS NULL AND s.stripe_customer_id <> ''
            AND s.fetched_at < dreamapi.now() - interval '6 hours'
        UNION ALL
        SELECT c.platform_id, 'checkout', c.session_id, c.account, c.checked_at FROM billing.checkouts c
        WHERE c.platform_id = ANY(@platform_ids::text[]) AND c.kind = 'subscribe' AND c.status = 'open'
            AND c.checked_at < dreamapi.now() - greatest(interval '5 minutes', (c.checked_at - c.created_at) / 2)
        UNION ALL
        SELECT e.platform_id, 'ending', e.object_id, e.account, e.checked_at FROM billing.endings e
        WHERE e.platform_id = ANY(@platform_ids::text[]) AND e.done_at IS NULL
            AND e.checked_at < dreamapi.now() - greatest(interval '2 minutes', (e.checked_at - e.created_at) / 2)
        UNION ALL
        SELECT n.platform_id, 'connection', n.account, n.account, n.checked_at FROM tenant.connections n
        WHERE n.platform_id = ANY(@platform_ids::text[]) AND n.ended_at IS NULL AND n.checked_at < dreamapi.now() - interval '6 hours'
    ) due
) turns
ORDER BY turn, since LIMIT 400;

-- name: Living :many
-- The subscriptions of a customer that are not over and not being ended, oldest first.
SELECT id, account, created_at FROM billing.subscriptions s
WHERE s.platform_id = @platform_id AND s.customer_id = @customer_id
    AND status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
    AND NOT EXISTS (SELECT FROM billing.endings e WHERE e.platform_id = s.platform_id AND e.object_id = s.id)
ORDER BY created_at, id;

-- name: Others :many
-- The living subscriptions of the customer who is this one at Stripe, but for the one named.
SELECT s.id, s.account FROM billing.customers c
JOIN billing.subscriptions s ON s.platform_id = c.platform_id AND s.customer_id = c.customer_id
WHERE c.platform_id = @platform_id AND c.account = @account AND c.stripe_customer_id = @stripe_customer_id::text AND s.id <> @id
    AND s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
ORDER BY s.id;

-- name: EverSubscribed :one
SELECT EXISTS (SELECT FROM billing.customers
    WHERE platform_id = @platform_id AND subscribed_at IS NOT NULL
        AND (customer_id = @customer_id OR starts_with(customer_id, @customer_id || ' gone ')))::boolean;

-- name: Subscribed :exec
UPDATE billing.customers SET subscribed_at = coalesce(subscribed_at, dreamapi.now())
WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id;

-- name: ForgetStripeCustomer :exec
UPDATE billing.customers SET stripe_customer_id = NULL
WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id AND stripe_customer_id = @stripe_customer_id::text;

-- name: Ended :one
SELECT EXISTS (SELECT FROM billing.endings WHERE platform_id = @platform_id AND object_id = @object_id)::boolean;

-- name: OpenOnAccount :many
SELECT session_id::text FROM billing.checkouts
WHERE platform_id = @platform_id AND account = @account AND kind = 'subscribe' AND status = 'open';

-- name: UndoneOnAccount :one
SELECT count(*) FROM billing.endings WHERE platform_id = @platform_id AND account = @account AND done_at IS NULL;

-- name: EndingChecked :exec
UPDATE billing.endings SET checked_at = dreamapi.now() WHERE platform_id = @platform_id AND object_id = @object_id;

-- name: ExpireCheckout :exec
UPDATE billing.checkouts SET status = 'expired' WHERE platform_id = @platform_id AND session_id = @session_id::text AND status = 'open';

-- name: TakeLook :one
INSERT INTO billing.looks AS l (platform_id, object_id, taken) VALUES (@platform_id, @object_id, 1)
ON CONFLICT (platform_id, object_id) DO UPDATE SET taken = l.taken + 1
RETURNING taken;

-- name: KeepLook :execrows
UPDATE billing.looks SET kept = @number WHERE platform_id = @platform_id AND object_id = @object_id AND kept < @number;

-- name: Subscription :one
SELECT * FROM billing.subscriptions WHERE platform_id = @platform_id AND id = @id;

-- name: PutSubscription :exec
INSERT INTO billing.subscriptions AS s (platform_id, id, customer_id, tier, status, grace_until, created_at, account, stripe_customer_id,
    price_id, stripe_price_id, interval, interval_count, amount, quantity, currency, percent_off, amount_off,
    current_period_start, current_period_end, trial_end, cancel_at, ended_at, next_price_id)
VALUES (@platform_id, @id, @customer_id, sqlc.narg(tier), @status,
    CASE WHEN @status::text = 'past_due' THEN dreamapi.now() + make_interval(days => @grace_days::int) END,
    @created_at, @account, @stripe_customer_id, sqlc.narg(price_id), @stripe_price_id, @interval, @interval_count, @amount, @quantity,
    @currency, sqlc.narg(percent_off)::double precision::numeric, sqlc.narg(amount_off), sqlc.narg(current_period_start), sqlc.narg(current_period_end),
    sqlc.narg(trial_end), sqlc.narg(cancel_at),
    coalesce(sqlc.narg(ended_at)::timestamptz, CASE WHEN @status::text = 'canceled' THEN dreamapi.now() END), sqlc.narg(next_price_id))
ON CONFLICT (platform_id, id) DO UPDATE
SET tier = excluded.tier, status = excluded.status, price_id = excluded.price_id, stripe_price_id = excluded.stripe_price_id,
    interval = excluded.interval, interval_count = excluded.interval_count, amount = excluded.amount, quantity = excluded.quantity,
    currency = excluded.currency, percent_off = excluded.percent_off, amount_off = excluded.amount_off,
    current_period_start = excluded.current_period_start, current_period_end = excluded.current_period_end,
    trial_end = excluded.trial_end, cancel_at = excluded.cancel_at, ended_at = excluded.ended_at,
    next_price_id = excluded.next_price_id, fetched_at = dreamapi.now(),
    -- The grace runs from when the payment failed first, however often it fails after that.
    grace_until = CASE WHEN excluded.status = 'past_due' THEN coalesce(s.grace_until, excluded.grace_until) END
RETURNING tenant.user_changed(platform_id, customer_id);

-- name: DeleteSubscriptions :many
DELETE FROM billing.subscriptions WHERE platform_id = @platform_id AND customer_id = @customer_id
RETURNING id, account, status;

-- name: InsertEnding :execrows
INSERT INTO billing.endings (platform_id, object_id, account, refund) VALUES (@platform_id, @object_id, @account, @refund)
ON CONFLICT DO NOTHING;

-- name: Ending :one
SELECT account, refund FROM billing.endings WHERE platform_id = @platform_id AND object_id = @object_id AND done_at IS NULL;

-- name: EndingDone :exec
UPDATE billing.endings SET done_at = dreamapi.now() WHERE platform_id = @platform_id AND object_id = @object_id;

-- name: Portal :one
SELECT configuration_id, shows FROM billing.portals WHERE platform_id = @platform_id AND account = @account;

-- name: PutPortal :exec
INSERT INTO billing.portals (platform_id, account, configuration_id, shows) VALUES (@platform_id, @account, @configuration_id, @shows)
ON CONFLICT (platform_id, account) DO UPDATE SET configuration_id = excluded.configuration_id, shows = excluded.shows;

-- name: InsertRepair :exec
INSERT INTO billing.repairs (platform_id, id, object_id, customer_id, was, became)
VALUES (@platform_id, @id, @object_id, @customer_id, @was, @became);

-- name: Repairs :many
SELECT id, object_id, customer_id, was, became, repaired_at FROM billing.repairs
WHERE platform_id = @platform_id ORDER BY id DESC LIMIT 100;

-- name: SubscribersOfOldPrices :many
SELECT s.id FROM billing.subscriptions s
JOIN tenant.prices p ON p.platform_id = s.platform_id AND p.id = s.price_id
WHERE s.platform_id = @platform_id AND s.tier = @tier AND p.retired_at IS NOT NULL
    AND s.status IN ('trialing', 'active', 'past_due') AND EXISTS (
        SELECT FROM tenant.prices now
        WHERE now.platform_id = s.platform_id AND now.tier = s.tier AND now.interval = s.interval AND now.retired_at IS NULL);

-- name: InsertEvent :execrows
INSERT INTO billing.events (endpoint, id, type, account, object_id, customer, subscription)
VALUES (@endpoint, @id, @type, @account, @object_id, @customer, @subscription) ON CONFLICT DO NOTHING;

-- name: Event :one
SELECT * FROM billing.events WHERE endpoint = @endpoint AND id = @id AND (processed_at IS NULL OR @again::boolean);

-- name: LeftEvents :many
SELECT endpoint, id FROM billing.events
WHERE processed_at IS NULL AND received_at < dreamapi.now() - interval '2 minutes' ORDER BY received_at LIMIT 1000;

-- name: EventShown :exec
UPDATE billing.events SET shown = @platform_ids::text[] WHERE endpoint = @endpoint AND id = @id;

-- name: EventWorked :one
-- One after another, of attempts at once.
UPDATE billing.events SET processed_at = CASE WHEN @done::boolean THEN dreamapi.now() ELSE processed_at END
WHERE endpoint = @endpoint AND id = @id RETURNING shown;

-- name: SweepEvents :exec
DELETE FROM billing.events WHERE processed_at < dreamapi.now() - interval '30 days';

-- name: LivingOnAccount :one
-- And what may become one.
SELECT count(*) FROM billing.subscriptions
WHERE platform_id = @platform_id AND account = @account AND status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused');

-- name: BeginConnect :exec
SELECT directory.begin_connect(@attempt, @session, @ticket);

-- name: TakeTicket :one
SELECT coalesce(directory.take_ticket(@ticket, @state, @cookie), '')::text AS attempt;

-- name: TakeState :one
SELECT coalesce(directory.take_state(@state, @cookie), '')::text AS attempt;

-- name: LeaveReceipt :one
SELECT directory.leave_receipt(@attempt, @receipt, @account)::boolean AS left_there;

-- name: DescribeReceipt :exec
SELECT directory.describe_receipt(@receipt, @name, @charges);

-- name: TakeReceipt :one
SELECT coalesce(directory.take_receipt(@receipt, @session), '{}')::jsonb AS found;

-- name: PlatformsOfAccount :one
SELECT directory.platforms_of_account(@account)::text[];

-- name: LatestSubscription :one
SELECT s.id, s.account, s.tier, s.status, s.interval, s.interval_count, (s.amount * s.quantity)::bigint AS amount, s.currency, s.current_period_end, s.trial_end,
    s.cancel_at, s.grace_until, next.tier AS next_tier
FROM billing.subscriptions s
LEFT JOIN tenant.prices next ON next.platform_id = s.platform_id AND next.id = s.next_price_id
WHERE s.platform_id = @platform_id AND s.customer_id = @customer_id
ORDER BY s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused') DESC, s.created_at DESC LIMIT 1;

-- name: LapseSubscription :exec
UPDATE billing.subscriptions s
SET fetched_at = dreamapi.now(),
    status = CASE WHEN coalesce(s.current_period_end, s.created_at) + make_interval(days => @grace_days::int) < dreamapi.now()
        THEN 'canceled' ELSE s.status END,
    ended_at = CASE WHEN coalesce(s.current_period_end, s.created_at) + make_interval(days => @grace_days::int) < dreamapi.now()
        THEN dreamapi.now() ELSE s.ended_at END
WHERE s.platform_id = @platform_id AND s.id = @id
RETURNING tenant.user_changed(s.platform_id, s.customer_id);

-- name: TakeAbandonedAccount :one
SELECT coalesce(directory.take_abandoned_account(), '')::text AS account;

-- name: SweepCheckouts :execrows
DELETE FROM billing.checkouts
WHERE (platform_id, id) IN (
    SELECT c.platform_id, c.id FROM billing.checkouts c
    WHERE c.platform_id = ANY(@platform_ids::text[]) AND c.created_at < dreamapi.now() - interval '90 days'
        AND (c.kind = 'change' OR c.status <> 'open')
    LIMIT @most
);

-- name: CustomerMonthly :one
-- What a customer pays a month, in the currency of the subscription that they had last.
SELECT coalesce(sum(monthly), 0)::bigint AS monthly,
    coalesce((array_agg(currency ORDER BY created_at DESC))[1], '')::text AS currency,
    coalesce((array_agg(tier ORDER BY monthly > 0 DESC, created_at DESC))[1], '')::text AS tier
FROM billing.subscriptions WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: HasPaid :one
SELECT EXISTS (SELECT FROM billing.mrr_movements WHERE platform_id = @platform_id AND customer_id = @customer_id)::boolean;

-- name: InsertMovement :exec
INSERT INTO billing.mrr_movements (platform_id, id, customer_id, kind, before, after, currency, tier)
VALUES (@platform_id, @id, @customer_id, @kind, @before, @after, @currency, sqlc.narg(tier));

-- name: AddMovement :exec
INSERT INTO billing.mrr_days AS d (platform_id, currency, day, new, reactivation, expansion, contraction, churn, subscribers)
VALUES (@platform_id, @currency, (dreamapi.now() AT TIME ZONE 'UTC')::date, @new, @reactivation, @expansion, @contraction, @churn, @subscribers)
ON CONFLICT (platform_id, currency, day) DO UPDATE
SET new = d.new + excluded.new, reactivation = d.reactivation + excluded.reactivation, expansion = d.expansion + excluded.expansion,
    contraction = d.contraction + excluded.contraction, churn = d.churn + excluded.churn, subscribers = d.subscribers + excluded.subscribers;

-- name: ForgetMovements :exec
UPDATE billing.mrr_movements SET customer_id = '' WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: MRRMonths :many
-- The movements of each month that had any.
SELECT date_trunc('month', day)::date AS month, sum(new)::bigint AS new, sum(reactivation)::bigint AS reactivation,
    sum(expansion)::bigint AS expansion, sum(contraction)::bigint AS contraction, sum(churn)::bigint AS churn,
    sum(subscribers)::bigint AS subscribers
FROM billing.mrr_days WHERE platform_id = @platform_id AND currency = @currency GROUP BY 1 ORDER BY 1;

-- name: Movements :many
SELECT * FROM billing.mrr_movements
WHERE platform_id = @platform_id ORDER BY at DESC, id DESC LIMIT @most;

-- name: ThisMonth :one
SELECT date_trunc('month', dreamapi.now(), 'UTC')::timestamptz;

-- name: TierRevenue :one
-- What the subscribers of a tier add to the revenue, and what they would at other prices; where there is none for an interval,
-- they keep theirs. It is worked out as billing.subscriptions.monthly is.
SELECT count(*) AS subscribers, count(*) FILTER (WHERE status = 'trialing') AS trials,
    coalesce(sum(monthly), 0)::bigint AS monthly, coalesce(sum(CASE
        WHEN status = 'trialing' THEN 0
        WHEN interval = 'month' AND sqlc.narg('month')::bigint IS NOT NULL OR interval = 'year' AND sqlc.narg('year')::bigint IS NOT NULL
        THEN round(
            greatest(CASE interval WHEN 'year' THEN sqlc.narg('year') ELSE sqlc.narg('month') END
                * quantity * (1 - coalesce(percent_off, 0) / 100) - coalesce(amount_off, 0), 0)
            * CASE interval WHEN 'year' THEN 1.0 / 12 ELSE 1.0 END / greatest(interval_count, 1)
        ) ELSE monthly END), 0)::bigint AS moved
FROM billing.subscriptions
WHERE platform_id = @platform_id AND tier = @tier::text AND ended_at IS NULL AND status IN ('trialing', 'active', 'past_due');

-- name: HasCheckouts :one
SELECT EXISTS (SELECT FROM billing.checkouts WHERE platform_id = @platform_id);
