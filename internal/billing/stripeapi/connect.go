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
	AccountState
}

// AccountState is what Stripe says of an account's standing. It is asked for and not kept.
type AccountState struct {
	Country        string   `json:"country"`
	Currency       string   `json:"currency"`
	PayoutsEnabled bool     `json:"payoutsEnabled"`
	DisabledReason string   `json:"disabledReason"` // in Stripe's words; empty: it is not disabled
	CurrentlyDue   []string `json:"currentlyDue"`   // what Stripe still wants to know, by its names, such as external_account
	PastDue        []string `json:"pastDue"`        // what of that it has waited for too long
	Pending        []string `json:"pending"`        // what it is checking
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
	state := AccountState{
		Country: found.Country, Currency: string(found.DefaultCurrency), PayoutsEnabled: found.PayoutsEnabled,
		CurrentlyDue: []string{}, PastDue: []string{}, Pending: []string{},
	}
	if wants := found.Requirements; wants != nil {
		state.DisabledReason = string(wants.DisabledReason)
		state.CurrentlyDue = append(state.CurrentlyDue, wants.CurrentlyDue...)
		state.PastDue = append(state.PastDue, wants.PastDue...)
		state.Pending = append(state.Pending, wants.PendingVerification...)
	}
	return ConnectedAccount{name, found.ChargesEnabled, state}, nil
}
