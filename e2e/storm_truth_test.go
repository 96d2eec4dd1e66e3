package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// truth is what Stripe says of a subscription of ours.
type truth struct {
	customer, id, tier, status string
	cancelAt, periodEnd        int64
	amount                     int64
	interval                   string
	created                    int64
}

func (s truth) String() string {
	return fmt.Sprintf("%s|%s|%s|%s|%d|%d|%s|%d", s.customer, s.id, s.tier, s.status, s.cancelAt, s.amount, s.interval, s.periodEnd)
}

// atStripe are the subscriptions that a shop's customers have, or had.
func (s *storm) atStripe(t *testing.T, sh *shop) []truth {
	t.Helper()
	number := func(v any) int64 {
		f, _ := v.(float64) // null is 0
		return int64(f)
	}
	var all []truth
	for _, sub := range s.stripe.list(t, sh.account, "/v1/subscriptions?status=all") {
		price := sub["items"].(object)["data"].([]any)[0].(object)["price"].(object)
		one := truth{
			customer: sub["metadata"].(object)["dreamapi_customer"].(string), id: sub["id"].(string),
			tier: price["metadata"].(object)["dreamapi_tier"].(string), status: sub["status"].(string),
			cancelAt: number(sub["cancel_at"]), periodEnd: number(sub["current_period_end"]), amount: number(price["unit_amount"]),
			interval: price["recurring"].(object)["interval"].(string), created: number(sub["created"]),
		}
		if one.cancelAt == 0 && sub["cancel_at_period_end"] == true {
			one.cancelAt = one.periodEnd
		}
		all = append(all, one)
	}
	if len(all) == 100 {
		t.Fatal("there are more subscriptions than one page of them")
	}
	return all
}

// wantWhatStripeSays compares our books, and everybody's plan, with Stripe.
func (s *storm) wantWhatStripeSays(t *testing.T) {
	t.Helper()
	for _, sh := range s.shops {
		// What was superfluous and has been ended, we may or may not have known before: it matters to nobody.
		endedByUs := column(t, s.world, fmt.Sprintf("SELECT object_id FROM billing.endings WHERE platform_id = '%s'", sh.id))
		var want []string
		plans := map[string]truth{}
		twice := 0
		for _, sub := range s.atStripe(t, sh) {
			if sub.status != "canceled" || !slices.Contains(endedByUs, sub.id) {
				want = append(want, sub.String())
			}
			if counts := slices.Contains([]string{"trialing", "active", "past_due"}, sub.status); counts {
				if other, twice := plans[sub.customer]; twice {
					t.Errorf("%s: %s has two subscriptions: %s and %s", sh.name, sub.customer, other, sub)
				}
				plans[sub.customer] = sub
			}
		}
		slices.Sort(want)
		got := column(t, s.world, fmt.Sprintf(`SELECT concat_ws('|', customer_id, id, tier, status, coalesce(extract(epoch FROM cancel_at)::bigint, 0),
			amount, interval, extract(epoch FROM current_period_end)::bigint) FROM billing.subscriptions s WHERE platform_id = '%s'
				AND NOT (status = 'canceled' AND EXISTS (SELECT FROM billing.endings e WHERE e.platform_id = s.platform_id AND e.object_id = s.id))`, sh.id))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: we have\n%s\nand Stripe has\n%s", sh.name, strings.Join(without(got, want), "\n"), strings.Join(without(want, got), "\n"))
		}
		for _, who := range s.subjects {
			if who.shop != sh {
				continue
			}
			plan := "free"
			if sub, ok := plans[who.id]; ok {
				plan = sub.tier
			}
			now := s.servers[0].must(t, http.StatusOK, get("/api/usage").as(sh.secret).with("X-User-Id", who.id))
			if got := text(t, now, "plan"); got != plan {
				t.Errorf("%s: %s is on %s, and pays for %s", sh.name, who.id, got, plan)
			}
			if who.life.name == payingTwice {
				twice++
			}
		}
		if n := len(s.stripe.list(t, sh.account, "/v1/refunds")); n != twice {
			t.Errorf("%s: %d paid twice, and %d got money back", sh.name, twice, n)
		}
	}
}

// without are the lines that are not among others.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// wantNothingForged checks that nothing was stored that an endpoint has no right to say, and nothing worked twice.
func (s *storm) wantNothingForged(t *testing.T) {
	t.Helper()
	if n := query[int](t, s.world, `SELECT count(*) FROM billing.events WHERE id LIKE 'evt\_forged\_%'`); n > 0 {
		t.Errorf("%d forged events were stored", n)
	}
	if n := query[int](t, s.world, `SELECT count(*) FROM billing.events WHERE id LIKE 'evt\_stranger\_%'`); n == 0 {
		t.Error("no event of the stranger's account came in, so the storm shows nothing of them")
	}
	jobs := query[int](t, s.world, "SELECT count(*) FROM river.river_job WHERE kind = 'billing.stripe_event'")
	if n := query[int](t, s.world, "SELECT count(*) FROM billing.events"); n != jobs {
		t.Errorf("%d events came in, and there were %d jobs for them", n, jobs)
	}
}

// wantNothingToRepair has the reconciliation look at everything: it must have put nothing right so far, and find nothing.
func (s *storm) wantNothingToRepair(t *testing.T) {
	t.Helper()
	repairs := func(when string) {
		t.Helper()
		if list := column(t, s.world, "SELECT object_id || ' ' || coalesce(was::text, '-') || ' ' || coalesce(became::text, '-') FROM billing.repairs"); len(list) > 0 {
			t.Errorf("%s the reconciliation has put right\n%s", when, strings.Join(list, "\n"))
		}
	}
	repairs("meanwhile")
	s.db.TurnClock(t, 7*time.Hour)
	s.servers[0].Kill()
	s.servers[0] = s.succeed(t) // which reconciles when it starts
	wait.For(t, "reconciliation", func() bool {
		return query[int](t, s.world, `SELECT count(*) FROM billing.subscriptions
			WHERE ended_at IS NULL AND fetched_at < dreamapi.now() - interval '6 hours'`) == 0
	})
	repairs("in the end")
	s.wantWhatStripeSays(t)
}

// outcome is what became of everybody, in words that do not depend on ids and on the time of day.
func (s *storm) outcome(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, sh := range s.shops {
		for _, sub := range s.atStripe(t, sh) {
			lines = append(lines, fmt.Sprintf("%s: %s: %s %s, ends: %t", sh.name, sub.customer, sub.tier, sub.status, sub.cancelAt > 0))
		}
		var refunded float64
		for _, refund := range s.stripe.list(t, sh.account, "/v1/refunds") {
			refunded += refund["amount"].(float64)
		}
		lines = append(lines, fmt.Sprintf("%s: %.0f refunded", sh.name, refunded))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
