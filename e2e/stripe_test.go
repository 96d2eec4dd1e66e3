package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// stripeSandbox is the stand-in for Stripe, of a sandbox or of a dev.
type stripeSandbox struct{ url string }

// The keys of our account at any sandbox.
const (
	stripeLiveKey = "sk_live_sandbox"
	stripeTestKey = "sk_test_sandbox"
)

// account is as whom Stripe is called: ours in test mode, ours in live mode, or a connected account's id.
type account string

const (
	preview account = ""
	own     account = "own"
)

func (s *sandbox) stripe() stripeSandbox { return stripeSandbox{s.variables["STRIPE_API_URL"]} }

func (d *devRun) stripe() stripeSandbox { return stripeSandbox{d.facts.StripeSandboxURL} }

// call makes a request that gets a 200. POSTs send the fields, which come in pairs.
func (s stripeSandbox) call(t testing.TB, as account, method, path string, fields ...string) answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+map[bool]string{true: stripeTestKey, false: stripeLiveKey}[as == preview])
	if strings.HasPrefix(string(as), "acct_") {
		req.Header.Set("Stripe-Account", string(as))
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return s.do(t, req)
}

// control uses the stand-in's own endpoints; package stripe says what there is.
func (s stripeSandbox) control(t testing.TB, method, path string, body object) answer {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, s.url+"/_sandbox"+path, strings.NewReader(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, req)
}

func (s stripeSandbox) do(t testing.TB, req *http.Request) answer {
	t.Helper()
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{got.StatusCode, got.Header, body}
	if a.status != http.StatusOK {
		t.Fatalf("Stripe answers %d to %s %s: %s", a.status, req.Method, req.URL.Path, a.body)
	}
	return a
}

// list is all that there is at a path, up to a hundred.
func (s stripeSandbox) list(t testing.TB, as account, path string) []object {
	t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	var objects []object
	for _, one := range at[[]any](t, s.call(t, as, http.MethodGet, path+join+"limit=100"), "data") {
		objects = append(objects, one.(object))
	}
	return objects
}

// advance turns Stripe's clock, and all that falls into that time happens there.
func (s stripeSandbox) advance(t testing.TB, days int) {
	t.Helper()
	s.control(t, http.MethodPost, "/clock/advance", object{"seconds": days * 24 * 60 * 60})
}

// setCard gives a customer another card.
func (s stripeSandbox) setCard(t testing.TB, customer, number string) {
	t.Helper()
	s.control(t, http.MethodPost, "/customers/"+customer+"/card", object{"card": number})
}

// silent is whether every event has been delivered.
func (s stripeSandbox) silent(t testing.TB) bool {
	t.Helper()
	return len(at[[]any](t, s.control(t, http.MethodGet, "/events?status=pending", nil), "events")) == 0
}

// What cards do, by their numbers.
const (
	goodCard     = "4242424242424242"
	declinedCard = "4000000000000002"
	laterCard    = "4000000000000341" // can be saved, but its charges fail
	secureCard   = "4000002500003155" // asks for 3-D Secure once
)

// pay pays at the page of a checkout with a good card, as a browser that is closed before it is sent back to us. It
// returns the session as it is then.
func (s stripeSandbox) pay(t testing.TB, as account, page string) answer {
	t.Helper()
	s.payUnseen(t, page)
	return s.call(t, as, http.MethodGet, "/v1/checkout/sessions/"+sessionOf(t, page))
}

// payUnseen is pay where Stripe is not asked afterwards.
func (s stripeSandbox) payUnseen(t testing.TB, page string) {
	t.Helper()
	closed := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := closed.PostForm(page, url.Values{
		"number": {goodCard}, "expiry": {"12/34"}, "cvc": {"123"}, "name": {"Eve"}, "email": {"eve@example.com"}, "kind": {"card"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the payment at %s answers %d", page, got.StatusCode)
	}
}

// sessionOf is the id of the session of a checkout's page.
func sessionOf(t testing.TB, page string) string {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil || !strings.HasPrefix(u.Path, "/c/pay/cs_") {
		t.Fatalf("%s is no checkout: %v", page, err)
	}
	return strings.TrimPrefix(u.Path, "/c/pay/")
}

// newAccount makes somebody's account.
func (s stripeSandbox) newAccount(t testing.TB, name string) account {
	t.Helper()
	made := s.control(t, http.MethodPost, "/accounts", object{
		"email": strings.ToLower(name) + "@example.com", "businessName": name, "country": "US",
	})
	return account(text(t, made, "id"))
}
