package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/secret"
)

// How dev makes the demo year: once for each folder, and never half.

const (
	yearDays        = 365
	defaultYearSeed = 1
)

// yearMark is kept in the folder of dev while the year is made, and from then on.
type yearMark struct {
	yearFacts
	Made bool `json:"made"`
}

func yearPath() string { return filepath.Join(stateDir, "year.json") }

// readYear is the mark of the folder; nil where no year was ever begun.
func readYear() (*yearMark, error) {
	text, err := os.ReadFile(yearPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	var mark yearMark
	if err := json.Unmarshal(text, &mark); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", yearPath(), err)
	}
	if !mark.Made {
		return nil, errors.New("the demo year was cut off while it was made, so this folder's clock stands in the past: " +
			"`make db/reset` takes away what there is, and the next start begins afresh")
	}
	return &mark, nil
}

func (y yearMark) write() error {
	text, err := json.MarshalIndent(y, "", "  ")
	if err != nil {
		return err
	}
	draft := yearPath() + ".new"
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, yearPath())
}

// makeYear makes the demo year, and says how far it is. Until it is whole nothing of it has to last, so commits do not wait
// for the disk; super is a login that may say so.
func makeYear(ctx context.Context, a *app, sandboxed standIns, cfg config, o yearOptions, super secret.Text, out io.Writer) (*yearFacts, error) {
	started := time.Now()
	if ahead := sandboxed.stripe.Ahead(); ahead != 0 { // nothing is begun that can not be carried out
		return nil, fmt.Errorf("the clock of this folder was turned ahead by %s before: `make db/reset` takes away what there is, and the next "+
			"start begins afresh", ahead)
	}
	if err := (yearMark{yearFacts: yearFacts{yearOptions: o}}).write(); err != nil {
		return nil, err
	}
	lasting, err := commitsWait(ctx, super, false)
	if err != nil {
		return nil, err
	}
	begin := started.UTC().Truncate(24*time.Hour).AddDate(0, 0, -yearDays)
	_, _ = fmt.Fprintf(out, "Making a year of a product with %d customers, from %s on. It takes some minutes, once.\n", o.Customers, begin.Format(time.DateOnly))
	m, err := newYearMaker(ctx, a, sandboxed.stripe, cfg, o, begin, yearDays+1)
	if err != nil {
		return nil, err
	}
	defer m.close()
	shown := time.Now()
	m.progress = func(day int) {
		if time.Since(shown) > 5*time.Second {
			shown = time.Now()
			_, _ = fmt.Fprintf(out, "  %3d %%  %s: %d customers, %d things done about money\n", day*100/m.year.Days,
				begin.AddDate(0, 0, day).Format(time.DateOnly), m.nextIn, m.acted)
		}
	}
	if err := m.make(ctx); err != nil {
		return nil, err
	}
	if err := lasting(); err != nil {
		return nil, err
	}
	if err := (yearMark{m.facts, true}).write(); err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(out, "  100 %%  The year is made: it took %s.\n", time.Since(started).Round(time.Second))
	return &m.facts, nil
}

// commitsWait says whether a commit waits until it is on disk. What it returns undoes that, and has all that was committed
// meanwhile written.
func commitsWait(ctx context.Context, super secret.Text, wait bool) (undo func() error, err error) {
	conn, err := pgx.Connect(ctx, super.Reveal())
	if err != nil {
		return nil, err
	}
	value := map[bool]string{true: "on", false: "off"}[wait]
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_commit = " + value, "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	return func() error {
		defer func() { _ = conn.Close(ctx) }()
		for _, statement := range []string{"ALTER SYSTEM RESET synchronous_commit", "SELECT pg_reload_conf()", "CHECKPOINT"} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
