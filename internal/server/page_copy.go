package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// copyPreview is what a copy does, as the JSON API says it.
type copyPreview struct {
	From        id.Platform             `json:"from"`
	Add         []tierEntry             `json:"add"`
	Change      []tenant.TierDifference `json:"change"`
	Same        []string                `json:"same"`
	Stay        []string                `json:"stay"`
	Currency    *tenant.FieldDifference `json:"currency"` // null: it stays
	Fingerprint string                  `json:"fingerprint"`
}

// previewFrom says what copying the tiers of another of the developer's platforms does.
func (s *Server) previewFrom(c echo.Context, other string) (platform.Platform, tenant.CopyPreview, error) {
	ctx := c.Request().Context()
	from, err := s.platform.Owned(ctx, developerOf(c).ID, other)
	if err != nil {
		return from, tenant.CopyPreview{}, err
	}
	preview, err := s.admin.PreviewCopy(ctx, from.ID, platformOf(c).ID)
	return from, preview, err
}

func (s *Server) previewCopy(c echo.Context) error {
	from, p, err := s.previewFrom(c, c.QueryParam("from"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"preview", copyPreview{
		from.ID, tierEntries(p.Add), p.Change, p.Same, p.Stay, p.Currency, p.Fingerprint,
	}}})
}

// copyPage says what a copy will do, before it is done.
func (s *Server) copyPage(c echo.Context) error {
	from, preview, err := s.previewFrom(c, c.QueryParam("from"))
	data := map[string]any{"From": from, "Then": c.QueryParam("then"), "Preview": preview, "Nothing": len(preview.Add)+len(preview.Change) == 0 && preview.Currency == nil}
	if err != nil {
		if from.ID == "" || !failed(err) {
			return err
		}
		data["Refused"] = asError(err).Message
	}
	return s.view(c, "copy", "Copy tiers", data)
}

func (s *Server) copyPriceList(c echo.Context) error {
	from, err := s.copyFrom(c, posted(c, "from"), posted(c, "fingerprint"))
	if err != nil {
		return err
	}
	next := ownPage(c, "/tiers")
	if platformOf(c).Mode == id.Live && posted(c, "then") == "setup" {
		next = ownPage(c, "/setup")
	}
	return s.done(c, next, flash{Title: "The tiers of " + from.Name + " are copied"})
}
