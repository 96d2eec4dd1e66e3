package stripe_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

func TestPagesAreGuarded(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, _ := s.subscriber(s.basic, "pm_card_visa")
	session := s.checkout(s.pro)
	b := s.browse()
	for _, path := range []string{"/", "/c/pay/" + session.at("id"), s.portal(customer) + "/home", "/oauth/authorize?" + asking().Encode(), "/nowhere"} {
		page := b.open(path)
		for _, rule := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(page.header.Get("Content-Security-Policy"), rule) {
				t.Errorf("%s: the policy %q lacks %q", path, page.header.Get("Content-Security-Policy"), rule)
			}
		}
		want(t, "cache", page.header.Get("Cache-Control"), "no-store")
		page.hides("<script", " style=", "//cdn", " onclick")
	}
	form := fields(typedCard(cardOK, "email", "ada@example.com")...)
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"http://evil.example"}}} {
		b.do("POST", "/c/pay/"+session.at("id"), form, header).shows(http.StatusForbidden)
		b.do("POST", "/actions/accounts/acct_bakery/revoke", nil, header).shows(http.StatusForbidden)
	}
	want(t, "session", s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("status"), "open")
}

func TestAssetsAreServedWithoutAListing(t *testing.T) {
	t.Parallel()
	b := openShop(t).browse()
	want(t, "type", b.open("/assets/style.css").shows(http.StatusOK).header.Get("Content-Type"), "text/css; charset=utf-8")
	b.open("/assets/icon.svg").shows(http.StatusOK)
	b.open("/assets/").shows(http.StatusNotFound)
	b.open("/nowhere").shows(http.StatusNotFound, "nothing here")
}

func TestTheFrontPageShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := openShop(t, func(cfg *stripe.Config) {
		cfg.Endpoints = []stripe.Endpoint{{URL: "http://127.0.0.1:1/webhook", Secret: "whsec_pages", Events: []string{"price.created"}}}
	})
	s.checkout(s.price("Pro", 1000))
	s.browse().open("/").shows(http.StatusOK, s.URL(), pagesLiveKey, pagesTestKey, pagesClientID, "our account", "1 price", "1 checkout session",
		pagesOtherName, "acct_bakery", "not connected", "price.created", "http://127.0.0.1:1/webhook", "Armed faults", "as the machine's")
}

func TestTheFrontPageTurnsTheClock(t *testing.T) {
	t.Parallel()
	turned := make(chan time.Duration, 10)
	s := openShop(t, func(cfg *stripe.Config) { cfg.OnClock = func(ahead time.Duration) { turned <- ahead } })
	_, sub := s.subscriber(s.price("Pro", 1000), "pm_card_visa")
	first := s.call("GET", "/v1/subscriptions/"+sub).at("current_period_end")
	b := s.browse()
	b.submit("/actions/clock", "turn", "week").shows(http.StatusOK, "The clock is turned.", "7 days ahead")
	want(t, "told", (<-turned).String(), "168h0m0s")
	b.submit("/actions/clock", "days", "31").shows(http.StatusOK, "38 days ahead")
	if s.call("GET", "/v1/subscriptions/"+sub).at("current_period_end") == first {
		t.Error("the subscription has not renewed")
	}
	for _, days := range []string{"", "0", "-1", "1.5", "soon", "100000"} {
		b.submit("/actions/clock", "days", days).shows(http.StatusUnprocessableEntity, "whole number of days", `name="days" inputmode="numeric" value="`+days+`"`)
	}
}

func TestTheFrontPageActsOnAccounts(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	b := s.browse()
	s.redeem(b.decide(asking(), "account", "acct_bakery", "decision", "allow").query(connectBack).Get("code"))
	b.open("/").shows(http.StatusOK, "Revoke access", "Disable charges", "account.application.authorized")
	b.submit("/actions/accounts/acct_bakery/charges", "enabled", "false").shows(http.StatusOK, "The account is changed.", "charges disabled", "Enable charges", "account.updated")
	b.submit("/actions/accounts/acct_bakery/charges", "enabled", "true").shows(http.StatusOK, "Disable charges")
	b.submit("/actions/accounts/acct_bakery/revoke").shows(http.StatusOK, "The access is revoked.", "not connected", "account.application.deauthorized").hides("Revoke access")
	b.submit("/actions/accounts/acct_none/revoke").shows(http.StatusUnprocessableEntity, `role="alert"`)
	b.submit("/actions/settle/cs_none", "outcome", "succeeded").shows(http.StatusUnprocessableEntity, `role="alert"`)
}

func TestTheFrontPageDisarmsFaults(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	if _, err := s.AddFault(stripe.Fault{Times: 2, Path: "/v1/prices", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b := s.browse()
	b.open("/").shows(http.StatusOK, `"path":"/v1/prices"`, "Disarm all")
	b.submit("/actions/faults/clear").shows(http.StatusOK, "The faults are disarmed.").hides("Disarm all")
	if left := s.Faults(); len(left) != 0 {
		t.Errorf("still armed: %v", left)
	}
}
