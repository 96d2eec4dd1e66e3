package e2e

import (
	"net/http"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

// counter is a preview shop with one server, Stripe behind a gate, and a customer on the tier pro.
type counter struct {
	*world
	stripe stripeSandbox
	gate   *gate // between the server and Stripe
	server *server
	shop   platform

	customer, subscription string // at Stripe
}

const eve = "eve" // the customer's id with us

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{world: newWorld(t)}
	c.stripe = c.clerk.stripe()
	c.gate = newGate(t, c.stripe.url)
	c.vars["STRIPE_API_URL"] = c.gate.url
	c.server = c.serve(t)
	c.shop = c.newPlatform(t, c.server, tier{5, 100})
	for _, body := range []object{{"name": "pro", "price": 1000, "limit": 100}, {"name": "max", "price": 3000, "limit": 1000}} {
		c.server.must(t, http.StatusCreated, c.shop.own(post("/tiers", body)))
	}
	c.server.must(t, http.StatusCreated, post("/api/customers", object{"email": "eve@example.com", "id": eve}).as(c.shop.secret))
	return c
}

// checkout is the address of a checkout of a tier; it leads back to a page of its own.
func (c *counter) checkout(t *testing.T, tier, back string) string {
	t.Helper()
	asked := post("/api/create-checkout", object{"tier": tier, "successUrl": "https://shop.example.com/" + back})
	return text(t, c.server.must(t, http.StatusOK, asked.as(c.shop.secret).with("X-User-Id", eve)), "url")
}

// subscribe pays at such an address and returns when an event has told us.
func (c *counter) subscribe(t *testing.T, page string) {
	t.Helper()
	session := c.stripe.pay(t, preview, page)
	c.customer, c.subscription = text(t, session, "customer"), text(t, session, "subscription")
	c.awaitPlan(t, "pro")
}

func (c *counter) plan(t *testing.T) string {
	t.Helper()
	return text(t, c.server.must(t, http.StatusOK, get("/api/usage").as(c.shop.secret).with("X-User-Id", eve)), "plan")
}

func (c *counter) awaitPlan(t *testing.T, plan string) {
	t.Helper()
	wait.For(t, "plan "+plan, func() bool { return c.plan(t) == plan })
}

// awaitSilence returns when every event has been delivered and worked.
func (c *counter) awaitSilence(t *testing.T) {
	t.Helper()
	wait.For(t, "silence", func() bool {
		return c.stripe.silent(t) && query[int](t, c.world, "SELECT count(*) FROM billing.events WHERE processed_at IS NULL") == 0 &&
			query[int](t, c.world, "SELECT count(*) FROM billing.endings WHERE done_at IS NULL") == 0
	})
}

// toMax is a change of the subscription, as the portal makes it.
func (c *counter) toMax(t *testing.T) {
	t.Helper()
	now := c.stripe.call(t, preview, http.MethodGet, "/v1/subscriptions/"+c.subscription)
	item := at[[]any](t, now, "items.data")[0].(object)["id"].(string)
	for _, price := range c.stripe.list(t, preview, "/v1/prices?active=true") {
		if price["metadata"].(object)["dreamapi_tier"] == "max" {
			c.stripe.call(t, preview, http.MethodPost, "/v1/subscriptions/"+c.subscription, "items[0][id]", item,
				"items[0][price]", price["id"].(string))
		}
	}
}

func TestAnAnswerOfStripeThatComesLateDoesNotUndoALaterOne(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.subscribe(t, c.checkout(t, "pro", ""))
	c.awaitSilence(t)
	cancelAt := func() bool { return query[bool](t, c.world, "SELECT cancel_at IS NOT NULL FROM billing.subscriptions") }

	late := c.gate.holdAfter(t, http.MethodGet, "/v1/subscriptions/"+c.subscription)
	c.stripe.call(t, preview, http.MethodPost, "/v1/subscriptions/"+c.subscription, "cancel_at_period_end", "true")
	late.awaitReached(t) // Stripe has said that it will end, and we have not heard it
	c.toMax(t)
	c.awaitPlan(t, "max")
	if !cancelAt() {
		t.Error("the later answer did not say that it will end")
	}
	c.stripe.call(t, preview, http.MethodPost, "/v1/subscriptions/"+c.subscription, "cancel_at_period_end", "false")
	wait.For(t, "resumption", func() bool { return !cancelAt() })
	late.release()
	c.awaitSilence(t)
	if plan := c.plan(t); plan != "max" || cancelAt() {
		t.Errorf("after the late answer the plan is %s, and it ends: %v", plan, cancelAt())
	}
}

func TestAnEventWhoseWorkerIsKilledIsWorkedByAnother(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.subscribe(t, c.checkout(t, "pro", ""))
	c.awaitSilence(t)

	hold := c.gate.holdBefore(t, http.MethodGet, "/v1/subscriptions/"+c.subscription)
	c.stripe.call(t, preview, http.MethodDelete, "/v1/subscriptions/"+c.subscription)
	hold.awaitReached(t)
	lock := c.lock(t, "billing.subscriptions", againstWriting)
	hold.release()
	lock.awaitBlocked(t, db.Worker)
	c.server.Kill()
	lock.release(t)
	c.exec(t, "UPDATE dreamapi.clock SET ahead = interval '3 minutes'") // after two, what was left behind is taken up

	c.server = c.succeed(t)
	c.awaitPlan(t, "free")
	c.awaitSilence(t)
}

// Of two subscriptions the later one is paid back; but not where the earlier one has ended and we only do not know it yet.
func TestASubscriptionIsKeptWhoseForerunnerEndedUnheard(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	first, second := c.checkout(t, "pro", "1"), c.checkout(t, "pro", "2")
	c.subscribe(t, first)
	c.awaitSilence(t)
	c.stripe.control(t, http.MethodPost, "/faults", object{
		"times": 1, "event": object{"type": "customer.subscription.deleted", "drop": true},
	})
	c.stripe.call(t, preview, http.MethodDelete, "/v1/subscriptions/"+c.subscription)

	paid := text(t, c.stripe.pay(t, preview, second), "subscription")
	c.awaitSilence(t)
	if status := text(t, c.stripe.call(t, preview, http.MethodGet, "/v1/subscriptions/"+paid), "status"); status != "active" {
		t.Errorf("the customer's only subscription is %s", status)
	}
	if refunds := c.stripe.list(t, preview, "/v1/refunds"); len(refunds) > 0 {
		t.Errorf("the customer got the money back, and pays for nothing: %v", refunds)
	}
	if plan := c.plan(t); plan != "pro" {
		t.Errorf("the customer pays for pro and is on %s", plan)
	}
}
