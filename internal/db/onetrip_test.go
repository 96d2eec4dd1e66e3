package db_test

import (
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/id"
)

func TestAOneTripCompilesNothing(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t).Open(t, db.Customer)
	type line struct{ Text string }
	var plan []line
	err := pool.OneTrip(t.Context(), []id.Platform{id.NewPlatform()}, func(trip *db.Trip) {
		db.Collect(trip, &plan, "EXPLAIN ANALYZE SELECT ahead FROM dreamapi.clock")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range plan {
		if strings.Contains(l.Text, "JIT") {
			t.Errorf("the clock is read by code that was made for it: %v", plan)
		}
	}
}
