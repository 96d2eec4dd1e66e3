package server

import (
	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
)

func (s *Server) accountPage(c echo.Context) error {
	ctx, who := c.Request().Context(), developerOf(c).ID
	sessions, err := s.platform.Sessions(ctx, who)
	if err != nil {
		return err
	}
	tokens, err := s.platform.Tokens(ctx, who)
	if err != nil {
		return err
	}
	working := tokens[:0]
	for _, token := range tokens {
		if token.RevokedAt == nil {
			working = append(working, token)
		}
	}
	return s.view(c, "account", "Account", map[string]any{
		"Sessions": sessions, "Current": sessionOf(c), "Tokens": working, "DeveloperURL": s.cfg.DeveloperURL.String(),
	})
}

func (s *Server) endOneSession(c echo.Context) error {
	session := id.Session(c.Param("session"))
	if session == sessionOf(c) {
		return s.leave(c, session)
	}
	if err := s.platform.SignOut(c.Request().Context(), developerOf(c).ID, session); err != nil {
		return err
	}
	return s.done(c, "/account", flash{Title: "That browser is signed out"})
}

func (s *Server) addToken(c echo.Context) error {
	token, err := s.platform.CreateToken(c.Request().Context(), developerOf(c).ID, posted(c, "name"))
	if err != nil {
		return err
	}
	affects(c, string(token.ID))
	return s.done(c, "/account", flash{Title: "The token " + token.Name + " is ready", Secret: token.Secret})
}

func (s *Server) endToken(c echo.Context) error {
	token, err := s.platform.RevokeToken(c.Request().Context(), developerOf(c).ID, c.Param("token"))
	if err != nil {
		return err
	}
	return s.done(c, "/account", flash{Title: "The token " + token.Name + " is revoked", Message: "It opens nothing any more."})
}
