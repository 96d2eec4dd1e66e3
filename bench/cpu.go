package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux tells programs of CPU time, whatever the machine.
const tick = 10 * time.Millisecond

// cpuTime is how much of the machine was used up to a moment.
type cpuTime struct {
	server, postgres, load time.Duration
	all                    time.Duration // by everybody, and by other machines on the same hardware
	at                     time.Time
}

// readCPU reads it from /proc: that of a server, of PostgreSQL with all its processes, of the loads and of the machine.
func readCPU(server, postgres int, loads ...int) (t cpuTime, err error) {
	t.at = time.Now()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return t, err
	}
	for _, path := range paths {
		p, err := readStat(path)
		switch {
		case err != nil: // it has ended meanwhile; if it was PostgreSQL's, the postmaster tells of it from now on
		case p.pid == server:
			t.server += p.own
		case slices.Contains(loads, p.pid):
			t.load += p.own
		case p.pid == postgres:
			t.postgres += p.own + p.waitedFor
		case p.parent == postgres:
			t.postgres += p.own
		}
	}
	t.all, err = readMachine()
	return t, err
}

// stat is what /proc says of a process.
type stat struct {
	pid, parent    int
	own, waitedFor time.Duration // waitedFor is that of its children that have ended
}

func readStat(path string) (s stat, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	// The second field is the name in parentheses, in which anything may stand.
	head, rest, ok := strings.Cut(string(text), " (")
	end := strings.LastIndexByte(rest, ')')
	if !ok || end < 0 {
		return s, fmt.Errorf("%s is not as expected: %q", path, text)
	}
	fields := strings.Fields(rest[end+1:])
	if len(fields) < 15 {
		return s, fmt.Errorf("%s is not as expected: %q", path, text)
	}
	var numbers [6]int
	for i, field := range []string{head, fields[1], fields[11], fields[12], fields[13], fields[14]} {
		if numbers[i], err = strconv.Atoi(field); err != nil {
			return s, fmt.Errorf("%s is not as expected: %w", path, err)
		}
	}
	return stat{
		pid: numbers[0], parent: numbers[1],
		own: time.Duration(numbers[2]+numbers[3]) * tick, waitedFor: time.Duration(numbers[4]+numbers[5]) * tick,
	}, nil
}

// readMachine is how long the CPUs were not idle.
func readMachine() (busy time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("CPU time is read from /proc, which only Linux has: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range strings.Fields(string(line))[1:] {
		const idle, ioWait, guest = 3, 4, 8 // guests are in the user's time already
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat is not as expected: %w", err)
		}
		if i != idle && i != ioWait && i < guest {
			busy += time.Duration(n) * tick
		}
	}
	return busy, nil
}

// usage is how much was used between two moments.
type usage struct {
	server, postgres, load time.Duration
	others                 float64 // the share of the machine that was used by nobody of ours
}

func (t cpuTime) since(before cpuTime) usage {
	u := usage{server: t.server - before.server, postgres: t.postgres - before.postgres, load: t.load - before.load}
	others := t.all - before.all - u.server - u.postgres - u.load
	whole := t.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	u.others = min(max(0, float64(others)/float64(whole)), 1)
	return u
}
