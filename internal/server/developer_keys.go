package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) listKeys(c echo.Context) error {
	keys, err := s.admin.Keys(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(keys, ""))
}

func (s *Server) createKey(c echo.Context) error {
	var in struct {
		Kind id.KeyKind `json:"kind"`
		Name string     `json:"name"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	made, replayed, err := s.admin.CreateKey(c.Request().Context(), platformOf(c), in.Kind, in.Name, r)
	affects(c, string(made.Key.ID))
	return respondKey(c, made, replayed, err)
}

func (s *Server) rotateKey(c echo.Context) error {
	in := struct {
		OverlapSeconds int64 `json:"overlapSeconds"`
	}{24 * 60 * 60}
	r, err := s.decodeOnce(c, &in, true)
	if err != nil {
		return err
	}
	if in.OverlapSeconds > 1<<31 || in.OverlapSeconds < 0 {
		in.OverlapSeconds = 1 << 31 // out of range either way, and it stays so as a Duration
	}
	made, replayed, err := s.admin.RotateKey(c.Request().Context(), platformOf(c), c.Param("key"),
		time.Duration(in.OverlapSeconds)*time.Second, r)
	return respondKey(c, made, replayed, err)
}

// respondKey shows the secret once: a repetition of the answer has none.
func respondKey(c echo.Context, made tenant.NewKey, replayed bool, err error) error {
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	body := object{{"key", made.Key}}
	if made.Secret != "" {
		body = append(body, member{"secret", made.Secret})
	}
	return c.JSON(http.StatusCreated, body)
}

func (s *Server) revokeKey(c echo.Context) error {
	key, err := s.admin.RevokeKey(c.Request().Context(), platformOf(c).ID, c.Param("key"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"key", key}})
}
