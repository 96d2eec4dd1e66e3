package stripeapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/sandbox/stripe"
	"github.com/dream-api/dream-api/internal/secret"
)

// world is the sandbox, and stripe-mock beside it: each request that the sandbox gets, stripe-mock gets too, and must
// take. The mock knows Stripe's published description and has no memory, so of its answer only the status counts.
type world struct {
	api     *stripeapi.API
	sandbox *stripe.Server
	mocks   []mock

	mu      sync.Mutex
	refused []string
}

// mock is a stripe-mock that runs. The old one, whose answers have the shape of our API version, is a little older than that
// version and does not know the younger parameters.
type mock struct {
	url string
	old bool
}

var younger = regexp.MustCompile(`schedule_at_period_end|subscription_update_confirm`)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	paths := filepath.SplitList(os.Getenv("STRIPE_MOCKS"))
	if len(paths) == 0 {
		paths, _ = filepath.Glob("../../../.tools/bin/stripe-mock-v*")
	}
	if len(paths) < 2 {
		t.Fatal("there is no stripe-mock: run `make test`, which builds it")
	}
	for _, path := range paths {
		w.mocks = append(w.mocks, mock{startMock(t, path), strings.Contains(path, "v0.148")})
	}
	var err error
	w.sandbox, err = stripe.Start(context.Background(), stripe.Config{
		LiveKey: "sk_live_sandbox", TestKey: "sk_test_sandbox", ClientID: "ca_sandbox", RedirectURIs: []string{"https://connect.example/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.sandbox.Close() })
	front := httptest.NewServer(http.HandlerFunc(w.both))
	t.Cleanup(front.Close)
	w.api = stripeapi.New(stripeapi.Config{
		SecretKey: secret.New("sk_live_sandbox"), TestSecretKey: secret.New("sk_test_sandbox"), ClientID: "ca_sandbox", APIURL: front.URL,
	})
	return w
}

var listening = regexp.MustCompile(`Listening for HTTP at address: (\S+)`)

func startMock(t *testing.T, path string) string {
	t.Helper()
	// HTTPS, which nobody uses, would listen on every interface if it were not told where.
	program := exec.Command(path, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "http://" + found[1]
		}
	}
	t.Fatalf("%s does not listen", path)
	return ""
}

func (w *world) both(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") { // OAuth has no published description
		for _, m := range w.mocks {
			w.check(r, m, body)
		}
	}
	answer, err := forward(r, w.sandbox.URL(), body, r.Header.Get("Authorization"))
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(rw, answer.Body)
}

func (w *world) check(r *http.Request, m mock, body []byte) {
	plain, _ := url.QueryUnescape(string(body))
	answer, err := forward(r, m.url, body, "Bearer sk_test_123")
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.refused = append(w.refused, err.Error())
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 400 && (!m.old || !younger.MatchString(plain)) {
		why, _ := io.ReadAll(answer.Body)
		w.refused = append(w.refused, r.Method+" "+r.URL.RequestURI()+" "+plain+": "+string(why))
	}
}

func forward(r *http.Request, to string, body []byte, authorization string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	req.Header.Set("Authorization", authorization)
	return http.DefaultClient.Do(req)
}

