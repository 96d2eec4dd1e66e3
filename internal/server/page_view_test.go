package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

var aDay = time.Date(2031, 5, 5, 14, 3, 0, 0, time.UTC)

func aTier() tenant.Tier {
	return tenant.Tier{
		Name: "pro", DisplayName: "Pro <b>", Currency: "usd", TrialDays: 14, Features: []string{"a", "b"}, RateLimit: 100, Problem: new("Stripe is away."),
		Prices: []tenant.Price{{Interval: "month", Amount: 1900, StripeID: new("price_1")}, {Interval: "year", Amount: 19000}},
		Limits: map[string]tenant.Limit{"requests": {Max: new(int64(1000)), Period: "month"}, "tokens": {Period: "lifetime"}},
	}
}

func TestPagesShowEveryState(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	ended := billing.Standing{Lacks: "connection", Connection: &tenant.Connection{
		Account: "acct_1", Name: "Engines", EndedAt: &aDay, EndReason: new("deauthorized"),
	}}
	halfway := billing.Standing{Connection: &tenant.Connection{Account: "acct_1"}}
	pastDue := platform.Plan{Status: "past_due", Paid: true, GraceUntil: &aDay}
	o := overview{
		Customers: 3, Standings: tenant.Standings{Customers: 3, Trialing: 4, PastDue: 5, Cancelling: 6}, Live: livePlatforms{3, 2},
		Near: usage.Nearest{AsOf: &aDay, Customers: 7, Full: 1, List: []usage.NearLimit{
			{CustomerID: "u1", Email: "a<b@mail.example?bcc=x@evil.example", Meter: "<m>", Plan: "pro", Count: 100, Limit: 100, PeriodEnd: &aDay},
			{CustomerID: "u2", Email: "kim@mail.example", Meter: "requests", Plan: "pro", Count: 85, Limit: 100},
		}},
		ByPlan: map[string]int64{"pro": 2, "": 1}, Usage: []usage.Total{{Meter: "requests", Period: "month", Count: 1234, Users: 2}, {Meter: "tokens", Period: "day", Count: 5, Anchored: true}},
	}
	tiers := []tenant.Tier{aTier()}
	live := platform.Platform{ID: "plt_2", Mode: id.Live}
	archived := aTier()
	archived.Archived = true
	key := tenant.Key{ID: "key_1", Kind: id.Secret, Name: "old", State: "expiring", Hint: "sk_test_…abcd", ExpiresAt: &aDay, LastUsedAt: &aDay}

	revenue := billing.Revenue{
		Currency: "usd", MRR: 3500, Subscribers: 2, Months: []billing.Month{{Month: "2030-12", MRR: 2700}, {Month: "2031-01", New: 1000, Churn: 200, MRR: 3500}},
		Movements: []billing.Movement{{At: aDay, CustomerID: "u", Kind: "reactivation", After: 1000, Currency: "usd", Tier: new("<i>")}},
	}
	calls := usage.History{Before: new(int64(2)), Points: []usage.Point{{Start: aDay, Count: 7, Plans: map[string]int64{"free": 7}}}}
	drawn := figures{
		revenue, mrrChart(revenue).draw(), movementChart(revenue).draw(),
		usageChart(calls, usage.Daily, []tenant.Tier{{Name: "free", DisplayName: "Free"}, {Name: "pro", DisplayName: "Pro"}}).draw(), compare(calls),
	}

	var none map[string]string
	for name, c := range map[string]struct {
		page string
		mode id.Mode
		data any
		want []string
	}{
		"what needs attention": {"overview", id.Live, map[string]any{
			"Figures": drawn, "Overview": o, "Plans": sharesOf(o, tiers), "Attention": attentionOf(live, o, tiers, ended, pastDue), "PublishableKey": "pk_live_1",
			"NoPlan": tenant.NoPlan, "Failed": []tenant.Customer{{ID: "u9", Email: new("late@mail.example"), Plan: "pro"}},
			"Happened": linesOf([]tenant.Happening{
				{CustomerID: "u3", At: aDay, Kind: tenant.PaymentSucceeded, Detail: json.RawMessage(`{"amount":1000,"currency":"usd"}`)},
				{CustomerID: "u3", At: aDay, Kind: tenant.LimitReached, Detail: json.RawMessage(`{"meter":"<m>","limit":100,"plan":"pro","period":"month"}`)},
				{At: aDay, Kind: tenant.Deleted, Via: tenant.ByDashboard, Detail: json.RawMessage(`{}`)},
			}),
			"Repairs": []billing.Repair{{ID: "rep_1", ObjectID: "sub_1", CustomerID: "u", RepairedAt: aDay}}, "Tiers": tiers,
		}, []string{"Payment failed", "disconnected at Stripe", "not open yet", "Pro &lt;b&gt;", "1 customer has no plan", "sub_1", "1,234", "by 2 users", "requests this month", "tokens in present periods",
			"publishableKey=pk_live_1", "66 percent",
			`?status=trialing">4<`, `?status=past_due">5<`, `?status=cancelling">6<`, `?near=true&amp;sort=usage">7<`, "with a key that works, of 3", "as of <time",
			"a&lt;b@mail.example?bcc=x@evil.example", "&lt;m&gt;", `href="mailto:kim@mail.example"`, "at the limit", "/customers/u2",
			"Last events", "Paid $10.00", "Reached the limit of 100 &lt;m&gt;, this month", `href="/platforms/plt_1/customers/u3"`, "A customer was deleted", `?plan=-"`,
			"$35.00", "January 2031: New $10.00, Left ", "5 May: Free 7", "in these 30 days, &#43;250 % against the 30 before", "Came back, &lt;i&gt;", "2 subscribers"}},
		"an account that can not charge": {"overview", id.Live, map[string]any{
			"Figures": figures{}, "Overview": overview{}, "Attention": attentionOf(live, overview{}, nil, halfway, platform.Plan{Status: "active", Paid: true}), "Tiers": onSale(nil),
		}, []string{"does not let your account take payments", "There is no tier yet"}},
		"nothing to do on a test platform": {"overview", id.Test, map[string]any{
			"Figures": figures{}, "Overview": overview{}, "Attention": attentionOf(platform.Platform{Mode: id.Test}, overview{}, nil, ended, pastDue), "Tiers": onSale(nil),
		}, []string{"nothing counted yet"}},
		"a step is next": {"setup", id.Live, setup{Paid: true, Plan: planStateOf(pastDue), Next: "connect"},
			[]string{"Payment failed", `<li class="now">`, `action="/platforms/plt_1/connect"`}},
		"a connection that ended": {"connect", id.Live, map[string]any{"Connection": ended.Connection}, []string{"no longer connected", "Access was taken back at Stripe", "5 May 2031, 14:03 UTC"}},
		"a set-up left at Stripe": {"connect", id.Live, map[string]any{"Connection": halfway.Connection, "Away": true}, []string{
			"Can not take payments yet", "acct_1", "Stripe does not answer", "Finish the account’s set-up"}},
		"what Stripe wants of an account": {"connect", id.Live, map[string]any{"Connection": halfway.Connection, "Account": &billing.AccountState{
			Country: "DE", Currency: "eur", DisabledReason: "requirements.past_due", CurrentlyDue: []string{"external_account", "new.thing"},
			PastDue: []string{"external_account"}, Pending: []string{"individual.verification.document"},
		}}, []string{"Stripe waited too long", "A bank account to pay out to", "Overdue", "Something else", "new.thing", "Stripe is checking", "who you are", "DE"}},
		"an account that let us go": {"connect", id.Live, map[string]any{"Connection": halfway.Connection, "Revoked": true},
			[]string{"no longer lets us act for it", `<details class="confirm" open>`}},
		"events": {"events", id.Test, map[string]any{"Faults": none, "Types": []string{"invoice.paid"}, "Type": "invoice.paid", "States": tenant.EventStates, "State": "failed",
			"Next": "?cursor=x&type=invoice.paid", "Later": true, "First": "?type=invoice.paid", "Events": []tenant.Event{
				{ID: "evt_<1>", Source: "stripe", Type: "invoice.<paid>", State: "failed", Attempts: 3, Problem: &tenant.Problem{Code: "unavailable", Message: "Stripe is <away>."},
					ReceivedAt: aDay, TookMs: new(int32(1500)), CustomerID: "u<"},
				{ID: "msg_1", Source: "clerk", Type: "user.deleted", State: "waiting", ReceivedAt: aDay},
			}}, []string{"invoice.&lt;paid&gt;", "Stripe is &lt;away&gt;.", "the last took 1.5 s", "Failed", "Waiting", "Clerk", "u&lt;", "?cursor=x&amp;type=invoice.paid", "selected"}},
		"no events":           {"events", id.Live, map[string]any{"Faults": none}, []string{"Nothing came in yet", "Once your Stripe account is connected"}},
		"no such events":      {"events", id.Test, map[string]any{"Faults": none, "Filtered": true}, []string{"Nothing fits"}},
		"after the last page": {"events", id.Test, map[string]any{"Faults": none, "Later": true}, []string{"This was the last page"}},
		"a filter that is wrong": {"events", id.Test, map[string]any{"Faults": map[string]string{"from": "The first day is <wrong>."}, "From": "x<y"},
			[]string{"The first day is &lt;wrong&gt;.", `aria-invalid="true" aria-describedby="from-fault"`, `value="x&lt;y"`}},
		"an event": {"event", id.Test, map[string]any{"Again": true, "Payload": "{\n  \"a\": \"</pre><script>\"\n}", "Event": tenant.EventDetail{Event: tenant.Event{
			ID: "evt_1", Source: "stripe", Type: "invoice.paid", State: "processed", Attempts: 1, TriedAt: &aDay, TookMs: new(int32(0)), ReceivedAt: aDay, ObjectID: "in_1", CustomerID: "u"}}},
			[]string{"&lt;/pre&gt;&lt;script&gt;", "less than 1 ms", "in_1", `action="/platforms/plt_1/events/evt_1/reprocess"`}},
		"an event from which nothing follows": {"event", id.Test, map[string]any{"Event": tenant.EventDetail{Event: tenant.Event{
			ID: "evt_1", Source: "clerk", Type: "x", State: "ignored", Problem: &tenant.Problem{Message: "Nothing follows."}, ReceivedAt: aDay}}},
			[]string{"Nothing was done", "Nothing follows.", "It is not kept", "one who was deleted"}},
		"what a copy does": {"copy", id.Live, map[string]any{"From": platform.Platform{ID: "plt_1", Mode: id.Test}, "Preview": tenant.CopyPreview{
			Add: []tenant.Tier{aTier()}, Same: []string{"free"}, Stay: []string{"old"}, Money: "usd", Fingerprint: "f1", Currency: &tenant.FieldDifference{Was: "eur", Becomes: "usd"},
			Change: []tenant.TierDifference{{Name: "max", DisplayName: "Max <i>", Fields: []tenant.FieldDifference{
				{Field: "prices.month", Was: int64(900), Becomes: nil}, {Field: "features", Was: []string{}, Becomes: []string{"a<b"}}, {Field: "archived", Was: true, Becomes: false},
				{Field: "trialDays", Was: 0, Becomes: 14}, {Field: "meters.tokens", Becomes: tenant.Limit{Period: "year", Anchor: tenant.FromCustomer}}}}},
		}}, []string{"1 tier is added", "Pro &lt;b&gt;", "Max &lt;i&gt;", "Price a month", "$9.00", "a&lt;b", "Limit of tokens", "unlimited a year, counted from when they became a customer",
			"The currency becomes usd", `value="f1"`, "Copy to live now", "Only here"}},
		"a plan in grace": {"plan", id.Live, map[string]any{
			"Plan": pastDue, "State": planStateOf(pastDue), "Ongoing": true, "HasPortal": true, "CallsShare": int64(100), "Away": true,
		}, []string{"Live keys work until", "5 May 2031", `action="/plan/portal"`, "Stripe does not answer right now"}},
		"invoices": {"plan", id.Live, map[string]any{"Plan": pastDue, "State": planStateOf(pastDue), "CallsShare": int64(0), "Next": "in_2", "Later": true, "Invoices": []billing.Invoice{
			{ID: "in_1", Status: "open", Total: 1500, Currency: "usd", CreatedAt: aDay, HostedURL: "https://invoice.stripe.example/i?s=ap&x=1", PDFURL: "https://pay.stripe.example/pdf"}}},
			[]string{"in_1", "Not paid yet", "$15.00", "https://invoice.stripe.example/i?s=ap&amp;x=1", "https://pay.stripe.example/pdf", "/plan?cursor=in_2", "Latest"}},
		"a price list": {"tiers", id.Test, map[string]any{"Tiers": append(tiers, aTier()), "Archived": []tenant.Tier{archived}},
			[]string{"$19.00 a month", "$190.00 a year", "14 days free", "1,000 requests a month", "unlimited tokens in all", "Stripe is away.",
				"Not published", `name="down"`, `name="up"`, "/tiers/pro/restore"}},
		"a tier": {"tier", id.Test, map[string]any{"Tier": aTier(), "Form": tierFormOf(aTier()), "Customers": int64(1)},
			[]string{`value="19.00"`, `value="190.00"`, `value="unlimited"`, "1 customer is", "/move-subscribers", "/archive"}},
		"an archived tier": {"tier", id.Test, map[string]any{"Tier": archived, "Form": tierFormOf(archived), "Customers": int64(2)}, []string{"/restore"}},
		"keys": {"keys", id.Test, map[string]any{"Keys": []tenant.Key{key, {Kind: id.Publishable, Value: new("pk_test_1"), State: "active"}},
			"Ended": []tenant.Key{{Name: "gone", RevokedAt: &aDay}}, "Tiers": tiers, "Lacks": ""},
			[]string{"sk_test_…abcd", "Works until", "pk_test_1", "gone", "revoked", `action="/platforms/plt_1/keys"`}},
		"keys that come later": {"keys", id.Live, map[string]any{"Keys": []tenant.Key{key}, "Lacks": "plan"}, []string{"Your plan is not paid"}},
		"a customer who pays": {"customer", id.Test, map[string]any{
			"Customer": tenant.Customer{ID: "u", Plan: "pro", Metadata: tenant.Metadata{"k<": json.RawMessage(`"v<"`)}},
			"Bars": barsOf(map[string]usage.Usage{"requests": {Count: 10, Limit: new(int64(10)), Remaining: new(int64(0)), Meter: "requests", Period: "month",
				PeriodEnd: &aDay}, "tokens": {Meter: "tokens", Period: "lifetime"}}),
			"Rate": usage.Rate{Limit: 100}, "Charts": daysCharts([]usage.Day{{Day: "2031-05-04", Meter: "tokens", Count: 1200}}, aDay), "Title": "u<",
			"Sessions": []tenant.UserSession{{ID: "uss_1", Kind: "page", UserAgent: "Firefox/1 Linux", SeenAt: aDay}}, "Meters": []string{"requests"},
			"Adjustments": []usage.Adjustment{{Kind: "grant", Quantity: 50, Meter: "requests", Reason: "<sorry>", CreatedAt: aDay}}, "Tiers": tiers,
			"Subscription": &billing.Subscription{ID: "sub_1", Status: "past_due", Tier: new("pro"), Interval: new("month"), Amount: 1900, Currency: "usd",
				CancelAt: &aDay, GraceUntil: &aDay},
		}, []string{"past due", "$19.00 a month", "In grace until", "10 of 10", `class="bad"`, "unlimited", "k&lt;", "v&lt;",
			"4 May: 1.2k", "Firefox on Linux", "account page", "&lt;sorry&gt;", "type u&lt;", `action="/platforms/plt_1/customers/u/grants"`}},
		"a customer who never paid": {"customer", id.Test, map[string]any{"Customer": tenant.Customer{ID: "u"}, "Title": "u"}, []string{"Never subscribed"}},
		"what was done": {"activity", id.Test, map[string]any{"Actions": []string{"key.create"}, "Action": "key.create", "Faults": none, "Next": "/activity?cursor=aud_1",
			"Export": "/activity/export?", "Entries": []platform.AuditEntry{
				{At: aDay, Platform: new(id.Platform("plt_1")), Action: "key.create", Target: "<key>", Via: "token", IP: "203.0.113.9", Outcome: new("done")},
				{At: aDay, Action: "session.create", Via: "dashboard", Outcome: new("refused")}, {At: aDay, Action: "plan.portal", Via: "clerk"},
			}}, []string{"Created a key", "&lt;key&gt;", "203.0.113.9", "a developer token", "Done", "Refused", "Cut off", "your account", "Earlier", "selected"}},
		"nobody found": {"customers", id.Test, map[string]any{"Faults": none, "Filter": tenant.Filter{Q: "<x>", Plan: "pro", Status: "active", Near: true, Sort: "usage"}, "Filtered": true, "AsOf": &aDay, "Statuses": statusWords, "Sorts": sortWords},
			[]string{"Nobody fits", `value="&lt;x&gt;"`, `<option value="active" selected>`, `<option value="usage" selected>`, `value="true" checked`, "as of <time datetime=\"2031-05-05T14:03:00Z\">5 May 2031, 14:03 UTC"}},
		"a further page": {"customers", id.Test, map[string]any{"Faults": none, "Customers": []tenant.Customer{
			{ID: "a@b|c", Status: "past_due", Cancelling: true, Near: &tenant.NearLimit{Meter: "<m>", Count: 92, Limit: 100}}},
			"Next": "?cursor=x&q=a%26b", "First": "/platforms/plt_1/customers?q=a%26b", "Later": true, "Filter": tenant.Filter{Q: "a&b"}},
			[]string{"?cursor=x&amp;q=a%26b", `href="/platforms/plt_1/customers?q=a%26b">First page`, "/customers/a@b%7cc", "payment failed", "cancelling", "92 of 100", "&lt;m&gt;"}},
	} {
		v := testView(c.page, c.mode, c.data)
		got, err := opens(t, s, http.MethodGet, "/", nil, nil, func(c echo.Context) error { return s.writeView(c, v.Section, v) })
		page := text(t, got, err)
		t.Run(name, func(t *testing.T) { contains(t, page, c.want...) })
		if strings.Contains(page, "<no value>") || strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "%!") {
			t.Errorf("%s: a value is missing:\n%s", name, page)
		}
	}
}

