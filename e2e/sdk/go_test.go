package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dream "github.com/dream-api/dream-api/sdk/go"
)

func TestTheGoClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.developer(t, "POST", "/tiers", map[string]any{
		"name": "tight", "price": 500, "limit": 3, "rateLimit": 2, "meters": map[string]any{"tokens": map[string]any{"limit": 1000}},
	})
	for _, part := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"customers", customers}, {"tracking", tracking}, {"batch", batch}, {"money", money}, {"invitations", invitations}, {"errors", errorTypes},
		{"rates", rates}, {"sessions", sessions}, {"middleware", middleware}, {"nothing is counted twice or lost", countsOnce},
		{"what may have happened is not repeated", repeatsNothingElse}, {"time", givesUpInTime}, {"secrets", keepsItsSecrets},
		{"rotation", rotation}, // last: it starts the program again
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, w) }) {
			w.proxy.forget()
		}
	}
}

// counted is what the API says that a user has used of requests.
func (w *world) counted(t *testing.T, user string, plan ...dream.UsageOption) int64 {
	t.Helper()
	report, err := w.client().Usage(t.Context(), user, plan...)
	must(t, err)
	return report.UsageCount
}

func newCustomer(t *testing.T, c *dream.Client, plan string) *dream.Customer {
	t.Helper()
	customer, err := c.Customers.Create(t.Context(), dream.NewCustomer{ID: fmt.Sprintf("u-%d", time.Now().UnixNano()), Plan: plan})
	must(t, err)
	return customer
}

func customers(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	ada, err := c.Customers.Create(ctx, dream.NewCustomer{Email: "ada@example.com", FirstName: "Ada", Plan: "free"})
	must(t, err)
	if ada.ID == "" || ada.Email != "ada@example.com" || ada.Plan != "free" || !strings.HasPrefix(ada.RequestID, "req_") || ada.Replayed ||
		ada.PublishableKey != w.facts.Demo.PublishableKey || ada.CreatedAt.IsZero() {
		t.Errorf("the customer is %+v", ada)
	}
	_, err = c.Customers.Create(ctx, dream.NewCustomer{Email: "ada@example.com"})
	var conflict *dream.ConflictError
	if !errors.As(err, &conflict) || conflict.Code != dream.CustomerExists || conflict.CustomerID != ada.ID {
		t.Errorf("a second one is %v", err)
	}
	pro := "pro"
	changed, err := c.Customers.Update(ctx, ada.ID, dream.CustomerUpdate{Plan: &pro, Metadata: map[string]any{"team": 7, "gone": nil}})
	must(t, err)
	equal(t, "plan", changed.Plan, "pro")
	equal(t, "metadata", string(changed.Metadata["team"]), "7")
	got, err := c.Customers.Get(ctx, ada.ID)
	must(t, err)
	equal(t, "first name", got.FirstName, "Ada")

	// More than a page of them, each met once.
	var items []dream.NewCustomer
	for i := range 105 {
		items = append(items, dream.NewCustomer{ID: fmt.Sprintf("many:%03d", i), LastName: "Many"})
	}
	for _, item := range items {
		_, err := c.Customers.Create(ctx, item)
		must(t, err)
	}
	met := map[string]int{}
	w.proxy.take(t)
	for customer, err := range c.Customers.List(ctx, dream.CustomerFilter{Search: "many:"}) {
		must(t, err)
		met[customer.ID]++
		if customer.RequestID == "" {
			t.Fatal("a listed customer has no request id")
		}
	}
	equal(t, "customers met", len(met), 105)
	equal(t, "pages", len(w.proxy.take(t)), 2)
	for _, err := range c.Customers.List(ctx, dream.CustomerFilter{}) {
		must(t, err)
		break
	}
	equal(t, "pages of a list that is left", len(w.proxy.take(t)), 1)
	for _, err := range c.Customers.List(ctx, dream.CustomerFilter{Plan: "no such"}) {
		if err == nil {
			t.Error("a list of an unknown plan is not refused")
		}
	}

	export, err := c.Customers.Export(ctx, ada.ID)
	must(t, err)
	if !json.Valid(export.JSON) || !strings.Contains(string(export.JSON), `"sessions"`) || export.RequestID == "" {
		t.Errorf("the export is %s", export.JSON)
	}
	meta, err := c.Customers.Delete(ctx, ada.ID)
	must(t, err)
	if meta.RequestID == "" {
		t.Error("a deletion has no request id")
	}
	var missing *dream.NotFoundError
	if _, err := c.Customers.Get(ctx, ada.ID); !errors.As(err, &missing) {
		t.Errorf("a deleted customer is %v", err)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Customers.Delete(ctx, id); err == nil {
			t.Errorf("%q is deleted", id)
		}
		if _, err := c.Sessions.End(ctx, "many:001", id); err == nil {
			t.Errorf("session %q is ended", id)
		}
	}
	odd, err := c.Customers.Create(ctx, dream.NewCustomer{ID: "a@b|c:d.e", Email: "odd@example.com"})
	must(t, err)
	again, err := c.Customers.Get(ctx, odd.ID)
	must(t, err)
	equal(t, "the customer with an odd id", again.Email, "odd@example.com")
}

