package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/usage"
)

func TestSumsByHourThatWereDamagedAreMendedFromTheDays(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.dev.platform(t, "another")
	const day = 24 * time.Hour
	begin := time.Now().UTC().Truncate(day).Add(-5 * day)
	p.tier(t, `{"name":"team","limit":100000,"meters":{"tokens":{"limit":100000}}}`)
	p.external(t, "eve", "free")
	p.external(t, "kim", "team")
	other.external(t, "eve", "free")
	at := func(days, hours int) { p.w.db.SetClock(t, begin.Add(time.Duration(24*days+hours)*time.Hour)) }
	for days := range 4 {
		for _, hours := range []int{3, 15} {
			at(days, hours)
			p.track(t, "eve", fmt.Sprintf(`{"quantity":%d}`, 2+days)).want(t, 200)
			p.track(t, "kim", fmt.Sprintf(`{"quantity":%d}`, 10*hours)).want(t, 200)
			p.track(t, "kim", `{"quantity":7,"meter":"tokens"}`).want(t, 200)
			other.track(t, "eve", `{"quantity":1}`).want(t, 200)
		}
	}
	p.api(t, "POST /api/data", `{"quantity":-3}`, "X-User-Id: kim").want(t, 200) // units given back are in both
	at(4, 12)
	p.track(t, "eve", `{"quantity":5}`).want(t, 200) // today is not over; and kim's last day is still in kim's row
	must(t, usage.AddUp(t.Context(), p.w.db.Open(t, db.Worker)))

	rebuild := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		must(t, run(t.Context(), append([]string{"rebuild-usage"}, args...), p.w.environ(), &out, &out))
		return out.String()
	}
	total := func() string {
		t.Helper()
		return p.w.query(t, `SELECT string_agg(line, E'\n' ORDER BY line) FROM (SELECT platform_id || ' ' || (hour AT TIME ZONE 'UTC')::date || ' ' || meter || ' '
			|| sum(count) AS line FROM tenant_usage.hours GROUP BY platform_id, (hour AT TIME ZONE 'UTC')::date, meter) l`)
	}
	says := func(out string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("there is no %q in:\n%s", word, out)
			}
		}
	}
	whole := total()
	says(rebuild(), "nothing to do")

	date := func(days int) string { return begin.Add(time.Duration(days) * day).Format(time.DateOnly) }
	damage := func(days int, sql string) {
		t.Helper()
		p.w.db.Exec(t, sql+` AND platform_id = $1 AND (hour AT TIME ZONE 'UTC')::date = $2`, p.id, date(days))
	}
	damage(1, "UPDATE tenant_usage.hours SET count = count - 1 WHERE meter = 'requests' AND plan = 'team'")
	damage(2, "DELETE FROM tenant_usage.hours WHERE meter = 'tokens'")
	damage(3, "UPDATE tenant_usage.hours SET count = count + 50 WHERE meter = 'requests' AND plan = 'free'")
	damaged := total()
	out := rebuild()
	says(out, p.id, date(1)+"  requests  186", date(2)+"  tokens    14       0", "too few", date(3)+"  requests  187", "too many", "--write has")
	equal(t, "lines", strings.Count(out, p.id), 3)
	equal(t, "what was only looked at", total(), damaged)

	says(rebuild("--write"), "mended", "too many in the hours", "--surplus")
	out = rebuild()
	equal(t, "lines once that was mended", strings.Count(out, p.id), 1)
	says(out, date(3), "too many")
	says(rebuild("--write", "--surplus"), "mended")
	equal(t, "the sums by day", total(), whole)
	says(rebuild(), "nothing to do")
	// A day without an hour has those of the day beside it.
	equal(t, "tokens of the day that was lost", p.w.query(t, `SELECT string_agg(extract(hour FROM hour AT TIME ZONE 'UTC') || ' ' || plan || ' ' || count, ', ' ORDER BY hour)
		FROM tenant_usage.hours WHERE meter = 'tokens' AND (hour AT TIME ZONE 'UTC')::date = $1`, date(2)), "3 team 7, 15 team 7")

	// What stands there and is of no use as a shape counts no more.
	damage(2, "UPDATE tenant_usage.hours SET count = -3 WHERE meter = 'tokens' AND extract(hour FROM hour AT TIME ZONE 'UTC') = 15")
	damage(2, "DELETE FROM tenant_usage.hours WHERE meter = 'tokens' AND extract(hour FROM hour AT TIME ZONE 'UTC') = 3")
	p.w.db.Exec(t, "UPDATE tenant_usage.hours SET hour = hour + interval '1 hour' WHERE meter = 'tokens' AND count = -3")
	says(rebuild("--write"), "mended")
	equal(t, "the sums by day, again", total(), whole)

	// Who is deleted is forgotten, and what they used stays in the sums: unless somebody says otherwise.
	p.api(t, "DELETE /api/customers/kim", "").want(t, 200)
	kept := total()
	says(rebuild("--write"), "too many")
	equal(t, "the sums without kim's days", total(), kept)

	for _, args := range [][]string{{"--surplus"}, {"all"}, {"--write", "x"}} {
		if err := run(t.Context(), append([]string{"rebuild-usage"}, args...), p.w.environ(), &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "takes") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
