package id

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/big"
	"strings"
)

// KeyKind is what a key opens.
type KeyKind string

// The kinds of key.
const (
	Secret         KeyKind = "secret"      // sk_…: a developer's backend, on one platform
	Publishable    KeyKind = "publishable" // pk_…: public; names a platform and is no authority
	DeveloperToken KeyKind = "developer"   // dk_…: a developer's programs, on all the developer's platforms
)

const (
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomChars = 43 // 62^43 > 2^256
	sumChars    = 6  // 62^6 > 2^32
)

// Key is a well-formed key: a prefix, 256 random bits in base 62, and a CRC-32 of all before it, so that a typing
// error is refused without a look-up. Printing a Key shows only its hint.
type Key struct {
	Kind KeyKind
	Mode Mode // empty for a developer token
	text string
}

var prefixes = []struct {
	text string
	kind KeyKind
	mode Mode
}{
	{"sk_test_", Secret, Test},
	{"sk_live_", Secret, Live},
	{"pk_test_", Publishable, Test},
	{"pk_live_", Publishable, Live},
	{"dk_", DeveloperToken, ""},
}

// NewKey makes a key that nobody has seen before. The mode of a developer token is empty.
func NewKey(kind KeyKind, mode Mode) Key {
	for _, p := range prefixes {
		if p.kind == kind && p.mode == mode {
			var random [32]byte
			_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
			body := p.text + inBase62(new(big.Int).SetBytes(random[:]), randomChars)
			return Key{kind, mode, body + checksum(body)}
		}
	}
	panic("id: no key is both " + string(kind) + " and " + string(mode))
}

// ParseKey reads a key, and is false for anything that NewKey can not have made.
func ParseKey(s string) (Key, bool) {
	for _, p := range prefixes {
		if !strings.HasPrefix(s, p.text) {
			continue
		}
		if len(s) != len(p.text)+randomChars+sumChars {
			return Key{}, false
		}
		body, sum := s[:len(s)-sumChars], s[len(s)-sumChars:]
		if checksum(body) != sum {
			return Key{}, false
		}
		return Key{p.kind, p.mode, s}, true
	}
	return Key{}, false
}

// Reveal returns the whole key.
func (k Key) Reveal() string { return k.text }

// Hash is the SHA-256 by which a key is known to the database. The key has 256 random bits, so a slow hash would add
// nothing.
func (k Key) Hash() []byte {
	sum := sha256.Sum256([]byte(k.text))
	return sum[:]
}

// Hint is what may be shown of a key for ever: its prefix and last four characters.
func (k Key) Hint() string {
	if k.text == "" {
		return ""
	}
	return k.text[:strings.LastIndexByte(k.text, '_')+1] + "…" + k.text[len(k.text)-4:]
}

// Format implements fmt.Formatter, which covers every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.Hint()) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.Hint()) }

// MarshalText implements encoding.TextMarshaler, and so keeps the key out of JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.Hint()), nil }

func checksum(body string) string {
	var digits [sumChars]byte
	for i, n := sumChars-1, crc32.ChecksumIEEE([]byte(body)); i >= 0; i, n = i-1, n/62 {
		digits[i] = base62[n%62]
	}
	return string(digits[:])
}

func inBase62(n *big.Int, width int) string {
	digits := make([]byte, width)
	base, digit := big.NewInt(62), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		digits[i] = base62[digit.Int64()]
	}
	return string(digits)
}
