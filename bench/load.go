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
// last. It is told to a process of its own, on its standard input.
type load struct {
	Addr        string
	Connections int
	Warmup      time.Duration // before anything is measured
	For         time.Duration // 0: until every user of the crowd has called once
	Call        call
	Crowd       crowd
}

// tally is what came of a load.
type tally struct {
	Calls    int           // that were counted; each item of a batch is one
	Time     time.Duration // in which they were
	P50, P99 time.Duration // of a request
	Failed   int           // requests, or items, that were not answered with 200
	Example  string        // the answer to one of those
}

// The lines that a load prints when the time that is measured begins and when it ends. The tally follows, and then the
// load waits until its input ends, so that its CPU time can still be read.
const (
	begins = "begins"
	ends   = "ends"
)

// generate is a process that makes a load.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var l load
	told := json.NewDecoder(in)
	if err := told.Decode(&l); err != nil {
		return fmt.Errorf("the load can not be read: %w", err)
	}
	t, err := l.run(ctx, out)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(t); err != nil {
		return err
	}
	var more any
	if err := told.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the input goes on behind the load: %w", err)
	}
	return nil
}

func (l load) run(ctx context.Context, out io.Writer) (tally, error) {
	clients := make([]*client, l.Connections)
	for i := range clients {
		conn, err := net.Dial("tcp", l.Addr)
		if err != nil {
			return tally{}, err
		}
		defer func() { _ = conn.Close() }()
		clients[i] = &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), requests: newRequests(l.Call, l.Crowd)}
	}
	if l.For == 0 {
		return everybodyOnce(ctx, out, clients, l.Crowd.size())
	}
	// A key is looked up again that was last used a while ago, which is to happen before the time that is measured.
	if l.Call != batched {
		if _, err := once(ctx, clients, len(l.Crowd.Platforms)); err != nil {
			return tally{}, err
		}
	}
	from := time.Now().Add(l.Warmup)
	to := from.Add(l.For)
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
	return sum(clients, l.For), errors.Join(errs...)
}

// everybodyOnce has every user call once.
func everybodyOnce(ctx context.Context, out io.Writer, clients []*client, users int) (tally, error) {
	if _, err := fmt.Fprintln(out, begins); err != nil {
		return tally{}, err
	}
	took, err := once(ctx, clients, users)
	t := sum(clients, took)
	t.Calls = users
	_, printed := fmt.Fprintln(out, ends)
	return t, errors.Join(err, printed)
}

// once has the first users of the crowd, one platform after the other, call once.
func once(ctx context.Context, clients []*client, users int) (time.Duration, error) {
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
	return time.Since(from), errors.Join(errors.Join(errs...), ctx.Err())
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
