package sdk

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/wait"
	dream "github.com/dream-api/dream-api/sdk/go"
)

// shop is somebody's site with the price list in it, and a customer before it.
type shop struct {
	*world
	*browser.Tab
	origin string
	body   string // of the page
}

const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`

func newShop(t *testing.T) *shop {
	t.Helper()
	built(t)
	s := &shop{world: newWorld(t), Tab: browser.New(t, true)}
	s.developer(t, "PATCH", "/tiers/pro", map[string]any{"prices": map[string]any{"month": 1000, "year": 10000}, "features": []string{"Everything in Free", "{tier} ${x}"}})
	s.developer(t, "POST", "/tiers", map[string]any{
		"name": "odd", "displayName": hostile, "price": 123456, "limit": nil, "trialDays": 14,
		"features": []string{hostile, "javascript:alert(1)", "</li></ul>" + strings.Repeat("long", 45)},
		"meters":   map[string]any{"tokens": map[string]any{"limit": 2000000, "period": "day"}},
	})
	mux := http.NewServeMux()
	mux.Handle("GET /sdk/", http.StripPrefix("/sdk/", http.FileServer(http.Dir(filepath.Join(jsFolder, "dist", "esm")))))
	page := func(w http.ResponseWriter, _ *http.Request) {
		// As strict as a policy can be: the element brings neither a script nor a style into the page.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; img-src data:; connect-src "+s.proxy.url+"; base-uri 'none'; "+
			"require-trusted-types-for 'script'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script><main>`+s.body+`</main></html>`)
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /paid", page)
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = fmt.Fprint(w, `import * as sdk from '/sdk/index.js'; import '/sdk/pricing.js';
			window.sdk = sdk; window.chosen = []; window.failed = [];
			addEventListener('dream-checkout', (e) => { chosen.push(e.detail); if (window.mine) e.preventDefault(); });
			addEventListener('dream-error', (e) => failed.push(String(e.detail.error)));
			window.p = document.querySelector('dream-pricing');
			window.$ = (s) => [...p.shadowRoot.querySelectorAll(s)];`)
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	s.origin = strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	return s
}

// show opens a page with the element, and returns when that has drawn so many tiers.
func (s *shop) show(t *testing.T, tiers int, attributes string) {
	t.Helper()
	s.body = fmt.Sprintf(`<dream-pricing api-url="%s" %s></dream-pricing>`, s.proxy.url, attributes)
	s.Open(t, s.origin+"/")
	wait.For(t, "price list", func() bool {
		return browser.Look[bool](t, s.Tab, fmt.Sprintf("!!window.p && $('.tier').length === %d", tiers))
	})
}

func (s *shop) key() string { return `publishable-key="` + s.facts.Demo.PublishableKey + `" ` }

// says is the text of what is in the element.
func (s *shop) says(t *testing.T, selector string) string {
	t.Helper()
	return browser.Look[string](t, s.Tab, fmt.Sprintf("$(%q).map((e) => e.textContent).join(' | ')", selector))
}

func (s *shop) press(t *testing.T, button string) {
	t.Helper()
	browser.Look[bool](t, s.Tab, fmt.Sprintf("($('button').find((e) => e.textContent === %q).click(), true)", button))
}

func TestThePriceListInABrowser(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	t.Run("it draws what there is, and nothing of it runs", s.draws)
	t.Run("it can be used with a keyboard, and read", s.isSound)
	t.Run("a choice is an event", s.tells)
	t.Run("it leads to the checkout", s.sells)
	t.Run("it says what fails", s.fails)
}

func (s *shop) draws(t *testing.T) {
	s.show(t, 3, s.key()+`current="free"`)
	equal(t, "names", s.says(t, ".name"), "Free | Pro | "+hostile)
	equal(t, "prices", s.says(t, ".price"), "Free | $10.00 a month | $1,234.56 a month")
	equal(t, "trials", s.says(t, ".trial"), "14 days free")
	for _, want := range []string{hostile, "javascript:alert(1)", "20 requests a month", "Unlimited requests", "2,000,000 tokens a day", "{tier} ${x}"} {
		if text := s.says(t, ".feature"); !strings.Contains(text, want) {
			t.Errorf("the features do not say %q: %s", want, text)
		}
	}
	equal(t, "buttons", s.says(t, "button"), "Your plan | Choose Pro | Choose "+hostile)
	equal(t, "elements that were slipped in", browser.Look[int](t, s.Tab, "$('img, script, a, style').length"), 0)
	equal(t, "title", browser.Look[string](t, s.Tab, "document.title"), "Shop")
	equal(t, "the present plan", browser.Look[string](t, s.Tab, "$('[aria-current]').map((e) => e.querySelector('.name').textContent).join()"), "Free")
	s.press(t, "Your plan")
	equal(t, "choices", browser.Look[int](t, s.Tab, "chosen.length"), 0)
	browser.Look[bool](t, s.Tab, "(p.labels = { choose: 'Nimm {tier}', perMonth: 'im Monat' }, p.setAttribute('current', 'pro'), true)")
	equal(t, "what the names are", browser.Look[string](t, s.Tab, "$('.name').map((e) => e.localName).join()"), "h3,h3,h3")
	browser.Look[bool](t, s.Tab, "(p.setAttribute('heading-level', '2'), true)")
	equal(t, "what the names are, as the page wants", browser.Look[string](t, s.Tab, "$('.name').map((e) => e.localName).join()"), "h2,h2,h2")
	equal(t, "buttons in other words", s.says(t, "button"), "Nimm Free | Your plan | Nimm "+hostile)
	s.NoComplaints(t)

	// In a page the client refuses a secret key, and does the rest.
	refused := browser.Look[string](t, s.Tab, fmt.Sprintf("(() => { try { new sdk.Dream(%q); } catch (e) { return e.message; } })()", s.facts.Demo.SecretKey))
	if !strings.Contains(refused, "no place in a browser") {
		t.Errorf("a secret key in a page: %q", refused)
	}
}

