package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// developerRoutes are what developers and their programs call. A change by the JSON API counts; what takes something back,
// or pays, does not, so that it can always be done.
func (s *Server) developerRoutes(e *echo.Echo) {
	s.dashboardRoutes(e)
	s.docRoutes(e)
	e.POST("/webhook/stripe", s.receiveStripeEvent(billing.OwnEndpoint))
	e.POST("/webhook/clerk", s.receiveDeveloperClerkEvent)

	e.GET("/api/me", s.getMe, s.developer)
	e.GET("/api/audit", s.listAudit, s.developerWith(auditParams...))
	e.GET("/api/tokens", s.listTokens, s.developer)
	e.POST("/api/tokens", s.audited("token.create", s.createToken), s.developer, s.counted)
	e.POST("/api/tokens/:token/revoke", s.audited("token.revoke", s.revokeToken), s.developer)
	e.GET("/api/sessions", s.listSessions, s.developer)
	e.POST("/api/sessions/:session/end", s.audited("session.end", s.endSession), s.developer)
	e.POST("/api/sessions/end", s.audited("session.end_all", s.endSessions), s.developer)
	e.GET("/api/plan", s.getPlan, s.developer)
	e.GET("/api/plan/invoices", s.listPlanInvoices, s.developerWith("cursor", "limit"))
	e.POST("/api/plan/checkout", s.audited("plan.checkout", s.createPlanCheckout), s.developer)
	e.POST("/api/plan/portal", s.audited("plan.portal", s.createPlanPortal), s.developer)
	e.GET("/api/projects", s.listProjects, s.developer)
	e.POST("/api/projects", s.audited("project.create", s.createProject), s.developer, s.counted)
	e.PATCH("/api/projects/:project", s.audited("project.rename", s.renameProject), s.developer, s.counted)
	e.POST("/api/projects/:project/platforms", s.audited("platform.create", s.createPlatform), s.developer, s.counted)

	const own = "/api/platforms/:platform"
	e.GET(own, s.getPlatform, s.developer, s.ownPlatform)
	e.PATCH(own, s.audited("settings.change", s.changePlatform), s.developer, s.ownPlatform, s.counted)
	e.GET(own+"/sign-in", s.getSignIn, s.developer, s.ownPlatform)
	e.PATCH(own+"/sign-in", s.audited("sign_in.change", s.changeSignIn), s.developer, s.ownPlatform, s.counted)
	e.GET(own+"/start", s.getStart, s.developer, s.ownPlatform)
	e.GET(own+"/overview", s.getOverview, s.developer, s.ownPlatform)
	e.GET(own+"/near", s.getPlatformNear, s.developerWith("limit"), s.ownPlatform)
	e.GET(own+"/timeline", s.listPlatformTimeline, s.developerWith("limit"), s.ownPlatform)
	e.GET(own+"/revenue", s.getRevenue, s.developerWith("months"), s.ownPlatform)
	e.GET(own+"/usage", s.getPlatformUsage, s.developerWith(exploredParams...), s.ownPlatform)
	e.GET(own+"/usage/top", s.listTopUsers, s.developerWith("meter", "days", "limit"), s.ownPlatform)
	e.GET(own+"/connect", s.getConnection, s.developer, s.ownPlatform)
	e.POST(own+"/connect", s.createConnect, s.developer, s.ownPlatform)
	e.POST(own+"/disconnect", s.audited("stripe.disconnect", s.disconnect), s.developer, s.ownPlatform)
	e.GET(own+"/events", s.listEvents, s.developerWith(eventParams...), s.ownPlatform)
	e.GET(own+"/events/:event", s.getEvent, s.developer, s.ownPlatform)
	e.POST(own+"/events/:event/reprocess", s.audited("event.reprocess", s.reprocessEvent), s.developer, s.ownPlatform)
	e.GET(own+"/repairs", s.listRepairs, s.developer, s.ownPlatform)
	e.POST(own+"/domains", s.audited("domain.add", s.addDomain), s.developer, s.ownPlatform, s.counted)
	e.DELETE(own+"/domains/:domain", s.audited("domain.remove", s.removeDomain), s.developer, s.ownPlatform)
	e.GET(own+"/keys", s.listKeys, s.developer, s.ownPlatform)
	e.POST(own+"/keys", s.audited("key.create", s.createKey), s.developer, s.ownPlatform, s.counted)
	e.POST(own+"/keys/:key/rotate", s.audited("key.rotate", s.rotateKey), s.developer, s.ownPlatform, s.counted)
	e.POST(own+"/keys/:key/revoke", s.audited("key.revoke", s.revokeKey), s.developer, s.ownPlatform)
	e.GET(own+"/tiers", s.listTiers, s.developer, s.ownPlatform)
	e.POST(own+"/tiers", s.audited("tier.create", s.createTier), s.developer, s.ownPlatform, s.counted)
	e.PATCH(own+"/tiers/:tier", s.audited("tier.change", s.changeTier), s.developer, s.ownPlatform, s.counted)
	e.POST(own+"/tiers/:tier/preview", s.previewTier, s.developer, s.ownPlatform)
	e.POST(own+"/tiers/order", s.audited("tier.order", s.orderTiers), s.developer, s.ownPlatform, s.counted)
	e.GET(own+"/tiers/copy", s.previewCopy, s.developerWith("from"), s.ownPlatform)
	e.POST(own+"/tiers/copy", s.audited("tier.copy", s.copyTiers), s.developer, s.ownPlatform, s.counted)
	e.POST(own+"/tiers/:tier/move-subscribers", s.audited("tier.move_subscribers", s.moveSubscribers), s.developer, s.ownPlatform, s.counted)
	e.GET(own+"/customers", s.listPlatformCustomers, s.developerWith(customerParams...), s.ownPlatform)
	e.GET(own+"/customers/:id", s.getPlatformCustomer, s.developer, s.ownPlatform)
	e.PATCH(own+"/customers/:id", s.audited("customer.change", s.updatePlatformCustomer), s.developer, s.ownPlatform, s.counted)
	e.DELETE(own+"/customers/:id", s.audited("customer.delete", s.deletePlatformCustomer), s.developer, s.ownPlatform)
	e.GET(own+"/customers/:id/days", s.listPlatformCustomerDays, s.developer, s.ownPlatform)
	e.POST(own+"/customers/:id/grants", s.audited("customer.grant", s.createPlatformGrant), s.developer, s.ownPlatform, s.counted)
	e.GET(own+"/customers/:id/timeline", s.listPlatformCustomerTimeline, s.developerWith("cursor", "limit"), s.ownPlatform)
	e.POST(own+"/customers/:id/reset", s.audited("customer.reset", s.resetPlatformCustomer), s.developer, s.ownPlatform, s.counted)
	e.POST(own+"/customers/:id/portal", s.audited("customer.portal", s.openPlatformCustomerPortal), s.developer, s.ownPlatform)
	e.GET(own+"/customers/:id/sessions", s.listPlatformCustomerSessions, s.developer, s.ownPlatform)
	e.DELETE(own+"/customers/:id/sessions", s.audited("customer.sign_out", s.endPlatformCustomerSessions), s.developer, s.ownPlatform)
}