func tracking(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	eve := newCustomer(t, c, "free")
	usage, err := c.Track(ctx, eve.ID)
	must(t, err)
	if usage.Count != 1 || *usage.Limit != 20 || *usage.Remaining != 19 || usage.Plan != "free" || usage.Meter != "requests" || usage.PeriodEnd == nil ||
		!strings.HasPrefix(usage.RequestID, "req_") {
		t.Errorf("the first call is %+v", usage)
	}
	first, err := c.Track(ctx, eve.ID, dream.Quantity(4), dream.IdempotencyKey("job-7"))
	must(t, err)
	again, err := c.Track(ctx, eve.ID, dream.Quantity(4), dream.IdempotencyKey("job-7"))
	must(t, err)
	if first.Replayed || !again.Replayed || again.Count != 5 || w.counted(t, eve.ID) != 5 {
		t.Errorf("repeated: %+v, %+v", first, again)
	}
	var invalid *dream.InvalidRequestError
	if _, err := c.Track(ctx, eve.ID, dream.Quantity(5), dream.IdempotencyKey("job-7")); !errors.As(err, &invalid) || invalid.Code != dream.IdempotencyMismatch {
		t.Errorf("the key with another quantity: %v", err)
	}
	_, err = c.Track(ctx, eve.ID, dream.Quantity(16))
	var limit *dream.TierLimitError
	if !errors.As(err, &limit) || limit.Usage.Count != 5 || *limit.Usage.Remaining != 15 || limit.Status != 402 || limit.RequestID == "" ||
		limit.DocURL == "" {
		t.Fatalf("beyond the limit: %v", err)
	}
	var refused *dream.Error
	if !errors.As(err, &refused) || refused.Code != dream.TierLimitReached {
		t.Errorf("beyond the limit, as an Error: %v", refused)
	}
	page, err := limit.Upgrade(ctx, "pro", dream.SuccessURL("https://shop.example/paid"))
	must(t, err)
	if !strings.HasPrefix(page.URL, w.facts.StripeSandboxURL) {
		t.Errorf("the upgrade is at %s", page.URL)
	}
	asked, err := c.Track(ctx, eve.ID, dream.Quantity(0))
	must(t, err)
	equal(t, "count after asking", asked.Count, 5)
	back, err := c.Track(ctx, eve.ID, dream.Quantity(-2))
	must(t, err)
	equal(t, "count after giving back", back.Count, 3)
	granted, err := c.Grant(ctx, dream.NewGrant{UserID: eve.ID, Quantity: 10, Expires: dream.UntilPeriodEnds, Reason: "sorry"})
	must(t, err)
	if *granted.Usage.Limit != 30 || granted.Usage.Extra != 10 || granted.Grant.Reason != "sorry" || granted.RequestID == "" {
		t.Errorf("granted: %+v", granted)
	}
	var kinds []string
	for a, err := range c.Adjustments(ctx, eve.ID) {
		must(t, err)
		kinds = append(kinds, a.Kind)
	}
	equal(t, "adjustments", strings.Join(kinds, " "), "grant return")
	report, err := c.Usage(ctx, eve.ID)
	must(t, err)
	if report.UsageCount != 3 || *report.Limit != 30 || report.Meters["requests"].Count != 3 || report.UserID != eve.ID {
		t.Errorf("the report is %+v", report)
	}

	// Somebody of whom the API knows nothing, on a plan that the developer states.
	stranger, err := c.Track(ctx, "stranger", dream.Plan("tight"), dream.Meter("tokens"), dream.Quantity(900))
	must(t, err)
	if stranger.Plan != "tight" || stranger.Meter != "tokens" || *stranger.Remaining != 100 {
		t.Errorf("a stranger: %+v", stranger)
	}
	_, err = c.Track(ctx, "stranger", dream.Plan("tight"), dream.Meter("tokens"), dream.Quantity(101))
	if !errors.As(err, &limit) {
		t.Fatalf("a stranger beyond the limit: %v", err)
	}
	_, err = limit.Upgrade(ctx, "pro") // the plan is stated again
	must(t, err)
	if _, err := c.Track(ctx, ""); err == nil {
		t.Error("nobody is counted")
	}
}

