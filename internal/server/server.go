// Package server is the program's face to the world: three surfaces on hosts of their own, and a listener for
// operations. It is the only package that knows of HTTP and its status codes. A handler decodes, calls its module
// and encodes; it returns errors, and one function writes them.
package server

import (
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"

	"github.com/labstack/echo/v4"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// Config is what the surfaces must know of the world.
type Config struct {
	DeveloperURL *url.URL // public addresses, without a path
	OAuthURL     *url.URL
	CustomerURL  *url.URL
	// Loopback has plain localhost and 127.0.0.1 reach the customer surface, for clients that do not resolve *.localhost.
	Loopback              bool
	TrustedProxies        []netip.Prefix
	CustomerClerkSecrets  []secret.Text // that sign events of the shared Clerk app: the present one, and perhaps the one before
	DeveloperClerkSecrets []secret.Text // likewise of the developers' Clerk app
	StripeSecrets         billing.Secrets
	DeveloperClerk        ClerkApp
	CustomerClerk         ClerkApp
	StripeTest            bool     // our Stripe, and so the connected accounts, are in test mode
	FormTargets           []string // origins to which a form of a page may lead: those of Stripe's pages
	FlashKey              []byte   // 32 bytes, for what a page shows once
	Version               string
	HistoryDays           int // for so long the history of usage is kept
}

// ClerkApp is what a page must know of a Clerk app, whose scripts and pages sign people in.
type ClerkApp struct {
	Frontend       string // origin of the app's frontend API
	PublishableKey string // the app's own
	// Sandboxed is whether it is a sandbox: its page signs people in, and posts a session to us.
	Sandboxed bool
}

// trustedForms is the origin whose pages may post to ours; empty in production.
func (a ClerkApp) trustedForms() string {
	if a.Sandboxed {
		return a.Frontend
	}
	return ""
}

// signInPolicy is the Content-Security-Policy of a page with Clerk's own form, as Clerk says that its script needs it:
// https://clerk.com/docs/guides/secure/best-practices/csp-headers
func (a ClerkApp) signInPolicy(formAction string) string {
	return "default-src 'none'; script-src 'self' " + a.Frontend + " https://challenges.cloudflare.com; connect-src 'self' " + a.Frontend +
		"; img-src 'self' data: https://img.clerk.com; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; " +
		"frame-src https://challenges.cloudflare.com; form-action " + formAction + "; base-uri 'none'; frame-ancestors 'none'"
}

// Modules are what the surfaces call.
type Modules struct {
	Gate        *tenant.Gate
	Admin       *tenant.Admin
	Customers   *tenant.Customers
	EndUsers    *tenant.EndUsers
	SessionKeys *tenant.SigningKeys
	Background  *tenant.Background
	Platform    *platform.Service
	Developers  *platform.Background
	Usage       *usage.Service
	UsageReader *usage.Reader
	Keeper      *idempotency.Keeper
	Cashier     *billing.Cashier
	Desk        *billing.Desk
	Bridge      *billing.Bridge
	Billing     *billing.Background
	// What the dashboard reads of customers, under the developer surface's role.
	CustomersRead *tenant.Customers
	UsageRead     *usage.Reader
	// Who is near a limit: it is worked out while a page waits, so it may write.
	Watch *usage.Watch
}

// Server serves the three surfaces.
type Server struct {
	cfg       Config
	log       *slog.Logger
	metrics   *Metrics
	templates *template.Template

	gate        *tenant.Gate
	admin       *tenant.Admin
	customers   *tenant.Customers
	endUsers    *tenant.EndUsers
	sessionKeys *tenant.SigningKeys
	background  *tenant.Background
	platform    *platform.Service
	developers  *platform.Background
	usage       *usage.Service
	usageReader *usage.Reader
	keeper      *idempotency.Keeper
	cashier     *billing.Cashier
	desk        *billing.Desk
	bridge      *billing.Bridge
	billing     *billing.Background

	customersRead *tenant.Customers
	usageRead     *usage.Reader
	watch         *usage.Watch

	library func() (*library, error) // of the documentation
	batches room                     // that are at work

	clerkHooks, developerHooks []*standardwebhooks.Webhook

	customer, developerSurface, oauth *echo.Echo
	turnAway                          echo.HandlerFunc // who comes to none of them
	hosts                             map[string]*echo.Echo
}

// New makes a Server.
func New(cfg Config, m Modules, metrics *Metrics, log *slog.Logger) (*Server, error) {
	s := &Server{
		cfg: cfg, log: log, metrics: metrics, templates: parseTemplates(),
		gate: m.Gate, admin: m.Admin, customers: m.Customers, endUsers: m.EndUsers, sessionKeys: m.SessionKeys, background: m.Background, platform: m.Platform,
		developers: m.Developers, usage: m.Usage, usageReader: m.UsageReader, keeper: m.Keeper,
		cashier: m.Cashier, desk: m.Desk, bridge: m.Bridge, billing: m.Billing,
		customersRead: m.CustomersRead, usageRead: m.UsageRead, watch: m.Watch,
	}
	s.library = sync.OnceValues(s.newLibrary)
	var err error
	if s.clerkHooks, err = hooks(cfg.CustomerClerkSecrets); err != nil {
		return nil, errors.New("a webhook secret of the end users' Clerk app can not be read")
	}
	if s.developerHooks, err = hooks(cfg.DeveloperClerkSecrets); err != nil {
		return nil, errors.New("a webhook secret of the developers' Clerk app can not be read")
	}
	s.customer = s.surface("customer", s.customerRoutes, s.cors)
	s.developerSurface = s.surface("developer", s.developerRoutes, ownForms(cfg.DeveloperClerk.trustedForms()))
	s.oauth = s.surface("oauth", s.oauthRoutes)
	s.turnAway = s.identify(s.observe("none")(s.securityHeaders(turnAway)))
	s.hosts = map[string]*echo.Echo{
		cfg.DeveloperURL.Hostname(): s.developerSurface,
		cfg.OAuthURL.Hostname():     s.oauth,
		cfg.CustomerURL.Hostname():  s.customer,
	}
	if cfg.Loopback {
		for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
			s.hosts[host] = s.customer
		}
	}
	return s, nil
}

