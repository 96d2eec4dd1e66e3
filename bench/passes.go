package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// morePasses are made at the most, over groups of which too many runs were noise.
const morePasses = 2

// settling is how long the load of a scenario goes on before another one's was that is measured.
const settling = 100 * time.Millisecond

// group is scenarios that are compared with each other. Their loads stay connected, and take turns of a fraction of a second:
// what else goes on at the host changes within seconds, and so meets all of them.
type group []scenario

// turns is how many each scenario of a group takes in a pass.
func (g group) turns(s settings) int { return s.Turns * max(1, g[0].often) }

// passes goes over the groups again and again, so that what changes on the machine within minutes touches all of them.
func (st *stage) passes(ctx context.Context, s settings, all *series, groups []group) error {
	for i := range groups {
		groups[i] = slices.DeleteFunc(groups[i], func(sc scenario) bool { return !s.wants(sc.name) })
	}
	groups = slices.DeleteFunc(groups, func(g group) bool { return len(g) == 0 })
	for pass := range s.Passes + morePasses {
		for _, g := range groups {
			disturbed := func(sc scenario) bool { return all.disturbed(sc.name, s.Passes*g.turns(s)/2) }
			if pass >= s.Passes && !slices.ContainsFunc(g, disturbed) {
				continue
			}
			if err := st.takeTurns(ctx, s, all, pass, g); err != nil {
				return err
			}
		}
	}
	for _, g := range groups {
		for _, sc := range g {
			all.drop(sc.name, s.Passes*g.turns(s)/2)
		}
	}
	return nil
}

// takeTurns makes a run of each scenario of a group, and that again and again; every other time backwards, so that neither of
// two always comes first.
func (st *stage) takeTurns(ctx context.Context, s settings, all *series, pass int, g group) error {
	loads := map[string]loading{}
	for _, sc := range g {
		l, err := st.startLoads(sc)
		defer l.end()
		if err != nil {
			return err
		}
		loads[sc.name] = l
		// What has been idle for a while is looked up again, which is to happen before anything is measured.
		if m, err := st.measureOnce(sc, l, stretch{For: max(sc.warmup, warmup)}); err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		} else if m.Failed > 0 {
			return fmt.Errorf("%s: %d were not answered with 200 before anything was measured, one of them with: %s", sc.name, m.Failed, m.Example)
		}
	}
	turns := slices.Clone(g)
	for turn := range g.turns(s) {
		for _, sc := range turns {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := st.measureOnce(sc, loads[sc.name], stretch{settling, max(sc.lasts, seconds(s.Seconds))})
			if err != nil {
				return fmt.Errorf("%s: %w", sc.name, err)
			}
			m.Pass, m.Turn = pass+1, turn+1
			*all = append(*all, m)
		}
		slices.Reverse(turns)
	}
	for _, sc := range g {
		now := slices.DeleteFunc(slices.Clone(*all), func(m measured) bool { return m.Pass != pass+1 })
		m := now.middle(sc.name)
		progress("pass %d  %-21s %8.0f/s  %6.1f µs of CPU, others took %.0f%%", pass+1, sc.name, m.PerSecond, m.cpu(), 100*m.Others)
	}
	return nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// measureOnce is one run of a scenario by its load.
func (st *stage) measureOnce(sc scenario, l loading, long stretch) (measured, error) {
	t, u, err := st.generate(sc, l, long)
	if err != nil {
		return measured{}, err
	}
	if t.Calls == 0 {
		return measured{}, fmt.Errorf("not one call was answered within %v", long.For)
	}
	perCall := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(t.Calls) }
	return measured{
		Scenario: sc.name, Connections: sc.load.Connections, PerSecond: float64(t.Calls) / t.Time.Seconds(),
		P50: t.P50.Seconds() * 1000, P99: t.P99.Seconds() * 1000, Failed: t.Failed, Example: t.Example,
		Server: perCall(u.server), Postgres: perCall(u.postgres), Load: perCall(u.load), Others: u.others,
	}, nil
}

// loading is the processes that make the calls of a scenario.
type loading struct{ load, beside *process } // beside: nil where there is none

func (st *stage) startLoads(sc scenario) (l loading, err error) {
	if l.load, err = st.startLoad("load "+sc.name, sc.server, sc.load); err != nil || sc.beside == nil {
		return l, err
	}
	l.beside, err = st.startLoad("beside "+sc.name, sc.server, *sc.beside)
	return l, err
}

func (l loading) end() {
	for _, p := range []*process{l.load, l.beside} {
		if p != nil {
			p.end()
		}
	}
}

// generate has a load make calls, and reads how much CPU time that takes.
func (st *stage) generate(sc scenario, l loading, long stretch) (t tally, u usage, err error) {
	pids := []int{l.load.pid()}
	if l.beside != nil {
		pids = append(pids, l.beside.pid())
		long.Warmup = max(long.Warmup, warmup)
		if err := l.beside.tell(stretch{For: long.Warmup + long.For + settling}); err != nil {
			return t, u, err
		}
		if _, err := l.beside.line(); err != nil { // it has begun
			return t, u, sc.server.explain(err)
		}
	}
	if err := l.load.tell(long); err != nil {
		return t, u, err
	}
	var before, after cpuTime
	t, err = l.load.await(func(line string) (err error) {
		if line == begins {
			before, err = readCPU(sc.server.pid(), st.postmaster, pids...)
		} else {
			after, err = readCPU(sc.server.pid(), st.postmaster, pids...)
		}
		return err
	})
	if err == nil && l.beside != nil {
		var other tally
		other, err = l.beside.await(func(string) error { return nil })
		t.Failed += other.Failed
		t.Example = cmp.Or(t.Example, other.Example)
	}
	if err != nil {
		return t, u, sc.server.explain(err)
	}
	return t, after.since(before), sc.server.forget()
}

// tell has a load make calls.
func (p *process) tell(long stretch) error {
	if err := json.NewEncoder(p.in).Encode(long); err != nil {
		return p.explain(err)
	}
	return nil
}

// await waits for the tally of a load, and calls at when it begins and ends.
func (p *process) await(at func(line string) error) (t tally, err error) {
	for {
		line, err := p.line()
		switch {
		case err != nil:
			return t, err
		case line == begins || line == ends:
			if err := at(line); err != nil {
				return t, err
			}
		default:
			return t, json.Unmarshal([]byte(line), &t)
		}
	}
}

// startLoad starts a process that will make a load.
func (st *stage) startLoad(name string, on server, l load) (*process, error) {
	l.Addr = on.addr
	p, err := start(st.dir, name, nil, st.self, "load")
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(p.in).Encode(l); err != nil {
		defer p.end()
		return nil, p.explain(err)
	}
	return p, nil
}
