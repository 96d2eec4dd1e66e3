package server

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) keysPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	keys, err := s.admin.Keys(ctx, own)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	standing, err := s.desk.Standing(ctx, own)
	if err != nil {
		return err
	}
	var usable, ended []tenant.Key
	for i := len(keys) - 1; i >= 0; i-- { // newest first
		if k := keys[i]; k.Works() {
			usable = append(usable, k)
		} else {
			ended = append(ended, k)
		}
	}
	return s.view(c, "keys", "Keys", map[string]any{
		"Keys": usable, "Ended": ended, "Tiers": tiers, "Lacks": standing.Lacks,
	})
}

func (s *Server) addKey(c echo.Context) error {
	made, err := s.makeKey(c, id.KeyKind(posted(c, "kind")), posted(c, "name"))
	if err != nil {
		return err
	}
	return s.keyMade(c, "The key "+made.Key.Name+" is ready", made)
}

func (s *Server) replaceKey(c echo.Context) error {
	seconds, err := strconv.Atoi(posted(c, "overlapSeconds"))
	if err != nil {
		return errs.InvalidParam("overlapSeconds", "Choose for how long the old key works on.")
	}
	made, _, err := s.admin.RotateKey(c.Request().Context(), platformOf(c), c.Param("key"),
		time.Duration(min(max(seconds, -1), 1<<31))*time.Second, idempotency.Request{})
	if err != nil {
		return err
	}
	return s.keyMade(c, "The key "+made.Key.Name+" has a successor", made)
}

// makeKey makes a key for a form.
func (s *Server) makeKey(c echo.Context, kind id.KeyKind, name string) (tenant.NewKey, error) {
	made, _, err := s.admin.CreateKey(c.Request().Context(), platformOf(c), kind, name, idempotency.Request{})
	if err == nil {
		affects(c, string(made.Key.ID))
	}
	return made, err
}

// keyMade leads to the list, which shows the secret this once.
func (s *Server) keyMade(c echo.Context, title string, made tenant.NewKey) error {
	f := flash{Title: title, Secret: made.Secret}
	if made.Secret == "" {
		f.Message = "A publishable key is no secret: you find it in the list at any time."
	}
	return s.done(c, ownPage(c, "/keys"), f)
}

func (s *Server) endKey(c echo.Context) error {
	revoked, err := s.admin.RevokeKey(c.Request().Context(), platformOf(c).ID, c.Param("key"))
	if err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/keys"), flash{Title: "The key " + revoked.Name + " is revoked", Message: "It opens nothing any more."})
}
