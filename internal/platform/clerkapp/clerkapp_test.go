package clerkapp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/clerk/clerk-sdk-go/v2"

	"github.com/dream-api/dream-api/internal/errs"
)

func TestFrontendHost(t *testing.T) {
	t.Parallel()
	encode := func(host string) string { return base64.StdEncoding.EncodeToString([]byte(host)) }
	for key, want := range map[string]string{
		"pk_live_" + encode("clerk.example.com$"):                           "clerk.example.com",
		"pk_test_" + encode("x.clerk.accounts.dev$"):                        "x.clerk.accounts.dev",
		"pk_test_" + strings.TrimRight(encode("a.clerk.localhost:1$"), "="): "a.clerk.localhost:1",
	} {
		if got, err := FrontendHost(key); got != want || err != nil {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	for _, key := range []string{"", "pk_live_", "pk_live_!", "sk_live_" + encode("a$"), "pk_live_" + encode("no end"), "pk_live_" + encode("$")} {
		if got, err := FrontendHost(key); err == nil {
			t.Errorf("%s is taken for the key of %q", key, got)
		}
	}
}

func TestARefusalOfClerksIsPutIntoOurWords(t *testing.T) {
	t.Parallel()
	answer := func(status int, code, param string) error {
		meta, err := json.Marshal(map[string]string{"param_name": param})
		if err != nil {
			t.Fatal(err)
		}
		return &clerk.APIErrorResponse{HTTPStatusCode: status, Errors: []clerk.Error{{Code: code, Message: "theirs", LongMessage: "theirs", Meta: meta}}}
	}
	for name, c := range map[string]struct {
		err  error
		is   error
		code errs.Code
	}{
		"email taken":        {answer(422, "form_identifier_exists", "email_address"), ErrEmailTaken, ""},
		"external id taken":  {answer(422, "form_identifier_exists", "external_id"), ErrExternalIDTaken, ""},
		"not found":          {answer(404, "resource_not_found", ""), ErrNotFound, ""},
		"404 of any kind":    {answer(404, "whatever", ""), ErrNotFound, ""},
		"a breached one":     {answer(422, "form_password_pwned", "password"), nil, errs.PasswordRefused},
		"a short one":        {answer(422, "form_password_length_too_short", "password"), nil, errs.PasswordRefused},
		"no address":         {answer(422, "form_param_format_invalid", "email_address"), nil, errs.InvalidRequest},
		"too many":           {answer(429, "rate_limit_exceeded", ""), nil, errs.Unavailable},
		"broken":             {answer(500, "internal", ""), nil, errs.Unavailable},
		"our key is refused": {answer(401, "clerk_key_invalid", ""), nil, errs.UpstreamFailed},
		"something new":      {answer(422, "form_param_unknown", "x"), nil, errs.UpstreamFailed},
		"no answer":          {errors.New("dial tcp: connection refused"), nil, errs.Unavailable},
	} {
		got := refusal(c.err)
		if c.is != nil && !errors.Is(got, c.is) || c.code != "" && !errs.Is(got, c.code) {
			t.Errorf("%s: %v", name, got)
		}
		var ours *errs.Error
		if errors.As(got, &ours) && strings.Contains(ours.Message, "theirs") {
			t.Errorf("%s passes Clerk's words on: %s", name, ours.Message)
		}
	}
}
