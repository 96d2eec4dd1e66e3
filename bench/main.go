// Command bench measures POST /api/data of the built program beside servers that answer the same call with less or in a
// plainer way, all on this machine and on one PostgreSQL. Figures of one machine say nothing on another, so what it holds
// to floors are ratios alone.
//
// The parts run in processes of their own: the program, each server it is compared with, and the load. They are this
// same command with other arguments, or the program itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"github.com/caarlos0/env/v11"
)

// settings come from the environment, for a measurement that is shorter or longer.
type settings struct {
	Seconds  float64  `env:"BENCH_SECONDS" envDefault:"0.4"`      // of each run, but for those that say more
	Turns    int      `env:"BENCH_TURNS" envDefault:"8"`          // of each scenario in a pass, and passes over the pages
	Passes   int      `env:"BENCH_PASSES" envDefault:"3"`         // over all the scenarios
	Users    int      `env:"BENCH_USERS" envDefault:"100000"`     // who call
	Counters int      `env:"BENCH_COUNTERS" envDefault:"1000000"` // in the big database
	Only     []string `env:"BENCH_ONLY"`                          // the ratios to measure; empty: all
}

// To the kernel the parent of a process is the thread that started it. All are started from here, so that none is ended
// before us.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "load":
		return generate(ctx, os.Stdin, os.Stdout)
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], os.Stdin, os.Stderr)
	case len(args) == 1:
		return measure(ctx, args[0])
	default:
		return errors.New("give the path of the built program, as `make bench` does")
	}
}

// measure does all of it and writes what came of it.
func measure(ctx context.Context, program string) (err error) {
	var s settings
	if err := env.Parse(&s); err != nil {
		return err
	}
	if s.Seconds <= 0 || s.Passes < 1 || s.Turns < 1 || s.Users < platforms || s.Counters < smallCounters {
		return fmt.Errorf("BENCH_SECONDS is above 0, BENCH_PASSES and BENCH_TURNS at least 1, BENCH_USERS at least %d and BENCH_COUNTERS at least %d",
			platforms, smallCounters)
	}
	for _, name := range s.Only {
		if !slices.ContainsFunc(ratios, func(r ratio) bool { return r.name == name }) {
			return fmt.Errorf("BENCH_ONLY names %q, which is none of the ratios that the report prints", name)
		}
	}
	st, err := newStage(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()

	var all series
	if err := st.measureCalls(ctx, s, &all); err != nil {
		return err
	}
	if err := st.measureGrowth(ctx, s, &all); err != nil {
		return err
	}
	if err := st.measurePages(ctx, s, &all); err != nil {
		return err
	}
	return report(os.Stdout, s, all)
}
