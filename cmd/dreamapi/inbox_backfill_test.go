package main

import (
	"testing"

	"github.com/dream-api/dream-api/migrations"
)

func TestWhatWasReceivedBeforeGoesWithItsCustomerToo(t *testing.T) {
	t.Parallel()
	p := newShop(t, withStripeEvents)
	eve, mallory := p.customer(t, "eve@mail.example"), p.customer(t, "mallory@mail.example")
	p.paidAway(t, eve, "pro")
	p.paidAway(t, mallory, "pro")
	p.w.work(t)
	p.api(t, "DELETE /api/customers/"+mallory, "").want(t, 200)
	p.w.work(t)
	p.w.heard(t)
	// As it was before there was a list of them.
	p.w.db.Exec(t, "DROP TABLE tenant.events")
	p.w.db.Exec(t, "ALTER TABLE billing.events DROP COLUMN shown")
	p.w.db.Exec(t, "ALTER TABLE tenant.clerk_events DROP COLUMN shown")
	step, err := migrations.Files.ReadFile("00025_events.sql")
	must(t, err)
	_, err = p.w.db.Connect(t, p.w.db.Owner).PgConn().Exec(t.Context(), string(step)).ReadAll()
	must(t, err)

	count := func(where string, args ...any) string {
		t.Helper()
		return p.w.query(t, "SELECT (count(*) > 0)::text FROM tenant.events WHERE "+where, args...)
	}
	equal(t, "eve's", count("customer_id = $1 AND object_id <> ''", eve), "true")
	equal(t, "of whom is gone", count("customer_id = '' AND object_id = ''"), "true")
	equal(t, "of whom is gone, and named", count("customer_id NOT IN ('', $1) OR customer_id = '' AND object_id <> ''", eve), "false")
	equal(t, "shown, and not known to be", p.w.query(t, `SELECT count(*)::text FROM tenant.events t
		JOIN billing.events e USING (endpoint, id) WHERE e.shown <> ARRAY[t.platform_id]`), "0")
	p.api(t, "DELETE /api/customers/"+eve, "").want(t, 200)
	equal(t, "left of eve", count("customer_id <> '' OR object_id <> ''"), "false")
}
