package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// side is a developer with a platform on which there is something of everything.
type side struct {
	*tenancy
	values      map[string]string // by placeholder
	credentials map[string]string
	marks       []string // what nobody else may ever be shown
}

func newSide(t *testing.T, w *world, name string) *side {
	t.Helper()
	dev := w.developer(t, name+"@dev.example")
	p := dev.platform(t, name+"-platform")
	tier, meter := name+"-tier", name+"-meter"
	p.tier(t, fmt.Sprintf(`{"name":%q,"limit":1000,"meters":{%q:{"limit":500}},"rateLimit":100000}`, tier, meter))
	p.dash(t, "PATCH /tiers/free", `{"rateLimit":100000,"limit":100000}`).want(t, 200)
	p.dash(t, "POST /domains", fmt.Sprintf(`{"domain":"%s-own.localhost"}`, name)).want(t, 201)
	p.dash(t, "PATCH /sign-in", fmt.Sprintf(`{"productName":"%s-product","homeUrl":"https://%s-home.example","emailDomains":["%s-mail.example"],"logo":%q}`,
		name, name, name, dataURL("image/png", aLogo(t)))).want(t, 200)
	spareKey := p.dash(t, "POST /keys", fmt.Sprintf(`{"kind":"secret","name":"%s-spare"}`, name)).want(t, 201)
	spareToken := dev.dash(t, "POST /api/tokens", fmt.Sprintf(`{"name":"%s-spare"}`, name)).want(t, 201)

	paid, buyer := name+"-paid", name+"-buyer"
	p.tier(t, fmt.Sprintf(`{"name":%q,"limit":1000,"price":700}`, paid))
	p.external(t, buyer, "free")
	p.buys(t, buyer, paid)
	dev.pays(t)
	cookie := w.browser(t).signIn(t, dev).cookies(t)[0]
	w.browser(t).signIn(t, dev) // the session that may be ended

	email := name + "-customer@mail.example"
	user := p.customer(t, email)
	external := name + "-external"
	p.api(t, "PATCH /api/customers/"+user, fmt.Sprintf(`{"plan":%q}`, tier)).want(t, 200)
	for i := range 3 {
		p.external(t, fmt.Sprintf("%s%s", external, strings.Repeat("x", i)), tier)
	}
	p.api(t, "PATCH /api/customers/"+user, fmt.Sprintf(`{"lastName":"%s-lastname","metadata":{"a":"%s-metadata"}}`, name, name)).want(t, 200)
	cursor := p.api(t, "GET /api/customers?limit=1", "").want(t, 200).text("nextCursor")
	idem := name + "-idempotency"
	p.track(t, user, "", "Idempotency-Key: "+idem).want(t, 200)
	p.api(t, "POST /api/data/batch", fmt.Sprintf(`{"items":[{"id":%q,"userId":%q}]}`, idem, external)).want(t, 200)
	p.dash(t, "POST /keys", `{"kind":"secret","name":"once"}`, "Idempotency-Key: "+idem).want(t, 201)
	p.api(t, "POST /api/customers", fmt.Sprintf(`{"id":"%s-once"}`, name), "Idempotency-Key: "+idem).want(t, 201)

	here := p.as(t, user, email)
	kept := p.trade(t, here.enters(t, "/sign-in", "redirectUrl", "http://localhost:1/back").code(t))
	spareSession := p.trade(t, here.enters(t, "/sign-in", "redirectUrl", "http://localhost:1/back").code(t))
	invitation := p.api(t, "POST /api/invitations", fmt.Sprintf(`{"email":"%s-invited@mail.example"}`, name)).want(t, 201)

	for n := range 2 {
		object := fmt.Sprintf(`{"id":"sub_%s","object":"subscription","customer":%q}`, name, w.query(t, "SELECT stripe_customer_id FROM billing.customers WHERE platform_id = $1", p.id))
		event := eventBody(fmt.Sprintf("evt_%s%d", name, n), "customer.subscription.updated", "", false, object)
		w.stripeEvent(t, "api", sandboxStripePreview, time.Now(), event).want(t, 200)
	}

	s := &side{tenancy: p}
	s.values = map[string]string{
		"customer": user, "external": external, "spare": external + "xx", "email": email, "word": name + "-lastname",
		"pk": p.pk, "platform": p.id, "project": p.project, "key": spareKey.text("key.id"), "token": spareToken.text("token.id"),
		"paid": paid, "buyer": buyer, "tier": tier, "meter": meter,
		"checkout":     w.query(t, "SELECT session_id FROM billing.checkouts WHERE platform_id = $1", p.id),
		"subscription": w.query(t, "SELECT id FROM billing.subscriptions WHERE platform_id = $1", p.id),
		"session":      string(w.sessionOf(t, dev)),
		"event":        "evt_" + name + "0",
		"eventcursor":  p.dash(t, "GET /events?limit=1", "").want(t, 200).text("nextCursor"),
		"invoice":      dev.dash(t, "GET /api/plan/invoices", "").want(t, 200).text("data.0.id"),
		"domain":       name + "-own.localhost", "cursor": cursor, "idem": idem,
		"developer":   dev.dash(t, "GET /api/me", "").want(t, 200).text("developer.id"),
		"code":        here.enters(t, "/sign-in", "redirectUrl", "http://localhost:1/back").code(t),
		"audit":       dev.dash(t, "GET /api/audit?limit=1", "").want(t, 200).text("data.0.id"),
		"usersession": spareSession.id, "refresh": kept.refresh, "invitation": invitation.text("invitation.id"),
	}
	s.credentials = map[string]string{"sk": p.sk, "dk": dev.token, "user": w.userToken(t, user), "none": "", "cookie": cookie.Name + "=" + cookie.Value}
	s.marks = append(slices.Collect(maps.Values(s.values)), p.sk, dev.token, cookie.Value, dev.email, dev.user, p.skID, p.pkID,
		kept.token, kept.id, spareSession.refresh, invitation.text("url"), name+"-invited@mail.example", name+"-metadata", name+"-platform", name+"-spare", name+"-product", name+"-home", name+"-mail", spareKey.text("key.hint"), spareToken.text("token.hint"))
	s.marks = slices.DeleteFunc(s.marks, func(mark string) bool { return mark == cursor })
	return s
}

