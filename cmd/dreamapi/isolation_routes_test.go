package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/server"
)

// attempt is a request to a route in which things of one side or the other can be put: {customer}, {platform}, ….
// Credentials are always those of A.
type attempt struct {
	surface, route string // as mounted: "GET /api/customers/:id"
	asked          string
	as             string // whose credentials: sk, user (an end user's token), dk, cookie (a browser's), or none
	body           string
	headers        []string
}

// attempts holds a request for every route, so that a new route can not be forgotten.
var attempts = []attempt{
	{"customer", "GET /", "GET /", "none", "", []string{"X-User-Id: {customer}"}},
	{"customer", "GET /health", "GET /health", "none", "", nil},
	{"customer", "GET /static/*", "GET /static/{tier}", "none", "", nil},
	{"customer", "GET /docs/errors", "GET /docs/errors", "none", "", nil},
	{"customer", "GET /docs", "GET /docs", "none", "", nil},
	{"customer", "GET /docs/errors/:code", "GET /docs/errors/not_found", "none", "", nil},
	{"customer", "GET /docs/reference/types", "GET /docs/reference/types", "none", "", nil},
	{"customer", "GET /docs/reference/:group", "GET /docs/reference/usage", "none", "", nil},
	{"customer", "GET /docs/:page", "GET /docs/concepts", "none", "", nil},
	{"customer", "GET /docs/pictures/:name", "GET /docs/pictures/start-light-desktop.png", "none", "", nil},
	{"customer", "GET /docs/guides/:page", "GET /docs/guides/go-live", "none", "", nil},
	{"developer", "GET /docs", "GET /docs", "none", "", nil},
	{"developer", "GET /docs/errors", "GET /docs/errors", "none", "", nil},
	{"developer", "GET /docs/errors/:code", "GET /docs/errors/not_found", "none", "", nil},
	{"developer", "GET /docs/reference/types", "GET /docs/reference/types", "none", "", nil},
	{"developer", "GET /docs/reference/:group", "GET /docs/reference/usage", "none", "", nil},
	{"developer", "GET /docs/:page", "GET /docs/concepts", "none", "", nil},
	{"developer", "GET /docs/pictures/:name", "GET /docs/pictures/start-light-desktop.png", "none", "", nil},
	{"developer", "GET /docs/guides/:page", "GET /docs/guides/go-live", "none", "", nil},
	{"customer", "GET /openapi.yaml", "GET /openapi.yaml", "none", "", nil},
	{"customer", "POST /webhook/clerk", "POST /webhook/clerk", "none", `{"type":"user.deleted","data":{"id":"{customer}"}}`,
		[]string{"Svix-Id: msg_1", "Svix-Timestamp: 1", "Svix-Signature: v1,{key}"}},
	{"customer", "GET /api/tiers", "GET /api/tiers?publishableKey={pk}", "sk", "", []string{"X-Publishable-Key: {pk}"}},
	{"customer", "GET /api/tiers", "GET /api/tiers?publishableKey={pk}", "user", "", []string{"X-User-Id: {customer}"}},
	{"customer", "POST /api/customers", "POST /api/customers", "sk", `{"id":"new-{n}-{customer}","plan":"{tier}"}`,
		[]string{"Idempotency-Key: {idem}{n}"}},
	{"customer", "POST /api/customers", "POST /api/customers", "sk", `{"id":"{external}-{n}"}`, []string{"Idempotency-Key: {idem}-2"}},
	{"customer", "GET /api/customers", "GET /api/customers?cursor={cursor}", "sk", "", nil},
	{"customer", "GET /api/customers", "GET /api/customers?email={email}&plan={tier}&q={word}", "sk", "", nil},
	{"customer", "GET /api/customers", "GET /api/customers?q={customer}", "sk", "", nil},
	{"customer", "GET /api/customers", "GET /api/customers?sort=email&q={word}", "sk", "", nil},
	{"customer", "GET /api/customers", "GET /api/customers?near=true&plan={tier}", "sk", "", nil},
	{"customer", "GET /api/customers/:id", "GET /api/customers/{customer}", "sk", "", nil},
	{"customer", "GET /api/customers/:id", "GET /api/customers/{external}", "sk", "", []string{"X-User-Id: {customer}"}},
	{"customer", "PATCH /api/customers/:id", "PATCH /api/customers/{customer}", "sk", `{"firstName":"taken"}`, nil},
	{"customer", "PATCH /api/customers/:id", "PATCH /api/customers/{external}", "sk", `{"plan":"{tier}","metadata":{"a":null}}`, nil},
	{"customer", "DELETE /api/customers/:id", "DELETE /api/customers/{spare}", "sk", "", nil},
	{"customer", "GET /api/customers/:id/export", "GET /api/customers/{customer}/export", "sk", "", nil},
	{"customer", "GET /api/customers/:id/sessions", "GET /api/customers/{customer}/sessions", "sk", "", nil},
	{"customer", "DELETE /api/customers/:id/sessions/:session", "DELETE /api/customers/{customer}/sessions/{usersession}", "sk", "", nil},
	{"customer", "DELETE /api/customers/:id/sessions", "DELETE /api/customers/{customer}/sessions", "sk", "", nil},
	{"customer", "POST /api/sessions", "POST /api/sessions", "sk", `{"code":"{code}"}`, nil},
	{"customer", "POST /api/sessions/refresh", "POST /api/sessions/refresh", "sk", `{"refreshToken":"{refresh}"}`, nil},
	{"customer", "POST /api/sessions/revoke", "POST /api/sessions/revoke", "sk", `{"refreshToken":"{refresh}"}`, nil},
	{"customer", "POST /api/invitations", "POST /api/invitations", "sk", `{"email":"i{n}@mail.example","plan":"{tier}"}`,
		[]string{"Idempotency-Key: {idem}{n}"}},
	{"customer", "GET /api/invitations", "GET /api/invitations?cursor={invitation}", "sk", "", nil},
	{"customer", "DELETE /api/invitations/:invitation", "DELETE /api/invitations/{invitation}", "sk", "", nil},
	{"customer", "GET /.well-known/jwks.json", "GET /.well-known/jwks.json", "none", "", nil},
	{"customer", "GET /brand/:file", "GET /brand/aabbcc.css", "none", "", nil},
	{"customer", "POST /api/data", "POST /api/data", "sk", `{"meter":"{meter}"}`,
		[]string{"X-User-Id: {customer}", "Idempotency-Key: {idem}"}},
	{"customer", "POST /api/data", "POST /api/data", "sk", "", []string{"X-User-Id: {external}", "X-User-Plan: {tier}"}},
	{"customer", "POST /api/data", "POST /api/data", "user", `{"meter":"{meter}"}`, []string{"X-User-Id: {customer}"}},
	{"customer", "POST /api/data/batch", "POST /api/data/batch", "sk",
		`{"items":[{"id":"{idem}","userId":"{customer}","plan":"{tier}","meter":"{meter}"},{"id":"2","userId":"{external}"}]}`, nil},
	{"customer", "POST /api/grants", "POST /api/grants", "sk",
		`{"userId":"{customer}","meter":"{meter}","quantity":5,"expires":"used","plan":"{tier}"}`, []string{"Idempotency-Key: {idem}{n}"}},
	{"customer", "GET /api/adjustments", "GET /api/adjustments?userId={customer}", "sk", "", nil},
	{"customer", "GET /api/usage", "GET /api/usage", "sk", "", []string{"X-User-Id: {customer}"}},
	{"customer", "GET /api/usage", "GET /api/usage", "sk", "", []string{"X-User-Id: {external}", "X-User-Plan: {tier}"}},
	{"customer", "GET /api/usage", "GET /api/usage", "user", "", []string{"X-User-Id: {customer}"}},
	{"customer", "POST /api/create-checkout", "POST /api/create-checkout", "sk", `{"tier":"{paid}"}`,
		[]string{"X-User-Id: {customer}", "Idempotency-Key: {idem}{n}"}},
	{"customer", "POST /api/create-checkout", "POST /api/create-checkout", "user", `{"tier":"{paid}"}`, []string{"X-User-Id: {customer}"}},
	{"customer", "POST /api/customer-portal", "POST /api/customer-portal", "sk", "", []string{"X-User-Id: {buyer}"}},
	{"customer", "GET /checkout/return", "GET /checkout/return?session_id=cs_none", "none", "", []string{"X-User-Id: {buyer}"}},
	{"customer", "GET /checkout/done", "GET /checkout/done", "none", "", []string{"X-User-Id: {buyer}"}},
	{"customer", "GET /checkout/canceled", "GET /checkout/canceled", "none", "", []string{"X-User-Id: {buyer}"}},
	{"customer", "POST /webhook/stripe", "POST /webhook/stripe", "none", `{"id":"evt_{n}","type":"customer.subscription.deleted","data":{"object":{"id":"{subscription}"}}}`,
		[]string{"Stripe-Signature: t=1,v1={key}"}},

	{"developer", "GET /", "GET /", "dk", "", nil},
	{"developer", "GET /openapi.yaml", "GET /openapi.yaml", "none", "", nil},
	{"developer", "POST /webhook/stripe", "POST /webhook/stripe", "none", `{"id":"evt_{n}","type":"customer.subscription.deleted","data":{"object":{"id":"{subscription}"}}}`,
		[]string{"Stripe-Signature: t=1,v1={key}"}},
	{"developer", "POST /webhook/clerk", "POST /webhook/clerk", "none", `{"type":"user.deleted","data":{"id":"{developer}"}}`,
		[]string{"Svix-Id: msg_1", "Svix-Timestamp: 1", "Svix-Signature: v1,{key}"}},
	{"developer", "GET /api/audit", "GET /api/audit?platform={platform}&cursor={audit}", "dk", "", nil},
	{"developer", "GET /api/sessions", "GET /api/sessions", "dk", "", nil},
	{"developer", "POST /api/sessions/:session/end", "POST /api/sessions/{session}/end", "dk", "", nil},
	{"developer", "POST /api/sessions/end", "POST /api/sessions/end", "none", `{"session":"{session}"}`, nil},
	{"developer", "GET /api/plan", "GET /api/plan", "dk", "", []string{"X-User-Id: {developer}"}},
	{"developer", "GET /api/plan/invoices", "GET /api/plan/invoices?cursor={invoice}", "dk", "", []string{"X-User-Id: {developer}"}},
	{"developer", "POST /api/plan/checkout", "POST /api/plan/checkout", "dk", "", []string{"X-User-Id: {developer}"}},
	{"developer", "POST /api/plan/portal", "POST /api/plan/portal", "dk", "", []string{"X-User-Id: {developer}"}},
	{"developer", "GET /api/platforms/:platform/start", "GET /api/platforms/{platform}/start", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/overview", "GET /api/platforms/{platform}/overview", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/revenue", "GET /api/platforms/{platform}/revenue", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/usage", "GET /api/platforms/{platform}/usage?meter={meter}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/usage", "GET /api/platforms/{platform}/usage?customer={customer}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/usage", "GET /api/platforms/{platform}/usage?customer={email}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/usage/top", "GET /api/platforms/{platform}/usage/top?meter={meter}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/connect", "GET /api/platforms/{platform}/connect", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/connect", "POST /api/platforms/{platform}/connect", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/disconnect", "POST /api/platforms/{platform}/disconnect", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/events", "GET /api/platforms/{platform}/events?cursor={eventcursor}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/events/:event", "GET /api/platforms/{platform}/events/{event}", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/events/:event/reprocess", "POST /api/platforms/{platform}/events/{event}/reprocess", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/repairs", "GET /api/platforms/{platform}/repairs", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/tiers/order", "POST /api/platforms/{platform}/tiers/order", "dk",
		`{"names":["{tier}","{paid}","free"]}`, nil},
	{"developer", "GET /api/platforms/:platform/tiers/copy", "GET /api/platforms/{platform}/tiers/copy?from={platform}", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/tiers/copy", "POST /api/platforms/{platform}/tiers/copy", "dk", `{"from":"{platform}"}`, nil},
	{"developer", "POST /api/platforms/:platform/tiers/:tier/move-subscribers",
		"POST /api/platforms/{platform}/tiers/{paid}/move-subscribers", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers", "GET /api/platforms/{platform}/customers?q={word}&email={email}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers/:id", "GET /api/platforms/{platform}/customers/{customer}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers/:id", "GET /api/platforms/{platform}/customers/{buyer}", "dk", "", nil},
	{"developer", "PATCH /api/platforms/:platform/customers/:id", "PATCH /api/platforms/{platform}/customers/{customer}", "dk", `{"firstName":"taken"}`, nil},
	{"developer", "DELETE /api/platforms/:platform/customers/:id", "DELETE /api/platforms/{platform}/customers/{spare}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers/:id/days", "GET /api/platforms/{platform}/customers/{customer}/days", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/customers/:id/grants", "POST /api/platforms/{platform}/customers/{external}/grants", "dk",
		`{"meter":"{meter}","quantity":5,"expires":"used"}`, []string{"Idempotency-Key: {idem}{n}"}},
	{"developer", "GET /api/platforms/:platform/customers", "GET /api/platforms/{platform}/customers?near=true&status=active&sort=usage", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers", "GET /api/platforms/{platform}/customers?sort=email&q={word}&plan={tier}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/near", "GET /api/platforms/{platform}/near", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/timeline", "GET /api/platforms/{platform}/timeline", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers/:id/timeline", "GET /api/platforms/{platform}/customers/{customer}/timeline?cursor={cursor}", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/customers/:id/reset", "POST /api/platforms/{platform}/customers/{customer}/reset", "dk",
		`{"meter":"{meter}"}`, nil},
	{"developer", "POST /api/platforms/:platform/customers/:id/portal", "POST /api/platforms/{platform}/customers/{buyer}/portal", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/customers/:id/sessions", "GET /api/platforms/{platform}/customers/{customer}/sessions", "dk", "", nil},
	{"developer", "DELETE /api/platforms/:platform/customers/:id/sessions", "DELETE /api/platforms/{platform}/customers/{customer}/sessions", "dk", "", nil},
	{"developer", "GET /health", "GET /health", "dk", "", nil},
	{"developer", "GET /static/*", "GET /static/{project}", "dk", "", nil},
	{"developer", "GET /api/me", "GET /api/me", "dk", "", []string{"X-User-Id: {developer}"}},
	{"developer", "GET /api/tokens", "GET /api/tokens", "dk", "", nil},
	{"developer", "POST /api/tokens", "POST /api/tokens", "dk", `{"name":"{n}"}`, nil},
	{"developer", "POST /api/tokens/:token/revoke", "POST /api/tokens/{token}/revoke", "dk", "", nil},
	{"developer", "GET /api/projects", "GET /api/projects", "dk", "", nil},
	{"developer", "POST /api/projects", "POST /api/projects", "dk", `{"name":"{n}"}`, nil},
	{"developer", "PATCH /api/projects/:project", "PATCH /api/projects/{project}", "dk", `{"name":"taken"}`, nil},
	{"developer", "POST /api/projects/:project/platforms", "POST /api/projects/{project}/platforms", "dk",
		`{"mode":"test","name":"{n}"}`, nil},
	{"developer", "GET /api/platforms/:platform", "GET /api/platforms/{platform}", "dk", "", nil},
	{"developer", "PATCH /api/platforms/:platform", "PATCH /api/platforms/{platform}", "dk",
		`{"name":"taken","allowedOrigins":["https://taken.example"]}`, nil},
	{"developer", "GET /api/platforms/:platform/sign-in", "GET /api/platforms/{platform}/sign-in", "dk", "", nil},
	{"developer", "PATCH /api/platforms/:platform/sign-in", "PATCH /api/platforms/{platform}/sign-in", "dk",
		`{"productName":"taken","color":"#000000","plan":"{tier}"}`, nil},
	{"developer", "POST /api/platforms/:platform/domains", "POST /api/platforms/{platform}/domains", "dk",
		`{"domain":"d{n}.localhost"}`, nil},
	{"developer", "DELETE /api/platforms/:platform/domains/:domain", "DELETE /api/platforms/{platform}/domains/{domain}", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/keys", "GET /api/platforms/{platform}/keys", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/keys", "POST /api/platforms/{platform}/keys", "dk",
		`{"kind":"secret","name":"{n}"}`, []string{"Idempotency-Key: {idem}"}},
	{"developer", "POST /api/platforms/:platform/keys/:key/rotate", "POST /api/platforms/{platform}/keys/{key}/rotate", "dk", "",
		[]string{"Idempotency-Key: {idem}{n}"}},
	{"developer", "POST /api/platforms/:platform/keys/:key/revoke", "POST /api/platforms/{platform}/keys/{key}/revoke", "dk", "", nil},
	{"developer", "GET /api/platforms/:platform/tiers", "GET /api/platforms/{platform}/tiers", "dk", "", nil},
	{"developer", "POST /api/platforms/:platform/tiers", "POST /api/platforms/{platform}/tiers", "dk",
		`{"name":"t{n}","price":0,"limit":1}`, []string{"Idempotency-Key: {idem}{n}"}},
	{"developer", "PATCH /api/platforms/:platform/tiers/:tier", "PATCH /api/platforms/{platform}/tiers/{tier}", "dk",
		`{"limit":7,"archived":false}`, nil},
	{"developer", "POST /api/platforms/:platform/tiers/:tier/preview", "POST /api/platforms/{platform}/tiers/{tier}/preview", "dk",
		`{"limit":7,"archived":false}`, nil},

	{"oauth", "GET /", "GET /", "dk", "", nil},
	{"oauth", "GET /authorize", "GET /authorize?ticket=none&platform={platform}", "dk", "", nil},
	{"oauth", "GET /callback", "GET /callback?state=none&code={platform}", "dk", "", nil},
	{"oauth", "GET /health", "GET /health", "dk", "", nil},
	{"oauth", "GET /static/*", "GET /static/{platform}", "dk", "", nil},
}

// pages are the routes of the dashboard, with the forms' fields.
var pages = []attempt{
	{"developer", "GET /sign-in", "GET /sign-in?next={platform}", "none", "", nil},
	{"developer", "POST /session", "POST /session", "none", "token={key}", nil},
	{"developer", "POST /sign-out", "POST /sign-out", "none", "session={session}", nil},
	{"developer", "POST /sign-out-everywhere", "POST /sign-out-everywhere", "none", "session={session}", nil},
	{"developer", "GET /dashboard", "GET /dashboard", "cookie", "", []string{"X-User-Id: {developer}"}},
	{"developer", "GET /projects", "GET /projects?project={project}", "cookie", "", nil},
	{"developer", "POST /projects", "POST /projects", "cookie", "name=p{n}&developer={developer}", nil},
	{"developer", "POST /projects/:project/platforms", "POST /projects/{project}/platforms", "cookie", "name=p{n}&mode=test", nil},
	{"developer", "POST /projects/:project/rename", "POST /projects/{project}/rename", "cookie", "name=taken", nil},
	{"developer", "GET /plan", "GET /plan?developer={developer}", "cookie", "", nil},
	{"developer", "POST /plan/checkout", "POST /plan/checkout", "cookie", "developer={developer}", nil},
	{"developer", "POST /plan/portal", "POST /plan/portal", "cookie", "developer={developer}", nil},
	{"developer", "GET /plan/return", "GET /plan/return?session_id={checkout}", "cookie", "", nil},
	{"developer", "GET /components", "GET /components", "cookie", "", nil},
	{"developer", "GET /activity", "GET /activity?platform={platform}", "cookie", "", nil},
	{"developer", "GET /activity/export", "GET /activity/export?platform={platform}", "cookie", "", nil},
	{"developer", "GET /account", "GET /account?session={session}", "cookie", "", nil},
	{"developer", "POST /account/sessions/:session/end", "POST /account/sessions/{session}/end", "cookie", "", nil},
	{"developer", "POST /account/tokens", "POST /account/tokens", "cookie", "name=t{n}", nil},
	{"developer", "POST /account/tokens/:token/revoke", "POST /account/tokens/{token}/revoke", "cookie", "", nil},
	{"developer", "GET /connect/finish", "GET /connect/finish?receipt=none&platform={platform}", "cookie", "", nil},
	{"developer", "GET /connect/denied", "GET /connect/denied?platform={platform}", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/customers/:id/plan", "POST /platforms/{platform}/customers/{customer}/plan", "cookie", "plan={tier}", nil},
	{"developer", "POST /platforms/:platform/customers/:id/grants", "POST /platforms/{platform}/customers/{external}/grants", "cookie",
		"quantity=5&expires=used&meter={meter}", nil},
	{"developer", "POST /platforms/:platform/customers/:id/reset", "POST /platforms/{platform}/customers/{external}/reset", "cookie", "meter={meter}", nil},
	{"developer", "POST /platforms/:platform/customers/:id/portal", "POST /platforms/{platform}/customers/{buyer}/portal", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/customers/:id/sign-out", "POST /platforms/{platform}/customers/{customer}/sign-out", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/customers/:id/delete", "POST /platforms/{platform}/customers/{spare}/delete", "cookie", "confirm={spare}", nil},
	own("GET", "", "", ""), own("GET", "/setup", "", ""), own("GET", "/start", "", ""), own("POST", "/start", "", ""), own("GET", "/tiers", "", ""), own("GET", "/new-tier", "", ""),
	own("GET", "/keys", "", ""), own("GET", "/customers", "?q={word}&plan={tier}&cursor={cursor}", ""), own("GET", "/connect", "", ""),
	own("GET", "/export-customers", "?q={word}&plan={tier}", ""),
	own("GET", "/settings", "", ""), own("GET", "/usage", "?customer={customer}", ""), own("GET", "/usage", "?customer={email}", ""), own("GET", "/sign-in", "", ""), own("GET", "/sign-in/logo", "", ""),
	own("POST", "/sign-in", "", "productName=taken&signUp=open&signUpsPerHour=7&plan={tier}"),
	own("POST", "/tiers", "", "name=page{n}&displayName=Page&monthly=5&meter.0=requests&max.0=1&period.0=month"),
	{"developer", "GET /platforms/:platform/tiers/:tier", "GET /platforms/{platform}/tiers/{tier}", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/tiers/:tier", "POST /platforms/{platform}/tiers/{tier}", "cookie",
		"displayName=Taken&monthly=0&meter.0=requests&max.0=7&period.0=month", nil},
	{"developer", "POST /platforms/:platform/tiers/:tier/preview", "POST /platforms/{platform}/tiers/{tier}/preview", "cookie",
		"displayName=Taken&monthly=0&meter.0=requests&max.0=7&period.0=month", nil},
	{"developer", "POST /platforms/:platform/tiers/:tier/archive", "POST /platforms/{platform}/tiers/{paid}/archive", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/tiers/:tier/restore", "POST /platforms/{platform}/tiers/{paid}/restore", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/tiers/:tier/move-subscribers", "POST /platforms/{platform}/tiers/{paid}/move-subscribers",
		"cookie", "", nil},
	own("POST", "/price-list/order", "", "down={tier}"), own("POST", "/price-list/copy", "", "from={platform}"),
	own("GET", "/price-list/copy", "?from={platform}", ""),
	own("POST", "/keys", "", "kind=secret&name=k{n}"),
	{"developer", "POST /platforms/:platform/keys/:key/rotate", "POST /platforms/{platform}/keys/{key}/rotate", "cookie", "overlapSeconds=3600", nil},
	{"developer", "POST /platforms/:platform/keys/:key/revoke", "POST /platforms/{platform}/keys/{key}/revoke", "cookie", "", nil},
	{"developer", "GET /platforms/:platform/customers/:id", "GET /platforms/{platform}/customers/{customer}", "cookie", "", nil},
	own("GET", "/events", "?cursor={eventcursor}", ""),
	{"developer", "GET /platforms/:platform/events/:event", "GET /platforms/{platform}/events/{event}", "cookie", "", nil},
	{"developer", "POST /platforms/:platform/events/:event/reprocess", "POST /platforms/{platform}/events/{event}/reprocess", "cookie", "", nil},
	own("POST", "/connect", "", ""), own("POST", "/disconnect", "", ""),
	own("POST", "/settings", "", "name=taken&currency=usd&allowedOrigins=https%3A%2F%2Ftaken.example"),
	own("POST", "/domains", "", "domain=e{n}.localhost"),
	{"developer", "POST /platforms/:platform/domains/:domain/remove", "POST /platforms/{platform}/domains/{domain}/remove", "cookie", "", nil},
}

// own is an attempt at a page below a platform's own path.
func own(method, path, query, body string) attempt {
	return attempt{"developer", method + " /platforms/:platform" + path, method + " /platforms/{platform}" + path + query, "cookie", body, nil}
}

// hosted are the pages for end users. Whose they are a key says that anybody may know, so they are tried by
// TestThePagesOfOnePlatformOpenNothingOnAnother.
var hosted = []string{
	"GET /sign-in", "POST /sign-in", "GET /sign-up", "POST /sign-up", "GET /account", "GET /account/profile", "GET /account/export",
	"GET /account/delete", "POST /account/name", "POST /account/checkout", "POST /account/portal", "POST /account/sessions/:session/end",
	"POST /account/reauthenticate", "POST /account/sign-out", "POST /account/sign-out-everywhere", "POST /account/delete",
}

func init() { attempts = append(attempts, pages...) }

// everyRouteIsAttempted fails for a mounted route that the table does not have, and for an entry that is not mounted.
func everyRouteIsAttempted(t *testing.T, mounted []server.Route) {
	t.Helper()
	there, tried := map[string]bool{}, map[string]bool{}
	for _, r := range mounted {
		there[r.Surface+" "+r.Method+" "+r.Path] = true
	}
	for _, a := range attempts {
		tried[a.surface+" "+a.route] = true
	}
	for _, route := range hosted {
		tried["customer "+route] = true
	}
	for route := range there {
		if !tried[route] {
			t.Errorf("the isolation test does not try %s: add it to attempts", route)
		}
	}
	for route := range tried {
		if !there[route] {
			t.Errorf("%s is tried and not mounted", route)
		}
	}
}

var slot = regexp.MustCompile(`\{[a-z]+\}`)

// slots are the placeholders of the request.
func (a attempt) slots() []string {
	found := map[string]bool{}
	var names []string
	for _, name := range slot.FindAllString(a.asked+a.body+strings.Join(a.headers, " "), -1) {
		if name = strings.Trim(name, "{}"); name != "n" && !found[name] {
			found[name] = true
			names = append(names, name)
		}
	}
	return names
}

// send fills the placeholders and makes the request as the side, to the host; n makes the texts of a request new.
func (a attempt) send(t *testing.T, s *side, host string, n int, values map[string]string) answer {
	t.Helper()
	pairs := []string{"{n}", strconv.Itoa(n)}
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	fill := strings.NewReplacer(pairs...).Replace
	var headers []string
	for _, header := range a.headers {
		headers = append(headers, fill(header))
	}
	if host == "" {
		host = s.w.host(map[string]string{"customer": "api", "developer": "dashboard", "oauth": "connect"}[a.surface])
	}
	if a.surface == "developer" && !strings.Contains(a.route, " /api/") && !strings.Contains(a.route, " /webhook/") {
		headers = append(headers, "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "Accept: text/html")
	}
	bearer := s.credentials[a.as]
	if a.as == "cookie" {
		headers, bearer = append(headers, "Cookie: "+bearer), ""
	}
	return s.w.send(t, host, fill(a.asked), bearer, fill(a.body), headers...)
}
