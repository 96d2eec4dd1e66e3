package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// Who follows the guide to the sign-in, with a browser beside the shell, gets what it says.
func TestTheLinesOfTheGuideToSignInDoWhatItSays(t *testing.T) {
	t.Parallel()
	guide := read(t, "../docs/auth.md")
	d := startDev(t, program.Folder(t))
	product := strings.TrimPrefix(newShopPages(t), "http://")
	shell, blocks := d.shellOf(guide, "localhost:4000", product)
	typed, hand := io.Pipe()
	shell.Stdin = typed
	p := program.Start(t, shell)
	t.Cleanup(func() { _ = hand.Close() })

	var link string
	p.Await(t, "address of the sign-up", func() bool {
		_, after, _ := strings.Cut(p.Out.String(), "/sign-up?")
		query, _, whole := strings.Cut(after, "\n")
		link = "http://localhost:" + d.port + "/sign-up?" + query
		return whole
	})
	b := browser.New(t, true)
	b.Open(t, link)
	b.Press(t, "Continue with your email")
	b.Fill(t, "Email address", "eve@example.com", "Password", evesPassword)
	b.Press(t, "Sign up")
	b.AwaitAt(t, product+"/callback?code=")
	back, err := url.Parse(b.Where())
	if err != nil {
		t.Fatal(err)
	}
	if state := back.Query().Get("state"); state != "xyz" {
		t.Errorf("the state comes back as %q", state)
	}
	if _, err := io.WriteString(hand, back.Query().Get("code")+"\n"); err != nil {
		t.Fatal(err)
	}
	_ = hand.Close()
	if code := p.ExitCode(t); code != 0 {
		t.Fatalf("the shell ends with %d:\n%s\n%s", code, p.Out.String(), p.Log.String())
	}

	type tokens struct {
		Token, RefreshToken, SessionID string
		Customer                       struct{ Email, Plan string }
	}
	answer := func(command string, into any) {
		t.Helper()
		decode(t, outputOf(t, blocks, p.Out.String(), command), into)
	}
	var first, next tokens
	answer("read -r CODE", &first)
	answer("/api/sessions/refresh", &next)
	if first.Token == "" || first.Customer.Email != "eve@example.com" || first.Customer.Plan != "free" {
		t.Errorf("the code is traded for %+v", first)
	}
	if next.RefreshToken == "" || next.RefreshToken == first.RefreshToken || next.SessionID != first.SessionID {
		t.Errorf("the refresh gives %+v after %+v", next, first)
	}
	var counted struct{ Usage struct{ Count int } }
	if answer("/api/data", &counted); counted.Usage.Count != 1 {
		t.Errorf("the call is counted as %+v", counted)
	}
	var left struct{ Success bool }
	if answer("/api/sessions/revoke", &left); !left.Success {
		t.Error("the session is not ended")
	}
	d.must(t, http.StatusUnauthorized, get("/api/usage").as(next.Token))
	var invited struct {
		URL        string
		Invitation struct{ Email, Plan, State string }
	}
	if answer("/api/invitations", &invited); !strings.Contains(invited.URL, "/sign-up?invitation=") || invited.Invitation.Plan != "pro" {
		t.Errorf("the invitation is %+v", invited)
	}
}
