package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/secret"
)

// stripeEvent sends an event of Stripe's to a surface, signed with the secret at a time.
func (w *world) stripeEvent(t testing.TB, surface string, key secret.Text, at time.Time, body string) answer {
	t.Helper()
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(stamp + "." + body))
	return w.send(t, w.host(surface), "POST /webhook/stripe", "", body,
		"Stripe-Signature: t="+stamp+",v1="+hex.EncodeToString(mac.Sum(nil)))
}

func eventBody(id, kind, account string, live bool, object string) string {
	acct := ""
	if account != "" {
		acct = fmt.Sprintf(`"account":%q,`, account)
	}
	return fmt.Sprintf(`{"id":%q,"type":%q,%s"livemode":%v,"api_version":"2023-10-16","data":{"object":%s}}`, id, kind, acct, live, object)
}

func TestAnEventAloneIsEnough(t *testing.T) {
	t.Parallel()
	p := newShop(t, withJobs, withStripeEvents)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, fmt.Sprintf(`{"tier":"pro","successUrl":"%s/checkout/done"}`, p.w.url("api"))).want(t, 200).text("url")
	b := p.w.browser(t)
	b.client.CheckRedirect = noRedirect // the customer closes the browser
	b.paid(t, address, goodCard)
	await(t, "the plan is pro", func() bool { return p.usage(t, user).text("plan") == "pro" })
}

func TestForgedStaleCrossModeAndCrossAccountEventsChangeNothing(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	subscription := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	customer := p.w.atStripeList(t, "", "/v1/subscriptions", "customer")[0]
	before := p.w.query(t, "SELECT md5(string_agg(s::text, '' ORDER BY id)) FROM billing.subscriptions s")
	object := fmt.Sprintf(`{"id":%q,"object":"subscription","customer":%q,"status":"canceled"}`, subscription, customer)
	deleted := eventBody("evt_1", "customer.subscription.deleted", "", false, object)
	now := time.Now()

	p.w.stripeEvent(t, "api", secret.New("whsec_of_somebody_else_entirely"), now, deleted).want(t, 401, "invalid_signature")
	p.w.stripeEvent(t, "api", secret.New(""), now, deleted).want(t, 401, "invalid_signature")
	p.w.stripeEvent(t, "api", sandboxStripePreview, now.Add(-6*time.Minute), deleted).want(t, 401, "invalid_signature")
	p.w.stripeEvent(t, "api", sandboxStripePreview, now.Add(6*time.Minute), deleted).want(t, 401, "invalid_signature")
	p.w.stripeEvent(t, "dashboard", sandboxStripePreview, now, deleted).want(t, 401, "invalid_signature") // another endpoint's secret
	p.w.api(t, "POST /webhook/stripe", "", deleted).want(t, 401, "invalid_signature")
	p.w.api(t, "POST /webhook/stripe", "", deleted, "Stripe-Signature: nonsense").want(t, 401, "invalid_signature")
	equal(t, "events", p.w.query(t, "SELECT count(*)::text FROM billing.events"), "0")

	stranger := p.w.account(t, "Stranger")
	p.w.control(t, "POST /accounts/"+stranger+"/update", `{"chargesEnabled":true}`)
	for i, body := range []string{
		eventBody("evt_2", "customer.subscription.deleted", stranger, true, object),                                   // another account about a stranger's customer
		eventBody("evt_3", "customer.subscription.deleted", "", true, object),                                         // live, about the test account
		eventBody("evt_4", "customer.subscription.updated", stranger, false, object),                                  // in the other mode
		eventBody("evt_5", "checkout.session.completed", stranger, true, `{"id":"cs_x","object":"checkout.session"}`), // nobody's
		eventBody("evt_6", "account.application.deauthorized", stranger, true, `{"id":"ca_x","object":"application"}`),
		eventBody("evt_7", "customer.subscription.created", stranger, true, `{"id":"sub_x","object":"subscription","customer":"cus_x"}`),
		eventBody("evt_8", "charge.succeeded", stranger, true, `{"id":"ch_x","object":"charge","customer":7}`),
	} {
		for _, key := range []secret.Text{sandboxStripeConnect, sandboxStripePreview} {
			p.w.stripeEvent(t, "api", key, now, strings.Replace(body, `"evt_`, fmt.Sprintf(`"evt_%d`, i), 1)).want(t, 200)
		}
	}
	// The right endpoint, and a lie: the subscription is asked for, and is not canceled.
	p.w.stripeEvent(t, "api", sandboxStripePreview, now, deleted).want(t, 200)
	p.w.stripeEvent(t, "api", sandboxStripePreview, now, deleted).want(t, 200)
	p.w.work(t)
	after := p.w.query(t, "SELECT md5(string_agg(s::text, '' ORDER BY id)) FROM (SELECT * FROM billing.subscriptions) s")
	if before == after {
		t.Log("the look changed nothing, not even its time") // fetched_at moves when it was asked
	}
	p.usage(t, user).expect(t, "plan", "pro")
	equal(t, "left", p.w.query(t, "SELECT count(*)::text FROM billing.events WHERE processed_at IS NULL"), "0")
}

