package server

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// The pages on which end users sign in, sign up and see to their account. They look as their platform has them look, and
// are on our own host whatever the platform's domain is: Clerk serves no other.

// hostedRoutes are those pages.
func (s *Server) hostedRoutes(e *echo.Echo) {
	own := []echo.MiddlewareFunc{s.onOwnHost, ownForms(s.cfg.CustomerClerk.trustedForms())}
	user := slices.Concat(own, []echo.MiddlewareFunc{s.userSignedIn})
	form := slices.Concat(user, []echo.MiddlewareFunc{s.form})
	e.GET("/sign-in", s.hostedEntrance(false), own...)
	e.GET("/sign-up", s.hostedEntrance(true), own...)
	e.POST("/sign-in", s.hostedArrival(false), own...)
	e.POST("/sign-up", s.hostedArrival(true), own...)
	e.GET("/brand/:file", brandStyle)

	e.GET("/account", s.userAccountPage, user...)
	e.GET("/account/profile", s.userProfilePage, user...)
	e.GET("/account/export", s.exportOwnData, user...)
	e.GET("/account/delete", s.deleteAccountPage, user...)
	e.POST("/account/name", s.changeOwnName, form...)
	e.POST("/account/checkout", s.upgrade, form...)
	e.POST("/account/portal", s.visitBilling, form...)
	e.POST("/account/sessions/:session/end", s.endOwnSession, form...)
	e.POST("/account/sign-out", s.userSignOut, user...)
	e.POST("/account/sign-out-everywhere", s.userSignOutEverywhere, user...)
	e.POST("/account/reauthenticate", s.reauthenticate, user...)
	e.POST("/account/delete", s.deleteOwnAccount, form...)
}

// onOwnHost leads a page that was asked for on a platform's domain, or by another name of this machine, to our own host.
func (s *Server) onOwnHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if strings.EqualFold(r.Host, s.cfg.CustomerURL.Host) {
			return next(c)
		}
		if r.Method != http.MethodGet {
			return errs.New(errs.Forbidden, "This form belongs to %s, so nothing was done.", s.cfg.CustomerURL)
		}
		query := r.URL.Query()
		if domain, ok := domainOf(r); ok && query.Get("publishableKey") == "" {
			key, err := s.gate.CurrentPublishableKey(r.Context(), domain.Platform)
			if err != nil {
				return err
			}
			query.Set("publishableKey", key)
		}
		target := s.cfg.CustomerURL.JoinPath(r.URL.Path)
		target.RawQuery = query.Encode()
		return c.Redirect(http.StatusFound, target.String())
	}
}

// visit is what somebody comes to our pages with: which platform, and where they go afterwards.
type visit struct {
	caller     tenant.Caller
	look       tenant.SignIn
	key        id.Key
	redirect   string // empty: to the account page
	origin     string // of redirect
	state      string
	challenge  string
	invitation string
}

const visitKey = "visit"

func visitOf(c echo.Context) *visit { return c.Get(visitKey).(*visit) }

const (
	longestState    = 1024
	longestRedirect = 2000
)

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // the SHA-256 in base64url, RFC 7636

