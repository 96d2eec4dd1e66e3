package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
)

// person is somebody's browser without a screen: it keeps cookies, follows redirects and sends forms. Where pages
// themselves are tested, a tab of a real one is used instead.
type person struct {
	http *http.Client
	at   *url.URL // of the page that is shown
	page string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr) // every host is this machine, whatever the resolver says
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{http: &http.Client{Jar: jar, Transport: transport, Timeout: wait.Patience}}
}

// submit sends a form of the site to which the address belongs.
func (p *person) submit(t *testing.T, address string, fields url.Values) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	p.do(t, req)
}

func (p *person) do(t *testing.T, req *http.Request) {
	t.Helper()
	req.Header.Set("Accept", "text/html")
	got, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	p.at, p.page = got.Request.URL, string(text)
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%s %s leads to %s, which answers %d: %s", req.Method, req.URL, p.at, got.StatusCode, p.page)
	}
}

// connect signs a developer in to the dashboard and connects the account to a live platform, at Stripe's own page.
func (w *world) connect(t *testing.T, session, platform string, which account) {
	t.Helper()
	p := newPerson(t)
	p.submit(t, w.vars["DEVELOPER_URL"]+"/session", url.Values{"token": {session}})
	p.submit(t, w.vars["DEVELOPER_URL"]+"/platforms/"+platform+"/connect", nil)
	consent := p.at.Query()
	consent.Set("account", string(which))
	consent.Set("decision", "allow")
	p.submit(t, w.clerk.stripe().url+"/oauth/authorize", consent)
	if !strings.HasSuffix(p.at.Path, "/connect") || !strings.Contains(p.page, string(which)) {
		t.Fatalf("after the consent the browser is at %s, which does not show %s: %s", p.at, which, p.page)
	}
}
