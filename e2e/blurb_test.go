package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

// model speaks as OpenAI's API does, as far as the example needs it.
type model struct {
	*httptest.Server
	asked   atomic.Int64
	goOn    chan struct{}          // half of a text waits for this
	answers atomic.Pointer[string] // "whole", "error" or "half"
}

const hostileText = `<img src=x onerror="document.title='owned'">`

func newModel(t *testing.T) *model {
	t.Helper()
	m := &model{goOn: make(chan struct{})}
	m.set("whole")
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.asked.Add(1)
		var asked struct {
			Model    string
			Stream   bool
			Messages []struct{ Role, Content string }
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		if err != nil || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer mk_1" || asked.Model != "tiny" ||
			!asked.Stream || len(asked.Messages) != 2 || asked.Messages[1].Role != "user" {
			http.Error(w, fmt.Sprint("not as OpenAI's API: ", asked, err), http.StatusBadRequest)
			return
		}
		how := *m.answers.Load()
		if how == "error" {
			http.Error(w, "no capacity", http.StatusServiceUnavailable)
			return
		}
		say := func(text string) {
			piece, _ := json.Marshal(object{"choices": []object{{"delta": object{"content": text}}}})
			_, _ = fmt.Fprintf(w, "data: %s\n\n", piece)
			w.(http.Flusher).Flush()
		}
		say("A fine thing")
		select {
		case <-m.goOn:
		case <-r.Context().Done():
		}
		if how == "half" {
			return
		}
		say(" is " + asked.Messages[1].Content + hostileText)
		_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *model) set(how string) { m.answers.Store(&how) }

// writer is an end user of the example's product.
type writer struct {
	*devRun
	*browser.Tab
	*model
	origin, email string
}

// A complete product, bought and upgraded: examples/blurb.
func TestAnEndUserUsesTheExampleProduct(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	tier := "/api/platforms/" + d.facts.Demo.PlatformID + "/tiers/free"
	d.must(t, http.StatusOK, patch(tier, object{"limit": 3}).on(dashboardHost).as(d.facts.Demo.DeveloperToken))
	m := newModel(t)
	origin := program.StartBlurb(t, d.dir, map[string]string{
		"MODEL_URL": m.URL + "/v1", "MODEL_KEY": "mk_1", "MODEL": "tiny", "REFRESH_EARLY": "3600000", // each use refreshes
	})

	t.Run("with JavaScript", func(t *testing.T) {
		w := &writer{devRun: d, Tab: browser.New(t, true), model: m, origin: origin, email: "ida@example.com"}
		w.signUp(t)
		w.watch(t)
		w.failures(t)
		w.meetTheLimit(t)
		w.choosePro(t)
		w.end(t)
	})
	t.Run("without JavaScript", func(t *testing.T) {
		w := &writer{devRun: d, Tab: browser.New(t, false), model: m, origin: origin, email: "kai@example.com"}
		w.signUp(t)
		w.formsAlone(t)
		w.end(t)
	})
	t.Run("what is not right is refused", func(t *testing.T) { refusesWrong(t, origin) })
}

// The product with what came with it, as `make example` starts it.
func TestTheExampleWritesWithoutAModel(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	w := &writer{devRun: d, Tab: browser.New(t, true), origin: program.StartBlurb(t, d.dir, nil), email: "ida@example.com"}
	w.signUp(t)
	w.Choose(t, "cheerful")
	w.ask(t, "a teapot that never drips.")
	wait.For(t, "text", func() bool { return strings.Contains(w.Words(t), "1 of 20 texts") })
	if text := w.Text(t, "#texts article:not([hidden]) p"); !strings.Contains(text, "a teapot that never drips. ") || !strings.HasSuffix(text, "!") {
		t.Errorf("it wrote %q", text)
	}
	w.NoComplaints(t)

	// While nothing can be counted nothing is written, and nothing is lost of the page.
	d.Interrupt(t)
	d.ExitCode(t)
	w.ask(t, "a cup")
	wait.For(t, "word of it", func() bool { return strings.Contains(w.Text(t, "#says"), "does not work right now") })
	w.keeps(t, "a cup")
	w.Says(t, "1 of 20 texts", "a teapot that never drips")
	w.DoesNotSay(t, "null")
	w.Tab = w.WithoutScripts(t)
	w.Open(t, w.origin+"/")
	w.Says(t, "did not work")
}

func (w *writer) signUp(t *testing.T) {
	t.Helper()
	w.Open(t, w.origin+"/")
	w.sound(t)
	w.Press(t, "Sign up")
	w.AwaitAt(t, w.facts.APIURL+"/sign-")
	w.Press(t, "Continue with your email")
	w.Fill(t, "First name", "Ida", "Email address", w.email, "Password", evesPassword)
	w.Press(t, "Sign up")
	if !w.Scripts {
		w.Press(t, "Continue") // a script would
	}
	w.AwaitAt(t, w.origin+"/")
	w.Says(t, "What are you selling?", w.email, "texts on the plan free", "Nothing yet.")
}

// sound holds the page to what ours are held to.
func (w *writer) sound(t *testing.T) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		w.Act(t, browser.Prefer(scheme), chromedp.EmulateViewport(360, 800))
		if w.Scripts {
			for _, fault := range w.Faults(t) {
				t.Errorf("%s in %s: %s", w.Where(), scheme, fault)
			}
		}
		if wide := browser.Look[int64](t, w.Tab, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("%s is %d px wide on a screen of 360", w.Where(), wide)
		}
	}
}

