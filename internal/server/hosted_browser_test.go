package server

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// clerkScripts stands in for the scripts of a Clerk app in production: what they offer to a page, and no more. A form
// with one button signs in, and then leads to where the page said, as Clerk's does.
const clerkScripts = `
window.__internal_ClerkUICtor = class {};
const known = sessionStorage.getItem('stub') !== null;
const user = { primaryEmailAddress: { emailAddress: 'eve@mail.example' } };
const listeners = [];
const session = { getToken: async () => 'the token of a session at Clerk' };
window.Clerk = {
  session: known ? session : null,
  user: known ? user : null,
  async load({ ui }) { if (ui.ClerkUI !== window.__internal_ClerkUICtor) throw new Error('no UI'); },
  addListener(fn) { listeners.push(fn); },
  async signOut() { sessionStorage.removeItem('stub'); },
  mountSignIn(place, options) { this.mount(place, 'Sign in', options); },
  mountSignUp(place, options) { this.mount(place, 'Sign up', options); },
  mountUserProfile(place, options) { place.textContent = 'The profile, in ' + options.appearance.variables.colorPrimary; },
  mount(place, words, options) {
    const button = document.createElement('button');
    button.textContent = words + ' in ' + options.appearance.variables.colorPrimary;
    button.style.color = 'red';
    button.addEventListener('click', () => {
      sessionStorage.setItem('stub', '');
      if (options.forceRedirectUrl.includes('reload')) { location.assign(options.forceRedirectUrl); return; }
      this.session = session; this.user = user;
      listeners.forEach(fn => fn({ session }));
    });
    place.append(button);
  },
};
`

// productionPages serves the pages as they are with the real Clerk, for one platform, and collects the tokens.
func productionPages(t *testing.T, look tenant.SignIn) (address string, tokens func() []string) {
	t.Helper()
	clerk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Access-Control-Allow-Origin", "*") // the page asks for them by CORS
		if strings.HasSuffix(r.URL.Path, "/clerk.browser.js") {
			_, _ = w.Write([]byte(clerkScripts))
		}
	}))
	t.Cleanup(clerk.Close)
	s := pagesAlone()
	s.cfg.CustomerClerk = ClerkApp{Frontend: clerk.URL, PublishableKey: "pk_live_stub"}
	v := &visit{key: id.NewKey(id.Publishable, id.Test), look: look, redirect: "https://app.example/callback", origin: "https://app.example"}
	with := func(h echo.HandlerFunc) echo.HandlerFunc {
		return s.securityHeaders(func(c echo.Context) error {
			c.Set(visitKey, v)
			return h(c)
		})
	}
	e := echo.New()
	e.GET("/static/*", s.static)
	e.GET("/brand/:file", brandStyle)
	for path, signUp := range map[string]bool{"/sign-in": false, "/sign-up": true} {
		e.GET(path, with(func(c echo.Context) error {
			return s.hosted(c, http.StatusOK, "entrance", entranceTitle(signUp), s.entrance(c, v, signUp))
		}))
	}
	e.GET("/account/profile", with(s.userProfilePage))
	var mu sync.Mutex
	var got []string
	e.POST("/sign-in", func(c echo.Context) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, c.FormValue("token"))
		return c.HTML(http.StatusOK, "<!doctype html><link rel=icon href=data:,><title>in</title><main>in</main>")
	})
	pages := httptest.NewServer(e)
	t.Cleanup(pages.Close)
	s.cfg.CustomerURL, _ = url.Parse(pages.URL)
	return pages.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), got...)
	}
}

