package tenant_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/dream-api/dream-api/internal/tenant"
)

const issuer = "https://api.example.com"

var (
	masterA = bytes.Repeat([]byte{1}, 32)
	masterB = bytes.Repeat([]byte{2}, 32)
)

// process is one that signs and verifies, with a clock of its own.
type process struct {
	*tenant.SigningKeys
	now time.Time
}

func newProcess(now string, masters ...[]byte) *process {
	p := &process{}
	p.now, _ = time.Parse(time.RFC3339, now)
	p.SigningKeys = tenant.NewSigningKeys(issuer, func() time.Time { return p.now }, masters...)
	return p
}

func (p *process) sign(t *testing.T) string {
	t.Helper()
	token, err := p.Sign(&tenant.SessionClaims{Customer: "user_1", PublishableKey: "pk_1", Session: "uss_1", Plan: "free"}, p.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (p *process) takes(t *testing.T, what, token string, want bool) {
	t.Helper()
	claims, ours, err := p.Verify(token)
	if got := ours && err == nil; got != want {
		t.Errorf("%s at %s: taken %v (%v), want %v", what, p.now, got, err, want)
	} else if got && (claims.Customer != "user_1" || claims.PublishableKey != "pk_1" || claims.Session != "uss_1") {
		t.Errorf("%s says %+v", what, claims)
	}
}

func (p *process) kids(t *testing.T) []string {
	t.Helper()
	raw, err := p.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, key := range set.Keys {
		if key["d"] != "" {
			t.Fatal("the JWKS holds a private key")
		}
		kids = append(kids, key["kid"])
	}
	return kids
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var header struct{ Kid string }
	if err != nil || json.Unmarshal(raw, &header) != nil {
		t.Fatal(err)
	}
	return header.Kid
}

func TestEachMonthHasAKeyWhichIsPublishedAMonthBeforeAndAfter(t *testing.T) {
	t.Parallel()
	p := newProcess("2030-12-31T23:59:30Z", masterA)
	before := p.kids(t)
	token := p.sign(t)
	next := newProcess("2031-01-01T00:00:10Z", masterA)
	if after := next.sign(t); kidOf(t, after) == kidOf(t, token) || !slices.Contains(before, kidOf(t, after)) {
		t.Error("the key of January was not published in December, or is December's")
	} else {
		p.takes(t, "a token of a clock that is ahead", after, false) // issued in the future: more than the skew
		p.now = p.now.Add(20 * time.Second)
		p.takes(t, "a token of a clock that is a little ahead", after, true)
	}
	next.takes(t, "a token of the month before", token, true)
	next.now = next.now.AddDate(0, 2, 0)
	if slices.Contains(next.kids(t), kidOf(t, token)) {
		t.Error("a key is published for ever")
	}
	if len(before) != 3 {
		t.Errorf("%d keys are published", len(before))
	}
	if again := newProcess("2030-12-31T10:00:00Z", masterA); !slices.Equal(again.kids(t), before) {
		t.Error("another process has other keys")
	}
}

func TestAChangeOfTheMasterRefusesNobodyMeanwhile(t *testing.T) {
	t.Parallel()
	const at = "2031-05-05T05:05:05Z"
	old, overlap, swapped, done := newProcess(at, masterA), newProcess(at, masterA, masterB), newProcess(at, masterB, masterA), newProcess(at, masterB)
	overlap.takes(t, "old's", old.sign(t), true)
	old.takes(t, "overlap's", overlap.sign(t), true)
	swapped.takes(t, "overlap's", overlap.sign(t), true)
	overlap.takes(t, "swapped's", swapped.sign(t), true)
	done.takes(t, "swapped's", swapped.sign(t), true)
	old.takes(t, "done's", done.sign(t), false)
	done.takes(t, "old's", old.sign(t), false)
}

func TestATokenIsTakenOnlyAsItWasSigned(t *testing.T) {
	t.Parallel()
	p := newProcess("2031-05-05T05:05:05Z", masterA)
	token := p.sign(t)
	p.takes(t, "a token", token, true)
	parts := strings.Split(token, ".")
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	claims := map[string]any{"iss": issuer, "sub": "user_1", "aud": "pk_1", "sid": "uss_1", "iat": p.now.Unix(), "exp": p.now.Add(time.Minute).Unix()}
	other := map[string]any{"sub": "user_2"}
	for k, v := range claims {
		if other[k] == nil {
			other[k] = v
		}
	}
	none := encode(map[string]any{"alg": "none", "kid": kidOf(t, token)})
	for what, forged := range map[string]string{
		"another's subject":   parts[0] + "." + encode(other) + "." + parts[2],
		"alg none":            none + "." + encode(claims) + ".",
		"no signature":        parts[0] + "." + parts[1] + ".",
		"a changed signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"a piece":             parts[0] + "." + parts[1],
		"JSON form":           `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"nothing":             "",
	} {
		p.takes(t, what, forged, false)
	}
	// The public key is no shared secret.
	for _, algorithm := range []jose.SignatureAlgorithm{jose.HS256} {
		raw, err := p.JWKS()
		if err != nil {
			t.Fatal(err)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: raw}, (&jose.SignerOptions{}).WithHeader("kid", kidOf(t, token)))
		if err != nil {
			t.Fatal(err)
		}
		forged, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		p.takes(t, string(algorithm), forged, false)
	}

	elsewhere := tenant.NewSigningKeys("https://other.example.com", func() time.Time { return p.now }, masterA)
	foreign, err := elsewhere.Sign(&tenant.SessionClaims{Customer: "user_1", PublishableKey: "pk_1", Session: "uss_1"}, p.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p.takes(t, "another issuer's, by the same key", foreign, false)

	p.now = p.now.Add(tenant.TokenLife - time.Second)
	p.takes(t, "a token in its last second", token, true)
	p.now = p.now.Add(time.Second)
	p.takes(t, "a token that is over", token, false)
	short, err := p.Sign(&tenant.SessionClaims{Customer: "user_1", PublishableKey: "pk_1", Session: "uss_1"}, p.now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(time.Minute)
	p.takes(t, "a token of a session that is over", short, false)
}
