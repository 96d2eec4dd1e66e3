package server

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/usage"
)

func TestAUsageIsWrittenAsEncodingJSONWouldWriteIt(t *testing.T) {
	t.Parallel()
	moment := time.Date(2031, 5, 5, 5, 5, 5, 123_000_000, time.UTC)
	for _, u := range []usage.Usage{
		{Count: 3, Plan: "free", Meter: "requests", Period: "lifetime"},
		{Count: -1, Limit: new(int64(5)), Remaining: new(int64(0)), Plan: "pro_2", Meter: "tokens-a", Period: "month", PeriodStart: &moment, PeriodEnd: new(moment.Add(time.Hour)), Extra: 7},
	} {
		want, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendUsage(nil, u)); got != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
