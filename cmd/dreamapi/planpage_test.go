package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestADeveloperSeesTheInvoicesOfThePlan(t *testing.T) {
	t.Parallel()
	w := boot(t)
	ada, bob := w.developer(t, "ada@dev.example"), w.developer(t, "bob@dev.example")
	ada.dash(t, "GET /api/plan/invoices", "").want(t, 200).expect(t, "data", "[]", "hasMore", "false")
	b := w.browser(t).signIn(t, ada)
	b.open(t, w.url("dashboard")+"/plan").sees(t, "None yet")
	ada.pays(t)
	bob.pays(t)
	for range 13 {
		w.turn(t, 31*day)
	}
	first := ada.dash(t, "GET /api/plan/invoices?limit=5", "").want(t, 200).expect(t, "hasMore", "true", "data.0.status", "paid", "data.0.total", "1500",
		"data.0.amountPaid", "1500", "data.0.currency", "usd")
	if !strings.HasPrefix(first.text("data.0.hostedUrl"), w.stripe.URL()) || first.text("data.0.pdfUrl") == "" || first.text("data.0.number") == "" {
		t.Errorf("an invoice is %s", first.body)
	}
	seen, cursor := map[string]bool{}, ""
	for {
		page := ada.dash(t, "GET /api/plan/invoices?limit=5"+cursor, "").want(t, 200)
		for i := range page.list("data") {
			seen[page.text(fmt.Sprintf("data.%d.id", i))] = true
		}
		if page.at("hasMore") == false {
			break
		}
		cursor = "&cursor=" + page.text("nextCursor")
	}
	if len(seen) < 13 {
		t.Errorf("there are %d invoices", len(seen))
	}
	theirs := bob.dash(t, "GET /api/plan/invoices?limit=1", "").want(t, 200)
	if seen[theirs.text("data.0.id")] {
		t.Error("somebody else's invoice is among them")
	}
	foreign := ada.dash(t, "GET /api/plan/invoices?cursor="+theirs.text("data.0.id"), "")
	foreign.wantParam(t, "cursor")
	none := ada.dash(t, "GET /api/plan/invoices?cursor=in_none", "")
	none.wantParam(t, "cursor")
	equal(t, "the same words", foreign.text("message"), none.text("message"))
	ada.dash(t, "GET /api/plan/invoices?cursor=..%2Fx", "").wantParam(t, "cursor")
	ada.dash(t, "GET /api/plan/invoices?from=2026-01-01", "").wantParam(t, "from")

	b = w.browser(t).signIn(t, ada)
	b.open(t, w.url("dashboard")+"/plan").sees(t, first.text("data.0.number")).sees(t, first.text("data.0.hostedUrl")).sees(t, "$15.00").sees(t, "Earlier")
	w.control(t, "POST /faults", `{"times":1000,"path":"/v1/invoices","status":500}`)
	ada.dash(t, "GET /api/plan/invoices", "").want(t, 503, "unavailable")
	b.open(t, w.url("dashboard")+"/plan").sees(t, "Stripe does not answer right now").sees(t, "$15").sees(t, "Card, invoices, cancel")
}

func TestTheConnectionSaysWhatStripeStillWants(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	b := p.w.browser(t).signIn(t, p.dev)
	page := p.w.url("dashboard") + "/platforms/" + p.id + "/connect"
	p.dash(t, "GET /connect", "").want(t, 200).expect(t, "stripe.connection.account", account, "account.currentlyDue", "[]",
		"account.disabledReason", "", "account.country", "US", "account.payoutsEnabled", "true")
	b.open(t, page).sees(t, "Stripe asks for nothing more").sees(t, "Connect again")
	p.w.control(t, "POST /accounts/"+account+"/update", `{"chargesEnabled":false}`)
	p.dash(t, "GET /connect", "").want(t, 200).expect(t, "account.currentlyDue.0", "external_account", "account.pastDue", "[external_account]",
		"account.disabledReason", "requirements.past_due", "account.payoutsEnabled", "false")
	b.open(t, page).sees(t, "A bank account to pay out to").sees(t, "Overdue").sees(t, "Stripe waited too long").sees(t, "Held back")
	p.w.control(t, "POST /faults", `{"times":1000,"path":"/v1/accounts/","status":500}`)
	p.dash(t, "GET /connect", "").want(t, 503, "unavailable")
	b.open(t, page).sees(t, "Stripe does not answer right now").sees(t, account)
	p.w.control(t, "DELETE /faults", "")
	p.w.control(t, "POST /accounts/"+account+"/deauthorize", "")
	b.open(t, page).sees(t, "no longer lets us act for it").sees(t, "Go to Stripe")
	p.dash(t, "GET /connect", "").want(t, 409, "not_connected")
	test := p.dev.platform(t, "test")
	test.dash(t, "GET /connect", "").want(t, 200).expect(t, "account", "<nil>", "stripe.connection", "<nil>")
}

func TestAProjectIsRenamed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.w.developer(t, "bob@dev.example")
	p.dev.dash(t, "PATCH /api/projects/"+p.project, `{"name":"Laden"}`).want(t, 200).expect(t, "project.name", "Laden",
		"project.platforms.0.id", p.id)
	p.dev.dash(t, "GET /api/audit?limit=1", "").expect(t, "data.0.action", "project.rename", "data.0.target", p.project)
	p.dev.dash(t, "PATCH /api/projects/"+p.project, `{"name":""}`).wantParam(t, "name")
	p.dev.dash(t, "PATCH /api/projects/"+p.project, `{"title":"x"}`).wantParam(t, "title")
	other.dash(t, "PATCH /api/projects/"+p.project, `{"name":"taken"}`).want(t, 404, "not_found")
	p.dev.dash(t, "GET /api/projects", "").expect(t, "data.0.name", "Laden")
	b := p.w.browser(t).signIn(t, p.dev)
	at := "/platforms/" + p.id + "/settings"
	rename := func(name string) *browser {
		t.Helper()
		return b.submit(t, p.w.url("dashboard")+"/projects/"+p.project+"/rename", map[string][]string{"name": {name}, "back": {at}, "form": {"project"}})
	}
	rename("").sees(t, "The name has 1 to 100 characters.")
	rename("Tienda").sees(t, "The project is called Tienda").sees(t, "the first free tier")
	equal(t, "the page", b.at.Path, at)
}
