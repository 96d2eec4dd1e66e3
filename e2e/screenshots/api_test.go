//go:build screenshots

package screenshots

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// api calls the customer surface with a secret key.
type api struct{ url, host, key string }

func apiOf(dev program.Facts, key string) api {
	at, err := url.Parse(dev.APIURL)
	if err != nil {
		panic(err) // dev wrote it
	}
	return api{"http://127.0.0.1:" + at.Port(), at.Host, key}
}

func (a api) post(t *testing.T, path, user, body string) map[string]any {
	t.Helper()
	return a.do(t, http.MethodPost, path, user, body)
}

// customer is the id of the one with that address.
func (a api) customer(t *testing.T, email string) string {
	t.Helper()
	list := a.do(t, http.MethodGet, "/api/customers?email="+url.QueryEscape(email), "", "")["data"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d customers have the address %s", len(list), email)
	}
	return list[0].(map[string]any)["id"].(string)
}

func (a api) do(t *testing.T, method, path, user, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = a.host
	req.Header.Set("Authorization", "Bearer "+a.key)
	if user != "" {
		req.Header.Set("X-User-Id", user)
	}
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode >= 300 {
		t.Fatalf("%s answered %d: %s %v", path, got.StatusCode, text, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
