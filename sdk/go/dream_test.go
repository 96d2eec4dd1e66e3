package dream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
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

// answerer answers requests by itself.
type answerer func(*http.Request) (*http.Response, error)

func (f answerer) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhoLeavesJustAsTheAnswerComesIsToldSo(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"to an answer": func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"1800"}}, Body: io.NopCloser(strings.NewReader("busy")), Request: r,
			}, nil
		},
		"to none": func(r *http.Request) (*http.Response, error) { return nil, r.Context().Err() },
	} {
		ctx, leave := context.WithCancel(t.Context())
		tries := 0
		c := New("sk_test_abc", BaseURL("https://api.example.com"), LongestWait(time.Hour), HTTPClient(&http.Client{
			Transport: answerer(func(r *http.Request) (*http.Response, error) {
				tries++
				leave()
				return answer(r)
			}),
		}))
		_, err := c.Track(ctx, "eve")
		if !errors.Is(err, context.Canceled) || strings.Count(err.Error(), context.Canceled.Error()) != 1 || tries != 1 {
			t.Errorf("%s, after %d tries: %v", name, tries, err)
		}
	}
}
