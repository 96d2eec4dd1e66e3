package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestMe(t *testing.T) {
	t.Parallel()
	w := boot(t)
	dev := w.developer(t, "ada@dev.example")
	for _, credentials := range []string{dev.token, dev.session(t)} {
		got := w.dash(t, "GET /api/me", credentials, "").want(t, 200)
		got.expect(t, "developer.email", "ada@dev.example", "developer.name", "Ada")
		if !strings.HasPrefix(got.text("developer.id"), "dev_") || strings.Contains(got.body, dev.user) {
			t.Errorf("me: %s", got.body)
		}
	}
	equal(t, "developers", w.query(t, "SELECT count(*)::text FROM platform.developers"), "1")
}

func TestTheDeveloperSurfaceIsForDevelopers(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.w.userToken(t, p.customer(t, "eve@mail.example"))
	for _, r := range p.w.app.surfaces.Routes() {
		if r.Surface != "developer" || !strings.HasPrefix(r.Path, "/api/") {
			continue
		}
		asked := r.Method + " " + strings.Replace(r.Path, ":platform", p.id, 1)
		p.w.dash(t, asked, "", "").want(t, 401, "unauthenticated")
		for _, credentials := range []string{p.sk, p.pk, user, "dk_", p.dev.token[:len(p.dev.token)-1], "a.b.c", "dk_" + strings.Repeat("0", 49)} {
			p.w.dash(t, asked, credentials, "").want(t, 401, "invalid_credentials")
		}
	}
}

func TestDeveloperTokens(t *testing.T) {
	t.Parallel()
	w := boot(t)
	dev := w.developer(t, "ada@dev.example")
	made := dev.dash(t, "POST /api/tokens", `{"name":"ci"}`).want(t, 201)
	secret, id := made.text("secret"), made.text("token.id")
	list := dev.dash(t, "GET /api/tokens", "").want(t, 200)
	equal(t, "tokens", len(list.list("data")), 2)
	list.expect(t, "data.1.id", id, "data.1.name", "ci", "data.1.lastUsedAt", "<nil>", "data.1.revokedAt", "<nil>", "data.1.hint", "dk_…"+secret[len(secret)-4:])
	if strings.Contains(list.body, secret) || strings.Contains(list.body, dev.token) {
		t.Error("the list shows a secret")
	}
	equal(t, "kept in the clear", w.query(t, "SELECT count(*)::text FROM platform.developer_tokens t WHERE t::text LIKE '%' || $1 || '%'", secret[3:]), "0")
	w.dash(t, "GET /api/me", secret, "").want(t, 200)
	if dev.dash(t, "GET /api/tokens", "").at("data.1.lastUsedAt") == nil {
		t.Error("the use of a token is not noted")
	}
	revoked := dev.dash(t, "POST /api/tokens/"+id+"/revoke", "").want(t, 200).text("token.revokedAt")
	w.dash(t, "GET /api/me", secret, "").want(t, 401, "invalid_credentials")
	dev.dash(t, "POST /api/tokens/"+id+"/revoke", "").want(t, 200).expect(t, "token.revokedAt", revoked)
	dev.dash(t, "POST /api/tokens/dtk_none/revoke", "").want(t, 404, "not_found")
	dev.dash(t, "POST /api/tokens", `{"name":""}`).wantParam(t, "name")
	dev.dash(t, "POST /api/tokens", `{"name":"`+strings.Repeat("n", 101)+`"}`).wantParam(t, "name")
}

func TestProjectsAndPlatforms(t *testing.T) {
	t.Parallel()
	w := boot(t)
	dev := w.developer(t, "ada@dev.example")
	equal(t, "at first", strings.TrimSpace(dev.dash(t, "GET /api/projects", "").body), `{"data":[],"hasMore":false,"nextCursor":null}`)
	project := dev.dash(t, "POST /api/projects", `{"name":"Shop"}`).want(t, 201).expect(t, "project.name", "Shop").text("project.id")
	dev.dash(t, "POST /api/projects", `{}`).wantParam(t, "name")
	path := "POST /api/projects/" + project + "/platforms"
	live := dev.dash(t, path, `{"mode":"live","name":"Live"}`).want(t, 201).expect(t, "platform.mode", "live").text("platform.id")
	test := dev.dash(t, path, `{"mode":"test","name":"Preview"}`).want(t, 201).text("platform.id")
	dev.dash(t, path, `{"mode":"test","name":"Staging"}`).want(t, 201)
	dev.dash(t, path, `{"mode":"live","name":"Another"}`).want(t, 409, "conflict")
	dev.dash(t, path, `{"mode":"prod","name":"x"}`).wantParam(t, "mode")
	dev.dash(t, path, `{"mode":"test"}`).wantParam(t, "name")
	dev.dash(t, "POST /api/projects/prj_none/platforms", `{"mode":"test","name":"x"}`).want(t, 404, "not_found")
	list := dev.dash(t, "GET /api/projects", "").want(t, 200).
		expect(t, "data.0.platforms.0.id", live, "data.0.platforms.1.id", test, "data.0.platforms.1.name", "Preview")
	equal(t, "platforms", len(list.list("data.0.platforms")), 3)

	dev.dash(t, "GET /api/platforms/plt_none", "").want(t, 404, "not_found")
	dev.dash(t, "GET /api/platforms/%27", "").want(t, 404, "not_found")
}

