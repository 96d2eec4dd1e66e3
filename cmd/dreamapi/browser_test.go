package main

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is somebody's browser without a screen: it keeps cookies, follows redirects, and sends forms.
type browser struct {
	w      *world
	client *http.Client
	page   string // what was shown last
	at     *url.URL

	last *http.Response // to what was asked for last; its body is page

	stopped string // the address that stopsAt kept it from
}

func (w *world) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr) // *.localhost is this machine, whatever the resolver says
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{w: w, client: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// open goes to an address and through the redirects behind it.
func (b *browser) open(t testing.TB, address string) *browser {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	return b.do(t, req)
}

// submit sends a form as a page of the same origin does.
func (b *browser) submit(t testing.TB, address string, fields url.Values) *browser {
	t.Helper()
	return b.post(t, address, "same-origin", "", fields)
}

func (b *browser) post(t testing.TB, address, site, origin string, fields url.Values) *browser {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fields.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if site != "" {
		req.Header.Set("Sec-Fetch-Site", site)
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	return b.do(t, req)
}

func (b *browser) do(t testing.TB, req *http.Request) *browser {
	t.Helper()
	req.Header.Set("Accept", "text/html")
	got, err := b.client.Do(req)
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	must(t, err)
	b.page, b.at, b.last = string(text), got.Request.URL, got
	b.w.known.inAnswer(b.page)
	for _, cookie := range got.Cookies() {
		if len(cookie.Value) > 20 {
			b.w.known.add(cookie.Value)
		}
	}
	if got.StatusCode >= 500 {
		t.Fatalf("%s answered %d: %s", req.URL.Path, got.StatusCode, b.page)
	}
	return b
}

// sees fails the test unless the page shows the text.
func (b *browser) sees(t testing.TB, text string) *browser {
	t.Helper()
	if !strings.Contains(b.page, text) {
		t.Fatalf("%s does not show %q:\n%s", b.at, text, b.page)
	}
	return b
}

// paid pays the checkout at the address with a card, and comes back to us.
func (b *browser) paid(t testing.TB, address, card string) *browser {
	t.Helper()
	return b.submit(t, address, url.Values{
		"number": {card}, "expiry": {"12/34"}, "cvc": {"123"}, "name": {"Eve"}, "email": {"eve@mail.example"}, "kind": {"card"},
	})
}

const goodCard = "4242424242424242"

// signIn signs a developer in on the dashboard, as Clerk's page has the browser do.
func (b *browser) signIn(t testing.TB, d *developer) *browser {
	t.Helper()
	return b.submit(t, b.w.url("dashboard")+"/session", url.Values{"token": {d.session(t)}})
}

// stopsAt has the browser close before it goes to the path.
func (b *browser) stopsAt(path string) *browser {
	b.client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if req.URL.Path == path {
			b.stopped = req.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	return b
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// confirms sends the form that the page shows, as it is.
func (b *browser) confirms(t testing.TB) *browser {
	t.Helper()
	action := formAction.FindStringSubmatch(b.page)
	if action == nil {
		t.Fatalf("%s shows no form:\n%s", b.at, b.page)
	}
	fields := url.Values{}
	for _, hidden := range hiddenForm.FindAllStringSubmatch(b.page, -1) {
		fields.Add(hidden[1], html.UnescapeString(hidden[2]))
	}
	target, err := b.at.Parse(action[1])
	must(t, err)
	return b.submit(t, target.String(), fields)
}
