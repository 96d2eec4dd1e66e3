package main

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestATokenOfOneClerkAppIsRefusedOnTheOthersSurface(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"customer", "developer"} {
		t.Run(first+" surface first", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := newPlatform(t, withClerkIn(dir))
			w := p.w
			user := p.customer(t, "eve@mail.example")
			// Both as good as they get: with the claim of the template and the origin that the dashboard asks for, and each
			// user is known on the other side too. Nothing but the app that signed stands in the way.
			endUser := w.sessionToken(t, endUsersApp, user, w.url("dashboard"), jwtTemplate)
			developer := forgerOf(t, dir, developersApp).sign(t, with(lasting(w.clerk.Issuer(developersApp), p.dev.user),
				claims{"azp": w.url("dashboard"), "publishableKey": p.pk}))
			w.db.Exec(t, "INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_eve', $1, 'eve@dev.example')", user)
			w.db.Exec(t, "INSERT INTO tenant.customers (platform_id, id, kind, email) VALUES ($1, $2, 'clerk', 'ada@mail.example')",
				p.id, p.dev.user)
			p.dash(t, "PATCH /", fmt.Sprintf(`{"allowedOrigins":[%q]}`, w.url("dashboard"))).want(t, 200)

			refused := map[string]func(){
				"customer": func() {
					w.api(t, "GET /api/usage", developer, "").want(t, 401, "invalid_credentials")
					w.api(t, "GET /api/tiers", developer, "").want(t, 401, "invalid_credentials")
				},
				"developer": func() { w.dash(t, "GET /api/me", endUser, "").want(t, 401, "invalid_credentials") },
			}
			taken := map[string]func(){
				"customer":  func() { w.api(t, "GET /api/usage", endUser, "").want(t, 200) },
				"developer": func() { w.dash(t, "GET /api/me", developer, "").want(t, 200) },
			}
			other := map[string]string{"customer": "developer", "developer": "customer"}[first]
			refused[first]() // the caches are cold
			taken[first]()
			refused[other]()
			taken[other]()
			for range 2 { // now they are warm
				refused[other]()
				refused[first]()
			}
			taken[first]()
			taken[other]()
		})
	}
}

