-- name: BoundLocks :exec
-- Nobody waits long for a row that somebody holds.
SET LOCAL lock_timeout = '100ms';

-- name: MakeUsers :exec
-- A row that is there is left alone: to look for a conflict with it would be to wait for whoever is changing it.
INSERT INTO tenant_usage.users (platform_id, user_id)
SELECT k.platform_id, k.user_id
FROM (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@users::text[]) AS user_id) k
WHERE NOT EXISTS (SELECT FROM tenant_usage.users u WHERE u.platform_id = k.platform_id AND u.user_id = k.user_id)
ORDER BY k.platform_id, k.user_id
ON CONFLICT DO NOTHING;

-- name: LockUsers :many
-- Locks them in the order of their keys, as the fast lane does.
SELECT u.* FROM tenant_usage.users u
JOIN (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@users::text[]) AS user_id) k
    ON k.platform_id = u.platform_id AND k.user_id = u.user_id
ORDER BY u.platform_id, u.user_id
FOR UPDATE OF u;

-- name: LockFreeUsers :many
-- Likewise those whom nobody holds.
SELECT u.* FROM tenant_usage.users u
JOIN (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@users::text[]) AS user_id) k
    ON k.platform_id = u.platform_id AND k.user_id = u.user_id
ORDER BY u.platform_id, u.user_id
FOR UPDATE OF u SKIP LOCKED;

-- name: User :one
SELECT * FROM tenant_usage.users WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: LockUser :one
SELECT * FROM tenant_usage.users WHERE platform_id = @platform_id AND user_id = @user_id FOR UPDATE;

-- name: WriteUser :batchexec
UPDATE tenant_usage.users
SET settled = @settled, minute = @minute, calls = @calls, day = @day, slots = @slots, starts = @starts, ends = @ends,
    counts = @counts, extras = @extras, kept = @kept, today = @today
WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: ForgetUntouched :exec
-- A row that was made for a call which then counted nothing.
DELETE FROM tenant_usage.users u
USING (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@users::text[]) AS user_id) k
WHERE u.platform_id = k.platform_id AND u.user_id = k.user_id AND u.epoch = 0 AND u.calls = 0 AND u.slots = '{}';

-- name: MakePlatforms :exec
INSERT INTO tenant_usage.platforms (platform_id)
SELECT k.platform_id FROM (SELECT unnest(@platforms::text[]) AS platform_id) k
WHERE NOT EXISTS (SELECT FROM tenant_usage.platforms p WHERE p.platform_id = k.platform_id)
ORDER BY k.platform_id
ON CONFLICT DO NOTHING;

-- name: PlatformRate :one
SELECT s.rate_limit, coalesce(p.minute, '0001-01-01 00:00:00+00')::timestamptz AS minute, coalesce(p.calls, 0)::int AS calls
FROM tenant.settings s LEFT JOIN tenant_usage.platforms p ON p.platform_id = s.platform_id
WHERE s.platform_id = @platform_id;

-- name: LockPlatforms :many
SELECT * FROM tenant_usage.platforms WHERE platform_id = ANY(@platforms::text[]) ORDER BY platform_id FOR UPDATE;

-- name: LockFreePlatforms :many
-- Likewise those that nobody holds.
SELECT * FROM tenant_usage.platforms WHERE platform_id = ANY(@platforms::text[]) ORDER BY platform_id FOR UPDATE SKIP LOCKED;

-- name: WritePlatform :batchexec
UPDATE tenant_usage.platforms SET minute = @minute, calls = @calls, month = @month, tracked = @tracked
WHERE platform_id = @platform_id;

-- name: Epochs :many
SELECT platform_id, epoch FROM tenant.settings WHERE platform_id = ANY(@platforms::text[]);

-- name: Now :one
SELECT dreamapi.now()::timestamptz AS now;

-- name: Receipts :many
SELECT r.* FROM tenant_usage.receipts r
JOIN (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@ids::uuid[]) AS id) k
    ON k.platform_id = r.platform_id AND k.id = r.id;

-- name: KeepReceipt :batchexec
INSERT INTO tenant_usage.receipts (platform_id, id, fingerprint, refused, count, max, extra, plan, slot, starts, ends, created_at)
VALUES (@platform_id, @id, @fingerprint, @refused, @count, @max, @extra, @plan, @slot, @starts, @ends, dreamapi.now());

-- name: Journal :exec
-- Each tally is a group, and all were counted.
INSERT INTO tenant_usage.journal (at, platforms, meters, plans, counts, tallies, counted)
VALUES (dreamapi.now(), @platforms, @meters, @plans, @counts::bigint[],
    ARRAY(SELECT generate_series(1, cardinality(@counts::bigint[]))), ARRAY(SELECT generate_series(1, cardinality(@counts::bigint[]))));

-- name: EndDay :batchexec
INSERT INTO tenant_usage.days AS d (platform_id, user_id, meter, day, count)
VALUES (@platform_id, @user_id, @meter, @day, @count)
ON CONFLICT (platform_id, user_id, meter, day) DO UPDATE SET count = d.count + excluded.count;

-- name: Adjust :batchexec
INSERT INTO tenant_usage.adjustments (platform_id, id, user_id, meter, kind, quantity, expires, reason)
VALUES (@platform_id, @id, @user_id, @meter, @kind, @quantity, @expires, @reason);

-- name: Adjustments :many
SELECT id, user_id, meter, kind, quantity, expires, reason, created_at FROM tenant_usage.adjustments
WHERE platform_id = @platform_id AND user_id = @user_id AND (@after::text = '' OR id < @after)
ORDER BY id DESC LIMIT @most;

