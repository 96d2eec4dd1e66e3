package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// fault is what goes wrong with some requests on their way.
type fault struct {
	Request    string `json:"request"` // such as "POST /api/data"
	Kind       string `json:"kind"`
	Times      int    `json:"times"`
	Status     int    `json:"status,omitempty"`     // of answer
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
}

// The kinds of fault.
const (
	lost   = "lost"   // the API acts, and its answer is lost with the connection
	cut    = "cut"    // the API acts, and half of its answer arrives
	held   = "held"   // the API acts, and its answer does not come
	stall  = "stall"  // the request does not arrive, and nothing comes back
	drop   = "drop"   // the request does not arrive, and the connection is closed
	answer = "answer" // the request does not arrive, and is answered with a status by something between
)

// seen is a request that came to the proxy.
type seen struct {
	Request string `json:"request"`
	Key     string `json:"key"`     // the Idempotency-Key
	Passed  bool   `json:"passed"`  // whether the API got it
	Status  int    `json:"status"`  // that the API answered
	Agent   string `json:"agent"`   // the User-Agent
	Told    bool   `json:"told"`    // whether the answer went back whole
	Replied string `json:"replied"` // the X-Request-Id of the answer
}

// proxy is the network between a client and the API.
type proxy struct {
	url    string
	target string // host and port
	client *http.Client

	mu     sync.Mutex
	faults []fault
	log    []seen
	close  chan struct{}
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{target: target, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
	}, close: make(chan struct{})}
	front := httptest.NewUnstartedServer(p)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.Start()
	p.url = front.URL
	t.Cleanup(func() {
		close(p.close)
		front.CloseClientConnections()
		front.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// arm has the next requests of a kind go wrong.
func (p *proxy) arm(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Times = max(1, f.Times)
	p.faults = append(p.faults, f)
}

// take forgets what was seen so far, and returns it. Faults that did not happen are a mistake of the test.
func (p *proxy) take(t *testing.T) []seen {
	t.Helper()
	log, left := p.forget()
	if left > 0 {
		t.Errorf("%d faults did not happen", left)
	}
	return log
}

func (p *proxy) forget() (log []seen, left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, left = p.log, len(p.faults)
	p.log, p.faults = nil, nil
	return log, left
}

func (p *proxy) faultOf(request string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.faults {
		if f := &p.faults[i]; f.Request == request {
			hit := *f
			if f.Times--; f.Times == 0 {
				p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
			}
			return hit
		}
	}
	return fault{}
}

// ServeHTTP passes a request on, unless it is to go wrong.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request := r.Method + " " + r.URL.Path
	f := p.faultOf(request)
	entry := seen{Request: request, Key: r.Header.Get("Idempotency-Key"), Agent: r.Header.Get("User-Agent")}
	p.mu.Lock()
	p.log = append(p.log, entry)
	mine := len(p.log) - 1
	p.mu.Unlock()
	note := func(change func(*seen)) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if mine < len(p.log) {
			change(&p.log[mine])
		}
	}
	switch f.Kind {
	case stall:
		p.wait(r)
	case drop:
		panic(http.ErrAbortHandler)
	case answer:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html>somebody between</html>")
		return
	}
	// Once it is passed on, it is carried out: nothing follows from the end of its sender.
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, "http://"+p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	_, port, _ := cutLast(p.target, ":")
	out.Host = "localhost:" + port
	got, err := p.client.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	note(func(s *seen) { s.Passed, s.Status, s.Replied = true, got.StatusCode, got.Header.Get("X-Request-Id") })
	for name, values := range got.Header {
		w.Header()[name] = values
	}
	switch f.Kind {
	case lost:
		panic(http.ErrAbortHandler)
	case held:
		p.wait(r)
	case cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(got.StatusCode)
		_, _ = w.Write(text[:len(text)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	note(func(s *seen) { s.Told = true })
	w.WriteHeader(got.StatusCode)
	_, _ = w.Write(text)
}

// wait ends when the sender has given up, and answers nothing.
func (p *proxy) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-p.close:
	}
	panic(http.ErrAbortHandler)
}

// control is what a test in another language tells the world: POST /faults, POST /take, POST /sign-in, POST /rotate.
func (w *world) control(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	reply := func(to http.ResponseWriter, value any) {
		to.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(to).Encode(value)
	}
	mux.HandleFunc("POST /faults", func(to http.ResponseWriter, r *http.Request) {
		var f fault
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			http.Error(to, err.Error(), http.StatusBadRequest)
			return
		}
		w.proxy.arm(f)
		reply(to, struct{}{})
	})
	mux.HandleFunc("POST /take", func(to http.ResponseWriter, _ *http.Request) {
		log, left := w.proxy.forget()
		reply(to, map[string]any{"requests": log, "left": left})
	})
	mux.HandleFunc("POST /sign-in", func(to http.ResponseWriter, r *http.Request) {
		at, err := w.signInAt(r.URL.Query().Get("email"), r.URL.Query().Get("at"))
		if err != nil {
			http.Error(to, err.Error(), http.StatusInternalServerError)
			return
		}
		reply(to, map[string]string{"location": at})
	})
	mux.HandleFunc("POST /rotate", func(to http.ResponseWriter, _ *http.Request) {
		done := make(chan struct{})
		w.rotations <- done
		<-done
		reply(to, struct{}{})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}
