package dream

import (
	"strings"
	"testing"
)

func TestAKeyGoesNowhereThatWasNotNamed(t *testing.T) {
	t.Setenv("DREAM_API_URL", "")
	if _, err := New("sk_test_abc").Tiers(t.Context()); err == nil || !strings.Contains(err.Error(), "set DREAM_API_URL") {
		t.Errorf("without an address: %v", err)
	}
	t.Setenv("DREAM_API_URL", "https://api.example.com/")
	if c := New("sk_test_abc"); c.base != "https://api.example.com" || c.broken != nil {
		t.Errorf("the client calls %q: %v", c.base, c.broken)
	}
}
