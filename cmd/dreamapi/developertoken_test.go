package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheOperatorMakesATokenForADeveloper(t *testing.T) {
	t.Parallel()
	w := boot(t)
	w.atClerk(t, developersApp, "POST /v1/users", `{"email_address":["op@dev.example"],"skip_password_requirement":true}`).want(t, 200)

	var out bytes.Buffer
	ask := func(args ...string) error {
		return run(t.Context(), append([]string{"developer-token", "--unsafe-sandbox"}, args...), w.environ(), &out, &out)
	}
	must(t, ask("op@dev.example"))
	token := strings.TrimSpace(out.String())
	w.known.add(token)
	w.dash(t, "GET /api/me", token, "").want(t, 200).expect(t, "developer.email", "op@dev.example")

	if err := ask("nobody@dev.example"); err == nil || !strings.Contains(err.Error(), "nobody has signed up") {
		t.Errorf("for somebody unknown: %v", err)
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "takes the email") {
		t.Errorf("without an email: %v", err)
	}
}
