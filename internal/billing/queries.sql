-- name: StripeCustomer :one
SELECT coalesce(stripe_customer_id, '')::text AS stripe_customer_id, (gone_at IS NOT NULL)::boolean AS gone
FROM billing.customers WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id;

-- name: EnsureCustomer :exec
INSERT INTO billing.customers (platform_id, account, customer_id) VALUES (@platform_id, @account, @customer_id)
ON CONFLICT (platform_id, account, customer_id) DO UPDATE SET gone_at = NULL;

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
UPDATE billing.customers SET gone_at = dreamapi.now() WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: PendingCheckout :one
-- Stripe keeps an idempotency key for 24 hours.
SELECT * FROM billing.checkouts
WHERE platform_id = @platform_id AND account = @account AND customer_id = @customer_id AND price_id = @price_id
    AND success_url = @success_url AND cancel_url = @cancel_url AND status = 'pending' AND kind = @kind
    AND created_at > dreamapi.now() - interval '23 hours'
ORDER BY created_at LIMIT 1;

-- name: InsertCheckout :one
INSERT INTO billing.checkouts (platform_id, id, kind, account, customer_id, tier, price_id, trial_days, success_url, cancel_url, session_id, status)
VALUES (@platform_id, @id, @kind, @account, @customer_id, @tier, @price_id, @trial_days, @success_url, @cancel_url,
    sqlc.narg(session_id), @status)
RETURNING *;

-- name: CheckoutOpened :exec
UPDATE billing.checkouts SET session_id = @session_id, url = @url, status = 'open', checked_at = dreamapi.now()
WHERE platform_id = @platform_id AND id = @id AND status = 'pending';

-- name: CheckoutIs :execrows
-- What is over stays so.
UPDATE billing.checkouts SET status = @status, checked_at = dreamapi.now()
WHERE platform_id = @platform_id AND id = @id AND (status IN ('pending', 'open') OR status = @status);

-- name: Checkout :one
SELECT * FROM billing.checkouts WHERE platform_id = @platform_id AND session_id = @session_id::text;

-- name: DeleteCheckouts :many
DELETE FROM billing.checkouts WHERE platform_id = @platform_id AND customer_id = @customer_id
RETURNING kind, account, session_id, status;

-- name: ToCheck :many
-- A row for each thing at Stripe that nobody has looked at for long: a subscription for six hours, an open
-- checkout for five minutes and then ever longer.
SELECT platform_id, 'subscription' AS kind, id AS object_id, account FROM billing.subscriptions s
WHERE s.platform_id = ANY(@platform_ids::text[]) AND s.ended_at IS NULL AND s.fetched_at < dreamapi.now() - interval '6 hours'
UNION ALL
SELECT platform_id, 'checkout', session_id, account FROM billing.checkouts c
WHERE c.platform_id = ANY(@platform_ids::text[]) AND c.kind = 'subscribe' AND c.status = 'open'
    AND c.checked_at < dreamapi.now() - greatest(interval '5 minutes', (c.checked_at - c.created_at) / 2)
UNION ALL
SELECT platform_id, 'ending', object_id, account FROM billing.endings e
WHERE e.platform_id = ANY(@platform_ids::text[]) AND e.done_at IS NULL AND e.created_at < dreamapi.now() - interval '2 minutes'
LIMIT 1000;

-- name: Living :many
-- The subscriptions of a customer that are not over, oldest first.
SELECT id, status, tier, account, created_at FROM billing.subscriptions
WHERE platform_id = @platform_id AND customer_id = @customer_id
    AND status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
ORDER BY created_at, id;

-- name: EverSubscribed :one
SELECT EXISTS (SELECT FROM billing.subscriptions
    WHERE platform_id = @platform_id AND customer_id = @customer_id AND status NOT IN ('incomplete', 'incomplete_expired'))::boolean;

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
    sqlc.narg(trial_end), sqlc.narg(cancel_at), sqlc.narg(ended_at), sqlc.narg(next_price_id))
