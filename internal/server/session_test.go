package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/secret"
)

func TestACookieIsForThisHostAlone(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{DeveloperURL: &url.URL{Scheme: "https", Host: "dashboard.example.com"}}}
	answer := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), answer)
	s.setCookie(c, "session", secret.New("value"), 60)
	const want = "__Host-dreamapi-session=value; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"
	if got := answer.Header().Get("Set-Cookie"); got != want {
		t.Errorf("the cookie is %q, want %q", got, want)
	}
}

func TestThePageWithClerksFormLetsInClerkAlone(t *testing.T) {
	t.Parallel()
	policy := ClerkApp{Frontend: "https://clerk.example.com"}.signInPolicy("'self' https://app.example.com")
	directives := map[string]string{}
	for _, directive := range strings.Split(policy, "; ") {
		name, value, _ := strings.Cut(directive, " ")
		directives[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'", "form-action": "'self' https://app.example.com",
		"script-src": "'self' https://clerk.example.com https://challenges.cloudflare.com", "connect-src": "'self' https://clerk.example.com",
	} {
		if directives[name] != want {
			t.Errorf("%s is %q, want %q", name, directives[name], want)
		}
	}
}
