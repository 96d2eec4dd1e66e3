package server

import (
	"encoding/csv"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
)

// Whatever changes something on the developer surface is written down: who did what, when, and from where.

// actions are all that is written down, in the words of the page.
var actions = map[string]string{
	"session.create": "Signed in", "session.end": "Signed a browser out", "session.end_all": "Signed out everywhere",
	"token.create": "Created a developer token", "token.revoke": "Revoked a developer token",
	"plan.checkout": "Went to pay for the plan", "plan.portal": "Opened the plan's billing portal",
	"project.create": "Created a project", "project.rename": "Renamed a project", "platform.create": "Created a platform",
	"settings.change": "Changed the settings", "sign_in.change": "Changed the sign-in pages",
	"stripe.connect": "Went to connect Stripe", "stripe.disconnect": "Disconnected Stripe",
	"domain.add": "Added a domain", "domain.remove": "Removed a domain",
	"key.create": "Created a key", "key.rotate": "Rotated a key", "key.revoke": "Revoked a key",
	"tier.create": "Created a tier", "tier.change": "Changed a tier", "tier.archive": "Archived a tier", "tier.restore": "Restored a tier",
	"tier.order": "Reordered the tiers", "tier.copy": "Copied a price list", "tier.move_subscribers": "Moved subscribers to the present price",
	"customer.change": "Changed a customer", "customer.delete": "Deleted a customer", "customer.grant": "Granted units",
	"customer.sign_out": "Signed a customer out", "customer.reset": "Reset a customer's usage", "customer.portal": "Opened a customer's billing portal",
	"event.reprocess": "Reprocessed an event",
}

const targetKey = "auditTarget"

// affects says what an act was done to, where only its handler knows.
func affects(c echo.Context, target string) { c.Set(targetKey, target) }

// audited writes an act down before it is done, and after it how it came out. An act that can not be written down is not done.
func (s *Server) audited(action string, act echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		entry, err := s.platform.BeginAct(c.Request().Context(), actOf(c, action))
		if err != nil {
			return err
		}
		failed := act(c)
		target, _ := c.Get(targetKey).(string)
		if err := s.platform.EndAct(c.Request().Context(), entry, target, failed == nil); err != nil {
			s.log.WarnContext(c.Request().Context(), "the outcome of an act could not be written down",
				slog.String("requestId", requestID(c)), slog.Any("error", err))
		}
		return failed
	}
}

func actOf(c echo.Context, action string) platform.Act {
	act := platform.Act{Developer: developerOf(c).ID, Action: action, Via: "dashboard", IP: c.RealIP(), RequestID: requestID(c)}
	if _, ok := c.Get(sessionKey).(id.Session); !ok {
		act.Via = "clerk"
		if token, err := bearer(c); err == nil && !isJWT(token) {
			act.Via = "token"
		}
	}
	if own, ok := c.Get(platformKey).(platform.Platform); ok {
		act.Platform = own.ID
	}
	var targets []string
	for i, name := range c.ParamNames() {
		if name != "platform" {
			targets = append(targets, c.ParamValues()[i])
		}
	}
	act.Target = strings.Join(targets, " ")
	return act
}

// auditParams are the parameters of the log.
var auditParams = []string{"platform", "action", "from", "to", "cursor", "limit"}

func auditFilter(c echo.Context) (platform.AuditFilter, error) {
	if err := onlyParams(c, auditParams...); err != nil {
		return platform.AuditFilter{}, err
	}
	when, err := spanOf(c)
	if err != nil {
		return platform.AuditFilter{}, err
	}
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	return platform.AuditFilter{
		Platform: c.QueryParam("platform"), Action: c.QueryParam("action"), Since: when.Since, Until: when.Until,
		Cursor: c.QueryParam("cursor"), Limit: most,
	}, err
}

func (s *Server) listAudit(c echo.Context) error {
	filter, err := auditFilter(c)
	if err != nil {
		return err
	}
	entries, next, err := s.platform.Audit(c.Request().Context(), developerOf(c).ID, filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(entries, next))
}

func (s *Server) auditPage(c echo.Context) error {
	var entries []platform.AuditEntry
	next := ""
	filter, err := auditFilter(c)
	if err == nil {
		entries, next, err = s.platform.Audit(c.Request().Context(), developerOf(c).ID, filter)
	}
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	if next != "" {
		next = "/activity?" + withCursor(c, next).Encode()
	}
	here := withCursor(c, "")
	here.Del("limit")
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(actions[a], actions[b]) })
	return s.filteredView(c, "activity", "Activity", faults, map[string]any{
		"Entries": entries, "Next": next, "Export": "/activity/export?" + here.Encode(), "First": "/activity?" + here.Encode(), "Actions": names,
		"Later": c.QueryParam("cursor") != "", "Platform": c.QueryParam("platform"), "Action": c.QueryParam("action"),
		"From": c.QueryParam("from"), "To": c.QueryParam("to"), "Filtered": len(here) > 0,
	})
}

// exportAudit streams the log, or what is asked for of it, as CSV, page by page.
func (s *Server) exportAudit(c echo.Context) error {
	filter, err := auditFilter(c)
	if err != nil {
		return err
	}
	filter.Limit = mostOfAPage
	entries, next, err := s.platform.Audit(c.Request().Context(), developerOf(c).ID, filter)
	if err != nil { // while an error can still be answered
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="activity.csv"`)
	out := csv.NewWriter(c.Response())
	if err := out.Write([]string{"id", "at", "platform", "action", "target", "via", "ip", "requestId", "outcome"}); err != nil {
		return err
	}
	for {
		for _, e := range entries {
			row := []string{
				e.ID, e.At.UTC().Format(time.RFC3339), string(orDefault(e.Platform, "")), e.Action, plainCell(e.Target), e.Via, e.IP, e.RequestID,
				orDefault(e.Outcome, ""),
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		if out.Flush(); out.Error() != nil || next == "" {
			return out.Error()
		}
		filter.Cursor = next
		if entries, next, err = s.platform.Audit(c.Request().Context(), developerOf(c).ID, filter); err != nil {
			return s.breakOff(c, err)
		}
	}
}

// plainCell keeps a spreadsheet from taking a text for a formula: an end user's id may begin with what starts one.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