func TestAFormMayLeadToStripe(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	got, err := opens(t, s, http.MethodGet, "/", nil, nil, shows(s, "projects", nil))
	text(t, got, err)
	policy := got.Header.Get("Content-Security-Policy")
	const want = "form-action 'self' https://connect.example https://checkout.stripe.example;"
	if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
}

func TestATierComesBackFromItsForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(someCurrencies).Draw(t, "currency")
		amounts := map[string]int64{}
		for _, interval := range rapid.SampledFrom([][]string{{"month"}, {"year"}, {"month", "year"}}).Draw(t, "intervals") {
			unit := tenant.MultipleOf(code)
			amounts[interval] = rapid.Int64Range(0, tenant.HighestPrice/unit).Draw(t, interval) * unit
		}
		limits := map[string]tenant.Limit{}
		for _, meter := range append([]string{tenant.DefaultMeter}, rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{1,8}"), 0, 5, rapid.ID).Draw(t, "meters")...) {
			limit := tenant.Limit{
				Period: rapid.SampledFrom(tierForm{}.Periods()).Draw(t, "period"),
				Anchor: rapid.SampledFrom(tierForm{}.Anchors()).Draw(t, "anchor")[0],
			}
			if rapid.Bool().Draw(t, "limited") {
				limit.Max = new(rapid.Int64Range(0, 1<<53).Draw(t, "max"))
			}
			limits[meter] = limit
		}
		tier := tenant.Tier{
			DisplayName: "Pro", Currency: code, Prices: tenant.PricesOf(amounts), TrialDays: rapid.IntRange(0, 730).Draw(t, "trial"),
			RateLimit: rapid.IntRange(1, 1_000_000).Draw(t, "rate"), Features: []string{"a", "b c"}, Limits: limits,
		}
		back, err := readTierForm(posting(fieldsOf(tierFormOf(tier))), code)
		back.Currency = code
		if err != nil || !reflect.DeepEqual(back, tier) {
			t.Fatalf("%+v comes back as %+v, %v", tier, back, err)
		}
	})
}