func TestWithClerksOwnFormTheTokenComesInAFormAndOnce(t *testing.T) {
	t.Parallel()
	address, tokens := productionPages(t, tenant.SignIn{ProductName: "Shop", Color: new("#aa0000"), SignUp: tenant.OpenSignUp})
	for _, way := range []string{"", "?reload"} { // Clerk tells the page, or has the browser load it again
		before := len(tokens())
		b := browser.New(t, true)
		b.Open(t, address+"/sign-in"+way)
		b.Says(t, "Sign in to Shop", "Sign in in #aa0000")
		b.Press(t, "Sign in in #aa0000")
		b.AwaitAt(t, "/sign-in")
		wait.For(t, "the token", func() bool { return len(tokens()) == before+1 })
		if got := tokens()[before]; got != "the token of a session at Clerk" {
			t.Errorf("the token is %q", got)
		}
		// Whoever is signed in at Clerk already is asked.
		b.Open(t, address+"/sign-in")
		wait.For(t, "the question", func() bool { return strings.Contains(b.Words(t), "You are signed in as eve@mail.example.") })
		if n := len(tokens()); n != before+1 {
			t.Errorf("%d tokens were sent unasked", n-before-1)
		}
		b.Press(t, "Continue")
		wait.For(t, "the second token", func() bool { return len(tokens()) == before+2 })
		b.Open(t, address+"/sign-up")
		wait.For(t, "the question", func() bool { return strings.Contains(b.Words(t), "Use another account") })
		b.Press(t, "Use another account")
		wait.For(t, "the form", func() bool { return strings.Contains(b.Words(t), "Sign up in #aa0000") })
		// Who left that form, and is signed in at Clerk by other means since, is asked.
		browser.Look[string](t, b, "sessionStorage.setItem('stub', '') || ''")
		b.Open(t, address+"/sign-in")
		wait.For(t, "the question", func() bool { return strings.Contains(b.Words(t), "You are signed in as eve@mail.example.") })
		b.NoComplaints(t) // the policy lets all of it through
	}
	b := browser.New(t, true)
	b.Open(t, address+"/account/profile")
	wait.For(t, "what to do without a session at Clerk", func() bool { return strings.Contains(b.Words(t), "This does not work right now.") })
	b.Complaints()

	without := browser.New(t, false)
	without.Open(t, address+"/sign-in")
	without.Says(t, "Signing in needs JavaScript")
}

func TestBrandingIsTextAndAColourAndAPictureWhateverIsWrittenInIt(t *testing.T) {
	t.Parallel()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	const hostile = `</title><script>document.title='owned'</script><img src=x onerror="document.title='owned'">"'><style>*{display:none}</style>`
	address, _ := productionPages(t, tenant.SignIn{
		ProductName: hostile, Color: new("#123abc"), Logo: picture.Bytes(), HomeURL: new("javascript:document.title='owned'"),
		TermsURL: new(`https://a.example/"onclick="document.title='owned'`), SupportURL: new("mailto:help@a.example"), SignUp: tenant.OpenSignUp,
		EmailDomains: []string{"<b>x"},
	})
	b := browser.New(t, true)
	for _, path := range []string{"/sign-in", "/sign-up"} {
		b.Open(t, address+path)
		b.Says(t, "<script>document.title='owned'</script>")
		if n := browser.Look[int](t, b, "document.querySelectorAll('style, main img, [onerror], [onclick]').length"); n != 0 {
			t.Errorf("%s has %d elements that branding slipped in", path, n)
		}
		if href := browser.Look[string](t, b, "document.querySelector('header a') ? document.querySelector('header a').href : ''"); strings.HasPrefix(href, "javascript") {
			t.Errorf("%s links to %s", path, href)
		}
		if title := browser.Look[string](t, b, "document.title"); title == "owned" {
			t.Errorf("%s runs what is written in the branding", path)
		}
		if color := browser.Look[string](t, b, "getComputedStyle(document.body).borderTopColor"); color != "rgb(18, 58, 188)" {
			t.Errorf("%s has the colour %s", path, color)
		}
		if width := browser.Look[int](t, b, "document.querySelector('header img').naturalWidth"); width != 8 {
			t.Errorf("%s shows no logo", path)
		}
	}
}
