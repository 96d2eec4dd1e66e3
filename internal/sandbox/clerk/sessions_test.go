package clerk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwks"
	"github.com/clerk/clerk-sdk-go/v2/jwt"
	"github.com/clerk/clerk-sdk-go/v2/jwttemplate"
	"github.com/clerk/clerk-sdk-go/v2/session"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func (b *bundle) token(t *testing.T, sessionID, template string) string {
	t.Helper()
	token, err := b.sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: sessionID, TemplateName: template})
	must(t, err)
	return token.JWT
}

// verify checks a token the way the SDK does, and returns all its claims.
func (b *bundle) verify(t *testing.T, token string) (*sdk.SessionClaims, map[string]any) {
	t.Helper()
	custom := map[string]any{}
	claims, err := jwt.Verify(t.Context(), &jwt.VerifyParams{Token: token, JWKSClient: b.jwks, ProxyURL: sdk.String(b.Issuer(appName)),
		CustomClaimsConstructor: func(context.Context) any { return &custom }})
	must(t, err)
	return claims, custom
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	one, two := b.newSession(t, u.ID), b.newSession(t, u.ID)
	equal(t, "status", one.Status, "active")

	revoked, err := b.sessions.Revoke(t.Context(), &session.RevokeParams{ID: one.ID})
	must(t, err)
	equal(t, "status", revoked.Status, "revoked")

	list, err := b.sessions.List(t.Context(), &session.ListParams{UserID: &u.ID, Status: sdk.String("active")})
	must(t, err)
	equal(t, "active sessions", list.TotalCount, 1)
	equal(t, "active session", list.Sessions[0].ID, two.ID)
	list, err = b.sessions.List(t.Context(), &session.ListParams{ClientID: &one.ClientID})
	must(t, err)
	equal(t, "sessions of the client", len(list.Sessions), 1)
	var array []sdk.Session
	b.call(t, "GET", "/v1/sessions?user_id="+u.ID, "", &array)
	equal(t, "sessions in the array", len(array), 2)

	_, err = b.sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: one.ID})
	wantError(t, err, http.StatusUnauthorized, "authentication_invalid", "")
	_, err = b.sessions.Get(t.Context(), "sess_none")
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	_, err = b.sessions.Create(t.Context(), &session.CreateParams{UserID: "user_none"})
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	_, err = b.sessions.List(t.Context(), &session.ListParams{Status: sdk.String("tired")})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "status")
	_, err = b.users.Lock(t.Context(), u.ID)
	must(t, err)
	_, err = b.sessions.Create(t.Context(), &session.CreateParams{UserID: u.ID})
	wantError(t, err, http.StatusForbidden, "user_locked", "")
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	b := setup(t, func(cfg *clerk.Config) {
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	s := b.newSession(t, b.newUser(t, "ada@example.com").ID)
	offset.Store(int64(8 * 24 * time.Hour))
	s, err := b.sessions.Get(t.Context(), s.ID)
	must(t, err)
	equal(t, "status", s.Status, "expired")
}

func TestSessionToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	s := b.newSession(t, u.ID)
	claims, all := b.verify(t, b.token(t, s.ID, ""))
	equal(t, "sub", claims.Subject, u.ID)
	equal(t, "sid", claims.SessionID, s.ID)
	equal(t, "iss", claims.Issuer, b.Issuer(appName))
	equal(t, "lifetime", *claims.Expiry-*claims.IssuedAt, 60)
	equal(t, "sts", all["sts"], any("active"))
	equal(t, "v", all["v"], any(2.0))
	equal(t, "fva", claims.FactorVerificationAge, [2]int64{0, -1})
	if _, ok := all["azp"]; ok || *claims.NotBefore > *claims.IssuedAt {
		t.Errorf("claims %v", all)
	}

	long, err := b.sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: s.ID, ExpiresInSeconds: sdk.Int64(3600)})
	must(t, err)
	claims, _ = b.verify(t, long.JWT)
	equal(t, "lifetime", *claims.Expiry-*claims.IssuedAt, 3600)
	_, err = b.sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: s.ID, ExpiresInSeconds: sdk.Int64(29)})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "expires_in_seconds")
	_, err = b.sessions.CreateToken(t.Context(), &session.CreateTokenParams{ID: s.ID, TemplateName: "none"})
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
}

func TestTemplateToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) {
		p.FirstName, p.LastName = sdk.String("Ada"), sdk.String("Lovelace")
		p.PublicMetadata = raw(`{"publishableKey":"pk_test_1","limits":{"requests":12}}`)
		p.PrivateMetadata = raw(`{"secret":"x"}`)
	})
	s := b.newSession(t, u.ID)
	_, all := b.verify(t, b.token(t, s.ID, "end-user-api"))
	equal(t, "publishableKey", all["publishableKey"], any("pk_test_1"))
	equal(t, "plan", all["plan"], nil)
	for _, own := range []string{"sid", "sts", "fva", "v"} {
		if _, ok := all[own]; ok {
			t.Errorf("%s is in a template's token", own)
		}
	}

	_, err := b.templates.Create(t.Context(), &jwttemplate.CreateParams{Name: sdk.String("rich"), Lifetime: sdk.Int64(90), Claims: json.RawMessage(`{
		"id": "{{user.id}}", "mail": "{{user.primary_email_address}}", "greeting": "Hello {{user.first_name}} {{user.last_name}}!",
		"limit": "{{user.public_metadata.limits.requests}}", "all": "{{user.public_metadata.limits}}", "plan": "{{user.public_metadata.plan || 'free'}}",
		"secret": "{{user.private_metadata.secret}}", "list": ["{{user.email_verified}}", 7], "aud": "api"}`)})
	must(t, err)
	claims, all := b.verify(t, b.token(t, s.ID, "rich"))
	equal(t, "lifetime", *claims.Expiry-*claims.IssuedAt, 90)
	got, err := json.Marshal(map[string]any{"id": all["id"], "mail": all["mail"], "greeting": all["greeting"], "limit": all["limit"],
		"all": all["all"], "plan": all["plan"], "secret": all["secret"], "list": all["list"], "aud": all["aud"]})
	must(t, err)
	equal(t, "claims", string(got), `{"all":{"requests":12},"aud":"api","greeting":"Hello Ada Lovelace!","id":"`+u.ID+
		`","limit":12,"list":[true,7],"mail":"ada@example.com","plan":"free","secret":null}`)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, err := b.templates.Create(t.Context(), &jwttemplate.CreateParams{Name: sdk.String("mine"), Claims: json.RawMessage(`{"a":1}`)})
	must(t, err)
	equal(t, "lifetime", made.Lifetime, 60)
	changed, err := b.templates.Update(t.Context(), made.ID, &jwttemplate.UpdateParams{Claims: json.RawMessage(`{"a":2}`)})
	must(t, err)
	equal(t, "claims", string(changed.Claims), `{"a":2}`)
	equal(t, "name", changed.Name, "mine")
	list, err := b.templates.List(t.Context(), &jwttemplate.ListParams{})
	must(t, err)
	equal(t, "templates", list.TotalCount, 2)

	_, err = b.templates.Create(t.Context(), &jwttemplate.CreateParams{Name: sdk.String("mine"), Claims: json.RawMessage(`{}`)})
	wantError(t, err, http.StatusUnprocessableEntity, "form_already_exists", "name")
	_, err = b.templates.Create(t.Context(), &jwttemplate.CreateParams{Name: sdk.String("bad"), Claims: json.RawMessage(`{"sub":"me"}`)})
	wantError(t, err, http.StatusBadRequest, "jwt_template_reserved_claim", "claims")
	_, err = b.templates.Update(t.Context(), made.ID, &jwttemplate.UpdateParams{Lifetime: sdk.Int64(5)})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "lifetime")

	_, err = b.templates.Delete(t.Context(), made.ID)
	must(t, err)
	_, err = b.templates.Get(t.Context(), made.ID)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
}

func TestKeysRotateWithAnOverlap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.newSession(t, b.newUser(t, "ada@example.com").ID)
	old := b.token(t, s.ID, "")
	var rotated struct{ Kid string }
	equal(t, "status", b.call(t, "POST", "/_sandbox/keys/rotate", `{"app":"`+appName+`"}`, &rotated), http.StatusOK)

	fresh, err := jwt.Decode(t.Context(), &jwt.DecodeParams{Token: b.token(t, s.ID, "")})
	must(t, err)
	equal(t, "kid", fresh.KeyID, rotated.Kid)
	b.verify(t, old)
	set, err := b.jwks.Get(t.Context(), &jwks.GetParams{})
	must(t, err)
	equal(t, "keys", len(set.Keys), 2)

	equal(t, "retiring the key that signs", b.call(t, "POST", "/_sandbox/keys/retire", `{"app":"`+appName+`","kid":"`+rotated.Kid+`"}`, nil), http.StatusBadRequest)
	must(t, b.RetireKeys(appName, ""))
	if _, err := jwt.Verify(t.Context(), &jwt.VerifyParams{Token: old, JWKSClient: b.jwks, ProxyURL: sdk.String(b.Issuer(appName))}); err == nil {
		t.Error("a token of a retired key was verified")
	}
	b.verify(t, b.token(t, s.ID, ""))
}
