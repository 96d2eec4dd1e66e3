package clerkapp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwt"
	"golang.org/x/sync/singleflight"

	"github.com/dream-api/dream-api/internal/errs"
)

// Claims are what a verified token says.
type Claims struct {
	UserID          string
	SessionID       string // of the session at Clerk; empty in a token that no session made
	AuthorizedParty string // azp: the origin that asked for the token; may be empty
	PublishableKey  string // of the JWT template; empty in a plain session token
	MinutesAgo      int    // since the user proved who it is, as by the password
}

// Verify checks a token of this app: signed by a key of the app, issued by exactly its frontend API, within its time,
// and with exp and sub. The SDK's own middleware checks less; with two apps in one process it takes the tokens of each
// for those of the other, as its cache of keys is shared and known by key id alone.
func (a *App) Verify(ctx context.Context, token string) (Claims, error) {
	header, err := jwt.Decode(ctx, &jwt.DecodeParams{Token: token})
	if err != nil {
		return Claims{}, badToken("it is not a JWT", err)
	}
	key, err := a.keys.get(ctx, header.KeyID)
	if err != nil {
		return Claims{}, err
	}
	if key == nil {
		return Claims{}, badToken("no key of the app signed it", nil)
	}
	var custom struct {
		PublishableKey string `json:"publishableKey"`
		FactorAges     []int  `json:"fva"` // in minutes: of the first factor and of the second; -1: none
	}
	claims, err := jwt.Verify(ctx, &jwt.VerifyParams{
		Token:                   token,
		JWK:                     key,
		ProxyURL:                &a.issuer, // else the SDK accepts any issuer that looks like one of Clerk's
		CustomClaimsConstructor: func(context.Context) any { return &custom },
	})
	switch {
	case err != nil:
		return Claims{}, badToken("it does not verify", err)
	case claims.Issuer != a.issuer:
		return Claims{}, badToken("another app issued it", nil)
	case claims.Expiry == nil:
		return Claims{}, badToken("it has no exp", nil)
	case claims.Subject == "":
		return Claims{}, badToken("it has no sub", nil)
	}
	minutes := longAgo
	if len(custom.FactorAges) > 0 && custom.FactorAges[0] >= 0 {
		minutes = min(custom.FactorAges[0], longAgo)
	}
	return Claims{claims.Subject, claims.SessionID, claims.AuthorizedParty, custom.PublishableKey, minutes}, nil
}

// longAgo is how old a proof is taken to be of which the token does not say when it was: a year, in minutes.
const longAgo = 365 * 24 * 60

func badToken(why string, cause error) error {
	return errs.New(errs.InvalidCredentials, "The token is not valid here, or no longer. Sign in again for a new one.").
		Because(errors.Join(errors.New(why), cause))
}

const (
	keysLast      = time.Hour       // then a key that Clerk has withdrawn is forgotten
	fetchesApart  = time.Minute     // however many tokens with unknown keys come
	failuresApart = 5 * time.Second // while Clerk does not answer
)

// keyCache holds the public keys of one app. A token whose key is there is never kept waiting by those whose key is not.
type keyCache struct {
	fetch func(context.Context) (*clerk.JSONWebKeySet, error)

	flight singleflight.Group
	mu     sync.Mutex
	keys   map[string]*clerk.JSONWebKey
	got    time.Time // the last fetch that succeeded
	tried  time.Time // the last fetch
	failed error     // how that went
}

// get returns the key, or nil when the app has none with the id.
func (c *keyCache) get(ctx context.Context, kid string) (*clerk.JSONWebKey, error) {
	key, known, err := c.look(kid)
	if known || err != nil {
		return key, err
	}
	fetched := c.flight.DoChan("", func() (any, error) {
		if _, known, err := c.look(kid); known || err != nil { // another flight has just landed
			return nil, err
		}
		return nil, c.refresh(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-fetched:
		if result.Err != nil {
			return nil, result.Err
		}
	}
	key, _, err = c.look(kid)
	return key, err
}

// look answers from what is there; known is whether that is an answer, also if it is that there is no such key.
func (c *keyCache) look(kid string) (key *clerk.JSONWebKey, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := c.keys[kid]; key != nil && time.Since(c.got) < keysLast {
		return key, true, nil
	}
	if c.failed != nil && time.Since(c.tried) < failuresApart {
		return nil, false, c.failed
	}
	return nil, c.failed == nil && !c.tried.IsZero() && time.Since(c.tried) < fetchesApart, nil
}

func (c *keyCache) refresh(ctx context.Context) error {
	set, err := c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried, c.failed = time.Now(), nil
	if err != nil {
		c.failed = errs.New(errs.Unavailable, "The sign-in service can not be reached to check the token. Try again in a "+
			"moment.").Because(fmt.Errorf("fetching the JWKS: %w", err)).After(failuresApart)
		return c.failed
	}
	c.keys, c.got = make(map[string]*clerk.JSONWebKey, len(set.Keys)), c.tried
	for _, key := range set.Keys {
		c.keys[key.KeyID] = key
	}
	return nil
}
