package tenant

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

const (
	longestProductName = 60
	longestLink        = 500
	mostEmailDomains   = 100
	mostSignUpsPerHour = 100_000
)

// SignInChange holds what shall change; nil leaves a field as it is.
type SignInChange struct {
	ProductName    *string
	Logo           *Logo
	Color          *Stated
	HomeURL        *Stated
	TermsURL       *Stated
	PrivacyURL     *Stated
	SupportURL     *Stated
	SignUp         *SignUpRule
	EmailDomains   *[]string
	SignUpsPerHour *int64
	Plan           *Stated
}

// Stated is a text, or that there shall be none.
type Stated struct{ Text *string }

// Logo is a PNG or JPEG as somebody sent it; without a file there shall be none.
type Logo struct{ File []byte }

// SignIn returns how the platform's pages for end users look, and whom they let in.
func (a *Admin) SignIn(ctx context.Context, at id.Platform) (SignIn, error) {
	var page SignIn
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		page, err = readSignIn(ctx, tx)
		return err
	})
	return page, err
}

// ChangeSignIn changes that, and returns it all.
func (a *Admin) ChangeSignIn(ctx context.Context, at id.Platform, change SignInChange) (SignIn, error) {
	change, logo, err := change.checked()
	if err != nil {
		return SignIn{}, err
	}
	var page SignIn
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		row, err := queries.LockSignIn(ctx, tx, string(at))
		if err != nil {
			return err
		}
		now := signInFrom(row)
		page = change.of(now)
		if change.Logo != nil {
			page.Logo = logo
		}
		// A plan that stays as it is may have been archived since: that is no reason to refuse the rest.
		if page.Plan != nil && (now.Plan == nil || *page.Plan != *now.Plan) {
			if *page.Plan == "" { // which elsewhere is the default; here null is
				return UnknownPlan(ctx, tx, "plan", "")
			}
			if err := checkPlan(ctx, tx, *page.Plan); err != nil {
				return err
			}
		}
		return queries.SetSignIn(ctx, tx, tenantdb.SetSignInParams{
			PlatformID: string(at), ProductName: page.ProductName, Logo: page.Logo, Color: page.Color, HomeUrl: page.HomeURL,
			TermsUrl: page.TermsURL, PrivacyUrl: page.PrivacyURL, SupportUrl: page.SupportURL, SignUp: string(page.SignUp),
			EmailDomains: page.EmailDomains, SignUpsPerHour: page.SignUpsPerHour, Plan: page.Plan,
		})
	})
	return page, err
}

// of is what a page becomes by a change that was checked, but for the logo.
func (change SignInChange) of(page SignIn) SignIn {
	if change.ProductName != nil {
		page.ProductName = *change.ProductName
	}
	for _, text := range []struct {
		to   **string
		from *Stated
	}{
		{&page.Color, change.Color}, {&page.HomeURL, change.HomeURL}, {&page.TermsURL, change.TermsURL},
		{&page.PrivacyURL, change.PrivacyURL}, {&page.SupportURL, change.SupportURL}, {&page.Plan, change.Plan},
	} {
		if text.from != nil {
			*text.to = text.from.Text
		}
	}
	if change.SignUp != nil {
		page.SignUp = *change.SignUp
	}
	if change.EmailDomains != nil {
		page.EmailDomains = *change.EmailDomains
	}
	if change.SignUpsPerHour != nil {
		page.SignUpsPerHour = int32(*change.SignUpsPerHour)
	}
	return page
}

