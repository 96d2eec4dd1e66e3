package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// batchOf answers as the address of batches does, for a platform.
func batchOf(s *Server, platform, body string, work echo.HandlerFunc) error {
	c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), httptest.NewRecorder()) //nolint:noctx // nobody waits
	c.Set(callerKey, &tenant.Caller{Platform: id.Platform(platform)})
	return s.ifRoom(work)(c)
}

func TestBatchesThatThereIsNoRoomForAreRefusedUnread(t *testing.T) {
	t.Parallel()
	s := &Server{}
	large := strings.Repeat(" ", largestBody)
	refused := func(platform string) bool {
		err := batchOf(s, platform, large, func(echo.Context) error { return nil })
		var e *errs.Error
		if err != nil && (!errors.As(err, &e) || e.Code != errs.Unavailable || e.RetryAfter != time.Second) {
			t.Fatal(err)
		}
		return err != nil
	}
	var fill func(platform string, times int, then func()) error
	fill = func(platform string, times int, then func()) error {
		if times == 0 {
			then()
			return nil
		}
		return batchOf(s, platform, large, func(echo.Context) error { return fill(platform, times-1, then) })
	}
	half := roomOfPlatform / largestBody
	if err := fill("a", half, func() {
		if !refused("a") || refused("b") {
			t.Error("a platform has more or less than its half")
		}
		if err := fill("b", half, func() {
			if !refused("c") {
				t.Error("there is more than all")
			}
		}); err != nil {
			t.Error(err)
		}
		if refused("c") {
			t.Error("what b has left is not for others")
		}
	}); err != nil {
		t.Fatal(err)
	}
	if s.batches.taken != 0 || len(s.batches.of) != 0 {
		t.Errorf("%+v is left", &s.batches)
	}
}
