package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// developer is somebody who signed up with us.
type developer struct {
	w     *world
	email string
	user  string // at Clerk
	token string // dk_…
}

// tenancy is a platform with a key of each kind. Its free tier, the default, grants 100 requests a month.
type tenancy struct {
	w                       *world
	dev                     *developer
	project, id             string
	sk, skID, pk, pkID, own string // own is the path of the platform on the developer surface
}

// atClerk calls the backend API of an app of the sandbox.
func (w *world) atClerk(t testing.TB, app, asked, body string, headers ...string) answer {
	t.Helper()
	key := sandboxCustomerKey
	if app == developersApp {
		key = sandboxDeveloperKey
	}
	method, path, _ := strings.Cut(asked, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, w.clerk.URL()+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	a := answer{asked: asked, status: got.StatusCode}
	var raw json.RawMessage
	must(t, json.NewDecoder(got.Body).Decode(&raw))
	a.body = string(raw)
	return a
}

// sessionToken signs a user in and makes a token for the origin; with a template's name it is made by that.
func (w *world) sessionToken(t testing.TB, app, user, origin, template string) string {
	t.Helper()
	session := w.atClerk(t, app, "POST /v1/sessions", fmt.Sprintf(`{"user_id":%q}`, user)).want(t, 200).text("id")
	path := "POST /v1/sessions/" + session + "/tokens"
	if template != "" {
		path += "/" + template
	}
	var headers []string
	if origin != "" {
		headers = []string{"Origin: " + origin}
	}
	token := w.atClerk(t, app, path, `{"expires_in_seconds":3600}`, headers...).want(t, 200).text("jwt")
	w.known.add(token)
	return token
}

// userToken is the token of an end user, made by the template that names the platform.
func (w *world) userToken(t testing.TB, user string) string {
	t.Helper()
	return w.sessionToken(t, endUsersApp, user, "", jwtTemplate)
}

// developer signs somebody up, and has them make a developer token.
func (w *world) developer(t testing.TB, email string) *developer {
	t.Helper()
	d := &developer{w: w, email: email}
	d.user = w.atClerk(t, developersApp, "POST /v1/users",
		fmt.Sprintf(`{"email_address":[%q],"first_name":"Ada","skip_password_requirement":true}`, email)).want(t, 200).text("id")
	d.token = w.dash(t, "POST /api/tokens", d.session(t), `{"name":"tests"}`).want(t, 201).text("secret")
	return d
}

// session is a session token of our own Clerk app, as the dashboard's page gets it.
func (d *developer) session(t testing.TB) string {
	t.Helper()
	return d.w.sessionToken(t, developersApp, d.user, d.w.url("dashboard"), "")
}

// dash calls the developer surface with the developer's token.
func (d *developer) dash(t testing.TB, asked, body string, headers ...string) answer {
	t.Helper()
	return d.w.dash(t, asked, d.token, body, headers...)
}

// platform makes a test platform with a key of each kind, in a project of its own.
func (d *developer) platform(t testing.TB, name string) *tenancy {
	t.Helper()
	p := &tenancy{w: d.w, dev: d}
	p.project = d.dash(t, "POST /api/projects", fmt.Sprintf(`{"name":%q}`, name)).want(t, 201).text("project.id")
	p.id = d.dash(t, "POST /api/projects/"+p.project+"/platforms", fmt.Sprintf(`{"mode":"test","name":%q}`, name)).
		want(t, 201).text("platform.id")
	p.own = "/api/platforms/" + p.id
	made := p.dash(t, "POST /keys", `{"kind":"secret","name":"backend"}`).want(t, 201)
	p.sk, p.skID = made.text("secret"), made.text("key.id")
	made = p.dash(t, "POST /keys", `{"kind":"publishable","name":"app"}`).want(t, 201)
	p.pk, p.pkID = made.text("key.value"), made.text("key.id")
	return p
}

// newPlatform boots a world with one developer and one platform.
func newPlatform(t *testing.T, options ...func(*setup)) *tenancy {
	t.Helper()
	return boot(t, options...).developer(t, "ada@dev.example").platform(t, "shop")
}

// dash calls the developer surface below the platform's own path: p.dash(t, "POST /keys", …).
func (p *tenancy) dash(t testing.TB, asked, body string, headers ...string) answer {
	t.Helper()
	method, rest, _ := strings.Cut(asked, " ")
	return p.dev.dash(t, method+" "+p.own+strings.TrimSuffix(rest, "/"), body, headers...)
}

// api calls the customer surface with the platform's secret key.
func (p *tenancy) api(t testing.TB, asked, body string, headers ...string) answer {
	t.Helper()
	return p.w.api(t, asked, p.sk, body, headers...)
}

// tier adds a tier, in JSON; it is free unless it says a price.
func (p *tenancy) tier(t testing.TB, tier string) {
	t.Helper()
	if !strings.Contains(tier, `"price"`) {
		tier = strings.Replace(tier, "{", `{"price":0,`, 1)
	}
	p.dash(t, "POST /tiers", tier).want(t, 201)
}

// customer makes a customer who is a user of the shared Clerk app.
func (p *tenancy) customer(t testing.TB, email string) string {
	t.Helper()
	return p.api(t, "POST /api/customers", fmt.Sprintf(`{"email":%q}`, email)).want(t, 201).text("customer.id")
}

// external makes a customer with an id of the developer's own.
func (p *tenancy) external(t testing.TB, id, plan string) {
	t.Helper()
	p.api(t, "POST /api/customers", fmt.Sprintf(`{"id":%q,"plan":%q}`, id, plan)).want(t, 201)
}

// track counts a call of a user.
func (p *tenancy) track(t testing.TB, user, body string, headers ...string) answer {
	t.Helper()
	return p.api(t, "POST /api/data", body, append(headers, "X-User-Id: "+user)...)
}

// usage reads what is counted of a user.
func (p *tenancy) usage(t testing.TB, user string, headers ...string) answer {
	t.Helper()
	return p.api(t, "GET /api/usage", "", append(headers, "X-User-Id: "+user)...).want(t, 200)
}

// query answers one text of the database.
func (w *world) query(t testing.TB, sql string, args ...any) string {
	t.Helper()
	conn := w.db.Connect(t, w.db.Owner)
	defer func() { _ = conn.Close(context.Background()) }() // not only with the test: who awaits something asks often
	var text string
	must(t, conn.QueryRow(t.Context(), sql, args...).Scan(&text))
	return text
}
