package server

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// createCheckout answers with a page at Stripe on which the customer pays, or confirms the change of a subscription.
func (s *Server) createCheckout(c echo.Context) error {
	var in struct {
		Tier       string `json:"tier"`
		Interval   string `json:"interval"`
		SuccessURL string `json:"successUrl"`
		CancelURL  string `json:"cancelUrl"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	var faults []errs.Fault
	if in.Tier == "" {
		faults = append(faults, errs.Fault{Param: "tier", Message: "tier is missing: the name of the tier to subscribe to."})
	}
	faults = append(faults, returnFaults(c, "successUrl", in.SuccessURL)...)
	faults = append(faults, returnFaults(c, "cancelUrl", in.CancelURL)...)
	if err := errs.Invalid(faults); err != nil {
		return err
	}
	caller, stated := callerOf(c), statedPlan(c)
	r.User, r.Body = caller.UserID, append(r.Body, stated...)
	address, replayed, err := s.cashier.Checkout(c.Request().Context(), billing.Order{
		Platform: caller.Platform, UserID: caller.UserID, Plan: stated, Tier: in.Tier, Interval: in.Interval,
		SuccessURL: in.SuccessURL, CancelURL: in.CancelURL,
	}, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusOK, object{{"url", address}})
}

// createPortal answers with the address of the customer's billing portal.
func (s *Server) createPortal(c echo.Context) error {
	var in struct {
		ReturnURL string `json:"returnUrl"`
	}
	if _, err := decode(c, &in, true); err != nil {
		return err
	}
	if err := noIdempotencyKey(c, "it changes nothing: each answer is a fresh address"); err != nil {
		return err
	}
	if err := errs.Invalid(returnFaults(c, "returnUrl", in.ReturnURL)); err != nil {
		return err
	}
	caller := callerOf(c)
	address, err := s.cashier.Portal(c.Request().Context(), caller.Platform, caller.UserID, in.ReturnURL)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"url", address}})
}

// returnFaults says what is wrong with an address to which the browser goes back. A backend may name any; the page of an
// end user only those of the platform's allowed origins, so that nobody is led astray by way of us.
func returnFaults(c echo.Context, param, address string) []errs.Fault {
	if faults := addressFaults(param, address); address == "" || len(faults) > 0 {
		return faults
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil // it was parsed above
	}
	caller := callerOf(c)
	origin := u.Scheme + "://" + strings.ToLower(u.Host)
	if !caller.Backend && !caller.Allows(origin) {
		return []errs.Fault{{Param: param, Message: param + " is at " + origin + ", which is not among the allowed origins of the platform."}}
	}
	return nil
}

// addressFaults says what is wrong with an address that a backend names.
func addressFaults(param, address string) []errs.Fault {
	u, err := url.Parse(address)
	plain := err == nil && u.Host != "" && u.User == nil && len(address) <= 2000 &&
		(u.Scheme == "https" || u.Scheme == "http" && tenant.IsLocalHost(u.Hostname()))
	if plain || address == "" {
		return nil
	}
	return []errs.Fault{{Param: param, Message: param + " is an address such as https://app.example.com/paid; plain http is for " +
		"localhost alone."}}
}

// returnFromCheckout is where Stripe sends a customer back to. The plan is right before the browser goes on.
func (s *Server) returnFromCheckout(c echo.Context) error {
	address, err := s.cashier.Return(c.Request().Context(), c.QueryParam("session_id"))
	if address == "" {
		return err
	}
	if err != nil { // who has just paid is not kept here
		s.log.WarnContext(c.Request().Context(), "a checkout could not be looked at", "requestId", requestID(c), "error", err)
	}
	return c.Redirect(http.StatusSeeOther, address)
}

func (s *Server) checkoutDone(c echo.Context) error {
	return s.page(c, http.StatusOK, "message.html", map[string]any{
		"Bare": true, "Title": "All done", "Message": "Your plan is up to date. You can close this page and go back to the app.",
	})
}

func (s *Server) checkoutCanceled(c echo.Context) error {
	return s.page(c, http.StatusOK, "message.html", map[string]any{
		"Bare": true, "Title": "Nothing was charged", "Message": "You left the checkout before paying. You can close this page and go back to the app.",
	})
}

// receiveStripeEvent takes the events of some endpoints.
func (s *Server) receiveStripeEvent(endpoints ...billing.Endpoint) echo.HandlerFunc {
	secrets := billing.Secrets{}
	for _, endpoint := range endpoints {
		secrets[endpoint] = s.cfg.StripeSecrets[endpoint]
	}
	return func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		signature := c.Request().Header.Get("Stripe-Signature")
		if err := s.billing.Receive(c.Request().Context(), body, signature, secrets); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, object{{"received", true}})
	}
}
