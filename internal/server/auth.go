package server

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// On the customer surface a handler gets a caller, whom one of these three has let in: backend, backendOrUser, anybody.

const callerKey = "caller"

func callerOf(c echo.Context) tenant.Caller { return *c.Get(callerKey).(*tenant.Caller) }

// lookup is how credentials are looked up: afresh, or by what is remembered, which the act itself must then hold
// against the present.
type lookup struct {
	key   func(context.Context, id.Key) (tenant.Caller, error)
	token func(context.Context, string) (tenant.Caller, error)
}

func (s *Server) afresh() lookup     { return lookup{s.gate.ByKey, s.gate.ByUserToken} }
func (s *Server) remembered() lookup { return lookup{s.gate.RecallKey, s.gate.RecallUserToken} }

// backend lets in a developer's backend, with its secret key.
func (s *Server) backend(next echo.HandlerFunc) echo.HandlerFunc {
	return s.backendBy(s.afresh(), next)
}

func (s *Server) backendBy(look lookup, next echo.HandlerFunc) echo.HandlerFunc {
	return s.letIn(next, func(c echo.Context, token string) (tenant.Caller, error) {
		key, ok := id.ParseKey(token)
		switch {
		case ok && key.Kind == id.Secret:
			return look.key(c.Request().Context(), key)
		case ok && key.Kind == id.Publishable:
			return tenant.Caller{}, errs.New(errs.Forbidden, "A publishable key names a platform and opens nothing. Use the "+
				"secret key, from your backend.")
		case isJWT(token):
			return tenant.Caller{}, errs.New(errs.Forbidden, "This is for your backend: use the secret key and not a user's token.")
		default:
			return tenant.Caller{}, s.notAKey(token)
		}
	})
}

// backendOrUser lets in a developer's backend for the user it names, or a user with a token of their own.
func (s *Server) backendOrUser(next echo.HandlerFunc) echo.HandlerFunc {
	return s.backendOrUserBy(s.afresh(), next)
}

func (s *Server) backendOrUserBy(look lookup, next echo.HandlerFunc) echo.HandlerFunc {
	backend := s.backendBy(look, func(c echo.Context) error {
		user := c.Request().Header.Get("X-User-Id")
		if user == "" {
			return errs.InvalidParam("X-User-Id", "With a secret key the header X-User-Id says for which user.")
		}
		c.Get(callerKey).(*tenant.Caller).UserID = user
		return next(c)
	})
	user := s.letIn(func(c echo.Context) error {
		if stated := c.Request().Header.Get("X-User-Id"); stated != "" && stated != callerOf(c).UserID {
			return errs.New(errs.Forbidden, "The token is another user's than X-User-Id says. Leave X-User-Id away with a token.")
		}
		return next(c)
	}, func(c echo.Context, token string) (tenant.Caller, error) {
		return look.token(c.Request().Context(), token)
	})
	return func(c echo.Context) error {
		if token, err := bearer(c); err == nil && isJWT(token) {
			return user(c)
		}
		return backend(c)
	}
}

// anybody lets in whoever names a platform: by a key, a user's token, or the host.
func (s *Server) anybody(next echo.HandlerFunc) echo.HandlerFunc {
	byToken := s.letIn(next, func(c echo.Context, token string) (tenant.Caller, error) {
		if isJWT(token) {
			return s.gate.ByUserToken(c.Request().Context(), token)
		}
		key, ok := id.ParseKey(token)
		if !ok || key.Kind == id.DeveloperToken {
			return tenant.Caller{}, s.notAKey(token)
		}
		return s.gate.ByKey(c.Request().Context(), key)
	})
	return func(c echo.Context) error {
		named := c.Request().Header.Get("X-Publishable-Key")
		if named == "" {
			named = c.QueryParam("publishableKey")
		}
		domain, hosted := domainOf(c.Request())
		switch {
		case c.Request().Header.Get("Authorization") != "":
			return byToken(c)
		case named != "":
			key, ok := id.ParseKey(named)
			if !ok || key.Kind != id.Publishable { // a secret key has no place in a URL
				return s.notAKey(named)
			}
			caller, err := s.gate.ByKey(c.Request().Context(), key)
			if err != nil {
				return err
			}
			return s.enter(c, next, caller)
		case hosted:
			return s.enter(c, next, domain)
		default:
			return errs.New(errs.Unauthenticated, "Say which platform: by the header X-Publishable-Key, or Authorization.")
		}
	}
}

