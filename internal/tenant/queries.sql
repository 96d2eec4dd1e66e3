-- name: PlatformOfKey :one
SELECT coalesce(directory.platform_of_key(@hash), '')::text AS platform_id;

-- name: AddKeyToDirectory :exec
SELECT directory.add_key(@hash);

-- name: InsertKey :one
INSERT INTO tenant.keys (platform_id, id, kind, name, hash, value, hint)
VALUES (@platform_id, @id, @kind, @name, @hash, @value, @hint) RETURNING *;

-- name: UsableKey :one
SELECT id, expires_at, (last_used_at IS NULL OR last_used_at < dreamapi.now() - interval '1 minute')::boolean AS unseen
FROM tenant.keys
WHERE platform_id = @platform_id AND hash = @hash AND revoked_at IS NULL
    AND (expires_at IS NULL OR dreamapi.now() < expires_at);

-- name: TouchKey :exec
-- Whoever finds the row locked leaves it to the one who holds it: no call waits for this.
UPDATE tenant.keys k SET last_used_at = dreamapi.now()
WHERE k.platform_id = @platform_id
    AND k.id = (SELECT l.id FROM tenant.keys l WHERE l.platform_id = @platform_id AND l.id = @id FOR UPDATE SKIP LOCKED);

-- name: Keys :many
SELECT sqlc.embed(k), dreamapi.now()::timestamptz AS now FROM tenant.keys k WHERE platform_id = @platform_id ORDER BY id;

-- name: CountKeys :one
SELECT count(*) FROM tenant.keys
WHERE platform_id = @platform_id AND revoked_at IS NULL AND (expires_at IS NULL OR dreamapi.now() < expires_at);

-- name: LockKey :one
SELECT sqlc.embed(k), dreamapi.now()::timestamptz AS now FROM tenant.keys k
WHERE platform_id = @platform_id AND id = @id FOR UPDATE;

-- name: EndKeyAt :exec
UPDATE tenant.keys SET expires_at = least(expires_at, dreamapi.now() + make_interval(secs => @seconds::double precision))
WHERE platform_id = @platform_id AND id = @id
RETURNING tenant.platform_changed(platform_id);

-- name: RevokeKey :exec
UPDATE tenant.keys SET revoked_at = coalesce(revoked_at, dreamapi.now())
WHERE platform_id = @platform_id AND id = @id
RETURNING tenant.platform_changed(platform_id);

-- name: CurrentPublishableKey :one
SELECT value::text FROM tenant.keys
WHERE platform_id = @platform_id AND kind = 'publishable' AND revoked_at IS NULL
ORDER BY id DESC LIMIT 1;

-- name: InsertSettings :exec
INSERT INTO tenant.settings (platform_id) VALUES (@platform_id);

-- name: Settings :one
SELECT currency, allowed_origins, rate_limit, checkout_success_url, checkout_cancel_url, directory.domains_here()::text[] AS domains
FROM tenant.settings WHERE platform_id = @platform_id;

-- name: IsTest :one
SELECT (directory.mode() = 'test')::boolean;

-- name: CheckoutReturns :one
SELECT coalesce(checkout_success_url, '')::text AS success, coalesce(checkout_cancel_url, '')::text AS cancel
FROM tenant.settings WHERE platform_id = @platform_id;

-- name: SetCheckoutSuccessURL :exec
UPDATE tenant.settings SET checkout_success_url = sqlc.narg(address), epoch = tenant.next_epoch() WHERE platform_id = @platform_id;

-- name: SetCheckoutCancelURL :exec
UPDATE tenant.settings SET checkout_cancel_url = sqlc.narg(address), epoch = tenant.next_epoch() WHERE platform_id = @platform_id;

-- name: PlatformAtGate :one
-- It is read before anything else that is remembered, so that the epoch is not newer than that.
SELECT epoch, allowed_origins, rate_limit, (directory.mode() = 'test')::boolean AS test,
    (directory.paid_until() <= dreamapi.now())::boolean AS suspended,
    greatest(least(directory.paid_until(), '9999-01-01'), '2000-01-01')::timestamptz AS paid_until
FROM tenant.settings WHERE platform_id = @platform_id;

-- name: SetAllowedOrigins :exec
UPDATE tenant.settings SET allowed_origins = @origins, epoch = tenant.next_epoch() WHERE platform_id = @platform_id;

-- name: SetRateLimit :exec
UPDATE tenant.settings SET rate_limit = sqlc.narg(rate_limit), epoch = tenant.next_epoch() WHERE platform_id = @platform_id;

-- name: SetCurrency :execrows
UPDATE tenant.settings s SET currency = @currency, epoch = tenant.next_epoch()
WHERE s.platform_id = @platform_id
    AND NOT EXISTS (SELECT FROM tenant.prices p WHERE p.platform_id = s.platform_id AND p.amount > 0);

-- name: LockSettings :one
SELECT currency FROM tenant.settings WHERE platform_id = @platform_id FOR UPDATE;

-- name: OriginKnown :one
SELECT directory.origin_known(@origin)::boolean;

-- name: PlatformOfDomain :one
SELECT coalesce(directory.platform_of_domain(@domain), '')::text AS platform_id;

-- name: AddDomain :one
SELECT directory.add_domain(@domain, @proven)::boolean;

-- name: RemoveDomain :one
SELECT directory.remove_domain(@domain)::boolean;

-- name: Tiers :many
SELECT t.*, s.currency, coalesce((
        SELECT jsonb_agg(jsonb_build_object('meter', l.meter, 'max', l.max, 'period', l.period, 'anchor', l.anchor) ORDER BY l.meter)
        FROM tenant.tier_limits l WHERE l.platform_id = t.platform_id AND l.tier = t.name
    ), '[]')::jsonb AS limits, coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', p.id, 'interval', p.interval, 'price', p.amount,
            'stripeId', p.stripe_price_id) ORDER BY p.interval)
        FROM tenant.prices p WHERE p.platform_id = t.platform_id AND p.tier = t.name AND p.retired_at IS NULL
    ), '[]')::jsonb AS prices