// fieldsOf is what a browser sends of the form as it is shown.
func fieldsOf(f tierForm) url.Values {
	fields := url.Values{
		"displayName": {f.Tier.DisplayName}, "monthly": {f.Monthly}, "yearly": {f.Yearly}, "features": {strings.ReplaceAll(f.Features, "\n", "\r\n")},
	}
	for name, n := range map[string]int{"trialDays": f.Tier.TrialDays, "rateLimit": f.Tier.RateLimit} {
		text, _ := json.Marshal(n)
		fields.Set(name, string(text))
	}
	for _, row := range f.Meters {
		n, _ := json.Marshal(row.Index)
		fields.Set("meter."+string(n), row.Meter)
		fields.Set("max."+string(n), row.Max)
		fields.Set("period."+string(n), row.Period)
		fields.Set("anchor."+string(n), row.Anchor)
	}
	return fields
}

func posting(fields url.Values) echo.Context {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.PostForm = fields
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestAFaultOfATierIsThatOfAField(t *testing.T) {
	t.Parallel()
	fields := url.Values{"meter.0": {"requests"}, "meter.2": {"tokens"}, "monthly": {"5"}, "yearly": {"50"}}
	for param, want := range map[string]string{
		"limit": "max.0", "meters.tokens": "meter.2", "meters.tokens.period": "period.2", "meters.gone": "meters.gone", "prices.year": "yearly",
		"prices.month": "monthly", "price": "monthly", "trialDays": "trialDays",
	} {
		if got := tierField(posting(fields))(param); got != want {
			t.Errorf("%s is shown at %s, want %s", param, got, want)
		}
	}
	fields.Set("monthly", "")
	if got := tierField(posting(fields))("price"); got != "yearly" {
		t.Errorf("the one price, which is yearly, is shown at %s", got)
	}
}

func TestAFormOfATierSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := readTierForm(posting(url.Values{
		"monthly": {"1.999"}, "trialDays": {"two"}, "rateLimit": {"1.5"}, "meter.0": {"requests"}, "max.0": {"-1"}, "max.1": {"5"}, "meter.2": {"requests"},
	}), "usd")
	var fields []string
	for _, fault := range asError(err).Faults {
		fields = append(fields, fault.Param)
	}
	if got := strings.Join(fields, " "); got != "monthly trialDays rateLimit max.0 meter.1 meter.2" {
		t.Errorf("the faults are at %s", got)
	}
}

