package dream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Claims are what a session token says.
type Claims struct {
	CustomerID     string
	SessionID      string
	PublishableKey string // with which the sign-in began
	Plan           string // at that moment, for information: what counts is looked up
	IssuedAt       time.Time
	ExpiresAt      time.Time
}

// TokenError says that a session token is not good. Its bearer is to be treated as nobody.
type TokenError struct{ Reason string }

// Error implements error.
func (e *TokenError) Error() string { return "dream: the session token is not good: " + e.Reason }

const (
	longestToken = 8 << 10
	clockSkew    = 30 * time.Second // by which the clocks of two machines may differ
	freshKeys    = time.Hour        // so long the keys are kept
	staleKeys    = 24 * time.Hour   // and so long where fresh ones can not be had
	refetchAfter = time.Minute      // at the most so often for keys that are not known
)

// Verify checks a session token that came from a browser, by the published keys and without asking: the signature (ES256,
// and no other), the issuer, the platform, the time. What is wrong with it is a [TokenError]; another error says that
// the keys could not be had. A token whose session has ended passes until it expires, ten minutes at the most.
func (s *Sessions) Verify(ctx context.Context, token string) (*Claims, error) {
	c := s.client
	if c.broken != nil {
		return nil, c.broken
	}
	if len(c.audiences) == 0 {
		return nil, errNoAudience
	}
	parts := strings.Split(token, ".")
	if len(token) > longestToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return nil, &TokenError{"it is no JWT"}
	}
	var header struct {
		Alg, Kid string
		Crit     json.RawMessage
	}
	if !decodePart(parts[0], &header) || header.Kid == "" {
		return nil, &TokenError{"its header can not be read"}
	}
	if header.Alg != "ES256" || header.Crit != nil {
		return nil, &TokenError{"it is not signed with ES256"}
	}
	key, err := c.keys.find(ctx, header.Kid)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, &TokenError{"it is signed with a key that is not published"}
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || len(signature) != 64 ||
		!ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, &TokenError{"its signature is wrong"}
	}
	return c.claims(parts[1])
}

// claims reads what a token says whose signature is right, and holds it to the issuer, the platform and the time.
func (c *Client) claims(part string) (*Claims, error) {
	var in struct {
		Iss, Sub, Sid, Plan string
		Aud                 audience
		Exp, Iat, Nbf       *float64
	}
	if !decodePart(part, &in) {
		return nil, &TokenError{"its claims can not be read"}
	}
	now := c.now()
	switch {
	case in.Sub == "" || in.Sid == "" || in.Exp == nil || in.Iat == nil || len(in.Aud) != 1:
		return nil, &TokenError{"a claim is missing"}
	case in.Iss != c.issuer:
		return nil, &TokenError{fmt.Sprintf("its issuer is %q and not %q (see the option Issuer)", in.Iss, c.issuer)}
	case !slices.Contains(c.audiences, in.Aud[0]):
		return nil, &TokenError{"it is for another platform"}
	case !now.Before(moment(*in.Exp)):
		return nil, &TokenError{"it has expired"}
	case moment(*in.Iat).After(now.Add(clockSkew)) || in.Nbf != nil && moment(*in.Nbf).After(now.Add(clockSkew)):
		return nil, &TokenError{"it is not good yet"}
	}
	return &Claims{
		CustomerID: in.Sub, SessionID: in.Sid, PublishableKey: in.Aud[0], Plan: in.Plan,
		IssuedAt: moment(*in.Iat), ExpiresAt: moment(*in.Exp),
	}, nil
}

func moment(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

// audience is the claim aud: one text, or a list.
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// keySet keeps the published keys. One fetch runs at a time; whoever needs none of it does not wait for it.
type keySet struct {
	client *Client
	turn   chan struct{} // is full while somebody fetches

	mu        sync.Mutex
	keys      map[string]*ecdsa.PublicKey
	fetched   time.Time
	refetched time.Time // because of a key that was not known
}

// known is the key of an id among those that are kept; nil and final for one that is not published. Unless it is final,
// the keys are to be fetched.
func (s *keySet) known(kid string) (key *ecdsa.PublicKey, age time.Duration, final bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.client.now()
	key, age = s.keys[kid], now.Sub(s.fetched)
	return key, age, age <= freshKeys && (key != nil || now.Sub(s.refetched) < refetchAfter)
}

// find returns the key of an id, or nil where none is published.
func (s *keySet) find(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	if key, _, final := s.known(kid); final {
		return key, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	key, age, final := s.known(kid) // somebody may have fetched them meanwhile
	if final {
		return key, nil
	}
	// The keys are old, or have changed. Whoever sends us made-up ids has us ask once a minute and no more.
	if err := s.fetch(ctx); err != nil {
		if key != nil && age <= staleKeys {
			return key, nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if age <= freshKeys {
		s.refetched = s.client.now()
	}
	return s.keys[kid], nil
}

func (s *keySet) fetch(ctx context.Context) error {
	var set struct {
		Keys []struct{ Kty, Crv, Kid, Alg, Use, X, Y string }
	}
	if _, err := s.client.do(ctx, request{method: http.MethodGet, path: "/.well-known/jwks.json"}, &set); err != nil {
		return err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys {
		x, err1 := base64.RawURLEncoding.DecodeString(k.X)
		y, err2 := base64.RawURLEncoding.DecodeString(k.Y)
		if err := errors.Join(err1, err2); err != nil || k.Kty != "EC" || k.Crv != "P-256" || k.Kid == "" || k.Alg != "" && k.Alg != "ES256" ||
			k.Use != "" && k.Use != "sig" {
			continue // of a kind that we do not take
		}
		key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if _, err := key.ECDH(); err == nil { // it is a point of the curve
			keys[k.Kid] = key
		}
	}
	if len(keys) == 0 {
		return errors.New("dream: no keys are published that could be used")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fetched = keys, s.client.now()
	return nil
}
