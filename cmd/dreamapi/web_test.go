package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestAHostLeadsToItsSurfaceHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := p.w
	for host, status := range map[string]int{
		w.host("api"): 200, "api.localhost": 200, "API.LocalHost:" + w.port: 200, "api.localhost.": 200, "api.localhost.:1": 200,
		"localhost:9": 200, "127.0.0.1": 200, "[::1]:80": 200, "[::1]": 200,
		"dashboard.localhost": 404, "DASHBOARD.localhost.": 404, "connect.localhost": 404, // they have no price list
		"api.localhost.evil.example": 421, "evil.example": 421, "localhost.evil.example": 421, "xapi.localhost": 421, "127.0.0.2": 421,
		"api.localhost..": 421, "unknown.localhost:" + w.port: 421,
	} {
		got := w.send(t, host, "GET /api/tiers", p.sk, "")
		if got.status != status {
			t.Errorf("%s: %d %s, want %d", host, got.status, got.body, status)
		}
		if status == 421 {
			got.want(t, 421, "misdirected_request")
		}
	}
	w.send(t, "dashboard.localhost", "GET /api/me", p.dev.token, "").want(t, 200)
	w.send(t, "api.localhost", "GET /api/me", p.dev.token, "").want(t, 404)
}

func TestAnUnknownAddressIs404AndAnUnknownMethod405(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, asked := range []string{"GET /api/nothing", "POST /api/nothing", "GET /api/customers/a/b", "GET /api//customers", "GET /API/tiers",
		"GET /api/data/batch/x", "GET /webhook/nothing", "GET /static/", "GET /static/nothing.css", "GET /static/../templates/home.html", "GET /static/..%2ftemplates%2fhome.html"} {
		if got := p.api(t, asked, ""); got.status != 404 {
			t.Errorf("%s: %d %s", asked, got.status, got.body)
		}
	}
	for asked, allow := range map[string]string{
		"PUT /api/customers": "GET, OPTIONS, POST", "GET /api/data": "OPTIONS, POST", "DELETE /api/usage": "GET, OPTIONS",
		"PUT /api/customers/x": "DELETE, GET, OPTIONS, PATCH", "GET /webhook/clerk": "OPTIONS, POST",
	} {
		got := p.api(t, asked, "").want(t, 405, "method_not_allowed")
		var methods []string
		for _, method := range []string{"DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"} {
			if strings.Contains(got.header.Get("Allow"), method) {
				methods = append(methods, method)
			}
		}
		equal(t, asked+": Allow", strings.Join(methods, ", "), allow)
	}
	p.dev.dash(t, "PUT /api/me", "").want(t, 405, "method_not_allowed")
	p.dev.dash(t, "GET /api/nothing", "").want(t, 404, "not_found")
}

func TestAnErrorHasTheSeedsTwoFieldsFirst(t *testing.T) {
	t.Parallel()
	w := boot(t)
	got := w.api(t, "GET /api/customers", "", "").want(t, 401, "unauthenticated")
	order := regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(got.body, -1)
	var names []string
	for _, name := range order {
		names = append(names, name[1])
	}
	equal(t, "the order of the fields", strings.Join(names, " "), "error message code param requestId docUrl")
	equal(t, "param", got.text("param"), "<nil>")
	equal(t, "WWW-Authenticate", got.header.Get("WWW-Authenticate"), `Bearer realm="dream-api"`)
	url := got.text("docUrl")
	equal(t, "docUrl", url, w.url("api")+"/docs/errors/unauthenticated")
	docs := w.api(t, "GET /docs/errors", "", "").want(t, 200)
	if !strings.Contains(docs.body, `id="unauthenticated"`) {
		t.Error("docUrl leads to nothing")
	}
	page := w.api(t, "GET /nothing", "", "", "Accept: text/html").want(t, 404)
	if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Errorf("a browser got %s", page.header.Get("Content-Type"))
	}
}

func TestEveryAnswerTellsTheBrowserToBeStrict(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for name, got := range map[string]answer{
		"an answer": p.api(t, "GET /api/tiers", ""), "an error": p.api(t, "GET /api/nothing", ""), "a page": p.w.dash(t, "GET /", "", ""),
		"health": p.w.send(t, p.w.host("connect"), "GET /health", "", ""), "nobody's host": p.w.send(t, "evil.example", "GET /", "", ""),
		"the developer surface": p.dev.dash(t, "GET /api/me", ""),
	} {
		want := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
		if name == "a page" || name == "health" || name == "nobody's host" { // the others are of the API
			want["X-Frame-Options"], want["Referrer-Policy"], want["Cross-Origin-Opener-Policy"] = "DENY", "no-referrer", "same-origin"
		}
		for header, want := range want {
			equal(t, name+": "+header, got.header.Get(header), want)
		}
		csp := got.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", name, csp)
		}
		if got.header.Get("X-Request-Id") == "" || got.header.Get("Server") != "" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, got.header)
		}
	}
	for _, surface := range []string{"api", "dashboard", "connect"} {
		equal(t, "health", p.w.send(t, p.w.host(surface), "GET /health", "", "").want(t, 200).body, `{"status":"ok"}`+"\n")
	}
}

func TestOverHTTPSTheBrowserIsToldToStay(t *testing.T) {
	t.Parallel()
	w := boot(t, withConfig(func(c *config) { c.CustomerURL.Scheme = "https" }))
	equal(t, "Strict-Transport-Security", w.send(t, w.host("api"), "GET /health", "", "").header.Get("Strict-Transport-Security"),
		"max-age=31536000")
}

func TestTextThatNoDatabaseTakesIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, asked := range []string{"GET /api/customers/%ff", "GET /api/customers/a%00b", "GET /api/customers?q=%ff", "GET /api/customers?email=%00",
		"GET /api/customers?plan=%zz", "DELETE /api/customers/%c3%28", "GET /%ff", "PATCH /api/customers/%ff"} {
		if got := p.api(t, asked, ""); got.status != 400 {
			t.Errorf("%s: %d %s", asked, got.status, got.body)
		}
	}
	p.dash(t, "GET /keys/%ff", "").want(t, 400)
	p.dash(t, "DELETE /domains/%ff", "").want(t, 400)
	for _, header := range []string{"X-User-Id: \xff", "X-User-Plan: \xff", "Origin: \xff", "Idempotency-Key: \xff"} {
		if got := p.api(t, "POST /api/data", "", "X-User-Id: u", "X-User-Plan: free", header); got.status != 400 && got.status != 200 ||
			got.status == 200 && !strings.HasPrefix(header, "X-User") { // the first of two headers counts
			t.Errorf("%q: %d %s", header, got.status, got.body)
		}
	}
	p.api(t, "POST /api/data", "", "X-User-Id: \xff", "X-User-Plan: free").wantParam(t, "X-User-Id")
	p.api(t, "POST /api/data", "", "X-User-Id: u", "X-User-Plan: \xff").wantParam(t, "X-User-Plan")
	p.w.api(t, "OPTIONS /api/data", "", "", "Origin: \xff", "Access-Control-Request-Method: POST").want(t, 400)
	p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: \xff").want(t, 401)
	p.w.api(t, "GET /api/tiers", "\xff", "").want(t, 401)
	p.api(t, "POST /api/customers", "{\"id\":\"u\",\"firstName\":\"\xff\"}").want(t, 201).expect(t, "customer.firstName", "\ufffd")
}

func TestABrowserMayCallFromAllowedOriginsOnly(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	const mine, theirs, nobodys = "https://app.example", "https://other.example", "https://evil.example"
	p.dash(t, "PATCH /", fmt.Sprintf(`{"allowedOrigins":[%q]}`, mine)).want(t, 200)
	other.dash(t, "PATCH /", fmt.Sprintf(`{"allowedOrigins":[%q]}`, theirs)).want(t, 200)
	token := p.w.userToken(t, p.customer(t, "eve@mail.example"))

	preflight := func(origin string, status int) http.Header {
		return p.w.api(t, "OPTIONS /api/data", "", "", "Origin: "+origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization,content-type").want(t, status).header
	}
	for _, origin := range []string{mine, theirs} { // it says nothing of whose call it will be
		h := preflight(origin, 204)
		equal(t, "Allow-Origin", h.Get("Access-Control-Allow-Origin"), origin)
		equal(t, "Vary", h.Get("Vary"), "Origin")
		for _, header := range []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Publishable-Key", "X-User-Id", "X-User-Plan"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Headers"), header) {
				t.Errorf("%s is not among %s", header, h.Get("Access-Control-Allow-Headers"))
			}
		}
		if h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Max-Age") == "" {
			t.Errorf("preflight: %v", h)
		}
	}
	for _, origin := range []string{nobodys, "null", "https://app.example.evil.example", "http://app.example", "https://APP.example", "https://app.example:8443"} {
		h := preflight(origin, 403)
		equal(t, origin+": Allow-Origin", h.Get("Access-Control-Allow-Origin"), "")
		equal(t, origin+": Vary", h.Get("Vary"), "Origin")
	}

	got := p.w.api(t, "POST /api/data", token, "", "Origin: "+mine).want(t, 200)
	equal(t, "Allow-Origin", got.header.Get("Access-Control-Allow-Origin"), mine)
	equal(t, "Vary", got.header.Get("Vary"), "Origin")
	for _, header := range []string{"RateLimit", "Retry-After", "X-Request-Id", "Idempotent-Replayed"} {
		if !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), header) {
			t.Errorf("%s is not among %s", header, got.header.Get("Access-Control-Expose-Headers"))
		}
	}
	for _, origin := range []string{theirs, nobodys, "null"} {
		got := p.w.api(t, "POST /api/data", token, "", "Origin: "+origin).want(t, 403, "origin_not_allowed")
		equal(t, origin+": Allow-Origin", got.header.Get("Access-Control-Allow-Origin"), "")
		p.w.api(t, "GET /api/tiers", "", "", "Origin: "+origin, "X-Publishable-Key: "+p.pk).want(t, 403, "origin_not_allowed")
	}
	p.usage(t, p.api(t, "GET /api/customers", "").text("data.0.id")).expect(t, "usageCount", "1")
	// A page may read why its call failed.
	got = p.w.api(t, "POST /api/data", "a.b.c", "", "Origin: "+mine).want(t, 401)
	equal(t, "Allow-Origin of an error", got.header.Get("Access-Control-Allow-Origin"), mine)
	got = p.w.api(t, "POST /api/data", token, `{"quantity":-1}`, "Origin: "+mine).want(t, 400)
	equal(t, "Allow-Origin of an error", got.header.Get("Access-Control-Allow-Origin"), mine)
	// The developer surface is for no foreign page.
	p.w.dash(t, "OPTIONS /api/me", "", "", "Origin: "+mine, "Access-Control-Request-Method: GET")
	equal(t, "the developer surface", p.dev.dash(t, "GET /api/me", "", "Origin: "+mine).header.Get("Access-Control-Allow-Origin"), "")
}
