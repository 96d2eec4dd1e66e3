// Package e2e tests the built binary from outside: its processes are started, called over HTTP, killed and watched
// through the database and the stand-in for Clerk, as an operator would. What can be shown without a process of its own
// is tested beside the code.
package e2e

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m, program.Build()) }

var quiet = log.New(io.Discard, "", 0)

// world is one test's own: a database, a sandbox, and servers that share both.
type world struct {
	db    dbtest.Database
	clerk *sandbox
	gate  *gate             // between the servers and Clerk
	vars  map[string]string // what a server is given

	publicURL string // of a load balancer that leads to alive
	alive     atomic.Pointer[server]
}

// newWorld makes a world in which the stand-ins send their events to the servers.
func newWorld(t *testing.T) *world { t.Helper(); return newWorldHeard(t, "") }

// newWorldHeard makes a world in which the stand-ins send their events to an address; empty: to the servers.
func newWorldHeard(t *testing.T, ear string) *world {
	t.Helper()
	w := &world{db: dbtest.New(t)}
	public := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			target := "127.0.0.1:1" // where nobody listens
			if s := w.alive.Load(); s != nil {
				target = s.addr
			}
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			r.Out.Host = r.In.Host
		},
		ErrorLog: quiet,
	})
	t.Cleanup(public.Close)
	_, port, _ := strings.Cut(public.Listener.Addr().String(), ":")
	w.publicURL = "http://api.localhost:" + port
	address := map[string]string{"developer": "http://dashboard.localhost:" + port, "oauth": "http://connect.localhost:" + port,
		"customer": w.publicURL}

	told := []string{"--oauth-url", address["oauth"]}
	for _, surface := range []string{"developer", "customer"} {
		at := address[surface]
		if ear != "" {
			at = ear + "/" + surface
		}
		told = append(told, "--"+surface+"-url", at)
	}
	w.clerk = startSandbox(t, told...)
	w.gate = newGate(t, w.clerk.variables["CLERK_API_URL"])
	w.vars = map[string]string{
		"PORT": "0", "OPS_ADDR": "127.0.0.1:0",
		"DATABASE_URL":  w.db.Owner.Reveal(),
		"DEVELOPER_URL": address["developer"], "OAUTH_URL": address["oauth"], "CUSTOMER_URL": address["customer"],
		"DEVELOPER_FREE_CALLS": "1000", // what a test sets up is not what it counts
		"SESSION_SIGNING_KEY":  base64.StdEncoding.EncodeToString([]byte("session signing key of the tests")),
		"ENCRYPTION_KEY":       base64.StdEncoding.EncodeToString([]byte("encryption key of the e2e tests.")),
	}
	for name, value := range w.clerk.variables {
		if w.vars[name] == "" {
			w.vars[name] = value
		}
	}
	w.vars["CLERK_API_URL"] = w.gate.url
	return w
}

// server is a running `dreamapi serve`.
type server struct {
	*program.Process
	addr, ops string
	http      *http.Client
}

// serve starts a server, and returns when it is ready. The load balancer leads to the newest.
func (w *world) serve(t *testing.T) *server {
	t.Helper()
	s := &server{Process: program.Start(t, program.Command(w.vars, "serve", "--unsafe-sandbox"))}
	s.addr, s.ops = s.AwaitServing(t)
	s.http = program.Client(s.addr)
	t.Cleanup(s.http.CloseIdleConnections)
	wait.For(t, "readiness", func() bool { return s.ready() == http.StatusOK })
	w.alive.Store(s)
	return s
}

// succeed starts a server in the place of one that was killed. It need not wait for the end of the lease with which
// that led the background work: a quarter of a minute by the machine's clock, which no test turns.
func (w *world) succeed(t *testing.T) *server {
	t.Helper()
	w.endLease(t)
	return w.serve(t)
}

// endLease lets another server lead the background work.
func (w *world) endLease(t *testing.T) {
	t.Helper()
	w.db.Exec(t, "DELETE FROM river.river_leader")
}

// ready is the status of /readyz; 0 when nobody answers.
func (s *server) ready() int { return program.Ready(s.ops) }
