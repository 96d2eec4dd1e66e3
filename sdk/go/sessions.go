package dream

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Sessions are where customers are signed in.
type Sessions struct{ client *Client }

// Tokens are those of a session that a product holds for a customer.
type Tokens struct {
	Meta         `json:"-"`
	Token        string    `json:"token"`        // good until ExpiresAt, ten minutes
	RefreshToken string    `json:"refreshToken"` // good once
	ExpiresAt    time.Time `json:"expiresAt"`
	SessionID    string    `json:"sessionId"`
	Customer     Customer  `json:"customer"`
}

// SignIn is the beginning of a sign-in. State and CodeVerifier are kept where only this browser's session finds them, such
// as an HttpOnly cookie, until the browser comes back with a code.
type SignIn struct{ URL, State, CodeVerifier string }

// Begin makes a sign-in that ends at redirectURL, and whose URL is where to send the browser. It asks nobody; the client
// must know a publishable key. With signUp the page is that for newcomers.
func (s *Sessions) Begin(redirectURL string, signUp bool) (SignIn, error) {
	c := s.client
	if len(c.audiences) == 0 {
		return SignIn{}, errNoAudience
	}
	in := SignIn{State: rand.Text(), CodeVerifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(in.CodeVerifier))
	page := "/sign-in?"
	if signUp {
		page = "/sign-up?"
	}
	in.URL = c.base + page + url.Values{
		"publishableKey": {c.audiences[0]}, "redirectUrl": {redirectURL}, "state": {in.State},
		"codeChallenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	return in, c.broken
}

var errNoAudience = errors.New("dream: this takes the option PublishableKeys: the publishable key of the platform")

// ExchangeOption is an option of [Sessions.Exchange]: [CodeVerifier], [RedirectURL] or [IdempotencyKey].
type ExchangeOption interface{ exchange(*exchange) }

type exchange struct {
	request      *request
	Code         string       `json:"code"`
	CodeVerifier CodeVerifier `json:"codeVerifier,omitempty"`
	RedirectURL  RedirectURL  `json:"redirectUrl,omitempty"`
}

// CodeVerifier is that of the sign-in's code challenge; a must where it began with one.
type CodeVerifier string

// RedirectURL is where the code was sent.
type RedirectURL string

func (v CodeVerifier) exchange(e *exchange)   { e.CodeVerifier = v }
func (u RedirectURL) exchange(e *exchange)    { e.RedirectURL = u }
func (k IdempotencyKey) exchange(e *exchange) { e.request.key = k }

// Exchange trades the code of a sign-in for a session, within 60 seconds.
func (s *Sessions) Exchange(ctx context.Context, code string, options ...ExchangeOption) (*Tokens, error) {
	r := post("/api/sessions", nil)
	in := exchange{request: &r, Code: code}
	for _, o := range options {
		o.exchange(&in)
	}
	r.body = in
	return s.tokens(ctx, r)
}

// Refresh trades a refresh token for the next pair. A refresh token is good once, so refresh in one place at a time; to be
// able to repeat it after a crash, store an [IdempotencyKey] first. An [AuthenticationError] means: have the user sign in again.
func (s *Sessions) Refresh(ctx context.Context, refreshToken string, options ...CallOption) (*Tokens, error) {
	return s.tokens(ctx, apply(post("/api/sessions/refresh", map[string]string{"refreshToken": refreshToken}), options))
}

// Revoke ends the session of a refresh token. That it had ended is no error.
func (s *Sessions) Revoke(ctx context.Context, refreshToken string) (Meta, error) {
	return s.client.do(ctx, request{
		method: http.MethodPost, path: "/api/sessions/revoke", body: map[string]string{"refreshToken": refreshToken}, repeatable: true,
	}, nil)
}

func (s *Sessions) tokens(ctx context.Context, r request) (*Tokens, error) {
	var tokens Tokens
	meta, err := s.client.do(ctx, r, &tokens)
	if err != nil {
		return nil, err
	}
	tokens.Meta, tokens.Customer.Meta = meta, meta
	return &tokens, nil
}

// Session is where a customer is signed in.
type Session struct {
	Meta      `json:"-"`
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // product: one of yours; page: on the account page
	UserAgent string    `json:"userAgent"`
	CreatedAt time.Time `json:"createdAt"`
	SeenAt    time.Time `json:"seenAt"`
}

// List goes through a customer's sessions, the one used last first.
func (s *Sessions) List(ctx context.Context, customerID string) iter.Seq2[*Session, error] {
	at, err := path("api", "customers", customerID, "sessions")
	return list(ctx, s.client, at, nil, err, func(one *Session, m Meta) { one.Meta = m })
}

// End ends one session of a customer. Its tokens open nothing from then on.
func (s *Sessions) End(ctx context.Context, customerID, sessionID string) (Meta, error) {
	at, err := path("api", "customers", customerID, "sessions", sessionID)
	return s.end(ctx, at, err)
}

// EndAll ends all sessions of a customer.
func (s *Sessions) EndAll(ctx context.Context, customerID string) (Meta, error) {
	at, err := path("api", "customers", customerID, "sessions")
	return s.end(ctx, at, err)
}

func (s *Sessions) end(ctx context.Context, at string, problem error) (Meta, error) {
	return s.client.do(ctx, request{method: http.MethodDelete, path: at, repeatable: true, problem: problem}, nil)
}
