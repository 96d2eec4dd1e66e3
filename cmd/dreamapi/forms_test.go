package main

import (
	"net/url"
	"strings"
	"testing"
)

// What is far too long comes back whole, with its fault beside the field and a link that leads to it.
func TestWhatIsTypedComesBackWholeHoweverLongItIs(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.external(t, "eve", "free")
	b := p.w.browser(t).signIn(t, p.dev)
	host, own := p.w.url("dashboard"), "/platforms/"+p.id
	b.open(t, host+own+"/settings")
	_, project, _ := strings.Cut(b.page, `action="/projects/`)
	project, _, _ = strings.Cut(project, "/")
	long := strings.Repeat("長い名前 & so on ", 400)[:5000]
	long = strings.TrimSpace(strings.ToValidUTF8(long, ""))
	escaped := strings.ReplaceAll(long, "&", "&amp;")
	for _, f := range []struct{ page, action, form, field, more string }{
		{own + "/settings", "/projects/" + project + "/rename", "project", "name", ""},
		{"/projects", "/projects", "project", "name", ""},
		{own + "/settings", own + "/settings", "settings", "name", "currency=usd"},
		{own + "/settings", own + "/settings", "settings", "allowedOrigins", "currency=usd&name=shop"},
		{own + "/settings", own + "/domains", "domain", "domain", ""},
		{own + "/new-tier", own + "/tiers", "tier", "displayName", "name=big&monthly=5&rateLimit=100&meter.0=requests&max.0=5&period.0=month"},
		{own + "/tiers/pro", own + "/tiers/pro/preview", "tier-pro", "displayName", "monthly=5&rateLimit=100&meter.0=requests&max.0=5&period.0=month"},
		{own + "/tiers/pro", own + "/tiers/pro", "tier-pro", "features", "monthly=5&rateLimit=100&meter.0=requests&max.0=5&period.0=month"},
		{own + "/keys", own + "/keys", "key", "name", "kind=secret"},
		{own + "/sign-in", own + "/sign-in", "sign-in", "productName", "signUp=open&signUpsPerHour=100&ownColor=no"},
		{own + "/customers/eve", own + "/customers/eve/grants", "grant", "reason", "quantity=1&meter=requests&expires=period"},
		{own + "/customers/eve", own + "/customers/eve/reset", "reset", "reason", "meter=requests"},
		{own + "/customers/eve", own + "/customers/eve/delete", "delete", "confirm", ""},
		{"/account", "/account/tokens", "token", "name", ""},
	} {
		what := f.action + " " + f.field
		sent, err := url.ParseQuery(f.more)
		must(t, err)
		sent.Set("back", f.page)
		sent.Set("form", f.form)
		sent.Set(f.field, long)
		b.submit(t, host+f.action, sent)
		equal(t, what, b.last.StatusCode, 400)
		id := f.form + "-" + f.field
		if !strings.Contains(b.page, `value="`+escaped+`"`) && !strings.Contains(b.page, "\n"+escaped+"</textarea>") {
			t.Errorf("%s: what was typed is gone", what)
		}
		for _, part := range []string{`role="alert"`, `href="#` + id + `"`, ` id="` + id + `"`, `id="` + id + `-fault"`, `name="back" value="` + f.page + `"`} {
			if !strings.Contains(b.page, part) {
				t.Errorf("%s: the page lacks %s", what, part)
			}
		}
	}
	b.open(t, host+own+"/settings")
	if strings.Contains(b.page, `role="alert"`) {
		t.Error("the faults are shown on another page too")
	}
}