// uses is what the API has counted.
func (w *writer) uses(t *testing.T, want int) {
	t.Helper()
	found := at[[]any](t, w.must(t, http.StatusOK, get("/api/customers?email="+w.email).as(w.facts.Demo.SecretKey)), "data")
	id := found[0].(object)["id"].(string)
	usage := w.must(t, http.StatusOK, get("/api/usage").as(w.facts.Demo.SecretKey).with("X-User-Id", id))
	if got := at[float64](t, usage, "usageCount"); int(got) != want {
		t.Errorf("%v uses are counted, not %d", got, want)
	}
}

// ask sends the form by the page's script: no other page comes.
func (w *writer) ask(t *testing.T, about string) {
	t.Helper()
	w.Fill(t, "In a few words", about)
	w.Act(t, chromedp.Click(chromedp.CSS("#write button")))
}

// begin writes until half of the text is there.
func (w *writer) begin(t *testing.T) {
	t.Helper()
	w.ask(t, "a pot"+hostileText)
	wait.For(t, "half of a text", func() bool { return w.Text(t, "#new") == "A fine thing" })
}

// write has a text written, which is then the newest.
func (w *writer) write(t *testing.T, used string) {
	t.Helper()
	w.begin(t)
	w.goOn <- struct{}{}
	wait.For(t, used, func() bool { return strings.Contains(w.Words(t), used) })
	w.Says(t, "A fine thing is a pot"+hostileText)
}

func (w *writer) watch(t *testing.T) {
	t.Helper()
	w.write(t, "1 of 3 texts")
	w.sound(t)
	w.Reload(t)
	w.Says(t, "A fine thing is a pot"+hostileText)
	if title := browser.Look[string](t, w.Tab, "document.title"); title != "Write" {
		t.Errorf("a text has changed the page's title to %q", title)
	}
	w.NoComplaints(t)
}

// failures are not paid for.
func (w *writer) failures(t *testing.T) {
	t.Helper()
	failed := func() {
		wait.For(t, "word of it", func() bool { return strings.Contains(w.Text(t, "#says"), "did not work") })
	}
	w.set("error")
	w.ask(t, "a pan")
	failed()
	w.NoComplaints(t, "502")
	w.uses(t, 1)

	w.set("half")
	w.begin(t)
	w.goOn <- struct{}{}
	failed()
	w.Complaints() // of a stream that was cut
	w.set("whole")
	w.uses(t, 1)
	w.DoesNotSay(t, "A fine thing\n")
}

func (w *writer) meetTheLimit(t *testing.T) {
	t.Helper()
	w.write(t, "2 of 3 texts")
	w.write(t, "3 of 3 texts")
	asked := w.asked.Load()
	w.ask(t, "a lid")
	wait.For(t, "refusal", func() bool { return strings.Contains(w.Text(t, "#says"), "upgrade") })
	w.Says(t, "That is all that your plan grants for now.")
	w.keeps(t, "a lid")
	if w.asked.Load() != asked {
		t.Error("the model was asked for somebody who is at the limit")
	}
	w.NoComplaints(t, "402")
}

