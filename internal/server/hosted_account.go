package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// The account page of an end user. Its cookie is for one platform: whoever is signed in on several has one for each.

const userSessionKey = "userSession"

func userSessionOf(c echo.Context) tenant.PageSession {
	return c.Get(userSessionKey).(tenant.PageSession)
}

// userCookie names the cookie for a platform, whose id no end user sees.
func userCookie(at id.Platform) string {
	sum := sha256.Sum256([]byte(at))
	return "user-" + hex.EncodeToString(sum[:8])
}

// userSignedIn lets in an end user whose browser holds a session on the platform; others are led to the sign-in.
func (s *Server) userSignedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := s.visit(c)
		if err != nil {
			return s.hostedProblem(c, false, err)
		}
		session, err := s.endUsers.PageSession(c.Request().Context(), v.caller.Platform, s.cookie(c, userCookie(v.caller.Platform)))
		if errs.Is(err, errs.Unauthenticated) {
			return go303(c, "/sign-in?"+visitQuery(v.key.Reveal(), nil)) // and from there to the account
		}
		if err != nil {
			return err
		}
		c.Set(userSessionKey, session)
		return next(c)
	}
}

// offer is a tier that a customer can subscribe to.
type offer struct {
	tenant.Tier
	Current bool
}

func (s *Server) userAccountPage(c echo.Context) error {
	ctx, v, session := c.Request().Context(), visitOf(c), userSessionOf(c)
	at, customer := v.caller.Platform, session.Customer
	sessions, err := s.endUsers.Sessions(ctx, at, customer.ID)
	if err != nil {
		return err
	}
	tiers, err := s.gate.Tiers(ctx, at)
	if err != nil {
		return err
	}
	data := map[string]any{"Customer": customer, "Sessions": sessions, "Current": session.ID, "Plan": customer.Plan}
	var offers []offer
	for _, t := range tiers {
		if t.Name == customer.Plan {
			data["Plan"] = t.DisplayName
		}
		offers = append(offers, offer{t, t.Name == customer.Plan})
	}
	data["Offers"] = offers
	if customer.Plan != "" {
		report, err := s.usageReader.Of(ctx, at, customer.ID, "")
		if err != nil {
			return err
		}
		data["Bars"] = barsOf(report.Meters)
	}
	subscription, err := s.cashier.SubscriptionOf(ctx, at, customer.ID)
	if err != nil {
		return err
	}
	data["Subscription"] = subscription
	return s.hosted(c, statusOf(c), "account", "Your account", data)
}

// userProfilePage has Clerk's own form change the address and the password.
func (s *Server) userProfilePage(c echo.Context) error {
	app := s.cfg.CustomerClerk
	if app.Sandboxed {
		return go303(c, app.Frontend+"/user")
	}
	c.Response().Header().Set("Content-Security-Policy", app.signInPolicy("'self'"))
	return s.hosted(c, http.StatusOK, "profile", "Email and password", map[string]any{"Frontend": app.Frontend, "ClerkKey": app.PublishableKey})
}

// accountAddress is that of the account page, for this visit.
func accountAddress(c echo.Context) string { return "/account?" + visitOf(c).query() }

// changeOwnName changes the name by which this product knows the customer.
func (s *Server) changeOwnName(c echo.Context) error {
	first, last := posted(c, "firstName"), posted(c, "lastName")
	_, err := s.customers.Update(c.Request().Context(), visitOf(c).caller.Platform, userSessionOf(c).Customer.ID,
		tenant.CustomerChange{FirstName: &first, LastName: &last})
	if err != nil {
		return err
	}
	return s.done(c, accountAddress(c), flash{Title: "Saved"})
}

// upgrade leads to Stripe's page, where a tier is paid or the change of a subscription confirmed.
func (s *Server) upgrade(c echo.Context) error {
	back := s.cfg.CustomerURL.String() + accountAddress(c)
	address, _, err := s.cashier.Checkout(c.Request().Context(), billing.Order{
		Platform: visitOf(c).caller.Platform, UserID: userSessionOf(c).Customer.ID, Tier: posted(c, "tier"), Interval: posted(c, "interval"),
		SuccessURL: back, CancelURL: back,
	}, idempotency.Request{})
	if err != nil {
		return err
	}
	return go303(c, address)
}

// visitBilling leads to Stripe's billing portal.
func (s *Server) visitBilling(c echo.Context) error {
	address, err := s.cashier.Portal(c.Request().Context(), visitOf(c).caller.Platform, userSessionOf(c).Customer.ID,
		s.cfg.CustomerURL.String()+accountAddress(c))
	if err != nil {
		return err
	}
	return go303(c, address)
}

func (s *Server) endOwnSession(c echo.Context) error {
	session := id.UserSession(c.Param("session"))
	if session == userSessionOf(c).ID {
		return s.userLeaves(c, session)
	}
	err := s.endUsers.SignOut(c.Request().Context(), visitOf(c).caller.Platform, userSessionOf(c).Customer.ID, session)
	if err != nil {
		return err
	}
	return s.done(c, accountAddress(c), flash{Title: "That device is signed out"})
}

