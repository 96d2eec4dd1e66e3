package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/secret"
)

// newNaive counts as one would at first: a transaction of six round trips for each call, on the tables of schema.sql.
func newNaive(ctx context.Context, t told) (counting, error) {
	pool, err := db.Open(ctx, secret.New(t.DatabaseURL), db.Customer)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, w wanted) (result counted, err error) {
		err = pool.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
			result, err = countNaively(ctx, tx, w)
			return err
		})
		return result, err
	}, nil
}

func countNaively(ctx context.Context, tx db.Tx, w wanted) (result counted, err error) {
	var platform string
	const entered = "SELECT k.platform_id FROM bench.keys k, dreamapi.enter(jsonb_build_object(k.platform_id, true)) WHERE k.hash = $1"
	err = tx.QueryRow(ctx, entered, w.key.Hash()).Scan(&platform)
	if errors.Is(err, pgx.ErrNoRows) {
		return result, errUnknownKey
	} else if err != nil {
		return result, err
	}
	var limit int64
	const tier = "SELECT rate_limit, max FROM bench.tiers WHERE platform_id = $1 AND name = $2"
	if err = tx.QueryRow(ctx, tier, platform, plan).Scan(&result.rate, &limit); err != nil {
		return result, err
	}
	const window = `INSERT INTO bench.windows AS w (platform_id, user_id, minute, calls)
		VALUES ($1, $2, date_trunc('minute', now(), 'UTC'), 1)
		ON CONFLICT (platform_id, user_id) DO UPDATE SET
			calls = CASE WHEN w.minute < excluded.minute THEN 1 ELSE w.calls + 1 END, minute = excluded.minute
		RETURNING calls, now()`
	if err = tx.QueryRow(ctx, window, platform, w.user).Scan(&result.calls, &result.at); err != nil {
		return result, err
	}
	const counter = `INSERT INTO bench.counters AS c (platform_id, user_id, meter, month, count)
		VALUES ($1, $2, $3, date_trunc('month', now(), 'UTC'), $4)
		ON CONFLICT (platform_id, user_id, meter, month) DO UPDATE SET count = c.count + excluded.count
			WHERE c.count + excluded.count <= $5
		RETURNING count`
	err = tx.QueryRow(ctx, counter, platform, w.user, w.meter, w.quantity, limit).Scan(&result.count)
	if errors.Is(err, pgx.ErrNoRows) {
		result.refused, err = true, nil
	}
	return result, err
}
