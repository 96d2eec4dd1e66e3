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
WHERE s.starts <= (SELECT dreamapi.now()) AND (SELECT dreamapi.now()) < s.ends AND s.count > 0
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: Present :one
-- The beginning of the present hour, day, week or month (UTC).
SELECT date_trunc(@unit::text, dreamapi.now(), 'UTC')::timestamptz AS start;

-- name: Counted :many
-- What was counted of a meter in each hour, day, week or month (UTC), by plan, up to where the journal was added up.
SELECT date_trunc(@unit::text, hour, 'UTC')::timestamptz AS start, plan, sum(count)::bigint AS count FROM tenant_usage.hours
WHERE platform_id = @platform_id AND meter = @meter AND hour >= @since AND (sqlc.narg('plan')::text IS NULL OR plan = sqlc.narg('plan'))
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: CountedOfUser :many
-- Likewise of one user, whose days alone are kept.
SELECT date_trunc(@unit::text, d.day::timestamp)::date AS start, sum(d.count)::bigint AS count
FROM (
    SELECT k.day, k.count FROM tenant_usage.days k
    WHERE k.platform_id = @platform_id AND k.user_id = @user_id AND k.meter = @meter
    UNION ALL
    SELECT s.day, s.today FROM (
        SELECT u.day, unnest(u.slots) AS slot, unnest(u.today) AS today FROM tenant_usage.users u
        WHERE u.platform_id = @platform_id AND u.user_id = @user_id
    ) s WHERE split_part(s.slot, ' ', 1) = @meter
) d
WHERE d.day >= @since::date AND d.count <> 0
GROUP BY 1 ORDER BY 1;

-- name: DueTops :many
-- Those of the platforms of which something was counted since their tops were taken, or of which some are of a day that is over, if
-- that was last tried long enough ago: a hundred times as long as it took, so that this costs a hundredth of a connection at the
-- most. The one first for which it was tried the longest ago.
SELECT k.platform_id::text AS platform_id, k.days::int AS days
FROM (SELECT p.platform_id, d.days FROM unnest(@platforms::text[]) AS p (platform_id), unnest(@spans::int[]) AS d (days)) k
LEFT JOIN tenant_usage.tops t ON t.platform_id = k.platform_id AND t.days = k.days
WHERE (t.tried_at IS NULL OR t.tried_at + greatest(100 * t.took_ms * interval '1 millisecond', interval '5 minutes') <= dreamapi.now())
    AND (EXISTS (SELECT FROM tenant_usage.hours h
            WHERE h.platform_id = k.platform_id AND h.hour >= date_trunc('hour', coalesce(t.taken_at, '-infinity'), 'UTC'))
        OR t.taken_at < date_trunc('day', dreamapi.now(), 'UTC')
            AND EXISTS (SELECT FROM tenant_usage.top_users u WHERE u.platform_id = k.platform_id AND u.days = k.days))
ORDER BY t.tried_at NULLS FIRST, k.platform_id, k.days;

-- name: ClaimTops :execrows
-- Writes down that it is tried; no row where it was, not so long ago.
INSERT INTO tenant_usage.tops AS t (platform_id, days, tried_at) VALUES (@platform_id, @days, dreamapi.now())
ON CONFLICT (platform_id, days) DO UPDATE SET tried_at = excluded.tried_at
WHERE t.tried_at + greatest(100 * t.took_ms * interval '1 millisecond', interval '5 minutes') <= dreamapi.now();

-- name: TopsFailed :exec
UPDATE tenant_usage.tops SET took_ms = greatest(took_ms, @took_ms) WHERE platform_id = @platform_id AND days = @days;