// visit reads the query of one of our pages, and holds the way back to what the platform allows.
func (s *Server) visit(c echo.Context) (*visit, error) {
	query := c.QueryParams()
	for name, values := range query {
		if len(values) > 1 {
			return nil, errs.InvalidParam(name, "%s is given twice.", name)
		}
	}
	named := query.Get("publishableKey")
	if named == "" {
		return nil, errs.InvalidParam("publishableKey", "publishableKey is missing: it says for which product this page is.")
	}
	v := &visit{
		redirect: query.Get("redirectUrl"), state: query.Get("state"), challenge: query.Get("codeChallenge"),
		invitation: query.Get("invitation"),
	}
	var ok bool
	if v.key, ok = id.ParseKey(named); !ok || v.key.Kind != id.Publishable {
		return nil, errs.InvalidParam("publishableKey", "publishableKey is not a publishable key (pk_…): it is mistyped, cut off or of "+
			"another kind.")
	}
	var err error
	if v.caller, err = s.gate.ByKey(c.Request().Context(), v.key); err != nil {
		return nil, err
	}
	if v.look, err = s.gate.SignInPage(c.Request().Context(), v.caller.Platform); err != nil {
		return nil, err
	}
	c.Set(visitKey, v) // so that an error looks as the platform does
	if v.redirect != "" {
		if v.origin, err = wayBack(v.caller, v.redirect); err != nil {
			return nil, err
		}
	}
	method := query.Get("codeChallengeMethod")
	switch {
	case v.challenge != "" && !challengeForm.MatchString(v.challenge), v.challenge == "" && method != "":
		return nil, errs.InvalidParam("codeChallenge", "codeChallenge is the SHA-256 of the codeVerifier in base64url: 43 characters.")
	case method != "" && method != "S256":
		return nil, errs.InvalidParam("codeChallengeMethod", "codeChallengeMethod is S256, which is also what it is without it.")
	case len(v.state) > longestState:
		return nil, errs.InvalidParam("state", "state has %d bytes at the most.", longestState)
	case v.redirect == "" && (v.state != "" || v.challenge != ""):
		return nil, errs.InvalidParam("redirectUrl", "redirectUrl is missing: it says where to go with the code.")
	}
	return v, nil
}