func TestAChangeOfCurrencyGivesTheFreeTiersOtherPricesAtStripe(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	must(t, p.w.app.modules.Desk.Publish(t.Context(), p.platformID()))
	p.dash(t, "PATCH /", `{"currency":"eur"}`).want(t, 200).expect(t, "stripe.lacks", "")
	p.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.0.published", "true", "data.0.currency", "eur")
	equal(t, "prices on sale", fmt.Sprint(p.w.atStripeList(t, "", "/v1/prices?active=true", "currency")), "[eur]")
	// While Stripe is down, a job has it done.
	p.w.control(t, "POST /faults", `{"times":1000,"path":"/v1/p","status":500}`)
	before := p.w.query(t, "SELECT count(*)::text FROM river.river_job WHERE kind = 'tenant.tiers_changed'")
	p.dash(t, "PATCH /", `{"currency":"chf"}`).want(t, 200)
	p.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.0.published", "false")
	if after := p.w.query(t, "SELECT count(*)::text FROM river.river_job WHERE kind = 'tenant.tiers_changed'"); after == before {
		t.Error("no job publishes the prices")
	}
}

func TestAPriceThatStripeWouldNotChargeIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "PATCH /", `{"currency":"isk"}`).want(t, 200)
	p.dash(t, "POST /tiers", `{"name":"pro","limit":1,"price":150}`).wantParam(t, "prices.month")
	p.dash(t, "POST /tiers", `{"name":"pro","limit":1,"prices":{"month":100,"year":999}}`).wantParam(t, "prices.year")
	p.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.1", "<nil>")
	p.tier(t, `{"name":"pro","limit":1,"price":200}`)
}

func TestPlatformSettings(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "GET /", "").want(t, 200).expect(t, "platform.id", p.id, "platform.name", "shop", "settings.currency", "usd",
		"settings.allowedOrigins", "[]", "settings.domains", "[]")
	p.dash(t, "PATCH /", `{"name":"Laden","currency":"eur","allowedOrigins":["https://b.example","https://a.example","https://b.example","http://localhost:3000"]}`).
		want(t, 200).expect(t, "platform.name", "Laden", "settings.currency", "eur",
		"settings.allowedOrigins", "[http://localhost:3000 https://a.example https://b.example]")
	p.dash(t, "PATCH /", `{"name":""}`).wantParam(t, "name")
	p.dash(t, "PATCH /", `{"name":"x","currency":"euro"}`).wantParam(t, "currency")
	p.dash(t, "GET /", "").want(t, 200).expect(t, "platform.name", "Laden", "settings.currency", "eur")
	p.tier(t, `{"name":"pro","limit":1,"price":100}`)
	p.dash(t, "PATCH /", `{"currency":"usd","name":"y"}`).want(t, 409, "conflict")
	p.dash(t, "PATCH /", `{"currency":"eur"}`).want(t, 200).expect(t, "platform.name", "Laden")
	p.dash(t, "PATCH /", `{"allowedOrigins":[]}`).want(t, 200).expect(t, "settings.allowedOrigins", "[]")
	var many []string
	for range 101 {
		many = append(many, `"https://a.example"`)
	}
	p.dash(t, "PATCH /", `{"allowedOrigins":[`+strings.Join(many, ",")+`]}`).wantParam(t, "allowedOrigins")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	list := p.dash(t, "GET /keys", "").want(t, 200).
		expect(t, "data.0.id", p.skID, "data.0.kind", "secret", "data.0.state", "active", "data.0.value", "<nil>",
			"data.0.hint", "sk_test_…"+p.sk[len(p.sk)-4:], "data.0.lastUsedAt", "<nil>",
			"data.1.id", p.pkID, "data.1.kind", "publishable", "data.1.value", p.pk)
	if strings.Contains(list.body, p.sk) {
		t.Error("the list shows a secret key")
	}
	equal(t, "kept in the clear", p.w.query(t, "SELECT count(*)::text FROM tenant.keys k WHERE k::text LIKE '%' || $1 || '%'", p.sk[8:]), "0")
	p.api(t, "GET /api/customers", "").want(t, 200)
	await(t, "the use is noted", func() bool { return p.dash(t, "GET /keys", "").at("data.0.lastUsedAt") != nil })

	second := p.dash(t, "POST /keys", `{"kind":"secret","name":"second"}`).want(t, 201)
	p.w.api(t, "GET /api/customers", second.text("secret"), "").want(t, 200)
	rotated := p.dash(t, "POST /keys/"+second.text("key.id")+"/rotate", "").want(t, 201).expect(t, "key.name", "second", "key.state", "active")
	p.dash(t, "GET /keys", "").expect(t, "data.2.state", "expiring", "data.3.state", "active")
	p.w.api(t, "GET /api/customers", second.text("secret"), "").want(t, 200) // a day of overlap
	p.w.api(t, "GET /api/customers", rotated.text("secret"), "").want(t, 200)
	// To rotate again never lengthens the life of the old one.
	before := p.dash(t, "GET /keys", "").text("data.2.expiresAt")
	p.dash(t, "POST /keys/"+second.text("key.id")+"/rotate", `{"overlapSeconds":2592000}`).want(t, 201)
	p.dash(t, "GET /keys", "").expect(t, "data.2.expiresAt", before)

	p.dash(t, "POST /keys/"+p.skID+"/revoke", "").want(t, 200).expect(t, "key.state", "revoked")
	p.dash(t, "POST /keys/"+p.skID+"/revoke", "").want(t, 200)
	p.dash(t, "POST /keys/"+p.skID+"/rotate", "").want(t, 409, "conflict")
	p.dash(t, "POST /keys/key_none/rotate", "").want(t, 404, "not_found")
	p.dash(t, "POST /keys/key_none/revoke", "").want(t, 404, "not_found")
}

