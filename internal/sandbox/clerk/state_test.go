package clerk_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwttemplate"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestStateSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	first, err := clerk.Start(t.Context(), config(func(cfg *clerk.Config) { cfg.Dir = dir }))
	must(t, err)
	before := connect(first, secretKey)
	u := before.newUser(t, "ada@example.com", func(p *user.CreateParams) { p.PublicMetadata = raw(`{"big":9007199254740993}`) })
	s := before.newSession(t, u.ID)
	token := before.token(t, s.ID, "")

	// What was answered is on the disk already: nothing waits for Close.
	written, err := os.ReadFile(filepath.Join(dir, "clerk.json"))
	must(t, err)
	if !strings.Contains(string(written), s.ID) || strings.Contains(string(written), password) {
		t.Error("the state lacks the session, or holds a plain password")
	}
	info, err := os.Stat(filepath.Join(dir, "clerk.json"))
	must(t, err)
	equal(t, "mode", info.Mode().Perm(), 0o600)
	must(t, first.Close())
	must(t, first.Close())

	after := setup(t, func(cfg *clerk.Config) {
		cfg.Dir, cfg.Addr = dir, strings.TrimPrefix(first.URL(), "http://")
	})
	again, err := after.users.Get(t.Context(), u.ID)
	must(t, err)
	equal(t, "metadata", string(again.PublicMetadata), `{"big":9007199254740993}`)
	_, err = after.users.VerifyPassword(t.Context(), &user.VerifyPasswordParams{UserID: u.ID, Password: password})
	must(t, err)
	after.verify(t, token)
	after.verify(t, after.token(t, s.ID, appName))
	list, err := after.templates.List(t.Context(), &jwttemplate.ListParams{})
	must(t, err)
	equal(t, "templates", list.TotalCount, 1)

	left, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	equal(t, "files", len(left), 1)
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	damaged := t.TempDir()
	must(t, os.WriteFile(filepath.Join(damaged, "clerk.json"), []byte(`{"apps":`), 0o600))
	for name, change := range map[string]func(*clerk.Config){
		"a damaged state":     func(cfg *clerk.Config) { cfg.Dir = damaged },
		"a public address":    func(cfg *clerk.Config) { cfg.Addr = "0.0.0.0:0" },
		"a bad name":          func(cfg *clerk.Config) { cfg.Apps[0].Name = "Not a label" },
		"no secret key":       func(cfg *clerk.Config) { cfg.Apps[0].SecretKey = "" },
		"a bad secret":        func(cfg *clerk.Config) { cfg.Apps[0].WebhookSecret = "whsec_?" },
		"an unsigned webhook": func(cfg *clerk.Config) { cfg.Apps[0].WebhookSecret, cfg.Apps[0].WebhookURL = "", "http://localhost" },
		"two of a name":       func(cfg *clerk.Config) { cfg.Apps = append(cfg.Apps, cfg.Apps[0]) },
		"a reserved claim": func(cfg *clerk.Config) {
			cfg.Apps[0].JWTTemplates = map[string]map[string]any{"bad": {"sub": "me"}}
		},
	} {
		if server, err := clerk.Start(t.Context(), config(change)); err == nil {
			must(t, server.Close())
			t.Errorf("started with %s", name)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	port := b.URL()[strings.LastIndex(b.URL(), ":"):]
	equal(t, "issuer", b.Issuer(appName), "http://end-user-api.clerk.localhost"+port)
	host, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(b.PublishableKey(appName), "pk_test_"))
	must(t, err)
	equal(t, "publishable key", string(host), "end-user-api.clerk.localhost"+port+"$")
	equal(t, "issuer of nobody", b.Issuer("nobody"), "")
	_, err = b.users.Create(t.Context(), &user.CreateParams{EmailAddresses: &[]string{"a@example.com"}, SkipPasswordRequirement: sdk.Bool(true)})
	must(t, err)
}
