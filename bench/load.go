package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// load is what calls are made, by so many connections, each of which makes the next one when it has the answer to the
// last. It is told to a process of its own, on its standard input, and after it each run that the process is to make.
type load struct {
	Addr        string
	Connections int
	Call        call
	Crowd       crowd
}

// stretch is how long calls are made.
type stretch struct {
	Warmup time.Duration // before anything is measured
	For    time.Duration // 0: until every user of the crowd has called once
}

// tally is what came of a run.
type tally struct {
	Calls    int           // that were counted; each item of a batch is one
	Time     time.Duration // in which they were
	P50, P99 time.Duration // of a request
	Failed   int           // requests, or items, that were not answered with 200
	Example  string        // the answer to one of those
}

// The lines that a load prints when the time that is measured begins and when it ends. The tally of the run follows, and then
// the load waits for what to do next.
const (
	begins = "begins"
	ends   = "ends"
)

// generate is a process that makes a load, again and again, until its input ends.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var l load
	told := json.NewDecoder(in)
	if err := told.Decode(&l); err != nil {
		return fmt.Errorf("the load can not be read: %w", err)
	}
	all, err := l.connect()
	if err != nil {
		return err
	}
	for {
		var s stretch
		switch err := told.Decode(&s); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the run can not be read: %w", err)
		}
		t, err := l.run(ctx, out, all, s)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(t); err != nil {
			return err
		}
	}
}

func (l load) run(ctx context.Context, out io.Writer, all *clients, s stretch) (tally, error) {
	for _, c := range all.list {
		c.asked, c.took, c.failed, c.example = time.Time{}, c.took[:0], 0, ""
	}
	if s.For == 0 {
		return everybodyOnce(out, all, l.Crowd.size())
	}
	from := time.Now().Add(s.Warmup)
	to := from.Add(s.For)
	done := make(chan error, 1)
	go func() {
		done <- all.drive(func(c *client, now time.Time) []byte {
			if !c.asked.IsZero() && !now.Before(from) && !now.After(to) {
				c.took = append(c.took, now.Sub(c.asked))
			}
			if !now.Before(to) {
				return nil
			}
			return c.requests.next()
		})
	}()
	for _, at := range []struct {
		time time.Time
		line string
	}{{from, begins}, {to, ends}} {
		select {
		case <-time.After(time.Until(at.time)):
		case <-ctx.Done():
			return tally{}, ctx.Err()
		}
		if _, err := fmt.Fprintln(out, at.line); err != nil {
			return tally{}, err
		}
	}
	err := <-done
	return sum(all.list, s.For), err
}

// everybodyOnce has every user call once.
func everybodyOnce(out io.Writer, all *clients, users int) (tally, error) {
	if _, err := fmt.Fprintln(out, begins); err != nil {
		return tally{}, err
	}
	from, called := time.Now(), 0
	err := all.drive(func(c *client, _ time.Time) []byte {
		if called == users {
			return nil
		}
		called++
		return c.requests.ofUser(called - 1)
	})
	t := sum(all.list, time.Since(from))
	t.Calls = users
	_, printed := fmt.Fprintln(out, ends)
	return t, errors.Join(err, printed)
}

// client is one connection.
type client struct {
	fd       int
	requests *requests
	in       []byte // what has come of the answer
	asked    time.Time
	took     []time.Duration // of each request that was answered in the time that is measured
	failed   int
	example  string
}

// read takes note of an answer; ok is false while some of it is still to come.
func (c *client) read() (ok bool, err error) {
	r, ok, err := readReply(c.in)
	if !ok || err != nil {
		return false, err
	}
	if failed, example := c.requests.failed(r.status, r.body); failed > 0 {
		c.failed += failed
		c.example = fmt.Sprintf("%d %.500s", r.status, example)
	}
	c.in = c.in[:0]
	return true, nil
}

// sum puts together what the clients have seen.
func sum(clients []*client, within time.Duration) tally {
	t := tally{Time: within}
	var took []time.Duration
	for _, c := range clients {
		took = append(took, c.took...)
		t.Calls += len(c.took) * c.requests.items()
		t.Failed += c.failed
		if c.failed > 0 {
			t.Example = c.example
		}
	}
	if len(took) == 0 {
		return t
	}
	slices.Sort(took)
	t.P50, t.P99 = took[len(took)/2], took[len(took)*99/100]
	return t
}
