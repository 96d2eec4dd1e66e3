package main

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/dream-api/dream-api/internal/secret"
)

// logs collects what the program logs.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is what was logged so far.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// explain shows what the log says of a request.
func (w *world) explain(t testing.TB, requestID string) {
	t.Helper()
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, requestID) {
			t.Logf("%.2000s", line)
		}
	}
}

// secrets are those that went over the wire.
type secrets struct {
	mu  sync.Mutex
	all map[string]bool
}

var (
	passwordForm = regexp.MustCompile(`"password":\s*"([^"]{8,})"`)
	secretForm   = regexp.MustCompile(`\b(?:sk_(?:test|live)_|dk_)[0-9A-Za-z]{49}`)
)

func (s *secrets) inRequest(bearer, body string) {
	if len(bearer) > 20 && !strings.HasPrefix(bearer, "pk_") {
		s.add(bearer)
	}
	for _, found := range passwordForm.FindAllStringSubmatch(body, -1) {
		s.add(found[1])
	}
}

func (s *secrets) inAnswer(body string) {
	for _, found := range secretForm.FindAllString(body, -1) {
		s.add(found)
	}
}

func (s *secrets) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]bool{}
		for _, own := range []secret.Text{
			sandboxCustomerKey, sandboxDeveloperKey, sandboxStripeKey, sandboxStripeTestKey, sandboxStripeOwn, sandboxStripeConnect,
			sandboxStripePreview,
		} {
			s.all[own.Reveal()] = true
		}
	}
	s.all[text] = true
}

func (s *secrets) mustNotBeIn(t testing.TB, log string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := range s.all {
		if strings.Contains(log, text) {
			t.Errorf("the log holds the secret %s…", text[:12])
		}
	}
	if found := secretForm.FindString(log); found != "" {
		t.Errorf("the log holds the key %s…", found[:12])
	}
}
