package stripe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

const (
	liveKey    = "sk_live_sandboxsandboxsandbox1"
	testKey    = "sk_test_sandboxsandboxsandbox2"
	clientID   = "ca_sandbox"
	backTo     = "http://connect.localhost:8080/callback"
	hookSecret = "whsec_of_a_test"
	bakery     = "acct_1Bakery"
)

// bundle is a running sandbox and Stripe's SDK pointed at it, in test mode.
type bundle struct {
	*stripe.Server
	api *client.API
}

func config(changes ...func(*stripe.Config)) stripe.Config {
	cfg := stripe.Config{LiveKey: liveKey, TestKey: testKey, ClientID: clientID, RedirectURIs: []string{backTo},
		Accounts: []stripe.SeedAccount{{ID: bakery, Email: "owner@bakery.example", BusinessName: "Bakery", Country: "US", ChargesEnabled: true}}}
	for _, change := range changes {
		change(&cfg)
	}
	return cfg
}

func setup(t *testing.T, changes ...func(*stripe.Config)) *bundle {
	t.Helper()
	server, err := stripe.Start(t.Context(), config(changes...))
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	return &bundle{Server: server, api: connect(server, testKey)}
}

func connect(server *stripe.Server, key string) *client.API {
	cfg := &sdk.BackendConfig{URL: sdk.String(server.URL()), MaxNetworkRetries: sdk.Int64(0), LeveledLogger: &sdk.LeveledLogger{}, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	return client.New(key, &sdk.Backends{API: sdk.GetBackendWithConfig(sdk.APIBackend, cfg), Connect: sdk.GetBackendWithConfig(sdk.ConnectBackend, cfg),
		Uploads: sdk.GetBackendWithConfig(sdk.UploadsBackend, cfg)})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got is a value which came without an error.
func got[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// refusal is what a test may want to know more of an error.
type refusal struct {
	Msg         string
	Type        sdk.ErrorType
	DeclineCode sdk.DeclineCode
	Replayed    bool
}

// wantError checks an error of the SDK.
func wantError(t *testing.T, err error, status int, code, param string) refusal {
	t.Helper()
	var e *sdk.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want Stripe's error %s", err, code)
	}
	if e.HTTPStatusCode != status || string(e.Code) != code || e.Param != param {
		t.Errorf("got %d %s about %q, want %d %s about %q: %s", e.HTTPStatusCode, e.Code, e.Param, status, code, param, e.Msg)
	}
	if e.RequestID == "" || e.Msg == "" {
		t.Errorf("the error lacks a request id or a message: %v", err)
	}
	return refusal{e.Msg, e.Type, e.DeclineCode, e.LastResponse.Header.Get("Idempotent-Replayed") == "true"}
}

// newPrice makes a monthly price in dollars, with a product of that name.
func (b *bundle) newPrice(t *testing.T, name string, amount int64, changes ...func(*sdk.PriceParams)) *sdk.Price {
	t.Helper()
	p := &sdk.PriceParams{Currency: sdk.String("usd"), UnitAmount: sdk.Int64(amount), ProductData: &sdk.PriceProductDataParams{Name: &name},
		Recurring: &sdk.PriceRecurringParams{Interval: sdk.String("month")}}
	for _, change := range changes {
		change(p)
	}
	return got[*sdk.Price](t)(b.api.Prices.New(p))
}

func yearly(p *sdk.PriceParams) { p.Recurring.Interval = sdk.String("year") }

// newCustomer makes a customer with a card, by Stripe's test id of it.
func (b *bundle) newCustomer(t *testing.T, card string, changes ...func(*sdk.CustomerParams)) *sdk.Customer {
	t.Helper()
	p := &sdk.CustomerParams{Email: sdk.String("ada@example.com")}
	for _, change := range changes {
		change(p)
	}
	c := got[*sdk.Customer](t)(b.api.Customers.New(p))
	if card != "" {
		pm := got[*sdk.PaymentMethod](t)(b.api.PaymentMethods.Attach(card, &sdk.PaymentMethodAttachParams{Customer: &c.ID}))
		got[*sdk.Customer](t)(b.api.Customers.Update(c.ID, &sdk.CustomerParams{InvoiceSettings: &sdk.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &pm.ID}}))
	}
	return c
}

func (b *bundle) subscribe(t *testing.T, customer, price string, changes ...func(*sdk.SubscriptionParams)) *sdk.Subscription {
	t.Helper()
	p := &sdk.SubscriptionParams{Customer: &customer, Items: []*sdk.SubscriptionItemsParams{{Price: &price}}}
	for _, change := range changes {
		change(p)
	}
	return got[*sdk.Subscription](t)(b.api.Subscriptions.New(p))
}

func (b *bundle) subscription(t *testing.T, id string) *sdk.Subscription {
	t.Helper()
	p := &sdk.SubscriptionParams{}
	p.AddExpand("latest_invoice.payment_intent")
	return got[*sdk.Subscription](t)(b.api.Subscriptions.Get(id, p))
}

// changeTo is an update of the only item's price.
func changeTo(sub *sdk.Subscription, price, proration string) *sdk.SubscriptionParams {
	return &sdk.SubscriptionParams{Items: []*sdk.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &price}}, ProrationBehavior: &proration}
}

