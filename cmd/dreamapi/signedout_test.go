package main

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A form that is sent after the session has ended does nothing, and comes back to be sent again.
func TestAFormThatIsSentAfterTheSessionHasEndedIsNotLost(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b, there := p.w.browser(t).signIn(t, p.dev), p.w.browser(t).signIn(t, p.dev)
	path := "/platforms/" + p.id + "/settings"
	typed := url.Values{
		"back": {path}, "form": {"settings"}, "name": {`"><script>alert(1)</script>`}, "currency": {"usd"},
		"allowedOrigins": {"https://one.example\r\nhttps://two.example"}, "password": {"not to be seen"}, "secret": {"nor this"}, "token": {"or that"},
	}
	acts := func() string { return p.w.query(t, "SELECT count(*)::text FROM platform.audit_log") }
	there.submit(t, p.w.url("dashboard")+"/sign-out-everywhere", nil)
	before := acts()
	for name, who := range map[string]*browser{"whose session ended": b, "who never had one": p.w.browser(t)} {
		who.submit(t, p.w.url("dashboard")+path, typed)
		equal(t, name+": status", who.last.StatusCode, http.StatusUnauthorized)
		equal(t, name+": the address", who.at.Path+"?"+who.at.RawQuery, path+"?")
		who.sees(t, "You are signed out").sees(t, "Nothing was saved").sees(t, `<a href="/sign-in" target="_blank"`).sees(t, "&lt;script&gt;alert(1)&lt;/script&gt;")
		who.sees(t, `<dd class="lines">https://one.example`)
		for _, not := range []string{"<script>alert", "not to be seen", "nor this", "or that"} {
			if strings.Contains(who.page, not) {
				t.Errorf("%s: the page has %q", name, not)
			}
		}
	}
	equal(t, "acts", acts(), before)
	page, at := b.page, b.at
	b.signIn(t, p.dev)
	b.page, b.at = page, at
	b.confirms(t).sees(t, "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;").sees(t, "https://two.example")
	p.dash(t, "GET /", "").want(t, 200).expect(t, "settings.allowedOrigins.0", "https://one.example", "settings.allowedOrigins.1", "https://two.example",
		"platform.name", `"><script>alert(1)</script>`)

	// Of a form that another site sends nothing is shown, and who signs out is out.
	b.submit(t, p.w.url("dashboard")+"/sign-out-everywhere", nil)
	b.post(t, p.w.url("dashboard")+path, "cross-site", "https://evil.example", typed)
	equal(t, "status", b.last.StatusCode, http.StatusForbidden)
	if strings.Contains(b.page, "two.example") {
		t.Error("what another site sent is shown")
	}
	b.submit(t, p.w.url("dashboard")+"/sign-out", url.Values{"name": {"x"}})
	equal(t, "after signing out", b.at.Path, "/sign-in")
}

func TestAFileHasToBeChosenAgainAfterTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(t, form.WriteField("productName", "Shop & Co"))
	file, err := form.CreateFormFile("logo", "logo.png")
	must(t, err)
	_, err = file.Write([]byte("the bytes of a picture"))
	must(t, err)
	must(t, form.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.w.url("dashboard")+"/platforms/"+p.id+"/sign-in", &body)
	must(t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	b := p.w.browser(t).do(t, req)
	equal(t, "status", b.last.StatusCode, http.StatusUnauthorized)
	b.sees(t, `enctype="multipart/form-data"`).sees(t, `name="productName" value="Shop &amp; Co"`).sees(t, `name="logo" type="file"`)
	if strings.Contains(b.page, "the bytes") {
		t.Error("the page has the file")
	}
}
