package dream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Tokens of the API itself, and forgeries of them, are tried in e2e/sdk. Here are tokens whose signature is right and which
// say what the API never would.

// issuer signs whatever it is asked to.
type issuer struct {
	key     *ecdsa.PrivateKey
	url     string
	fetches atomic.Int64
	hidden  atomic.Bool // the keys are not published yet
	down    atomic.Bool
	hold    chan struct{} // until it is closed, no fetch is answered; nil: they are at once
}

const (
	theIssuer   = "https://api.example.com"
	theAudience = "pk_test_shop"
)

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	x, y := key.X.FillBytes(make([]byte, 32)), key.Y.FillBytes(make([]byte, 32))
	at := func(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }
	keys := fmt.Sprintf(`{"keys": [{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}, {"kty": "EC", "crv": "P-256", "kid": "off the curve", "x": %q, "y": %q},
		{"kty": "EC", "crv": "P-256", "kid": "for encryption", "use": "enc", "x": %q, "y": %q}, {"kty": "EC", "crv": "P-256", "kid": "good", "alg": "ES256", "use": "sig", "x": %q, "y": %q}]}`,
		at(x), at(x), at(x), at(y), at(x), at(y))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		if i.hold != nil {
			<-i.hold
		}
		switch {
		case i.down.Load():
			w.WriteHeader(http.StatusNotFound) // which is not tried again
		case i.hidden.Load():
			_, _ = w.Write([]byte(strings.ReplaceAll(keys, `"good"`, `"former"`)))
		default:
			_, _ = w.Write([]byte(keys))
		}
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *issuer) client(now time.Time) *Client {
	c := New("sk_test_x", BaseURL(i.url), Issuer(theIssuer), PublishableKeys(theAudience))
	c.now = func() time.Time { return now }
	return c
}

// sign makes a token of the usual header and claims, changed; nil takes one away.
func (i *issuer) sign(t *testing.T, now time.Time, header, claims map[string]any) string {
	t.Helper()
	part := func(usual, changed map[string]any) string {
		maps.Copy(usual, changed)
		maps.DeleteFunc(usual, func(_ string, v any) bool { return v == nil })
		text, err := json.Marshal(usual)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "ES256", "kid": "good", "typ": "JWT"}, header) + "." + part(map[string]any{
		"iss": theIssuer, "aud": theAudience, "sub": "eve", "sid": "uss_1", "plan": "free", "iat": now.Unix(), "exp": now.Unix() + 600,
	}, claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestATokenIsHeldToEveryClaim(t *testing.T) {
	t.Parallel()
	i, now := newIssuer(t), time.Unix(1_900_000_000, 0)
	c := i.client(now)
	for what, good := range map[string]map[string]any{
		"the usual": {}, "a list of one audience": {"aud": []string{theAudience}}, "no plan": {"plan": nil}, "issued by a clock ahead": {"iat": now.Unix() + 29},
		"a second left": {"exp": now.Unix() + 1}, "good since now": {"nbf": now.Unix()},
	} {
		claims, err := c.Sessions.Verify(t.Context(), i.sign(t, now, nil, good))
		if err != nil || claims.CustomerID != "eve" || claims.SessionID != "uss_1" || claims.PublishableKey != theAudience {
			t.Errorf("%s: %+v %v", what, claims, err)
		}
	}
	refused := func(what string, header, claims map[string]any) {
		t.Helper()
		var bad *TokenError
		if got, err := c.Sessions.Verify(t.Context(), i.sign(t, now, header, claims)); !errors.As(err, &bad) {
			t.Errorf("%s: %+v %v", what, got, err)
		}
	}
	for what, claims := range map[string]map[string]any{
		"expired": {"exp": now.Unix()}, "expired long ago": {"exp": now.Unix() - 9999}, "no end": {"exp": nil}, "an end in words": {"exp": "never"},
		"no beginning": {"iat": nil}, "issued later": {"iat": now.Unix() + 31}, "not yet good": {"nbf": now.Unix() + 31}, "no customer": {"sub": nil}, "an empty customer": {"sub": ""},
		"no session": {"sid": nil}, "no issuer": {"iss": nil}, "another issuer": {"iss": theIssuer + ".evil.example"}, "no audience": {"aud": nil},
		"another audience": {"aud": "pk_test_other"}, "two audiences": {"aud": []string{theAudience, "pk_test_other"}}, "an empty audience": {"aud": []string{}},
	} {
		refused(what, nil, claims)
	}
	for what, header := range map[string]map[string]any{
		"no algorithm": {"alg": nil}, "none": {"alg": "none"}, "HS256": {"alg": "HS256"}, "ES384": {"alg": "ES384"}, "RS256": {"alg": "RS256"}, "a list of algorithms": {"alg": []string{"ES256"}},
		"a critical extension": {"crit": []string{"b64"}}, "no kid": {"kid": nil}, "another kid": {"kid": "other"}, "an RSA key": {"kid": "rsa"},
		"a point off the curve": {"kid": "off the curve"}, "a key for encryption": {"kid": "for encryption"}, "a key of its own": {"kid": nil, "jwk": map[string]any{"kty": "EC"}},
	} {
		refused(what, header, nil)
	}
}

func TestTheKeysAreKeptForAnHourAndUnknownOnesAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	i, now := newIssuer(t), time.Unix(1_900_000_000, 0)
	c := i.client(now)
	good, unknown := i.sign(t, now, nil, map[string]any{"exp": now.Unix() + 9999}), i.sign(t, now, map[string]any{"kid": "other"}, nil)
	after := func(d time.Duration, token string, fetches int64) {
		t.Helper()
		c.now = func() time.Time { return now.Add(d) }
		for range 5 {
			_, _ = c.Sessions.Verify(t.Context(), token)
		}
		if n := i.fetches.Load(); n != fetches {
			t.Errorf("after %v the keys were fetched %d times, want %d", d, n, fetches)
		}
	}
	after(0, good, 1)
	after(59*time.Minute, good, 1)
	after(59*time.Minute, unknown, 2)
	after(59*time.Minute+59*time.Second, unknown, 2)
	after(60*time.Minute+time.Second, unknown, 3)
	after(119*time.Minute, good, 3)
	after(121*time.Minute, good, 4)
}