FROM tenant.tiers t JOIN tenant.settings s ON s.platform_id = t.platform_id
WHERE t.platform_id = @platform_id
    AND (sqlc.narg(name)::text IS NULL OR t.name = sqlc.narg(name))
    AND (@with_archived::boolean OR t.archived_at IS NULL)
ORDER BY t.position, t.name;

-- name: CountTiers :one
SELECT count(*) FROM tenant.tiers WHERE platform_id = @platform_id;

-- name: InsertTier :exec
INSERT INTO tenant.tiers (platform_id, name, display_name, features, rate_limit, trial_days, position)
VALUES (@platform_id, @name, @display_name, @features, @rate_limit, @trial_days,
    coalesce(sqlc.narg(position)::int, (SELECT coalesce(max(position), 0) + 1 FROM tenant.tiers
        WHERE platform_id = @platform_id)))
RETURNING tenant.platform_changed(platform_id);

-- name: UpdateTier :exec
UPDATE tenant.tiers
SET display_name = @display_name, features = @features, rate_limit = @rate_limit, trial_days = @trial_days,
    position = @position, version = version + 1,
    archived_at = CASE WHEN @archived::boolean THEN coalesce(archived_at, dreamapi.now()) END
WHERE platform_id = @platform_id AND name = @name
RETURNING tenant.platform_changed(platform_id);

-- name: PlaceTier :exec
UPDATE tenant.tiers SET position = @position WHERE platform_id = @platform_id AND name = @name
RETURNING tenant.platform_changed(platform_id);

-- name: InsertPrice :exec
INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency)
VALUES (@platform_id, @id, @tier, @interval, @amount, @currency)
RETURNING tenant.platform_changed(platform_id);

-- name: RetirePrice :exec
UPDATE tenant.prices SET retired_at = dreamapi.now()
WHERE platform_id = @platform_id AND tier = @tier AND interval = @interval AND retired_at IS NULL
RETURNING tenant.platform_changed(platform_id);

-- name: RetireAllPrices :many
UPDATE tenant.prices SET retired_at = dreamapi.now()
WHERE platform_id = @platform_id AND retired_at IS NULL
RETURNING tier, interval, amount;

-- name: TouchTiers :exec
UPDATE tenant.tiers SET version = version + 1 WHERE platform_id = @platform_id;

-- name: Unpublished :many
SELECT name FROM tenant.tiers WHERE platform_id = @platform_id AND published < version ORDER BY position, name;

-- name: TierToPublish :one
SELECT t.name, t.display_name, (t.archived_at IS NOT NULL)::boolean AS archived,
    coalesce(t.stripe_product_id, '')::text AS stripe_product_id, t.version
FROM tenant.tiers t WHERE t.platform_id = @platform_id AND t.name = @name;

-- name: PricesToPublish :many
-- The new ones, and those that Stripe still believes to be on sale.
SELECT id, interval, amount, currency, coalesce(stripe_price_id, '')::text AS stripe_price_id FROM tenant.prices
WHERE platform_id = @platform_id AND tier = @tier
    AND (retired_at IS NULL AND stripe_price_id IS NULL OR retired_at IS NOT NULL AND stripe_price_id IS NOT NULL AND NOT withdrawn)
ORDER BY created_at, id;

-- name: ProductPublished :exec
UPDATE tenant.tiers SET stripe_product_id = @product_id WHERE platform_id = @platform_id AND name = @name;

-- name: PricePublished :exec
UPDATE tenant.prices SET stripe_price_id = @stripe_price_id WHERE platform_id = @platform_id AND id = @id;

-- name: PriceWithdrawn :exec
UPDATE tenant.prices SET withdrawn = true WHERE platform_id = @platform_id AND id = @id;

-- name: TierPublished :exec
UPDATE tenant.tiers SET published = greatest(published, @version::bigint), unpublished_because = NULL
WHERE platform_id = @platform_id AND name = @name;

-- name: TierNotPublished :exec
UPDATE tenant.tiers SET unpublished_because = @because WHERE platform_id = @platform_id AND name = @name;

-- name: ForgetPublishedPrices :exec
UPDATE tenant.prices SET stripe_price_id = NULL WHERE platform_id = @platform_id;

-- name: ForgetPublishedProducts :exec
UPDATE tenant.tiers SET stripe_product_id = NULL, version = version + 1 WHERE platform_id = @platform_id;

-- name: TierOfStripePrice :one
SELECT p.id, p.tier FROM tenant.prices p WHERE p.platform_id = @platform_id AND p.stripe_price_id = @stripe_price_id;

-- name: TierOfProduct :one
SELECT name FROM tenant.tiers WHERE platform_id = @platform_id AND stripe_product_id = @product_id;

-- name: CustomersWithoutPlan :one
SELECT (NOT EXISTS (SELECT FROM tenant.default_tiers d WHERE d.platform_id = @platform_id)
    AND EXISTS (SELECT FROM tenant.customers c WHERE c.platform_id = @platform_id AND c.plan IS NULL))::boolean;

-- name: HasDefaultTier :one
SELECT EXISTS (SELECT FROM tenant.default_tiers d WHERE d.platform_id = @platform_id)::boolean;

-- name: DeleteLimits :exec
DELETE FROM tenant.tier_limits WHERE platform_id = @platform_id AND tier = @tier
RETURNING tenant.platform_changed(platform_id);

-- name: InsertLimit :exec
INSERT INTO tenant.tier_limits (platform_id, tier, meter, max, period, anchor)
VALUES (@platform_id, @tier, @meter, @max, @period, @anchor)
RETURNING tenant.platform_changed(platform_id);

-- name: Meters :many
SELECT DISTINCT meter FROM tenant.tier_limits WHERE platform_id = @platform_id
UNION SELECT 'requests' ORDER BY 1;

-- name: UserEpoch :one
SELECT tenant.user_epoch(@platform_id, @user_id)::bigint;

