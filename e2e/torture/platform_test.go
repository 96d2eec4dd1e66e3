package torture

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

// noRateLimit is more calls a minute than any test makes for a user.
const noRateLimit = 1_000_000

// platform is a developer's platform and the keys to it.
type platform struct {
	id, token, secret string
}

// limits are those of a tier, by meter; nil is none.
type limits map[string]any

// monthly makes limits that hold in a month of the calendar.
func monthly(limits limits) object {
	meters := object{}
	for meter, limit := range limits {
		meters[meter] = object{"limit": limit, "period": "month"}
	}
	return object{"meters": meters, "rateLimit": noRateLimit}
}

// newDeveloper signs somebody up, and returns a developer token.
func (w *world) newDeveloper(t *testing.T) (token string) {
	t.Helper()
	clerk := &server{http: program.Client(strings.TrimPrefix(w.vars["CLERK_API_URL"], "http://"))}
	t.Cleanup(clerk.http.CloseIdleConnections)
	clerk.must(t, http.StatusOK, request{
		method: "POST", path: "/v1/users", token: w.vars["DEVELOPER_CLERK_SECRET_KEY"],
		body: object{"email_address": []string{"dev@example.com"}, "password": "a long sentence, nobody else's"},
	})
	code, out, log := program.Run(t, program.Command(w.vars, "developer-token", "--unsafe-sandbox", "dev@example.com"))
	if code != 0 {
		t.Fatal(log)
	}
	return strings.TrimSpace(out)
}

// newPlatform makes a test platform with the tiers.
func (w *world) newPlatform(t *testing.T, s *server, token string, tiers map[string]object) platform {
	t.Helper()
	p := platform{token: token}
	create := func(path string, body object, name string) string {
		t.Helper()
		a := s.must(t, http.StatusCreated, p.own(request{method: "POST", path: path, body: body}))
		var made map[string]any
		if err := json.Unmarshal(a.text, &made); err != nil {
			t.Fatal(err)
		}
		if one, ok := made[name].(object); ok {
			return one["id"].(string)
		}
		return made[name].(string)
	}
	project := create("/api/projects", object{"name": "Shop"}, "project")
	p.id = create("/api/projects/"+project+"/platforms", object{"mode": "test", "name": "Staging"}, "platform")
	p.secret = create("/api/platforms/"+p.id+"/keys", object{"kind": "secret", "name": "backend"}, "secret")
	for name, tier := range tiers {
		if name != "free" { // which is there already
			s.must(t, http.StatusCreated, p.own(request{
				method: "POST", path: "/api/platforms/" + p.id + "/tiers", body: object{"name": name, "price": 0, "limit": 0},
			}))
		}
		s.must(t, http.StatusOK, p.changeTier(name, tier))
	}
	return p
}

// own makes a request of the platform's developer.
func (p platform) own(r request) request {
	r.host, r.token = dashboardHost, p.token
	return r
}

func (p platform) changeTier(name string, change object) request {
	return p.own(request{method: "PATCH", path: "/api/platforms/" + p.id + "/tiers/" + name, body: change})
}

// newCustomer is a request for a customer with an id of the developer's own.
func (p platform) newCustomer(id, plan string) request {
	return request{method: "POST", path: "/api/customers", token: p.secret, body: object{"id": id, "plan": plan}}
}

func (p platform) changePlan(customer, plan string) request {
	return request{method: "PATCH", path: "/api/customers/" + customer, token: p.secret, body: object{"plan": plan}}
}

// track is a call that counts. The plan is stated of a user who is no customer.
func (p platform) track(user, plan, meter string, quantity int64, key string) request {
	return request{
		method: "POST", path: "/api/data", token: p.secret, user: user, plan: plan, key: key,
		body: object{"meter": meter, "quantity": quantity},
	}
}

// grant is a call that adds units.
func (p platform) grant(user, plan, meter string, quantity int64, expires string) request {
	return request{method: "POST", path: "/api/grants", token: p.secret, body: object{
		"userId": user, "plan": plan, "meter": meter, "quantity": quantity, "expires": expires,
	}}
}

// usage asks what is counted.
func (p platform) usage(user, plan string) request {
	return request{method: "GET", path: "/api/usage", token: p.secret, user: user, plan: plan}
}

// until repeats a call that has a key until its outcome is known, as its client would.
func until(t *testing.T, known func(reply) bool, s *server, r request) (a reply) {
	t.Helper()
	wait.For(t, "answer to "+r.key, func() bool {
		a = s.send(r)
		return known(a)
	})
	return a
}
