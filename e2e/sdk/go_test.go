package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// signIn signs somebody new in, and returns the code that the browser brings back.
func (w *world) signIn(t *testing.T, c *dream.Client, email string) (code string, began dream.SignIn) {
	t.Helper()
	began, err := c.Sessions.Begin(callback, false)
	must(t, err)
	at, err := w.signInAt(email, began.URL)
	must(t, err)
	back, err := url.Parse(at)
	must(t, err)
	if !strings.HasPrefix(at, callback+"?") || back.Query().Get("state") != began.State {
		t.Fatalf("the sign-in ends at %s", at)
	}
	return back.Query().Get("code"), began
}

const callback = "http://localhost:4000/callback"

func sessions(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	code, began := w.signIn(t, c, "sam@example.com")
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/sessions", Kind: lost})
	tokens, err := c.Sessions.Exchange(ctx, code, dream.CodeVerifier(began.CodeVerifier), dream.RedirectURL(callback))
	must(t, err)
	if tokens.Customer.Email != "sam@example.com" || tokens.SessionID == "" || !tokens.Replayed || tokens.Customer.RequestID == "" {
		t.Errorf("the tokens are %+v", tokens)
	}
	claims, err := c.Sessions.Verify(ctx, tokens.Token)
	must(t, err)
	if claims.CustomerID != tokens.Customer.ID || claims.SessionID != tokens.SessionID || claims.PublishableKey != w.facts.Demo.PublishableKey ||
		claims.Plan != "free" || !claims.ExpiresAt.Equal(tokens.ExpiresAt) {
		t.Errorf("the claims are %+v", claims)
	}
	verifiesNothingElse(t, w, tokens.Token)

	sam := c.As(tokens.Token)
	usage, err := sam.Track(ctx, dream.Quantity(2))
	must(t, err)
	equal(t, "count by the user's token", usage.Count, 2)
	report, err := sam.Usage(ctx)
	must(t, err)
	equal(t, "whose usage", report.UserID, tokens.Customer.ID)
	page, err := sam.Checkout(ctx, "pro", dream.SuccessURL("http://localhost:4000/"))
	must(t, err)
	if page.URL == "" {
		t.Error("no checkout by the user's token")
	}

	for _, kind := range []string{lost, cut, held} {
		w.proxy.take(t)
		w.proxy.arm(fault{Request: "POST /api/sessions/refresh", Kind: kind})
		next, err := w.patient(kind).Sessions.Refresh(ctx, tokens.RefreshToken)
		must(t, err)
		if next.RefreshToken == tokens.RefreshToken || next.SessionID != tokens.SessionID {
			t.Errorf("%s: refreshed to %+v", kind, next)
		}
		tokens = next
	}
	var listed []string
	for session, err := range c.Sessions.List(ctx, tokens.Customer.ID) {
		must(t, err)
		listed = append(listed, session.Kind)
	}
	if len(listed) != 2 { // the product's and the page's
		t.Errorf("the sessions are %v", listed)
	}
	_, err = c.Sessions.End(ctx, tokens.Customer.ID, tokens.SessionID)
	must(t, err)
	var denied *dream.AuthenticationError
	if _, err := c.As(tokens.Token).Usage(ctx); !errors.As(err, &denied) {
		t.Errorf("the token of a session that ended: %v", err)
	}
	if _, err := c.Sessions.Refresh(ctx, tokens.RefreshToken); !errors.As(err, &denied) {
		t.Errorf("the refresh of a session that ended: %v", err)
	}

	// An app that keeps no secret.
	public := w.clientOf(w.facts.Demo.PublishableKey)
	code, began = w.signIn(t, public, "pat@example.com")
	own, err := public.Sessions.Exchange(ctx, code, dream.CodeVerifier(began.CodeVerifier), dream.RedirectURL(callback))
	must(t, err)
	own, err = public.Sessions.Refresh(ctx, own.RefreshToken)
	must(t, err)
	_, err = public.As(own.Token).Track(ctx)
	must(t, err)
	for range 2 {
		_, err = public.Sessions.Revoke(ctx, own.RefreshToken)
		must(t, err)
	}
	_, err = c.Sessions.EndAll(ctx, own.Customer.ID)
	must(t, err)
}

