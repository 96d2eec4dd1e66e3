package main

import (
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"testing"
)

func TestPagesAndStaticFilesAreCompressedAndAPageWithASecretIsNot(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id
	compressed := func(what string, want bool) {
		t.Helper()
		equal(t, what+" is compressed", b.last.Uncompressed, want) // Go's client has undone it
	}
	for _, page := range []string{"", "/customers", "/customers/eve", "/tiers", "/keys", "/settings"} {
		b.open(t, at+page)
		compressed("the page "+page, true)
		equal(t, page+": Vary", b.last.Header.Get("Vary"), "Accept-Encoding")
		if !strings.Contains(b.page, "</html>") || !strings.Contains(b.last.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the page %s is not whole, or not guarded", page)
		}
	}
	b.submit(t, at+"/keys", url.Values{"kind": {"secret"}, "name": {"a name that others choose"}})
	if !strings.Contains(b.page, "sk_test_") || !strings.Contains(b.page, "Copy it now") {
		t.Fatal("the page does not show the new key")
	}
	compressed("the page that shows a new key", false)
	b.open(t, at+"/keys")
	compressed("the same page without the key", true)
	b.open(t, at+"/export-customers")
	compressed("an export", false)

	// Who does not take gzip gets none.
	for accept, want := range map[string]string{"": "", "identity": "", "br": "", "gzip;q=0": "", "gzip; q=0.0": "", "gzip": "gzip", "br, GZIP;q=0.5": "gzip"} {
		for _, asked := range []string{"GET /", "GET /static/dashboard.css"} {
			got := p.w.dash(t, asked, "", "", "Accept: text/html", "Accept-Encoding: "+accept).want(t, 200)
			equal(t, asked+" with "+accept, got.header.Get("Content-Encoding"), want)
			text := io.Reader(strings.NewReader(got.body))
			if want != "" {
				unpacked, err := gzip.NewReader(text)
				must(t, err)
				text = unpacked
			}
			whole, err := io.ReadAll(text)
			must(t, err)
			if !strings.Contains(string(whole), map[string]string{"GET /": "</html>", "GET /static/dashboard.css": "}"}[asked]) {
				t.Errorf("%s with %s is cut short", asked, accept)
			}
		}
	}

	// A file that is there already is not sent again, and its two forms are not taken for each other.
	plain := p.w.dash(t, "GET /static/dashboard.css", "", "", "Accept-Encoding: identity").want(t, 200)
	short := p.w.dash(t, "GET /static/dashboard.css", "", "", "Accept-Encoding: gzip").want(t, 200)
	if len(short.body)*3 > len(plain.body) {
		t.Errorf("the style sheet has %d bytes, and %d compressed", len(plain.body), len(short.body))
	}
	for accept, tag := range map[string]string{"identity": plain.header.Get("ETag"), "gzip": short.header.Get("ETag")} {
		p.w.dash(t, "GET /static/dashboard.css", "", "", "Accept-Encoding: "+accept, "If-None-Match: "+tag).want(t, 304)
	}
	p.w.dash(t, "GET /static/dashboard.css", "", "", "Accept-Encoding: gzip", "If-None-Match: "+plain.header.Get("ETag")).want(t, 200)
	equal(t, "the kind of a style sheet", short.header.Get("Content-Type"), "text/css; charset=utf-8")
	equal(t, "JSON is compressed", p.api(t, "GET /api/customers", "", "Accept-Encoding: gzip").want(t, 200).header.Get("Content-Encoding"), "")
}
