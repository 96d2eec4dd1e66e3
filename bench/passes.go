package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// morePasses are made at the most, of scenarios of which too many runs were noise.
const morePasses = 3

// passes goes over the scenarios again and again, so that what changes on the machine meanwhile touches all of them; every
// other time backwards, so that neither of two always comes first.
func (st *stage) passes(ctx context.Context, s settings, all *series, scenarios []scenario) error {
	scenarios = slices.DeleteFunc(scenarios, func(sc scenario) bool { return !s.wants(sc.name) })
	for pass := range s.Passes + morePasses {
		again := slices.Clone(scenarios)
		if pass >= s.Passes {
			again = slices.DeleteFunc(again, func(sc scenario) bool { return !all.disturbed(sc.name, s) })
		}
		if pass%2 == 1 {
			slices.Reverse(again)
		}
		for _, sc := range again {
			if err := ctx.Err(); err != nil {
				return err
			}
			sc.load.Warmup = max(sc.load.Warmup, warmup)
			sc.load.For = max(sc.load.For, time.Duration(s.Seconds*float64(time.Second)))
			m, err := st.measureOnce(sc)
			if err != nil {
				return fmt.Errorf("%s: %w", sc.name, err)
			}
			progress("pass %d  %-18s %8.0f/s  %6.1f µs of CPU, others took %.0f%%", pass+1, sc.name, m.PerSecond, m.cpu(), 100*m.Others)
			m.Pass = pass + 1
			*all = append(*all, m)
		}
	}
	for _, sc := range scenarios {
		all.drop(sc.name, s.Passes)
	}
	return nil
}

// measureOnce is one run.
func (st *stage) measureOnce(sc scenario) (measured, error) {
	t, u, err := st.generate(sc)
	if err != nil {
		return measured{}, err
	}
	if t.Calls == 0 {
		return measured{}, fmt.Errorf("not one call was answered within %v", sc.load.For)
	}
	perCall := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(t.Calls) }
	return measured{
		Scenario: sc.name, Connections: sc.load.Connections, PerSecond: float64(t.Calls) / t.Time.Seconds(),
		P50: t.P50.Seconds() * 1000, P99: t.P99.Seconds() * 1000, Failed: t.Failed, Example: t.Example,
		Server: perCall(u.server), Postgres: perCall(u.postgres), Load: perCall(u.load), Others: u.others,
	}, nil
}

// generate puts a load on a server, and reads how much CPU time that takes.
func (st *stage) generate(sc scenario) (t tally, u usage, err error) {
	var pids []int
	if sc.beside != nil {
		longer := *sc.beside
		longer.For = time.Hour // until it is ended
		p, err := st.startLoad("beside", sc.server, longer)
		if err != nil {
			return t, u, err
		}
		defer p.end()
		if _, err := p.line(); err != nil { // it has begun
			return t, u, sc.server.explain(err)
		}
		pids = append(pids, p.pid())
	}
	p, err := st.startLoad("load", sc.server, sc.load)
	if err != nil {
		return t, u, err
	}
	defer p.end()
	pids = append(pids, p.pid())
	var before, after cpuTime
	for {
		line, err := p.line()
		if err != nil {
			return t, u, sc.server.explain(err)
		}
		switch line {
		case begins:
			before, err = readCPU(sc.server.pid(), st.postmaster, pids...)
		case ends:
			after, err = readCPU(sc.server.pid(), st.postmaster, pids...)
		default:
			if err = json.Unmarshal([]byte(line), &t); err == nil {
				return t, after.since(before), sc.server.forget()
			}
		}
		if err != nil {
			return t, u, err
		}
	}
}

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
