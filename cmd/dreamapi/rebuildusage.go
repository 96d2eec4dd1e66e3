package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/usage"
)

// rebuildUsage compares the two histories of usage, and mends the one of the hours where it is told to. It may run beside serve.
func rebuildUsage(ctx context.Context, args, environ []string, out io.Writer) error {
	flags := flag.NewFlagSet("rebuild-usage", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	write := flags.Bool("write", false, "")
	surplus := flags.Bool("surplus", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *surplus && !*write {
		return usageError("rebuild-usage takes --write, and --surplus with it")
	}
	values, faults := withFiles(environ)
	address := values["DATABASE_URL"]
	if values["DATABASE_URL_WORKER"] != "" {
		address = values["DATABASE_URL_WORKER"]
	}
	if len(faults) > 0 || address == "" {
		return errors.New("DATABASE_URL is missing: the one of serve")
	}
	keep := 400
	if text := values["HISTORY_DAYS"]; text != "" {
		var err error
		if keep, err = strconv.Atoi(text); err != nil || keep < 1 || keep > 36_500 {
			return errors.New("HISTORY_DAYS is from 1 to 36500")
		}
	}
	pool, err := db.Open(ctx, secret.New(address), db.Worker)
	if err != nil {
		return err
	}
	defer pool.Close()
	found, err := usage.Rebuild(ctx, pool, keep, func(d usage.Difference) bool { return *write && (*surplus || !d.Surplus()) })
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err = fmt.Fprintln(out, "nothing to do: the hours of every day that is over add up to what the users used on it")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "platform\tday\tmeter\tby days\tby hours\t")
	left, more := 0, 0
	for _, d := range found {
		state := "mended"
		if !d.Mended {
			left++
			if state = "too few in the hours"; d.Surplus() {
				state = "too many in the hours"
				more++
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", d.Platform, d.Day.Format(time.DateOnly), d.Meter, d.Days, d.Hours, state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if left > more {
		_, _ = fmt.Fprintln(out, "--write has the hours add up to the days.")
	}
	if more > 0 {
		_, _ = fmt.Fprintln(out, "The days of users who were deleted are forgotten, and the hours still have what they used: too many in the hours need not "+
			"be a fault. Where nobody was deleted, --write --surplus has those add up to the days too.")
	}
	return nil
}
