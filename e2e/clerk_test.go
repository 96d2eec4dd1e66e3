package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// sandbox is a running `dreamapi sandbox`. Its stand-in for Stripe has methods of its own.
type sandbox struct {
	*program.Process
	variables map[string]string // of serve
	http      *http.Client      // of the stand-in for Clerk
}

// startSandbox starts the stand-ins. The arguments say where events and browsers go.
func startSandbox(t *testing.T, args ...string) *sandbox {
	t.Helper()
	s := &sandbox{}
	s.Process, s.variables = program.StartSandbox(t, args...)
	s.http = program.Client(strings.TrimPrefix(s.variables["CLERK_API_URL"], "http://"))
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// call makes a request of the backend API with an app's secret key, or of the control endpoints.
func (s *sandbox) call(t testing.TB, secretKey string, r request) answer {
	t.Helper()
	a, err := send(s.http, r.on("127.0.0.1").as(secretKey))
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusOK {
		t.Fatalf("Clerk answers %d to %s %s: %s", a.status, r.method, r.path, a.body)
	}
	return a
}

// developerSession signs somebody new up with the developers' app and returns a session token made for the origin.
func (s *sandbox) developerSession(t testing.TB, email, origin string) string {
	t.Helper()
	app := s.variables["DEVELOPER_CLERK_SECRET_KEY"]
	user := text(t, s.call(t, app, post("/v1/users", object{
		"email_address": []string{email}, "password": "a long sentence, nobody else's",
	})), "id")
	session := text(t, s.call(t, app, post("/v1/sessions", object{"user_id": user})), "id")
	return text(t, s.call(t, app, post("/v1/sessions/"+session+"/tokens", nil).with("Origin", origin)), "jwt")
}

// endUser is a user of the shared app.
type endUser struct {
	ID             string `json:"id"`
	ExternalID     string `json:"external_id"`
	PublicMetadata struct {
		PublishableKey string `json:"publishableKey"`
	} `json:"public_metadata"`
}

// endUsers are all users of the shared app, by id.
func (s *sandbox) endUsers(t testing.TB) map[string]endUser {
	t.Helper()
	var list []endUser
	a := s.call(t, s.variables["CUSTOMER_CLERK_SECRET_KEY"], get("/v1/users?limit=500"))
	if err := json.Unmarshal(a.body, &list); err != nil {
		t.Fatal(err)
	}
	users := map[string]endUser{}
	for _, u := range list {
		users[u.ID] = u
	}
	return users
}

// fault arms a fault of the sandbox; package clerk says what there is.
func (s *sandbox) fault(t testing.TB, f object) {
	t.Helper()
	s.call(t, "", post("/_sandbox/faults", f))
}

// pendingEvents counts the events of the shared app that have not been received.
func (s *sandbox) pendingEvents(t testing.TB) int {
	t.Helper()
	return len(at[[]any](t, s.call(t, "", get("/_sandbox/events?app=end-user-api&status=pending")), "events"))
}
