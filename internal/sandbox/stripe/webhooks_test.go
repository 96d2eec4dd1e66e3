package stripe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

func TestEventsAreSignedAndCarryTheObject(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	c := b.newCustomer(t, "")
	p := &sdk.CustomerParams{Name: sdk.String("Ada"), Metadata: map[string]string{"a": "1"}}
	p.SetIdempotencyKey("key-1")
	got[*sdk.Customer](t)(b.api.Customers.Update(c.ID, p))
	created, updated := r.next(t), r.next(t)
	equal(t, "type", created.Type, sdk.EventTypeCustomerCreated)
	equal(t, "object", created.Data.Object["id"], any(c.ID))
	equal(t, "livemode", created.Livemode, false)
	equal(t, "account", created.Account, "")
	equal(t, "version", created.APIVersion, "2023-10-16")
	equal(t, "type", updated.Type, sdk.EventTypeCustomerUpdated)
	equal(t, "name", updated.Data.Object["name"], any("Ada"))
	equal(t, "key", updated.Request.IdempotencyKey, "key-1")
	if !strings.HasPrefix(updated.Request.ID, "req_") {
		t.Errorf("request %q", updated.Request.ID)
	}
	if fmt.Sprint(updated.Data.PreviousAttributes) != "map[metadata:map[a:<nil>] name:<nil>]" {
		t.Errorf("previous attributes %v", updated.Data.PreviousAttributes)
	}
	stored := got[*sdk.Event](t)(b.api.Events.Get(updated.ID, nil))
	equal(t, "retrieved", stored.Data.Object["name"], any("Ada"))
	list := b.api.Events.List(&sdk.EventListParams{Types: sdk.StringSlice([]string{"customer.created"})})
	equal(t, "listed", list.Next() && list.Event().ID == created.ID && !list.Next(), true)
}

func TestAFailingEventHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	r := receive(t, http.StatusInternalServerError, http.StatusFound)
	b := setup(t, r.sends, func(cfg *stripe.Config) { cfg.Retries = []time.Duration{time.Second / 2} })
	first, second := b.newCustomer(t, ""), b.newCustomer(t, "")
	ids := []any{}
	for range 4 {
		ids = append(ids, r.next(t).Data.Object["id"])
	}
	equal(t, "deliveries", fmt.Sprint(ids), fmt.Sprint([]any{first.ID, second.ID, first.ID, second.ID}))
	b.awaitEvents(t, "delivered", 2)
	equal(t, "attempts", b.Events("", "", "")[0].Deliveries[0].Attempts, 2)
}

