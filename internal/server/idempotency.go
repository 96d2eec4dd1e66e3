package server

import (
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
)

// decodeOnce decodes a request that may carry an idempotency key. The route is the method and the path itself: a key
// that was used to rotate one secret does not stand for another.
func (s *Server) decodeOnce(c echo.Context, into any, optional bool) (idempotency.Request, error) {
	body, err := decode(c, into, optional)
	if err != nil {
		return idempotency.Request{}, err
	}
	key, err := idempotencyKey(c)
	return idempotency.Request{
		Route: fmt.Sprintf("%s %s", c.Request().Method, c.Request().URL.Path), Key: key, Body: body,
	}, err
}

// idempotencyKey reads the header; empty where there is none.
func idempotencyKey(c echo.Context) (string, error) {
	values := c.Request().Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	plain := strings.IndexFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) < 0
	if len(values) > 1 || key == "" || len(key) > idempotency.Longest || !plain {
		return "", errs.InvalidParam("Idempotency-Key", "Idempotency-Key is one text of 1 to %d visible ASCII characters.",
			idempotency.Longest)
	}
	return key, nil
}

// noIdempotencyKey refuses the header where no record of it is kept: it must not be passed over in silence.
func noIdempotencyKey(c echo.Context, because string) error {
	if c.Request().Header.Get("Idempotency-Key") != "" {
		return errs.InvalidParam("Idempotency-Key", "This request takes no Idempotency-Key, as %s.", because)
	}
	return nil
}

func markReplayed(c echo.Context, replayed bool) {
	if replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
}