// checkout opens a checkout of a price.
func (b *bundle) checkout(t *testing.T, price string, changes ...func(*sdk.CheckoutSessionParams)) *sdk.CheckoutSession {
	t.Helper()
	p := &sdk.CheckoutSessionParams{Mode: sdk.String("subscription"), SuccessURL: sdk.String("http://shop.localhost/done?s={CHECKOUT_SESSION_ID}"), CancelURL: sdk.String("http://shop.localhost/"),
		LineItems: []*sdk.CheckoutSessionLineItemParams{{Price: &price, Quantity: sdk.Int64(1)}}}
	for _, change := range changes {
		change(p)
	}
	return got[*sdk.CheckoutSession](t)(b.api.CheckoutSessions.New(p))
}

// pay fills the checkout's page in and says where it leads, or "" with the status.
func (b *bundle) pay(t *testing.T, s *sdk.CheckoutSession, card string, more ...string) (location string, status int) {
	t.Helper()
	form := url.Values{"number": {card}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Ada"}, "email": {"ada@example.com"}, "kind": {"card"}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+"/c/pay/"+s.ID, strings.NewReader(form.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := got[*http.Response](t)(noRedirect.Do(req))
	must(t, resp.Body.Close())
	return resp.Header.Get("Location"), resp.StatusCode
}

var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call makes a request as curl would and decodes the answer, if it is wanted.
func (b *bundle) call(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, b.URL()+path, strings.NewReader(body)))
	req.SetBasicAuth(testKey, "")
	resp := got[*http.Response](t)(http.DefaultClient.Do(req))
	raw := got[[]byte](t)(io.ReadAll(resp.Body))
	must(t, resp.Body.Close())
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s answered %s", method, path, raw)
		}
	}
	return resp.StatusCode
}

// control uses one of the sandbox's own endpoints.
func (b *bundle) control(t *testing.T, path, body string) {
	t.Helper()
	var answer map[string]any
	if status := b.call(t, http.MethodPost, "/_sandbox/"+path, body, &answer); status != http.StatusOK {
		t.Fatalf("%s answered %d %v", path, status, answer)
	}
}

func (b *bundle) advance(t *testing.T, d time.Duration) {
	t.Helper()
	must(t, b.Advance(d))
}

// happened are the types of the events about objects of a mode, in order.
func (b *bundle) happened(account string) []string {
	var types []string
	for _, e := range b.Events("", "", account) {
		types = append(types, e.Type)
	}
	return types
}

// count is how many events of a type there were.
func (b *bundle) count(kind string) int { return len(b.Events(kind, "", "")) }

// receiver is a webhook endpoint that checks signatures. It answers with the
// statuses it was given, one after the other, and then with 204.
type receiver struct {
	url    string
	events chan sdk.Event
}

func receive(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{events: make(chan sdk.Event, 1000)}
	answers := make(chan int, len(statuses))
	for _, status := range statuses {
		answers <- status
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		event, err := webhook.ConstructEvent(body, req.Header.Get("Stripe-Signature"), hookSecret)
		if err != nil {
			t.Errorf("event %s: %v", bytes.TrimSpace(body), err)
		}
		r.events <- event
		select {
		case status := <-answers:
			w.WriteHeader(status)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// sends makes a sandbox deliver our account's test events to the receiver.
func (r *receiver) sends(cfg *stripe.Config) {
	cfg.Endpoints = []stripe.Endpoint{{URL: r.url, Secret: hookSecret}}
	cfg.Retries = []time.Duration{time.Millisecond}
}

// next waits for a delivery.
func (r *receiver) next(t *testing.T) sdk.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case e := <-r.events:
		return e
	case <-ctx.Done():
		t.Fatal("no event was delivered")
		return sdk.Event{}
	}
}