func TestOldKeysServeForADayWhereFreshOnesCanNotBeHad(t *testing.T) {
	t.Parallel()
	i, now := newIssuer(t), time.Unix(1_900_000_000, 0)
	c := i.client(now)
	token := i.sign(t, now, nil, map[string]any{"exp": now.Unix() + 999999})
	verify := func(after time.Duration) error {
		c.now = func() time.Time { return now.Add(after) }
		_, err := c.Sessions.Verify(t.Context(), token)
		return err
	}
	if err := verify(0); err != nil {
		t.Fatal(err)
	}
	i.down.Store(true)
	if err := verify(23 * time.Hour); err != nil {
		t.Errorf("after 23 hours: %v", err)
	}
	var bad *TokenError
	if err := verify(25 * time.Hour); err == nil || errors.As(err, &bad) {
		t.Errorf("after 25 hours: %v", err)
	}
}

func TestAFetchOfKeysHoldsUpOnlyWhoNeedsIt(t *testing.T) {
	t.Parallel()
	i, now := newIssuer(t), time.Unix(1_900_000_000, 0)
	i.hidden.Store(true)
	c := i.client(now)
	former, good := i.sign(t, now, map[string]any{"kid": "former"}, nil), i.sign(t, now, nil, nil)
	if _, err := c.Sessions.Verify(t.Context(), former); err != nil {
		t.Fatal(err)
	}
	i.hold = make(chan struct{})
	i.hidden.Store(false)
	done := make(chan error)
	for range 8 { // a new key, which all of them meet at once
		go func() {
			_, err := c.Sessions.Verify(t.Context(), good)
			done <- err
		}()
	}
	for i.fetches.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := c.Sessions.Verify(t.Context(), former); err != nil {
		t.Errorf("a token of a known key: %v", err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Sessions.Verify(impatient, good); !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves: %v", err)
	}
	close(i.hold)
	for range 8 {
		if err := <-done; err != nil {
			t.Errorf("a token of the new key: %v", err)
		}
	}
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "99999999999": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q is %v", text, got)
		}
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {later}}); got < 59*time.Minute || got > time.Hour {
		t.Errorf("%s is %v", later, got)
	}
}

func TestWaitsGrowWithJitterUpToTheLongest(t *testing.T) {
	t.Parallel()
	c := New("sk_test_x", Retries(10), LongestWait(3*time.Second))
	lost := &ConnectionError{sent: true}
	for try, milliseconds := range []int{250, 500, 1000, 2000, 3000, 3000} {
		most := time.Duration(milliseconds) * time.Millisecond
		seen := map[time.Duration]bool{}
		for range 50 {
			wait, again := c.waitAfter(lost, try, true)
			if !again || wait > most || wait < min(most/2, 1500*time.Millisecond) {
				t.Errorf("try %d: %v %v", try, wait, again)
			}
			seen[wait] = true
		}
		if len(seen) < 10 && milliseconds < 3000 {
			t.Errorf("try %d: the waits are %s", try, strings.Join(strings.Fields(fmt.Sprint(seen)), " "))
		}
	}
	if _, again := c.waitAfter(lost, 10, true); again {
		t.Error("it is tried an eleventh time")
	}
}