-- name: TakeJournal :many
-- Some of it; each hour that it is about is added to before it is gone.
DELETE FROM tenant_usage.journal WHERE ctid = ANY (ARRAY(SELECT ctid FROM tenant_usage.journal LIMIT @most))
RETURNING at, platforms, meters, plans, counts, tallies, counted;

-- name: AddHours :exec
INSERT INTO tenant_usage.hours AS h (platform_id, hour, meter, plan, count)
SELECT k.platform_id, k.hour, k.meter, k.plan, k.count
FROM (SELECT unnest(@platforms::text[]) AS platform_id, unnest(@hours::timestamptz[]) AS hour, unnest(@meters::text[]) AS meter,
    unnest(@plans::text[]) AS plan, unnest(@counts::bigint[]) AS count) k
ORDER BY k.platform_id, k.hour, k.meter, k.plan
ON CONFLICT (platform_id, hour, meter, plan) DO UPDATE SET count = h.count + excluded.count;

-- name: Forget :exec
DELETE FROM tenant_usage.users WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: DaysOf :many
SELECT meter, day, count FROM tenant_usage.days WHERE platform_id = @platform_id AND user_id = @user_id ORDER BY day, meter;

-- name: ForgetDays :exec
DELETE FROM tenant_usage.days WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: ForgetAdjustments :exec
DELETE FROM tenant_usage.adjustments WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: SweepReceipts :execrows
-- 24 hours are promised.
DELETE FROM tenant_usage.receipts WHERE (platform_id, id) IN (
    SELECT platform_id, id FROM tenant_usage.receipts
    WHERE platform_id = ANY(@platform_ids::text[]) AND created_at < dreamapi.now() - interval '25 hours'
    LIMIT @most
);

-- name: SweepDays :execrows
DELETE FROM tenant_usage.days WHERE (platform_id, user_id, meter, day) IN (
    SELECT platform_id, user_id, meter, day FROM tenant_usage.days
    WHERE platform_id = ANY(@platform_ids::text[]) AND day < (dreamapi.now() - make_interval(days => @keep_days))::date
    LIMIT @most
);

-- name: SweepHours :execrows
DELETE FROM tenant_usage.hours WHERE (platform_id, hour, meter, plan) IN (
    SELECT platform_id, hour, meter, plan FROM tenant_usage.hours
    WHERE platform_id = ANY(@platform_ids::text[]) AND hour < dreamapi.now() - make_interval(days => @keep_days)
    LIMIT @most
);

-- name: Totals :many
SELECT split_part(s.slot, ' ', 1)::text AS meter, split_part(s.slot, ' ', 2)::text AS period, sum(s.count)::bigint AS count,
    count(*) AS users
FROM (SELECT unnest(slots) AS slot, unnest(starts) AS starts, unnest(ends) AS ends, unnest(counts) AS count
    FROM tenant_usage.users WHERE platform_id = @platform_id) s
WHERE s.starts <= dreamapi.now() AND dreamapi.now() < s.ends AND s.count > 0
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: DaysByPlan :many
-- What was counted of a meter on each of the last days (UTC), by plan. The present day is up to where the journal was added up.
SELECT (hour AT TIME ZONE 'UTC')::date AS day, plan, sum(count)::bigint AS count FROM tenant_usage.hours
WHERE platform_id = @platform_id AND meter = @meter
    AND hour >= date_trunc('day', dreamapi.now(), 'UTC') - make_interval(days => @days_before::int)
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: DaysThatDiffer :many
-- The days that are over and all of whose hours are kept, on which the hours of the platform are not what its users used. What
-- a user used on their last day is still in their row.
SELECT coalesce(k.day, s.day)::date AS day, coalesce(k.meter, s.meter)::text AS meter, coalesce(k.count, 0)::bigint AS days,
    coalesce(s.count, 0)::bigint AS hours
FROM (
    SELECT c.day, c.meter, sum(c.count) AS count FROM (
        SELECT d.day, d.meter, d.count FROM tenant_usage.days d WHERE d.platform_id = @platform_id
        UNION ALL
        SELECT t.day, split_part(t.slot, ' ', 1), t.count FROM (
            SELECT u.day, unnest(u.slots) AS slot, unnest(u.today) AS count FROM tenant_usage.users u WHERE u.platform_id = @platform_id
        ) t WHERE t.count <> 0
    ) c GROUP BY c.day, c.meter
) k
FULL JOIN (
    SELECT (h.hour AT TIME ZONE 'UTC')::date AS day, h.meter, sum(h.count) AS count FROM tenant_usage.hours h
    WHERE h.platform_id = @platform_id GROUP BY 1, 2
) s ON s.day = k.day AND s.meter = k.meter
WHERE coalesce(k.count, 0) <> coalesce(s.count, 0)
    AND coalesce(k.day, s.day) > (dreamapi.now() AT TIME ZONE 'UTC')::date - @keep_days::int
    AND coalesce(k.day, s.day) < (dreamapi.now() AT TIME ZONE 'UTC')::date
ORDER BY 1, 2;

-- name: HoursOfDay :many
SELECT hour, plan, count FROM tenant_usage.hours
WHERE platform_id = @platform_id AND meter = @meter AND hour >= @begins AND hour < @ends ORDER BY count DESC, hour, plan FOR UPDATE;

-- name: NearestDay :one
-- The day on which something was counted of the meter that is nearest to another one.
SELECT h.hour FROM tenant_usage.hours h
WHERE h.platform_id = @platform_id AND h.meter = @meter AND h.count > 0
ORDER BY abs(extract(epoch FROM h.hour - @begins::timestamptz)), h.hour LIMIT 1;

-- name: PutHour :batchexec
INSERT INTO tenant_usage.hours (platform_id, hour, meter, plan, count) VALUES (@platform_id, @hour, @meter, @plan, @count)
ON CONFLICT (platform_id, hour, meter, plan) DO UPDATE SET count = excluded.count;
