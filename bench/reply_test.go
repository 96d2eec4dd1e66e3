package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
)

// An answer is read once all of it is there, wherever it was cut off before.
func TestAnAnswerIsReadOnceItIsWhole(t *testing.T) {
	for name, body := range map[string]string{"with a length": "Not now.", "empty": "", "in pieces": strings.Repeat("It is long. ", 1000)} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, body)
			}))
			defer server.Close()
			got, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = got.Body.Close() }()
			text, err := httputil.DumpResponse(got, true)
			if err != nil {
				t.Fatal(err)
			}
			for n := range text {
				if _, ok, err := readReply(text[:n]); ok || err != nil {
					t.Fatalf("cut off after %d bytes of %d it is %v, %v", n, len(text), ok, err)
				}
			}
			r, ok, err := readReply(text)
			if !ok || err != nil || r.status != http.StatusTooManyRequests || string(r.body) != body {
				t.Fatalf("it is %d %.50q, %v, %v", r.status, r.body, ok, err)
			}
		})
	}
}
