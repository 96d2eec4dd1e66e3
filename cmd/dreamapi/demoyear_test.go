package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/demo"
)

// smallYear makes a year of few days and customers, by the code that makes the large one.
func smallYear(t *testing.T, begin time.Time, days int) (*world, *yearMaker) {
	t.Helper()
	w := boot(t, withJobs, withStripeEvents, withClock)
	m, err := newYearMaker(t.Context(), w.app, w.stripe, w.config(t), yearOptions{Seed: 7, Customers: 60}, begin, days)
	must(t, err)
	t.Cleanup(m.close)
	w.known.add(m.token.Secret)
	w.known.add(m.facts.SecretKey)
	must(t, m.make(t.Context()))
	return w, m
}

// told is what the database tells of a year, but for the ids and the moments that differ from one making to the next.
func (w *world) told(t *testing.T, before time.Time) map[string]string {
	t.Helper()
	facts := map[string]string{}
	for what, query := range map[string]string{
		"customers": `SELECT string_agg(email || ' ' || first_name || ' ' || date_trunc('hour', created_at, 'UTC'), E'\n' ORDER BY email) FROM tenant.customers
			WHERE created_at < $1`,
		"movements": `SELECT string_agg(line, E'\n' ORDER BY line) FROM (SELECT (at AT TIME ZONE 'UTC')::date || ' ' || c.email || ' ' || m.kind || ' '
			|| before || ' ' || after || ' ' || tier AS line FROM billing.mrr_movements m JOIN tenant.customers c ON c.id = m.customer_id WHERE at < $1) l`,
		"hours": `SELECT string_agg(date_trunc('hour', hour, 'UTC') || ' ' || meter || ' ' || plan || ' ' || count, E'\n' ORDER BY hour, meter, plan)
			FROM tenant_usage.hours WHERE hour < $1`,
		"days": `SELECT string_agg(day || ' ' || c.email || ' ' || meter || ' ' || count, E'\n' ORDER BY day, c.email, meter)
			FROM tenant_usage.days d JOIN tenant.customers c ON c.id = d.user_id WHERE day < $1`,
		"acts": `SELECT string_agg((at AT TIME ZONE 'UTC')::date || ' ' || action || ' ' || outcome, E'\n' ORDER BY at, id) FROM platform.audit_log WHERE at < $1`,
	} {
		var found *string
		must(t, w.db.Connect(t, w.db.Owner).QueryRow(t.Context(), query, before).Scan(&found))
		if found == nil {
			t.Fatalf("there are no %s", what)
		}
		facts[what] = *found
	}
	return facts
}

func TestTheDemoYearComesOutOfWhatWasDoneAndIsTheSameForASeed(t *testing.T) {
	t.Parallel()
	const days = 120
	today := time.Now().UTC().Truncate(24 * time.Hour)
	begin := today.AddDate(0, 0, 1-days)
	var facts [2]map[string]string
	t.Run("years", func(t *testing.T) {
		for n := range facts {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				w, m := smallYear(t, begin, days)
				w.mustBeTheYear(t, m)
				facts[n] = w.told(t, today)
			})
		}
	})
	for what, first := range facts[0] {
		if second := facts[1][what]; first != second {
			t.Errorf("the same seed gives other %s:\n%s", what, differing(first, second))
		}
	}
}