-- name: CurrentPlan :one
SELECT kind, coalesce(plan, '')::text AS plan, source, since, current_period_start, current_period_end,
    coalesce(interval, '')::text AS interval, coalesce(interval_count, 0)::int AS interval_count,
    coalesce(grace_until, '9999-01-01')::timestamptz AS grace_until, ARRAY(
        SELECT s.id FROM tenant.sessions s
        WHERE s.platform_id = p.platform_id AND s.customer_id = p.customer_id AND s.ended_at IS NULL
            AND s.token_until > clock_timestamp()
    )::text[] AS live_sessions,
    (SELECT c.vouched FROM tenant.customers c WHERE c.platform_id = p.platform_id AND c.id = p.customer_id)::boolean AS vouched
FROM tenant.current_plans p WHERE p.platform_id = @platform_id AND p.customer_id = @id;

-- name: InsertCustomer :exec
WITH made AS (
    INSERT INTO tenant.customers (platform_id, id, kind, email, first_name, last_name, plan, vouched)
    VALUES (@platform_id, @id, @kind, @email, @first_name, @last_name, @plan, @vouched)
    RETURNING platform_id, id, placed, standing, cancelling
), counted AS (
    INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
    SELECT platform_id, placed, standing, cancelling, 1 FROM made
)
SELECT tenant.user_changed(platform_id, id) FROM made;

-- name: Customer :one
SELECT sqlc.embed(c), coalesce(p.plan, '')::text AS current_plan
FROM tenant.customers c
JOIN tenant.current_plans p ON p.platform_id = c.platform_id AND p.customer_id = c.id
WHERE c.platform_id = @platform_id AND c.id = @id;

-- name: BoundSearch :exec
-- A search that takes long ends: it must not keep a connection from other platforms.
SET LOCAL statement_timeout = '3s';

-- name: FollowIndexes :exec
-- PostgreSQL takes the condition of row-level security for one that few rows meet, and would rather fetch all those and sort them
-- than follow an index that has them in order.
SET LOCAL enable_bitmapscan = off;

-- name: FollowIndexesAlone :exec
SET LOCAL enable_seqscan = off;

-- name: FindCustomers :one
SELECT directory.find_customers(@q, sqlc.narg(plans)::text[], sqlc.narg(standings)::text[], @cancelling, @by_email,
    sqlc.narg(behind_at), sqlc.narg(behind_email), sqlc.narg(behind_id), @most::int)::text[] AS ids;

-- name: CustomersNamed :many
-- In the order of the ids.
SELECT sqlc.embed(c), coalesce(p.plan, '')::text AS current_plan, coalesce(n.meter, '')::text AS meter, coalesce(n.count, 0)::bigint AS count,
    coalesce(n.max, 0)::bigint AS max, coalesce(n.share, 0)::int AS share, coalesce(n.period, '')::text AS period,
    coalesce(n.ends, '9999-01-01')::timestamptz AS ends, (
        SELECT coalesce(sum(s.monthly), 0) FROM billing.subscriptions s WHERE s.platform_id = @platform_id AND s.customer_id = c.id
    )::bigint AS monthly
FROM tenant.customers c
JOIN tenant.current_plans p ON p.platform_id = c.platform_id AND p.customer_id = c.id
LEFT JOIN LATERAL (
    SELECT x.meter, x.count, x.max, x.share, x.period, x.ends FROM tenant_usage.near x
    WHERE x.platform_id = @platform_id AND x.user_id = c.id AND (SELECT dreamapi.now()) < x.ends ORDER BY x.share DESC, x.meter LIMIT 1
) n ON true
WHERE c.platform_id = @platform_id AND c.id = ANY(@ids::text[])
ORDER BY array_position(@ids::text[], c.id);

-- name: Restand :many
-- Works out how customers stand, after a change of their subscriptions or where a grace is over, and answers who was on another
-- plan before. The customers are locked by whoever calls.
WITH k AS (
    SELECT c.platform_id, c.id, c.placed, c.standing, c.cancelling FROM tenant.customers c
    JOIN (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@customers::text[]) AS id) w
        ON w.platform_id = c.platform_id AND w.id = c.id
), present AS (
    SELECT k.platform_id, k.id, counts.tier, counts.grace_until, coalesce(lives.standing, 'none') AS standing,
        coalesce(lives.cancelling, false) AS cancelling
    FROM k
    LEFT JOIN LATERAL (SELECT s.tier, s.grace_until FROM billing.counting_subscriptions s
        WHERE s.platform_id = k.platform_id AND s.customer_id = k.id ORDER BY s.created_at DESC LIMIT 1) counts ON true
    LEFT JOIN LATERAL (SELECT s.standing, s.cancelling FROM billing.living_subscriptions s
        WHERE s.platform_id = k.platform_id AND s.customer_id = k.id ORDER BY s.created_at DESC LIMIT 1) lives ON true
), moved AS (
    UPDATE tenant.customers c
    SET subscribed = p.tier, subscribed_until = p.grace_until, standing = p.standing, cancelling = p.cancelling
    FROM present p
    WHERE c.platform_id = p.platform_id AND c.id = p.id
        AND (c.subscribed, c.subscribed_until, c.standing, c.cancelling) IS DISTINCT FROM (p.tier, p.grace_until, p.standing, p.cancelling)
    RETURNING c.platform_id, c.id, c.placed, c.standing, c.cancelling
), counted AS (
    INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
    SELECT d.platform_id, d.placed, d.standing, d.cancelling, sum(d.n) FROM (
        SELECT k.platform_id, k.placed, k.standing, k.cancelling, -1 AS n FROM k JOIN moved m ON m.platform_id = k.platform_id AND m.id = k.id
        UNION ALL SELECT m.platform_id, m.placed, m.standing, m.cancelling, 1 FROM moved m
    ) d GROUP BY 1, 2, 3, 4 HAVING sum(d.n) <> 0
)
SELECT p.platform_id, p.id, p.before::text AS before, p.after::text AS after FROM (
    SELECT m.platform_id, m.id, coalesce(NULLIF(k.placed, ''), d.name, '') AS before, coalesce(NULLIF(m.placed, ''), d.name, '') AS after
    FROM moved m JOIN k ON k.platform_id = m.platform_id AND k.id = m.id
    LEFT JOIN tenant.default_tiers d ON d.platform_id = m.platform_id
) p
WHERE p.before <> p.after;

