package clerk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/emailaddress"
	"github.com/clerk/clerk-sdk-go/v2/jwks"
	"github.com/clerk/clerk-sdk-go/v2/jwttemplate"
	"github.com/clerk/clerk-sdk-go/v2/session"
	"github.com/clerk/clerk-sdk-go/v2/user"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

const (
	appName       = "end-user-api"
	secretKey     = "sk_test_sandbox"
	webhookSecret = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC1vZi1hLXRlc3Q="
	password      = "correct horse battery"
)

// bundle is a running sandbox and Clerk's SDK pointed at it.
type bundle struct {
	*clerk.Server
	users     *user.Client
	sessions  *session.Client
	emails    *emailaddress.Client
	templates *jwttemplate.Client
	jwks      *jwks.Client
}

func config(changes ...func(*clerk.Config)) clerk.Config {
	cfg := clerk.Config{Apps: []clerk.App{{
		Name: appName, SecretKey: secretKey, WebhookSecret: webhookSecret,
		JWTTemplates: map[string]map[string]any{"end-user-api": {
			"publishableKey": "{{user.public_metadata.publishableKey}}",
			"plan":           "{{user.public_metadata.plan}}",
		}},
	}}}
	for _, change := range changes {
		change(&cfg)
	}
	return cfg
}

func setup(t *testing.T, changes ...func(*clerk.Config)) *bundle {
	t.Helper()
	server, err := clerk.Start(t.Context(), config(changes...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, server.Close()) })
	return connect(server, secretKey)
}

func connect(server *clerk.Server, key string) *bundle {
	cfg := &sdk.ClientConfig{BackendConfig: sdk.BackendConfig{URL: sdk.String(server.URL() + "/v1"), Key: &key, HTTPClient: &http.Client{}}}
	return &bundle{Server: server, users: user.NewClient(cfg), sessions: session.NewClient(cfg), emails: emailaddress.NewClient(cfg),
		templates: jwttemplate.NewClient(cfg), jwks: jwks.NewClient(cfg)}
}

func (b *bundle) newUser(t *testing.T, email string, changes ...func(*user.CreateParams)) *sdk.User {
	t.Helper()
	params := &user.CreateParams{EmailAddresses: &[]string{email}, Password: sdk.String(password)}
	for _, change := range changes {
		change(params)
	}
	u, err := b.users.Create(t.Context(), params)
	must(t, err)
	return u
}

func (b *bundle) newSession(t *testing.T, userID string) *sdk.Session {
	t.Helper()
	s, err := b.sessions.Create(t.Context(), &session.CreateParams{UserID: userID})
	must(t, err)
	return s
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
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func raw(s string) *json.RawMessage { return sdk.JSONRawMessage(json.RawMessage(s)) }

// wantError checks an error of the SDK: its status, code and parameter.
func wantError(t *testing.T, err error, status int, code, param string) {
	t.Helper()
	var api *sdk.APIErrorResponse
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want Clerk's error %s", err, code)
	}
	var meta struct {
		ParamName string `json:"param_name"`
	}
	if api.Errors[0].Meta != nil {
		must(t, json.Unmarshal(api.Errors[0].Meta, &meta))
	}
	equal(t, "status", api.HTTPStatusCode, status)
	equal(t, "code", api.Errors[0].Code, code)
	equal(t, "param_name", meta.ParamName, param)
	if api.TraceID == "" || api.Errors[0].LongMessage == "" || api.Errors[0].Message == "" {
		t.Errorf("the error lacks a trace id or a message: %v", err)
	}
}

// call makes a request as curl would and decodes the answer, if it is wanted.
func (b *bundle) call(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.URL()+path, bytes.NewBufferString(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+secretKey)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s %s answered %s", method, path, answer)
		}
	}
	return resp.StatusCode
}

// delivery is a webhook request whose signature has been verified.
type delivery struct {
	ID, Host  string
	Type      string          `json:"type"`
	Object    string          `json:"object"`
	Instance  string          `json:"instance_id"`
	Timestamp int64           `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
	Attribute json.RawMessage `json:"event_attributes"`
}

// receiver is a webhook endpoint. It answers with the statuses it was given,
// one after the other, and then with 204.
type receiver struct {
	url        string
	deliveries chan delivery
}

func receive(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{deliveries: make(chan delivery, 100)}
	verifier, err := standardwebhooks.NewWebhook(webhookSecret)
	must(t, err)
	answers := make(chan int, len(statuses))
	for _, status := range statuses {
		answers <- status
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		for _, name := range []string{"id", "timestamp", "signature"} {
			req.Header.Set("webhook-"+name, req.Header.Get("svix-"+name))
		}
		if err := verifier.Verify(body, req.Header); err != nil {
			t.Errorf("event's signature: %v", err)
		}
		d := delivery{ID: req.Header.Get("svix-id"), Host: req.Host}
		if err := json.Unmarshal(body, &d); err != nil {
			t.Errorf("event: %v", err)
		}
		r.deliveries <- d
		select {
		case status := <-answers:
			w.WriteHeader(status)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// sends makes a sandbox deliver to the receiver, with quick retries.
func (r *receiver) sends(cfg *clerk.Config) {
	cfg.Apps[0].WebhookURL = r.url
	cfg.Retries = []time.Duration{time.Millisecond}
}

// next waits for a delivery.
func (r *receiver) next(t *testing.T) delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case d := <-r.deliveries:
		return d
	case <-ctx.Done():
		t.Fatal("no event was delivered")
		return delivery{}
	}
}
