package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
	"github.com/dream-api/dream-api/internal/secret"
)

// event sends an event as Clerk would, signed at a moment with a secret.
func (w *world) event(t *testing.T, id string, at time.Time, with secret.Text, body string) answer {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(with.Reveal())
	must(t, err)
	signature, err := signer.Sign(id, at, []byte(body))
	must(t, err)
	return w.api(t, "POST /webhook/clerk", "", body, "Svix-Id: "+id, "Svix-Timestamp: "+strconv.FormatInt(at.Unix(), 10), "Svix-Signature: "+signature)
}

func (w *world) eventsKept(t *testing.T) string {
	t.Helper()
	return w.query(t, "SELECT count(*)::text FROM tenant.clerk_events")
}

func TestAnEventThatIsNotSignedByClerkIsRefused(t *testing.T) {
	t.Parallel()
	previous := secret.New(sandboxSecret("the one before"))
	w := boot(t, withConfig(func(c *config) { c.CustomerClerkWebhookSecretPrevious = previous }))
	const body = `{"type":"user.updated","data":{"id":"user_1"}}`
	now := time.Now()
	stranger := secret.New(sandboxSecret("somebody else's"))
	refused := func(name string, a answer) {
		t.Helper()
		if a.status != 401 || a.text("code") != "invalid_signature" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	refused("nothing", w.api(t, "POST /webhook/clerk", "", body))
	refused("no signature", w.api(t, "POST /webhook/clerk", "", body, "Svix-Id: 1", fmt.Sprintf("Svix-Timestamp: %d", now.Unix())))
	refused("not a signature", w.api(t, "POST /webhook/clerk", "", body, "Svix-Id: 1", fmt.Sprintf("Svix-Timestamp: %d", now.Unix()), "Svix-Signature: v1,AAAA"))
	refused("another's secret", w.event(t, "1", now, stranger, body))
	refused("the developers' app's secret", w.event(t, "1", now, sandboxDeveloperWebhook, body))
	refused("the empty secret", w.event(t, "1", now, secret.New("whsec_"), body))
	refused("six minutes old", w.event(t, "1", now.Add(-6*time.Minute), sandboxCustomerWebhook, body))
	refused("six minutes ahead", w.event(t, "1", now.Add(6*time.Minute), sandboxCustomerWebhook, body))
	refused("ten years ahead", w.event(t, "1", now.AddDate(10, 0, 0), sandboxCustomerWebhook, body))
	signer, err := standardwebhooks.NewWebhook(sandboxCustomerWebhook.Reveal())
	must(t, err)
	signature, err := signer.Sign("1", now, []byte(body))
	must(t, err)
	refused("another body", w.api(t, "POST /webhook/clerk", "", body+" ", "Svix-Id: 1", fmt.Sprintf("Svix-Timestamp: %d", now.Unix()), "Svix-Signature: "+signature))
	refused("another id", w.api(t, "POST /webhook/clerk", "", body, "Svix-Id: 2", fmt.Sprintf("Svix-Timestamp: %d", now.Unix()), "Svix-Signature: "+signature))
	refused("another time", w.api(t, "POST /webhook/clerk", "", body, "Svix-Id: 1", fmt.Sprintf("Svix-Timestamp: %d", now.Unix()+1), "Svix-Signature: "+signature))
	equal(t, "events kept", w.eventsKept(t), "0")

	w.event(t, "1", now, sandboxCustomerWebhook, body).want(t, 200)
	w.event(t, "1", now, sandboxCustomerWebhook, body).want(t, 200) // twice
	w.event(t, "2", now, previous, body).want(t, 200)
	w.event(t, "3", now, sandboxCustomerWebhook, `{"type":"session.created","data":{"id":"sess_1"}}`).want(t, 200) // not ours
	w.event(t, "4", now, sandboxCustomerWebhook, `{"type":"user.updated"`).want(t, 400, "invalid_json")
	equal(t, "events kept", w.eventsKept(t), "2")
	equal(t, "jobs", w.query(t, "SELECT count(*)::text FROM river.river_job WHERE kind = 'tenant.clerk_event'"), "2")
}

func TestAnEmptyWebhookSecretVerifiesNothing(t *testing.T) {
	t.Parallel()
	w := boot(t, withConfig(func(c *config) { c.CustomerClerkWebhookSecret = secret.Text{} }))
	for _, with := range []string{"whsec_", "whsec_" + base64.StdEncoding.EncodeToString(nil)} {
		w.event(t, "1", time.Now(), secret.New(with), `{"type":"user.deleted","data":{"id":"user_1"}}`).want(t, 401, "invalid_signature")
	}
	w.event(t, "1", time.Now(), sandboxCustomerWebhook, `{"type":"user.deleted","data":{"id":"user_1"}}`).want(t, 401, "invalid_signature")
	equal(t, "events kept", w.eventsKept(t), "0")
}

func TestWhatHappensAtClerkIsFollowed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	w := p.w
	other := w.developer(t, "bob@dev.example").platform(t, "other")
	w.wantEvents()
	user := p.customer(t, "eve@mail.example")
	equal(t, "linked", other.customer(t, "eve@mail.example"), user)
	other.external(t, "mine", "free")

	// Each event is delivered twice, and the next is delivered before the one it follows.
	_, err := w.clerk.AddFault(clerk.Fault{Of: endUsersApp, Times: 2, Event: &clerk.EventFault{Duplicate: true}})
	must(t, err)
	email := func(q *tenancy) string { return q.api(t, "GET /api/customers/"+user, "").text("customer.email") }
	w.atClerk(t, endUsersApp, "PUT /v1/users/"+user+"/email_address", `{"email_address":"new@mail.example"}`).want(t, 200)
	await(t, "the email is new on both platforms", func() bool { return email(p) == "new@mail.example" && email(other) == "new@mail.example" })

	p.track(t, user, "").want(t, 200)
	w.atClerk(t, endUsersApp, "DELETE /v1/users/"+user, "").want(t, 200)
	await(t, "the memberships have ended", func() bool {
		return p.api(t, "GET /api/customers/"+user, "").status == 404 && other.api(t, "GET /api/customers/"+user, "").status == 404
	})
	other.api(t, "GET /api/customers/mine", "").want(t, 200)
	await(t, "all events are worked", func() bool {
		return w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NULL AND type <> 'user.created'") == "0"
	})
	equal(t, "counters", w.query(t, "SELECT count(*)::text FROM tenant_usage.users WHERE user_id LIKE 'user_%'"), "0")
	equal(t, "a fresh customer", p.api(t, "POST /api/customers", `{"email":"new@mail.example"}`).want(t, 201).text("customer.id") != user, true)
}

func TestAForgedEventAboutAUserChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	user := p.customer(t, "eve@mail.example")
	// Even one that is signed: Clerk is asked, and has the user as before.
	p.w.event(t, "1", time.Now(), sandboxCustomerWebhook, fmt.Sprintf(
		`{"type":"user.deleted","data":{"id":%q,"deleted":true,"email_addresses":[{"email_address":"evil@mail.example"}]}}`, user)).want(t, 200)
	await(t, "the event is worked", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NOT NULL") == "1"
	})
	p.api(t, "GET /api/customers/"+user, "").want(t, 200).expect(t, "customer.email", "eve@mail.example")
}

func TestTheJobDeletesTheClerkUserOfTheLastMembership(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	user := p.customer(t, "eve@mail.example")
	_, err := p.w.clerk.AddFault(clerk.Fault{Of: endUsersApp, Method: "DELETE", Path: "/v1/users/" + user, Status: 500, Times: 1})
	must(t, err)
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	await(t, "the user is gone at Clerk", func() bool {
		return p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").status == 404
	})
	await(t, "that is recorded", func() bool { return p.w.query(t, "SELECT state FROM directory.users") == "gone" })
}
