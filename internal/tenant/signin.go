package tenant

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// SignIn is how a platform's pages for end users look, and whom they let in.
type SignIn struct {
	ProductName string  `json:"productName"` // 0 to 60 characters
	Logo        []byte  `json:"-"`           // a PNG that we encoded; nil: none
	Color       *string `json:"color"`       // #rrggbb in small letters
	HomeURL     *string `json:"homeUrl"`     // where the product is
	TermsURL    *string `json:"termsUrl"`
	PrivacyURL  *string `json:"privacyUrl"`
	SupportURL  *string `json:"supportUrl"`

	SignUp         SignUpRule `json:"signUp"`
	EmailDomains   []string   `json:"emailDomains"`   // whose addresses alone may sign up; none: all
	SignUpsPerHour int32      `json:"signUpsPerHour"` // of all addresses together; from one address a quarter of it
	Plan           *string    `json:"plan"`           // of those who sign up; nil: the default tier
}

// SignUpRule says who may sign up on the pages.
type SignUpRule string

// The rules.
const (
	OpenSignUp    SignUpRule = "open"       // whoever has an address that is allowed
	InvitedSignUp SignUpRule = "invitation" // who was invited
	NobodySignsUp SignUpRule = "closed"     // nobody: customers are created by the API
)

func readSignIn(ctx context.Context, tx db.Tenant) (SignIn, error) {
	row, err := queries.SignIn(ctx, tx, string(tx.Platform))
	return signInFrom(row), err
}

func signInFrom(row tenantdb.TenantSignIn) SignIn {
	return SignIn{
		ProductName: row.ProductName, Logo: row.Logo, Color: row.Color, HomeURL: row.HomeUrl, TermsURL: row.TermsUrl,
		PrivacyURL: row.PrivacyUrl, SupportURL: row.SupportUrl, SignUp: SignUpRule(row.SignUp), EmailDomains: notNil(row.EmailDomains),
		SignUpsPerHour: row.SignUpsPerHour, Plan: row.Plan,
	}
}

// SignInPage returns how the platform's pages look, and whom they let in.
func (g *Gate) SignInPage(ctx context.Context, at id.Platform) (SignIn, error) {
	var page SignIn
	err := g.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		page, err = readSignIn(ctx, tx)
		return err
	})
	return page, err
}