-- name: LockLapsed :many
-- The customers whose grace is over, and who are still held for subscribers.
SELECT platform_id, id FROM tenant.customers
WHERE platform_id = ANY(@platform_ids::text[]) AND subscribed_until <= dreamapi.now()
ORDER BY platform_id, id LIMIT @most FOR UPDATE SKIP LOCKED;

-- name: CompactCounts :exec
-- Makes one line of many, of the platforms that have many. What is added meanwhile is not seen, and stays.
WITH many AS (
    SELECT platform_id FROM tenant.customer_counts WHERE platform_id = ANY(@platform_ids::text[])
    GROUP BY platform_id HAVING count(*) > @most::int
), taken AS (
    DELETE FROM tenant.customer_counts n USING many WHERE n.platform_id = many.platform_id
    RETURNING n.platform_id, n.placed, n.standing, n.cancelling, n.customers
)
INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
SELECT platform_id, placed, standing, cancelling, sum(customers) FROM taken GROUP BY 1, 2, 3, 4 HAVING sum(customers) <> 0;

-- name: OneCountsAtATime :exec
-- In a statement of its own, so that the next one sees what the one before wrote.
SELECT tenant.one_counts_at_a_time(@platform_id);

-- name: MendCounts :execrows
-- Adds what the lines lack, or have too much, against the customers. Whoever changes a customer adds the line in the same transaction,
-- so what one statement sees of both differs by what is wrong, and nobody has to wait.
INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
SELECT d.platform_id, d.placed, d.standing, d.cancelling, sum(d.n) FROM (
    SELECT c.platform_id, c.placed, c.standing, c.cancelling, count(*) AS n FROM tenant.customers c
    WHERE c.platform_id = @platform_id GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT k.platform_id, k.placed, k.standing, k.cancelling, -k.customers FROM tenant.customer_counts k WHERE k.platform_id = @platform_id
) d GROUP BY 1, 2, 3, 4 HAVING sum(d.n) <> 0;

-- name: CustomersByStanding :one
SELECT coalesce(sum(customers), 0)::bigint AS customers,
    coalesce(sum(customers) FILTER (WHERE standing = 'active'), 0)::bigint AS active,
    coalesce(sum(customers) FILTER (WHERE standing = 'trialing'), 0)::bigint AS trialing,
    coalesce(sum(customers) FILTER (WHERE standing = 'past_due'), 0)::bigint AS past_due,
    coalesce(sum(customers) FILTER (WHERE cancelling), 0)::bigint AS cancelling
FROM tenant.customer_counts WHERE platform_id = @platform_id;

-- name: Happened :exec
-- What is known by its id already is not written again.
INSERT INTO tenant.timeline (platform_id, id, customer_id, kind, via, detail)
SELECT k.platform_id, k.id, k.customer_id, k.kind, k.via, k.detail::jsonb
FROM (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@ids::text[]) AS id, unnest(@customers::text[]) AS customer_id,
    unnest(@kinds::text[]) AS kind, unnest(@vias::text[]) AS via, unnest(@details::text[]) AS detail) k
ORDER BY k.platform_id, k.id
ON CONFLICT DO NOTHING;

-- name: Timeline :many
-- Of one customer, the latest first, with what was granted and given back.
SELECT t.id, t.customer_id, t.at, t.kind, t.via, t.detail FROM (
    (SELECT l.id, l.customer_id, l.at, l.kind, l.via, l.detail FROM tenant.timeline l
    WHERE l.platform_id = @platform_id AND l.customer_id = @customer_id AND (l.at, l.id) < (@before::timestamptz, @before_id::text)
    ORDER BY l.at DESC, l.id DESC LIMIT @most)
    UNION ALL
    (SELECT a.id, a.user_id, a.created_at, a.kind, '',
        jsonb_build_object('meter', a.meter, 'quantity', a.quantity, 'expires', a.expires, 'reason', a.reason)
    FROM tenant_usage.adjustments a
    WHERE a.platform_id = @platform_id AND a.user_id = @customer_id AND (a.created_at, a.id) < (@before::timestamptz, @before_id::text)
    ORDER BY a.created_at DESC, a.id DESC LIMIT @most)
) t
ORDER BY t.at DESC, t.id DESC LIMIT @most;

-- name: LatestHappened :many
-- Of all, the latest first, with what was granted and given back, whose ids are in the order of time. Of who is no customer the detail
-- says who it was.
SELECT t.id, t.customer_id, t.at, t.kind, t.via, t.detail FROM (
    (SELECT l.id, l.customer_id, l.at, l.kind, l.via, l.detail FROM tenant.timeline l
    WHERE l.platform_id = @platform_id AND l.kind NOT IN ('stripe_event', 'sessions_ended') ORDER BY l.at DESC, l.id DESC LIMIT @most)
    UNION ALL
    (SELECT a.id, coalesce(c.id, ''), a.created_at, a.kind, '',
        jsonb_build_object('meter', a.meter, 'quantity', a.quantity, 'expires', a.expires, 'reason', a.reason)
            || CASE WHEN c.id IS NULL THEN jsonb_build_object('userId', a.user_id) ELSE '{}' END
    FROM (
        SELECT x.id, x.user_id, x.meter, x.kind, x.quantity, x.expires, x.reason, x.created_at FROM tenant_usage.adjustments x
        WHERE x.platform_id = @platform_id ORDER BY x.id DESC LIMIT @most
    ) a
    LEFT JOIN tenant.customers c ON c.platform_id = @platform_id AND c.id = a.user_id COLLATE "default")
) t
ORDER BY t.at DESC, t.id DESC LIMIT @most;

-- name: ForgetTimeline :exec
DELETE FROM tenant.timeline WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: SweepTimeline :execrows
DELETE FROM tenant.timeline WHERE (platform_id, id) IN (
    SELECT platform_id, id FROM tenant.timeline
    WHERE platform_id = ANY(@platform_ids::text[]) AND at < dreamapi.now() - make_interval(days => @keep_days)
    LIMIT @most
);

-- name: CurrentPlans :many
SELECT p.customer_id, p.kind, coalesce(p.plan, '')::text AS plan, p.since, p.current_period_start, p.current_period_end,
    coalesce(p.interval, '')::text AS interval, coalesce(p.interval_count, 0)::int AS interval_count
