package clerk

import (
	"bytes"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

//go:embed templates static
var files embed.FS

// layouts are the pages, each with the layout round it.
var layouts = standin.ParsePages(files, "index", "sign-in", "sign-up", "continue", "handover", "user", "message")

// site is the pages of one app: on its frontend host, where base is "", or
// below /apps/<app>.
type site struct {
	s    *Server
	app  *app
	base string
}

// site is the route table of an app's frontend.
func (s *Server) site(a *app, base string) http.Handler {
	site := &site{s: s, app: a, base: base}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", site.home)
	mux.HandleFunc("GET /sign-in", site.signInPage)
	mux.HandleFunc("POST /sign-in", site.signIn)
	mux.HandleFunc("GET /sign-up", site.signUpPage)
	mux.HandleFunc("POST /sign-up", site.signUp)
	mux.HandleFunc("POST /continue", site.carryOn)
	mux.HandleFunc("POST /sign-out", site.signOut)
	mux.HandleFunc("GET /user", site.userPage)
	mux.HandleFunc("POST /user/profile", site.changeProfile)
	mux.HandleFunc("POST /user/email", site.changeEmail)
	mux.HandleFunc("POST /user/password", site.changePassword)
	mux.HandleFunc("POST /user/sessions/{id}/revoke", site.revokeOther)
	mux.HandleFunc("POST /user/token", site.showToken)
	mux.HandleFunc("GET /.well-known/jwks.json", site.jwks)
	mux.Handle("GET /assets/", standin.Assets(files))
	return http.NewCrossOriginProtection().Handler(mux)
}

// view is what every page's template gets.
type view struct {
	Title  string
	App    string
	Base   string
	Form   url.Values        // what was typed
	Errors map[string]string // by field; "" is about the whole form
	Return string            // redirect_url, checked
	Email  string            // whose session it is
	Data   any
}

func (p *site) view(title string, r *http.Request) view {
	return view{Title: title, App: p.app.Name, Base: p.base, Form: r.Form, Errors: map[string]string{}}
}

// fail puts an error beside the field it is about. It is false if the error is
// the sandbox's own.
func (v *view) fail(err error) bool {
	var e *apiError
	if !errors.As(err, &e) {
		return false
	}
	v.Errors[e.param()] = e.LongMessage
	return true
}

// show renders a page. The policy lets nothing in but our own files; the page
// that hands over a session is the one which may post elsewhere.
func (s *Server) show(w http.ResponseWriter, status int, page string, v view) {
	var out bytes.Buffer
	if err := layouts[page].ExecuteTemplate(&out, "layout.html", v); err != nil {
		s.cfg.Log.Error("clerk sandbox can't render a page", "page", page, "error", err)
		http.Error(w, "The sandbox failed to render this page.", http.StatusInternalServerError)
		return
	}
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
	if page != "handover" {
		// A browser holds redirects to form-action too, and where the receiver
		// of a session sends the browser next is not ours to know.
		policy += "; form-action 'self'"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: the receiver of a session may want to see whose form it
	// was, and a browser would then send Origin: null.
	h.Set("Referrer-Policy", "strict-origin")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// message is a page that only says something.
func (p *site) message(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	v := p.view(title, r)
	v.Data = text
	p.s.show(w, status, "message", v)
}

func (p *site) broken(w http.ResponseWriter, r *http.Request, err error) {
	p.s.cfg.Log.Error("clerk sandbox: page failed", "path", r.URL.Path, "error", err)
	p.message(w, r, http.StatusInternalServerError, "Something failed", "The sandbox couldn't do this: "+err.Error())
}

func (p *site) redirect(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.base+path, http.StatusSeeOther)
}

func (p *site) home(w http.ResponseWriter, r *http.Request) { p.redirect(w, r, "/user") }

func (p *site) jwks(w http.ResponseWriter, r *http.Request) {
	_ = p.s.view(p.app, callerOf(r), func(t *tx) error {
		standin.WriteJSON(w, http.StatusOK, t.jwks())
		return nil
	})
}

// returnURL is the redirect_url, which must lead to this machine; "" if there is none.
func returnURL(r *http.Request) (target, origin string, err error) {
	raw := r.FormValue("redirect_url")
	if raw == "" {
		return "", "", nil
	}
	u, err := url.Parse(raw)
	refused := errors.New("a sandbox sends sessions only to http(s) addresses on this machine")
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Opaque != "" || !standin.IsLoopback(standin.Hostname(u.Host)) {
		return "", "", refused
	}
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port()) // as browsers write an origin
	}
	return u.String(), u.Scheme + "://" + host, nil
}

// checkedReturn is returnURL, having answered if it is refused.
func (p *site) checkedReturn(w http.ResponseWriter, r *http.Request) (target, origin string, ok bool) {
	target, origin, err := returnURL(r)
	if err != nil {
		p.message(w, r, http.StatusBadRequest, "This return address is refused", "The redirect_url is not allowed: "+err.Error()+".")
	}
	return target, origin, err == nil
}

// Cookies ignore ports, so their name carries it; below /apps the apps share a host.
func (p *site) cookieName() string { return "sandbox_clerk_" + p.app.Name + "_" + p.s.port }

func (p *site) setCookie(w http.ResponseWriter, value string, lifetime time.Duration) {
	c := &http.Cookie{Name: p.cookieName(), Value: value, Path: p.base + "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(lifetime.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// current is the browser's active session and its user, or nil.
func (p *site) current(t *tx, r *http.Request) (*session, *user) {
	c, err := r.Cookie(p.cookieName())
	if err != nil || c.Value == "" {
		return nil, nil
	}
	return t.browserSession(c.Value)
}

// index lists the apps.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		Name, Issuer, SecretKey, PublishableKey, Alias, WebhookURL string
		Users                                                      int
	}
	var list []entry
	s.mu.Lock()
	for _, a := range s.apps {
		list = append(list, entry{Name: a.Name, Issuer: s.issuer(a), SecretKey: a.SecretKey, PublishableKey: s.PublishableKey(a.Name),
			Alias: "/apps/" + a.Name, WebhookURL: a.WebhookURL, Users: len(a.Users)})
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	s.show(w, http.StatusOK, "index", view{Title: "Clerk sandbox", Data: map[string]any{"API": s.URL() + "/v1", "Apps": list}})
}