// absent are values of the same forms that name nothing. A cursor names a place between two moments: the same one as
// that of the other side, behind nobody.
func absent(other *side) map[string]string {
	at, err := base64.RawURLEncoding.DecodeString(other.values["cursor"])
	if err != nil {
		panic(err)
	}
	moment, _, _ := strings.Cut(string(at), " ")
	when, err := base64.RawURLEncoding.DecodeString(other.values["eventcursor"])
	if err != nil {
		panic(err)
	}
	received, _, _ := strings.Cut(string(when), " ")
	const no = "0000000000000000000000zzzz"
	return map[string]string{
		"customer": "user_2absent00000000000000000000", "external": "no-external", "spare": "no-externalxx", "email": "no@mail.example",
		"word": "no-lastname", "pk": "pk_test_" + strings.Repeat("0", 49), "platform": "plt_" + no, "project": "prj_" + no,
		"paid": "no-paid", "buyer": "no-buyer", "checkout": "cs_" + no, "subscription": "sub_" + no, "session": "ses_" + no, "event": "evt_none", "invoice": "in_" + no,
		"eventcursor": base64.RawURLEncoding.EncodeToString([]byte(received + " evt_none")),
		"key":         "key_" + no, "token": "dtk_" + no, "tier": "no-tier", "meter": "no-meter", "domain": "no-own.localhost",
		"cursor": base64.RawURLEncoding.EncodeToString([]byte(moment + " no-external")), "idem": "no-idempotency", "developer": "dev_" + no,
		"audit": neighbourOf(other.values["audit"]), "code": strings.Repeat("0", 52), "usersession": "uss_" + no, "refresh": "rt_" + no + "_0_" + strings.Repeat("0", 43), "invitation": neighbourOf(other.values["invitation"]),
	}
}

// neighbourOf is an id that nothing has, beside another: it is a cursor too, and so names nearly the same place.
func neighbourOf(id string) string {
	text := []byte(id)
	at := len(text) - 2
	if text[at] == '0' {
		text[at] = '1'
	} else {
		text[at] = '0'
	}
	return string(text)
}

