package stripe

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorizationCode is what the consent page hands out. It is its own id.
type authorizationCode struct {
	header
	AccountID   string `json:"account"`
	AccessScope string `json:"access_scope"`
	Used        bool   `json:"used"`
}

const codeLife = 5 * minute

func (*authorizationCode) kind() string        { return "_authorization_code" }
func (c *authorizationCode) due(*Server) int64 { return c.Created + codeLife }
func (c *authorizationCode) rank() int         { return 9 }
func (c *authorizationCode) happen(t *tx)      { t.remove(c) }

// checkConsent is why a request for consent is refused. Such a refusal must
// never be a redirect: nobody vouches for its address.
func (t *tx) checkConsent(r consentRequest) error {
	switch {
	case r.ClientID == "" || r.ClientID != t.s.cfg.ClientID:
		return invalid("", "client_id", "No application matches the supplied client identifier: %q.", r.ClientID)
	case r.Scope != "" && r.Scope != "read_write" && r.Scope != "read_only":
		return invalid("", "scope", "Invalid scope provided: %q. It must be read_write or read_only.", r.Scope)
	case !slices.Contains(t.s.redirects, t.redirectOf(r)):
		return invalid("", "redirect_uri", "Invalid redirect URI: %q is not among those of the application's settings.", r.RedirectURI)
	}
	return nil
}

// redirectOf is where the answer goes: without redirect_uri the first that is configured.
func (t *tx) redirectOf(r consentRequest) string {
	if r.RedirectURI == "" && len(t.s.redirects) > 0 {
		return t.s.redirects[0]
	}
	return r.RedirectURI
}

// authorize is the consent of an existing account's owner.
func (t *tx) authorize(r consentRequest, accountID string) (redirectTo string, err error) {
	if err := t.checkConsent(r); err != nil {
		return "", err
	}
	if _, err := t.other(accountID); err != nil {
		return "", invalid("", "account", "There is no such account. Pick another.")
	}
	scope := cmp.Or(r.Scope, "read_only")
	code := &authorizationCode{AccountID: accountID, AccessScope: scope}
	t.in(Scope{}).add(code, "ac_")
	return t.consentAnswer(r, url.Values{"code": {code.ID}, "scope": {scope}}), nil
}

// authorizeNew makes an account and connects it.
func (t *tx) authorizeNew(r consentRequest, a newAccount) (redirectTo string, err error) {
	if err := t.checkConsent(r); err != nil {
		return "", err
	}
	made, err := t.createAccount(a)
	if err != nil {
		return "", err
	}
	return t.authorize(r, made.ID)
}

func (t *tx) createAccount(a newAccount) (*account, error) {
	switch {
	case !strings.Contains(a.Email, "@"):
		return nil, invalid("email_invalid", "email", "Invalid email address: %s", a.Email)
	case strings.TrimSpace(a.BusinessName) == "":
		return nil, invalid("parameter_missing", "business_name", "A business needs a name.")
	case a.Country != "" && len(a.Country) != 2:
		return nil, invalid("country_unsupported", "country", "Country %q is unknown: it must be a two-letter code.", a.Country)
	}
	return t.addAccount(SeedAccount{Email: a.Email, BusinessName: a.BusinessName, Country: a.Country, Currency: a.Currency, ChargesEnabled: true}), nil
}

// deny is the answer of somebody who doesn't consent; "" if the request is invalid.
func (t *tx) deny(r consentRequest) (redirectTo string) {
	if t.checkConsent(r) != nil {
		return ""
	}
	return t.consentAnswer(r, url.Values{"error": {"access_denied"}, "error_description": {"The user denied your request"}})
}

func (t *tx) consentAnswer(r consentRequest, answer url.Values) string {
	if r.State != "" {
		answer.Set("state", r.State)
	}
	u, err := url.Parse(t.redirectOf(r))
	if err != nil {
		return t.redirectOf(r) // it is one of the configured ones
	}
	q := u.Query()
	for name, value := range answer {
		q[name] = value
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// oauthError is an error in OAuth's own shape.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func badGrant(description string) error {
	return &oauthError{http.StatusBadRequest, "invalid_grant", description}
}

// oauthToken trades a code for access, and connects the account. As our access
// goes by Stripe-Account and our own key, the tokens are for show only.
func (s *Server) oauthToken(w http.ResponseWriter, r *http.Request) {
	s.oauth(w, r, func(t *tx, livemode bool) (any, error) {
		switch r.FormValue("grant_type") {
		case "authorization_code":
		case "":
			return nil, &oauthError{http.StatusBadRequest, "invalid_request", "No grant type specified"}
		default:
			return nil, &oauthError{http.StatusBadRequest, "unsupported_grant_type", "The sandbox knows the grant type authorization_code only"}
		}
		id := r.FormValue("code")
		code := get[*authorizationCode](t.in(Scope{}), id)
		switch {
		case id == "":
			return nil, &oauthError{http.StatusBadRequest, "invalid_request", "No authorization code was provided"}
		case code == nil:
			return nil, badGrant("Authorization code does not exist: " + id)
		case code.Used:
			return nil, badGrant("This authorization code has already been used.")
		}
		a, err := t.other(code.AccountID)
		if err != nil {
			return nil, badGrant("The account of this authorization code is gone.")
		}
		t.edit(code)
		code.Used = true
		t.edit(a)
		a.Connected = true
		t.in(Scope{a.ID, livemode}).emitApplication("account.application.authorized")
		mode := map[bool]string{true: "live", false: "test"}[livemode]
		return map[string]any{
			"access_token": randomID("sk_"+mode+"_", 24), "livemode": livemode, "refresh_token": randomID("rt_", 24), "scope": code.AccessScope,
			"stripe_publishable_key": randomID("pk_"+mode+"_", 24), "stripe_user_id": a.ID, "token_type": "bearer",
		}, nil
	})
}

// oauthDeauthorize gives our access to an account up.
func (s *Server) oauthDeauthorize(w http.ResponseWriter, r *http.Request) {
	s.oauth(w, r, func(t *tx, _ bool) (any, error) {
		if r.FormValue("client_id") != s.cfg.ClientID {
			return nil, &oauthError{http.StatusUnauthorized, "invalid_client", "No application matches the supplied client identifier: " + r.FormValue("client_id")}
		}
		id := r.FormValue("stripe_user_id")
		if err := t.deauthorize(id); err != nil {
			return nil, &oauthError{http.StatusUnauthorized, "invalid_client",
				"This application is not connected to stripe account " + id + ", or that account does not exist."}
		}
		return map[string]string{"stripe_user_id": id}, nil
	})
}

// oauth authenticates by client_secret or by the Authorization header.
func (s *Server) oauth(w http.ResponseWriter, r *http.Request, op func(t *tx, livemode bool) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	key := cmp.Or(r.FormValue("client_secret"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	livemode, known := s.modeOf(key)
	var answer any
	err := error(&oauthError{http.StatusUnauthorized, "invalid_client", "Invalid API key provided: " + masked(key)})
	if known {
		err = s.change(func(t *tx) (err error) {
			answer, err = op(t, livemode)
			return err
		})
	}
	w.Header().Set("Request-Id", randomID("req_", 14))
	var e *oauthError
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, answer)
	case errors.As(err, &e):
		writeJSON(w, e.status, e)
	default:
		writeError(w, err)
	}
}
