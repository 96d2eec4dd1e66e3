package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/secret"
)

// scenario is a load on a server.
type scenario struct {
	name   string
	server server
	load   load
	beside *load // another load on the same server, of which nothing but the CPU time is measured; nil: none
}

const (
	platforms     = 100 // where nothing else is said
	smallCounters = 10_000
	warmup        = 500 * time.Millisecond // of each run, but for those that say another
	longer        = 2 * time.Second        // of runs that have few requests, or whose slowest ones count
	mostActive    = 50_000
)

// measureCalls compares calls of several kinds, on one database.
func (st *stage) measureCalls(ctx context.Context, s settings, all *series) error {
	if len(s.Only) > 0 && !slices.ContainsFunc(s.Only, func(name string) bool {
		return !strings.HasPrefix(name, "page_") && !strings.HasPrefix(name, "counters_")
	}) {
		return nil
	}
	url, err := createDatabase(ctx, st.pg, "calls")
	if err != nil {
		return err
	}
	program, err := st.startProgram("program", url)
	if err != nil {
		return err
	}
	var crowds [3]crowd // of as many users the second and the third
	for i, size := range [][2]int{{platforms, s.Users / platforms}, {1, 10_000}, {1000, 10}} {
		if crowds[i], err = st.populate(ctx, url, program, size[0], size[1], size[1]); err != nil {
			return err
		}
	}
	many, one, thousand := crowds[0], crowds[1], crowds[2]
	quiet := many
	quiet.Platforms = many.Platforms[:1]
	if err := makeOthersTables(ctx, url, many); err != nil {
		return err
	}
	others := map[string]server{}
	for _, kind := range []string{"null", "naive", "upsert"} {
		if others[kind], err = st.startOther(kind, told{url.Reveal(), many.Platforms}); err != nil {
			return err
		}
	}

	// What is compared stands together, so that it meets the same machine.
	return st.passes(ctx, s, all, []scenario{
		{"health_c64", program, load{Connections: 64, Call: health, Crowd: many}, nil},
		{"health_c256", program, load{Connections: 256, Call: health, Crowd: many}, nil},
		{"upsert_c1", others["upsert"], load{Connections: 1, Call: track, Crowd: many}, nil},
		{"distinct_c1", program, load{Connections: 1, Call: track, Crowd: many}, nil},
		{"null_c1", others["null"], load{Connections: 1, Call: track, Crowd: many}, nil},
		{"null_c256", others["null"], load{Connections: 256, Call: track, Crowd: many}, nil},
		{"distinct_c256", program, load{Connections: 256, Call: track, Crowd: many}, nil},
		{"null_c64", others["null"], load{Connections: 64, Call: track, Crowd: many}, nil},
		{"distinct_c64", program, load{Connections: 64, Call: track, Crowd: many}, nil},
		{"naive_c64", others["naive"], load{Connections: 64, Call: track, Crowd: many}, nil},
		{"keys_c64", program, load{Connections: 64, Call: keyed, Crowd: many}, nil},
		{"batch_c4", program, load{Connections: 4, Call: batched, Crowd: one, For: longer}, nil},
		{"upsert_c64", others["upsert"], load{Connections: 64, Call: track, Crowd: many}, nil},
		{"naive_hot_c64", others["naive"], load{Connections: 64, Call: hot, Crowd: many}, nil},
		{"hot_c64", program, load{Connections: 64, Call: hot, Crowd: many}, nil},
		{"hot_c256", program, load{Connections: 256, Call: hot, Crowd: many}, nil},
		// What is known of a platform is looked up again once a minute or so: where it has been idle since the run before, that
		// comes all at once, and before the time that is measured.
		{"platforms1_c64", program, load{Connections: 64, Call: track, Crowd: one, Warmup: 8 * warmup}, nil},
		{"platforms1000_c64", program, load{Connections: 64, Call: track, Crowd: thousand, Warmup: 8 * warmup}, nil},
		{"quiet_beside_many_c4", program, load{Connections: 4, Call: track, Crowd: quiet, For: longer}, &load{Connections: 64, Call: track, Crowd: thousand}},
		{"quiet_beside_flood_c4", program, load{Connections: 4, Call: track, Crowd: quiet, For: longer}, &load{Connections: 64, Call: track, Crowd: one}},
	})
}

// measureGrowth compares a small database with a big one. Of the big one's users some call, who are spread
// evenly: the program is to remember them, so that the database alone is what differs.
func (st *stage) measureGrowth(ctx context.Context, s settings, all *series) error {
	if !s.wants("counters_big_c64") {
		return nil
	}
	var scenarios []scenario
	for _, size := range []struct {
		name             string
		counters, active int
	}{{"small", smallCounters, smallCounters}, {"big", s.Counters, min(s.Counters, mostActive)}} {
		url, err := createDatabase(ctx, st.pg, size.name)
		if err != nil {
			return err
		}
		program, err := st.startProgram(size.name, url)
		if err != nil {
			return err
		}
		crowd, err := st.populate(ctx, url, program, platforms, size.active/platforms, size.counters/platforms)
		if err != nil {
			return err
		}
		scenarios = append(scenarios, scenario{
			"counters_" + size.name + "_c64", program, load{Connections: 64, Call: track, Crowd: crowd}, nil,
		})
	}
	return st.passes(ctx, s, all, scenarios)
}

// populate makes platforms and counters for so many users of each, of whom some will call. Those have called once when it
// returns, so that the program remembers them.
func (st *stage) populate(ctx context.Context, url secret.Text, program server, platforms, active, counters int) (crowd, error) {
	c, err := newCrowd(ctx, url, platforms, active)
	if err != nil {
		return c, err
	}
	first := c
	first.Users = 1
	if err := st.touch(program, first); err != nil {
		return c, err
	}
	progress("making %d counters", platforms*counters)
	if err := c.spread(ctx, url, counters); err != nil {
		return c, err
	}
	return c, st.touch(program, c)
}

// touch has each user of a crowd call once.
func (st *stage) touch(program server, c crowd) error {
	m, err := st.measureOnce(scenario{"first calls", program, load{Connections: 64, Call: track, Crowd: c}, nil})
	if err != nil {
		return fmt.Errorf("first calls of %d users: %w", c.size(), err)
	}
	if m.Failed > 0 {
		return fmt.Errorf("%d of %d users were not let in, one of them with: %s", m.Failed, c.size(), m.Example)
	}
	progress("%d users of %d platforms have called: %.0f/s, %.1f µs of CPU", c.size(), len(c.Platforms), m.PerSecond, m.cpu())
	return nil
}