// rows is all that the database holds of a side, but for when its keys were last used.
func (s *side) rows(t *testing.T) string {
	t.Helper()
	conn := s.w.db.Connect(t, s.w.db.Owner)
	var tables []string
	must(t, conn.QueryRow(t.Context(), `SELECT array_agg(format('%I.%I', table_schema, table_name) ORDER BY 1) FROM information_schema.columns
		JOIN information_schema.tables USING (table_schema, table_name)
		WHERE column_name = 'platform_id' AND table_type = 'BASE TABLE'`).Scan(&tables))
	if len(tables) < 10 {
		t.Fatalf("only %v have a platform_id", tables)
	}
	var all strings.Builder
	dump := func(what, table, where, is string) {
		var rows string
		sql := fmt.Sprintf(`SELECT coalesce(string_agg(row::text, E'\n' ORDER BY row::text), '')
			FROM (SELECT to_jsonb(t) - 'last_used_at' AS row FROM %s t WHERE %s = $1) r`, table, where)
		must(t, conn.QueryRow(t.Context(), sql, is).Scan(&rows))
		fmt.Fprintf(&all, "%s\n%s\n", what, rows)
	}
	for _, table := range tables {
		dump(table, table, "platform_id", s.id)
	}
	dump("platforms", "platform.platforms", "project_id", s.project)
	for _, table := range []string{"platform.projects", "platform.developer_tokens", "platform.sessions", "platform_usage.plans"} {
		dump(table, table, "developer_id", s.values["developer"])
	}
	dump("developers", "platform.developers", "id", s.values["developer"])
	dump("users", "directory.users", "id", s.values["customer"])
	return all.String()
}

// mustNotShow fails if the answer holds something of the side that was not in the question.
func (s *side) mustNotShow(t *testing.T, a answer, sent map[string]string) {
	t.Helper()
	shown := fmt.Sprint(a.header, a.body)
	for _, value := range sent { // an answer may repeat what was asked
		shown = strings.ReplaceAll(shown, value, "")
	}
	for _, mark := range s.marks {
		if strings.Contains(shown, mark) {
			t.Errorf("%s with %v shows the other side's %s: %d %s", a.asked, sent, mark, a.status, a.body)
		}
	}
}

func twoSides(t *testing.T) (a, b *side) {
	w := boot(t)
	return newSide(t, w, "alpha"), newSide(t, w, "bravo")
}

