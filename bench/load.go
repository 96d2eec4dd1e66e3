package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
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
	clients, err := l.connect()
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
		t, err := l.run(ctx, out, clients, s)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(t); err != nil {
			return err
		}
	}
}

// connect makes the connections, which live as long as the process.
func (l load) connect() ([]*client, error) {
	clients := make([]*client, l.Connections)
	for i := range clients {
		conn, err := net.Dial("tcp", l.Addr)
		if err != nil {
			return nil, err
		}
		clients[i] = &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), requests: newRequests(l.Call, l.Crowd)}
	}
	return clients, nil
}

func (l load) run(ctx context.Context, out io.Writer, clients []*client, s stretch) (tally, error) {
	for _, c := range clients {
		c.took, c.failed, c.example = c.took[:0], 0, ""
	}
	if s.For == 0 {
		return everybodyOnce(ctx, out, clients, l.Crowd.size())
	}
	from := time.Now().Add(s.Warmup)
	to := from.Add(s.For)
	var working sync.WaitGroup
	errs := make([]error, len(clients))
	for i, c := range clients {
		working.Go(func() { errs[i] = c.work(from, to) })
	}
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
	working.Wait()
	return sum(clients, s.For), errors.Join(errs...)
}

// everybodyOnce has every user call once.
func everybodyOnce(ctx context.Context, out io.Writer, clients []*client, users int) (tally, error) {
	if _, err := fmt.Fprintln(out, begins); err != nil {
		return tally{}, err
	}
	from := time.Now()
	var working sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, len(clients))
	for i, c := range clients {
		working.Go(func() {
			for n := next.Add(1) - 1; n < int64(users) && errs[i] == nil && ctx.Err() == nil; n = next.Add(1) - 1 {
				errs[i] = c.call(c.requests.ofUser(int(n)))
			}
		})
	}
	working.Wait()
	t := sum(clients, time.Since(from))
	t.Calls = users
	_, printed := fmt.Fprintln(out, ends)
	return t, errors.Join(errors.Join(errs...), ctx.Err(), printed)
}

// client is one connection.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	body     []byte
	requests *requests
	took     []time.Duration // of each request that was answered in the time that is measured
	failed   int
	example  string
}

// work makes calls until a moment, and keeps how long those took that were answered between the two.
func (c *client) work(from, to time.Time) error {
	for now := time.Now(); now.Before(to); {
		if err := c.call(c.requests.next()); err != nil {
			return err
		}
		answered := time.Now()
		if !answered.Before(from) && !answered.After(to) {
			c.took = append(c.took, answered.Sub(now))
		}
		now = answered
	}
	return nil
}

// call makes one request.
func (c *client) call(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	status, err := c.readAnswer()
	if err != nil {
		return fmt.Errorf("an answer can not be read: %w", err)
	}
	if failed, example := c.requests.failed(status, c.body); failed > 0 {
		c.failed += failed
		c.example = fmt.Sprintf("%d %.500s", status, example)
	}
	return nil
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