func batch(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	eve, two := newCustomer(t, c, "free"), int64(2)
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/data/batch", Kind: lost})
	items := []dream.BatchItem{{UserID: eve.ID}, {ID: "second", UserID: eve.ID, Quantity: &two}, {UserID: "x", Plan: "no such"}, {UserID: eve.ID, Quantity: new(int64(50))}}
	results, err := c.TrackBatch(ctx, items)
	must(t, err)
	equal(t, "requests", len(w.proxy.take(t)), 2)
	equal(t, "counted", w.counted(t, eve.ID), 3)
	if r := results[0]; r.Err != nil || r.Usage.Count != 1 || !r.Replayed || r.Usage.RequestID == "" || r.ID == "" || items[0].ID != "" {
		t.Errorf("the first item: %+v", r)
	}
	if r := results[1]; r.Err != nil || r.ID != "second" || r.Usage.Count != 3 {
		t.Errorf("the second item: %+v", r)
	}
	var invalid *dream.InvalidRequestError
	if r := results[2]; !errors.As(r.Err, &invalid) || invalid.Code != dream.UnknownPlan || r.Usage != nil {
		t.Errorf("the item of an unknown plan: %+v", r)
	}
	var limit *dream.TierLimitError
	if r := results[3]; !errors.As(r.Err, &limit) || limit.Usage.Count != 3 {
		t.Fatalf("the item beyond the limit: %+v", r)
	}
	_, err = limit.Upgrade(ctx, "pro")
	must(t, err)
	again, err := c.TrackBatch(ctx, items[1:2])
	must(t, err)
	equal(t, "the second item again is a repetition", again[0].Replayed, true)
	if _, err := c.TrackBatch(ctx, nil); !errors.As(err, &invalid) || len(invalid.Faults) != 1 {
		t.Errorf("an empty batch: %v", err)
	}
}

func money(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	tiers, err := c.Tiers(ctx)
	must(t, err)
	if len(tiers) != 3 || tiers[0].RequestID == "" || tiers[0].Name != "free" || tiers[1].Name != "pro" || tiers[1].Price != 1000 || tiers[1].Prices[0].Interval != dream.Monthly ||
		*tiers[0].Meters["requests"].Limit != 20 {
		t.Errorf("the tiers are %+v", tiers)
	}
	public, err := w.clientOf(w.facts.Demo.PublishableKey).Tiers(ctx)
	must(t, err)
	equal(t, "tiers by the publishable key", len(public), 3)
	eve := newCustomer(t, c, "free")
	one, err := c.Checkout(ctx, eve.ID, "pro", dream.Monthly, dream.SuccessURL("https://shop.example/paid"), dream.CancelURL("https://shop.example/"))
	must(t, err)
	two, err := c.Checkout(ctx, eve.ID, "pro", dream.Monthly, dream.SuccessURL("https://shop.example/paid"), dream.CancelURL("https://shop.example/"))
	must(t, err)
	if one.URL == "" || one.URL != two.URL || one.RequestID == "" {
		t.Errorf("the checkouts are %+v and %+v", one, two)
	}
	var conflict *dream.ConflictError
	portal, err := c.Portal(ctx, eve.ID, "https://shop.example/")
	must(t, err)
	if !strings.HasPrefix(portal.URL, w.facts.StripeSandboxURL) || portal.RequestID == "" {
		t.Errorf("the portal is %+v", portal)
	}
	if _, err := c.Portal(ctx, newCustomer(t, c, "free").ID, ""); !errors.As(err, &conflict) {
		t.Errorf("the portal of who never paid: %v", err)
	}
	var invalid *dream.InvalidRequestError
	if _, err := c.Checkout(ctx, eve.ID, "pro", dream.SuccessURL("ftp://x")); !errors.As(err, &invalid) || invalid.Param != "successUrl" {
		t.Errorf("a strange way back: %v", err)
	}
}

