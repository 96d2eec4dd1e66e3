package main

import "slices"

// ratio is what one scenario is to another. The floor is what it must reach, and the goal what it is meant to: of a
// latency, both are what it must not exceed.
type ratio struct {
	name, of, to string
	floor, goal  float64
	latency      func(*measured) float64 // nil: of calls a second
}

var ratios = append([]ratio{
	{name: "distinct_vs_null_c64", of: "distinct_c64", to: "null_c64", floor: 0.42, goal: 0.60},
	{name: "distinct_vs_null_c256", of: "distinct_c256", to: "null_c256", floor: 0.42, goal: 0.60},
	{name: "distinct_vs_naive_c64", of: "distinct_c64", to: "naive_c64", floor: 5, goal: 9},
	{name: "hot_vs_naive_hot_c64", of: "hot_c64", to: "naive_hot_c64", floor: 15, goal: 30},
	{name: "keys_vs_naive_c64", of: "keys_c64", to: "naive_c64", floor: 3.5, goal: 6},
	{name: "platforms1000_vs_1_c64", of: "platforms1000_c64", to: "platforms1_c64", floor: 0.90, goal: 0.97},
	{name: "batch_items_vs_single", of: "batch_c4", to: "keys_c64", floor: 3, goal: 5}, // an item has a key, and so has the call
	{name: "counters_big_vs_small", of: "counters_big_c64", to: "counters_small_c64", floor: 0.5, goal: 0.7},
	{name: "lone_p50_vs_upsert", of: "distinct_c1", to: "upsert_c1", floor: 1.2, goal: 1.0, latency: p50},
	{name: "quiet_p99_flood_vs_many", of: "quiet_beside_flood_c4", to: "quiet_beside_many_c4", floor: 1.5, goal: 1.1, latency: p99},
}, pageRatios()...)

// chosen are the ratios to measure.
func (s settings) chosen() []ratio {
	var list []ratio
	for _, r := range ratios {
		if len(s.Only) == 0 || slices.Contains(s.Only, r.name) {
			list = append(list, r)
		}
	}
	return list
}

// wants is whether a scenario is to be measured. Those that stand in no ratio are, when all are.
func (s settings) wants(scenario string) bool {
	return len(s.Only) == 0 || slices.ContainsFunc(s.chosen(), func(r ratio) bool { return r.of == scenario || r.to == scenario })
}

// value is the median over the turns of what the one run is to the other: those of one turn have met the same machine, whose
// speed may change by half within seconds. A turn in which either was dropped counts only if there is no other.
func (all series) value(r ratio) float64 {
	var calm, every []float64
	for _, of := range all.of(r.of) {
		for _, to := range all.of(r.to) {
			if of.Pass != to.Pass || of.Turn != to.Turn {
				continue
			}
			value := of.PerSecond / to.PerSecond
			if r.latency != nil {
				value = r.latency(of) / r.latency(to)
			}
			every = append(every, value)
			if !of.Dropped && !to.Dropped {
				calm = append(calm, value)
			}
		}
	}
	if len(calm) == 0 {
		calm = every
	}
	return median(calm)
}

// disturbed is whether a scenario has too few runs that are not noise.
func (all series) disturbed(scenario string, enough int) bool { return all.calm(scenario) < enough }

func (r ratio) misses(value float64) bool {
	if r.latency != nil {
		return value > r.floor
	}
	return value < r.floor
}