func TestABrowserIsKnownByItsName(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36":            "Chrome on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1": "Safari on iPhone",
		"curl/8.5.0": "curl", "": "Unknown browser",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestAMailIsToOneAddressWhateverItHolds(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ada@mail.example": "mailto:ada@mail.example", "a.b+c@mail.example": "mailto:a.b+c@mail.example",
		"": "", "ada": "", "@mail.example": "", "ada@": "", "a@b@c": "", "a?bcc=x@mail.example": "", "a&b@mail.example": "", "a,b@mail.example": "",
		"a@mail.example?subject=x": "", "a%0Abcc:x@mail.example": "", "a b@mail.example": "", `"a"@mail.example`: "", "a\n@mail.example": "", "ä@mail.example": "",
	} {
		if got := string(mailto(address)); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestALinkToStripeIsToTheAccountAndItsMode(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	subscription := &billing.Subscription{ID: "sub_1", Account: "acct_1"}
	for want, got := range map[string]string{
		"https://dashboard.stripe.com/acct_1/subscriptions/sub_1": s.stripeLink(subscription),
		"": s.stripeLink(nil) + s.stripeLink(&billing.Subscription{ID: "sub_1"}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s.cfg.StripeTest = true
	if got := s.stripeLink(subscription); got != "https://dashboard.stripe.com/acct_1/test/subscriptions/sub_1" {
		t.Error(got)
	}
}

func TestWhatIsLeftIsSaidInTheWordsOfItsPeriod(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	shown := func(u usage.Usage) string {
		v := testView("customer", id.Test, map[string]any{"Customer": tenant.Customer{ID: "u", Status: "none"}, "Title": "u", "Rate": usage.Rate{Limit: 100}, "Charts": daysCharts(nil, aDay), "Bars": barsOf(map[string]usage.Usage{"requests": u})})
		got, err := opens(t, s, http.MethodGet, "/", nil, nil, func(c echo.Context) error { return s.writeView(c, v.Section, v) })
		return text(t, got, err)
	}
	u := usage.Usage{Count: 3, Limit: new(int64(10)), Remaining: new(int64(7)), Meter: "requests", Period: "day", PeriodEnd: &aDay}
	contains(t, shown(u), "7 left today")
	u.Anchored = true
	contains(t, shown(u), "7 left in this period")
	tier := aTier()
	tier.Limits["requests"] = tenant.Limit{Max: new(int64(10)), Period: "day", Anchor: tenant.FromCustomer}
	tier.Limits["tokens"] = tenant.Limit{Max: new(int64(10)), Period: "month", Anchor: tenant.FromSubscription}
	v := testView("tiers", id.Test, map[string]any{"Tiers": []tenant.Tier{tier}})
	got, err := opens(t, s, http.MethodGet, "/", nil, nil, func(c echo.Context) error { return s.writeView(c, v.Section, v) })
	contains(t, text(t, got, err), "from when they became a customer", "from when their subscription renews")
}
