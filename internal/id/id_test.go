package id

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAKeyComesBackFromItsText(t *testing.T) {
	for _, p := range prefixes {
		k := NewKey(p.kind, p.mode)
		back, ok := ParseKey(k.Reveal())
		if !ok || back != k {
			t.Errorf("%s: parsed %+v, %v", k.Reveal(), back, ok)
		}
		if !strings.HasPrefix(k.Reveal(), p.text) {
			t.Errorf("%s does not begin with %s", k.Reveal(), p.text)
		}
	}
}

func TestATypingErrorIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(NewKey(Secret, Test).Reveal())
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		with := rapid.SampledFrom([]byte(base62+"_- ")).Draw(t, "with")
		if text[at] == with {
			return
		}
		text[at] = with
		if _, ok := ParseKey(string(text)); ok {
			t.Fatalf("%s is taken for a key", text)
		}
	})
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	whole := NewKey(Publishable, Live).Reveal()
	for _, s := range []string{"", "sk_test_", "sk_live", whole[1:], whole + "0", strings.ToUpper(whole), "dk_" + whole} {
		if _, ok := ParseKey(s); ok {
			t.Errorf("%q is taken for a key", s)
		}
	}
}

func TestPrintingAKeyShowsOnlyItsHint(t *testing.T) {
	k := NewKey(Secret, Live)
	encoded, err := json.Marshal(map[string]any{"k": k})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %x %s", k, struct{ K Key }{k}, k, k, k, encoded)
	if middle := k.Reveal()[10:30]; strings.Contains(all, middle) || strings.Contains(all, fmt.Sprintf("%x", middle)) {
		t.Errorf("the key shows: %s", all)
	}
	if !strings.HasPrefix(k.Hint(), "sk_live_…") {
		t.Errorf("hint %q", k.Hint())
	}
}

func TestIdsHaveTheirFormAndOrder(t *testing.T) {
	form := regexp.MustCompile(`^plt_[0-9a-hjkmnp-tv-z]{26}$`)
	before := NewPlatform()
	for range 1000 {
		p := NewPlatform()
		if !form.MatchString(string(p)) {
			t.Fatalf("%s has not the form of a platform's id", p)
		}
		if p <= before {
			t.Fatalf("%s does not come after %s", p, before)
		}
		before = p
	}
}
