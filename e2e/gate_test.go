package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// gate stands between the servers and a stand-in, and can hold a request where a test wants a server to die.
type gate struct {
	url, behind string
	lag         func(r *http.Request) time.Duration // of the answer, on its way back; nil: none

	busy atomic.Int64 // requests that are under way

	mu    sync.Mutex
	holds []*hold
}

// hold is a request that is held: before the stand-in gets it, or after it has done what is asked.
type hold struct {
	method, path string
	after        bool
	reached      chan struct{} // closed when the request is there
	goOn         chan bool     // whether it goes on, or is cut off
	done         chan struct{} // closed when it has been carried out
	once         sync.Once
}

func newGate(t *testing.T, behind string) *gate {
	t.Helper()
	g := &gate{behind: behind}
	front := httptest.NewUnstartedServer(g)
	front.Config.ErrorLog = quiet
	front.Start()
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

// holdBefore holds the next such request before the stand-in gets it. The path is a prefix.
func (g *gate) holdBefore(t *testing.T, method, path string) *hold {
	return g.hold(t, method, path, false)
}

// holdAfter holds the answer to the next such request.
func (g *gate) holdAfter(t *testing.T, method, path string) *hold {
	return g.hold(t, method, path, true)
}

func (g *gate) hold(t *testing.T, method, path string, after bool) *hold {
	h := &hold{
		method: method, path: path, after: after,
		reached: make(chan struct{}), goOn: make(chan bool, 1), done: make(chan struct{}),
	}
	g.mu.Lock()
	g.holds = append(g.holds, h)
	g.mu.Unlock()
	t.Cleanup(h.cutOff)
	return h
}

// awaitReached returns when the request is held.
func (h *hold) awaitReached(t *testing.T) {
	t.Helper()
	wait.For(t, h.method+" "+h.path+" at the gate", func() bool { return closed(h.reached) })
}

// awaitDone returns when what was asked has been done.
func (h *hold) awaitDone(t *testing.T) {
	t.Helper()
	wait.For(t, h.method+" "+h.path+" carried out", func() bool { return closed(h.done) })
}

// release lets the request go on, whether or not its sender still lives.
func (h *hold) release() { h.once.Do(func() { h.goOn <- true }) }

func (h *hold) cutOff() { h.once.Do(func() { h.goOn <- false }) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (g *gate) take(r *http.Request) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, h := range g.holds {
		if h.method == r.Method && strings.HasPrefix(r.URL.Path, h.path) {
			g.holds = append(g.holds[:i:i], g.holds[i+1:]...)
			return h
		}
	}
	return nil
}

// ServeHTTP passes the request on. Once the stand-in has it, it is carried out: nothing follows from the sender's death.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.busy.Add(1)
	defer g.busy.Add(-1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	h := g.take(r)
	hold := func() {
		close(h.reached)
		if !<-h.goOn {
			panic(http.ErrAbortHandler)
		}
	}
	if h != nil && !h.after {
		hold()
	}
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, g.behind+r.URL.RequestURI(),
		bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	got, err := http.DefaultTransport.RoundTrip(out)
	if err != nil { // the stand-in cut the connection, so we do
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = got.Body.Close() }()
	answered, err := io.ReadAll(got.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if h != nil {
		close(h.done)
	}
	if h != nil && h.after {
		hold()
	}
	if g.lag != nil {
		time.Sleep(g.lag(r)) // a network that is slow, not a wait for anything
	}
	for name, values := range got.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(got.StatusCode)
	_, _ = w.Write(answered)
}