// checked finds every fault of a change but for those of the plan, and returns it in the form in which it is kept, with
// the logo as a PNG of ours.
func (change SignInChange) checked() (kept SignInChange, logo []byte, err error) {
	var faults []errs.Fault
	fault := func(param, format string, args ...any) {
		faults = append(faults, errs.Fault{Param: param, Message: param + " " + fmt.Sprintf(format, args...) + "."})
	}
	// stated puts a text into the form in which it is kept, by a function that says whether it can.
	stated := func(param string, s *Stated, keep func(string) (string, bool), is string) *Stated {
		if s == nil || s.Text == nil {
			return s
		}
		text, ok := keep(*s.Text)
		if !ok {
			fault(param, "%s", is)
		}
		return &Stated{&text}
	}
	if change.ProductName != nil {
		name := strings.TrimSpace(*change.ProductName)
		if len([]rune(name)) > longestProductName || strings.ContainsFunc(name, misleads) {
			fault("productName", "has up to %d characters, on one line, none of which turn the direction of the text", longestProductName)
		}
		change.ProductName = &name
	}
	if change.Logo != nil && change.Logo.File != nil {
		if logo, err = encodeLogo(change.Logo.File); err != nil {
			fault("logo", "%v", err)
		}
	}
	change.Color = stated("color", change.Color, keptColor, "is a colour such as #4338ca")
	const link = "is an address such as https://example.com/terms, of up to 500 characters"
	change.HomeURL = stated("homeUrl", change.HomeURL, keptLink, link)
	change.TermsURL = stated("termsUrl", change.TermsURL, keptLink, link)
	change.PrivacyURL = stated("privacyUrl", change.PrivacyURL, keptLink, link)
	change.SupportURL = stated("supportUrl", change.SupportURL, keptContact,
		"is an address such as https://example.com/help or mailto:help@example.com, of up to 500 characters")
	if rule := change.SignUp; rule != nil && !slices.Contains([]SignUpRule{OpenSignUp, InvitedSignUp, NobodySignsUp}, *rule) {
		fault("signUp", "is open, invitation or closed")
	}
	if change.EmailDomains != nil {
		domains := make([]string, 0, len(*change.EmailDomains))
		for _, domain := range *change.EmailDomains {
			kept := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(domain)), "@")
			if !isDomain(kept) {
				fault("emailDomains", "holds domains such as example.com; %s is none", strconv.Quote(shortened(domain)))
			}
			domains = append(domains, kept)
		}
		slices.Sort(domains)
		domains = slices.Compact(domains)
		if len(domains) > mostEmailDomains {
			fault("emailDomains", "holds %d domains at the most", mostEmailDomains)
		}
		change.EmailDomains = &domains
	}
	if most := change.SignUpsPerHour; most != nil && (*most < 1 || *most > mostSignUpsPerHour) {
		fault("signUpsPerHour", "is a whole number from 1 to %d", mostSignUpsPerHour)
	}
	return change, logo, errs.Invalid(faults)
}

// misleads reports whether a character has no place in a name on a page: it breaks the line, can not be seen, or has what
// stands round it read in another direction.
func misleads(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == unicode.ReplacementChar ||
		r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

var (
	colorForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	linkForm  = regexp.MustCompile(`^[!#-&(-;=?-\[\]_a-z~]+$`) // visible ASCII but for " ' < > \ ^ ` { | }
	boxForm   = regexp.MustCompile(`^[a-zA-Z0-9._+-]{1,64}$`)
)

func keptColor(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, colorForm.MatchString(s)
}

// keptLink is the address of a page, as a link may lead there: https, or http on the machine itself, to a host by its name.
func keptLink(s string) (string, bool) {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || !linkForm.MatchString(s) || u.User != nil || strings.HasSuffix(u.Host, ":") {
		return s, false
	}
	u.Host = strings.ToLower(u.Host)
	host := u.Hostname()
	_, notIP := netip.ParseAddr(host)
	if !isOrigin(u.Scheme+"://"+u.Host) || !isDomain(host) && host != "localhost" && notIP != nil {
		return s, false
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return s, false
		}
	}
	s = u.String()
	return s, len(s) <= longestLink
}

// keptContact is an address of a page, or of a mailbox and nothing more: a mailto: may otherwise fill in a letter.
func keptContact(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if scheme, address, ok := strings.Cut(s, ":"); ok && strings.EqualFold(scheme, "mailto") {
		box, domain, _ := strings.Cut(address, "@")
		domain = strings.ToLower(domain)
		return "mailto:" + box + "@" + domain, boxForm.MatchString(box) && isDomain(domain)
	}
	return keptLink(s)
}

func shortened(s string) string {
	if runes := []rune(s); len(runes) > 100 {
		return string(runes[:100]) + "…"
	}
	return s
}

// Ink is the colour of words on the page's own colour: black or white, whichever is read more easily there. Empty where
// the page has none.
func (s SignIn) Ink() string {
	if s.Color == nil {
		return ""
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(*s.Color, "#"), 16, 24)
	if err != nil {
		return ""
	}
	// The relative luminance of WCAG; at 0.179 both have the same contrast.
	if 0.2126*linear(n>>16)+0.7152*linear(n>>8&0xff)+0.0722*linear(n&0xff) > 0.179 {
		return "#000000"
	}
	return "#ffffff"
}

// linear is the light of one of the three parts of a colour, from 0 to 1.
func linear(part uint64) float64 {
	c := float64(part) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