// plainAddress is of what an address consists that every program reads alike.
var plainAddress = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$`)

// wayBack is the origin of an address to which the browser may be sent with a code.
func wayBack(caller tenant.Caller, address string) (origin string, err error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > longestRedirect || !plainAddress.MatchString(address) || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(address, "#") {
		return "", errs.New(errs.RedirectRefused, "redirectUrl is not a plain address such as https://app.example.com/callback, without "+
			"a user and without #.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil { // as with ; between parameters, which some programs read as & and some do not
		return "", errs.New(errs.RedirectRefused, "redirectUrl has a query that not every program reads alike.")
	}
	if query.Has("code") || query.Has("state") {
		return "", errs.New(errs.RedirectRefused, "redirectUrl has a parameter code or state of its own, and these are what comes back to it.")
	}
	origin = u.Scheme + "://" + u.Host
	if !caller.Allows(origin) {
		return "", errs.New(errs.RedirectRefused, "redirectUrl is at %s, which is not among the allowed origins of this product.", origin)
	}
	return origin, nil
}

// query is that of a page to which one goes on from this one.
func (v *visit) query() string {
	return visitQuery(v.key.Reveal(), map[string]string{
		"redirectUrl": v.redirect, "state": v.state, "codeChallenge": v.challenge, "invitation": v.invitation,
	})
}

func visitQuery(key string, more map[string]string) string {
	query := url.Values{"publishableKey": {key}}
	for name, value := range more {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query.Encode()
}

// done is where the visitor goes once they are in.
func (v *visit) done(code secret.Text) string {
	if v.redirect == "" {
		return "/account?" + v.query()
	}
	back := url.Values{"code": {code.Reveal()}}
	if v.state != "" {
		back.Set("state", v.state)
	}
	joint := "?"
	if strings.Contains(v.redirect, "?") {
		joint = "&"
	}
	return v.redirect + joint + back.Encode()
}

// hostedEntrance shows Clerk's own form, or the way to the sandbox's.
func (s *Server) hostedEntrance(signUp bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := s.visit(c)
		if err == nil && signUp {
			err = v.open()
		}
		if err != nil {
			return s.hostedProblem(c, signUp, err)
		}
		return s.hosted(c, http.StatusOK, "entrance", entranceTitle(signUp), s.entrance(c, v, signUp))
	}
}

// open refuses whom the platform's rules keep out whoever they are: better before they fill in a form than after.
func (v *visit) open() error {
	switch {
	case v.look.SignUp == tenant.NobodySignsUp:
		return errs.New(errs.SignUpClosed, "Nobody can sign up here at the moment.")
	case v.look.SignUp == tenant.InvitedSignUp && v.invitation == "":
		return errs.New(errs.SignUpClosed, "One signs up here by invitation only. Open the link of your invitation.")
	}
	return nil
}

func entranceTitle(signUp bool) string {
	if signUp {
		return "Create your account"
	}
	return "Sign in"
}

// entrance is what the page with Clerk's form needs to know.
func (s *Server) entrance(c echo.Context, v *visit, signUp bool) map[string]any {
	here, query := c.Request().URL.Path, v.query()
	app := s.cfg.CustomerClerk
	back := s.cfg.CustomerURL.JoinPath(here)
	back.RawQuery = query
	sandbox := app.Frontend + here + "?" + url.Values{"redirect_url": {back.String()}}.Encode()
	if !app.Sandboxed {
		targets := "'self'"
		if v.origin != "" {
			targets += " " + v.origin // browsers hold the redirect behind a form to it
		}
		c.Response().Header().Set("Content-Security-Policy", app.signInPolicy(targets))
	}
	_, host, _ := strings.Cut(v.origin, "://")
	return map[string]any{
		"GoesTo": host, "SignsUp": signUp, "Here": here + "?" + query, "Sandboxed": app.Sandboxed, "SandboxURL": sandbox,
		"SignInURL": "/sign-in?" + query, "SignUpURL": "/sign-up?" + query, "MaySignUp": v.open() == nil,
		"Frontend": app.Frontend, "ClerkKey": app.PublishableKey, "Domains": v.look.EmailDomains,
	}
}

// hostedArrival lets in whom Clerk has signed in, and sends them on.
func (s *Server) hostedArrival(signUp bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := s.visit(c)
		if err == nil {
			err = readForm(c)
		}
		if err != nil {
			return s.hostedProblem(c, signUp, err)
		}
		token := posted(c, "token")
		if token == "" {
			token = posted(c, "session_token") // as the sandbox's page calls it
		}
		arrived, err := s.endUsers.Arrive(c.Request().Context(), tenant.Arrival{
			Platform: v.caller.Platform, PublishableKey: v.key, Token: secret.New(token), SignsUp: signUp,
			Invitation: secret.New(v.invitation), RedirectURL: v.redirect, Challenge: v.challenge,
			UserAgent: c.Request().UserAgent(), Source: network(c.RealIP()), Former: s.cookie(c, userCookie(v.caller.Platform)),
		})
		if err != nil {
			return s.hostedProblem(c, signUp, err)
		}
		s.setCookie(c, userCookie(v.caller.Platform), arrived.Cookie, int(tenant.PageSessionLife.Seconds()))
		v.invitation = ""
		return go303(c, v.done(arrived.Code))
	}
}

// network is where an address is: of IPv6, where one person has very many, the network that one person has.
func network(ip string) string {
	address, err := netip.ParseAddr(ip)
	if err != nil || address.Unmap().Is4() {
		return ip
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}

// hostedProblem says what went wrong on a page for end users, in the look of their platform as far as that is known.
func (s *Server) hostedProblem(c echo.Context, signUp bool, err error) error {
	v, ok := c.Get(visitKey).(*visit)
	e := asError(err)
	status := statuses[e.Code]
	if !ok || status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		return err
	}
	if status >= http.StatusInternalServerError {
		s.log.WarnContext(c.Request().Context(), "a sign-in failed", "requestId", requestID(c), "error", err)
	}
	retryAfter(c, e)
	data := map[string]any{"Message": e.Message, "RequestID": requestID(c)}
	switch e.Code {
	case errs.RedirectRefused, errs.InvalidRequest: // the address of this page is wrong, which only its product can mend
		data["Detail"] = e.Message
		return s.hosted(c, status, "problem", "This link does not work", data)
	case errs.NoAccount:
		data["Unknown"] = e.Details["email"]
		if v.open() == nil {
			data["SignUpURL"] = "/sign-up?" + v.query()
		}
	}
	data["Again"] = "/sign-in?" + v.query()
	if signUp {
		data["Again"] = "/sign-up?" + v.query()
	}
	app := s.cfg.CustomerClerk
	data["Sandboxed"], data["Frontend"], data["ClerkKey"] = app.Sandboxed, app.Frontend, app.PublishableKey
	return s.hosted(c, status, "problem", hostedTitle(e.Code), data)
}

// hostedTitle says kindly what went wrong.
func hostedTitle(code errs.Code) string {
	switch code {
	case errs.NoAccount:
		return "No account here yet"
	case errs.InvalidCredentials, errs.Unauthenticated:
		return "Please sign in again"
	case errs.RateLimited:
		return "Please try again a little later"
	case errs.Unavailable:
		return "This does not work right now"
	case errs.PlatformSuspended:
		return "This product is not available right now"
	default:
		return code.Title()
	}
}

// hostedPages are the pages for end users.
var hostedPages = template.Must(template.New("").Funcs(pageFuncs).ParseFS(web, "web/templates/hosted/*.html"))

// hostedView is what the template of such a page gets.
type hostedView struct {
	Title   string
	Sheet   bool // a page of few words, on one sheet
	Product string
	Logo    template.URL // a data URL of a PNG that we encoded; empty: none
	Style   string       // the address of a style sheet with the platform's colour; empty: ours
	Links   []hostedLink
	HomeURL string
	Query   template.URL // for the forms of the page; encoded, so that a template leaves it as it is
	Flash   *flash
	Data    map[string]any
}

type hostedLink struct{ Words, URL string }

// hosted writes a page for end users.
func (s *Server) hosted(c echo.Context, status int, name, title string, data map[string]any) error {
	v := visitOf(c)
	look := v.look
	view := hostedView{Title: title, Sheet: !strings.HasPrefix(name, "account") && name != "profile", Product: look.ProductName, Query: template.URL(v.query()), Flash: s.shown(c), Data: data}
	if look.Logo != nil {
		view.Logo = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(look.Logo)) //nolint:gosec // base64
	}
	if look.Color != nil {
		view.Style = "/brand/" + strings.TrimPrefix(*look.Color, "#") + ".css"
	}
	for _, link := range []struct {
		words string
		url   *string
	}{{"Terms", look.TermsURL}, {"Privacy", look.PrivacyURL}, {"Help", look.SupportURL}} {
		if link.url != nil {
			view.Links = append(view.Links, hostedLink{link.words, *link.url})
		}
	}
	switch {
	case v.redirect != "":
		view.HomeURL = v.redirect
	case look.HomeURL != nil:
		view.HomeURL = *look.HomeURL
	}
	header := c.Response().Header()
	policy := strings.Replace(header.Get("Content-Security-Policy"), "img-src 'self';", "img-src 'self' data:;", 1)
	if strings.HasPrefix(name, "account") { // forms there go on to Stripe, and a browser holds redirects to this too
		policy = strings.Replace(policy, "form-action 'self'", "form-action 'self' "+strings.Join(s.cfg.FormTargets, " "), 1)
	}
	header.Set("Content-Security-Policy", policy)
	var out bytes.Buffer
	if err := hostedPages.ExecuteTemplate(&out, name+".html", view); err != nil {
		return err
	}
	return c.HTMLBlob(status, out.Bytes())
}

var brandFile = regexp.MustCompile(`^([0-9a-f]{6})\.css$`)

// brandStyle is a style sheet with one colour and the ink that can be read on it: so a page takes any colour and lets no
// style in that is not ours.
func brandStyle(c echo.Context) error {
	parts := brandFile.FindStringSubmatch(c.Param("file"))
	if parts == nil {
		return echo.ErrNotFound
	}
	color := "#" + parts[1]
	ink := tenant.SignIn{Color: &color}.Ink()
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", []byte(":root { --brand: "+color+"; --on-brand: "+ink+"; }\n"))
}
