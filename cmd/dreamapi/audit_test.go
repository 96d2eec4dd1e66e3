package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
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
