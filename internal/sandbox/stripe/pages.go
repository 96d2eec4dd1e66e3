package stripe

import (
	"bytes"
	"embed"
	"errors"
	"net/http"
	"net/url"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

//go:embed templates static
var pageFiles embed.FS

// pageLayouts are the pages, each with the layout round it.
var pageLayouts = standin.ParsePages(pageFiles, "index", "checkout", "authenticate", "portal", "portal-plans", "portal-change", "portal-cancel",
	"portal-card", "consent", "invoice", "message")

// site is the pages that a person sees, with the cards that wait for the
// 3-D Secure step.
type site struct {
	s     *Server
	cards *cardStore
}

// pages is the route table of the pages.
func (s *Server) pages() http.Handler {
	p := &site{s: s, cards: &cardStore{now: s.cfg.Now}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /c/pay/{id}", p.checkoutPage)
	mux.HandleFunc("POST /c/pay/{id}", p.pay)
	mux.HandleFunc("GET /c/pay/{id}/authenticate/{step}", p.step("/c/pay/"))
	mux.HandleFunc("POST /c/pay/{id}/authenticate/{step}", p.finishStep("/c/pay/", p.finishCheckoutStep))

	mux.HandleFunc("GET /p/session/{id}", p.portalEntry)
	mux.HandleFunc("GET /p/session/{id}/home", p.portalHome)
	mux.HandleFunc("GET /p/session/{id}/plans", p.plansPage)
	mux.HandleFunc("GET /p/session/{id}/change", p.changePage)
	mux.HandleFunc("POST /p/session/{id}/change", p.changePlan)
	mux.HandleFunc("GET /p/session/{id}/cancel/{subscription}", p.cancelPage)
	mux.HandleFunc("POST /p/session/{id}/cancel/{subscription}", p.cancelPlan)
	mux.HandleFunc("POST /p/session/{id}/resume/{subscription}", p.resumePlan)
	mux.HandleFunc("GET /p/session/{id}/card", p.cardPage)
	mux.HandleFunc("POST /p/session/{id}/card", p.setCard)
	mux.HandleFunc("GET /p/session/{id}/authenticate/{step}", p.step("/p/session/"))
	mux.HandleFunc("POST /p/session/{id}/authenticate/{step}", p.finishStep("/p/session/", p.finishPortalStep))

	mux.HandleFunc("GET /oauth/authorize", p.consentPage)
	mux.HandleFunc("POST /oauth/authorize", p.consent)

	mux.HandleFunc("GET /i/{id}", p.invoicePage)

	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("POST /actions/clock", p.turnClock)
	mux.HandleFunc("POST /actions/settle/{id}", p.settle)
	mux.HandleFunc("POST /actions/accounts/{id}/revoke", p.revoke)
	mux.HandleFunc("POST /actions/accounts/{id}/charges", p.setCharges)
	mux.HandleFunc("POST /actions/faults/clear", p.clearFaults)

	mux.Handle("GET /assets/", standin.Assets(pageFiles))
	mux.HandleFunc("/", p.nothing)
	return http.NewCrossOriginProtection().Handler(mux)
}

// pageView is what every page's template gets.
type pageView struct {
	Title     string
	Business  string            // whose page it is
	Form      url.Values        // what was typed
	Errors    map[string]string // by field; "" is about the whole form
	Filled    testCard          // the card that was asked to be filled in
	TestCards []testCard
	Data      any
}

func newView(title string, r *http.Request) pageView {
	_ = r.ParseForm()
	v := pageView{Title: title, Form: r.Form, Errors: map[string]string{}, TestCards: testCards}
	if chosen, ok := testCardByKey(r.PostFormValue("fill")); ok {
		v.Filled = chosen
	}
	return v
}

// statusOf puts an error beside the field it is about, and is the status to
// answer with. It does not know errors that are the sandbox's own.
func (v *pageView) statusOf(err error) (status int, known bool) {
	var e *apiError
	switch {
	case err == nil && len(v.Errors) == 0:
		return http.StatusOK, true
	case err == nil:
		return http.StatusUnprocessableEntity, true
	case !errors.As(err, &e):
		return 0, false
	}
	v.Errors[fieldOf(e)] = e.Message
	if e.Type == typeCard {
		return http.StatusPaymentRequired, true
	}
	return http.StatusUnprocessableEntity, true
}

// show renders a page. The policy lets nothing in but our own files. A form
// may lead anywhere over HTTP: a browser holds the redirects that follow it to
// form-action too, and where a shop sends people next is not ours to know.
func (p *site) show(w http.ResponseWriter, status int, page string, v pageView) {
	var out bytes.Buffer
	if err := pageLayouts[page].ExecuteTemplate(&out, "layout.html", v); err != nil {
		p.s.cfg.Log.Error("stripe sandbox can't render a page", "page", page, "error", err)
		http.Error(w, "The sandbox failed to render this page.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http: https:")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// message is what a page shows that only says something, with a way on.
type message struct{ Text, Link, LinkText string }

func (p *site) message(w http.ResponseWriter, r *http.Request, status int, title, business string, m message) {
	v := newView(title, r)
	v.Business, v.Data = business, m
	p.show(w, status, "message", v)
}

// broken answers an error that no field is to blame for.
func (p *site) broken(w http.ResponseWriter, r *http.Request, err error) {
	var e *apiError
	if errors.As(err, &e) {
		p.message(w, r, http.StatusUnprocessableEntity, "This can't be done", "", message{Text: e.Message})
		return
	}
	p.s.cfg.Log.Error("stripe sandbox: page failed", "path", r.URL.Path, "error", err)
	p.message(w, r, http.StatusInternalServerError, "Something failed", "", message{Text: "The sandbox couldn't do this: " + err.Error()})
}

func (p *site) nothing(w http.ResponseWriter, r *http.Request) {
	p.message(w, r, http.StatusNotFound, "There is nothing here", "",
		message{Text: "The sandbox has no such page. A link may be of a time before it was reset.", Link: "/", LinkText: "To the sandbox's front page"})
}

func redirectTo(w http.ResponseWriter, r *http.Request, target string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target, http.StatusSeeOther)
}