func TestALostEventIsHealedAndRecorded(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user, closer := p.customer(t, "eve@mail.example"), p.customer(t, "mallory@mail.example")
	p.buys(t, user, "pro")
	address := p.checkout(t, closer, `{"tier":"pro"}`).want(t, 200).text("url")
	b := p.w.browser(t)
	b.client.CheckRedirect = noRedirect
	b.paid(t, address, goodCard) // who closes the browser
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+p.w.atStripeList(t, "", "/v1/subscriptions", "id")[1], nil).want(t, 200)
	p.usage(t, user).expect(t, "plan", "pro") // nobody has told us
	p.usage(t, closer).expect(t, "plan", "free")
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "pro") // it is not due yet
	p.w.turn(t, day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "free")
	p.usage(t, closer).expect(t, "plan", "pro")
	repairs := p.dash(t, "GET /repairs", "").want(t, 200)
	equal(t, "repairs", len(repairs.list("data")), 2)
	for i := range 2 {
		at := fmt.Sprintf("data.%d.", i)
		if repairs.text(at+"customerId") == user {
			repairs.expect(t, at+"was.status", "active", at+"became.status", "canceled")
		} else {
			repairs.expect(t, at+"was", "<nil>", at+"became.status", "active", at+"became.tier", "pro")
		}
	}
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	equal(t, "repairs", len(p.dash(t, "GET /repairs", "").list("data")), 2)
}

func TestASubscriptionThatLapsesKeepsItsPlanInGraceAndReturns(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	customer := p.w.atStripeList(t, "", "/v1/customers", "id")[0]
	p.w.control(t, "POST /customers/"+customer+"/card", `{"card":"4000000000000341"}`)
	p.w.turn(t, 32*day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.dash(t, "GET /customers/"+user, "").expect(t, "subscription.status", "past_due")
	p.usage(t, user).expect(t, "plan", "pro") // in grace
	p.w.db.TurnClock(t, p.w.stripe.Ahead()+8*day*time.Second)
	p.usage(t, user).expect(t, "plan", "free") // the grace is over
	p.w.control(t, "POST /customers/"+customer+"/card", `{"card":"4242424242424242"}`)
	invoice := p.w.atStripeList(t, "", "/v1/invoices?status=open", "id")[0]
	p.w.atStripe(t, "", "POST /v1/invoices/"+invoice+"/pay", url.Values{}).want(t, 200)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "pro")
}

func TestUnrelatedSubscriptionsOfTheAccountAreNobodysBusiness(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	product := p.w.atStripe(t, account, "POST /v1/products", url.Values{"name": {"Consulting"}}).want(t, 200).text("id")
	price := p.w.atStripe(t, account, "POST /v1/prices", url.Values{
		"product": {product}, "unit_amount": {"100"}, "currency": {"usd"}, "recurring[interval]": {"month"},
	}).want(t, 200).text("id")
	customer := p.w.atStripe(t, account, "POST /v1/customers", url.Values{"payment_method": {"pm_card_visa"},
		"invoice_settings[default_payment_method]": {"pm_card_visa"}}).want(t, 200).text("id")
	subscription := p.w.atStripe(t, account, "POST /v1/subscriptions", url.Values{
		"customer": {customer}, "items[0][price]": {price}}).want(t, 200).text("id")
	body := eventBody("evt_1", "customer.subscription.created", account, true,
		fmt.Sprintf(`{"id":%q,"object":"subscription","customer":%q}`, subscription, customer))
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), body).want(t, 200)
	p.w.work(t)
	equal(t, "left", p.w.query(t, "SELECT count(*)::text FROM billing.events WHERE processed_at IS NULL"), "0")
	equal(t, "subscriptions", p.w.query(t, "SELECT count(*)::text FROM billing.subscriptions"), "0")
}
