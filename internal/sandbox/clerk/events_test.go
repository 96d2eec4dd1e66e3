package clerk_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/session"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestEventsAreSignedAndInOrder(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) { p.ExternalID = sdk.String("cus_1") })
	s := b.newSession(t, u.ID)
	_, err := b.sessions.Revoke(t.Context(), &session.RevokeParams{ID: s.ID})
	must(t, err)
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{FirstName: sdk.String("Ada")})
	must(t, err)
	_, err = b.users.Delete(t.Context(), u.ID)
	must(t, err)

	for _, kind := range []string{"user.created", "session.created", "session.revoked", "user.updated", "user.deleted"} {
		d := r.next(t)
		equal(t, "type", d.Type, kind)
		equal(t, "object", d.Object, "event")
		if !strings.HasPrefix(d.ID, "msg_") || !strings.HasPrefix(d.Instance, "ins_") || !strings.Contains(string(d.Attribute), "127.0.0.1") {
			t.Errorf("envelope %+v", d)
		}
		if at := time.UnixMilli(d.Timestamp); time.Since(at) > time.Minute {
			t.Errorf("timestamp %v", at)
		}
		var data struct {
			ID, Status string
			Deleted    bool
			ExternalID string `json:"external_id"`
			User       *sdk.User
		}
		must(t, json.Unmarshal(d.Data, &data))
		switch kind {
		case "user.deleted":
			equal(t, "deleted", data.Deleted, true)
			equal(t, "external id", data.ExternalID, "cus_1")
		case "session.revoked":
			equal(t, "status", data.Status, "revoked")
			equal(t, "its user", data.User.ID, u.ID)
		case "user.created":
			equal(t, "user", data.ID, u.ID)
		}
	}
}

func TestEventIsRetriedWithItsID(t *testing.T) {
	t.Parallel()
	r := receive(t, http.StatusInternalServerError, http.StatusFound, http.StatusBadRequest)
	b := setup(t, r.sends)
	b.newUser(t, "ada@example.com")
	first := r.next(t)
	for range 3 {
		equal(t, "svix-id", r.next(t).ID, first.ID)
	}
	b.awaitEvents(t, "delivered", 1)
	equal(t, "attempts", b.Events(appName, "")[0].Attempts, 4)
}

// awaitEvents waits until as many events have the status.
func (b *bundle) awaitEvents(t *testing.T, status string, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for len(b.Events("", status)) != n {
		select {
		case <-deadline:
			t.Fatalf("never saw %d %s events: %+v", n, status, b.Events("", ""))
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestEventsGoToLocalhostNames(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	b.SetWebhookURL(appName, strings.Replace(r.url, "127.0.0.1", "api.localhost", 1)+"/webhook/clerk")
	b.newUser(t, "ada@example.com")
	if host := r.next(t).Host; !strings.HasPrefix(host, "api.localhost:") {
		t.Errorf("host %q", host)
	}
}

func TestEventsWithoutAWebhookAreSkippedAndCanBeResent(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t)
	b.newUser(t, "ada@example.com")
	skipped := b.Events(appName, "skipped")
	equal(t, "skipped", len(skipped), 1)
	b.SetWebhookURL(appName, r.url)
	equal(t, "resend", b.call(t, "POST", "/_sandbox/events/"+skipped[0].ID+"/resend", "", nil), http.StatusOK)
	equal(t, "svix-id", r.next(t).ID, skipped[0].ID)
	equal(t, "resending nothing", b.call(t, "POST", "/_sandbox/events/msg_none/resend", "", nil), http.StatusBadRequest)
}

func TestQueueSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := receive(t)
	cfg := config(func(cfg *clerk.Config) {
		cfg.Dir = dir
		cfg.Apps[0].WebhookURL = "http://127.0.0.1:1/nobody"
		cfg.Retries = []time.Duration{time.Millisecond}
	})
	first, err := clerk.Start(t.Context(), cfg)
	must(t, err)
	connect(first, secretKey).newUser(t, "ada@example.com")
	must(t, first.Close())
	pending := first.Events(appName, "pending")
	equal(t, "pending", len(pending), 1)

	b := setup(t, func(cfg *clerk.Config) { cfg.Dir = dir }, r.sends)
	equal(t, "svix-id", r.next(t).ID, pending[0].ID)
	b.awaitEvents(t, "delivered", 1)
}

func TestEventFaults(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	fault := func(f clerk.EventFault) {
		_, err := b.AddFault(clerk.Fault{Times: 1, Event: &f})
		must(t, err)
	}

	fault(clerk.EventFault{Duplicate: true})
	u := b.newUser(t, "ada@example.com")
	first := r.next(t)
	equal(t, "the duplicate's svix-id", r.next(t).ID, first.ID)

	fault(clerk.EventFault{Drop: true, Type: "session.created"})
	_, err := b.users.Update(t.Context(), u.ID, &user.UpdateParams{FirstName: sdk.String("Ada")})
	must(t, err)
	equal(t, "another type", r.next(t).Type, "user.updated")
	b.newSession(t, u.ID)
	b.awaitEvents(t, "dropped", 1)

	fault(clerk.EventFault{Reorder: true})
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{FirstName: sdk.String("Augusta")})
	must(t, err)
	_, err = b.users.Delete(t.Context(), u.ID)
	must(t, err)
	equal(t, "the later event", r.next(t).Type, "user.deleted")
	equal(t, "the earlier event", r.next(t).Type, "user.updated")

	fault(clerk.EventFault{DelayMs: 150})
	before := time.Now()
	b.newUser(t, "late@example.com")
	r.next(t)
	if waited := time.Since(before); waited < 150*time.Millisecond {
		t.Errorf("delivered after %v", waited)
	}
	equal(t, "armed", len(b.Faults()), 0)
}
