-- name: HitRateWindow :one
-- Every call counts, a refused one too. The window is a minute of UTC.
INSERT INTO tenant_usage.rate_windows AS w (platform_id, user_id, minute, calls)
VALUES (@platform_id, @user_id, date_trunc('minute', dreamapi.now(), 'UTC'), 1)
ON CONFLICT (platform_id, user_id) DO UPDATE
SET calls = CASE WHEN w.minute >= excluded.minute THEN w.calls + 1 ELSE 1 END,
    minute = greatest(w.minute, excluded.minute)
RETURNING calls, ceil(extract(epoch FROM minute + interval '1 minute' - dreamapi.now()))::int AS reset;

-- name: RateWindow :one
SELECT coalesce((
        SELECT calls FROM tenant_usage.rate_windows
        WHERE platform_id = @platform_id AND user_id = @user_id AND minute = date_trunc('minute', dreamapi.now(), 'UTC')
    ), 0)::int AS calls,
    ceil(extract(epoch FROM date_trunc('minute', dreamapi.now(), 'UTC') + interval '1 minute' - dreamapi.now()))::int AS reset;

-- name: Count :one
-- Counts the quantity if all of it fits below the limit, decided under the lock of the row; no row when it does not.
INSERT INTO tenant_usage.counters AS c (platform_id, user_id, meter, period, period_start, count)
SELECT @platform_id, @user_id, @meter, @period, dreamapi.period_start(@period, dreamapi.now()), @quantity::bigint
WHERE @quantity::bigint <= @max::bigint
ON CONFLICT (platform_id, user_id, meter, period, period_start) DO UPDATE
SET count = c.count + excluded.count
WHERE c.count + excluded.count <= @max::bigint
RETURNING count;

-- name: Counter :one
SELECT coalesce((
        SELECT count FROM tenant_usage.counters
        WHERE platform_id = @platform_id AND user_id = @user_id AND meter = @meter AND period = @period
            AND period_start = dreamapi.period_start(@period, dreamapi.now())
    ), 0)::bigint AS count;

-- name: PeriodBounds :one
-- Both are the epoch for a lifetime, which has no bounds.
SELECT (CASE WHEN @period::text = 'lifetime' THEN 'epoch' ELSE dreamapi.period_start(@period, dreamapi.now()) END)::timestamptz AS starts,
    (CASE WHEN @period::text = 'lifetime' THEN 'epoch' ELSE dreamapi.period_end(@period, dreamapi.now()) END)::timestamptz AS ends;

-- name: Forget :exec
DELETE FROM tenant_usage.counters WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: ForgetRate :exec
DELETE FROM tenant_usage.rate_windows WHERE platform_id = @platform_id AND user_id = @user_id;

-- name: Sweep :execrows
-- Short periods make a row for each user and period, and nobody reads them once they are over.
DELETE FROM tenant_usage.counters
WHERE (platform_id, user_id, meter, period, period_start) IN (
    SELECT platform_id, user_id, meter, period, period_start FROM tenant_usage.counters
    WHERE platform_id = ANY(@platform_ids::text[]) AND period IN ('minute', 'hour')
        AND period_start < dreamapi.now() - interval '7 days'
    LIMIT @most
);

-- name: Totals :many
SELECT meter, period, sum(count)::bigint AS count, count(*) AS users FROM tenant_usage.counters
WHERE platform_id = @platform_id AND period_start = dreamapi.period_start(period, dreamapi.now())
GROUP BY meter, period ORDER BY meter, period;
