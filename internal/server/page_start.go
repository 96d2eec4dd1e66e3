package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// beginning is which of the three calls a platform has seen.
type beginning struct {
	Customer bool `json:"customer"` // one was created
	Call     bool `json:"call"`     // one was tracked
	Checkout bool `json:"checkout"` // one was asked for
}

// Done reports whether all three have come.
func (b beginning) Done() bool { return b.Customer && b.Call && b.Checkout }

func (s *Server) beginningOf(c echo.Context, own id.Platform) (b beginning, err error) {
	ctx := c.Request().Context()
	if b.Customer, err = s.admin.HasCustomers(ctx, own); err != nil {
		return b, err
	}
	if b.Call, err = s.usageRead.Any(ctx, own); err != nil {
		return b, err
	}
	b.Checkout, err = s.desk.HasCheckouts(ctx, own)
	return b, err
}

func (s *Server) getStart(c echo.Context) error {
	b, err := s.beginningOf(c, platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"start", b}})
}

// startPage shows the three calls, with the platform's own key where it has just been made, and which have come.
func (s *Server) startPage(c echo.Context) error {
	if platformOf(c).Mode != id.Test { // the switch of the mode leads here
		return go303(c, ownPage(c, ""))
	}
	own := platformOf(c).ID
	b, err := s.beginningOf(c, own)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(c.Request().Context(), own)
	if err != nil {
		return err
	}
	free, paid := "", ""
	for _, t := range onSale(tiers) {
		if t.Free() && free == "" {
			free = t.Name
		}
		if !t.Free() && paid == "" {
			paid = t.Name
		}
	}
	return s.view(c, "start", "Quick start", map[string]any{"Came": b, "Free": free, "Paid": paid})
}

// keyToStart makes a test key, and shows it in the calls.
func (s *Server) keyToStart(c echo.Context) error {
	if platformOf(c).Mode != id.Test {
		return errs.New(errs.NotFound, "The quick start is for a test platform.")
	}
	made, err := s.makeKey(c, id.Secret, "quick start")
	if err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/start"), flash{Title: "Your test key", Secret: made.Secret})
}
