package program

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// AwaitServing returns where a `dreamapi serve` listens, as its log says.
func (p *Process) AwaitServing(t *testing.T) (surfaces, ops string) {
	t.Helper()
	p.Await(t, "line that says where it serves", func() bool {
		for line := range strings.Lines(p.Log.String()) {
			var entry struct{ Msg, Addr, Ops string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				_, port, _ := net.SplitHostPort(entry.Addr)
				surfaces, ops = "127.0.0.1:"+port, entry.Ops
				return true
			}
		}
		return false
	})
	return surfaces, ops
}

// Ready is the status of /readyz; 0 when nobody answers.
func Ready(ops string) int {
	answer, err := http.Get("http://" + ops + "/readyz")
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// StartSandbox starts the stand-ins, and returns the variables of serve when they are ready.
func StartSandbox(t *testing.T, args ...string) (*Process, map[string]string) {
	t.Helper()
	p := Start(t, Command(nil, append([]string{"sandbox"}, args...)...))
	p.Await(t, "sandbox", func() bool { return strings.Contains(p.Out.String(), "# The sandbox is ready") })
	variables := map[string]string{}
	for line := range strings.Lines(p.Out.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			variables[name] = value
		}
	}
	return p, variables
}

// Client is a client whose every connection leads to addr: nothing in a test resolves *.localhost.
func Client(addr string) *http.Client {
	return &http.Client{
		Timeout: wait.Patience,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, addr)
			},
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second,
		},
	}
}