-- name: AddUpUsers :many
-- Who used most of each meter, or of one alone, on the last days with the present one.
SELECT r.meter::text AS meter, r.place::int AS place, r.user_id, r.count::bigint AS count
FROM (
    SELECT d.meter, d.user_id, sum(d.count) AS count,
        row_number() OVER (PARTITION BY d.meter ORDER BY sum(d.count) DESC, d.user_id) AS place
    FROM (
        SELECT k.meter, k.user_id, k.count FROM tenant_usage.days k
        WHERE k.platform_id = @platform_id AND k.day > (date_trunc('day', dreamapi.now(), 'UTC') AT TIME ZONE 'UTC')::date - @days::int
        UNION ALL
        SELECT split_part(s.slot, ' ', 1), s.user_id, s.today FROM (
            SELECT u.user_id, unnest(u.slots) AS slot, unnest(u.today) AS today FROM tenant_usage.users u
            WHERE u.platform_id = @platform_id AND u.day > (date_trunc('day', dreamapi.now(), 'UTC') AT TIME ZONE 'UTC')::date - @days::int
        ) s
    ) d
    WHERE sqlc.narg('meter')::text IS NULL OR d.meter = sqlc.narg('meter')
    GROUP BY d.meter, d.user_id HAVING sum(d.count) > 0
) r
WHERE r.place <= @most::int ORDER BY 1, 2;

-- name: DropTops :exec
DELETE FROM tenant_usage.top_users WHERE platform_id = @platform_id AND days = @days;

-- name: KeepTops :exec
-- But for those who have been forgotten meanwhile; who is being forgotten has to wait, and finds what is kept here.
WITH held AS (
    SELECT u.user_id FROM tenant_usage.users u WHERE u.platform_id = @platform_id AND u.user_id = ANY(@users::text[])
    ORDER BY u.user_id FOR KEY SHARE
)
INSERT INTO tenant_usage.top_users (platform_id, days, meter, place, user_id, count)
SELECT @platform_id, @days, k.meter, k.place, k.user_id, k.count
FROM (SELECT unnest(@meters::text[]) AS meter, unnest(@places::int[]) AS place, unnest(@users::text[]) AS user_id,
    unnest(@counts::bigint[]) AS count) k
JOIN held USING (user_id);

-- name: TopsTaken :execrows
-- Holds the row, so that two do not write at once. None where later ones are there.
UPDATE tenant_usage.tops SET taken_at = @taken_at, took_ms = @took_ms
WHERE platform_id = @platform_id AND days = @days AND (taken_at IS NULL OR taken_at <= @taken_at);

-- name: WhenTopsTaken :one
-- None where they have not been.
SELECT taken_at::timestamptz AS taken_at FROM tenant_usage.tops WHERE platform_id = @platform_id AND days = @days AND taken_at IS NOT NULL;

-- name: Tops :many
SELECT place, user_id, count FROM tenant_usage.top_users
WHERE platform_id = @platform_id AND days = @days AND meter = @meter ORDER BY place;

-- name: ForgetTops :exec
DELETE FROM tenant_usage.top_users WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: CustomersAmong :many
-- Those of the users who are customers, with their addresses.
SELECT id, coalesce(email, '')::text AS email FROM tenant.customers WHERE platform_id = @platform_id AND id = ANY(@users::text[]);

-- name: Reached :one
-- How many customers on a plan have used up so much of a meter in its present period. Their plan is what stands with them, or
-- the one below once a grace is over.
WITH wanted AS (SELECT @plan::text AS plan, @slot::text AS slot, @max::bigint AS max), members AS MATERIALIZED (
    SELECT c.id FROM wanted w, tenant.customers c
    WHERE c.platform_id = @platform_id AND w.plan = coalesce(
        NULLIF(CASE WHEN c.subscribed_until <= (SELECT dreamapi.now()) THEN coalesce(c.plan, '') ELSE c.placed END, ''),
        (SELECT d.name FROM tenant.default_tiers d WHERE d.platform_id = @platform_id))
), s AS (
    SELECT u.user_id, unnest(u.slots) AS slot, unnest(u.starts) AS starts, unnest(u.ends) AS ends, unnest(u.counts) AS count,
        unnest(u.extras) AS extra, unnest(u.kept) AS kept
    FROM tenant_usage.users u WHERE u.platform_id = @platform_id
)
SELECT count(*) FROM wanted w JOIN s ON s.slot = w.slot JOIN members m ON m.id = s.user_id COLLATE "default"
WHERE s.starts <= (SELECT dreamapi.now()) AND (SELECT dreamapi.now()) < s.ends AND s.count >= w.max + s.extra + s.kept;