// mustBeTheYear holds the books against what was done.
func (w *world) mustBeTheYear(t *testing.T, m *yearMaker) {
	t.Helper()
	equal(t, "the clock of Stripe is ahead by", w.stripe.Ahead(), 0)
	equal(t, "the clock of the database is ahead by", w.query(t, "SELECT ahead::text FROM dreamapi.clock"), "00:00:00")

	// What was counted is in the days of the customers, and in the hours of the platform, to the unit.
	const byDay = `SELECT day, meter, sum(count)::bigint FROM (
			SELECT day, meter, count FROM tenant_usage.days
			UNION ALL SELECT day, split_part(s.slot, ' ', 1), s.n FROM tenant_usage.users, unnest(slots, today) AS s (slot, n) WHERE s.n > 0
		) d GROUP BY 1, 2`
	const byHour = `SELECT (hour AT TIME ZONE 'UTC')::date, meter, sum(count)::bigint FROM tenant_usage.hours GROUP BY 1, 2`
	for what, query := range map[string]string{"days": byDay, "hours": byHour} {
		rows, err := w.db.Connect(t, w.db.Owner).Query(t.Context(), query)
		must(t, err)
		sums := map[countedOn]int64{}
		for rows.Next() {
			var day time.Time
			var of countedOn
			var n int64
			must(t, rows.Scan(&day, &of.Meter, &n))
			of.Day = int(day.Sub(m.year.Begin) / (24 * time.Hour))
			sums[of] = n
		}
		must(t, rows.Err())
		if !maps.Equal(sums, m.counted) {
			t.Errorf("by %s there are %v, and counted were %v", what, sums, m.counted)
		}
	}
	if len(m.counted) < m.year.Days || m.nextIn < 55 || m.acted < 5 {
		t.Errorf("hardly anything happened: %d sums, %d customers, %d acts", len(m.counted), m.nextIn, m.acted)
	}

	// What recurs is what the subscriptions that live are worth, and what the movements and the days add up to.
	revenue, err := w.app.modules.Desk.Revenue(t.Context(), m.facts.PlatformID, "usd", 12)
	must(t, err)
	for what, query := range map[string]string{
		"subscriptions": "SELECT sum(monthly) FROM billing.subscriptions WHERE status IN ('active', 'past_due')",
		"movements":     "SELECT sum(after - before) FROM billing.mrr_movements",
		"days":          "SELECT sum(new + reactivation + expansion - contraction - churn) FROM billing.mrr_days",
	} {
		var sum int64
		must(t, w.db.Connect(t, w.db.Owner).QueryRow(t.Context(), query).Scan(&sum))
		equal(t, "the revenue by "+what, sum, revenue.MRR)
	}
	if revenue.MRR == 0 {
		t.Error("nobody pays")
	}
	for what, want := range map[string]string{
		"SELECT count(*)::text FROM billing.repairs":                                                                                             "0",
		"SELECT count(*)::text FROM billing.events WHERE processed_at IS NULL":                                                                   "0",
		"SELECT count(*)::text FROM tenant.customers WHERE created_at > dreamapi.now()":                                                          "0",
		"SELECT string_agg(amount::text, ' ' ORDER BY amount) FROM tenant.prices WHERE tier = 'pro' AND interval = 'month'":                      "2900 3900",
		"SELECT count(*)::text FROM billing.checkouts c JOIN tenant.prices p ON p.id = c.price_id WHERE p.retired_at < c.created_at":             "0",
		"SELECT count(DISTINCT action)::text FROM platform.audit_log WHERE via = 'token' AND outcome = 'done' AND at < now() - interval '1 day'": "5",
	} {
		equal(t, what, w.query(t, what), want)
	}
}

// differing are the first lines that one of two texts has and the other has not.
func differing(a, b string) string {
	var list []string
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		other := map[string]bool{}
		for line := range strings.Lines(pair[1] + "\n") {
			other[strings.TrimSpace(line)] = true
		}
		n := 0
		for line := range strings.Lines(pair[0] + "\n") {
			if n < 5 && !other[strings.TrimSpace(line)] {
				list = append(list, strings.TrimSpace(line))
				n++
			}
		}
		list = append(list, "and on the other side:")
	}
	return strings.Join(list[:len(list)-1], "\n")
}

func TestAnInventedYearIsBelievable(t *testing.T) {
	t.Parallel()
	y := demo.Invent(1, 5000, time.Date(2025, 11, 27, 0, 0, 0, 0, time.UTC), 366)
	emails, kinds := map[string]bool{}, map[demo.Kind]int{}
	for _, c := range y.Customers {
		if emails[c.Email] || !strings.HasSuffix(c.Email, "@example.com") || strings.ContainsFunc(c.Email, func(r rune) bool { return r > 'z' }) {
			t.Errorf("%q is no address, or that of two", c.Email)
		}
		emails[c.Email] = true
	}
	for _, act := range y.Acts {
		kinds[act.Kind]++
		if windows := demo.Windows(); act.Minute < windows[0][0] || act.Minute >= windows[1][1] {
			t.Errorf("%v is done at night", act)
		}
	}
	for _, kind := range []demo.Kind{demo.Subscribe, demo.Change, demo.Cancel, demo.Resume, demo.BreakCard, demo.MendCard, demo.Leave} {
		if kinds[kind] < 10 {
			t.Errorf("there are %d of %s", kinds[kind], kind)
		}
	}
}
