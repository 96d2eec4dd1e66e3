package tenant

import (
	"encoding/base64"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnOriginIsWhatABrowserSends(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://app.example.com", "https://app.example.com:8443", "https://localhost", "http://localhost:3000",
		"http://app.localhost", "http://127.0.0.1:5173", "http://[::1]:3000", "https://203.0.113.9"} {
		if !isOrigin(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "*", "null", "https://", "app.example.com", "https://app.example.com/", "https://app.example.com/x",
		"https://app.example.com?x", "https://app.example.com#x", "https://user@app.example.com", "https://*.example.com", "https://App.example.com",
		"HTTPS://app.example.com", "http://app.example.com", "http://localhost.evil.example", "http://notlocalhost", "ftp://app.example.com",
		"file:///x", "https://a.example https://b.example", "https://a.example,b.example", "javascript://x", " https://a.example", "https://a.example\n"} {
		if isOrigin(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestACursorComesBackFromItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC()
		id := rapid.StringMatching(`[A-Za-z0-9_.:@|-]{1,128}`).Filter(ValidUserID).Draw(t, "id")
		gotAt, gotID, err := readCursor(cursor(at, id))
		if err != nil || !gotAt.Equal(at) || gotID != id {
			t.Fatalf("%v %v %v", gotAt, gotID, err)
		}
	})
}

func TestWhatIsNoCursorIsRefused(t *testing.T) {
	t.Parallel()
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, s := range []string{"", "!", encode("2026-01-01T00:00:00Z"), encode("yesterday a"), encode("2026-01-01T00:00:00Z "), encode("2026-01-01T00:00:00Z a b"),
		encode("2026-01-01T00:00:00Z a\x00"), encode("2026-01-01T00:00:00Z \xff"), encode("99999-01-01T00:00:00Z a"), encode(" a")} {
		if at, id, err := readCursor(s); err == nil {
			t.Errorf("%q is taken for %v %q", s, at, id)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		_, id, err := readCursor(rapid.String().Draw(t, "text"))
		if err == nil && !ValidUserID(id) {
			t.Fatalf("the id %q", id)
		}
	})
}

func TestAUsersIDFitsIntoAHeaderAndAPath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"user_2x", "a", "acct:7|x@y.z", "a-b_c.d"} {
		if !ValidUserID(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{".", "..", "", " ", "a b", "a/b", "a%b", "ä", "a\n", "a\x00", "a?b", "a#b", "a'b", `a"b`} {
		if ValidUserID(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
