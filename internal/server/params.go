package server

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

const (
	usualPage   = 20 // of a list whose limit is not given
	mostOfAPage = 100
)

// onlyParams refuses parameters that an address does not take, and any that is given twice: one that is mistyped must not be
// passed over in silence.
func onlyParams(c echo.Context, names ...string) error {
	for name, values := range c.QueryParams() {
		if !slices.Contains(names, name) {
			return errs.InvalidParam(name, "%s is not a parameter here, where there is %s.", name, cmp.Or(strings.Join(names, ", "), "none"))
		}
		if len(values) > 1 {
			return errs.InvalidParam(name, "%s is given twice.", name)
		}
	}
	return nil
}

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
