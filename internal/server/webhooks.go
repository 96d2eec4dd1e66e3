package server

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dream-api/dream-api/internal/errs"
)

// receiveClerkEvent takes an event of the shared Clerk app. Of a user's nothing is believed but that something happened:
// the job asks Clerk. Of a session's it is enough that it was revoked, as after a new password; that a user signed out of
// it says nothing of where else they are signed in.
func (s *Server) receiveClerkEvent(c echo.Context) error {
	event, err := clerkEvent(c, s.clerkHooks)
	if err != nil {
		return err
	}
	userID, sessionID := "", ""
	switch {
	case strings.HasPrefix(event.Type, "user."):
		userID = event.Data.ID
	case event.Type == "session.revoked":
		userID, sessionID = event.Data.UserID, event.Data.ID
	}
	if userID != "" {
		if err := s.background.Receive(c.Request().Context(), event.id, event.Type, userID, sessionID); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, object{{"received", true}})
}

// receiveDeveloperClerkEvent takes an event of the developers' Clerk app: that a session ended, or that a user changed.
func (s *Server) receiveDeveloperClerkEvent(c echo.Context) error {
	event, err := clerkEvent(c, s.developerHooks)
	if err != nil {
		return err
	}
	userID, sessionID := event.Data.ID, ""
	switch event.Type {
	case "user.updated", "user.deleted":
	case "session.ended", "session.removed", "session.revoked":
		userID, sessionID = event.Data.UserID, event.Data.ID
	default:
		userID = ""
	}
	if userID != "" {
		if err := s.developers.Receive(c.Request().Context(), event.id, event.Type, userID, sessionID); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, object{{"received", true}})
}

type clerkMessage struct {
	id   string
	Type string `json:"type"`
	Data struct {
		ID     string `json:"id"`
		UserID string `json:"user_id"`
	} `json:"data"`
}

// clerkEvent reads an event of Clerk's that one of the hooks signed.
func clerkEvent(c echo.Context, hooks []*standardwebhooks.Webhook) (clerkMessage, error) {
	var event clerkMessage
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return event, err
	}
	// Clerk signs by way of Svix, whose scheme is that of Standard Webhooks under other names.
	header := http.Header{}
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		header.Set("Webhook-"+name, c.Request().Header.Get("Svix-"+name))
	}
	signed := slices.ContainsFunc(hooks, func(hook *standardwebhooks.Webhook) bool { return hook.Verify(body, header) == nil })
	if !signed {
		return event, errs.New(errs.InvalidSignature, "The event is not signed with the secret of this endpoint, or is more than five "+
			"minutes old.")
	}
	event.id = header.Get("Webhook-Id")
	if err := json.Unmarshal(body, &event); err != nil {
		return event, errs.New(errs.InvalidJSON, "The event is not JSON.").Because(err)
	}
	return event, nil
}