func invitations(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	made, err := c.Invitations.Create(ctx, dream.NewInvitation{Email: "kim@example.com", Plan: "pro", ExpiresInDays: 14})
	must(t, err)
	if !strings.Contains(made.URL, "/sign-up?invitation=") || made.State != "open" || *made.Plan != "pro" || made.RequestID == "" {
		t.Errorf("the invitation is %+v", made)
	}
	// The link is told once, and its answer is lost: there is another one, and the first is taken back.
	w.proxy.arm(fault{Request: "POST /api/invitations", Kind: lost})
	second, err := c.Invitations.Create(ctx, dream.NewInvitation{Email: "lee@example.com"})
	must(t, err)
	if !strings.Contains(second.URL, "/sign-up?invitation=") {
		t.Errorf("the invitation whose answer was lost is %+v", second)
	}
	states := map[string]int{}
	for one, err := range c.Invitations.List(ctx) {
		must(t, err)
		states[one.Email+" "+one.State]++
	}
	equal(t, "invitations", fmt.Sprint(states), "map[kim@example.com open:1 lee@example.com open:1 lee@example.com revoked:1]")
	for range 2 {
		back, err := c.Invitations.Revoke(ctx, made.ID)
		must(t, err)
		equal(t, "state", back.State, "revoked")
	}
}

func errorTypes(t *testing.T, w *world) {
	ctx := t.Context()
	_, err := w.client().Customers.Create(ctx, dream.NewCustomer{ID: "a b", Email: "no address", Plan: "free"})
	var invalid *dream.InvalidRequestError
	if !errors.As(err, &invalid) || invalid.Status != 400 || len(invalid.Faults) == 0 || invalid.Faults[0].Param == "" || invalid.RequestID == "" {
		t.Errorf("invalid: %v", err)
	}
	wrong := w.facts.Demo.SecretKey[:len(w.facts.Demo.SecretKey)-1] + "0"
	var denied *dream.AuthenticationError
	if _, err := w.clientOf(wrong).Tiers(ctx); !errors.As(err, &denied) || denied.Code != dream.InvalidCredentials {
		t.Errorf("a wrong key: %v", err)
	}
	var forbidden *dream.PermissionError
	if _, err := w.client().As("a.b.c").Track(ctx); !errors.As(err, &denied) {
		t.Errorf("a wrong token: %v", err)
	}
	if _, err := w.clientOf(w.facts.Demo.PublishableKey).Customers.Get(ctx, "x"); !errors.As(err, &denied) && !errors.As(err, &forbidden) {
		t.Errorf("a publishable key: %v", err)
	}
	for what, c := range map[string]*dream.Client{
		"no key": dream.New(""), "nonsense": dream.New("nonsense"), "a developer token": dream.New("dk_x"),
		"no address": w.client(dream.BaseURL("localhost:8080")),
	} {
		w.proxy.take(t)
		if _, err := c.Tiers(ctx); err == nil || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%s: %v", what, err)
		}
		equal(t, what+": requests", len(w.proxy.take(t)), 0)
	}
	// What is not the API's own says so.
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	var missing *dream.NotFoundError
	if _, err := w.client(dream.BaseURL(elsewhere.URL)).Tiers(ctx); !errors.As(err, &missing) || missing.Code != "" || !strings.Contains(err.Error(), "Is the address right") {
		t.Errorf("another server: %v", err)
	}
}

func rates(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client(dream.LongestWait(time.Millisecond))
	eve := newCustomer(t, c, "tight")
	var rate *dream.RateLimitError
	for { // the minute may turn in between
		if _, err := c.Track(ctx, eve.ID, dream.Quantity(0)); errors.As(err, &rate) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if rate.RetryAfter < time.Second || rate.RetryAfter > time.Minute || rate.Code != dream.RateLimited {
		t.Errorf("the rate: %+v", rate)
	}
}
