package stripe_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sdk "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

func TestAnUnknownKeyIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := connect(b.Server, "sk_test_somebodyelses1234").Customers.Get("cus_x", nil)
	e := wantError(t, err, 401, "", "")
	if strings.Contains(e.Msg, "somebodyelses") || !strings.HasSuffix(e.Msg, "1234") {
		t.Errorf("message %q", e.Msg)
	}
	equal(t, "host", b.hostStatus(t, "evil.example"), http.StatusMisdirectedRequest)
	equal(t, "unknown URL", b.call(t, "GET", "/v1/nothing", "", nil), http.StatusNotFound)
	equal(t, "another version", b.versionStatus(t), http.StatusBadRequest)
}

func (b *bundle) versionStatus(t *testing.T) int {
	t.Helper()
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL()+"/v1/account", nil))
	req.SetBasicAuth(testKey, "")
	req.Header.Set("Stripe-Version", "2024-06-20")
	resp := got[*http.Response](t)(http.DefaultClient.Do(req))
	must(t, resp.Body.Close())
	return resp.StatusCode
}

func (b *bundle) hostStatus(t *testing.T, host string) int {
	t.Helper()
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL()+"/_sandbox/state", nil))
	req.Host = host
	resp := got[*http.Response](t)(http.DefaultClient.Do(req))
	must(t, resp.Body.Close())
	return resp.StatusCode
}

func TestModesAndAccountsAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	live := connect(b.Server, liveKey)
	_, err := live.Prices.Get(price.ID, nil)
	e := wantError(t, err, 404, "resource_missing", "id")
	missing := wantErrorOf(t, live, strings.Replace(price.ID, price.ID[8:], strings.Repeat("x", 22), 1))
	equal(t, "the same answer as for a missing one", strings.ReplaceAll(e.Msg, price.ID, ""), strings.ReplaceAll(missing.Msg, missing.Msg[strings.Index(missing.Msg, "'")+1:len(missing.Msg)-1], ""))
	equal(t, "as Stripe words it", e.Msg, "No such price: '"+price.ID+"'")

	p := &sdk.PriceParams{}
	p.SetStripeAccount(bakery)
	_, err = b.api.Prices.Get(price.ID, p)
	e = wantError(t, err, 403, "account_invalid", "")
	if !strings.Contains(e.Msg, "does not have access to account '"+bakery+"'") {
		t.Errorf("message %q", e.Msg)
	}
	b.connectBakery(t, testKey)
	_, err = b.api.Prices.Get(price.ID, p)
	wantError(t, err, 404, "resource_missing", "id")
	acct := got[*sdk.Account](t)(b.api.Accounts.GetByID(bakery, nil))
	equal(t, "account", acct.BusinessProfile.Name, "Bakery")
	equal(t, "charges", acct.ChargesEnabled, true)
}

func wantErrorOf(t *testing.T, api *client.API, id string) refusal {
	t.Helper()
	_, err := api.Prices.Get(id, nil)
	return wantError(t, err, 404, "resource_missing", "id")
}

func TestParametersAreCheckedAsStripeDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ path, body, code, param, message string }{
		{"/v1/customers", "shoe=42", "parameter_unknown", "shoe", "Received unknown parameter: shoe"},
		{"/v1/customers", "address[shoe]=42", "parameter_unknown", "address[shoe]", "Received unknown parameter: address[shoe]"},
		{"/v1/customers", "address=1", "", "address", "Invalid object"},
		{"/v1/customers", "balance=ten", "parameter_invalid_integer", "balance", "Invalid integer: ten"},
		{"/v1/customers", "tax_exempt=maybe", "", "tax_exempt", "Invalid tax_exempt: must be one of exempt, none, or reverse"},
		{"/v1/customers", "test_clock=", "parameter_invalid_empty", "test_clock", ""},
		{"/v1/customers", "email=nobody", "email_invalid", "email", "Invalid email address: nobody"},
		{"/v1/products", "active=true", "parameter_missing", "name", "Missing required param: name."},
		{"/v1/products", "name=a&active=perhaps", "", "active", "Invalid boolean: perhaps"},
		{"/v1/products", "name=a&images=b", "", "images", "Invalid array"},
		{"/v1/prices", "currency=usd&product=prod_x&unit_amount=5", "resource_missing", "product", "No such product: 'prod_x'"},
		{"/v1/subscriptions", "customer=cus_x&items[0][price]=p&items[0][shoe]=1", "parameter_unknown", "items[0][shoe]", ""},
		{"/v1/subscriptions", "customer=cus_x&items[][price]=p&items[][price]=q&items[1][shoe]=1", "parameter_unknown", "items[1][shoe]", ""},
		{"/v1/customers", "metadata[" + strings.Repeat("k", 41) + "]=v", "", "metadata[" + strings.Repeat("k", 41) + "]", ""},
		{"/v1/customers", "metadata[k]=" + strings.Repeat("v", 501), "", "metadata[k]", ""},
		{"/v1/customers", "expand[]=shoe", "", "expand", "This property cannot be expanded (shoe)."},
	} {
		var answer struct {
			Error struct{ Type, Code, Param, Message string }
		}
		equal(t, c.body, b.call(t, "POST", c.path, c.body, &answer), http.StatusBadRequest)
		e := answer.Error
		if e.Type != "invalid_request_error" || e.Code != c.code || e.Param != c.param || c.message != "" && e.Message != c.message {
			t.Errorf("%s %s: %+v", c.path, c.body, e)
		}
	}
}