func (s *Server) getMe(c echo.Context) error {
	return c.JSON(http.StatusOK, object{{"developer", developerOf(c)}})
}

func (s *Server) listTokens(c echo.Context) error {
	tokens, err := s.platform.Tokens(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(tokens, ""))
}

func (s *Server) createToken(c echo.Context) error {
	name, err := onlyName(c)
	if err != nil {
		return err
	}
	token, err := s.platform.CreateToken(c.Request().Context(), developerOf(c).ID, name)
	if err != nil {
		return err
	}
	affects(c, string(token.ID))
	return c.JSON(http.StatusCreated, object{{"token", token}, {"secret", token.Secret}})
}

func (s *Server) revokeToken(c echo.Context) error {
	token, err := s.platform.RevokeToken(c.Request().Context(), developerOf(c).ID, c.Param("token"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"token", token}})
}

func (s *Server) listProjects(c echo.Context) error {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(projects, ""))
}

func (s *Server) createProject(c echo.Context) error {
	name, err := onlyName(c)
	if err != nil {
		return err
	}
	project, err := s.platform.CreateProject(c.Request().Context(), developerOf(c).ID, name)
	if err != nil {
		return err
	}
	affects(c, string(project.ID))
	return c.JSON(http.StatusCreated, object{{"project", project}})
}

