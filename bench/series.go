package main

import (
	"cmp"
	"math"
	"slices"
)

// measured is one run of a scenario.
type measured struct {
	Scenario    string  `json:"scenario"`
	Pass        int     `json:"pass"`
	Turn        int     `json:"turn"` // within the pass; what is compared took it together
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"perSecond"`       // calls that were counted
	P50         float64 `json:"p50Ms"`           // of a request
	P95         float64 `json:"p95Ms,omitempty"` // of a page alone
	P99         float64 `json:"p99Ms"`
	Bytes       int     `json:"bytes,omitempty"` // of a page, with the files that it needs
	Failed      int     `json:"failed"`          // not answered with 200
	Example     string  `json:"example,omitempty"`

	// CPU time of a call, in microseconds.
	Server   float64 `json:"cpuServerUs"`
	Postgres float64 `json:"cpuPostgresUs"`
	Load     float64 `json:"cpuLoadUs"`

	Others  float64 `json:"others"` // the share of the machine that others took meanwhile
	Dropped bool    `json:"dropped"`
}

// cpu is the CPU time of a call, of all that have to do with it.
func (m measured) cpu() float64 { return m.Server + m.Postgres + m.Load }

// series is all runs, in the order in which they were made.
type series []measured

// tolerated is the share of the machine that others may take: with more, a run is noise.
const tolerated = 0.10

func (m measured) isNoise() bool { return m.Others > tolerated }

// of are the runs of a scenario.
func (all series) of(name string) (runs []*measured) {
	for i := range all {
		if all[i].Scenario == name {
			runs = append(runs, &all[i])
		}
	}
	return runs
}

// scenarios are the names of all.
func (all series) scenarios() (names []string) {
	for _, m := range all {
		if !slices.Contains(names, m.Scenario) {
			names = append(names, m.Scenario)
		}
	}
	return names
}

// calm counts the runs of a scenario that are not noise.
func (all series) calm(name string) (n int) {
	for _, m := range all.of(name) {
		n += bit(!m.isNoise())
	}
	return n
}

// drop drops the runs of a scenario that are noise; where fewer would be left than are to be kept, the least disturbed ones stay.
func (all series) drop(name string, keep int) {
	runs := all.of(name)
	slices.SortFunc(runs, func(a, b *measured) int { return cmp.Compare(a.Others, b.Others) })
	for i, m := range runs {
		m.Dropped = i >= keep && m.isNoise()
	}
}

// middle is what is typical of a scenario: the median of each figure, over the runs that were not dropped.
type middle struct {
	measured
	spread        float64 // half of the runs are no farther from the middle
	runs, dropped int
}

func (all series) middle(name string) middle {
	runs := all.of(name)
	kept := slices.DeleteFunc(slices.Clone(runs), func(m *measured) bool { return m.Dropped })
	of := func(figure func(*measured) float64) float64 { return median(figures(kept, figure)) }
	m := middle{runs: len(kept), dropped: len(runs) - len(kept)}
	m.PerSecond = of(perSecond)
	m.P50, m.P95, m.P99 = of(p50), of(p95), of(p99)
	m.Bytes = int(of(func(m *measured) float64 { return float64(m.Bytes) }))
	m.Server, m.Postgres = of(func(m *measured) float64 { return m.Server }), of(func(m *measured) float64 { return m.Postgres })
	m.Load, m.Others = of(func(m *measured) float64 { return m.Load }), of(func(m *measured) float64 { return m.Others })
	m.spread = of(func(run *measured) float64 { return math.Abs(run.PerSecond-m.PerSecond) / m.PerSecond })
	for _, run := range runs {
		m.Failed += run.Failed
	}
	return m
}

func perSecond(m *measured) float64 { return m.PerSecond }
func p50(m *measured) float64       { return m.P50 }
func p95(m *measured) float64       { return m.P95 }
func p99(m *measured) float64       { return m.P99 }

// figures are those that runs have.
func figures(runs []*measured, figure func(*measured) float64) []float64 {
	list := make([]float64, len(runs))
	for i, m := range runs {
		list[i] = figure(m)
	}
	return list
}

// median is the middle one of figures, which it sorts.
func median(figures []float64) float64 {
	slices.Sort(figures)
	n := len(figures)
	return (figures[(n-1)/2] + figures[n/2]) / 2
}
