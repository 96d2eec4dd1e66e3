package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestABatchAnswersItsItemsInOrderAndEachForItself(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"three","limit":3}`)
	p.external(t, "u", "three")
	const body = `{"items":[
		{"id":"1","userId":"u","quantity":2},
		{"id":"2","userId":"u","quantity":2},
		{"id":"3","userId":"u"},
		{"id":"4","userId":"u"},
		{"id":"5","userId":"nobody"},
		{"id":"6","userId":"theirs","plan":"free"},
		{"id":"7","userId":"theirs","plan":"gold"},
		{"id":"8","userId":"u","meter":"images"},
		{"id":"9","userId":"u","quantity":0},
		{"id":"1","userId":"u","quantity":2},
		{"id":"1","userId":"theirs","plan":"free"},
		{"id":"1","userId":"u","quantity":1}]}`
	want := func(a answer, replayed string) {
		t.Helper()
		a.want(t, 200)
		for i, c := range []string{"1 200", "2 402 tier_limit_reached", "3 200", "4 402 tier_limit_reached", "5 404 not_found", "6 200",
			"7 400 unknown_plan", "8 400 unknown_meter", "9 402 tier_limit_reached", "1 200", "1 200", "1 422 idempotency_mismatch"} {
			at := fmt.Sprintf("results.%d.", i)
			got := strings.TrimSuffix(fmt.Sprintf("%s %s %s", a.text(at+"id"), a.text(at+"status"), a.text(at+"code")), " <nil>")
			equal(t, at, got, c)
			equal(t, at+"success", a.at(at+"success") == true, strings.HasSuffix(c, " 200"))
		}
		a.expect(t, "results.0.replayed", replayed, "results.0.usage.count", "2", "results.1.usage.count", "2", "results.2.usage.count", "3",
			"results.3.usage.remaining", "0", "results.3.error", "Tier limit reached", "results.9.replayed", "true", "results.9.usage.count", "2")
	}
	want(p.api(t, "POST /api/data/batch", body), "false")
	p.usage(t, "u").expect(t, "usageCount", "3")
	want(p.api(t, "POST /api/data/batch", body), "true") // safe to send again
	p.usage(t, "u").expect(t, "usageCount", "3")
	p.usage(t, "theirs", "X-User-Plan: free").expect(t, "usageCount", "2")
}

func TestEachItemOfABatchIsACallOfTheRateLimit(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"slow","limit":null,"rateLimit":3}`)
	p.external(t, "u", "slow")
	p.external(t, "v", "slow")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 10, 0, time.UTC))
	got := p.api(t, "POST /api/data/batch", `{"items":[{"id":"1","userId":"u"},{"id":"2","userId":"u"},{"id":"3","userId":"u"},
		{"id":"4","userId":"u"},{"id":"5","userId":"v"}]}`).want(t, 200)
	got.expect(t, "results.2.status", "200", "results.3.status", "429", "results.3.code", "rate_limited", "results.4.status", "200")
	if rate := got.header.Get("RateLimit"); !strings.HasPrefix(rate, `"user";r=0;t=`) {
		t.Errorf("RateLimit %q is not that of the user who has least left", rate)
	}
	// The item that was refused for the rate has counted nothing and may come again.
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 6, 10, 0, time.UTC))
	p.api(t, "POST /api/data/batch", `{"items":[{"id":"4","userId":"u"}]}`).expect(t, "results.0.status", "200", "results.0.replayed", "false",
		"results.0.usage.count", "4")
}

func TestABatchHoldsAThousandItems(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":null,"rateLimit":100000}`)
	p.external(t, "u", "wide")
	items := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"id":"%d","userId":"u"}`, i))
		}
		return `{"items":[` + strings.Join(list, ",") + `]}`
	}
	p.api(t, "POST /api/data/batch", items(1001)).wantParam(t, "items")
	got := p.api(t, "POST /api/data/batch", items(1000)).want(t, 200)
	equal(t, "results", len(got.list("results")), 1000)
	got.expect(t, "results.999.usage.count", "1000")
}

// Who sends so much at once that it would not fit into memory is refused before it is read, and nobody else is.
func TestABatchIsRefusedWhileAsManyAsFitAreAtWork(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.dev.platform(t, "other")
	const item, most = `{"items":[{"id":"1","userId":"u","plan":"free"}]}`, 1 << 20
	end := make(chan struct{})
	var sending sync.WaitGroup
	half := func() (refused bool) { // sends half of a batch, which says that a megabyte comes, and waits
		body, rest := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://surface/api/data/batch", body)
		if err != nil {
			t.Error(err)
			return false
		}
		req.Host, req.ContentLength = "api.localhost", most
		req.Header.Set("Authorization", "Bearer "+p.sk)
		sending.Go(func() {
			_, _ = io.WriteString(rest, strings.Repeat(" ", 64<<10)) // more than the client keeps to itself
			<-end
			_ = rest.CloseWithError(io.ErrUnexpectedEOF)
		})
		got, err := p.w.client.Do(req)
		if err != nil {
			return false // the end
		}
		_ = got.Body.Close()
		return got.StatusCode == http.StatusServiceUnavailable
	}
	for range 4 {
		sending.Go(func() {
			for half() { // a batch below was in its way
			}
		})
	}
	var refused answer
	await(t, "a batch is refused", func() bool {
		refused = p.api(t, "POST /api/data/batch", item)
		return refused.status != http.StatusOK
	})
	refused.want(t, http.StatusServiceUnavailable).expect(t, "code", "unavailable")
	equal(t, "Retry-After", refused.header.Get("Retry-After"), "1")
	other.api(t, "POST /api/data/batch", item).want(t, http.StatusOK)
	p.api(t, "POST /api/data", "", "X-User-Id: u", "X-User-Plan: free").want(t, http.StatusOK)
	close(end)
	sending.Wait()
	await(t, "there is room again", func() bool { return p.api(t, "POST /api/data/batch", item).status == http.StatusOK })
}