// faint finds text in the element that one can hardly read. The page behind it is white, whatever the system prefers.
const faint = `(() => {
	const rgb = (color) => color.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => {
		const own = e && rgb(getComputedStyle(e).backgroundColor);
		return !e ? [255, 255, 255] : own[3] === 0 ? behind(e.parentElement) : own;
	};
	return $('*').filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility() && e.localName !== 'legend').filter((e) => { // which is for those who do not see
		const [low, high] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => a - b);
		return (high + .05) / (low + .05) < 4.5;
	}).map((e) => e.textContent);
})()`

func (s *shop) isSound(t *testing.T) {
	s.show(t, 3, s.key()+`current="free"`)
	for _, scheme := range []string{"light", "dark"} {
		s.Act(t, browser.Prefer(scheme), chromedp.EmulateViewport(360, 800))
		if hard := browser.Look[[]string](t, s.Tab, faint); len(hard) > 0 {
			t.Errorf("in %s, one can hardly read %q", scheme, hard)
		}
		surface := browser.Look[string](t, s.Tab, "getComputedStyle($('.tier')[0]).backgroundColor")
		equal(t, scheme, surface == "rgb(255, 255, 255)", scheme == "light")
		if wide := browser.Look[int64](t, s.Tab, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("the page is %d px wide on a screen of 360", wide)
		}
	}
	browser.Look[bool](t, s.Tab, "(p.setAttribute('theme', 'light'), true)")
	equal(t, "light where the system is dark", browser.Look[string](t, s.Tab, "getComputedStyle($('.tier')[0]).backgroundColor"), "rgb(255, 255, 255)")
	equal(t, "what the fields are", browser.Look[string](t, s.Tab, "$('fieldset legend')[0].textContent + $('fieldset input').map((e) => e.type + e.labels[0].textContent)"),
		"Billing periodradioMonthly,radioYearly")

	// Tab goes from the switch through the buttons, and the arrows turn the switch.
	var reached []string
	for range 4 {
		s.Act(t, chromedp.KeyEvent(kb.Tab))
		reached = append(reached, browser.Look[string](t, s.Tab, "(p.shadowRoot.activeElement ?? document.body).value || p.shadowRoot.activeElement?.textContent || ''"))
		where := "(p.shadowRoot.activeElement?.closest('label') ?? p.shadowRoot.activeElement ?? document.body)"
		if browser.Look[string](t, s.Tab, "getComputedStyle("+where+").outlineStyle") == "none" {
			t.Errorf("one does not see that the focus is on %q", reached[len(reached)-1])
		}
	}
	equal(t, "what Tab reaches", strings.Join(reached, " | "), "month | Your plan | Choose Pro | Choose "+hostile)
	s.Act(t, chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)), chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)), chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)),
		chromedp.KeyEvent(kb.ArrowRight))
	equal(t, "prices a year", s.says(t, ".price"), "Free | $100.00 a year | $1,234.56 a month")
	equal(t, "the focus after that", browser.Look[string](t, s.Tab, "p.shadowRoot.activeElement?.value"), "year")
	s.NoComplaints(t)
}

func (s *shop) tells(t *testing.T) {
	s.show(t, 3, s.key()+`interval="year"`)
	s.press(t, "Choose Pro")
	equal(t, "the choice", browser.Look[string](t, s.Tab, "chosen.map((c) => c.tier + ' ' + c.interval + ' ' + /^price_/.test(c.priceId)).join()"), "pro year true")
	// Who cancels it sees to the checkout, even if there is a token.
	browser.Look[bool](t, s.Tab, "(window.mine = true, p.token = 'a.b.c', true)")
	s.proxy.take(t)
	s.press(t, "Choose Pro")
	equal(t, "choices", browser.Look[int](t, s.Tab, "chosen.length"), 2)
	for _, r := range s.proxy.take(t) {
		t.Errorf("a cancelled choice asks for %s", r.Request)
	}
	equal(t, "address", s.Where(), s.origin+"/")
}

