package server

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// customerRoutes are what developers' backends and their end users call.
func (s *Server) customerRoutes(e *echo.Echo) {
	e.GET("/", s.customerHome)
	s.docRoutes(e)
	e.POST("/webhook/clerk", s.receiveClerkEvent)

	e.GET("/.well-known/jwks.json", s.jwks)
	s.hostedRoutes(e)

	e.GET("/api/tiers", s.listPriceList, s.anybody)

	e.POST("/api/customers", s.createCustomer, s.backend)
	e.GET("/api/customers", s.listCustomers, s.backend)
	e.GET("/api/customers/:id", s.getCustomer, s.backend)
	e.PATCH("/api/customers/:id", s.updateCustomer, s.backend)
	e.DELETE("/api/customers/:id", s.deleteCustomer, s.backend)

	e.GET("/api/customers/:id/export", s.exportCustomer, s.backend)
	e.GET("/api/customers/:id/sessions", s.listCustomerSessions, s.backend)
	e.DELETE("/api/customers/:id/sessions", s.endCustomerSessions, s.backend)
	e.DELETE("/api/customers/:id/sessions/:session", s.endCustomerSessions, s.backend)
	e.POST("/api/sessions", s.createSession, s.client)
	e.POST("/api/sessions/refresh", s.refreshSession, s.client)
	e.POST("/api/sessions/revoke", s.revokeSession, s.client)
	e.POST("/api/invitations", s.createInvitation, s.backend)
	e.GET("/api/invitations", s.listInvitations, s.backend)
	e.DELETE("/api/invitations/:invitation", s.revokeInvitation, s.backend)

	e.POST("/api/data", s.backendOrUserBy(s.remembered(), s.track))
	e.POST("/api/data/batch", s.backendBy(s.remembered(), s.ifRoom(s.trackBatch)))
	e.POST("/api/grants", s.createGrant, s.backend)
	e.GET("/api/adjustments", s.listAdjustments, s.backend)
	e.GET("/api/usage", s.getUsage, s.backendOrUser)

	e.POST("/api/create-checkout", s.createCheckout, s.backendOrUser)
	e.POST("/api/customer-portal", s.createPortal, s.backendOrUser)
	e.GET("/checkout/return", s.returnFromCheckout)
	e.GET("/checkout/done", s.checkoutDone)
	e.GET("/checkout/canceled", s.checkoutCanceled)
	e.POST("/webhook/stripe", s.receiveStripeEvent(billing.PreviewEndpoint, billing.ConnectEndpoint))
}

func (s *Server) listPriceList(c echo.Context) error {
	tiers, err := s.gate.Tiers(c.Request().Context(), callerOf(c).Platform)
	if err != nil {
		return err
	}
	list := make([]priceListEntry, len(tiers))
	for i, t := range tiers {
		list[i] = priceListEntryOf(t)
	}
	return c.JSON(http.StatusOK, object{{"tiers", list}})
}

func (s *Server) createCustomer(c echo.Context) error {
	var in struct {
		Email     string      `json:"email"`
		FirstName string      `json:"firstName"`
		LastName  string      `json:"lastName"`
		Plan      string      `json:"plan"`
		Password  secret.Text `json:"password"`
		ID        string      `json:"id"`
	}
	body, err := decode(c, &in, false)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	made, replayed, err := s.customers.Create(c.Request().Context(), callerOf(c).Platform, tenant.NewCustomer{
		ID: in.ID, Email: in.Email, FirstName: in.FirstName, LastName: in.LastName, Plan: in.Plan, Password: in.Password,
	}, key, body)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusCreated, object{{"success", true}, {"customer", made}})
}

func (s *Server) listCustomers(c echo.Context) error {
	return s.respondCustomers(c, s.customers, callerOf(c).Platform)
}

func (s *Server) respondCustomers(c echo.Context, customers *tenant.Customers, at id.Platform) error {
	filter, err := customerFilter(c)
	if err != nil {
		return err
	}
	if !filter.Near {
		page, err := customers.List(c.Request().Context(), at, filter)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, list(page.Customers, page.Next))
	}
	asOf, err := s.watch.AsOf(c.Request().Context(), at)
	if err != nil {
		return err
	}
	page, err := customers.List(c.Request().Context(), at, filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, append(list(page.Customers, page.Next), member{"asOf", asOf}))
}

// customerParams are the parameters of a list of customers.
var customerParams = []string{"email", "plan", "q", "status", "near", "sort", "cursor", "limit"}

// customerFilter reads the parameters of a list of customers. Where one of them is wrong, it has the others.
func customerFilter(c echo.Context) (tenant.Filter, error) {
	near := c.QueryParam("near")
	filter := tenant.Filter{
		Email: c.QueryParam("email"), Plan: c.QueryParam("plan"), Q: c.QueryParam("q"), Cursor: c.QueryParam("cursor"),
		Status: c.QueryParam("status"), Sort: c.QueryParam("sort"),
	}
	filter.Near = near == "true" || filter.Sort == "usage" // of nobody else it is known
	if err := onlyParams(c, customerParams...); err != nil {
		return filter, err
	}
	if !slices.Contains([]string{"", "true", "false"}, near) {
		return filter, errs.InvalidParam("near", "near is true or false.")
	}
	var err error
	filter.Limit, err = numberParam(c, "limit", usualPage, mostOfAPage)
	return filter, err
}

func (s *Server) getCustomer(c echo.Context) error {
	found, err := s.customers.Get(c.Request().Context(), callerOf(c).Platform, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"customer", found}})
}

func (s *Server) updateCustomer(c echo.Context) error {
	return s.respondUpdated(c, callerOf(c).Platform)
}

// respondUpdated changes a customer of a platform, as the body says.
func (s *Server) respondUpdated(c echo.Context, at id.Platform) error {
	var in struct {
		Plan      *string         `json:"plan"`
		FirstName *string         `json:"firstName"`
		LastName  *string         `json:"lastName"`
		Metadata  tenant.Metadata `json:"metadata"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	updated, err := s.customers.Update(c.Request().Context(), at, c.Param("id"), tenant.CustomerChange(in))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}, {"customer", updated}})
}

func (s *Server) deleteCustomer(c echo.Context) error {
	return s.respondDeleted(c, callerOf(c).Platform)
}

// respondDeleted ends a membership on a platform.
func (s *Server) respondDeleted(c echo.Context, at id.Platform) error {
	customer := c.Param("id")
	if err := s.customers.Delete(c.Request().Context(), at, customer); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}, {"deleted", object{{"id", customer}}}})
}

// list is the shape of every list that is paged.
func list[T any](data []T, next string) object {
	var cursor *string
	if next != "" {
		cursor = &next
	}
	return object{{"data", notNil(data)}, {"hasMore", next != ""}, {"nextCursor", cursor}}
}