func TestNoRouteLetsOnePlatformReachAnother(t *testing.T) {
	t.Parallel()
	a, b := twoSides(t)
	everyRouteIsAttempted(t, a.w.app.surfaces.Routes())
	before := b.rows(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	nothing, tried := absent(b), map[string]string{}
	for n := range 1200 {
		try := attempts[random.IntN(len(attempts))]
		sent := map[string]string{}
		for _, name := range try.slots() {
			switch random.IntN(5) {
			case 0:
				sent[name] = nothing[name]
			case 1:
				sent[name] = a.values[name]
			default:
				sent[name] = b.values[name]
			}
		}
		host := ""
		if try.surface == "customer" && random.IntN(8) == 0 {
			host = b.values["domain"]
		}
		got := try.send(t, a, host, n, sent)
		if host != "" {
			sent["host"] = host
			if try.as == "sk" || try.as == "user" {
				got.want(t, 401, "invalid_credentials")
			}
		}
		for _, value := range sent {
			tried[value] = value
		}
		if strings.Contains(try.route, "/audit") || strings.Contains(try.route, "/activity") || strings.Contains(try.route, "/timeline") ||
			try.route == "GET /platforms/:platform" { // the overview has the last events
			sent = tried // one's own log says what one tried
		}
		b.mustNotShow(t, got, sent)
		if t.Failed() {
			t.Fatalf("seed %d, request %d", seed, n)
		}
	}
	equal(t, "the other side's rows", b.rows(t), before)
}

func TestWithOnesOwnThingsEveryRouteWorks(t *testing.T) {
	t.Parallel()
	a, _ := twoSides(t) // or the refusals of the other tests would prove nothing
	// What takes a secret that works once, or a state that a test platform has not, is tried elsewhere.
	spent := map[string]bool{"GET /checkout/return": true, "POST /session": true, "GET /connect/finish": true, "GET /authorize": true,
		"GET /callback": true, "POST /api/platforms/:platform/disconnect": true, "POST /api/sessions/end": true,
		"POST /platforms/:platform/domains/:domain/remove": true, "DELETE /api/platforms/:platform/customers/:id": true,
		"POST /platforms/:platform/customers/:id/delete": true}
	last := map[string]bool{"DELETE /api/customers/:id": true, "DELETE /api/platforms/:platform/domains/:domain": true,
		"DELETE /api/customers/:id/sessions": true}
	for i, try := range attempts {
		if last[try.route] || strings.HasSuffix(try.route, "/revoke") || strings.Contains(try.route, "static") ||
			strings.Contains(try.route, "webhook") || spent[try.route] {
			continue
		}
		values := maps.Clone(a.values)
		values["idem"] = fmt.Sprintf("fresh-%d", i)
		written := func() string {
			return a.w.query(t, "SELECT count(*)::text FROM platform.audit_log WHERE developer_id = $1", a.values["developer"])
		}
		before := written()
		got := try.send(t, a, "", i, values)
		changes := try.surface == "developer" && try.as != "none" && !strings.HasPrefix(try.route, "GET ") &&
			!strings.HasSuffix(try.route, "/preview") && try.route != "POST /api/platforms/:platform/connect"
		if after := written(); changes != (after != before) {
			t.Errorf("%s: there were %s entries in the audit log before and %s after", try.route, before, after)
		}
		page := !strings.Contains(try.route, " /api/") && got.status == 303 // a form leads to a page
		if page && try.body != "" && got.header.Get("Location") == "/dashboard" && try.as == "cookie" {
			t.Errorf("%s with %s failed, and led back", got.asked, try.body)
		}
		if got.status >= 300 && !page {
			t.Errorf("%s answered %d %s", got.asked, got.status, got.body)
		}
	}
	for i, try := range attempts {
		if last[try.route] || strings.HasSuffix(try.route, "/revoke") {
			if got := try.send(t, a, "", i, a.values); got.status != 200 && got.status != 303 {
				t.Errorf("%s answered %d %s", got.asked, got.status, got.body)
			}
		}
	}
}

func TestAForeignThingAndAnAbsentOneGetTheSameBytes(t *testing.T) {
	t.Parallel()
	a, b := twoSides(t)
	before := b.rows(t)
	nothing := absent(b)
	for _, try := range attempts {
		for i, name := range try.slots() {
			values := maps.Clone(a.values)
			// A key that was used before changes the answer: each question gets its own.
			values["idem"] = fmt.Sprintf("%s-%d-foreign", name, i)
			sent := maps.Clone(values)
			sent[name] = b.values[name]
			foreign := try.send(t, a, "", 1000+2*i, sent)
			b.mustNotShow(t, foreign, sent)
			missing := maps.Clone(values)
			missing["idem"] = fmt.Sprintf("%s-%d-missing", name, i)
			missing[name] = nothing[name]
			none := try.send(t, a, "", 1001+2*i, missing)
			if foreign.status == 201 && none.status == 201 {
				continue // something was made, under a name of its own, and the foreign value was none of it
			}
			f, m := plain(foreign, sent[name]), plain(none, missing[name])
			if f != m {
				t.Errorf("%s, %s:\nforeign %s\nabsent  %s", try.route, name, f, m)
			}
		}
	}
	equal(t, "the other side's rows", b.rows(t), before)
}

// plain is the answer without what differs between any two, and without the value that was asked for.
func plain(a answer, value string) string {
	header := a.header.Clone()
	header.Del("Date")
	header.Del("Set-Cookie") // what a page shows next is encrypted afresh each time
	header.Del("X-Request-Id")
	header.Del("Content-Length") // the ids that are compared have different lengths
	text := fmt.Sprint(a.status, header, a.body)
	text = strings.ReplaceAll(text, value, "…")
	if id := a.header.Get("X-Request-Id"); id != "" {
		text = strings.ReplaceAll(text, id, "req")
	}
	return changing.ReplaceAllString(text, "~")
}

// changing is what differs between any two answers that are the same: what is left of the minute, counts, and ids and
// moments of what was just made.
var changing = regexp.MustCompile(`r=\d+;t=\d+|"(count|remaining|usageCount)":\d+|"(id|hint|secret|value)":"[^"]*"|"[a-zA-Z]+At":"[^"]*"|"url":"[^"]*"|Location:\[/platforms/plt_[0-9a-z]{26}\]|http://127\.0\.0\.1:\d+/[^ \]]*|"replayed":(true|false)`)