func TestAPublishableKeyResolvesForEverUnlessRevoked(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.customer(t, "eve@mail.example")
	token := p.w.userToken(t, user)
	successor := p.dash(t, "POST /keys/"+p.pkID+"/rotate", `{"overlapSeconds":0}`).want(t, 201)
	if successor.at("secret") != nil || successor.text("key.value") == p.pk {
		t.Errorf("the successor: %s", successor.body)
	}
	p.w.db.TurnClock(t, 1000*24*3600*1e9)
	for _, key := range []string{p.pk, successor.text("key.value")} {
		p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: "+key).want(t, 200)
	}
	p.w.api(t, "GET /api/usage", token, "").want(t, 200) // rotation breaks no session
	p.api(t, "GET /api/customers/"+user, "").expect(t, "customer.publishableKey", successor.text("key.value"))
	p.dash(t, "POST /keys/"+p.pkID+"/revoke", "").want(t, 200)
	p.w.api(t, "GET /api/usage", token, "").want(t, 401, "invalid_credentials")
	p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: "+p.pk).want(t, 401, "invalid_credentials")
}

func TestWhatADeveloperMakesIsBounded(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for what, c := range map[string]struct {
		most int
		add  func(n int) answer
	}{
		"keys": {98, func(int) answer { return p.dash(t, "POST /keys", `{"kind":"publishable","name":"x"}`) }}, // two are there
		"tiers": {99, func(n int) answer {
			return p.dash(t, "POST /tiers", fmt.Sprintf(`{"name":"t%d","price":0,"limit":1}`, n))
		}},
		"domains": {20, func(n int) answer {
			return p.dash(t, "POST /domains", fmt.Sprintf(`{"domain":"d%d.localhost"}`, n))
		}},
		"projects": {99, func(int) answer { return p.dev.dash(t, "POST /api/projects", `{"name":"x"}`) }},
		"tokens":   {99, func(int) answer { return p.dev.dash(t, "POST /api/tokens", `{"name":"x"}`) }},
		"platforms": {19, func(int) answer {
			return p.dev.dash(t, "POST /api/projects/"+p.project+"/platforms", `{"mode":"test","name":"x"}`)
		}},
	} {
		for n := range c.most {
			if got := c.add(n); got.status != 201 {
				t.Fatalf("%s, number %d: %d %s", what, n, got.status, got.body)
			}
		}
		c.add(c.most).want(t, 409, "conflict")
	}
	p.dash(t, "POST /keys/"+p.skID+"/revoke", "").want(t, 200)
	p.dash(t, "POST /keys", `{"kind":"secret","name":"x"}`).want(t, 201)
}
