package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
)

// newShop makes a platform with a tier that costs something.
func newShop(t *testing.T, options ...func(*setup)) *tenancy {
	t.Helper()
	p := newPlatform(t, options...)
	p.dash(t, "PATCH /tiers/free", `{"limit":2}`).want(t, 200)
	p.tier(t, `{"name":"pro","limit":100,"price":1000}`)
	p.tier(t, `{"name":"max","limit":1000,"price":3000,"prices":{"year":30000}}`)
	return p
}

// checkout asks for a checkout of a user.
func (p *tenancy) checkout(t testing.TB, user, body string, headers ...string) answer {
	t.Helper()
	return p.api(t, "POST /api/create-checkout", body, append(headers, "X-User-Id: "+user)...)
}

// buys has a customer pay for a tier, and come back from Stripe.
func (p *tenancy) buys(t testing.TB, user, tier string) *browser {
	t.Helper()
	address := p.checkout(t, user, fmt.Sprintf(`{"tier":%q}`, tier)).want(t, 200).text("url")
	return p.w.browser(t).paid(t, address, goodCard).sees(t, "All done")
}

// atStripe calls Stripe itself: as our account in test mode, live, or a connected account.
func (w *world) atStripe(t testing.TB, as, asked string, form url.Values) answer {
	t.Helper()
	key := sandboxStripeKey
	if as == "" {
		key = sandboxStripeTestKey
	}
	method, path, _ := strings.Cut(asked, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, w.stripe.URL()+path, strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	if strings.HasPrefix(as, "acct_") {
		req.Header.Set("Stripe-Account", as)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	got, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	must(t, err)
	return answer{asked: asked, status: got.StatusCode, header: got.Header, body: string(text)}
}

// control calls the stand-in's own endpoints.
func (w *world) control(t testing.TB, asked, body string) answer {
	t.Helper()
	method, path, _ := strings.Cut(asked, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, w.stripe.URL()+"/_sandbox"+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	must(t, err)
	a := answer{asked: asked, status: got.StatusCode, header: got.Header, body: string(text)}
	return a.want(t, 200)
}

// atStripeList lists a field of the objects that Stripe has.
func (w *world) atStripeList(t testing.TB, as, path, field string) []string {
	t.Helper()
	var fields []string
	list := w.atStripe(t, as, "GET "+path, nil).want(t, 200)
	for i := range list.list("data") {
		fields = append(fields, list.text(fmt.Sprintf("data.%d.%s", i, field)))
	}
	return fields
}

// turn turns the clocks of Stripe and of the database together.
func (w *world) turn(t testing.TB, seconds int) {
	t.Helper()
	w.control(t, "POST /clock/advance", fmt.Sprintf(`{"seconds":%d}`, seconds))
	w.db.TurnClock(t, w.stripe.Ahead())
}

const day = 24 * 60 * 60

// pays has the developer subscribe to our plan.
func (d *developer) pays(t testing.TB) {
	t.Helper()
	address := d.dash(t, "POST /api/plan/checkout", "").want(t, 200).text("url")
	d.w.browser(t).paid(t, address, goodCard)
	must(t, d.w.app.modules.Desk.PlanReturn(t.Context(), d.asPlatform(t)))
	d.dash(t, "GET /api/plan", "").want(t, 200).expect(t, "plan.status", "active", "plan.paid", "true")
}

func (d *developer) asPlatform(t testing.TB) platform.Developer {
	t.Helper()
	var me struct{ Developer platform.Developer }
	must(t, json.Unmarshal([]byte(d.dash(t, "GET /api/me", "").want(t, 200).body), &me))
	return me.Developer
}

// live makes the live platform of the project of p.
func (p *tenancy) live(t testing.TB) *tenancy {
	t.Helper()
	l := &tenancy{w: p.w, dev: p.dev, project: p.project}
	l.id = p.dev.dash(t, "POST /api/projects/"+p.project+"/platforms", `{"mode":"live","name":"Live"}`).want(t, 201).text("platform.id")
	l.own = "/api/platforms/" + l.id
	return l
}

// account makes somebody's Stripe account.
func (w *world) account(t testing.TB, name string) string {
	t.Helper()
	return w.control(t, "POST /accounts", fmt.Sprintf(`{"email":"%s@owner.example","businessName":%q,"country":"US"}`,
		strings.ToLower(strings.ReplaceAll(name, " ", "")), name)).text("id")
}

// connects goes to Stripe with the browser, from the dashboard, and agrees to connect the account.
func (p *tenancy) connects(t testing.TB, b *browser, account string) *browser {
	t.Helper()
	address, err := p.w.app.modules.Desk.BeginConnect(t.Context(), p.asLive(), p.w.sessionOf(t, p.dev))
	must(t, err)
	return b.agrees(t, address, account)
}

// agrees goes from the oauth surface to Stripe, and agrees there.
func (b *browser) agrees(t testing.TB, address, account string) *browser {
	t.Helper()
	b.open(t, address).sees(t, account)
	query := b.at.Query()
	query.Set("account", account)
	query.Set("decision", "allow")
	return b.submit(t, b.w.stripe.URL()+"/oauth/authorize", query)
}

// opened is a live platform that is ready to earn: paid for, connected, with tiers and a key of each kind.
func opened(t *testing.T, options ...func(*setup)) (p *tenancy, account string) {
	t.Helper()
	test := newShop(t, options...)
	test.dev.pays(t)
	p = test.live(t)
	account = p.w.account(t, "Ada Shop")
	b := p.w.browser(t).signIn(t, p.dev)
	p.connects(t, b, account)
	p.dash(t, "POST /tiers/copy", fmt.Sprintf(`{"from":%q}`, test.id)).want(t, 200)
	made := p.dash(t, "POST /keys", `{"kind":"secret","name":"backend"}`).want(t, 201)
	p.sk, p.skID = made.text("secret"), made.text("key.id")
	made = p.dash(t, "POST /keys", `{"kind":"publishable","name":"app"}`).want(t, 201)
	p.pk, p.pkID = made.text("key.value"), made.text("key.id")
	return p, account
}

func (p *tenancy) platformID() id.Platform { return id.Platform(p.id) }

// work has the jobs that wait be done, by a worker that ends with them.
func (w *world) work(t testing.TB) {
	t.Helper()
	runner, err := jobs.Start(t.Context(), w.app.worker, w.app.work, slog.New(slog.DiscardHandler))
	must(t, err)
	await(t, "no job waits", func() bool {
		return w.query(t, `SELECT count(*)::text FROM river.river_job
			WHERE state IN ('available', 'running', 'retryable', 'pending') AND scheduled_at < now() + interval '5 seconds'`) == "0"
	})
	must(t, runner.Stop(context.Background()))
}

func (p *tenancy) asLive() platform.Platform {
	return platform.Platform{ID: p.platformID(), Mode: id.Live}
}

// sessionOf is the developer's newest session of the dashboard.
func (w *world) sessionOf(t testing.TB, d *developer) id.Session {
	t.Helper()
	return id.Session(w.query(t, `SELECT s.id FROM platform.sessions s JOIN platform.developers d ON d.id = s.developer_id
		WHERE d.email = $1 ORDER BY s.created_at DESC, s.id DESC LIMIT 1`, d.email))
}