func (s *shop) sells(t *testing.T) {
	c := s.client()
	tokens, err := c.Sessions.Exchange(t.Context(), s.code(t, "buyer@example.com"))
	must(t, err)
	s.show(t, 3, s.key()+`interval="year" success-url="`+s.origin+`/paid" cancel-url="`+s.origin+`/"`)
	browser.Look[bool](t, s.Tab, fmt.Sprintf("(p.token = async () => %q, true)", tokens.Token))
	s.press(t, "Choose Pro")
	s.AwaitAt(t, s.facts.StripeSandboxURL)
	s.Says(t, "$100.00")
	s.Pay(t, "4242 4242 4242 4242", "Subscribe")
	s.AwaitAt(t, s.origin+"/paid")
	report, err := c.Usage(t.Context(), tokens.Customer.ID)
	must(t, err)
	equal(t, "plan", report.Plan, "pro")
	for _, r := range s.Requests() {
		if strings.Contains(r.URL+r.Referer, tokens.Token) {
			t.Errorf("the token stands in an address: %+v", r)
		}
	}
	s.NoComplaints(t)
}

func (s *shop) fails(t *testing.T) {
	s.proxy.take(t)
	s.proxy.arm(fault{Request: "GET /api/tiers", Kind: answer, Status: 503, Times: 4})
	s.show(t, 0, s.key())
	wait.For(t, "words of what failed", func() bool {
		return s.says(t, ".status") == "The prices can not be shown right now. Try again"
	})
	equal(t, "events", browser.Look[int](t, s.Tab, "failed.length"), 1)
	for _, scheme := range []string{"light", "dark"} {
		s.Act(t, browser.Prefer(scheme))
		if hard := browser.Look[[]string](t, s.Tab, faint); len(hard) > 0 {
			t.Errorf("in %s, one can hardly read %q", scheme, hard)
		}
	}
	s.press(t, "Try again")
	wait.For(t, "price list", func() bool { return browser.Look[int](t, s.Tab, "$('.tier').length") == 3 })
	equal(t, "status", s.says(t, ".status"), "")

	// What the API says of a choice stands below it, and the choice can be made again.
	browser.Look[bool](t, s.Tab, "(p.token = 'not.good.any-more', true)")
	s.press(t, "Choose Pro")
	wait.For(t, "the API's words", func() bool { return strings.Contains(s.says(t, ".status.bad"), "token") })
	equal(t, "address", s.Where(), s.origin+"/")
	s.Complaints()
	s.proxy.take(t)

	s.show(t, 0, `publishable-key="`+s.facts.Demo.SecretKey+`"`)
	wait.For(t, "refusal of a secret key", func() bool {
		return strings.Contains(browser.Look[string](t, s.Tab, "failed.join()"), "no place in a browser")
	})
	if log := s.proxy.take(t); len(log) > 0 {
		t.Errorf("a secret key is sent from a page: %+v", log)
	}
	s.show(t, 0, "")
	s.Act(t, chromedp.WaitVisible(chromedp.CSS("main")))
	browser.Look[bool](t, s.Tab, fmt.Sprintf("(p.setAttribute('publishable-key', %q), true)", s.facts.Demo.PublishableKey))
	wait.For(t, "price list of a key that came later", func() bool { return browser.Look[int](t, s.Tab, "$('.tier').length") == 3 })
}

// A user's page calls the API by the client, with the user's own token.
func TestTheJavaScriptClientInAPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	tokens, err := s.client().Sessions.Exchange(t.Context(), s.code(t, "page@example.com"))
	must(t, err)
	s.show(t, 3, s.key())
	s.proxy.take(t)
	s.proxy.arm(fault{Request: "POST /api/data", Kind: lost})
	do := fmt.Sprintf(`(window.out = null, (async () => {
		const me = new sdk.Dream(%q, { baseUrl: %q }).as(%q);
		const usage = await me.track({ quantity: 3 });
		const beyond = await me.track({ quantity: 30 }).catch((e) => e);
		const page = await beyond.upgrade('pro', { successUrl: location.href });
		return [usage.count, usage.replayed, usage.requestId.slice(0, 4), beyond instanceof sdk.TierLimitError, beyond.usage.remaining,
			page.url.startsWith(%q), (await me.usage()).usageCount].join();
	})().then((text) => { window.out = text; }, (e) => { window.out = String(e); }), true)`,
		s.facts.Demo.PublishableKey, s.proxy.url, tokens.Token, s.facts.StripeSandboxURL)
	browser.Look[bool](t, s.Tab, do)
	wait.For(t, "end of the calls", func() bool { return browser.Look[bool](t, s.Tab, "window.out !== null") })
	equal(t, "what comes of them", browser.Look[string](t, s.Tab, "window.out"), "3,true,req_,true,17,true,3")
	var usage *dream.UsageReport
	usage, err = s.client().Usage(t.Context(), tokens.Customer.ID)
	must(t, err)
	equal(t, "counted", usage.UsageCount, 3)
}
