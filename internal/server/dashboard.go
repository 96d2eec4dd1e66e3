package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
)

// dashboardRoutes are the pages for developers. Whatever a page can do, the JSON API can do; a page's changes do not count.
func (s *Server) dashboardRoutes(e *echo.Echo) {
	e.GET("/", s.landing)
	e.GET("/sign-in", s.signInPage)
	e.POST("/session", s.signIn)
	e.POST("/sign-out", s.audited("session.end", s.signOut), s.signedIn)
	e.POST("/sign-out-everywhere", s.audited("session.end_all", s.signOutEverywhere), s.signedIn)

	e.GET("/dashboard", s.firstPage, s.signedIn)
	e.GET("/projects", s.projectsPage, s.signedIn)
	e.POST("/projects", s.audited("project.create", s.addProject), s.signedIn, s.form)
	e.POST("/projects/:project/platforms", s.audited("platform.create", s.addPlatform), s.signedIn, s.form)
	e.POST("/projects/:project/rename", s.audited("project.rename", s.renameOwnProject), s.signedIn, s.form)
	e.GET("/plan", s.planPage, s.signedIn)
	e.POST("/plan/checkout", s.audited("plan.checkout", s.payForPlan), s.signedIn, s.form)
	e.POST("/plan/portal", s.audited("plan.portal", s.visitPlanPortal), s.signedIn, s.form)
	e.GET("/plan/return", s.returnToPlan, s.signedIn)
	e.GET("/activity", s.auditPage, s.signedIn)
	e.GET("/activity/export", s.exportAudit, s.signedIn)
	if s.cfg.Loopback {
		e.GET("/components", s.componentsPage, s.signedIn)
	}
	e.GET("/account", s.accountPage, s.signedIn)
	e.POST("/account/sessions/:session/end", s.audited("session.end", s.endOneSession), s.signedIn, s.form)
	e.POST("/account/tokens", s.audited("token.create", s.addToken), s.signedIn, s.form)
	e.POST("/account/tokens/:token/revoke", s.audited("token.revoke", s.endToken), s.signedIn, s.form)
	e.GET("/connect/finish", s.finishConnect, s.signedIn)
	e.GET("/connect/denied", s.connectDenied, s.signedIn)

	const own = "/platforms/:platform"
	e.GET(own, s.overviewPage, s.signedIn, s.ownPlatform)
	e.GET(own+"/start", s.startPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/start", s.audited("key.create", s.keyToStart), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/setup", s.setupPage, s.signedIn, s.ownPlatform)
	e.GET(own+"/usage", s.usagePage, s.signedIn, s.ownPlatform)
	e.GET(own+"/tiers", s.tiersPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/tiers", s.audited("tier.create", s.addTier), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/tiers/:tier", s.tierPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/tiers/:tier", s.audited("tier.change", s.editTier), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/tiers/:tier/preview", s.tryTier, s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/tiers/:tier/archive", s.audited("tier.archive", s.archiveTier(true)), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/tiers/:tier/restore", s.audited("tier.restore", s.archiveTier(false)), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/tiers/:tier/move-subscribers", s.audited("tier.move_subscribers", s.moveTierSubscribers), s.signedIn, s.ownPlatform, s.form)
	// Not below /tiers: a tier may be called new, order or copy.
	e.GET(own+"/new-tier", s.newTierPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/price-list/order", s.audited("tier.order", s.moveTier), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/price-list/copy", s.copyPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/price-list/copy", s.audited("tier.copy", s.copyPriceList), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/keys", s.keysPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/keys", s.audited("key.create", s.addKey), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/keys/:key/rotate", s.audited("key.rotate", s.replaceKey), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/keys/:key/revoke", s.audited("key.revoke", s.endKey), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/customers", s.customersPage, s.signedIn, s.ownPlatform)
	e.GET(own+"/export-customers", s.exportCustomers, s.signedIn, s.ownPlatform) // not below /customers: an id may be export
	e.GET(own+"/customers/:id", s.customerPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/customers/:id/plan", s.audited("customer.change", s.setCustomerPlan), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/customers/:id/grants", s.audited("customer.grant", s.grantToCustomer), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/customers/:id/reset", s.audited("customer.reset", s.resetCustomer), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/customers/:id/portal", s.audited("customer.portal", s.visitCustomerPortal), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/customers/:id/sign-out", s.audited("customer.sign_out", s.signCustomerOut), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/customers/:id/delete", s.audited("customer.delete", s.removeCustomer), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/events", s.eventsPage, s.signedIn, s.ownPlatform)
	e.GET(own+"/events/:event", s.eventPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/events/:event/reprocess", s.audited("event.reprocess", s.workEventAgain), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/connect", s.connectPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/connect", s.audited("stripe.connect", s.beginConnect), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/disconnect", s.audited("stripe.disconnect", s.endConnection), s.signedIn, s.ownPlatform, s.form)
	e.GET(own+"/sign-in", s.signInSettingsPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/sign-in", s.audited("sign_in.change", s.saveSignIn), s.signedIn, s.ownPlatform, s.upload)
	e.GET(own+"/sign-in/logo", s.ownLogo, s.signedIn, s.ownPlatform)
	e.GET(own+"/settings", s.settingsPage, s.signedIn, s.ownPlatform)
	e.POST(own+"/settings", s.audited("settings.change", s.saveSettings), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/domains", s.audited("domain.add", s.attachDomain), s.signedIn, s.ownPlatform, s.form)
	e.POST(own+"/domains/:domain/remove", s.audited("domain.remove", s.detachDomain), s.signedIn, s.ownPlatform, s.form)
}

// landing is the first page for everybody.
func (s *Server) landing(c echo.Context) error {
	who, ok := s.maybeDeveloper(c)
	return s.page(c, http.StatusOK, "home.html", map[string]any{
		"Title": "Auth, billing and usage limits in three calls", "SignedIn": ok, "Email": who.Email,
	})
}

// firstPage is where a developer arrives: at a test platform, as that is where one begins.
func (s *Server) firstPage(c echo.Context) error {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	for _, mode := range []id.Mode{id.Test, id.Live} {
		for _, project := range projects {
			for _, own := range project.Platforms {
				if own.Mode == mode {
					return s.firstOf(c, own)
				}
			}
		}
	}
	return c.Redirect(http.StatusSeeOther, "/projects")
}

// firstOf is the overview, or the quick start where no call has come yet.
func (s *Server) firstOf(c echo.Context, own platform.Platform) error {
	at := "/platforms/" + string(own.ID)
	if own.Mode == id.Test {
		came, err := s.usageRead.Any(c.Request().Context(), own.ID)
		if err != nil {
			return err
		}
		if !came {
			at += "/start"
		}
	}
	return c.Redirect(http.StatusSeeOther, at)
}

// ownPage is the address of a page of the platform of the path.
func ownPage(c echo.Context, page string) string {
	return "/platforms/" + string(platformOf(c).ID) + page
}

// go303 leads from a form to another page.
func go303(c echo.Context, address string) error { return c.Redirect(http.StatusSeeOther, address) }

// done leads from a form that succeeded to a page, which says so.
func (s *Server) done(c echo.Context, address string, f flash) error {
	if err := s.show(c, f); err != nil {
		return err
	}
	return go303(c, address)
}

// failed is whether an error is one that a page can tell a developer about and go on.
func failed(err error) bool {
	status := statuses[asError(err).Code]
	return err != nil && (status < http.StatusInternalServerError || status == http.StatusServiceUnavailable)
}
