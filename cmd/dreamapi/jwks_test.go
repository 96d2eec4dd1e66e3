package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

// verified are the claims of a session token, checked as a developer would who has nothing of ours but the JWKS.
func (w *world) verified(t testing.TB, token string) map[string]any {
	t.Helper()
	decode := func(part string, into any) {
		t.Helper()
		raw, err := base64.RawURLEncoding.DecodeString(part)
		must(t, err)
		must(t, json.Unmarshal(raw, into))
	}
	parts := strings.Split(token, ".")
	var header struct{ Alg, Kid, Typ string }
	decode(parts[0], &header)
	equal(t, "alg", header.Alg, "ES256")
	equal(t, "typ", header.Typ, "JWT")
	var set struct {
		Keys []struct{ Kid, Kty, Crv, Use, Alg, X, Y string }
	}
	must(t, json.Unmarshal([]byte(w.api(t, "GET /.well-known/jwks.json", "", "").want(t, 200).body), &set))
	for _, key := range set.Keys {
		if key.Kid != header.Kid {
			continue
		}
		equal(t, "the key", key.Kty+key.Crv+key.Use+key.Alg, "ECP-256sigES256")
		point := []byte{4} // uncompressed
		for _, text := range []string{key.X, key.Y} {
			raw, err := base64.RawURLEncoding.DecodeString(text)
			must(t, err)
			point = append(point, raw...)
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		must(t, err)
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		must(t, err)
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		if !ecdsa.Verify(public, sum[:], r, s) {
			t.Fatal("the JWKS does not verify the token")
		}
		claims := map[string]any{}
		decode(parts[1], &claims)
		return claims
	}
	t.Fatalf("the JWKS has no key %s", header.Kid)
	return nil
}
