package main

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// forger signs what it is told to with the private key of a Clerk app, as that app never would.
type forger struct {
	kid string
	key *rsa.PrivateKey
}

// forgerOf takes the key out of the state of a sandbox that was started in dir.
func forgerOf(t *testing.T, dir, app string) forger {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "clerk.json"))
	must(t, err)
	var state struct {
		Apps map[string]struct {
			Keys []struct {
				ID    string `json:"id"`
				PKCS8 []byte `json:"pkcs8"`
			} `json:"keys"`
		} `json:"apps"`
	}
	must(t, json.Unmarshal(text, &state))
	stored := state.Apps[app].Keys[0]
	key, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	must(t, err)
	return forger{stored.ID, key.(*rsa.PrivateKey)}
}

type claims = map[string]any

// with is the claims with some changed; nil takes one away.
func with(c claims, changes claims) claims {
	c = maps.Clone(c)
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

// lasting are the claims of a token that is good but for its content.
func lasting(issuer, subject string) claims {
	now := time.Now().Unix()
	return claims{"iss": issuer, "sub": subject, "iat": now, "nbf": now - 10, "exp": now + 3600}
}

func unsigned(t *testing.T, header, content claims) string {
	t.Helper()
	head, err := json.Marshal(header)
	must(t, err)
	body, err := json.Marshal(content)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
}

// sign makes a token as Clerk does, of any claims.
func (f forger) sign(t *testing.T, content claims) string {
	t.Helper()
	return f.signAs(t, f.kid, content)
}

func (f forger) signAs(t *testing.T, kid string, content claims) string {
	t.Helper()
	text := unsigned(t, claims{"alg": "RS256", "typ": "JWT", "kid": kid}, content)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:])
	must(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// none is a token that nobody signed and that says so.
func (f forger) none(t *testing.T, content claims) string {
	t.Helper()
	return unsigned(t, claims{"alg": "none", "typ": "JWT", "kid": f.kid}, content) + "."
}

// confused is a token signed by HMAC with what everybody knows, the public key.
func (f forger) confused(t *testing.T, content claims) string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	must(t, err)
	text := unsigned(t, claims{"alg": "HS256", "typ": "JWT", "kid": f.kid}, content)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