ON CONFLICT (platform_id, id) DO UPDATE
SET tier = excluded.tier, status = excluded.status, price_id = excluded.price_id, stripe_price_id = excluded.stripe_price_id,
    interval = excluded.interval, interval_count = excluded.interval_count, amount = excluded.amount, quantity = excluded.quantity,
    currency = excluded.currency, percent_off = excluded.percent_off, amount_off = excluded.amount_off,
    current_period_start = excluded.current_period_start, current_period_end = excluded.current_period_end,
    trial_end = excluded.trial_end, cancel_at = excluded.cancel_at, ended_at = excluded.ended_at,
    next_price_id = excluded.next_price_id, fetched_at = dreamapi.now(),
    -- The grace runs from when the payment failed first, however often it fails after that.
    grace_until = CASE WHEN excluded.status = 'past_due' THEN coalesce(s.grace_until, excluded.grace_until) END;

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
SELECT s.id, s.account, s.interval FROM billing.subscriptions s
JOIN tenant.prices p ON p.platform_id = s.platform_id AND p.id = s.price_id
WHERE s.platform_id = @platform_id AND s.tier = @tier AND p.retired_at IS NOT NULL
    AND s.status IN ('trialing', 'active', 'past_due');

-- name: InsertEvent :execrows
INSERT INTO billing.events (endpoint, id, type, account, object_id, customer, subscription)
VALUES (@endpoint, @id, @type, @account, @object_id, @customer, @subscription) ON CONFLICT DO NOTHING;

-- name: Event :one
SELECT * FROM billing.events WHERE endpoint = @endpoint AND id = @id AND processed_at IS NULL;

-- name: LeftEvents :many
SELECT endpoint, id FROM billing.events
WHERE processed_at IS NULL AND received_at < dreamapi.now() - interval '2 minutes' ORDER BY received_at LIMIT 1000;

-- name: EventDone :exec
UPDATE billing.events SET processed_at = dreamapi.now() WHERE endpoint = @endpoint AND id = @id;

-- name: SweepEvents :exec
DELETE FROM billing.events WHERE processed_at < dreamapi.now() - interval '30 days';

-- name: LivingOnAccount :one
SELECT count(*) FROM billing.subscriptions
WHERE platform_id = @platform_id AND account = @account AND status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused');

-- name: BeginConnect :exec
SELECT directory.begin_connect(@attempt, @session, @ticket);

-- name: TakeTicket :one
SELECT coalesce(directory.take_ticket(@ticket, @state, @cookie), '')::text AS attempt;

-- name: TakeState :one
SELECT coalesce(directory.take_state(@state, @cookie), '')::text AS attempt;

-- name: LeaveReceipt :one
SELECT directory.leave_receipt(@attempt, @receipt, @account, @name, @charges)::boolean AS left_there;

-- name: TakeReceipt :one
SELECT coalesce(directory.take_receipt(@receipt, @session), '{}')::jsonb AS found;

-- name: PlatformsOfAccount :one
SELECT directory.platforms_of_account(@account)::text[];

-- name: LatestSubscription :one
SELECT id, tier, status, interval, (amount * quantity)::bigint AS amount, currency, current_period_end, trial_end, cancel_at, grace_until
FROM billing.subscriptions
WHERE platform_id = @platform_id AND customer_id = @customer_id
ORDER BY status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused') DESC, created_at DESC LIMIT 1;

-- name: LapseSubscription :exec
UPDATE billing.subscriptions s
SET fetched_at = dreamapi.now(),
    status = CASE WHEN coalesce(s.current_period_end, s.created_at) + make_interval(days => @grace_days::int) < dreamapi.now()
        THEN 'canceled' ELSE s.status END,
    ended_at = CASE WHEN coalesce(s.current_period_end, s.created_at) + make_interval(days => @grace_days::int) < dreamapi.now()
        THEN dreamapi.now() ELSE s.ended_at END
WHERE s.platform_id = @platform_id AND s.id = @id;

-- name: TakeAbandonedAccount :one
SELECT coalesce(directory.take_abandoned_account(), '')::text AS account;