// awaitEvents waits until as many events have the status.
func (b *bundle) awaitEvents(t *testing.T, status string, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for len(b.Events("", status, "")) != n {
		select {
		case <-deadline:
			t.Fatalf("never saw %d %s events: %+v", n, status, b.Events("", "", ""))
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestEndpointsAreMadeByTheAPI(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t)
	skipped := b.newCustomer(t, "")
	b.awaitEvents(t, "skipped", 1)
	e := got[*sdk.WebhookEndpoint](t)(b.api.WebhookEndpoints.New(&sdk.WebhookEndpointParams{URL: sdk.String(strings.Replace(r.url, "127.0.0.1", "api.localhost", 1)),
		EnabledEvents: sdk.StringSlice([]string{"customer.deleted"}), APIVersion: sdk.String("2023-10-16")}))
	if !strings.HasPrefix(e.Secret, "whsec_") {
		t.Fatalf("secret %q", e.Secret)
	}
	equal(t, "the secret is told once", got[*sdk.WebhookEndpoint](t)(b.api.WebhookEndpoints.Get(e.ID, nil)).Secret, "")
	got[*sdk.WebhookEndpoint](t)(b.api.WebhookEndpoints.Del(e.ID, nil))
	must(t, b.SetEndpoints([]stripe.Endpoint{{URL: r.url, Secret: hookSecret, Events: []string{"customer.created"}}}))
	got[*sdk.Customer](t)(b.api.Customers.Del(skipped.ID, nil))
	made := b.newCustomer(t, "")
	equal(t, "only what it wants", r.next(t).Data.Object["id"], any(made.ID))
	b.control(t, "events/"+b.Events("customer.created", "", "")[0].ID+"/resend", "")
	equal(t, "sent again", r.next(t).Data.Object["id"], any(skipped.ID))
	if err := b.SetEndpoints([]stripe.Endpoint{{URL: r.url}}); err == nil {
		t.Error("an endpoint without a secret was taken")
	}
}

func TestEventsOfConnectedAccountsGoToConnectEndpoints(t *testing.T) {
	t.Parallel()
	ours, theirs := receive(t), receive(t)
	b := setup(t, func(cfg *stripe.Config) {
		cfg.Endpoints = []stripe.Endpoint{{URL: ours.url, Secret: hookSecret, Livemode: true}, {URL: theirs.url, Secret: hookSecret, Connect: true, Livemode: true}}
	})
	api := connect(b.Server, liveKey)
	b.connectBakery(t, liveKey)
	authorized := theirs.next(t)
	equal(t, "authorized", authorized.Type, sdk.EventTypeAccountApplicationAuthorized)
	equal(t, "account", authorized.Account, bakery)
	p := &sdk.CustomerParams{Email: sdk.String("their@example.com")}
	p.SetStripeAccount(bakery)
	c := got[*sdk.Customer](t)(api.Customers.New(p))
	e := theirs.next(t)
	equal(t, "customer", e.Data.Object["id"], any(c.ID))
	equal(t, "account", e.Account, bakery)
	b.control(t, "accounts/"+bakery+"/update", `{"chargesEnabled":false}`)
	equal(t, "updated", theirs.next(t).Data.Object["charges_enabled"], any(false))
	own := got[*sdk.Customer](t)(api.Customers.New(&sdk.CustomerParams{}))
	e = ours.next(t)
	equal(t, "our customer", e.Data.Object["id"], any(own.ID))
	equal(t, "live", e.Livemode, true)
	b.control(t, "accounts/"+bakery+"/deauthorize", "")
	e = theirs.next(t)
	equal(t, "deauthorized", e.Type, sdk.EventTypeAccountApplicationDeauthorized)
	equal(t, "application", e.Data.Object["id"], any(clientID))
	_, err := api.Customers.Get(c.ID, p)
	wantError(t, err, 403, "account_invalid", "")
}

func TestTheQueueSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := receive(t)
	first, err := stripe.Start(t.Context(), config(func(cfg *stripe.Config) {
		cfg.Dir, cfg.Retries = dir, []time.Duration{time.Millisecond}
		cfg.Endpoints = []stripe.Endpoint{{URL: "http://127.0.0.1:1/nobody", Secret: hookSecret}}
	}))
	must(t, err)
	c := got[*sdk.Customer](t)(connect(first, testKey).Customers.New(&sdk.CustomerParams{}))
	must(t, first.Close())
	b := setup(t, func(cfg *stripe.Config) { cfg.Dir = dir }, r.sends)
	equal(t, "customer", r.next(t).Data.Object["id"], any(c.ID))
	b.awaitEvents(t, "delivered", 1)
}

func TestEventFaults(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	fault := func(f stripe.EventFault) {
		raw := got[[]byte](t)(json.Marshal(stripe.Fault{Times: 1, Event: &f}))
		b.control(t, "faults", strings.Replace(string(raw), `"id":"",`, "", 1))
	}
	fault(stripe.EventFault{Duplicate: true})
	c := b.newCustomer(t, "")
	equal(t, "the duplicate", r.next(t).ID, r.next(t).ID)

	fault(stripe.EventFault{Drop: true, Type: "customer.deleted"})
	got[*sdk.Customer](t)(b.api.Customers.Update(c.ID, &sdk.CustomerParams{Name: sdk.String("Ada")}))
	equal(t, "another type", r.next(t).Type, sdk.EventTypeCustomerUpdated)
	got[*sdk.Customer](t)(b.api.Customers.Del(c.ID, nil))
	b.awaitEvents(t, "dropped", 1)

	fault(stripe.EventFault{Reorder: true})
	early, late := b.newCustomer(t, ""), b.newCustomer(t, "")
	equal(t, "the later event", r.next(t).Data.Object["id"], any(late.ID))
	equal(t, "the earlier event", r.next(t).Data.Object["id"], any(early.ID))

	fault(stripe.EventFault{DelayMs: 150})
	before := time.Now()
	b.newCustomer(t, "")
	r.next(t)
	if waited := time.Since(before); waited < 150*time.Millisecond {
		t.Errorf("delivered after %v", waited)
	}
	equal(t, "armed", len(b.Faults()), 0)
}