func middleware(t *testing.T, w *world) {
	c := w.client(dream.Retries(0))
	eve := newCustomer(t, c, "free")
	served := 0
	var refused []error
	count := dream.WithLimit(c, func(r *http.Request) string { return r.Header.Get("X-Me") }, dream.Quantity(8))
	shop := httptest.NewServer(count(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		served++
		_, _ = fmt.Fprint(rw, dream.UsageOf(r.Context()).Count)
	})))
	defer shop.Close()
	get := func(me string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, shop.URL, nil)
		must(t, err)
		req.Header.Set("X-Me", me)
		req.Header.Set("Idempotency-Key", "theirs") // which must not make two calls one
		got, err := http.DefaultClient.Do(req)
		must(t, err)
		defer func() { _ = got.Body.Close() }()
		text, err := io.ReadAll(got.Body)
		must(t, err)
		return got.StatusCode, string(text), got.Header
	}
	for want, text := range []string{"8", "16"} {
		if status, body, _ := get(eve.ID); status != 200 || body != text || served != want+1 {
			t.Errorf("call %d: %d %s", want, status, body)
		}
	}
	status, body, header := get(eve.ID)
	if status != 402 || !strings.Contains(body, `"code":"tier_limit_reached"`) || !strings.Contains(body, `"remaining":4`) || served != 2 ||
		header.Get("Content-Type") != "application/json" {
		t.Errorf("beyond the limit: %d %s", status, body)
	}
	if status, body, _ := get(""); status != 401 || served != 2 {
		t.Errorf("nobody: %d %s", status, body)
	}
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 503, RetryAfter: 7})
	if status, body, header := get(eve.ID); status != 503 || served != 2 || header.Get("Retry-After") != "7" || strings.Contains(body, "127.0.0.1") {
		t.Errorf("while it can not be counted: %d %s %v", status, body, header)
	}
	own := dream.WithLimit(c, func(*http.Request) string { return eve.ID }, dream.OnRefusal(func(rw http.ResponseWriter, _ *http.Request, err error) {
		refused = append(refused, err)
		rw.WriteHeader(http.StatusTeapot)
	}), dream.Quantity(100))(http.NotFoundHandler())
	rec := httptest.NewRecorder()
	own.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	var limit *dream.TierLimitError
	if rec.Code != http.StatusTeapot || len(refused) != 1 || !errors.As(refused[0], &limit) {
		t.Errorf("an answer of one's own: %d %v", rec.Code, refused)
	}
	equal(t, "counted", w.counted(t, eve.ID), 16)
}

func keepsItsSecrets(t *testing.T, w *world) {
	c := w.client(dream.Retries(0))
	key := w.facts.Demo.SecretKey
	w.proxy.arm(fault{Request: "GET /api/tiers", Kind: drop, Times: 100}) // net/http itself repeats some
	_, dropped := c.Tiers(t.Context())
	w.proxy.forget()
	_, refused := w.client(dream.BaseURL("http://127.0.0.1:1")).Tiers(t.Context())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, ended := c.Tiers(canceled)
	odd := dream.New(key + "\nX: y")
	_, invalid := odd.Tiers(t.Context())
	user := c.As("very.secret.token")
	for what, value := range map[string]any{
		"dropped": dropped, "refused": refused, "ended": ended, "invalid": invalid, "the client": c, "the client itself": *c, "the user": user, "the user itself": *user,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, key[8:]) || strings.Contains(text, "very.secret") {
				t.Errorf("%s by %s tells the secret: %s", what, verb, text)
			}
		}
	}
	if dropped == nil || refused == nil || ended == nil || invalid == nil {
		t.Error("what must fail does not")
	}
	// A redirect does not take the key along.
	var took string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { took = r.Header.Get("Authorization") }))
	defer thief.Close()
	door := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer door.Close()
	if _, err := w.client(dream.BaseURL(door.URL)).Tiers(t.Context()); err == nil || took != "" {
		t.Errorf("a redirect is followed: %v %q", err, took)
	}
}
