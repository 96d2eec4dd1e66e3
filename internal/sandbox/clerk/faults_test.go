package clerk_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwttemplate"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestLostAnswerHasItsEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	equal(t, "status", b.call(t, "POST", "/_sandbox/faults", `{"method":"POST","path":"/v1/users","times":1,"loseAnswer":true}`, nil), http.StatusOK)
	params := &user.CreateParams{EmailAddresses: &[]string{"ada@example.com"}, Password: sdk.String(password), ExternalID: sdk.String("cus_1")}
	_, err := b.users.Create(t.Context(), params)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want a cut connection", err)
	}
	list, err := b.users.List(t.Context(), &user.ListParams{ExternalIDs: []string{"cus_1"}})
	must(t, err)
	equal(t, "users", len(list.Users), 1)
	_, err = b.users.Create(t.Context(), params)
	wantError(t, err, http.StatusUnprocessableEntity, "form_identifier_exists", "email_address")
}

func TestStatusFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.AddFault(clerk.Fault{Of: appName, Path: "/v1/users/*", Times: 2, Status: http.StatusServiceUnavailable})
	must(t, err)
	u := b.newUser(t, "ada@example.com") // another path
	for range 2 {
		_, err = b.users.Delete(t.Context(), u.ID)
		wantError(t, err, http.StatusServiceUnavailable, "internal_clerk_error", "")
	}
	_, err = b.users.Get(t.Context(), u.ID)
	must(t, err)

	_, err = b.AddFault(clerk.Fault{Times: 1, Status: http.StatusTooManyRequests})
	must(t, err)
	_, err = b.users.Get(t.Context(), u.ID)
	wantError(t, err, http.StatusTooManyRequests, "too_many_requests", "")
}

func TestLatencyFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.AddFault(clerk.Fault{Method: "get", Times: 1, LatencyMs: 120})
	must(t, err)
	before := time.Now()
	_, err = b.users.Count(t.Context(), &user.ListParams{})
	must(t, err)
	if waited := time.Since(before); waited < 120*time.Millisecond {
		t.Errorf("answered after %v", waited)
	}
}

func TestFaultsAreListedAndCleared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var added clerk.Fault
	b.call(t, "POST", "/_sandbox/faults", `{"times":3,"status":500}`, &added)
	var listed struct{ Faults []clerk.Fault }
	b.call(t, "GET", "/_sandbox/faults", "", &listed)
	equal(t, "armed", len(listed.Faults), 1)
	equal(t, "fault", listed.Faults[0], added)
	b.call(t, "DELETE", "/_sandbox/faults", "", nil)
	b.newUser(t, "ada@example.com")
}

func TestSenselessFaultsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{
		``, `{}`, `{"times":1}`, `{"status":500}`, `{"times":1,"status":200}`, `{"times":1,"status":500,"colour":"red"}`,
		`{"times":1,"event":{}}`, `{"times":1,"event":{"drop":true},"status":500}`, `{"times":1,"path":"/v1","event":{"drop":true}}`,
		`{"times":1,"latencyMs":-1}`, `{"times":1,"status":500,"path":"[","method":"GET"}`, `{"times":1,"status":500,"of":"nobody"}`,
		`{"id":"mine","times":1,"status":500}`, `{"times":1,"status":500} x`,
	} {
		var answer struct{ Error string }
		equal(t, body, b.call(t, "POST", "/_sandbox/faults", body, &answer), http.StatusBadRequest)
		if answer.Error == "" {
			t.Errorf("%s: no explanation", body)
		}
	}
	equal(t, "armed", len(b.Faults()), 0)
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func(change func(*http.Request)) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+"/_sandbox/reset", nil)
		must(t, err)
		change(req)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	equal(t, "another origin", post(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }), http.StatusForbidden)
	equal(t, "a rebound name", post(func(r *http.Request) { r.Host = "evil.example" }), http.StatusMisdirectedRequest)
	equal(t, "an unknown app", post(func(r *http.Request) { r.Host = "nobody.clerk.localhost" }), http.StatusMisdirectedRequest)
	equal(t, "this machine", post(func(*http.Request) {}), http.StatusOK)
}

func TestReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	token := b.token(t, b.newSession(t, u.ID).ID, "")
	_, err := b.AddFault(clerk.Fault{Path: "/v1", Times: 1, Status: 500})
	must(t, err)
	equal(t, "status", b.call(t, "POST", "/_sandbox/reset", `{"app":"`+appName+`"}`, nil), http.StatusOK)
	count, err := b.users.Count(t.Context(), &user.ListParams{})
	must(t, err)
	equal(t, "users", count.TotalCount, 0)
	equal(t, "events", len(b.Events(appName, "")), 0)
	b.verify(t, token) // the keys stayed
	list, err := b.templates.List(t.Context(), &jwttemplate.ListParams{})
	must(t, err)
	equal(t, "configured templates", list.TotalCount, 1)
}