func TestMetadataIsMergedAndUnset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.newCustomer(t, "", func(p *sdk.CustomerParams) {
		p.Metadata = map[string]string{"a": "1", "b": "2", "7": "seven", "_x": "kept"}
		p.Name = sdk.String("Ada")
	})
	c = got[*sdk.Customer](t)(b.api.Customers.Update(c.ID, &sdk.CustomerParams{Metadata: map[string]string{"a": "", "c": "3"}}))
	equal(t, "keys", len(c.Metadata), 4)
	equal(t, "digits", c.Metadata["7"], "seven")
	equal(t, "a leading underscore", c.Metadata["_x"], "kept")
	var answer struct {
		Name     *string
		Metadata map[string]string
	}
	equal(t, "status", b.call(t, "POST", "/v1/customers/"+c.ID, "metadata=&name=", &answer), http.StatusOK)
	equal(t, "all gone", len(answer.Metadata) == 0 && answer.Name == nil, true)
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for range 7 {
		ids = append(ids, b.newCustomer(t, "").ID)
	}
	it := b.api.Customers.List(&sdk.CustomerListParams{ListParams: sdk.ListParams{Limit: sdk.Int64(3)}})
	for i := len(ids) - 1; i >= 0; i-- {
		equal(t, "there is one", it.Next(), true)
		equal(t, "newest first", it.Customer().ID, ids[i])
	}
	equal(t, "the end", it.Next(), false)
	back := b.api.Customers.List(&sdk.CustomerListParams{ListParams: sdk.ListParams{Limit: sdk.Int64(2), EndingBefore: &ids[2], Single: true}})
	equal(t, "the page before", back.Next() && back.Customer().ID == ids[4] || back.Customer().ID == ids[3], true)
	for _, query := range []string{"limit=0", "limit=101", "starting_after=cus_none", "ending_before=cus_none", "starting_after=" + ids[0] + "&ending_before=" + ids[1]} {
		equal(t, query, b.call(t, "GET", "/v1/customers?"+query, "", nil), http.StatusBadRequest)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := func(email, key string) (*sdk.Customer, error) {
		p := &sdk.CustomerParams{Email: &email}
		p.SetIdempotencyKey(key)
		return b.api.Customers.New(p)
	}
	first, again := got[*sdk.Customer](t)(create("a@example.com", "k1")), got[*sdk.Customer](t)(create("a@example.com", "k1"))
	equal(t, "the same customer", again.ID, first.ID)
	equal(t, "said so", again.LastResponse.Header.Get("Idempotent-Replayed"), "true")
	_, err := create("b@example.com", "k1")
	e := wantError(t, err, 400, "", "")
	equal(t, "type", string(e.Type), "idempotency_error")
	_, err = create("nobody", "k2")
	wantError(t, err, 400, "email_invalid", "email")
	got[*sdk.Customer](t)(create("nobody@example.com", "k2"))

	live := connect(b.Server, liveKey)
	p := &sdk.CustomerParams{Email: sdk.String("a@example.com")}
	p.SetIdempotencyKey("k1")
	equal(t, "another mode", got[*sdk.Customer](t)(live.Customers.New(p)).ID == first.ID, false)

	price := b.newPrice(t, "Pro", 1500)
	c := b.newCustomer(t, "pm_card_chargeCustomerFail")
	decline := func() refusal {
		p := &sdk.SubscriptionParams{Customer: &c.ID, Items: []*sdk.SubscriptionItemsParams{{Price: &price.ID}}, PaymentBehavior: sdk.String("error_if_incomplete")}
		p.SetIdempotencyKey("k3")
		_, err := b.api.Subscriptions.New(p)
		return wantError(t, err, 402, "card_declined", "")
	}
	decline()
	b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_visa"}`)
	equal(t, "a card error is repeated", decline().Replayed, true)

	b.advance(t, days)
	equal(t, "a day later", got[*sdk.Customer](t)(create("a@example.com", "k1")).ID == first.ID, false)
}

func TestAKeyInUseIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.AddFault(stripe.Fault{Times: 1, Path: "/v1/customers", LatencyMs: 400})
	must(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		wg.Go(func() {
			p := &sdk.CustomerParams{Email: sdk.String("a@example.com")}
			p.SetIdempotencyKey("k1")
			_, errs[i] = b.api.Customers.New(p)
		})
	}
	wg.Wait()
	if errs[0] == nil {
		errs[0] = errs[1]
	}
	wantError(t, errs[0], 409, "idempotency_key_in_use", "")
	equal(t, "customers", b.count("customer.created"), 1)
}

func TestRequestFaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.control(t, "faults", `{"times":1,"method":"POST","path":"/v1/customers","status":503}`)
	b.control(t, "faults", `{"times":1,"path":"/v1/prices","loseAnswer":true}`)
	_, err := b.api.Customers.New(&sdk.CustomerParams{})
	wantError(t, err, 503, "", "")
	equal(t, "nothing was done", b.count("customer.created"), 0)
	product := got[*sdk.Product](t)(b.api.Products.New(&sdk.ProductParams{Name: sdk.String("Pro")}))
	p := &sdk.PriceParams{Currency: sdk.String("usd"), UnitAmount: sdk.Int64(5), Product: &product.ID}
	p.SetIdempotencyKey("k1")
	if _, err = b.api.Prices.New(p); err == nil {
		t.Error("the answer was not lost")
	}
	equal(t, "it was done", b.count("price.created"), 1)
	got[*sdk.Price](t)(b.api.Prices.New(p))
	equal(t, "and is not done again", b.count("price.created"), 1)

	b.control(t, "faults", `{"times":1,"cardDecline":"insufficient_funds"}`)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, b.newPrice(t, "Pro", 1500).ID)
	equal(t, "declined", sub.Status, sdk.SubscriptionStatusIncomplete)
	for _, bad := range []string{`{"times":0,"status":500}`, `{"times":1}`, `{"times":1,"status":200}`, `{"times":1,"stauts":500}`, `{"times":1,"status":500,"event":{"drop":true}}`, `{"times":1,"path":"[","status":500}`} {
		equal(t, bad, b.call(t, "POST", "/_sandbox/faults", bad, nil), http.StatusBadRequest)
	}
}

func TestARestartKeepsTheState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	withDir := func(cfg *stripe.Config) {
		cfg.Dir = dir
		cfg.Prices = []stripe.SeedPrice{{ID: "price_flat", ProductName: "Plan", Amount: 1500, Currency: "usd", Interval: "month"}}
	}
	first, err := stripe.Start(t.Context(), config(withDir))
	must(t, err)
	b := &bundle{first, connect(first, testKey)}
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, "price_flat")
	b.advance(t, 10*days)
	own := got[*sdk.Account](t)(b.api.Accounts.Get())
	must(t, first.Close())
	info := got[os.FileInfo](t)(os.Stat(filepath.Join(dir, "stripe.json")))
	equal(t, "for its owner alone", info.Mode().Perm(), 0o600)

	b = setup(t, withDir)
	equal(t, "our account", got[*sdk.Account](t)(b.api.Accounts.Get()).ID, own.ID)
	equal(t, "the clock", b.Ahead(), 10*days)
	again := b.subscription(t, sub.ID)
	equal(t, "subscription", again.CurrentPeriodEnd, sub.CurrentPeriodEnd)
	equal(t, "price", again.Items.Data[0].Price.ID, "price_flat")
	b.advance(t, 22*days)
	equal(t, "it renews", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 1500)
	b.control(t, "reset", "")
	equal(t, "after a crash there is what the reset made", setup(t, func(cfg *stripe.Config) { cfg.Dir = copyOf(t, dir) }).hasPrice(t, "price_flat"), true)
	_, err = b.api.Customers.Get(c.ID, nil)
	wantError(t, err, 404, "resource_missing", "id")
	got[*sdk.Price](t)(b.api.Prices.Get("price_flat", nil))
	equal(t, "our account stays", got[*sdk.Account](t)(b.api.Accounts.Get()).ID, own.ID)
}

func TestACrashLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, func(cfg *stripe.Config) { cfg.Dir = dir })
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, b.newPrice(t, "Pro", 1500).ID)
	b.advance(t, 40*days)
	want := b.subscription(t, sub.ID)
	after := setup(t, func(cfg *stripe.Config) { cfg.Dir = copyOf(t, dir) })
	equal(t, "period", after.subscription(t, sub.ID).CurrentPeriodStart, want.CurrentPeriodStart)
	equal(t, "invoice", after.subscription(t, sub.ID).LatestInvoice.ID, want.LatestInvoice.ID)
	equal(t, "events", len(after.Events("", "", "")), len(b.Events("", "", "")))
}

// copyOf is the state as a crash would leave it, with a line that was cut short.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	for _, name := range []string{"stripe.json", "stripe.journal"} {
		raw := got[[]byte](t)(os.ReadFile(filepath.Join(dir, name)))
		if name == "stripe.journal" {
			raw = append(raw, `{"put":[{"kind":"customer","da`...)
		}
		must(t, os.WriteFile(filepath.Join(copied, name), raw, 0o600))
	}
	return copied
}

func (b *bundle) hasPrice(t *testing.T, id string) bool {
	t.Helper()
	p := got[*sdk.Price](t)(b.api.Prices.Get(id, nil))
	return p.ID == id && got[*sdk.Account](t)(b.api.Accounts.Get()).BusinessProfile.Name != ""
}

func TestADamagedStateIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "stripe.json"), []byte("no JSON\n"), 0o600))
	if _, err := stripe.Start(t.Context(), config(func(cfg *stripe.Config) { cfg.Dir = dir })); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
	if _, err := stripe.Start(t.Context(), config(func(cfg *stripe.Config) { cfg.Addr = "0.0.0.0:0" })); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("error %v", err)
	}
}
