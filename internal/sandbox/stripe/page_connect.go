package stripe

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// consentData is what the page shows on which an account is connected.
type consentData struct {
	Application        string
	Livemode, ReadOnly bool
	Hidden             []hiddenField
	Accounts           []accountChoice
	Countries          []country
}

type hiddenField struct{ Name, Value string }

type accountChoice struct {
	ID, Name, Detail string
	Connected        bool
}

// country is where a new account may be, with the currency of its payouts.
type country struct{ Code, Name, Currency string }

var countries = []country{
	{"US", "United States", "USD"}, {"AU", "Australia", "AUD"}, {"AT", "Austria", "EUR"}, {"BE", "Belgium", "EUR"},
	{"CA", "Canada", "CAD"}, {"DK", "Denmark", "DKK"}, {"FI", "Finland", "EUR"}, {"FR", "France", "EUR"},
	{"DE", "Germany", "EUR"}, {"IE", "Ireland", "EUR"}, {"IT", "Italy", "EUR"}, {"JP", "Japan", "JPY"},
	{"NL", "Netherlands", "EUR"}, {"NZ", "New Zealand", "NZD"}, {"NO", "Norway", "NOK"}, {"PL", "Poland", "PLN"},
	{"PT", "Portugal", "EUR"}, {"SG", "Singapore", "SGD"}, {"ES", "Spain", "EUR"}, {"SE", "Sweden", "SEK"},
	{"CH", "Switzerland", "CHF"}, {"GB", "United Kingdom", "GBP"},
}

// newAccountChoice is the value of the radio button that makes an account.
const newAccountChoice = "new"

func (p *site) consentPage(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	// An application may say what it knows of its user.
	for field, given := range map[string]string{"email": "stripe_user[email]", "business_name": "stripe_user[business_name]", "country": "stripe_user[country]"} {
		v.Form.Set(field, v.Form.Get(given))
	}
	p.showConsent(w, r, v, nil)
}

// consentOf is what the application asks for. The fields of the form repeat it.
func consentOf(form url.Values) consentRequest {
	return consentRequest{ClientID: form.Get("client_id"), State: form.Get("state"), RedirectURI: form.Get("redirect_uri"),
		Scope: form.Get("scope"), Livemode: true}
}

// checkAuthorize is why the request can't be asked of anybody.
func (t *tx) checkAuthorize(form url.Values) error {
	if kind := form.Get("response_type"); kind != "code" {
		return invalid("", "", "response_type must be \"code\", not %q.", kind)
	}
	return t.checkConsent(consentOf(form))
}

// consent takes the decision. Nothing is redirected before the request is
// checked again: the form's fields came from a browser.
func (p *site) consent(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	var target string
	err := p.s.change(func(t *tx) error {
		err := t.checkAuthorize(v.Form)
		if err != nil {
			return err
		}
		switch request, chosen := consentOf(v.Form), r.PostFormValue("account"); {
		case r.PostFormValue("decision") == "deny":
			target = t.deny(request)
		case r.PostFormValue("decision") != "allow":
			return invalid("", "", "Choose whether to connect.")
		case chosen == "":
			return invalid("", "account", "Choose an account.")
		case chosen == newAccountChoice:
			if v.missingAccount(); len(v.Errors) > 0 {
				return nil
			}
			target, err = t.authorizeNew(request, newAccount{Email: typed(r, "email"), BusinessName: typed(r, "business_name"), Country: typed(r, "country")})
		default:
			target, err = t.authorize(request, chosen)
		}
		return err
	})
	if err != nil || target == "" {
		p.showConsent(w, r, v, err)
		return
	}
	redirectTo(w, r, target)
}

func (v *pageView) missingAccount() {
	if !strings.Contains(v.Form.Get("email"), "@") {
		v.Errors["email"] = "Enter your email address."
	}
	if strings.TrimSpace(v.Form.Get("business_name")) == "" {
		v.Errors["business_name"] = "Enter the name of your business."
	}
	if !slices.ContainsFunc(countries, func(c country) bool { return c.Code == v.Form.Get("country") }) {
		v.Errors["country"] = "Choose a country of the list."
	}
}

// showConsent shows the form, or why it is refused. A refusal is a page and
// never a redirect: nobody vouches for the address.
func (p *site) showConsent(w http.ResponseWriter, r *http.Request, v pageView, failure error) {
	status, known := v.statusOf(failure)
	if !known {
		p.broken(w, r, failure)
		return
	}
	if err := p.s.view(func(t *tx) error {
		if err := t.checkAuthorize(v.Form); err != nil {
			return err
		}
		v.Data = p.consentData(t, &v)
		return nil
	}); err != nil {
		text := err.Error()
		if e := (*apiError)(nil); errors.As(err, &e) {
			text = e.Message
		}
		p.message(w, r, http.StatusBadRequest, "This link to connect is refused", "", message{Text: text})
		return
	}
	v.Title = "Connect your account"
	p.show(w, status, "consent", v)
}

func (p *site) consentData(t *tx, v *pageView) consentData {
	asked := consentOf(v.Form)
	d := consentData{Application: p.s.cfg.AppName, Livemode: asked.Livemode, ReadOnly: asked.Scope != "read_write", Countries: countries}
	for _, name := range []string{"response_type", "client_id", "scope", "state", "redirect_uri"} {
		d.Hidden = append(d.Hidden, hiddenField{name, v.Form.Get(name)})
	}
	suggested := ""
	for _, a := range t.accounts() {
		choice := accountChoice{ID: a.ID, Name: a.label(), Connected: a.Connected, Detail: val(a.Email)}
		if choice.Detail == choice.Name {
			choice.Detail = ""
		}
		if !a.Connected {
			suggested = cmp.Or(suggested, a.ID)
		}
		d.Accounts = append(d.Accounts, choice)
	}
	if v.Form.Get("account") == "" && len(v.Errors) == 0 {
		v.Form.Set("account", cmp.Or(suggested, newAccountChoice))
	}
	if v.Form.Get("country") == "" {
		v.Form.Set("country", "US")
	}
	return d
}
