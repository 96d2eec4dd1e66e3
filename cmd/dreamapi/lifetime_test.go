package main

import (
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

// Not parallel: it looks at all goroutines.
func TestAProgramThatHasEndedLeavesNothingRunning(t *testing.T) {
	boot(t) // the database server that the tests share stays
	before := goleak.IgnoreCurrent()
	t.Run("a life", func(t *testing.T) {
		p := newPlatform(t, withJobs)
		p.w.wantEvents()
		user := p.customer(t, "eve@mail.example")
		p.track(t, user, "").want(t, 200)
		p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	})
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func TestARequestUnderWayIsAnsweredBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	var got answer
	t.Run("a life", func(t *testing.T) {
		p := newPlatform(t, withJobs)
		_, err := p.w.clerk.AddFault(clerk.Fault{Path: "/v1/users", Method: "POST", LatencyMs: 700, Times: 1})
		must(t, err)
		var group sync.WaitGroup
		group.Go(func() { got = p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`) })
		await(t, "the request is under way", func() bool {
			return p.w.query(t, "SELECT count(*)::text FROM tenant.customer_intents") == "1"
		})
		p.w.stop()
		group.Wait()
	})
	equal(t, "status", got.status, 201)
}

func TestAFailedCallOfAThirdPartyIsExplainedInTheLogAlone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	_, err := p.w.clerk.AddFault(clerk.Fault{Path: "/v1/users", Method: "POST", Status: 500, Times: 1})
	must(t, err)
	got := p.api(t, "POST /api/customers", `{"email":"eve@mail.example","password":"a password of hers"}`).want(t, 503, "unavailable")
	log := p.w.logs.String()
	if !strings.Contains(log, got.text("requestId")) {
		t.Error("the log does not name the request")
	}
	if strings.Contains(got.body, "500") || strings.Contains(got.body, "trace") {
		t.Errorf("the answer tells what Clerk said: %s", got.body)
	}
}
