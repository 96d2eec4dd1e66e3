package server

import (
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

const (
	usualPage   = 20 // of a list whose limit is not given
	mostOfAPage = 100
)

// numberParam is a parameter that is a whole number from 1.
func numberParam(c echo.Context, name string, otherwise, most int) (int, error) {
	text := c.QueryParam(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, errs.InvalidParam(name, "%s is a whole number from 1 to %d.", name, most)
	}
	return n, nil
}
