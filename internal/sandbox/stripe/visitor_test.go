package stripe_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

func TestPeopleArePlayedOnAClockThatBeginsInThePast(t *testing.T) {
	t.Parallel()
	var told []time.Duration
	b := setup(t, func(cfg *stripe.Config) { cfg.OnClock = func(ahead time.Duration) { told = append(told, ahead) } })
	for _, d := range []time.Duration{0, -time.Hour} {
		if b.Rewind(d) == nil {
			t.Errorf("the clock is rewound by %v", d)
		}
	}
	must(t, b.Rewind(100*days))
	equal(t, "the clock is ahead by", b.Ahead(), -100*days)
	if b.Rewind(days) == nil {
		t.Error("the clock is rewound a second time")
	}

	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	cfg := b.portalConfig(t, basic, pro)
	customer := b.newCustomer(t, "")
	s := b.checkout(t, basic.ID, func(p *sdk.CheckoutSessionParams) { p.Customer = &customer.ID })
	must(t, b.Pay(s.URL, stripe.GoodCard))
	if err := b.Pay(s.URL, stripe.GoodCard); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second payment: %v", err)
	}
	if b.Pay(b.URL()+"/c/pay/cs_none", stripe.GoodCard) == nil || b.Cancel(b.URL()+"/p/session/none", "") == nil {
		t.Error("something was done on a page that there is not")
	}
	id := b.session(t, s.ID).Subscription.ID
	now := func() *sdk.Subscription { t.Helper(); return b.subscription(t, id) }
	begun := time.Unix(now().Created, 0)
	if off := time.Since(begun) - 100*days; off < 0 || off > time.Hour {
		t.Errorf("the subscription began %v ago", time.Since(begun))
	}
	portal := func() string {
		t.Helper()
		return got[*sdk.BillingPortalSession](t)(b.api.BillingPortalSessions.New(&sdk.BillingPortalSessionParams{Customer: &now().Customer.ID, Configuration: &cfg.ID})).URL
	}

	must(t, b.ConfirmChange(got[*sdk.BillingPortalSession](t)(b.confirm(now(), cfg.ID, pro.ID)).URL))
	equal(t, "the price", now().Items.Data[0].Price.ID, pro.ID)
	if b.ConfirmChange(portal()) == nil {
		t.Error("a page that is for no change confirmed one")
	}
	must(t, b.UseCard(portal(), stripe.BrokenCard))
	b.advance(t, 32*days)
	equal(t, "after a renewal that was declined", now().Status, sdk.SubscriptionStatusPastDue)
	must(t, b.UseCard(portal(), stripe.GoodCard))
	b.advance(t, 4*days)
	equal(t, "after the next try", now().Status, sdk.SubscriptionStatusActive)
	must(t, b.Cancel(portal(), ""))
	equal(t, "it is cancelled", now().CancelAtPeriodEnd, true)
	must(t, b.Resume(portal()))
	equal(t, "it is cancelled", now().CancelAtPeriodEnd, false)
	must(t, b.Cancel(portal(), ""))
	b.advance(t, 31*days)
	equal(t, "after its end", now().Status, sdk.SubscriptionStatusCanceled)
	must(t, b.Advance(-b.Ahead()))
	equal(t, "the clock is ahead by", b.Ahead(), 0)
	equal(t, "the first and the last that was told of it", [2]time.Duration{told[0], told[len(told)-1]}, [2]time.Duration{-100 * days, 0})
	equal(t, "events on their way, with nobody to go to", b.Undelivered(), 0)
}