FROM tenant.current_plans p WHERE p.platform_id = @platform_id AND p.customer_id = ANY(@ids::text[]);

-- name: UpdateCustomer :exec
WITH was AS (
    SELECT c.placed, c.standing, c.cancelling FROM tenant.customers c WHERE c.platform_id = @platform_id AND c.id = @id
), updated AS (
    UPDATE tenant.customers c
    SET first_name = coalesce(sqlc.narg(first_name), c.first_name),
        last_name = coalesce(sqlc.narg(last_name), c.last_name),
        plan = coalesce(sqlc.narg(plan), c.plan),
        metadata = (c.metadata || @metadata_set::jsonb) - @metadata_removed::text[],
        updated_at = dreamapi.now()
    WHERE c.platform_id = @platform_id AND c.id = @id
    RETURNING c.platform_id, c.id, c.placed, c.standing, c.cancelling
), counted AS (
    INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
    SELECT u.platform_id, w.placed, w.standing, w.cancelling, -1 FROM updated u, was w WHERE w.placed <> u.placed
    UNION ALL
    SELECT u.platform_id, u.placed, u.standing, u.cancelling, 1 FROM updated u, was w WHERE w.placed <> u.placed
)
SELECT tenant.user_changed(u.platform_id, u.id) FROM updated u;

-- name: LockCustomer :one
SELECT kind, vouched FROM tenant.customers WHERE platform_id = @platform_id AND id = @id FOR UPDATE;

-- name: KeepCustomer :one
-- Holds off who would delete the customer, and nobody else.
SELECT true::boolean FROM tenant.customers WHERE platform_id = @platform_id AND id = @id FOR KEY SHARE;

-- name: Vouch :execrows
UPDATE tenant.customers SET vouched = true
WHERE platform_id = @platform_id AND id = @id AND kind = 'clerk' AND NOT vouched AND lower(email) = ANY (@proved::text[])
RETURNING tenant.user_changed(platform_id, id);

-- name: SetCustomerEmail :execrows
-- An address that the user still has stays: the platform may know the user by another one than the primary.
UPDATE tenant.customers SET email = @email, updated_at = dreamapi.now()
WHERE platform_id = @platform_id AND id = @id AND kind = 'clerk' AND lower(email) <> ALL (@addresses::text[]);

-- name: DeleteCustomer :execrows
WITH gone AS (
    DELETE FROM tenant.customers c WHERE c.platform_id = @platform_id AND c.id = @id
    RETURNING c.platform_id, c.placed, c.standing, c.cancelling
)
INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
SELECT platform_id, placed, standing, cancelling, -1 FROM gone;

-- name: InsertIntent :one
INSERT INTO tenant.customer_intents (platform_id, id, email, first_name, last_name, plan, idempotency_key)
VALUES (@platform_id, @id, @email, @first_name, @last_name, @plan, @idempotency_key)
RETURNING *;

-- name: LockIntent :one
SELECT * FROM tenant.customer_intents WHERE platform_id = @platform_id AND id = @id FOR UPDATE;

-- name: TakeUpIntent :one
UPDATE tenant.customer_intents SET tried_at = dreamapi.now()
WHERE platform_id = @platform_id AND idempotency_key = @idempotency_key
    AND tried_at < dreamapi.now() - interval '1 minute'
RETURNING *;

-- name: LetIntentGo :exec
-- A retry may take it up at once; what is left after two minutes is settled.
UPDATE tenant.customer_intents SET tried_at = least(tried_at, dreamapi.now() - interval '61 seconds')
WHERE platform_id = @platform_id AND id = @id;

-- name: DeleteIntent :exec
DELETE FROM tenant.customer_intents WHERE platform_id = @platform_id AND id = @id;

-- name: AbandonIntent :execrows
DELETE FROM tenant.customer_intents WHERE platform_id = @platform_id AND id = @id AND tried_at = @tried_at;

-- name: LeftIntents :many
SELECT * FROM tenant.customer_intents
WHERE platform_id = ANY(@platform_ids::text[]) AND tried_at < dreamapi.now() - interval '2 minutes'
ORDER BY platform_id, id LIMIT 1000;

-- name: JoinUser :one
SELECT directory.join_user(@user_id)::text AS state;

-- name: LeaveUser :one
SELECT coalesce(directory.leave_user(@user_id), '')::text AS state;

-- name: SeeOffUser :exec
SELECT directory.see_off_user(@user_id);

-- name: UserState :one
SELECT coalesce(directory.user_state(@user_id), '')::text AS state;

-- name: UserGone :exec
SELECT directory.user_gone(@user_id);

-- name: PlatformsOfUser :one
SELECT directory.platforms_of_user(@user_id)::text[];

-- name: EndUser :one
SELECT directory.end_user(@user_id)::text[];

-- name: UsersLeaving :one
SELECT directory.users_leaving()::text[];

-- name: InsertClerkEvent :execrows
INSERT INTO tenant.clerk_events (id, type, user_id, session_id) VALUES (@id, @type, @user_id, @session_id)
ON CONFLICT DO NOTHING;

-- name: ClerkEvent :one
SELECT * FROM tenant.clerk_events WHERE id = @id AND (processed_at IS NULL OR @again::boolean);

-- name: LeftClerkEvents :many
SELECT id FROM tenant.clerk_events
WHERE processed_at IS NULL AND received_at < dreamapi.now() - interval '5 minutes'
ORDER BY received_at LIMIT 1000;

-- name: ClerkEventShown :exec
UPDATE tenant.clerk_events SET shown = shown || @platform_ids::text[] WHERE id = @id AND NOT shown @> @platform_ids::text[];

-- name: ClerkEventWorked :one
-- One after another, of attempts at once.
UPDATE tenant.clerk_events SET processed_at = CASE WHEN @done::boolean THEN dreamapi.now() ELSE processed_at END
WHERE id = @id RETURNING shown;

-- name: SweepClerkEvents :exec
DELETE FROM tenant.clerk_events WHERE processed_at < dreamapi.now() - interval '30 days';

-- name: Connection :one
SELECT account, name, charges_enabled, connected_at, ended_at, end_reason FROM tenant.connections
WHERE platform_id = @platform_id;

