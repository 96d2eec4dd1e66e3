package e2e

import (
	"net/http"
	"testing"
)

// platform is a developer's platform with a key of each kind, and tier `free`.
type platform struct {
	path                  string // on the developer surface
	token                 string // of the developer
	id, project           string
	secret, secretID      string
	publishable, publicID string
}

// tier is what a test wants of the tier free.
type tier struct {
	limit     any // a number or nil
	rateLimit int
}

// newPlatform signs a developer up, who makes a project with a test platform.
func (w *world) newPlatform(t *testing.T, s *server, free tier) platform {
	t.Helper()
	return w.newPlatformOf(t, s, w.clerk.developerSession(t, "dev@example.com", w.vars["DEVELOPER_URL"]), free)
}

// newPlatformOf is newPlatform of the developer whose session it is.
func (w *world) newPlatformOf(t *testing.T, s *server, session string, free tier) platform {
	t.Helper()
	dashboard := func(r request, token string) answer {
		t.Helper()
		want := http.StatusCreated
		if r.method == "PATCH" {
			want = http.StatusOK
		}
		return s.must(t, want, r.on(dashboardHost).as(token))
	}
	p := platform{token: text(t, dashboard(post("/api/tokens", object{"name": "tests"}), session), "secret")}
	p.project = text(t, dashboard(post("/api/projects", object{"name": "Shop"}), p.token), "project.id")
	p.id = text(t, dashboard(post("/api/projects/"+p.project+"/platforms", object{"mode": "test", "name": "Staging"}), p.token),
		"platform.id")
	p.path = "/api/platforms/" + p.id
	key := dashboard(post(p.path+"/keys", object{"kind": "secret", "name": "backend"}), p.token)
	p.secret, p.secretID = text(t, key, "secret"), text(t, key, "key.id")
	key = dashboard(post(p.path+"/keys", object{"kind": "publishable", "name": "pages"}), p.token)
	p.publishable, p.publicID = text(t, key, "key.value"), text(t, key, "key.id")
	dashboard(patch(p.path+"/tiers/free", object{"limit": free.limit, "rateLimit": free.rateLimit}), p.token)
	return p
}

// own makes a request of the platform's developer, below the platform's path.
func (p platform) own(r request) request {
	r.path = p.path + r.path
	return r.on(dashboardHost).as(p.token)
}