// hooks makes what checks signatures; an empty secret checks none.
func hooks(secrets []secret.Text) ([]*standardwebhooks.Webhook, error) {
	var made []*standardwebhooks.Webhook
	for _, key := range secrets {
		if key.Empty() {
			continue
		}
		hook, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			return nil, err
		}
		made = append(made, hook)
	}
	return made, nil
}

// surface makes the Echo of one surface, with what is common to all and middleware of its own behind that.
func (s *Server) surface(name string, routes func(*echo.Echo), own ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.respondError
	e.JSONSerializer = plainJSON{}
	e.IPExtractor = s.ipExtractor()
	e.GET("/health", health)
	e.GET("/static/*", s.static)
	routes(e)
	useAround(e, append([]echo.MiddlewareFunc{
		s.identify,
		s.observe(name),
		s.recoverPanic,
		s.securityHeaders,
		s.bound,
	}, own...)...)
	return e
}

func health(c echo.Context) error {
	return c.JSON(http.StatusOK, object{{"status", "ok"}})
}

// ipExtractor finds the address of the client: the peer's, unless the peer is a proxy that we were told to trust.
func (s *Server) ipExtractor() echo.IPExtractor {
	if len(s.cfg.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, prefix := range s.cfg.TrustedProxies {
		trust = append(trust, echo.TrustIPRange(ipNet(prefix)))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// Route is an address that a surface answers.
type Route struct{ Surface, Method, Path string }

// Routes lists what is mounted, for tests that must not forget one.
func (s *Server) Routes() []Route {
	var all []Route
	for name, surface := range map[string]*echo.Echo{"customer": s.customer, "developer": s.developerSurface, "oauth": s.oauth} {
		for _, r := range surface.Routes() {
			all = append(all, Route{name, r.Method, r.Path})
		}
	}
	return all
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
