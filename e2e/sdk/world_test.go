package sdk

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
	dream "github.com/dream-api/dream-api/sdk/go"
)

// world is a running program with a platform, and the network to it.
type world struct {
	*program.Process
	facts     program.Facts
	dir, port string
	proxy     *proxy
	rotations chan chan struct{} // who asks for another signing key, and is told when there is one
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: program.Folder(t), rotations: make(chan chan struct{})}
	w.start(t, "0")
	w.proxy = newProxy(t, "127.0.0.1:"+w.port)
	return w
}

func (w *world) start(t *testing.T, port string) {
	t.Helper()
	cmd := program.DevCommand(w.dir)
	cmd.Env = program.Environ(map[string]string{"PORT": port, "DEVELOPER_FREE_CALLS": "1000"})
	w.Process, w.facts = program.StartDev(t, cmd)
	_, w.port, _ = cutLast(w.facts.APIURL, ":")
}

// rotate starts the program again, with another key that signs session tokens.
func (w *world) rotate(t *testing.T) {
	t.Helper()
	w.Interrupt(t)
	w.ExitCode(t)
	path := filepath.Join(w.dir, ".dreamapi", "keys")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fresh [32]byte
	_, _ = rand.Read(fresh[:])
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(fresh[:])+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start(t, w.port)
}

// client is one of the platform's backend, which speaks through the proxy.
func (w *world) client(options ...dream.Option) *dream.Client {
	return w.clientOf(w.facts.Demo.SecretKey, options...)
}

func (w *world) clientOf(key string, options ...dream.Option) *dream.Client {
	usual := []dream.Option{dream.BaseURL(w.proxy.url), dream.Issuer(w.facts.APIURL), dream.PublishableKeys(w.facts.Demo.PublishableKey)}
	return dream.New(key, append(usual, options...)...)
}

// ask makes a request of another part of the program, and returns the answer as JSON.
func ask(method, address, token string, body any, header map[string]string) (answer map[string]any, err error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, address, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	client := program.Client("127.0.0.1:" + at.Port())
	defer client.CloseIdleConnections()
	got, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		return nil, err
	}
	if got.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s answers %d: %s", method, address, got.StatusCode, raw)
	}
	return answer, json.Unmarshal(raw, &answer)
}

// developer calls the developer API below the platform's path.
func (w *world) developer(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	got, err := ask(method, w.facts.DashboardURL+"/api/platforms/"+w.facts.Demo.PlatformID+path, w.facts.Demo.DeveloperToken, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// endUsersKey opens the shared Clerk app of any sandbox.
const endUsersKey = "sk_test_sandbox_end_users"

// signInAt has somebody new, a customer whom the backend makes, sign in at the address of a sign-in, as a browser would. It
// returns where they are sent.
func (w *world) signInAt(email, address string) (location string, err error) {
	at := func(path string, body any, header map[string]string, field string) string {
		if err != nil {
			return ""
		}
		var got map[string]any
		got, err = ask(http.MethodPost, w.facts.ClerkSandboxURL+path, endUsersKey, body, header)
		text, _ := got[field].(string)
		return text
	}
	made, err := ask(http.MethodPost, w.facts.APIURL+"/api/customers", w.facts.Demo.SecretKey, map[string]any{"email": email}, nil)
	if err != nil {
		return "", err
	}
	customer, _ := made["customer"].(map[string]any)
	session := at("/v1/sessions", map[string]any{"user_id": customer["id"]}, nil, "id")
	token := at("/v1/sessions/"+session+"/tokens", struct{}{}, map[string]string{"Origin": w.facts.APIURL}, "jwt")
	if err != nil {
		return "", err
	}
	page, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, w.facts.APIURL+page.RequestURI(), strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	client := program.Client("127.0.0.1:" + w.port)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	got, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = got.Body.Close() }()
	if location = got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || location == "" {
		text, _ := io.ReadAll(got.Body)
		return "", fmt.Errorf("the sign-in is answered %d: %s", got.StatusCode, text)
	}
	return location, nil
}

// cutLast cuts around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