func TestEveryRequestThatWeMakeIsOneThatStripePublishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, at := t.Context(), stripeapi.Preview
	meta := map[string]string{"dreamapi_platform": "plt_1"}

	for _, name := range []string{"Pro", "Pro, renamed"} {
		ok(t, w.api.PutProduct(ctx, at, stripeapi.Product{ID: "dreamapi_plt_1_pro", Name: name, Active: true, Metadata: meta}))
	}
	price := func(key string, amount int64) string {
		t.Helper()
		return must[string](t)(w.api.MakePrice(ctx, at, stripeapi.Price{
			Key: key, ProductID: "dreamapi_plt_1_pro", Amount: amount, Currency: "usd", Interval: "month", Metadata: meta,
		}))
	}
	cheap, dear := price("prc_1", 1000), price("prc_2", 3000)
	if price("prc_1", 1000) != cheap {
		t.Error("a repetition made another price")
	}
	customer := must[string](t)(w.api.CreateCustomer(ctx, at, "customer-1", "eve@mail.example", "Eve", meta))
	session := must[stripeapi.Session](t)(w.api.CreateSession(ctx, at, "chk_1", stripeapi.NewSession{
		Customer: customer, PriceID: cheap, TrialDays: 14, SuccessURL: "https://a.example/?session_id={CHECKOUT_SESSION_ID}",
		CancelURL: "https://a.example/", Reference: "eve", Metadata: meta,
	}))
	pay(t, session.URL)
	session = must[stripeapi.Session](t)(w.api.Session(ctx, at, session.ID))
	if session.Status != "complete" || session.Customer != customer || session.Subscription == "" {
		t.Fatalf("the session is %+v", session)
	}
	if err := w.api.ExpireSession(ctx, at, session.ID); !errors.Is(err, stripeapi.ErrRefused) {
		t.Errorf("a complete session expires: %v", err)
	}
	sub := must[stripeapi.Subscription](t)(w.api.Subscription(ctx, at, session.Subscription))
	if sub.Status != "trialing" || sub.PriceID != cheap || sub.Amount != 1000 || sub.Items != 1 || sub.TrialEnd == nil {
		t.Errorf("the subscription is %+v", sub)
	}
	ok(t, w.api.MoveSubscription(ctx, at, sub, dear))
	all := must[[]stripeapi.Subscription](t)(w.api.Subscriptions(ctx, at, customer))
	if len(all) != 1 || all[0].PriceID != dear {
		t.Errorf("the subscriptions are %+v", all)
	}
	sub = all[0]

	shown := stripeapi.Portal{Headline: "Yours", ReturnURL: "https://a.example/", Metadata: meta,
		Products: []stripeapi.PortalProduct{{ID: "dreamapi_plt_1_pro", Prices: []string{cheap, dear}}}}
	portal := must[string](t)(w.api.PutPortal(ctx, at, "", shown))
	if must[string](t)(w.api.PutPortal(ctx, at, portal, shown)) != portal {
		t.Error("a change made another portal")
	}
	empty := shown
	empty.Products = nil
	must[string](t)(w.api.PutPortal(ctx, at, portal, empty))
	must[string](t)(w.api.PutPortal(ctx, at, portal, shown))
	own := must[string](t)(w.api.EnsurePortal(ctx, at, "plan", stripeapi.Portal{Headline: "Plan", ReturnURL: "https://a.example/"}))
	if must[string](t)(w.api.EnsurePortal(ctx, at, "plan", stripeapi.Portal{})) != own {
		t.Error("a repetition made another portal")
	}
	for _, visit := range []stripeapi.Visit{{}, {Change: &sub, PriceID: cheap}, {Cancel: sub.ID}} {
		visit.Customer, visit.Configuration, visit.ReturnURL, visit.DoneURL = customer, portal, "https://a.example/", "https://a.example/done"
		must[string](t)(w.api.OpenPortal(ctx, at, visit))
	}
	ok(t, w.api.EndSubscription(ctx, at, sub.ID, false))
	ok(t, w.api.EndSubscription(ctx, at, sub.ID, false))
	ok(t, w.api.EndSubscription(ctx, at, sub.ID, true)) // nothing was paid in the trial

	paid := must[stripeapi.Session](t)(w.api.CreateSession(ctx, at, "chk_2", stripeapi.NewSession{
		Customer: customer, PriceID: dear, SuccessURL: "https://a.example/", CancelURL: "https://a.example/", Reference: "eve",
	}))
	pay(t, paid.URL)
	paid = must[stripeapi.Session](t)(w.api.Session(ctx, at, paid.ID))
	payment := must[stripeapi.Payment](t)(w.api.Payment(ctx, at, w.latestInvoice(t, customer)))
	if !payment.Paid || payment.AmountPaid != 3000 || payment.AmountDue != 3000 || payment.Currency != "usd" || payment.Customer != customer {
		t.Errorf("the payment is %+v", payment)
	}
	ok(t, w.api.EndSubscription(ctx, at, paid.Subscription, false))
	for range 2 {
		ok(t, w.api.EndSubscription(ctx, at, paid.Subscription, true))
	}
	bills, _, err := w.api.Invoices(ctx, at, customer, "", 5)
	ok(t, err)
	if len(bills) == 0 || bills[0].Total == 0 || bills[0].HostedURL == "" {
		t.Fatalf("the invoices are %+v", bills)
	}
	_, _, err = w.api.Invoices(ctx, at, customer, bills[0].ID, 5)
	ok(t, err)
	open := must[stripeapi.Session](t)(w.api.CreateSession(ctx, at, "chk_3", stripeapi.NewSession{
		Customer: customer, PriceID: dear, SuccessURL: "https://a.example/", CancelURL: "https://a.example/", Reference: "eve",
	}))
	ok(t, w.api.ExpireSession(ctx, at, open.ID))
	ok(t, w.api.WithdrawPrice(ctx, at, cheap))

	if _, err := w.api.Subscription(ctx, at, "sub_none"); !errors.Is(err, stripeapi.ErrNotFound) {
		t.Errorf("a subscription that is not there: %v", err)
	}
	if _, err := w.api.Payment(ctx, at, "in_none"); !errors.Is(err, stripeapi.ErrNotFound) {
		t.Errorf("an invoice that is not there: %v", err)
	}
	if _, err := w.api.ConnectedAccount(ctx, "acct_none"); !errors.Is(err, stripeapi.ErrRevoked) {
		t.Errorf("an account that is not connected: %v", err)
	}
	if _, err := w.api.Exchange(ctx, "ac_none"); !errors.Is(err, stripeapi.ErrBadCode) {
		t.Errorf("a code that is none: %v", err)
	}
	ok(t, w.api.Deauthorize(ctx, "acct_none"))

	w.mu.Lock()
	defer w.mu.Unlock()
	for _, refused := range w.refused {
		if !strings.Contains(refused, "_none") {
			t.Error(refused)
		}
	}
}

// latestInvoice is the id of a customer's newest invoice at the sandbox.
func (w *world) latestInvoice(t *testing.T, customer string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.sandbox.URL()+"/v1/invoices?limit=1&customer="+customer, http.NoBody)
	ok(t, err)
	req.Header.Set("Authorization", "Bearer sk_test_sandbox")
	got, err := http.DefaultClient.Do(req)
	ok(t, err)
	defer func() { _ = got.Body.Close() }()
	var list struct{ Data []struct{ ID string } }
	ok(t, json.NewDecoder(got.Body).Decode(&list))
	if len(list.Data) != 1 {
		t.Fatal("there is no invoice")
	}
	return list.Data[0].ID
}

// pay pays a checkout on the sandbox's page.
func pay(t *testing.T, address string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.PostForm(address, url.Values{
		"number": {"4242424242424242"}, "expiry": {"12/34"}, "cvc": {"123"}, "name": {"Eve"}, "kind": {"card"},
	})
	ok(t, err)
	_ = got.Body.Close()
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the checkout answers %d", got.StatusCode)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must fails the test on an error, and gives the value on.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		ok(t, err)
		return value
	}
}
