package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// latest is where the outcome goes, beside this code.
const latest = "bench/latest.json"

// mostOfALoad is how much of a second, in microseconds, the thread of a load may be at work.
const mostOfALoad = 0.9e6

// outcome is the content of that file.
type outcome struct {
	Ratios   map[string]float64 `json:"ratios"`
	Counters int                `json:"counters"` // in the big database
	Runs     series             `json:"runs"`
}

// report prints what was measured, writes it to the file, and is an error if a ratio is too bad or a call failed.
func report(out io.Writer, s settings, all series) error {
	o := outcome{map[string]float64{}, s.Counters, all}
	var faults []string
	dropped, disturbed := 0, 0
	for _, m := range all {
		dropped += bit(m.Dropped)
		disturbed += bit(!m.Dropped && m.Others > tolerated)
		if m.Load*m.PerSecond > mostOfALoad {
			faults = append(faults, m.Scenario+": the load itself is the limit, as it is one thread that has hardly a pause")
		}
		if m.Failed > 0 {
			faults = append(faults, fmt.Sprintf("%s: %d were not answered with 200, one of them with: %s", m.Scenario, m.Failed, m.Example))
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush tells of errors

	row("\nscenario\tcalls/s\tspread\tCPU µs\tserver\tpostgres\tload\tp50 ms\tp99 ms\tnot 200\truns\tdropped\tothers\t")
	for _, name := range all.scenarios() {
		m := all.middle(name)
		if m.Bytes > 0 {
			continue
		}
		row("%s\t%.0f\t±%.0f%%\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%d\t%d\t%d\t%.0f%%\t", name, m.PerSecond, 100*m.spread, m.cpu(),
			m.Server, m.Postgres, m.Load, m.P50, m.P99, m.Failed, m.runs, m.dropped, 100*m.Others)
	}
	row("\npage\tp50 ms\tp95 ms\tserver ms\tpostgres ms\tbytes\tnot 200\truns\tdropped\tothers\t")
	for _, name := range all.scenarios() {
		m := all.middle(name)
		if m.Bytes == 0 {
			continue
		}
		row("%s\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t%d\t%.0f%%\t", name, m.P50, m.P95, m.Server/1000, m.Postgres/1000, m.Bytes, m.Failed,
			m.runs, m.dropped, 100*m.Others)
		if strings.HasPrefix(name, "page_overview_") && m.Bytes > mostBytes {
			faults = append(faults, fmt.Sprintf("%s is %d bytes, and at most %d are good", name, m.Bytes, mostBytes))
		}
	}
	row("\nratio\t\tof CPU\tfloor\tgoal\t\t")
	for _, r := range s.chosen() {
		if len(all.of(r.of)) == 0 { // a page that there is not
			continue
		}
		of, to := all.middle(r.of), all.middle(r.to)
		value, floor, ok := all.value(r), fmt.Sprintf("%g", r.floor), "ok"
		if r.latency != nil {
			floor = "at most " + floor
		}
		o.Ratios[r.name] = value
		if r.misses(value) {
			ok = "MISSED"
			faults = append(faults, fmt.Sprintf("%s is %.2f, and its floor is %s", r.name, value, floor))
		}
		row("%s\t%.2f\t%.2f\t%s\t%g\t%s\t", r.name, value, to.cpu()/of.cpu(), floor, r.goal, ok)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d runs of %gs on %d CPUs, %d of them dropped as noise. The big database has %d counters, the small one %d.\n",
		len(all), s.Seconds, runtime.NumCPU(), dropped, s.Counters, smallCounters)
	if disturbed > 0 && err == nil {
		_, err = fmt.Fprintf(out, "Of those that count, %d were disturbed too, for want of calmer ones: measure again when the machine "+
			"is idle.\n", disturbed)
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(o, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(latest, append(text, '\n'), 0o644); err != nil {
		return err
	}
	if len(faults) > 0 {
		return errors.New("this is not good enough:\n  " + strings.Join(faults, "\n  "))
	}
	return nil
}