-- name: SetConnection :exec
INSERT INTO tenant.connections (platform_id, account, name, charges_enabled)
VALUES (@platform_id, @account, @name, @charges_enabled)
ON CONFLICT (platform_id) DO UPDATE SET account = excluded.account, name = excluded.name,
    charges_enabled = excluded.charges_enabled, connected_at = dreamapi.now(), checked_at = dreamapi.now(), ended_at = NULL,
    end_reason = NULL;

-- name: EndConnection :execrows
UPDATE tenant.connections SET ended_at = dreamapi.now(), end_reason = @reason
WHERE platform_id = @platform_id AND account = @account AND ended_at IS NULL;

-- name: RefreshConnection :exec
UPDATE tenant.connections SET name = @name, charges_enabled = @charges_enabled, checked_at = dreamapi.now()
WHERE platform_id = @platform_id AND account = @account AND ended_at IS NULL;

-- name: LiveSubscriptionsElsewhere :one
-- And what may become one, or is still to be ended there.
SELECT (SELECT count(*) FROM billing.subscriptions s
        WHERE s.platform_id = @platform_id AND s.account <> @account
            AND s.status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused'))
    + (SELECT count(*) FROM billing.checkouts c
        WHERE c.platform_id = @platform_id AND c.account <> @account AND c.kind = 'subscribe' AND c.status = 'open')
    + (SELECT count(*) FROM billing.endings e
        WHERE e.platform_id = @platform_id AND e.account <> @account AND e.done_at IS NULL);

-- name: LinkAccount :one
SELECT directory.link_account(@account)::boolean;

-- name: UnlinkAccount :one
SELECT directory.unlink_account(@account)::boolean;

-- name: LiveLacks :one
SELECT directory.live_lacks()::text;

-- name: InsertExternalCustomer :execrows
-- None where somebody was quicker.
WITH made AS (
    INSERT INTO tenant.customers (platform_id, id, kind, plan) VALUES (@platform_id, @id, 'external', @plan)
    ON CONFLICT DO NOTHING
    RETURNING platform_id, id, placed, standing, cancelling
), counted AS (
    INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers)
    SELECT platform_id, placed, standing, cancelling, 1 FROM made
)
SELECT tenant.user_changed(platform_id, id) FROM made;

-- name: Mode :one
SELECT directory.mode()::text;

-- name: CustomersByPlan :many
-- Whose grace is over and who has not been moved yet, which takes a minute at the most, is moved here.
SELECT coalesce(NULLIF(n.placed, ''), (SELECT d.name FROM tenant.default_tiers d WHERE d.platform_id = @platform_id), '')::text AS plan,
    sum(n.customers)::bigint AS customers
FROM (
    SELECT placed, customers FROM tenant.customer_counts WHERE platform_id = @platform_id
    UNION ALL
    SELECT c.placed, -1 FROM tenant.customers c WHERE c.platform_id = @platform_id AND c.subscribed_until <= dreamapi.now()
    UNION ALL
    SELECT coalesce(c.plan, ''), 1 FROM tenant.customers c WHERE c.platform_id = @platform_id AND c.subscribed_until <= dreamapi.now()
) n
GROUP BY 1 HAVING sum(n.customers) <> 0 ORDER BY 1;

-- name: OpenPlatforms :one
-- How many of the platforms have a secret key that works.
SELECT count(DISTINCT platform_id) FROM tenant.keys
WHERE platform_id = ANY(@platform_ids::text[]) AND kind = 'secret' AND revoked_at IS NULL AND (expires_at IS NULL OR dreamapi.now() < expires_at);

-- name: DefaultTier :one
SELECT name FROM tenant.default_tiers WHERE platform_id = @platform_id;

-- name: HasCustomers :one
SELECT EXISTS (SELECT FROM tenant.customers WHERE platform_id = @platform_id);

-- name: SignIn :one
SELECT * FROM tenant.sign_in WHERE platform_id = @platform_id;

-- name: InsertSignIn :exec
-- A project's name may be longer, and hold what a name on a page must not.
INSERT INTO tenant.sign_in (platform_id, product_name)
SELECT p.id, trim(left(regexp_replace(j.name, '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffd]', '', 'g'), 60))
FROM platform.platforms p JOIN platform.projects j ON j.id = p.project_id WHERE p.id = @platform_id;

-- name: LockSignIn :one
SELECT * FROM tenant.sign_in WHERE platform_id = @platform_id FOR UPDATE;

-- name: SetSignIn :exec
UPDATE tenant.sign_in
SET product_name = @product_name, logo = @logo, color = @color, home_url = @home_url, terms_url = @terms_url,
    privacy_url = @privacy_url, support_url = @support_url, sign_up = @sign_up, email_domains = @email_domains,
    sign_ups_per_hour = @sign_ups_per_hour, plan = @plan
WHERE platform_id = @platform_id;

-- name: CountSignUp :execrows
-- Nothing is counted beyond the limit.
INSERT INTO tenant.sign_ups AS u (platform_id, hour, source, count)
VALUES (@platform_id, date_trunc('hour', dreamapi.now(), 'UTC'), @source, 1)
ON CONFLICT (platform_id, hour, source) DO UPDATE SET count = u.count + 1 WHERE u.count < @most::int;

-- name: ToNextHour :one
SELECT extract(epoch FROM date_trunc('hour', dreamapi.now(), 'UTC') + interval '1 hour' - dreamapi.now())::double precision;

-- name: InsertCode :exec
INSERT INTO tenant.sign_in_codes (platform_id, hash, customer_id, redirect_url, code_challenge, publishable_key,
    clerk_session_id, authenticated_at, user_agent, expires_at)
VALUES (@platform_id, @hash, @customer_id, @redirect_url, @code_challenge, @publishable_key, @clerk_session_id,
    dreamapi.now() - make_interval(mins => @minutes_ago::int), @user_agent,
    dreamapi.now() + make_interval(secs => @seconds::double precision));

-- name: LockCode :one
SELECT sqlc.embed(c), (dreamapi.now() < expires_at)::boolean AS good FROM tenant.sign_in_codes c
WHERE platform_id = @platform_id AND hash = @hash FOR UPDATE;

