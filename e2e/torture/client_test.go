package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// The hosts of the surfaces; the port does not matter to the host switch.
const (
	apiHost       = "api.localhost"
	dashboardHost = "dashboard.localhost"
)

type object = map[string]any

// request is a request of the API, of the customer surface unless it says otherwise.
type request struct {
	method, host, path, token string
	user, plan, key           string // headers
	body                      any    // sent as JSON
}

// reply is as much of an answer as any test looks at. Status 0 is no answer: the connection was lost, and the outcome is
// not known; 1 is no connection: nobody has got the request.
type reply struct {
	status     int
	replayed   bool
	retryAfter string

	Code    string
	Usage   usage
	Meters  map[string]usage
	Results []itemReply
	text    []byte
}

const (
	lost     = 0
	notSent  = 1
	internal = "internal" // the code of an outcome that is not known
)

// usage is the state of a meter as an answer tells of it.
type usage struct {
	Count       int64
	Limit       *int64
	Plan        string
	Extra       int64
	PeriodStart *time.Time
}

// itemReply is the answer to an item of a batch.
type itemReply struct {
	Code     string
	Message  string
	Status   int
	Replayed bool
	Usage    usage
}

// send makes a request.
func (s *server) send(r request) reply {
	body, err := json.Marshal(r.body)
	if err != nil {
		panic(err) // what the tests send always marshals
	}
	host := r.host
	if host == "" {
		host = apiHost
	}
	req, err := http.NewRequest(r.method, "http://"+host+r.path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.GetBody = nil // or a request with a key is sent a second time by itself, and the end of the first is not told
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.token)
	for name, value := range map[string]string{"X-User-Id": r.user, "X-User-Plan": r.plan, "Idempotency-Key": r.key} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	got, err := s.http.Do(req)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return reply{status: notSent}
	}
	if err != nil {
		return reply{status: lost}
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return reply{status: lost}
	}
	a := reply{
		status: got.StatusCode, replayed: got.Header.Get("Idempotent-Replayed") == "true",
		retryAfter: got.Header.Get("Retry-After"), text: text,
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return reply{status: lost, text: text}
	}
	return a
}

// must makes a request that gets the status.
func (s *server) must(t testing.TB, status int, r request) reply {
	t.Helper()
	a := s.send(r)
	if a.status != status {
		t.Fatalf("%s %s answers %d, not %d: %s", r.method, r.path, a.status, status, a.text)
	}
	return a
}

// isUnknown is whether the call may have been counted and may have not.
func (a reply) isUnknown() bool {
	return a.status == lost || a.status == http.StatusInternalServerError
}
