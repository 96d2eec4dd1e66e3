package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// sandbox is a running `dreamapi sandbox`.
type sandbox struct {
	*process
	variables map[string]string // of serve
	http      *http.Client
}

// startSandbox starts the stand-ins; events go to the customer surface at customerURL.
func startSandbox(t *testing.T, customerURL string) *sandbox {
	t.Helper()
	s := &sandbox{process: start(t, exec.Command(binary, "sandbox", "--customer-url", customerURL))}
	awaitOr(t, "sandbox", s.ended, func() bool { return strings.Contains(s.out.String(), "# The sandbox is ready") })
	s.variables = map[string]string{}
	for line := range strings.Lines(s.out.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			s.variables[name] = value
		}
	}
	s.http = clientOf(strings.TrimPrefix(s.variables["CLERK_API_URL"], "http://"))
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// call makes a request of the backend API with an app's secret key, or of the control endpoints.
func (s *sandbox) call(t testing.TB, secretKey string, r request) answer {
	t.Helper()
	a, err := send(s.http, r.on("127.0.0.1").as(secretKey))
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusOK {
		t.Fatalf("Clerk answers %d to %s %s: %s", a.status, r.method, r.path, a.body)
	}
	return a
}

// developerSession signs somebody new up with the developers' app and returns a session token made for the origin.
func (s *sandbox) developerSession(t testing.TB, origin string) string {
	t.Helper()
	app := s.variables["DEVELOPER_CLERK_SECRET_KEY"]
	user := text(t, s.call(t, app, post("/v1/users", object{
		"email_address": []string{"dev@example.com"}, "password": "a long sentence, nobody else's",
	})), "id")
	session := text(t, s.call(t, app, post("/v1/sessions", object{"user_id": user})), "id")
	return text(t, s.call(t, app, post("/v1/sessions/"+session+"/tokens", nil).with("Origin", origin)), "jwt")
}

// endUser is a user of the shared app.
type endUser struct {
	ID             string `json:"id"`
	ExternalID     string `json:"external_id"`
	PublicMetadata struct {
		PublishableKey string `json:"publishableKey"`
	} `json:"public_metadata"`
}

// endUsers are all users of the shared app, by id.
func (s *sandbox) endUsers(t testing.TB) map[string]endUser {
	t.Helper()
	var list []endUser
	a := s.call(t, s.variables["CUSTOMER_CLERK_SECRET_KEY"], get("/v1/users?limit=500"))
	if err := json.Unmarshal(a.body, &list); err != nil {
		t.Fatal(err)
	}
	users := map[string]endUser{}
	for _, u := range list {
		users[u.ID] = u
	}
	return users
}

// fault arms a fault of the sandbox; package clerk says what there is.
func (s *sandbox) fault(t testing.TB, f object) {
	t.Helper()
	s.call(t, "", post("/_sandbox/faults", f))
}

// pendingEvents counts the events of the shared app that have not been received.
func (s *sandbox) pendingEvents(t testing.TB) int {
	t.Helper()
	return len(at[[]any](t, s.call(t, "", get("/_sandbox/events?app=end-user-api&status=pending")), "events"))
}

// gate stands between the servers and Clerk, and can hold a request where a test wants a server to die.
type gate struct {
	url, clerk string

	mu    sync.Mutex
	holds []*hold
}

// hold is a request that is held: before Clerk gets it, or after Clerk has done it.
type hold struct {
	method, path string
	after        bool
	reached      chan struct{} // closed when the request is there
	goOn         chan bool     // whether it goes on, or is cut off
	done         chan struct{} // closed when Clerk has done it
	once         sync.Once
}

func newGate(t *testing.T, clerk string) *gate {
	t.Helper()
	g := &gate{clerk: clerk}
	front := httptest.NewUnstartedServer(g)
	front.Config.ErrorLog = quiet
	front.Start()
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

// holdBefore holds the next such request before Clerk gets it. The path is a prefix.
func (g *gate) holdBefore(t *testing.T, method, path string) *hold {
	return g.hold(t, method, path, false)
}

// holdAfter holds Clerk's answer to the next such request.
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
	await(t, h.method+" "+h.path+" at Clerk", func() bool { return closed(h.reached) })
}

// awaitDone returns when Clerk has done what was asked.
func (h *hold) awaitDone(t *testing.T) {
	t.Helper()
	await(t, h.method+" "+h.path+" carried out", func() bool { return closed(h.done) })
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

// ServeHTTP passes the request on. Once Clerk has it, Clerk carries it out: nothing follows from the sender's death.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	h := g.take(r)
	wait := func() {
		close(h.reached)
		if !<-h.goOn {
			panic(http.ErrAbortHandler)
		}
	}
	if h != nil && !h.after {
		wait()
	}
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, g.clerk+r.URL.RequestURI(),
		bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	got, err := http.DefaultTransport.RoundTrip(out)
	if err != nil { // Clerk cut the connection, so we do
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
		wait()
	}
	for name, values := range got.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(got.StatusCode)
	_, _ = w.Write(answered)
}
