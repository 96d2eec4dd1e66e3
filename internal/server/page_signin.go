package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// signInForm is what the page shows of a platform's sign-in.
type signInForm struct {
	Page       tenant.SignIn
	Domains    string // one a line
	Plan       string // empty: the default tier
	Plans      []tenant.Tier
	Archived   bool // the plan is off sale, so that nobody can sign up
	Addresses  []signInAddress
	AnyOrigins bool // there is somewhere to lead back to
}

// LargestLogo bounds the file of a logo, in bytes.
func (signInForm) LargestLogo() int { return tenant.LargestLogo }

// LogoKB is the same in kilobytes.
func (signInForm) LogoKB() int { return tenant.LargestLogo / 1000 }

// OwnColor is the choice whether the pages have a colour of their own.
func (f signInForm) OwnColor() string {
	if f.Page.Color != nil {
		return "yes"
	}
	return "no"
}

// Color is what the field for a colour holds, which is never empty.
func (f signInForm) Color() string { return orDefault(f.Page.Color, "#4338ca") }

// HomeURL and the like are what the fields for links hold.
func (f signInForm) HomeURL() string { return orDefault(f.Page.HomeURL, "") }

// TermsURL is likewise.
func (f signInForm) TermsURL() string { return orDefault(f.Page.TermsURL, "") }

// PrivacyURL is likewise.
func (f signInForm) PrivacyURL() string { return orDefault(f.Page.PrivacyURL, "") }

// SupportURL is a mailbox as one types it.
func (f signInForm) SupportURL() string {
	return strings.TrimPrefix(orDefault(f.Page.SupportURL, ""), "mailto:")
}

type signInAddress struct{ Name, Open, Address string }

// signInSettingsPage is about the pages on which a platform's end users sign in; signInPage is where developers do.
func (s *Server) signInSettingsPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	page, err := s.admin.SignIn(ctx, own)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	keys, err := s.admin.Keys(ctx, own)
	if err != nil {
		return err
	}
	settings, err := s.admin.Settings(ctx, own)
	if err != nil {
		return err
	}
	form := signInForm{
		Page: page, Domains: strings.Join(page.EmailDomains, "\n"), Plans: onSale(tiers),
		AnyOrigins: len(settings.AllowedOrigins) > 0,
	}
	if page.Plan != nil {
		form.Plan, form.Archived = *page.Plan, true
		for _, t := range form.Plans {
			form.Archived = form.Archived && t.Name != form.Plan
		}
	}
	if key := publishableKey(keys); key != "" {
		for _, one := range []signInAddress{
			{"Sign in", "Open the sign-in page", "/sign-in"}, {"Sign up", "Open the sign-up page", "/sign-up"},
			{"Account", "Open the account page", "/account"},
		} {
			one.Address = s.cfg.CustomerURL.String() + one.Address + "?" + url.Values{"publishableKey": {key}}.Encode()
			form.Addresses = append(form.Addresses, one)
		}
	}
	return s.view(c, "sign-in", "Sign-in", form)
}

func (s *Server) saveSignIn(c echo.Context) error {
	if _, err := s.admin.ChangeSignIn(c.Request().Context(), platformOf(c).ID, readSignInForm(c)); err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/sign-in"), flash{Title: "Saved"})
}

// readSignInForm reads the whole form: an empty field takes away what it held.
func readSignInForm(c echo.Context) tenant.SignInChange {
	stated := func(field string) *tenant.Stated {
		if text := posted(c, field); text != "" {
			return &tenant.Stated{Text: &text}
		}
		return &tenant.Stated{}
	}
	name, domains, rule := posted(c, "productName"), postedLines(c, "emailDomains"), tenant.SignUpRule(posted(c, "signUp"))
	change := tenant.SignInChange{
		ProductName: &name, Color: stated("color"), HomeURL: stated("homeUrl"), TermsURL: stated("termsUrl"),
		PrivacyURL: stated("privacyUrl"), SupportURL: stated("supportUrl"), SignUp: &rule, EmailDomains: &domains, Plan: stated("plan"),
	}
	if posted(c, "ownColor") != "yes" { // a field for a colour always holds one
		change.Color = &tenant.Stated{}
	}
	if text := change.SupportURL.Text; text != nil && strings.Contains(*text, "@") && !strings.Contains(*text, ":") {
		*text = "mailto:" + *text
	}
	if file := postedFile(c, "logo"); len(file) > 0 {
		change.Logo = &tenant.Logo{File: file}
	} else if posted(c, "removeLogo") == "yes" {
		change.Logo = &tenant.Logo{}
	}
	most, err := strconv.ParseInt(strings.ReplaceAll(posted(c, "signUpsPerHour"), ",", ""), 10, 64)
	if err != nil {
		most = 0 // which is refused together with all else that is wrong
	}
	change.SignUpsPerHour = &most
	return change
}

// ownLogo is the logo for the page that shows it: a data URL would need a weaker Content-Security-Policy.
func (s *Server) ownLogo(c echo.Context) error {
	page, err := s.admin.SignIn(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	if page.Logo == nil {
		return errs.New(errs.NotFound, "The platform has no logo.")
	}
	return c.Blob(http.StatusOK, "image/png", page.Logo)
}