// keeps what was typed, where nothing was written.
func (w *writer) keeps(t *testing.T, about string) {
	t.Helper()
	if got := browser.Look[string](t, w.Tab, "document.getElementById('about').value"); got != about {
		t.Errorf("after the refusal the form says %q", got)
	}
}

// choosePro chooses a plan in <dream-pricing>, pays, and goes on writing.
func (w *writer) choosePro(t *testing.T) {
	t.Helper()
	w.Press(t, "See the plans")
	const button = "document.querySelector('dream-pricing').shadowRoot?.querySelector('[part=tier]:last-child button')"
	wait.For(t, "price list", func() bool { return browser.Look[bool](t, w.Tab, "!!"+button) })
	w.sound(t)
	browser.Look[bool](t, w.Tab, "("+button+".click(), true)")
	w.AwaitAt(t, w.facts.StripeSandboxURL)
	w.Says(t, "$10.00")
	w.Pay(t, goodCard, "Subscribe")
	w.AwaitAt(t, w.origin+"/")
	w.Says(t, "3 of 10000 texts on the plan pro")
	w.write(t, "4 of 10000 texts")
	w.NoComplaints(t)
}

// formsAlone is the whole way without a script.
func (w *writer) formsAlone(t *testing.T) {
	t.Helper()
	write := func(about, used string) {
		w.Fill(t, "In a few words", about)
		go func() { w.goOn <- struct{}{} }()
		w.Press(t, "Write it")
		w.Says(t, used, "A fine thing is "+about)
	}
	write("a pot", "1 of 3 texts")
	w.set("error")
	w.Fill(t, "In a few words", "a pan")
	w.Press(t, "Write it")
	w.Says(t, "That did not work")
	w.set("whole")
	w.uses(t, 1)
	w.Press(t, "To the start")
	write("a pan", "2 of 3 texts")
	write("a lid", "3 of 3 texts")
	w.NoComplaints(t, "502")
	w.Fill(t, "In a few words", "a cup")
	w.Press(t, "Write it")
	w.Says(t, "upgrade", "That is all that your plan grants for now.")
	w.keeps(t, "a cup")
	w.NoComplaints(t, "402")
	w.Press(t, "See the plans")
	w.sound(t)
	w.Press(t, "Choose Pro for $10.00 a month")
	w.Pay(t, goodCard, "Subscribe")
	w.AwaitAt(t, w.origin+"/")
	w.Says(t, "3 of 10000 texts on the plan pro")
	write("a cup", "4 of 10000 texts")
}

// end is signed out by the account page, which the product learns at once, and then by its own button.
func (w *writer) end(t *testing.T) {
	t.Helper()
	w.Click(t, "nav a")
	w.AwaitAt(t, w.facts.APIURL+"/account")
	w.Press(t, "Sign out everywhere")
	w.Open(t, w.origin+"/")
	w.Says(t, "You are signed out")
	if left := w.Cookie(t, w.origin, "blurb_session"); left != "" {
		t.Errorf("a cookie is left of a session that has ended: %q", left)
	}
	w.NoComplaints(t, "401")
	w.Press(t, "To the start")
	w.Press(t, "Sign in")
	w.AwaitAt(t, w.facts.APIURL+"/sign-in")
	for _, r := range w.Requests() {
		for _, secret := range []string{"eyJ", "rt_", "sk_test_"} {
			if strings.Contains(r.URL+r.Referer, secret) {
				t.Errorf("%q stands in an address or a Referer: %+v", secret, r)
			}
		}
	}
}

func refusesWrong(t *testing.T, origin string) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status := func(r *http.Request, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for path, want := range map[string]int{"/callback?code=x&state=y": 400, "/token": 401, "/plans": 401, "/none": 404, "/": 200} {
		if got := status(http.NewRequest(http.MethodGet, origin+path, nil)); got != want {
			t.Errorf("%s answers %d, not %d", path, got, want)
		}
	}
	for path, nobody := range map[string]int{"/write": 401, "/upgrade": 401, "/sign-out": 303} {
		for from, want := range map[string]int{"same-origin": nobody, "cross-site": http.StatusForbidden} {
			r, err := http.NewRequest(http.MethodPost, origin+path, strings.NewReader("about=a+pot&tone=plain"))
			if err == nil {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", from)
			}
			if got := status(r, err); got != want {
				t.Errorf("%s, %s, answers %d, not %d", path, from, got, want)
			}
		}
	}
}
