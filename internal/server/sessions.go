package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// An end user's session: the developer's product trades the code of a sign-in for it, and refreshes it.

// client lets in who trades codes and refresh tokens: a backend with its secret key, or an app that keeps no secret, with
// the publishable key alone.
func (s *Server) client(next echo.HandlerFunc) echo.HandlerFunc {
	backend := s.backend(next)
	return func(c echo.Context) error {
		if c.Request().Header.Get("Authorization") != "" {
			return backend(c)
		}
		named := c.Request().Header.Get("X-Publishable-Key")
		if named == "" {
			return errs.New(errs.Unauthenticated, "Send the secret key as Authorization: Bearer …; an app that keeps no secret sends the "+
				"header X-Publishable-Key.")
		}
		key, ok := id.ParseKey(named)
		if !ok || key.Kind != id.Publishable {
			return s.notAKey(named)
		}
		caller, err := s.gate.ByKey(c.Request().Context(), key)
		if err != nil {
			return err
		}
		return s.enter(c, next, caller)
	}
}

func clientOf(c echo.Context) (tenant.Client, error) {
	key, err := idempotencyKey(c)
	caller := callerOf(c)
	return tenant.Client{Platform: caller.Platform, Public: !caller.Backend, Retry: key}, err
}

func (s *Server) createSession(c echo.Context) error {
	var in struct {
		Code         secret.Text `json:"code"`
		CodeVerifier secret.Text `json:"codeVerifier"`
		RedirectURL  string      `json:"redirectUrl"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	client, err := clientOf(c)
	if err != nil {
		return err
	}
	if in.Code.Empty() {
		return errs.InvalidParam("code", "code is missing: the one that the browser brought back from the sign-in.")
	}
	tokens, replayed, err := s.endUsers.Trade(c.Request().Context(), client, tenant.Trade{
		Code: in.Code, Verifier: in.CodeVerifier, RedirectURL: in.RedirectURL,
	})
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return respondTokens(c, http.StatusCreated, tokens)
}

func (s *Server) refreshSession(c echo.Context) error {
	token, err := refreshTokenOf(c)
	if err != nil {
		return err
	}
	client, err := clientOf(c)
	if err != nil {
		return err
	}
	tokens, replayed, err := s.endUsers.Refresh(c.Request().Context(), client, token)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return respondTokens(c, http.StatusOK, tokens)
}

func (s *Server) revokeSession(c echo.Context) error {
	token, err := refreshTokenOf(c)
	if err != nil {
		return err
	}
	if err := s.endUsers.Revoke(c.Request().Context(), callerOf(c).Platform, token); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}})
}

func refreshTokenOf(c echo.Context) (secret.Text, error) {
	var in struct {
		RefreshToken secret.Text `json:"refreshToken"`
	}
	_, err := decode(c, &in, false)
	if err == nil && in.RefreshToken.Empty() {
		err = errs.InvalidParam("refreshToken", "refreshToken is missing: the one that came with the session token.")
	}
	return in.RefreshToken, err
}

func respondTokens(c echo.Context, status int, t tenant.Tokens) error {
	return c.JSON(status, object{
		{"token", t.Token.Reveal()}, {"refreshToken", t.RefreshToken.Reveal()}, {"expiresAt", t.ExpiresAt.UTC()},
		{"sessionId", t.Session}, {"customer", t.Customer},
	})
}

// jwks are the keys by which a session token can be verified by anybody.
func (s *Server) jwks(c echo.Context) error {
	keys, err := s.sessionKeys.JWKS()
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=3600")
	c.Response().Header().Set("Access-Control-Allow-Origin", "*")
	return c.JSONBlob(http.StatusOK, keys)
}

func (s *Server) listCustomerSessions(c echo.Context) error {
	sessions, err := s.endUsers.Sessions(c.Request().Context(), callerOf(c).Platform, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(sessions, ""))
}

func (s *Server) endCustomerSessions(c echo.Context) error {
	session := id.UserSession(c.Param("session"))
	if err := s.endUsers.EndSessions(c.Request().Context(), callerOf(c).Platform, c.Param("id"), session); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}})
}

func (s *Server) createInvitation(c echo.Context) error {
	var in struct {
		Email         string `json:"email"`
		Plan          string `json:"plan"`
		ExpiresInDays *int64 `json:"expiresInDays"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	made, replayed, err := s.customers.Invite(c.Request().Context(), callerOf(c).Platform, in.Email, in.Plan, in.ExpiresInDays, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	answer := object{{"success", true}, {"invitation", made.Invitation}}
	if !made.Secret.Empty() { // it is shown this once
		link := s.cfg.CustomerURL.JoinPath("/sign-up")
		link.RawQuery = visitQuery(made.PublishableKey, map[string]string{"invitation": made.Secret.Reveal()})
		answer = append(answer, member{"url", link.String()})
	}
	return c.JSON(http.StatusCreated, answer)
}

func (s *Server) listInvitations(c echo.Context) error {
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	found, next, err := s.customers.Invitations(c.Request().Context(), callerOf(c).Platform, most, c.QueryParam("cursor"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(found, next))
}

func (s *Server) revokeInvitation(c echo.Context) error {
	revoked, err := s.customers.RevokeInvitation(c.Request().Context(), callerOf(c).Platform, c.Param("invitation"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}, {"invitation", revoked}})
}
