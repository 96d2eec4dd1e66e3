package main

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
)

const upsertSQL = `INSERT INTO bench.users AS u (platform_id, user_id, meter, minute, calls, month, count)
	VALUES ($1, $2, $3, date_trunc('minute', now(), 'UTC'), 1, date_trunc('month', now(), 'UTC'), $4)
	ON CONFLICT (platform_id, user_id, meter) DO UPDATE SET
		calls = CASE WHEN u.minute < excluded.minute THEN 1 ELSE u.calls + 1 END, minute = excluded.minute,
		count = CASE WHEN u.month < excluded.month THEN 0 ELSE u.count END + excluded.count, month = excluded.month
	WHERE CASE WHEN u.month < excluded.month THEN 0 ELSE u.count END + excluded.count <= $5
		AND (u.minute < excluded.minute OR u.calls < $6)
	RETURNING count, calls, now()`

// newUpsert counts each call by a statement of its own, which is sent together with the beginning and the end of its
// transaction: the least that a call can cost which does not share its commit with others.
func newUpsert(ctx context.Context, t told) (counting, error) {
	pool, err := db.Open(ctx, secret.New(t.DatabaseURL), db.Customer)
	if err != nil {
		return nil, err
	}
	keys := keysOf(t.Platforms)
	return func(ctx context.Context, w wanted) (counted, error) {
		platform, ok := keys[string(w.key.Hash())]
		if !ok {
			return counted{}, errUnknownKey
		}
		var rows []struct {
			Count, Calls int64
			At           time.Time
		}
		err := pool.OneTrip(ctx, []id.Platform{id.Platform(platform)}, func(trip *db.Trip) {
			db.Collect(trip, &rows, upsertSQL, platform, w.user, w.meter, w.quantity, most, int64(rateLimit))
		})
		if err != nil || len(rows) == 0 {
			return counted{refused: true}, err
		}
		return counted{rows[0].Count, rows[0].Calls, rateLimit, false, rows[0].At}, nil
	}, nil
}
