package stripe_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

const (
	shopSuccess = "http://shop.localhost:1/done?session_id={CHECKOUT_SESSION_ID}"
	shopCancel  = "http://shop.localhost:1/prices"
	shopAccount = "http://shop.localhost:1/account"
	connectBack = "http://connect.localhost:1/callback"

	cardOK          = "4242424242424242"
	cardDeclined    = "4000000000000002"
	cardFailsLater  = "4000000000000341"
	cardSecure      = "4000002500003155"
	cardAlwaysAsks  = "4000002760003184"
	pagesClientID   = "ca_pages"
	pagesLiveKey    = "sk_live_pages"
	pagesTestKey    = "sk_test_pages"
	pagesOtherName  = "Bakery & Sons"
	pagesOtherEmail = "owner@bakery.example"
)

// shop is a sandbox, and the backend of somebody who sells in test mode.
type shop struct {
	*stripe.Server
	t *testing.T
}

// openShop starts a sandbox with another account that may be connected.
func openShop(t *testing.T, changes ...func(*stripe.Config)) *shop {
	t.Helper()
	cfg := stripe.Config{LiveKey: pagesLiveKey, TestKey: pagesTestKey, ClientID: pagesClientID, RedirectURIs: []string{connectBack}, AppName: "Dream",
		Accounts: []stripe.SeedAccount{{ID: "acct_bakery", Email: pagesOtherEmail, BusinessName: pagesOtherName, Country: "DE", Currency: "eur", ChargesEnabled: true}}}
	for _, change := range changes {
		change(&cfg)
	}
	server, err := stripe.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return &shop{Server: server, t: t}
}

// answer is a JSON object of the API.
type answer map[string]any

// at follows a path of names and indexes: "items.data.0.price.id". What is not
// there, or null, is "".
func (a answer) at(path string) string {
	var value any = map[string]any(a)
	for name := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				return ""
			}
			value = v[i]
		default:
			return ""
		}
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// fields are a form, in pairs.
func fields(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// call is a request to the API that must succeed.
func (s *shop) call(method, path string, pairs ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, strings.NewReader(fields(pairs...).Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(pagesTestKey, "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil || resp.StatusCode >= 300 {
		s.t.Fatalf("%s %s answered %d: %s", method, path, resp.StatusCode, raw)
	}
	return a
}

// price makes a product with a monthly price, and returns the price's id.
func (s *shop) price(name string, amount int) string {
	s.t.Helper()
	p := s.call("POST", "/v1/products", "name", name).at("id")
	return s.call("POST", "/v1/prices", "product", p, "unit_amount", strconv.Itoa(amount), "currency", "usd", "recurring[interval]", "month").at("id")
}

// checkout makes a session for a price.
func (s *shop) checkout(price string, more ...string) answer {
	s.t.Helper()
	return s.call("POST", "/v1/checkout/sessions", append([]string{"mode", "subscription", "line_items[0][price]", price, "line_items[0][quantity]", "1",
		"success_url", shopSuccess, "cancel_url", shopCancel}, more...)...)
}

// subscriber makes a customer with a subscription, paid with a test card's
// payment method.
func (s *shop) subscriber(price, method string, more ...string) (customer, subscription string) {
	s.t.Helper()
	customer = s.call("POST", "/v1/customers", "email", "ada@example.com", "name", "Ada").at("id")
	pm := s.call("POST", "/v1/payment_methods/"+method+"/attach", "customer", customer).at("id")
	s.call("POST", "/v1/customers/"+customer, "invoice_settings[default_payment_method]", pm)
	sub := s.call("POST", "/v1/subscriptions", append([]string{"customer", customer, "items[0][price]", price}, more...)...)
	return customer, sub.at("id")
}

// browser keeps cookies, follows redirects on the sandbox alone, and runs no scripts.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

// arrival is where a browser has arrived. If it was sent away from the
// sandbox, left is the address.
type arrival struct {
	t      *testing.T
	status int
	path   string
	body   string
	left   string
	header http.Header
}

func (s *shop) browse() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, base: s.URL(), http: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), s.URL()) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// open takes a path, or a whole address on the sandbox.
func (b *browser) open(path string) arrival {
	b.t.Helper()
	return b.do("GET", path, nil, nil)
}

func (b *browser) submit(path string, pairs ...string) arrival {
	b.t.Helper()
	return b.do("POST", path, fields(pairs...), nil)
}

func (b *browser) do(method, path string, form url.Values, header http.Header) arrival {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+strings.TrimPrefix(path, b.base), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := arrival{t: b.t, status: resp.StatusCode, path: resp.Request.URL.Path, body: html.UnescapeString(string(body)), header: resp.Header}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		a.left = resp.Header.Get("Location")
	}
	return a
}

// shows checks that the browser is on a page of the sandbox with all the texts.
func (a arrival) shows(status int, texts ...string) arrival {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s answered %d %s, want %d:\n%s", a.path, a.status, a.left, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s lacks %q:\n%s", a.path, text, a.body)
		}
	}
	return a
}

func (a arrival) hides(texts ...string) arrival {
	a.t.Helper()
	for _, text := range texts {
		if text != "" && strings.Contains(a.body, text) {
			a.t.Errorf("%s shows %q:\n%s", a.path, text, a.body)
		}
	}
	return a
}

// leaves checks that the browser was sent to another site.
func (a arrival) leaves(to string) {
	a.t.Helper()
	if a.left != to {
		a.t.Errorf("%s answered %d and led to %q, want %q:\n%s", a.path, a.status, a.left, to, a.body)
	}
}

// typedCard are the fields of a card that a person types in.
func typedCard(number string, more ...string) []string {
	return append([]string{"kind", "card", "number", number, "expiry", "1240", "cvc", "123", "name", "Ada Lovelace"}, more...)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
