package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestACustomDomainLeadsToItsPlatformAlone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := p.w
	other := w.developer(t, "bob@dev.example").platform(t, "other")
	other.tier(t, `{"name":"secretive","limit":1}`)
	const host = "api.shop.localhost"
	w.send(t, host, "GET /api/tiers", "", "").want(t, 421, "misdirected_request")
	p.dash(t, "POST /domains", `{"domain":"API.Shop.localhost."}`).want(t, 201).expect(t, "settings.domains", "["+host+"]")
	p.dash(t, "POST /domains", `{"domain":"api.shop.localhost"}`).want(t, 201) // again
	other.dash(t, "POST /domains", `{"domain":"api.shop.localhost"}`).want(t, 409, "conflict")

	mine, theirs := p.customer(t, "eve@mail.example"), other.customer(t, "bob@mail.example")
	for _, at := range []string{host, strings.ToUpper(host) + ":" + w.port, host + "."} {
		w.send(t, at, "GET /api/tiers", "", "").want(t, 200).expect(t, "tiers.0.name", "free", "tiers.1", "<nil>")
		w.send(t, at, "GET /api/customers", p.sk, "").want(t, 200)
		w.send(t, at, "GET /api/usage", w.userToken(t, mine), "").want(t, 200)
		w.send(t, at, "GET /api/tiers", "", "", "X-Publishable-Key: "+p.pk).want(t, 200)
	}
	for _, asked := range []string{"GET /api/customers", "POST /api/customers", "POST /api/data/batch", "GET /api/usage", "GET /api/tiers"} {
		w.send(t, host, asked, other.sk, "", "X-User-Id: "+theirs).want(t, 401, "invalid_credentials")
	}
	w.send(t, host, "GET /api/usage", w.userToken(t, theirs), "").want(t, 401, "invalid_credentials")
	w.send(t, host, "GET /api/tiers", other.pk, "").want(t, 401, "invalid_credentials")
	w.send(t, host, "GET /api/tiers", "", "", "X-Publishable-Key: "+other.pk).want(t, 401, "invalid_credentials")
	w.send(t, host, "GET /api/tiers?publishableKey="+other.pk, "", "").want(t, 401, "invalid_credentials")
	w.send(t, host, "GET /api/me", p.dev.token, "").want(t, 404, "not_found")
	w.send(t, host, "GET /api/customers", "", "").want(t, 401, "unauthenticated") // the host is no authority

	// A preflight on it is answered by its platform's own list.
	p.dash(t, "PATCH /", `{"allowedOrigins":["https://app.example"]}`).want(t, 200)
	other.dash(t, "PATCH /", `{"allowedOrigins":["https://other.example"]}`).want(t, 200)
	for origin, status := range map[string]int{"https://app.example": 204, "https://other.example": 403} {
		w.send(t, host, "OPTIONS /api/data", "", "", "Origin: "+origin, "Access-Control-Request-Method: POST").want(t, status)
	}

	other.dash(t, "DELETE /domains/"+host, "").want(t, 404, "not_found")
	p.dash(t, "DELETE /domains/none.localhost", "").want(t, 404, "not_found")
	p.dash(t, "DELETE /domains/API.shop.localhost", "").want(t, 200).expect(t, "settings.domains", "[]")
	w.send(t, host, "GET /api/tiers", p.sk, "").want(t, 421, "misdirected_request")
	other.dash(t, "POST /domains", `{"domain":"api.shop.localhost"}`).want(t, 201)
}

func TestNobodyTakesTheHostOfASurface(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, name := range []string{"api", "dashboard", "connect"} {
		p.dash(t, "POST /domains", fmt.Sprintf(`{"domain":"%s.localhost"}`, name)) // whatever the answer is
		got := p.w.send(t, p.w.host(name), "GET /api/tiers", "", "")
		if got.status == 200 {
			t.Errorf("%s.localhost leads to a platform", name)
		}
	}
	for _, domain := range []string{"", "localhost", "shop", "*.shop.localhost", "shop..localhost", "-a.localhost", "a.localhost:80", "a b.localhost",
		"https://a.localhost", "ä.localhost", "a.localhost/x", "127.0.0.1", "[::1]", strings.Repeat("a", 64) + ".localhost", strings.Repeat("a.", 125) + "localhost"} {
		p.dash(t, "POST /domains", fmt.Sprintf(`{"domain":%q}`, domain)).wantParam(t, "domain")
	}
}
