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

// receiveClerkEvent takes an event of the shared Clerk app. Nothing of it is believed but that something happened to
// the user: the job asks Clerk.
func (s *Server) receiveClerkEvent(c echo.Context) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	// Clerk signs by way of Svix, whose scheme is that of Standard Webhooks under other names.
	header := http.Header{}
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		header.Set("Webhook-"+name, c.Request().Header.Get("Svix-"+name))
	}
	if !s.signed(body, header) {
		return errs.New(errs.InvalidSignature, "The event is not signed with the secret of this endpoint, or is more than five "+
			"minutes old.")
	}
	var event struct {
		Type string `json:"type"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return errs.New(errs.InvalidJSON, "The event is not JSON.").Because(err)
	}
	if strings.HasPrefix(event.Type, "user.") && event.Data.ID != "" {
		err := s.background.Receive(c.Request().Context(), header.Get("Webhook-Id"), event.Type, event.Data.ID)
		if err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, object{{"received", true}})
}

func (s *Server) signed(body []byte, header http.Header) bool {
	return slices.ContainsFunc(s.clerkHooks, func(hook *standardwebhooks.Webhook) bool {
		return hook.Verify(body, header) == nil
	})
}
