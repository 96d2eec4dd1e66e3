package clerk

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// signingKey signs tokens with RS256. Its id is the kid; the first key of an
// app names the instance too, as with Clerk.
type signingKey struct {
	ID        string
	CreatedAt int64
	private   *rsa.PrivateKey
}

func newSigningKey(now time.Time) (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return &signingKey{ID: newID("ins"), CreatedAt: now.UnixMilli(), private: private}, nil
}

// storedKey is how a key is written to the state file.
type storedKey struct {
	ID        string `json:"id"`
	CreatedAt int64  `json:"created_at"`
	PKCS8     []byte `json:"pkcs8"`
}

func (k *signingKey) MarshalJSON() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	return json.Marshal(storedKey{ID: k.ID, CreatedAt: k.CreatedAt, PKCS8: der})
}

func (k *signingKey) UnmarshalJSON(raw []byte) error {
	var stored storedKey
	if err := json.Unmarshal(raw, &stored); err != nil {
		return err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	if err != nil {
		return err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return fmt.Errorf("key %s is a %T", stored.ID, parsed)
	}
	*k = signingKey{ID: stored.ID, CreatedAt: stored.CreatedAt, private: private}
	return nil
}

// sign makes a JWT.
func (k *signingKey) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "RS256", "kid": k.ID, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// jwk is the public half of a key.
type jwk struct {
	Use string `json:"use"`
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	N   string `json:"n"`
	E   string `json:"e"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func (a *appState) jwks() jwks {
	set := jwks{Keys: []jwk{}}
	for _, k := range a.Keys {
		set.Keys = append(set.Keys, jwk{Use: "sig", Kty: "RSA", Kid: k.ID, Alg: "RS256",
			N: base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
			E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes())})
	}
	return set
}

// current is the key that signs.
func (a *appState) current() *signingKey { return a.Keys[len(a.Keys)-1] }

// RotateKey gives the app a new signing key and returns its kid. The old keys
// stay in the JWKS until RetireKeys.
func (s *Server) RotateKey(app string) (kid string, err error) {
	a := s.app(app)
	if a == nil {
		return "", errNoApp
	}
	key, err := newSigningKey(s.cfg.Now())
	if err != nil {
		return "", err
	}
	return key.ID, s.change(a, caller{}, func(t *tx) error {
		t.Keys = append(t.Keys, key)
		return nil
	})
}

// RetireKeys takes a key out of the app's JWKS; with kid "", every key but the
// one that signs, which can't be retired.
func (s *Server) RetireKeys(app, kid string) error {
	a := s.app(app)
	if a == nil {
		return errNoApp
	}
	return s.change(a, caller{}, func(t *tx) error {
		if kid == t.current().ID {
			return errors.New("the key that signs can't be retired")
		}
		if kid != "" && !slices.ContainsFunc(t.Keys, func(k *signingKey) bool { return k.ID == kid }) {
			return errors.New("no such key")
		}
		current := t.current()
		t.Keys = slices.DeleteFunc(t.Keys, func(k *signingKey) bool { return k != current && (kid == "" || k.ID == kid) })
		return nil
	})
}

var errNoApp = errors.New("no such app")