func TestAUsersTokenIsBelievedOnlyIfAllOfItIsRight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPlatform(t, withClerkIn(dir))
	w := p.w
	stranger := w.developer(t, "mallory@dev.example").platform(t, "elsewhere")
	user := p.customer(t, "eve@mail.example")
	p.external(t, "user_external", "free")
	p.dash(t, "PATCH /", `{"allowedOrigins":["https://app.example"]}`).want(t, 200)
	users, developers := forgerOf(t, dir, endUsersApp), forgerOf(t, dir, developersApp)
	issuer := w.clerk.Issuer(endUsersApp)
	good := with(lasting(issuer, user), claims{"publishableKey": p.pk})
	hour := time.Now().Unix() + 3600

	for name, token := range map[string]string{
		"as Clerk makes it":     users.sign(t, good),
		"of an allowed origin":  users.sign(t, with(good, claims{"azp": "https://app.example"})),
		"and more claims":       users.sign(t, with(good, claims{"plan": "gold", "role": "owner"})),
		"from Clerk, in truth":  w.userToken(t, user),
		"allowed by the origin": w.sessionToken(t, endUsersApp, user, "https://app.example", jwtTemplate),
	} {
		got := w.api(t, "GET /api/usage", token, "")
		if got.status != 200 || got.text("plan") != "free" || got.text("userId") != user {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	stolen, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	valid := users.sign(t, good)
	parts := strings.Split(valid, ".")
	for name, token := range map[string]string{
		"another app of Clerk's issued it":   users.sign(t, with(good, claims{"iss": "https://happy-cat-1.clerk.accounts.dev"})),
		"an issuer that contains Clerk's":    users.sign(t, with(good, claims{"iss": "https://evil.example/.clerk.accounts"})),
		"an issuer that begins like Clerk's": users.sign(t, with(good, claims{"iss": "https://clerk.evil.example"})),
		"the issuer and more":                users.sign(t, with(good, claims{"iss": issuer + "/"})),
		"no issuer":                          users.sign(t, with(good, claims{"iss": nil})),
		"the developers' issuer":             users.sign(t, with(good, claims{"iss": w.clerk.Issuer(developersApp)})),
		"no exp":                             users.sign(t, with(good, claims{"exp": nil})),
		"exp is a text":                      users.sign(t, with(good, claims{"exp": "never"})),
		"expired":                            users.sign(t, with(good, claims{"exp": hour - 7200})),
		"not yet":                            users.sign(t, with(good, claims{"nbf": hour})),
		"no sub":                             users.sign(t, with(good, claims{"sub": nil})),
		"an empty sub":                       users.sign(t, with(good, claims{"sub": ""})),
		"nobody's sub":                       users.sign(t, with(good, claims{"sub": "user_2nobody"})),
		"an external customer's id as sub":   users.sign(t, with(good, claims{"sub": "user_external"})),
		"no key":                             users.sign(t, with(good, claims{"publishableKey": nil})),
		"an empty key":                       users.sign(t, with(good, claims{"publishableKey": ""})),
		"a key that is a number":             users.sign(t, with(good, claims{"publishableKey": 1})),
		"a secret key as the key":            users.sign(t, with(good, claims{"publishableKey": p.sk})),
		"a platform that the user is not on": users.sign(t, with(good, claims{"publishableKey": stranger.pk})),
		"of a foreign origin":                users.sign(t, with(good, claims{"azp": "https://evil.example"})),
		"signed by nobody":                   users.none(t, good),
		"signed with the public key":         users.confused(t, good),
		"signed by the developers' app":      developers.sign(t, good),
		"another's signature under our kid":  developers.signAs(t, users.kid, good),
		"an unknown kid":                     users.signAs(t, "ins_unknown", good),
		"no kid":                             users.signAs(t, "", good),
		"a key of nobody's":                  forger{users.kid, stolen}.sign(t, good),
		"other content, the same signature":  strings.Split(users.sign(t, with(good, claims{"sub": "user_2x"})), ".")[0] + "." + strings.Split(users.sign(t, with(good, claims{"x": 1})), ".")[1] + "." + parts[2],
		"no signature":                       parts[0] + "." + parts[1] + ".",
		"only dots":                          "..",
		"not base64":                         "a.b.c",
	} {
		for _, asked := range []string{"GET /api/usage", "POST /api/data", "GET /api/tiers"} {
			if got := w.api(t, asked, token, ""); got.status != 401 || got.text("code") != "invalid_credentials" {
				t.Errorf("%s: %s answered %d %s", name, asked, got.status, got.body)
			}
		}
	}
	equal(t, "what was counted", p.usage(t, user).text("usageCount"), "0")
}

func TestADevelopersTokenIsBelievedOnlyIfAllOfItIsRight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := boot(t, withClerkIn(dir))
	dev := w.developer(t, "ada@dev.example")
	users, developers := forgerOf(t, dir, endUsersApp), forgerOf(t, dir, developersApp)
	good := with(lasting(w.clerk.Issuer(developersApp), dev.user), claims{"azp": w.url("dashboard")})
	w.dash(t, "GET /api/me", developers.sign(t, good), "").want(t, 200).expect(t, "developer.email", dev.email)
	for name, token := range map[string]string{
		"no origin":                     developers.sign(t, with(good, claims{"azp": nil})),
		"another origin":                developers.sign(t, with(good, claims{"azp": "https://evil.example"})),
		"the API's origin":              developers.sign(t, with(good, claims{"azp": w.url("api")})),
		"another issuer":                developers.sign(t, with(good, claims{"iss": "https://happy-cat-1.clerk.accounts.dev"})),
		"the end users' issuer":         developers.sign(t, with(good, claims{"iss": w.clerk.Issuer(endUsersApp)})),
		"no exp":                        developers.sign(t, with(good, claims{"exp": nil})),
		"expired":                       developers.sign(t, with(good, claims{"exp": time.Now().Unix() - 60})),
		"no sub":                        developers.sign(t, with(good, claims{"sub": nil})),
		"nobody's sub":                  developers.sign(t, with(good, claims{"sub": "user_2nobody"})),
		"signed by the end users' app":  users.sign(t, good),
		"their signature under our kid": users.signAs(t, developers.kid, good),
		"signed by nobody":              developers.none(t, good),
		"signed with the public key":    developers.confused(t, good),
	} {
		if got := w.dash(t, "GET /api/me", token, ""); got.status != 401 || got.text("code") != "invalid_credentials" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
