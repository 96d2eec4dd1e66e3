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

	warmup time.Duration // before the first run of each pass; 0: as long as for most
	lasts  time.Duration // a run; 0: as long as most
	often  int           // the turns of the group that begins with it, as a multiple of other groups'; 0: as many
}

const (
	platforms     = 100 // where nothing else is said
	smallCounters = 10_000
	warmup        = 500 * time.Millisecond
	recall        = 4 * time.Second // in which what was known of a thousand platforms is looked up again
	longer        = time.Second     // of runs that have few requests, or whose slowest ones count
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

	calls := func(name string, on server, connections int, kind call, by crowd) scenario {
		return scenario{name: name, server: on, load: load{Connections: connections, Call: kind, Crowd: by}}
	}
	batches := calls("batch_c4", program, 4, batched, one)
	batches.lasts = longer
	single := calls("platforms1_c64", program, 64, track, one)
	several := calls("platforms1000_c64", program, 64, track, thousand)
	single.warmup, several.warmup = recall, recall
	single.often = 3 // the memory of the machine decides between them, of which other guests leave more or less
	besideMany, besideFlood := calls("quiet_beside_many_c4", program, 4, track, quiet), calls("quiet_beside_flood_c4", program, 4, track, quiet)
	besideMany.beside, besideFlood.beside = &several.load, &single.load
	besideMany.lasts, besideFlood.lasts = longer, longer
	return st.passes(ctx, s, all, []group{
		{calls("health_c64", program, 64, health, many), calls("health_c256", program, 256, health, many)},
		{
			calls("upsert_c1", others["upsert"], 1, track, many),
			calls("distinct_c1", program, 1, track, many),
			calls("null_c1", others["null"], 1, track, many),
		},
		{calls("null_c256", others["null"], 256, track, many), calls("distinct_c256", program, 256, track, many)},
		{
			calls("null_c64", others["null"], 64, track, many),
			calls("distinct_c64", program, 64, track, many),
			calls("naive_c64", others["naive"], 64, track, many),
			calls("keys_c64", program, 64, keyed, many),
			batches,
		},
		{
			calls("hot_c64", program, 64, hot, many),
			calls("naive_hot_c64", others["naive"], 64, hot, many),
			calls("upsert_c64", others["upsert"], 64, track, many),
			calls("hot_c256", program, 256, hot, many),
		},
		{single, several},
		{besideMany, besideFlood},
	})
}

// measureGrowth compares a small database with a big one. Of the big one's users some call, who are spread
// evenly: the program is to remember them, so that the database alone is what differs.
func (st *stage) measureGrowth(ctx context.Context, s settings, all *series) error {
	if !s.wants("counters_big_c64") {
		return nil
	}
	var both group
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
		both = append(both, scenario{
			name: "counters_" + size.name + "_c64", server: program, load: load{Connections: 64, Call: track, Crowd: crowd},
		})
	}
	return st.passes(ctx, s, all, []group{both})
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
	if err := st.touch(program, c); err != nil {
		return c, err
	}
	// The first calls of users who lie on one page come together, as they do not later, and have moved some of them away: more
	// of one platform's than of a thousand's. How full a page is decides how often it is cleared up.
	return c, rewrite(ctx, url, "tenant_usage.users")
}

// touch has each user of a crowd call once.
func (st *stage) touch(program server, c crowd) error {
	first := scenario{name: "first calls", server: program, load: load{Connections: 64, Call: track, Crowd: c}}
	l, err := st.startLoads(first)
	defer l.end()
	if err != nil {
		return err
	}
	m, err := st.measureOnce(first, l, stretch{})
	if err != nil {
		return fmt.Errorf("first calls of %d users: %w", c.size(), err)
	}
	if m.Failed > 0 {
		return fmt.Errorf("%d of %d users were not let in, one of them with: %s", m.Failed, c.size(), m.Example)
	}
	progress("%d users of %d platforms have called: %.0f/s, %.1f µs of CPU", c.size(), len(c.Platforms), m.PerSecond, m.cpu())
	return nil
}
