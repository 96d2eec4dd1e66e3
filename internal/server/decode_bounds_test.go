package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

// What a client sends must not make the answer, or what is held meanwhile, many times as large.
func TestFaultsStayFewAndShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 200_000)
	for name, body := range map[string]string{
		"a long name, again and again": `{"` + long + `":1` + strings.Repeat(`,"`+long[:50]+`":1`, 5000) + `}`,
		"inside a text":                `{"meter":{"` + long + `":{"a":1` + strings.Repeat(`,"a":1`, 50_000) + `}}}`,
		"inside metadata":              `{"metadata":{"` + long + `":{"a":1` + strings.Repeat(`,"a":1`, 50_000) + `}}}`,
		"deep":                         `{"metadata":` + strings.Repeat(`{"a":`, 9000) + `1` + strings.Repeat(`}`, 9000) + `}`,
	} {
		var in struct {
			Meter    string         `json:"meter"`
			Metadata map[string]any `json:"metadata"`
		}
		c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), httptest.NewRecorder())
		_, err := decode(c, &in, false)
		e := asError(err)
		if e.Code != errs.InvalidRequest || len(e.Faults) > errs.MostFaults {
			t.Errorf("%s: %d faults, code %s", name, len(e.Faults), e.Code)
		}
		for _, f := range e.Faults {
			if len(f.Param) > 2*longestPath || len(f.Message) > 4*longestPath {
				t.Errorf("%s: a fault of %d and %d bytes", name, len(f.Param), len(f.Message))
			}
		}
	}
}
