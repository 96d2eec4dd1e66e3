package stripe_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// asking is the query of an application that wants to be connected, with changes.
func asking(changes ...string) url.Values {
	q := fields("response_type", "code", "client_id", pagesClientID, "scope", "read_write", "redirect_uri", connectBack, "state", "a state/&")
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
	}
	return q
}

// decide submits the consent form.
func (b *browser) decide(asked url.Values, pairs ...string) arrival {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		asked.Set(pairs[i], pairs[i+1])
	}
	return b.do("POST", "/oauth/authorize", asked, nil)
}

// query is the query of where the browser was sent.
func (a arrival) query(to string) url.Values {
	a.t.Helper()
	u, err := url.Parse(a.left)
	if err != nil || !strings.HasPrefix(a.left, to+"?") {
		a.t.Fatalf("answered %d and led to %q, not to %s:\n%s", a.status, a.left, to, a.body)
	}
	return u.Query()
}

// redeem trades a code for the account it stands for.
func (s *shop) redeem(code string) answer {
	s.t.Helper()
	return s.call("POST", "/oauth/token", "grant_type", "authorization_code", "code", code, "client_secret", pagesLiveKey)
}

func TestAnExistingAccountIsConnected(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	b := s.browse()
	b.open("/oauth/authorize?"+asking().Encode()).shows(http.StatusOK, "Connect your Stripe account with Dream", pagesOtherName, "acct_bakery", "Create a new account", "take payments", `value="a state/&"`).
		hides(`class="tag ok"`)
	q := b.decide(asking(), "account", "acct_bakery", "decision", "allow").query(connectBack)
	want(t, "state", q.Get("state"), "a state/&")
	want(t, "scope", q.Get("scope"), "read_write")
	want(t, "account", s.redeem(q.Get("code")).at("stripe_user_id"), "acct_bakery")
	b.open("/oauth/authorize?"+asking().Encode()).shows(http.StatusOK, `<span class="tag ok">connected</span>`)
}

func TestANewAccountIsMadeAndConnected(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	b := s.browse()
	b.open("/oauth/authorize?"+asking("stripe_user[email]", "me@florist.example").Encode()).shows(http.StatusOK, `value="me@florist.example"`)
	b.decide(asking(), "account", "new", "decision", "allow", "email", "me@florist.example", "country", "XX").
		shows(http.StatusUnprocessableEntity, "Enter the name of your business.", "Choose a country", `value="me@florist.example"`)
	q := b.decide(asking(), "account", "new", "decision", "allow", "email", "me@florist.example", "business_name", "Florist", "country", "GB").query(connectBack)
	id := s.redeem(q.Get("code")).at("stripe_user_id")
	made := s.call("GET", "/v1/accounts/"+id)
	want(t, "account", made.at("business_profile.name")+" "+made.at("country")+" "+made.at("default_currency")+" "+made.at("charges_enabled"), "Florist GB gbp true")
}

func TestADenialIsToldToTheApplication(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	q := s.browse().decide(asking(), "account", "acct_bakery", "decision", "deny").query(connectBack)
	want(t, "error", q.Get("error"), "access_denied")
	want(t, "state", q.Get("state"), "a state/&")
	if q.Get("error_description") == "" || q.Get("code") != "" {
		t.Errorf("led back with %v", q)
	}
}

func TestABadRequestToConnectIsNeverRedirected(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	b := s.browse()
	for _, bad := range [][]string{
		{"client_id", "ca_other"}, {"client_id", ""}, {"redirect_uri", "http://evil.example/"}, {"redirect_uri", connectBack + "/more"},
		{"response_type", "token"}, {"response_type", ""}, {"scope", "everything"},
	} {
		page := b.open("/oauth/authorize?" + asking(bad...).Encode())
		page.shows(http.StatusBadRequest, "is refused").leaves("")
		for _, decision := range []string{"allow", "deny"} {
			b.decide(asking(bad...), "account", "acct_bakery", "decision", decision).shows(http.StatusBadRequest, "is refused").leaves("")
		}
	}
	b.decide(asking(), "decision", "allow").shows(http.StatusUnprocessableEntity, "Choose an account.").leaves("")
	b.decide(asking(), "account", "acct_none", "decision", "allow").shows(http.StatusUnprocessableEntity, `role="alert"`).leaves("")
}