-- name: UseCode :exec
UPDATE tenant.sign_in_codes SET session_id = @session_id WHERE platform_id = @platform_id AND hash = @hash;

-- name: InsertSession :one
INSERT INTO tenant.sessions (platform_id, id, customer_id, kind, hash, retry_hash, publishable_key, clerk_session_id,
    authenticated_at, user_agent, expires_at)
VALUES (@platform_id, @id, @customer_id, @kind, @hash, @retry_hash, @publishable_key, @clerk_session_id,
    coalesce(sqlc.narg(authenticated_at), dreamapi.now() - make_interval(mins => @minutes_ago::int)), @user_agent,
    dreamapi.now() + make_interval(days => @days::int))
RETURNING *;

-- name: SecondsUntil :one
SELECT (-extract(epoch FROM dreamapi.now() - @at::timestamptz))::double precision;

-- name: EndOldSessions :execrows
-- Those beyond so many that were used last.
UPDATE tenant.sessions e SET ended_at = dreamapi.now(), end_reason = 'signed_out'
WHERE e.platform_id = @platform_id AND e.id IN (
    SELECT s.id FROM tenant.sessions s
    WHERE s.platform_id = @platform_id AND s.customer_id = @customer_id AND s.ended_at IS NULL
    ORDER BY s.seen_at DESC, s.id DESC OFFSET @most::int
);

-- name: LockSession :one
SELECT sqlc.embed(s), (ended_at IS NULL AND dreamapi.now() < expires_at
    AND dreamapi.now() < seen_at + make_interval(days => @idle_days::int))::boolean AS lives
FROM tenant.sessions s WHERE platform_id = @platform_id AND id = @id FOR UPDATE;

-- name: RenewSession :exec
UPDATE tenant.sessions
SET generation = @generation, retry_hash = @retry_hash, seen_at = dreamapi.now(),
    token_until = greatest(token_until, @token_until::timestamptz)
WHERE platform_id = @platform_id AND id = @id;

-- name: PageSession :one
SELECT sqlc.embed(s), (seen_at < dreamapi.now() - interval '1 minute')::boolean AS unseen,
    (dreamapi.now() < authenticated_at + make_interval(mins => @fresh_minutes::int))::boolean AS fresh
FROM tenant.sessions s
WHERE platform_id = @platform_id AND hash = @hash AND ended_at IS NULL AND dreamapi.now() < expires_at
    AND dreamapi.now() < seen_at + make_interval(days => @idle_days::int);

-- name: TouchPageSession :exec
UPDATE tenant.sessions s SET seen_at = dreamapi.now()
WHERE s.platform_id = @platform_id
    AND s.id = (SELECT l.id FROM tenant.sessions l WHERE l.platform_id = @platform_id AND l.id = @id FOR UPDATE SKIP LOCKED);

-- name: LiveSessions :many
SELECT id, kind, user_agent, created_at, seen_at FROM tenant.sessions
WHERE platform_id = @platform_id AND customer_id = @customer_id AND ended_at IS NULL AND dreamapi.now() < expires_at
    AND dreamapi.now() < seen_at + make_interval(days => @idle_days::int)
ORDER BY seen_at DESC, id DESC;

-- name: ClerkSessionsOf :many
-- Of one session, or of all of the customer's.
SELECT DISTINCT clerk_session_id FROM tenant.sessions
WHERE platform_id = @platform_id AND customer_id = @customer_id AND (sqlc.narg(id)::text IS NULL OR id = sqlc.narg(id)) ORDER BY 1;

-- name: EndSessions :execrows
-- One session, or all of the customer's.
UPDATE tenant.sessions SET ended_at = dreamapi.now(), end_reason = @reason
WHERE platform_id = @platform_id AND customer_id = @customer_id AND ended_at IS NULL
    AND (sqlc.narg(id)::text IS NULL OR id = sqlc.narg(id));

-- name: EndSessionsOfClerk :execrows
-- Those that came of one session at Clerk, or all of the customer's.
UPDATE tenant.sessions SET ended_at = dreamapi.now(), end_reason = 'clerk'
WHERE platform_id = @platform_id AND customer_id = @customer_id AND ended_at IS NULL
    AND (sqlc.narg(clerk_session_id)::text IS NULL OR clerk_session_id = sqlc.narg(clerk_session_id));

-- name: UserChanged :exec
SELECT tenant.user_changed(@platform_id, @user_id);

-- name: EndCodes :exec
-- Long ago: a transaction that began before this one has an earlier now.
UPDATE tenant.sign_in_codes SET expires_at = '2000-01-01'
WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: DropCodes :exec
-- Those that came of one session at Clerk, or all of the customer's: the worker's way to end them.
DELETE FROM tenant.sign_in_codes
WHERE platform_id = @platform_id AND customer_id = @customer_id
    AND (sqlc.narg(clerk_session_id)::text IS NULL OR clerk_session_id = sqlc.narg(clerk_session_id));

-- name: InsertInvitation :exec
INSERT INTO tenant.invitations (platform_id, id, email, plan, hash, expires_at)
VALUES (@platform_id, @id, @email, @plan, @hash, dreamapi.now() + make_interval(days => @days::int));

-- name: Invitations :many
SELECT sqlc.embed(i), dreamapi.now()::timestamptz AS now FROM tenant.invitations i
WHERE platform_id = @platform_id AND (sqlc.narg(before)::text IS NULL OR id < sqlc.narg(before))
ORDER BY id DESC LIMIT @max;

-- name: Invitation :one
SELECT sqlc.embed(i), dreamapi.now()::timestamptz AS now FROM tenant.invitations i
WHERE platform_id = @platform_id AND id = @id;

-- name: LockInvitation :one
SELECT sqlc.embed(i), dreamapi.now()::timestamptz AS now FROM tenant.invitations i
WHERE platform_id = @platform_id AND hash = @hash FOR UPDATE;

-- name: CountInvitations :one
SELECT count(*) FROM tenant.invitations
WHERE platform_id = @platform_id AND accepted_at IS NULL AND revoked_at IS NULL AND dreamapi.now() < expires_at;