-- name: AnyCounted :one
SELECT EXISTS (SELECT FROM tenant_usage.users WHERE platform_id = @platform_id AND slots <> '{}');

-- name: SumSince :many
-- What was counted of each meter since the present period of the calendar began; up to where the journal was added up.
SELECT meter, sum(count)::bigint AS count FROM tenant_usage.hours
WHERE platform_id = @platform_id AND hour >= date_trunc(@period::text, dreamapi.now(), 'UTC') GROUP BY meter;

-- name: LimitedMeters :many
-- What the tiers limit, and whether by the calendar alone.
SELECT meter, period, bool_and(anchor = 'calendar')::boolean AS calendar FROM tenant.tier_limits
WHERE platform_id = @platform_id GROUP BY meter, period ORDER BY meter, period;

-- name: NearCandidates :many
-- The users who, as their counters stand, have used most of a limit of their plan: four fifths of it, or more than that.
WITH limits AS MATERIALIZED (
    SELECT l.tier, l.max, l.meter || ' ' || l.period || CASE WHEN l.anchor = 'calendar' OR l.period = 'lifetime' THEN '' ELSE ' ' || l.anchor END AS slot
    FROM tenant.tier_limits l WHERE l.platform_id = @platform_id AND l.max > 0
), counters AS MATERIALIZED (
    SELECT s.* FROM (SELECT user_id, unnest(slots) AS slot, unnest(ends) AS ends, unnest(counts) AS count, unnest(extras) AS extra,
        unnest(kept) AS kept FROM tenant_usage.users WHERE platform_id = @platform_id) s
    WHERE s.ends > (SELECT dreamapi.now()) AND s.count * 5 >= (s.extra + s.kept + (SELECT min(max) FROM limits)) * 4
), fullest AS (
    SELECT s.user_id, max(s.count::double precision / (l.max + s.extra + s.kept)) AS share
    FROM counters s
    JOIN limits l ON l.slot = s.slot AND s.count * 5 >= (l.max + s.extra + s.kept) * 4
    JOIN tenant.customers c ON c.platform_id = @platform_id AND c.id = s.user_id COLLATE "default" AND l.tier = coalesce(
        NULLIF(CASE WHEN c.subscribed_until <= (SELECT dreamapi.now()) THEN coalesce(c.plan, '') ELSE c.placed END, ''),
        (SELECT d.name FROM tenant.default_tiers d WHERE d.platform_id = @platform_id))
    GROUP BY s.user_id ORDER BY share DESC, s.user_id LIMIT @most
)
SELECT user_id FROM fullest;

-- name: UsersAmong :many
SELECT * FROM tenant_usage.users WHERE platform_id = @platform_id AND user_id = ANY(@users::text[]);

-- name: CountUsers :one
-- How many users a platform has, up to a number.
SELECT count(*) FROM (SELECT FROM tenant_usage.users WHERE platform_id = @platform_id LIMIT @most) u;

-- name: ClaimSnapshot :execrows
-- Writes down that one is tried; no row where it was, not so long ago. It is old by what it takes to make another.
INSERT INTO tenant_usage.snapshots AS s (platform_id, tried_at) VALUES (@platform_id, dreamapi.now())
ON CONFLICT (platform_id) DO UPDATE SET tried_at = excluded.tried_at
WHERE s.tried_at IS NULL OR dreamapi.now() - s.tried_at > greatest(make_interval(secs => @pause_seconds::double precision), s.took * @times::int);

-- name: SnapshotFailed :exec
UPDATE tenant_usage.snapshots SET took = greatest(took, make_interval(secs => @seconds::double precision)) WHERE platform_id = @platform_id;

-- name: KeepSnapshot :execrows
-- Whoever keeps one holds its row, so that two do not write at once. None where a later one is there.
INSERT INTO tenant_usage.snapshots AS s (platform_id, at, tried_at, users, totals, took)
VALUES (@platform_id, @at::timestamptz, @at, @users, @totals, make_interval(secs => @seconds::double precision))
ON CONFLICT (platform_id) DO UPDATE
SET at = excluded.at, tried_at = greatest(s.tried_at, excluded.at), users = excluded.users, totals = excluded.totals, took = excluded.took
WHERE s.at IS NULL OR s.at <= excluded.at;

