package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/api/apitest"
)

// answer is what came back.
type answer struct {
	asked  string
	status int
	header http.Header
	body   string
}

// send makes a request to a host: "POST /api/data", with a bearer token (or none), a body (or none) and headers in the
// form "Name: value". Of every answer it checks what all must keep to.
func (w *world) send(t testing.TB, host, asked, bearer, body string, headers ...string) answer {
	t.Helper()
	method, path, _ := strings.Cut(asked, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, "http://surface"+path, strings.NewReader(body))
	must(t, err)
	req.Host = host
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	w.known.inRequest(bearer, body)
	got, err := w.client.Do(req)
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	must(t, err)
	a := answer{asked, got.StatusCode, got.Header, string(text)}
	w.known.inAnswer(a.body)
	a.check(t)
	w.keepsToTheContract(t, req, body, a)
	if a.status == http.StatusInternalServerError {
		w.explain(t, a.text("requestId"))
	}
	return a
}

// keepsToTheContract holds the answer, and a request that was done, to api/openapi.yaml. A preflight and a host that is nobody's
// stand in its description alone.
func (w *world) keepsToTheContract(t testing.TB, req *http.Request, body string, a answer) {
	t.Helper()
	if req.Method == http.MethodOptions || a.status == http.StatusMisdirectedRequest {
		return
	}
	contract, err := apitest.Load()
	must(t, err)
	host := strings.ToLower(strings.TrimSuffix(strings.Split(req.Host, ":")[0], "."))
	surface, ours := map[string]string{
		"api.localhost": "customer", "localhost": "customer", "127.0.0.1": "customer", "": "customer", "dashboard.localhost": "developer", "connect.localhost": "oauth",
	}[host]
	if !ours {
		surface = "customer"
	}
	if err := contract.Check(apitest.Exchange{
		Surface: surface, Domain: !ours, Request: req, Body: []byte(body), Status: a.status, Header: a.header, Answer: []byte(a.body),
	}); err != nil {
		t.Errorf("%s: not as the contract has it: %v", a.asked, err)
	}
}

// api calls the customer surface.
func (w *world) api(t testing.TB, asked, bearer, body string, headers ...string) answer {
	t.Helper()
	return w.send(t, w.host("api"), asked, bearer, body, headers...)
}

// dash calls the developer surface.
func (w *world) dash(t testing.TB, asked, bearer, body string, headers ...string) answer {
	t.Helper()
	return w.send(t, w.host("dashboard"), asked, bearer, body, headers...)
}

var (
	errorForm = regexp.MustCompile(`^\{"error":"[^"]+"\s*,"message":"(?:[^"\\]|\\.)+"\s*,"code":"[a-z_]+"\s*,"param":(?:null|"[^"]*")` +
		`\s*,"requestId":"req_[0-9a-z]{26}"\s*,"docUrl":"http://api\.localhost:\d+/docs/errors/[a-z_]+"`)
	// What is about us and not about the request: SQL, Go, third parties' words.
	inward = regexp.MustCompile(`SQLSTATE|pgx\.|ERROR:|goroutine |runtime error|\.go:\d|tenant\.[a-z]|clerk_trace_id|form_identifier|_pkey|violates|i/o timeout`)
)

// check holds the answer to what every one promises.
func (a answer) check(t testing.TB) {
	t.Helper()
	if a.status == http.StatusInternalServerError {
		t.Errorf("%s answered 500: %s", a.asked, a.body)
	}
	if found := inward.FindString(a.body); found != "" && !strings.Contains(a.asked, " /docs/") { // which speak of the insides
		t.Errorf("%s lets %q out: %s", a.asked, found, a.body)
	}
	if a.status >= 400 && strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		if !errorForm.MatchString(a.body) {
			t.Errorf("%s answered an error of another shape: %s", a.asked, a.body)
		}
		equal(t, a.asked+": requestId", a.text("requestId"), a.header.Get("X-Request-Id"))
	}
	if retry := a.header.Get("Retry-After"); (a.status == 429 || a.status == 502 || a.status == 503) == (retry == "") && a.status != 409 {
		t.Errorf("%s answered %d with Retry-After %q", a.asked, a.status, retry)
	}
}

// want fails the test unless the answer has the status and, for an error, the code.
func (a answer) want(t testing.TB, status int, code ...string) answer {
	t.Helper()
	if a.status != status || len(code) > 0 && a.text("code") != code[0] {
		t.Fatalf("%s answered %d %s, want %d %v", a.asked, a.status, a.body, status, code)
	}
	return a
}

// wantParam fails the test unless these, and no others, are the parameters at fault.
func (a answer) wantParam(t testing.TB, params ...string) {
	t.Helper()
	a.want(t, http.StatusBadRequest, "invalid_request")
	var got []string
	for i := range len(a.list("errors")) {
		got = append(got, a.text(fmt.Sprintf("errors.%d.param", i)))
	}
	equal(t, a.asked+": the parameters at fault", strings.Join(got, " "), strings.Join(params, " "))
	if len(params) == 1 {
		equal(t, a.asked+": param", a.text("param"), params[0])
	}
}

// at finds a value by its path, such as "customer.id" or "data.0.email"; nil where there is none.
func (a answer) at(path string) any {
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.UseNumber()
	var value any
	_ = decoder.Decode(&value) // no JSON: there is nothing at any path
	for part := range strings.SplitSeq(path, ".") {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(inside) {
				return nil
			}
			value = inside[i]
		default:
			return nil
		}
	}
	return value
}

// text is the value at the path as a text: "<nil>" for null and for nothing.
func (a answer) text(path string) string { return fmt.Sprint(a.at(path)) }

func (a answer) list(path string) []any {
	list, _ := a.at(path).([]any)
	return list
}

// expect checks values: expect(t, "usage.count", "1", "usage.plan", "free").
func (a answer) expect(t testing.TB, pairs ...string) answer {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		equal(t, a.asked+": "+pairs[i], a.text(pairs[i]), pairs[i+1])
	}
	return a
}
