package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWhatADeveloperDoesIsWrittenDown(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := p.w
	other := w.developer(t, "bob@dev.example")
	made := p.dash(t, "POST /keys", `{"kind":"secret","name":"second"}`).want(t, 201).text("key.id")
	p.dash(t, "POST /keys/"+made+"/revoke", "").want(t, 200)
	p.dash(t, "POST /tiers", `{"name":"free","price":0,"limit":1}`).want(t, 409)
	p.external(t, "-2x", "free")
	b := w.browser(t).signIn(t, p.dev)
	b.submit(t, w.url("dashboard")+"/platforms/"+p.id+"/tiers/free/archive", url.Values{"back": {"/"}})
	p.dash(t, "DELETE /customers/-2x", "").want(t, 200)

	log := p.dev.dash(t, "GET /api/audit?limit=5", "").want(t, 200)
	log.expect(t, "data.0.action", "customer.delete", "data.0.target", "-2x", "data.0.platformId", p.id, "data.0.via", "token", "data.0.outcome", "done",
		"data.1.action", "tier.archive", "data.1.target", "free", "data.1.via", "dashboard",
		"data.2.action", "session.create", "data.2.platformId", "<nil>",
		"data.3.action", "tier.create", "data.3.outcome", "refused",
		"data.4.action", "key.revoke", "data.4.target", made, "data.0.ip", "127.0.0.1")
	rest := p.dev.dash(t, "GET /api/audit?limit=5&cursor="+log.text("nextCursor"), "").want(t, 200)
	rest.expect(t, "data.0.action", "key.create", "data.0.target", made)
	if requests := w.logs.String(); !strings.Contains(requests, rest.text("data.0.requestId")) {
		t.Error("an entry can not be found in the log of requests")
	}
	p.dev.dash(t, "GET /api/audit?action=tier.archive", "").want(t, 200).expect(t, "data.0.target", "free", "data.1", "<nil>")
	p.dev.dash(t, "GET /api/audit?platform=plt_none", "").want(t, 200).expect(t, "data", "[]")
	p.dev.dash(t, "GET /api/audit?cursor=x", "").wantParam(t, "cursor")
	if seen := other.dash(t, "GET /api/audit", "").want(t, 200).body + other.dash(t, "GET /api/audit?platform="+p.id, "").body; strings.Contains(seen, p.id) {
		t.Errorf("another developer sees %s", seen)
	}

	b.open(t, w.url("dashboard")+"/activity?platform="+p.id).sees(t, "Archived a tier").sees(t, "the dashboard").sees(t, "Refused")
	b.open(t, w.url("dashboard")+"/activity/export")
	lines := strings.Split(strings.TrimSpace(b.page), "\n")
	equal(t, "the head", lines[0], "id,at,platform,action,target,via,ip,requestId,outcome")
	entries := w.query(t, "SELECT count(*)::text FROM platform.audit_log a JOIN platform.developers d ON d.id = a.developer_id WHERE d.email = 'ada@dev.example'")
	equal(t, "lines", strconv.Itoa(len(lines)-1), entries)
	if !strings.Contains(b.page, ",'-2x,") { // a spreadsheet takes no text for a formula
		t.Errorf("a text is a formula:\n%s", b.page)
	}
}

func TestWhatCanNotBeWrittenDownIsNotDone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.w.db.Exec(t, "REVOKE INSERT ON platform.audit_log FROM dreamapi_developer")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://surface"+p.own+"/keys", strings.NewReader(`{"kind":"secret","name":"unseen"}`))
	must(t, err)
	req.Host = p.w.host("dashboard")
	req.Header.Set("Authorization", "Bearer "+p.dev.token)
	got, err := p.w.client.Do(req)
	must(t, err)
	_ = got.Body.Close()
	equal(t, "the status", got.StatusCode, http.StatusInternalServerError)
	equal(t, "keys", p.w.query(t, "SELECT count(*)::text FROM tenant.keys WHERE name = 'unseen'"), "0")
}

func TestTheAuditLogIsReadByDay(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	w := p.w
	w.db.TurnClock(t, 10*24*time.Hour)
	p.dash(t, "POST /keys", `{"kind":"secret","name":"later"}`).want(t, 201)
	p.dash(t, "POST /keys", `{"kind":"secret","name":"latest"}`).want(t, 201)
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	count := func(query string) int {
		t.Helper()
		return len(p.dev.dash(t, "GET /api/audit?limit=100&"+query, "").want(t, 200).list("data"))
	}
	all := count("")
	equal(t, "from then", count("from="+day(9)), 2)
	equal(t, "up to then", count("to="+day(8)), all-2)
	equal(t, "on the days between", count("from="+day(3)+"&to="+day(8)), 0)
	equal(t, "keys of then", count("action=key.create&from="+day(9)+"&platform="+p.id), 2)
	equal(t, "tiers of then", count("action=tier.create&from="+day(9)), 0)
	equal(t, "up to a moment", count("to="+url.QueryEscape(time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))), all-2)
	p.dev.dash(t, "GET /api/audit?from=yesterday&to=2026-13-01", "").wantParam(t, "from", "to")
	p.dev.dash(t, "GET /api/audit?from=2026-03-02&to=2026-03-01", "").wantParam(t, "to")
	p.dev.dash(t, "GET /api/audit?since=2026-03-02", "").wantParam(t, "since")
	// Page by page, with the filter, each comes once.
	seen, cursor := map[string]bool{}, ""
	for {
		page := p.dev.dash(t, "GET /api/audit?limit=2&to="+day(8)+cursor, "").want(t, 200)
		for i := range page.list("data") {
			seen[page.text("data."+strconv.Itoa(i)+".id")] = true
		}
		if page.at("hasMore") == false {
			break
		}
		cursor = "&cursor=" + page.text("nextCursor")
	}
	equal(t, "by pages", len(seen), all-2)

	b := w.browser(t).signIn(t, p.dev)
	at := w.url("dashboard") + "/activity"
	b.open(t, at+"?limit=1&action=key.create&from="+day(9)).sees(t, `value="`+day(9)+`"`).sees(t, "Earlier")
	if !strings.Contains(b.page, "action=key.create&amp;cursor=") || !strings.Contains(b.page, "from="+day(9)+"&amp;limit=1") {
		t.Errorf("the next page forgets the filter:\n%s", b.page)
	}
	b.open(t, at+"?from="+day(30)).sees(t, "Nothing of the kind was done then")
	b.open(t, at+"?from=soon").sees(t, "The first day is a day such as").sees(t, `value="soon"`)
	b.open(t, at+"/export?action=key.create&from="+day(9))
	equal(t, "lines of the CSV", strings.Count(strings.TrimSpace(b.page), "\n"), 2)
	b.open(t, at+"/export?from=soon").sees(t, "a day such as")
}