-- name: HaveSnapshot :exec
-- A row to lock, of a platform of which there is no snapshot yet.
INSERT INTO tenant_usage.snapshots (platform_id)
SELECT k.id FROM (SELECT @platform_id::text AS id) k
WHERE NOT EXISTS (SELECT FROM tenant_usage.snapshots s WHERE s.platform_id = k.id)
ON CONFLICT DO NOTHING;

-- name: KeepOffSnapshots :exec
-- Until this transaction ends no snapshot is kept: who changes what one has of a user, and who keeps one, would each wait for a row
-- of the other's.
SELECT FROM tenant_usage.snapshots WHERE platform_id = @platform_id FOR SHARE;

-- name: Snapshot :one
-- None where there is none yet. It is old by what it takes to make another.
SELECT at::timestamptz AS at, users, totals,
    (tried_at IS NULL OR (dreamapi.now() - tried_at)::interval > greatest(interval '2 seconds', took * 50))::boolean AS old
FROM tenant_usage.snapshots WHERE platform_id = @platform_id AND at IS NOT NULL;

-- name: ForgetNear :exec
DELETE FROM tenant_usage.near WHERE platform_id = @platform_id AND (sqlc.narg(user_id)::text IS NULL OR user_id = sqlc.narg(user_id));

-- name: KeepNear :exec
INSERT INTO tenant_usage.near (platform_id, user_id, meter, plan, count, max, share, period, ends)
SELECT @platform_id, k.user_id, k.meter, k.plan, k.count, k.max, k.share, k.period, k.ends
FROM (SELECT unnest(@users::text[]) AS user_id, unnest(@meters::text[]) AS meter, unnest(@plans::text[]) AS plan,
    unnest(@counts::bigint[]) AS count, unnest(@maxima::bigint[]) AS max, unnest(@shares::int[]) AS share,
    unnest(@periods::text[]) AS period, unnest(@ends::timestamptz[]) AS ends) k
ORDER BY k.user_id, k.meter
ON CONFLICT (platform_id, user_id, meter) DO UPDATE
SET plan = excluded.plan, count = excluded.count, max = excluded.max, share = excluded.share, period = excluded.period, ends = excluded.ends;

-- name: Near :many
SELECT n.user_id, coalesce(c.email, '')::text AS email, n.meter, n.plan, n.count, n.max, n.period, n.ends
FROM (
    SELECT x.* FROM tenant_usage.near x WHERE x.platform_id = @platform_id AND (SELECT dreamapi.now()) < x.ends
    ORDER BY x.share DESC, x.user_id DESC, x.meter LIMIT @most
) n
JOIN tenant.customers c ON c.platform_id = @platform_id AND c.id = n.user_id COLLATE "default"
ORDER BY n.share DESC, n.user_id DESC, n.meter;

-- name: CountNear :one
SELECT count(DISTINCT user_id) AS users, count(DISTINCT user_id) FILTER (WHERE count >= max) AS full
FROM tenant_usage.near WHERE platform_id = @platform_id AND (SELECT dreamapi.now()) < ends;

-- name: MarkActive :exec
INSERT INTO tenant_usage.activity (platform_id, at)
SELECT k.platform_id, dreamapi.now() FROM (SELECT unnest(@platforms::text[]) AS platform_id) k ORDER BY k.platform_id
ON CONFLICT (platform_id) DO UPDATE SET at = excluded.at;

-- name: DueSnapshots :many
-- Of platforms that were active since theirs, the one first of which it was tried the longest ago. What takes long is done more
-- seldom.
SELECT a.platform_id FROM tenant_usage.activity a LEFT JOIN tenant_usage.snapshots s ON s.platform_id = a.platform_id
WHERE a.platform_id = ANY(@platform_ids::text[]) AND (s.at IS NULL OR s.at < a.at)
    AND (s.tried_at IS NULL OR dreamapi.now() - s.tried_at > greatest(interval '1 minute', s.took * 30))
ORDER BY s.tried_at NULLS FIRST, a.platform_id;

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