// onlyName decodes the requests that say a name and nothing else. They lie outside any platform, where no record of an
// idempotency key is kept, so the header is refused and not passed over in silence.
func onlyName(c echo.Context) (string, error) {
	if err := noIdempotencyKey(c, "it lies outside any platform"); err != nil {
		return "", err
	}
	var in struct {
		Name string `json:"name"`
	}
	_, err := decode(c, &in, false)
	return in.Name, err
}

func (s *Server) renameProject(c echo.Context) error {
	var in struct {
		Name string `json:"name"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	project, err := s.platform.RenameProject(c.Request().Context(), developerOf(c).ID, c.Param("project"), in.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"project", project}})
}

func (s *Server) createPlatform(c echo.Context) error {
	if err := noIdempotencyKey(c, "it lies outside any platform"); err != nil {
		return err
	}
	var in struct {
		Mode id.Mode `json:"mode"`
		Name string  `json:"name"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	made, err := s.admin.CreatePlatform(c.Request().Context(), developerOf(c).ID, id.Project(c.Param("project")), in.Mode, in.Name)
	if err != nil {
		return err
	}
	affects(c, string(made.ID))
	return c.JSON(http.StatusCreated, object{{"platform", made}})
}

func (s *Server) getPlatform(c echo.Context) error {
	settings, err := s.admin.Settings(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return s.answerPlatform(c, platformOf(c), settings)
}

func (s *Server) answerPlatform(c echo.Context, own platform.Platform, settings tenant.Settings) error {
	standing, err := s.desk.Standing(c.Request().Context(), own.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"platform", own}, {"settings", settings}, {"stripe", standing}})
}

func (s *Server) changePlatform(c echo.Context) error {
	var in struct {
		Name           *string    `json:"name"`
		Currency       *string    `json:"currency"`
		AllowedOrigins *[]string  `json:"allowedOrigins"`
		RateLimit      limitValue `json:"rateLimit"`

		CheckoutSuccessURL erasable `json:"checkoutSuccessUrl"`
		CheckoutCancelURL  erasable `json:"checkoutCancelUrl"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	own := platformOf(c)
	change := tenant.SettingsChange{
		Name: in.Name, Currency: in.Currency, AllowedOrigins: in.AllowedOrigins,
		CheckoutSuccessURL: in.CheckoutSuccessURL.stated, CheckoutCancelURL: in.CheckoutCancelURL.stated,
	}
	if in.RateLimit.given {
		change.RateLimit = &tenant.RateLimit{Calls: in.RateLimit.max}
	}
	settings, err := s.changeSettings(c, change)
	if err != nil {
		return err
	}
	if in.Name != nil {
		own.Name = *in.Name
	}
	return s.answerPlatform(c, own, settings)
}

// changeSettings changes the platform's settings. A change of the currency gives its tiers other prices.
func (s *Server) changeSettings(c echo.Context, change tenant.SettingsChange) (tenant.Settings, error) {
	settings, err := s.admin.ChangeSettings(c.Request().Context(), platformOf(c).ID, change)
	if err == nil && change.Currency != nil {
		s.publish(c, platformOf(c).ID)
	}
	return settings, err
}

func (s *Server) addDomain(c echo.Context) error {
	var in struct {
		Domain string `json:"domain"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	settings, err := s.attach(c, in.Domain)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, object{{"settings", settings}})
}

// attach leads a domain to the platform.
func (s *Server) attach(c echo.Context, domain string) (tenant.Settings, error) {
	if _, ours := s.hosts[hostname(domain)]; ours {
		return tenant.Settings{}, errs.InvalidParam("domain", "domain is one of ours.")
	}
	affects(c, domain)
	return s.admin.AddDomain(c.Request().Context(), platformOf(c).ID, domain)
}

func (s *Server) removeDomain(c echo.Context) error {
	settings, err := s.admin.RemoveDomain(c.Request().Context(), platformOf(c).ID, c.Param("domain"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"settings", settings}})
}
