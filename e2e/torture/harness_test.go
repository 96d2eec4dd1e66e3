// Package torture tries to have the built program count wrongly: several processes on one database, kill -9, connections
// that are cut at the commit, clocks that are turned, and more calls than can be. What was answered is held against what
// is stored.
//
// Each test draws its plan of operations from a seed. A failure shows it, and TORTURE_SEED=… makes the same plan again;
// how the operations interleave is up to the machine. TORTURE=long makes each test as long as `make torture` wants it.
package torture

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m, program.Build()) }

// scale is how much of something there is, in the short form and in the long one.
func scale(short, long int) int {
	if os.Getenv("TORTURE") == "long" {
		return long
	}
	return short
}

// seed is what a test draws its plan from.
type seed uint64

func newSeed(t *testing.T) seed {
	t.Helper()
	s := rand.Uint64()
	if text := os.Getenv("TORTURE_SEED"); text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TORTURE_SEED: %v", err)
		}
	}
	t.Logf("the same plan again: TORTURE_SEED=%d", s)
	return seed(s)
}

// dice are those of one of the workers: what it does follows from the seed, whatever the others do meanwhile.
func (s seed) dice(worker int) *rand.Rand { return rand.New(rand.NewPCG(uint64(s), uint64(worker))) }

// world is one test's own: a database, stand-ins, and servers that share both.
type world struct {
	db   dbtest.Database
	vars map[string]string // what a server is given
}

func newWorld(t *testing.T) *world { t.Helper(); return newWorldOn(t, dbtest.New(t)) }

// newWorldOn is newWorld with a database that is there already.
func newWorldOn(t *testing.T, db dbtest.Database) *world {
	t.Helper()
	_, vars := program.StartSandbox(t)
	for name, value := range map[string]string{
		"PORT": "0", "OPS_ADDR": "127.0.0.1:0",
		"DATABASE_URL":  db.Owner.Reveal(),
		"DEVELOPER_URL": "http://" + dashboardHost, "OAUTH_URL": "http://connect.localhost", "CUSTOMER_URL": "http://" + apiHost,
		"DEVELOPER_FREE_CALLS": "1000000000", "TEST_PLATFORM_CALLS": "0", // as many as the test likes
		"SESSION_SIGNING_KEY": base64.StdEncoding.EncodeToString([]byte("session signing key of the tests")),
		"ENCRYPTION_KEY":      base64.StdEncoding.EncodeToString([]byte("encryption key of the e2e tests.")),
	} {
		vars[name] = value
	}
	return &world{db, vars}
}

// server is a running `dreamapi serve`.
type server struct {
	*program.Process
	ops  string
	http *http.Client
}

// serve starts a server, and returns when it is ready.
func (w *world) serve(t *testing.T) *server {
	t.Helper()
	s := &server{Process: program.Start(t, program.Command(w.vars, "serve", "--unsafe-sandbox"))}
	var addr string
	addr, s.ops = s.AwaitServing(t)
	s.http = program.Client(addr)
	t.Cleanup(s.http.CloseIdleConnections)
	s.awaitReady(t)
	return s
}

func (s *server) awaitReady(t *testing.T) {
	t.Helper()
	wait.For(t, "readiness", func() bool { return program.Ready(s.ops) == http.StatusOK })
}

func (w *world) serveSeveral(t *testing.T, n int) []*server {
	t.Helper()
	servers := make([]*server, n)
	for i := range servers {
		servers[i] = w.serve(t)
	}
	return servers
}

// awaitCount returns once there are so many of something. It may take as long as it likes, while there are ever more.
func awaitCount(t *testing.T, what string, wanted int, count func() int) {
	t.Helper()
	const step = 100
	for n := min(step, wanted); ; n = min(n+step, wanted) {
		wait.For(t, what, func() bool { return count() >= n })
		if n == wanted {
			return
		}
	}
}
