package stripe_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"
)

// consent has an account's owner agree, and is the code that this gives.
func (b *bundle) consent(t *testing.T) string {
	t.Helper()
	form := url.Values{"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {backTo}, "state": {"st"}, "scope": {"read_write"},
		"account": {bakery}, "decision": {"allow"}}
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+"/oauth/authorize", strings.NewReader(form.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := got[*http.Response](t)(noRedirect.Do(req))
	must(t, resp.Body.Close())
	back := got[*url.URL](t)(url.Parse(resp.Header.Get("Location")))
	equal(t, "state", back.Query().Get("state"), "st")
	return back.Query().Get("code")
}

func (b *bundle) connectBakery(t *testing.T, key string) *sdk.OAuthToken {
	t.Helper()
	return got[*sdk.OAuthToken](t)(connect(b.Server, key).OAuth.New(&sdk.OAuthTokenParams{GrantType: sdk.String("authorization_code"), Code: sdk.String(b.consent(t)), ClientSecret: &key}))
}

func TestACodeIsTradedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trade := func(code, key string) (*sdk.OAuthToken, error) {
		return b.api.OAuth.New(&sdk.OAuthTokenParams{GrantType: sdk.String("authorization_code"), Code: &code, ClientSecret: &key})
	}
	code := b.consent(t)
	token := got[*sdk.OAuthToken](t)(trade(code, testKey))
	equal(t, "account", token.StripeUserID, bakery)
	equal(t, "livemode", token.Livemode, false)
	equal(t, "scope", string(token.Scope), "read_write")
	for what, again := range map[string]func() (*sdk.OAuthToken, error){
		"used":    func() (*sdk.OAuthToken, error) { return trade(code, testKey) },
		"unknown": func() (*sdk.OAuthToken, error) { return trade("ac_none", testKey) },
		"late": func() (*sdk.OAuthToken, error) {
			late := b.consent(t)
			b.advance(t, 5*time.Minute)
			return trade(late, testKey)
		},
	} {
		if _, err := again(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := trade(b.consent(t), "sk_test_wrong"); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("wrong key: %v", err)
	}
}

func TestAccessIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connectBakery(t, testKey)
	gone := got[*sdk.Deauthorize](t)(b.api.OAuth.Del(&sdk.DeauthorizeParams{ClientID: sdk.String(clientID), StripeUserID: sdk.String(bakery)}))
	equal(t, "account", gone.StripeUserID, bakery)
	_, err := b.api.Accounts.GetByID(bakery, nil)
	wantError(t, err, 403, "account_invalid", "")
	if _, err := b.api.OAuth.Del(&sdk.DeauthorizeParams{ClientID: sdk.String(clientID), StripeUserID: sdk.String(bakery)}); err == nil {
		t.Error("given up twice")
	}
}
