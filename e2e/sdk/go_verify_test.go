package sdk

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	dream "github.com/dream-api/dream-api/sdk/go"
)

// forgeries are tokens that nobody should take for one of the API's. Both clients are tried with them.
func forgeries(t *testing.T, token string) map[string]string {
	t.Helper()
	head, body, signature := three(t, token)
	encode := func(v any) string {
		text, err := json.Marshal(v)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	decode := func(part string) map[string]any {
		text, err := base64.RawURLEncoding.DecodeString(part)
		must(t, err)
		var v map[string]any
		must(t, json.Unmarshal(text, &v))
		return v
	}
	with := func(part, name string, value any) string {
		v := decode(part)
		v[name] = value
		return encode(v)
	}
	mac := hmac.New(sha256.New, []byte("the public key, as one knows it"))
	hs := with(head, "alg", "HS256") + "." + body
	mac.Write([]byte(hs))
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	sum := sha256.Sum256([]byte(head + "." + body))
	r, s, err := ecdsa.Sign(rand.Reader, stranger, sum[:])
	must(t, err)
	own := make([]byte, 64)
	r.FillBytes(own[:32])
	s.FillBytes(own[32:])
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	must(t, err)
	return map[string]string{
		"nothing": "", "nonsense": "a.b.c", "no signature": head + "." + body + ".", "two parts": head + "." + body,
		"four parts": token + ".x", "alg none": with(head, "alg", "none") + "." + body + ".", "alg none, signed": with(head, "alg", "none") + "." + body + "." + signature,
		"HS256": hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), "alg es256": with(head, "alg", "es256") + "." + body + "." + signature,
		"a critical extension": with(head, "crit", []string{"exp"}) + "." + body + "." + signature, "another customer": head + "." + with(body, "sub", "user_other") + "." + signature,
		"a later end": head + "." + with(body, "exp", 99999999999) + "." + signature, "a key that is not published": with(head, "kid", "nobody's") + "." + body + "." + signature,
		"no kid": with(head, "kid", "") + "." + body + "." + signature, "a stranger's signature": head + "." + body + "." + base64.RawURLEncoding.EncodeToString(own),
		"a signature of zeros": head + "." + body + "." + zero, "a longer signature": head + "." + body + "." + base64.RawURLEncoding.EncodeToString(append(raw, 0)),
		"padded": token + "=", "a line break": token + "\n", "very long": head + "." + strings.Repeat("A", 1<<20) + "." + signature,
	}
}

func three(t *testing.T, token string) (head, body, signature string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d parts", len(parts))
	}
	return parts[0], parts[1], parts[2]
}

func verifiesNothingElse(t *testing.T, w *world, token string) {
	t.Helper()
	ctx, c := t.Context(), w.client()
	var bad *dream.TokenError
	for what, forged := range forgeries(t, token) {
		if claims, err := c.Sessions.Verify(ctx, forged); !errors.As(err, &bad) {
			t.Errorf("%s: %+v %v", what, claims, err)
		}
	}
	for what, c := range map[string]*dream.Client{
		"another issuer":   dream.New(w.facts.Demo.SecretKey, dream.BaseURL(w.proxy.url), dream.PublishableKeys(w.facts.Demo.PublishableKey)),
		"another platform": dream.New(w.facts.Demo.SecretKey, dream.BaseURL(w.proxy.url), dream.Issuer(w.facts.APIURL), dream.PublishableKeys("pk_test_other")),
	} {
		if _, err := c.Sessions.Verify(ctx, token); !errors.As(err, &bad) {
			t.Errorf("%s: %v", what, err)
		}
	}
	unsaid := dream.New(w.facts.Demo.SecretKey, dream.BaseURL(w.proxy.url), dream.Issuer(w.facts.APIURL))
	if _, err := unsaid.Sessions.Verify(ctx, token); err == nil || errors.As(err, &bad) {
		t.Errorf("without a publishable key: %v", err)
	}

	// The keys are fetched once for many, and for made-up ones once more.
	w.proxy.take(t)
	fresh := w.client()
	for range 10 {
		_, err := fresh.Sessions.Verify(ctx, token)
		must(t, err)
	}
	equal(t, "fetches of the keys", len(w.proxy.take(t)), 1)
	made := forgeries(t, token)["a key that is not published"]
	for range 10 {
		_, _ = fresh.Sessions.Verify(ctx, made)
	}
	equal(t, "fetches for keys that are not published", len(w.proxy.take(t)), 1)
	// Where the keys can not be had, that is said, and not that the token is bad.
	w.proxy.arm(fault{Request: "GET /.well-known/jwks.json", Kind: answer, Status: 503, Times: 4})
	var failed *dream.ServerError
	if _, err := w.client().Sessions.Verify(ctx, token); !errors.As(err, &failed) {
		t.Errorf("without the keys: %v", err)
	}
	w.proxy.take(t)
}

func rotation(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	token := func(email string) string {
		code, began := w.signIn(t, c, email)
		tokens, err := c.Sessions.Exchange(ctx, code, dream.CodeVerifier(began.CodeVerifier))
		must(t, err)
		return tokens.Token
	}
	before := token("before@example.com")
	_, err := c.Sessions.Verify(ctx, before)
	must(t, err)
	w.rotate(t)
	_, err = c.Sessions.Verify(ctx, token("after@example.com")) // by a key that was not known
	must(t, err)
	var bad *dream.TokenError
	if _, err := c.Sessions.Verify(ctx, before); !errors.As(err, &bad) {
		t.Errorf("the token of a key that is gone: %v", err)
	}
}
