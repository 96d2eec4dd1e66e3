package server

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/secret"
)

// The pages of the dashboard know a developer by a cookie, which the JSON API does not take: what a program sends, no
// page of somebody else's can have a browser send.

const sessionKey = "session"

func sessionOf(c echo.Context) id.Session { return c.Get(sessionKey).(id.Session) }

// cookieName is the name of a cookie on this host. Over https the browser holds it to the host; cookies ignore ports, so
// over http, which is for the machine itself, the name carries the port.
func (s *Server) cookieName(name string) string {
	if s.cfg.DeveloperURL.Scheme == "https" {
		return "__Host-dreamapi-" + name
	}
	return "dreamapi-" + name + "-" + s.cfg.DeveloperURL.Port()
}

// setCookie sets a cookie for so many seconds; a negative number removes it, and 0 keeps it until the browser closes.
func (s *Server) setCookie(c echo.Context, name string, value secret.Text, seconds int) {
	c.SetCookie(&http.Cookie{
		Name: s.cookieName(name), Value: value.Reveal(), Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: s.cfg.DeveloperURL.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) cookie(c echo.Context, name string) secret.Text {
	found, err := c.Cookie(s.cookieName(name))
	if err != nil {
		return secret.Text{}
	}
	return secret.New(found.Value)
}

// ownForms refuses a form that a page of another site has a browser send. The sandbox's sign-in page is trusted, where
// there is one.
func ownForms(trusted string) echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	if trusted != "" {
		if err := protection.AddTrustedOrigin(trusted); err != nil {
			panic(err) // the origin is configured and was checked
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			path := c.Request().URL.Path
			if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/webhook/") {
				if err := protection.Check(c.Request()); err != nil {
					return errs.New(errs.Forbidden, "This form was sent from another site, so nothing was done. Open the page itself and "+
						"send it from there.").Because(err)
				}
			}
			return next(c)
		}
	}
}

// signedIn lets in a developer whose browser holds a session.
func (s *Server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, session, err := s.platform.BySession(c.Request().Context(), s.cookie(c, "session"))
		if errs.Is(err, errs.Unauthenticated) {
			return s.signedOut(c)
		}
		if err != nil {
			return err
		}
		c.Set(developerKey, who)
		c.Set(sessionKey, session)
		return next(c)
	}
}

// ownPath is an address on this host to go on to, or the dashboard's first page.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return "/dashboard"
	}
	return next
}

// signInPage shows Clerk's own form, or the way to the sandbox's.
func (s *Server) signInPage(c echo.Context) error {
	next := ownPath(c.QueryParam("next"))
	back := s.cfg.DeveloperURL.String() + "/session?" + url.Values{"next": {next}}.Encode()
	data := map[string]any{
		"Title": "Sign in", "Next": next, "PublishableKey": s.cfg.DeveloperClerk.PublishableKey,
		"Frontend": s.cfg.DeveloperClerk.Frontend, "Sandbox": s.cfg.DeveloperClerk.Sandboxed,
		"SignIn": s.cfg.DeveloperClerk.Frontend + "/sign-in?" + url.Values{"redirect_url": {back}}.Encode(),
		"SignUp": s.cfg.DeveloperClerk.Frontend + "/sign-up?" + url.Values{"redirect_url": {back}}.Encode(),
	}
	if !s.cfg.DeveloperClerk.Sandboxed {
		c.Response().Header().Set("Content-Security-Policy", s.cfg.DeveloperClerk.signInPolicy("'self'"))
	}
	return s.page(c, http.StatusOK, "sign-in.html", data)
}

// signIn trades the token of a session at Clerk for one of ours. The first sign-in finds a project that is ready to use.
func (s *Server) signIn(c echo.Context) error {
	if err := readForm(c); err != nil {
		return err
	}
	token := posted(c, "token")
	if token == "" {
		token = posted(c, "session_token") // as the sandbox's page calls it
	}
	if token == "" {
		return errs.InvalidParam("token", "token is missing. Sign in again.")
	}
	who, session, cookie, err := s.platform.SignIn(c.Request().Context(), token, s.cookie(c, "session"), c.Request().UserAgent())
	if err != nil {
		return err
	}
	next := ownPath(c.QueryParam("next"))
	start, err := s.admin.Start(c.Request().Context(), who)
	if err != nil {
		return err
	}
	s.setCookie(c, "session", cookie, int(platform.SessionLife/time.Second))
	c.Set(sessionKey, session)
	c.Set(developerKey, who)
	if err := s.audited("session.create", func(echo.Context) error { return nil })(c); err != nil {
		return err
	}
	if start.SecretKey != "" {
		s.publish(c, start.Test) // so that the first checkout finds its price at Stripe
		if err := s.show(c, flash{Title: "Your test key", Secret: start.SecretKey}); err != nil {
			return err
		}
		next = "/dashboard"
	}
	return c.Redirect(http.StatusSeeOther, next)
}

func (s *Server) signOut(c echo.Context) error { return s.leave(c, sessionOf(c)) }

func (s *Server) signOutEverywhere(c echo.Context) error { return s.leave(c, "") }

func (s *Server) leave(c echo.Context, session id.Session) error {
	if err := s.platform.SignOut(c.Request().Context(), developerOf(c).ID, session); err != nil {
		return err
	}
	s.setCookie(c, "session", secret.Text{}, -1)
	s.setCookie(c, "flash", secret.Text{}, -1)
	return c.Redirect(http.StatusSeeOther, "/")
}

// maybeDeveloper is who is signed in, if anybody is, on a page that is for everybody.
func (s *Server) maybeDeveloper(c echo.Context) (platform.Developer, bool) {
	cookie := s.cookie(c, "session")
	if cookie.Empty() {
		return platform.Developer{}, false
	}
	who, _, err := s.platform.BySession(c.Request().Context(), cookie)
	return who, err == nil
}