// letIn resolves the bearer token and goes on with the caller.
func (s *Server) letIn(
	next echo.HandlerFunc, resolve func(echo.Context, string) (tenant.Caller, error),
) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := bearer(c)
		if err != nil {
			return err
		}
		if token == "" {
			return errs.New(errs.Unauthenticated, "Send the header Authorization: Bearer <secret key>, or where it is allowed a "+
				"user's token.")
		}
		caller, err := resolve(c, token)
		if err != nil {
			return err
		}
		return s.enter(c, next, caller)
	}
}

// enter holds the caller to the host's platform and to the allowed origins, and goes on.
func (s *Server) enter(c echo.Context, next echo.HandlerFunc, caller tenant.Caller) error {
	if domain, ok := domainOf(c.Request()); ok && domain.Platform != caller.Platform {
		return errs.New(errs.InvalidCredentials, "These credentials are not for the platform of this host.")
	}
	err := s.admit(c, caller)
	if errs.Is(err, errs.OriginNotAllowed) { // perhaps it is by now
		caller, err = s.reconsider(c, caller)
	}
	if err != nil {
		return err
	}
	c.Set(callerKey, &caller)
	return next(c)
}

// isJWT reports whether a token has the three parts of a JWT; no key of ours has a dot.
func isJWT(token string) bool { return strings.Count(token, ".") == 2 }

// notAKey says of a text that is no key for this surface what it seems to be.
func (s *Server) notAKey(text string) error {
	switch key, ok := id.ParseKey(text); {
	case ok && key.Kind == id.DeveloperToken:
		return errs.New(errs.InvalidCredentials, "This is a developer token. The API takes a secret key (sk_…); developer tokens "+
			"are for %s.", s.cfg.DeveloperURL)
	case ok && key.Kind == id.Secret:
		return errs.New(errs.InvalidCredentials, "This is a secret key, which belongs into the Authorization header and nowhere else.")
	default:
		return errs.New(errs.InvalidCredentials, "This is not a key: it is mistyped or cut off.")
	}
}

// On the developer surface the handlers get a developer, and behind :platform one of the developer's own platforms.

const (
	developerKey = "developer"
	platformKey  = "platform"
)

func developerOf(c echo.Context) platform.Developer { return c.Get(developerKey).(platform.Developer) }

func platformOf(c echo.Context) platform.Platform { return c.Get(platformKey).(platform.Platform) }

// developer lets in a developer, with a developer token or a session token of our own Clerk app, at an address that takes no
// parameters.
func (s *Server) developer(next echo.HandlerFunc) echo.HandlerFunc { return s.developerWith()(next) }

// developerWith is the same for an address that takes these parameters.
func (s *Server) developerWith(params ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			who, err := s.byBearer(c)
			if err != nil {
				return err
			}
			if err := onlyParams(c, params...); err != nil {
				return err
			}
			c.Set(developerKey, who)
			return next(c)
		}
	}
}

// byBearer is the developer whose token was sent.
func (s *Server) byBearer(c echo.Context) (platform.Developer, error) {
	token, err := bearer(c)
	if err != nil {
		return platform.Developer{}, err
	}
	key, ok := id.ParseKey(token)
	switch {
	case token == "":
		return platform.Developer{}, errs.New(errs.Unauthenticated, "Send the header Authorization: Bearer <developer token>.")
	case ok && key.Kind == id.DeveloperToken:
		return s.platform.ByToken(c.Request().Context(), key)
	case isJWT(token):
		return s.platform.ByClerkToken(c.Request().Context(), token)
	default:
		return platform.Developer{}, errs.New(errs.InvalidCredentials, "This is not a developer token (dk_…): it is mistyped, cut off or of "+
			"another kind.")
	}
}

// ownPlatform finds the platform of the path among the developer's own.
func (s *Server) ownPlatform(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		own, err := s.platform.Owned(c.Request().Context(), developerOf(c).ID, c.Param("platform"))
		if err != nil {
			return err
		}
		c.Set(platformKey, own)
		by := tenant.ByDeveloperAPI
		if _, ok := c.Get(sessionKey).(id.Session); ok {
			by = tenant.ByDashboard
		}
		c.SetRequest(c.Request().WithContext(tenant.Via(c.Request().Context(), by)))
		return next(c)
	}
}

// bearer is the token of the Authorization header; empty where there is none.
func bearer(c echo.Context) (string, error) {
	header := c.Request().Header.Get("Authorization")
	if header == "" {
		return "", nil
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", errs.New(errs.Unauthenticated, "The Authorization header has the form Bearer <key or token>.")
	}
	return strings.TrimSpace(token), nil
}
