package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
)

// disagreements says where Clerk and the database differ, and what has been begun and not ended.
func (w *world) disagreements(t testing.TB) []string {
	t.Helper()
	var found []string
	customers := column(t, w, "SELECT id FROM tenant.customers WHERE kind = 'clerk'")
	users := w.clerk.endUsers(t)
	for _, id := range customers {
		if _, ok := users[id]; !ok {
			found = append(found, "the customer "+id+" is no user at Clerk")
		}
	}
	for id, user := range users {
		if strings.HasPrefix(user.ExternalID, "cin_") && !slices.Contains(customers, id) {
			found = append(found, "Clerk has the user "+id+", who is no customer")
		}
	}
	for what, sql := range map[string]string{
		"intents":                     "SELECT count(*) FROM tenant.customer_intents",
		"users on the way out":        "SELECT count(*) FROM directory.users WHERE state = 'leaving'",
		"reserved idempotency keys":   "SELECT count(*) FROM tenant_usage.idempotency WHERE result IS NULL",
		"members who are no customer": "SELECT count(*) FROM directory.memberships m WHERE NOT EXISTS (SELECT FROM tenant.customers c WHERE c.platform_id = m.platform_id AND c.id = m.user_id)",
		"customers who are no member": "SELECT count(*) FROM tenant.customers c WHERE kind = 'clerk' AND NOT EXISTS (SELECT FROM directory.memberships m WHERE m.platform_id = c.platform_id AND m.user_id = c.id)",
	} {
		if n := query[int](t, w, sql); n > 0 {
			found = append(found, fmt.Sprintf("there are %d %s", n, what))
		}
	}
	return found
}

// awaitAgreement returns when Clerk and the database agree and nothing is left to be ended.
func (w *world) awaitAgreement(t *testing.T) {
	t.Helper()
	var last []string
	t.Cleanup(func() {
		if t.Failed() && len(last) > 0 {
			t.Logf("in the end:\n  %s", strings.Join(last, "\n  "))
		}
	})
	wait.For(t, "agreement of Clerk and the database", func() bool {
		last = w.disagreements(t)
		return len(last) == 0
	})
}

// wantCustomers checks how many customers there are, each with a user at Clerk who carries the platform's key.
func (w *world) wantCustomers(t *testing.T, p platform, want int) {
	t.Helper()
	if n := query[int](t, w, "SELECT count(*) FROM tenant.customers"); n != want {
		t.Errorf("there are %d customers, want %d", n, want)
	}
	users := w.clerk.endUsers(t)
	if len(users) != want {
		t.Errorf("Clerk has %d users, want %d", len(users), want)
	}
	for id, user := range users {
		if user.PublicMetadata.PublishableKey != p.publishable {
			t.Errorf("the public metadata of %s name the key %q, want %q", id, user.PublicMetadata.PublishableKey, p.publishable)
		}
	}
}