-- name: AcceptInvitation :exec
UPDATE tenant.invitations SET accepted_at = dreamapi.now(), accepted_by = @customer_id
WHERE platform_id = @platform_id AND id = @id;

-- name: RevokeInvitation :execrows
UPDATE tenant.invitations SET revoked_at = coalesce(revoked_at, dreamapi.now())
WHERE platform_id = @platform_id AND id = @id AND accepted_at IS NULL;

-- name: SweepCodes :execrows
DELETE FROM tenant.sign_in_codes WHERE (platform_id, hash) IN (
    SELECT platform_id, hash FROM tenant.sign_in_codes
    WHERE platform_id = ANY(@platform_ids::text[]) AND expires_at < dreamapi.now() - interval '1 day' LIMIT @most);

-- name: SweepSessions :execrows
DELETE FROM tenant.sessions WHERE (platform_id, id) IN (
    SELECT platform_id, id FROM tenant.sessions
    WHERE platform_id = ANY(@platform_ids::text[]) AND least(ended_at, expires_at) < dreamapi.now() - interval '30 days' LIMIT @most);

-- name: SweepSignUps :execrows
DELETE FROM tenant.sign_ups WHERE (platform_id, hour, source) IN (
    SELECT platform_id, hour, source FROM tenant.sign_ups
    WHERE platform_id = ANY(@platform_ids::text[]) AND hour < dreamapi.now() - interval '1 day' LIMIT @most);

-- name: ClerkSessionEnded :exec
INSERT INTO tenant.clerk_sessions_ended (id) VALUES (@id) ON CONFLICT DO NOTHING;

-- name: WeEndedClerkSession :one
SELECT EXISTS (SELECT FROM tenant.clerk_sessions_ended WHERE id = @id)::boolean;

-- name: SweepClerkSessionsEnded :exec
DELETE FROM tenant.clerk_sessions_ended WHERE ended_at < dreamapi.now() - interval '30 days';

-- name: RecordEvent :execrows
INSERT INTO tenant.events (platform_id, id, source, endpoint, type, object_id, customer_id, state, problem, payload)
VALUES (@platform_id, @id, @source, @endpoint, @type, @object_id, @customer_id, @state, sqlc.narg(problem), sqlc.narg(payload))
ON CONFLICT DO NOTHING;

-- name: RecordUserEvent :exec
-- On each platform on which the user is a customer, whose row is held, so that nobody is written down who is being deleted.
INSERT INTO tenant.events (platform_id, id, source, endpoint, type, object_id, customer_id, payload)
SELECT c.platform_id, @id, 'clerk', 'users', @type, c.id, c.id, @payload::jsonb FROM tenant.customers c
WHERE c.platform_id = ANY(@platform_ids::text[]) AND c.id = @user_id AND c.kind = 'clerk' FOR SHARE
ON CONFLICT DO NOTHING;

-- name: RecordChangingUserEvent :exec
-- While it is being worked: how that comes out is written down at its end.
INSERT INTO tenant.events (platform_id, id, source, endpoint, type, object_id, customer_id, payload)
VALUES (@platform_id, @id, 'clerk', 'users', @type, @user_id, @user_id, @payload)
ON CONFLICT DO NOTHING;

-- name: EventTried :exec
-- Of two attempts at once the one that succeeded counts.
UPDATE tenant.events SET state = @state, problem = sqlc.narg(problem), took_ms = @took_ms, attempts = attempts + 1, tried_at = dreamapi.now()
WHERE platform_id = ANY(@platform_ids::text[]) AND id = @id AND (@state::text <> 'failed' OR state <> 'processed');

-- name: Events :many
-- The bounds are always there, so that each plan of it begins in the index where the page does.
SELECT id, source, endpoint, type, object_id, customer_id, state, attempts, problem, took_ms, received_at, tried_at FROM tenant.events e
WHERE e.platform_id = @platform_id
    AND (sqlc.narg(type)::text IS NULL OR e.type = sqlc.narg(type))
    AND (sqlc.narg(state)::text IS NULL OR e.state = sqlc.narg(state))
    AND e.received_at >= @since::timestamptz AND e.received_at < @until::timestamptz
    AND (e.received_at, e.id) < (@before::timestamptz, @before_id::text)
ORDER BY e.received_at DESC, e.id DESC LIMIT @most;

-- name: OneEvent :one
SELECT * FROM tenant.events WHERE platform_id = @platform_id AND id = @id;

-- name: LockEvent :one
-- Whether there is a job for it. One that has waited for long may have lost it, and to work it twice is no harm.
SELECT (state = 'waiting' AND asked_at > dreamapi.now() - interval '1 minute')::boolean AS waits FROM tenant.events
WHERE platform_id = @platform_id AND id = @id FOR UPDATE;

-- name: EventWaits :exec
UPDATE tenant.events SET state = 'waiting', asked_at = dreamapi.now() WHERE platform_id = @platform_id AND id = @id;

-- name: EventTypes :many
-- From each type to the next by the index, so that it takes as long as there are types, and not events.
WITH RECURSIVE types AS (
    (SELECT e.type FROM tenant.events e WHERE e.platform_id = @platform_id ORDER BY e.type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.type FROM tenant.events e WHERE e.platform_id = @platform_id AND e.type > t.type ORDER BY e.type LIMIT 1)
    FROM types t WHERE t.type IS NOT NULL
)
SELECT t.type::text FROM types t WHERE t.type IS NOT NULL;

-- name: FailedEvents :one
SELECT count(*) FROM (
    SELECT FROM tenant.events e WHERE e.platform_id = @platform_id AND e.state = 'failed' LIMIT @most
) failures;

-- name: ForgetEvents :exec
UPDATE tenant.events SET customer_id = '', object_id = '', payload = NULL
WHERE platform_id = @platform_id AND customer_id = @customer_id;

-- name: SweepEvents :execrows
DELETE FROM tenant.events WHERE (platform_id, id) IN (
    SELECT e.platform_id, e.id FROM tenant.events e
    WHERE e.platform_id = ANY(@platform_ids::text[]) AND e.received_at < dreamapi.now() - interval '30 days' LIMIT @most);
