package server

import (
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// Bytes of the bodies of batches that are at work: a hundred batches of a thousand short items, each of which takes twenty times
// as much memory until it is answered. What waits to be counted is bounded by itself, but that is known only of what was read.
const (
	roomForBatches = 8 << 20
	roomOfPlatform = roomForBatches / 2
)

// room is what of that is taken.
type room struct {
	mu    sync.Mutex
	taken int64
	of    map[id.Platform]int64
}

// take takes room, unless there is too little left, for all or for the platform.
func (r *room) take(platform id.Platform, bytes int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken+bytes > roomForBatches || r.of[platform]+bytes > roomOfPlatform {
		return false
	}
	if r.of == nil {
		r.of = map[id.Platform]int64{}
	}
	r.taken += bytes
	r.of[platform] += bytes
	return true
}

// leave gives it back.
func (r *room) leave(platform id.Platform, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= bytes
	if r.of[platform] -= bytes; r.of[platform] == 0 {
		delete(r.of, platform)
	}
}

// ifRoom refuses a batch that there is no room for, before it is read.
func (s *Server) ifRoom(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		bytes := c.Request().ContentLength
		if bytes < 0 || bytes > largestBody { // which is not said, or is refused when it is read
			bytes = largestBody
		}
		platform := callerOf(c).Platform
		if !s.batches.take(platform, bytes) {
			return errs.New(errs.Unavailable, "There is more to count right now than can be. Nothing of this batch was counted. Send it "+
				"again in a moment.").After(time.Second)
		}
		defer s.batches.leave(platform, bytes)
		return next(c)
	}
}
