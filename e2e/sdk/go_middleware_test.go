package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	dream "github.com/dream-api/dream-api/sdk/go"
)

func middleware(t *testing.T, w *world) {
	c := w.client(dream.Retries(0))
	eve := newCustomer(t, c, "free")
	served := 0
	var refused []error
	count := dream.WithLimit(c, func(r *http.Request) string { return r.Header.Get("X-Me") }, dream.Quantity(8))
	shop := httptest.NewServer(count(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		served++
		_, _ = fmt.Fprint(rw, dream.UsageOf(r.Context()).Count)
	})))
	defer shop.Close()
	get := func(me string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, shop.URL, nil)
		must(t, err)
		req.Header.Set("X-Me", me)
		req.Header.Set("Idempotency-Key", "theirs") // which must not make two calls one
		got, err := http.DefaultClient.Do(req)
		must(t, err)
		defer func() { _ = got.Body.Close() }()
		text, err := io.ReadAll(got.Body)
		must(t, err)
		return got.StatusCode, string(text), got.Header
	}
	for want, text := range []string{"8", "16"} {
		if status, body, _ := get(eve.ID); status != 200 || body != text || served != want+1 {
			t.Errorf("call %d: %d %s", want, status, body)
		}
	}
	status, body, header := get(eve.ID)
	if status != 402 || !strings.Contains(body, `"code":"tier_limit_reached"`) || !strings.Contains(body, `"remaining":4`) || served != 2 ||
		header.Get("Content-Type") != "application/json" {
		t.Errorf("beyond the limit: %d %s", status, body)
	}
	if status, body, _ := get(""); status != 401 || served != 2 {
		t.Errorf("nobody: %d %s", status, body)
	}
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 503, RetryAfter: 7})
	if status, body, header := get(eve.ID); status != 503 || served != 2 || header.Get("Retry-After") != "7" || strings.Contains(body, "127.0.0.1") {
		t.Errorf("while it can not be counted: %d %s %v", status, body, header)
	}
	own := dream.WithLimit(c, func(*http.Request) string { return eve.ID }, dream.OnRefusal(func(rw http.ResponseWriter, _ *http.Request, err error) {
		refused = append(refused, err)
		rw.WriteHeader(http.StatusTeapot)
	}), dream.Quantity(100))(http.NotFoundHandler())
	rec := httptest.NewRecorder()
	own.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	var limit *dream.TierLimitError
	if rec.Code != http.StatusTeapot || len(refused) != 1 || !errors.As(refused[0], &limit) {
		t.Errorf("an answer of one's own: %d %v", rec.Code, refused)
	}
	equal(t, "counted", w.counted(t, eve.ID), 16)
}

func keepsItsSecrets(t *testing.T, w *world) {
	c := w.client(dream.Retries(0))
	key := w.facts.Demo.SecretKey
	w.proxy.arm(fault{Request: "GET /api/tiers", Kind: drop, Times: 100}) // net/http itself repeats some
	_, dropped := c.Tiers(t.Context())
	w.proxy.forget()
	_, refused := w.client(dream.BaseURL("http://127.0.0.1:1")).Tiers(t.Context())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, ended := c.Tiers(canceled)
	odd := dream.New(key + "\nX: y")
	_, invalid := odd.Tiers(t.Context())
	user := c.As("very.secret.token")
	for what, value := range map[string]any{
		"dropped": dropped, "refused": refused, "ended": ended, "invalid": invalid, "the client": c, "the client itself": *c, "the user": user, "the user itself": *user,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, key[8:]) || strings.Contains(text, "very.secret") {
				t.Errorf("%s by %s tells the secret: %s", what, verb, text)
			}
		}
	}
	if dropped == nil || refused == nil || ended == nil || invalid == nil {
		t.Error("what must fail does not")
	}
	// A redirect does not take the key along.
	var took string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { took = r.Header.Get("Authorization") }))
	defer thief.Close()
	door := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer door.Close()
	if _, err := w.client(dream.BaseURL(door.URL)).Tiers(t.Context()); err == nil || took != "" {
		t.Errorf("a redirect is followed: %v %q", err, took)
	}
}
