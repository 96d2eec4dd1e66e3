package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/api/apitest"
)

// The hosts of the surfaces; the port does not matter to the host switch.
const (
	apiHost       = "api.localhost"
	dashboardHost = "dashboard.localhost"
)

// request is an HTTP request in the making, of the customer surface unless it says otherwise.
type request struct {
	method, host, path string
	header             map[string]string
	body               any // nil: none; []byte: as it is; else sent as JSON
}

func get(path string) request { return request{method: "GET", host: apiHost, path: path} }
func post(path string, body any) request {
	return request{method: "POST", host: apiHost, path: path, body: body}
}
func patch(path string, body any) request {
	return request{method: "PATCH", host: apiHost, path: path, body: body}
}
func del(path string) request { return request{method: "DELETE", host: apiHost, path: path} }

func (r request) on(host string) request { r.host = host; return r }

func (r request) as(token string) request { return r.with("Authorization", "Bearer "+token) }

func (r request) with(name, value string) request {
	header := map[string]string{name: value}
	for n, v := range r.header {
		if n != name {
			header[n] = v
		}
	}
	r.header = header
	return r
}

// track is a call that counts one for a user of the tier free, whom the developer keeps elsewhere.
func track(key, user string) request {
	return post("/api/data", nil).as(key).with("X-User-Id", user).with("X-User-Plan", "free")
}

// usage asks what was counted for such a user.
func usage(key, user string) request {
	return get("/api/usage").as(key).with("X-User-Id", user).with("X-User-Plan", "free")
}

// object is a JSON object.
type object = map[string]any

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// at reads the value at a dotted path of the body.
func at[T any](t testing.TB, a answer, path string) T {
	t.Helper()
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("the answer %d is not JSON: %s", a.status, a.body)
	}
	for name := range strings.SplitSeq(path, ".") {
		o, ok := value.(object)
		if !ok {
			t.Fatalf("the answer %d has no %s: %s", a.status, path, a.body)
		}
		value = o[name]
	}
	out, ok := value.(T)
	if !ok {
		t.Fatalf("the answer %d has %v at %s: %s", a.status, value, path, a.body)
	}
	return out
}

func text(t testing.TB, a answer, path string) string { t.Helper(); return at[string](t, a, path) }

func number(t testing.TB, a answer, path string) int { t.Helper(); return int(at[float64](t, a, path)) }

// send makes the request; the error is that of the connection.
func send(client *http.Client, r request) (answer, error) {
	var body io.Reader
	if raw, ok := r.body.([]byte); ok {
		body = bytes.NewReader(raw)
	} else if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return answer{}, err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequest(r.method, "http://"+r.host+r.path, body)
	if err != nil {
		return answer{}, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	got, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, got.Header, text}, err
}

// do makes a request that gets an answer.
func (s *server) do(t testing.TB, r request) answer {
	t.Helper()
	a, err := send(s.http, r)
	if err != nil {
		t.Fatal(err)
	}
	keepsToTheContract(t, r, a)
	return a
}

// keepsToTheContract holds an answer to api/openapi.yaml. What was sent is held to it where the program is called in process.
func keepsToTheContract(t testing.TB, r request, a answer) {
	t.Helper()
	surface, known := map[string]string{apiHost: "customer", dashboardHost: "developer"}[r.host]
	contract, err := apitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(r.method, "http://"+r.host+r.path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if !known || r.method == http.MethodOptions {
		return
	}
	if err := contract.CheckAnswer(apitest.Exchange{Surface: surface, Request: req, Status: a.status, Header: a.header, Answer: a.body}); err != nil {
		t.Errorf("%s %s is not as the contract has it: %v", r.method, r.path, err)
	}
}

// must makes a request that gets the status.
func (s *server) must(t testing.TB, status int, r request) answer {
	t.Helper()
	a := s.do(t, r)
	if a.status != status {
		t.Fatalf("%s %s answers %d, not %d: %s", r.method, r.path, a.status, status, a.body)
	}
	return a
}

// result is the answer or the failure of a request that somebody else waits for.
type result struct {
	answer
	err error
}

// begin makes a request in the background.
func (s *server) begin(r request) <-chan result {
	done := make(chan result, 1)
	go func() {
		a, err := send(s.http, r)
		done <- result{a, err}
	}()
	return done
}
