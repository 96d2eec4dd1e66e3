package tenant

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// TokenLife is how long a session token is good.
const TokenLife = 10 * time.Minute

// SigningKeys sign session tokens and verify them. The keys are made from the master that is configured, one for each
// calendar month (UTC), so every process has the same without asking, and a month's key is published a month before it
// signs and a month after: whoever keeps the JWKS for less than that never meets an unknown key.
//
// A token is of the world and not of the database, so it is judged by the machine's own clock.
type SigningKeys struct {
	issuer  string
	masters [][]byte
	now     func() time.Time

	mu    sync.Mutex
	month int // of the set
	set   keySet
}

// keySet is what is good in one month.
type keySet struct {
	signer jose.Signer
	public jose.JSONWebKeySet
}

// NewSigningKeys makes the keys of an issuer from masters of 32 random bytes: the first signs, and those behind it, such
// as the one before, are good for verifying.
func NewSigningKeys(issuer string, now func() time.Time, masters ...[]byte) *SigningKeys {
	return &SigningKeys{issuer: issuer, masters: masters, now: now}
}

// SessionClaims are what a session token says.
type SessionClaims struct {
	Customer       string
	PublishableKey string // the audience
	Session        id.UserSession
	Plan           string // for information: what counts is looked up
	IssuedAt       time.Time
	ExpiresAt      time.Time
}

// ownClaims are those beside the registered ones.
type ownClaims struct {
	Session string `json:"sid"`
	Plan    string `json:"plan,omitempty"`
}

// Sign makes a session token. It is good for TokenLife, and not beyond end. The times of the claims are set.
func (k *SigningKeys) Sign(c *SessionClaims, end time.Time) (string, error) {
	set, err := k.current()
	if err != nil {
		return "", err
	}
	c.IssuedAt = k.now().Truncate(time.Second)
	c.ExpiresAt = c.IssuedAt.Add(TokenLife)
	if end.Before(c.ExpiresAt) {
		c.ExpiresAt = end.Truncate(time.Second)
	}
	return jwt.Signed(set.signer).Claims(jwt.Claims{
		Issuer: k.issuer, Subject: c.Customer, Audience: jwt.Audience{c.PublishableKey}, ID: id.NewJWT(),
		IssuedAt: jwt.NewNumericDate(c.IssuedAt), Expiry: jwt.NewNumericDate(c.ExpiresAt),
	}).Claims(ownClaims{string(c.Session), c.Plan}).Serialize()
}

// clockSkew is how far the clocks of two processes may be apart.
const clockSkew = 30 * time.Second

// Verify reads a session token. ours is false for one that no key here signed, which may be another issuer's.
func (k *SigningKeys) Verify(token string) (c SessionClaims, ours bool, err error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 {
		return c, false, nil //nolint:nilerr // not of our form, so not ours
	}
	set, err := k.current()
	if err != nil {
		return c, false, err
	}
	keys := set.public.Key(parsed.Headers[0].KeyID)
	if len(keys) != 1 {
		return c, false, nil
	}
	var registered jwt.Claims
	var own ownClaims
	if err := parsed.Claims(keys[0].Key, &registered, &own); err != nil {
		return c, true, badSessionToken(err)
	}
	if registered.Expiry == nil || registered.IssuedAt == nil || registered.Subject == "" || len(registered.Audience) != 1 || own.Session == "" {
		return c, true, badSessionToken(errors.New("a claim is missing"))
	}
	now := k.now()
	expected := jwt.Expected{Issuer: k.issuer, Time: now}
	if err := registered.ValidateWithLeeway(expected, clockSkew); err != nil {
		return c, true, badSessionToken(err)
	}
	c = SessionClaims{
		Customer: registered.Subject, PublishableKey: registered.Audience[0], Session: id.UserSession(own.Session), Plan: own.Plan,
		IssuedAt: registered.IssuedAt.Time(), ExpiresAt: registered.Expiry.Time(),
	}
	if !now.Before(c.ExpiresAt) { // the skew is for what is issued, not for what is over
		return c, true, badSessionToken(jwt.ErrExpired)
	}
	return c, true, nil
}

func badSessionToken(cause error) error {
	return errs.New(errs.InvalidCredentials, "The session token is not valid here, or no longer. Refresh the session for a new one.").
		Because(cause)
}

// JWKS is the public half of the keys that are good now, in the form of RFC 7517.
func (k *SigningKeys) JWKS() ([]byte, error) {
	set, err := k.current()
	if err != nil {
		return nil, err
	}
	return json.Marshal(set.public)
}

// macs are the MACs of the parts by each master, the first of which counts.
func (k *SigningKeys) macs(purpose string, parts ...string) [][]byte {
	macs := make([][]byte, len(k.masters))
	for i, master := range k.masters {
		key, err := hkdf.Key(sha256.New, master, nil, "dream-api "+purpose, sha256.Size)
		if err != nil {
			panic(err) // only for a length that SHA-256 can not give
		}
		mac := hmac.New(sha256.New, key)
		for _, part := range parts {
			_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part)
		}
		macs[i] = mac.Sum(nil)
	}
	return macs
}

func (k *SigningKeys) current() (keySet, error) {
	now := k.now().UTC()
	month := now.Year()*12 + int(now.Month()) - 1
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.month == month {
		return k.set, nil
	}
	var set keySet
	for i, master := range k.masters {
		for _, of := range []int{month, month - 1, month + 1} {
			key, err := deriveKey(master, of)
			if err != nil {
				return set, err
			}
			public := jose.JSONWebKey{Key: &key.PublicKey, Algorithm: string(jose.ES256), Use: "sig"}
			thumb, err := public.Thumbprint(crypto.SHA256)
			if err != nil {
				return set, err
			}
			public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
			set.public.Keys = append(set.public.Keys, public)
			if i == 0 && of == month {
				set.signer, err = jose.NewSigner(
					jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}},
					(&jose.SignerOptions{}).WithType("JWT"))
				if err != nil {
					return set, err
				}
			}
		}
	}
	k.month, k.set = month, set
	return set, nil
}

// deriveKey makes a month's key from a master, by the way of FIPS 186-5, A.2.1: 64 bits more than the order has, so that
// the remainder is even.
func deriveKey(master []byte, month int) (*ecdsa.PrivateKey, error) {
	const extra = 8
	curve := elliptic.P256()
	seed, err := hkdf.Key(sha256.New, master, nil, fmt.Sprintf("dream-api session tokens %d", month), 32+extra)
	if err != nil {
		return nil, err
	}
	order := curve.Params().N
	d := new(big.Int).SetBytes(seed)
	d.Mod(d, new(big.Int).Sub(order, big.NewInt(1))).Add(d, big.NewInt(1))
	return ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, 32)))
}
