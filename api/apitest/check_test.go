package apitest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/api"
)

const (
	requestID = "req_01kcx5rjm4e7v8w9y0a1b2c3d4"
	usage     = `{"success":true,"usage":{"count":1,"limit":20,"remaining":19,"plan":"free","meter":"requests","period":"month",` +
		`"periodStart":"2026-03-01T00:00:00Z","periodEnd":"2026-04-01T00:00:00Z"}}`
	refusal = `{"error":"Tier limit reached","message":"m","code":"tier_limit_reached","param":null,"requestId":"` + requestID +
		`","docUrl":"https://api.example.com/docs/errors/tier_limit_reached"}`
)

// tracked is a call that the contract knows.
func tracked(t *testing.T) Exchange {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com/api/data", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_x")
	r.Header.Set("X-User-Id", "user-42")
	return Exchange{
		Surface: "customer", Request: r, Body: []byte(`{"quantity":1}`), Status: 200, Answer: []byte(usage),
		Header: http.Header{
			"Content-Type": {"application/json"}, "X-Request-Id": {requestID}, "Ratelimit": {`"user";r=99;t=12`}, "Ratelimit-Policy": {`"user";q=100;w=60`},
		},
	}
}

func TestWhatTheContractDoesNotSayIsAFault(t *testing.T) {
	t.Parallel()
	contract, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := contract.Check(tracked(t)); err != nil {
		t.Fatal(err)
	}
	refused := func(x *Exchange) { x.Status, x.Answer = 402, []byte(refusal) }
	for name, plant := range map[string]struct {
		want string
		with func(*Exchange)
	}{
		"a status":             {"does not know the status", func(x *Exchange) { x.Status = 201 }},
		"a field":              {"additional properties 'extra' not allowed", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, "{", `{"extra":1,`, 1)) }},
		"a field deep inside":  {"additional properties 'left' not allowed", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, `"count"`, `"left":1,"count"`, 1)) }},
		"no field":             {"missing property 'plan'", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, `"plan":"free",`, ``, 1)) }},
		"another type":         {"want integer", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, `"count":1`, `"count":"1"`, 1)) }},
		"another word":         {"period", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, `"month"`, `"fortnight"`, 1)) }},
		"no moment":            {"date-time", func(x *Exchange) { x.Answer = []byte(strings.Replace(usage, `2026-04-01T00:00:00Z`, `tomorrow`, 1)) }},
		"no JSON":              {"no JSON", func(x *Exchange) { x.Answer = []byte("ok") }},
		"another content type": {"content type", func(x *Exchange) { x.Header.Set("Content-Type", "text/plain") }},
		"no header":            {"header X-Request-Id is missing", func(x *Exchange) { x.Header.Del("X-Request-Id") }},
		"a header":             {"does not know the header Retry-After", func(x *Exchange) { x.Header.Set("Retry-After", "1") }},
		"a header's form":      {"RateLimit", func(x *Exchange) { x.Header.Set("RateLimit", "99") }},
		"a code": {"code", func(x *Exchange) {
			refused(x)
			x.Answer = []byte(strings.Replace(refusal, `"tier_limit_reached",`, `"plan_required",`, 1))
		}},
		"a field of an error": {"additional properties 'hint' not allowed", func(x *Exchange) {
			refused(x)
			x.Answer = []byte(strings.Replace(refusal, "{", `{"hint":1,`, 1))
		}},
		"a body that was taken":   {"refuses the body", func(x *Exchange) { x.Body = []byte(`{"quantity":1.5}`) }},
		"a field that was taken":  {"refuses the body", func(x *Exchange) { x.Body = []byte(`{"amount":1}`) }},
		"a key's form":            {"Idempotency-Key", func(x *Exchange) { x.Request.Header.Set("Idempotency-Key", "a b") }},
		"credentials":             {"other credentials", func(x *Exchange) { x.Request.Header.Set("Authorization", "Bearer dk_x") }},
		"JSON that is not listed": {"not in the contract", func(x *Exchange) { x.Request.URL.Path = "/api/datum" }},
		"a parameter that is no number": {"limit", func(x *Exchange) {
			x.Request.Method, x.Request.URL.Path, x.Request.URL.RawQuery = "GET", "/api/invitations", "limit=many"
			x.Answer = []byte(`{"data":[],"hasMore":false,"nextCursor":null}`)
			x.Header.Del("RateLimit")
			x.Header.Del("RateLimit-Policy")
		}},
		"a parameter that is missing": {"userId is missing", func(x *Exchange) {
			x.Request.Method, x.Request.URL.Path = "GET", "/api/adjustments"
			x.Answer = []byte(`{"data":[],"hasMore":false,"nextCursor":null}`)
			x.Header.Del("RateLimit")
			x.Header.Del("RateLimit-Policy")
		}},
	} {
		x := tracked(t)
		plant.with(&x)
		if err := contract.Check(x); err == nil || !strings.Contains(err.Error(), plant.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := tracked(t)
	refused(&x)
	if err := contract.Check(x); err != nil {
		t.Errorf("a refusal: %v", err)
	}
}

func TestAContractThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	whole := api.Contract(api.CustomerURL, api.DeveloperURL, api.OAuthURL)
	for name, change := range map[string][2]string{
		"an example that does not fit": {`{kind: secret, name: backend}`, `{kind: secret, name: 5}`},
		"a reference to nothing":       {`$ref: "#/components/schemas/KeySet"`, `$ref: "#/components/schemas/Keys"`},
		"a server that is no surface":  {`servers: [{url: "https://connect.example.com"}]`, `servers: [{url: "https://other.example.com"}]`},
		"a parameter of no path":       {"  /api/me:", "  /api/me/{you}:"},
	} {
		text := strings.Replace(whole, change[0], change[1], 1)
		if text == whole {
			t.Errorf("%s: the contract has no %s", name, change[0])
		}
		if _, err := load(text); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
