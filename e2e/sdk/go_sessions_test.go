package sdk

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	dream "github.com/dream-api/dream-api/sdk/go"
)

// signIn signs somebody new in, and returns the code that the browser brings back.
func (w *world) signIn(t *testing.T, c *dream.Client, email string) (code string, began dream.SignIn) {
	t.Helper()
	began, err := c.Sessions.Begin(callback, false)
	must(t, err)
	at, err := w.signInAt(email, began.URL)
	must(t, err)
	back, err := url.Parse(at)
	must(t, err)
	if !strings.HasPrefix(at, callback+"?") || back.Query().Get("state") != began.State {
		t.Fatalf("the sign-in ends at %s", at)
	}
	return back.Query().Get("code"), began
}

const callback = "http://localhost:4000/callback"

func sessions(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	code, began := w.signIn(t, c, "sam@example.com")
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/sessions", Kind: lost})
	tokens, err := c.Sessions.Exchange(ctx, code, dream.CodeVerifier(began.CodeVerifier), dream.RedirectURL(callback))
	must(t, err)
	if tokens.Customer.Email != "sam@example.com" || tokens.SessionID == "" || !tokens.Replayed || tokens.Customer.RequestID == "" {
		t.Errorf("the tokens are %+v", tokens)
	}
	claims, err := c.Sessions.Verify(ctx, tokens.Token)
	must(t, err)
	if claims.CustomerID != tokens.Customer.ID || claims.SessionID != tokens.SessionID || claims.PublishableKey != w.facts.Demo.PublishableKey ||
		claims.Plan != "free" || !claims.ExpiresAt.Equal(tokens.ExpiresAt) {
		t.Errorf("the claims are %+v", claims)
	}
	verifiesNothingElse(t, w, tokens.Token)

	sam := c.As(tokens.Token)
	usage, err := sam.Track(ctx, dream.Quantity(2))
	must(t, err)
	equal(t, "count by the user's token", usage.Count, 2)
	report, err := sam.Usage(ctx)
	must(t, err)
	equal(t, "whose usage", report.UserID, tokens.Customer.ID)
	page, err := sam.Checkout(ctx, "pro", dream.SuccessURL("http://localhost:4000/"))
	must(t, err)
	if page.URL == "" {
		t.Error("no checkout by the user's token")
	}

	for _, kind := range []string{lost, cut, held} {
		w.proxy.take(t)
		w.proxy.arm(fault{Request: "POST /api/sessions/refresh", Kind: kind})
		next, err := w.patient(kind).Sessions.Refresh(ctx, tokens.RefreshToken)
		must(t, err)
		if next.RefreshToken == tokens.RefreshToken || next.SessionID != tokens.SessionID {
			t.Errorf("%s: refreshed to %+v", kind, next)
		}
		tokens = next
	}
	var listed []string
	for session, err := range c.Sessions.List(ctx, tokens.Customer.ID) {
		must(t, err)
		listed = append(listed, session.Kind)
	}
	if len(listed) != 2 { // the product's and the page's
		t.Errorf("the sessions are %v", listed)
	}
	_, err = c.Sessions.End(ctx, tokens.Customer.ID, tokens.SessionID)
	must(t, err)
	var denied *dream.AuthenticationError
	if _, err := c.As(tokens.Token).Usage(ctx); !errors.As(err, &denied) {
		t.Errorf("the token of a session that ended: %v", err)
	}
	if _, err := c.Sessions.Refresh(ctx, tokens.RefreshToken); !errors.As(err, &denied) {
		t.Errorf("the refresh of a session that ended: %v", err)
	}

	// An app that keeps no secret.
	public := w.clientOf(w.facts.Demo.PublishableKey)
	code, began = w.signIn(t, public, "pat@example.com")
	own, err := public.Sessions.Exchange(ctx, code, dream.CodeVerifier(began.CodeVerifier), dream.RedirectURL(callback))
	must(t, err)
	own, err = public.Sessions.Refresh(ctx, own.RefreshToken)
	must(t, err)
	_, err = public.As(own.Token).Track(ctx)
	must(t, err)
	for range 2 {
		_, err = public.Sessions.Revoke(ctx, own.RefreshToken)
		must(t, err)
	}
	_, err = c.Sessions.EndAll(ctx, own.Customer.ID)
	must(t, err)
}
