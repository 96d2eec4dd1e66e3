package stripeapi

import (
	"context"
	"errors"
	"net/url"

	"github.com/stripe/stripe-go/v76"
)

// ConnectedAccount is what we keep of a connected account.
type ConnectedAccount struct {
	Name           string
	ChargesEnabled bool
}

// ErrBadCode says that an authorization code is none of Stripe's, was used before, or is too old.
var ErrBadCode = errors.New("the authorization code is not valid")

// AuthorizeURL is where a developer agrees to connect an account. The SDK's own form of it has Stripe's host built in.
func (a *API) AuthorizeURL(state, redirect string) string {
	return a.connectURL + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.clientID}, "scope": {"read_write"}, "state": {state}, "redirect_uri": {redirect},
	}.Encode()
}

// Exchange trades an authorization code for the account that agreed. The tokens that come with it are not kept: our own
// key acts for the account.
func (a *API) Exchange(ctx context.Context, code string) (string, error) {
	_, base := a.as(ctx, Own, "")
	token, err := a.live.OAuth.New(&stripe.OAuthTokenParams{
		Params: base, GrantType: stripe.String("authorization_code"), Code: stripe.String(code),
		ClientSecret: stripe.String(a.secretKey.Reveal()), // else the SDK falls back to its global key
	})
	var answer *stripe.Error
	if errors.As(err, &answer) && answer.OAuthError == "invalid_grant" {
		return "", ErrBadCode
	}
	if err != nil {
		return "", refusal(err)
	}
	return token.StripeUserID, nil
}

// Deauthorize ends our access to an account. To end what has ended changes nothing.
func (a *API) Deauthorize(ctx context.Context, account string) error {
	_, base := a.as(ctx, Own, "")
	_, err := a.live.OAuth.Del(&stripe.DeauthorizeParams{
		Params: base, ClientID: stripe.String(a.clientID), StripeUserID: stripe.String(account),
	})
	var answer *stripe.Error
	if errors.As(err, &answer) && answer.OAuthError == "invalid_client" { // not connected to us
		return nil
	}
	return refusal(err)
}

// ConnectedAccount returns what Stripe says of a connected account; ErrRevoked once it is connected no more.
func (a *API) ConnectedAccount(ctx context.Context, account string) (ConnectedAccount, error) {
	c, base := a.as(ctx, Account(account), "")
	found, err := c.Accounts.GetByID(account, &stripe.AccountParams{Params: base})
	if err != nil {
		return ConnectedAccount{}, refusal(err)
	}
	name := found.Email
	if found.BusinessProfile != nil && found.BusinessProfile.Name != "" {
		name = found.BusinessProfile.Name
	} else if found.Settings != nil && found.Settings.Dashboard != nil && found.Settings.Dashboard.DisplayName != "" {
		name = found.Settings.Dashboard.DisplayName
	}
	return ConnectedAccount{name, found.ChargesEnabled}, nil
}