func (s *Server) userSignOut(c echo.Context) error { return s.userLeaves(c, userSessionOf(c).ID) }

func (s *Server) userSignOutEverywhere(c echo.Context) error { return s.userLeaves(c, "") }

// userLeaves ends a session, or all for an empty id, and with it this page's cookie.
func (s *Server) userLeaves(c echo.Context, session id.UserSession) error {
	v := visitOf(c)
	if err := s.endUsers.SignOut(c.Request().Context(), v.caller.Platform, userSessionOf(c).Customer.ID, session); err != nil {
		return err
	}
	s.forgetUser(c)
	message := "You are signed out of this page."
	if session == "" {
		message = "You are signed out on every device."
	}
	return s.hosted(c, http.StatusOK, "farewell", "Signed out", map[string]any{"Message": message, "SignInURL": "/sign-in?" + v.query()})
}

func (s *Server) forgetUser(c echo.Context) {
	s.setCookie(c, userCookie(visitOf(c).caller.Platform), secret.Text{}, -1)
	s.setCookie(c, "flash", secret.Text{}, -1)
}

// reauthenticate has the customer sign in again, before what can not be undone.
func (s *Server) reauthenticate(c echo.Context) error {
	v := visitOf(c)
	if err := s.endUsers.Reauthenticate(c.Request().Context(), v.caller.Platform, userSessionOf(c)); err != nil {
		return err
	}
	s.forgetUser(c)
	return go303(c, "/sign-in?"+visitQuery(v.key.Reveal(), nil))
}

func (s *Server) deleteAccountPage(c echo.Context) error {
	session := userSessionOf(c)
	return s.hosted(c, statusOf(c), "account-delete", "Delete your account", map[string]any{
		"Customer": session.Customer, "Fresh": session.Fresh,
	})
}

// deleteOwnAccount ends the membership: it takes the address, typed, from somebody who has just signed in.
func (s *Server) deleteOwnAccount(c echo.Context) error {
	v, session := visitOf(c), userSessionOf(c)
	typed := posted(c, "email")
	switch {
	case !session.Fresh:
		return errs.New(errs.Forbidden, "Sign in again first: what can not be undone takes a sign-in of the last 15 minutes.")
	case session.Customer.Email == nil || !strings.EqualFold(typed, *session.Customer.Email):
		return errs.InvalidParam("email", "This is not the address of your account. Nothing was deleted.")
	}
	if err := s.customers.Delete(c.Request().Context(), v.caller.Platform, session.Customer.ID); err != nil {
		return err
	}
	s.forgetUser(c)
	return s.hosted(c, http.StatusOK, "farewell", "Your account is deleted", map[string]any{
		"Message": "Your account and what was kept with it are gone, and a subscription, if there was one, has ended. " +
			"What you paid stays on the receipts that Stripe keeps, as the law demands.",
	})
}

// export is all that is held of a customer.
type export struct {
	Customer     tenant.Customer        `json:"customer"`
	Usage        map[string]usage.Usage `json:"usage"`
	Days         []usage.Day            `json:"days"`
	Adjustments  []usage.Adjustment     `json:"adjustments"`
	Subscription *billing.Subscription  `json:"subscription"`
	Sessions     []tenant.UserSession   `json:"sessions"`
	Timeline     []tenant.Happening     `json:"timeline"`
}

func (s *Server) exportOf(c echo.Context, at id.Platform, customer string) (export, error) {
	ctx := c.Request().Context()
	found, err := s.customers.Get(ctx, at, customer)
	if err != nil {
		return export{}, err
	}
	e := export{Customer: found, Usage: map[string]usage.Usage{}, Adjustments: []usage.Adjustment{}, Timeline: []tenant.Happening{}}
	if found.Plan != "" {
		report, err := s.usageReader.Of(ctx, at, customer, "")
		if err != nil {
			return e, err
		}
		e.Usage = report.Meters
	}
	if e.Days, err = s.usageReader.Days(ctx, at, customer); err != nil {
		return e, err
	}
	for more, cursor := true, ""; more; {
		var page []usage.Adjustment
		if page, more, err = s.usageReader.Adjustments(ctx, at, customer, cursor, 100); err != nil {
			return e, err
		}
		if e.Adjustments = append(e.Adjustments, page...); more {
			cursor = page[len(page)-1].ID
		}
	}
	for cursor, first := "", true; first || cursor != ""; first = false {
		var page []tenant.Happening
		if page, cursor, err = s.customers.Timeline(ctx, at, customer, cursor, 100); err != nil {
			return e, err
		}
		e.Timeline = append(e.Timeline, page...)
	}
	if e.Subscription, err = s.cashier.SubscriptionOf(ctx, at, customer); err != nil {
		return e, err
	}
	e.Sessions, err = s.endUsers.Sessions(ctx, at, customer)
	return e, err
}

func (s *Server) exportCustomer(c echo.Context) error {
	data, err := s.exportOf(c, callerOf(c).Platform, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, data)
}

func (s *Server) exportOwnData(c echo.Context) error {
	data, err := s.exportOf(c, visitOf(c).caller.Platform, userSessionOf(c).Customer.ID)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="my-data.json"`)
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, text)
}
