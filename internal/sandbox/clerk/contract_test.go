package clerk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// The contract is Clerk's OpenAPI description of its Backend API, which is not
// ours to ship: CLERK_CONTRACT names the file. Without it TestContract has
// nothing to hold the sandbox to, and runs no subtests.
func TestContract(t *testing.T) {
	t.Parallel()
	if file := os.Getenv("CLERK_CONTRACT"); file != "" {
		t.Run("published", func(t *testing.T) { checkContract(t, file) })
	}
}

// contractCalls make up a life: {user}, {email}, {session} and {template} are
// the ids of what was created.
var contractCalls = []struct {
	method, path, body string
	status             int
	keep               string // remember the answer's id as this
}{
	{"GET", "/users", "", 200, ""},
	{"POST", "/users", `{"email_address":["ada@example.com"],"password":"correct horse battery","first_name":"Ada","external_id":"cus_1","public_metadata":{"a":1}}`, 200, "user"},
	{"POST", "/users", `{"email_address":["ada@example.com"],"password":"correct horse battery"}`, 422, ""},
	{"POST", "/users", `{"email_address":["x@example.com"],"password":"password"}`, 422, ""},
	{"POST", "/users", `{"email_address":["x@example.com"],"skip_password_requirement":true,"banned":true,"locked":true,"created_at":"2024-01-01T00:00:00Z","legal_accepted_at":"2024-01-01T00:00:00Z"}`, 200, ""},
	{"GET", "/users?limit=5&order_by=-created_at&email_address=ada@example.com", "", 200, ""},
	{"GET", "/users?order_by=shoe_size", "", 422, ""},
	{"GET", "/users/count", "", 200, ""},
	{"GET", "/users/{user}", "", 200, ""},
	{"GET", "/users/user_none", "", 404, ""},
	{"PATCH", "/users/{user}", `{"last_name":"Lovelace","public_metadata":{"b":2}}`, 200, ""},
	{"PATCH", "/users/{user}/metadata", `{"public_metadata":{"c":{"d":3}}}`, 200, ""},
	{"PUT", "/users/{user}/metadata", `{"private_metadata":{"e":4}}`, 200, ""},
	{"POST", "/users/{user}/verify_password", `{"password":"correct horse battery"}`, 200, ""},
	{"POST", "/users/{user}/lock", "", 200, ""},
	{"POST", "/users/{user}/unlock", "", 200, ""},
	{"POST", "/email_addresses", `{"user_id":"{user}","email_address":"second@example.com"}`, 200, "email"},
	{"GET", "/email_addresses/{email}", "", 200, ""},
	{"PATCH", "/email_addresses/{email}", `{"verified":true,"primary":true}`, 200, ""},
	{"DELETE", "/email_addresses/{email}", "", 200, ""},
	{"GET", "/email_addresses/{email}", "", 404, ""},
	{"PUT", "/users/{user}/email_address", `{"email_address":"third@example.com"}`, 200, ""},
	{"POST", "/sessions", `{"user_id":"{user}"}`, 200, "session"},
	{"POST", "/sessions", `{"user_id":"user_none"}`, 404, ""},
	{"GET", "/sessions/{session}", "", 200, ""},
	{"GET", "/sessions?user_id={user}&status=active", "", 200, ""},
	{"POST", "/sessions/{session}/tokens", `{"expires_in_seconds":60}`, 200, ""},
	{"POST", "/sessions/{session}/tokens/end-user-api", `{}`, 200, ""},
	{"POST", "/sessions/{session}/tokens/none", `{}`, 404, ""},
	{"GET", "/jwks", "", 200, ""},
	{"GET", "/jwt_templates", "", 200, ""},
	{"POST", "/jwt_templates", `{"name":"mine","claims":{"a":"{{user.id}}"}}`, 200, "template"},
	{"GET", "/jwt_templates/{template}", "", 200, ""},
	{"PATCH", "/jwt_templates/{template}", `{"lifetime":90}`, 200, ""},
	{"DELETE", "/jwt_templates/{template}", "", 200, ""},
	{"POST", "/sessions/{session}/revoke", "", 200, ""},
	{"POST", "/sessions/{session}/tokens", `{}`, 401, ""},
	{"POST", "/users/{user}/ban", "", 200, ""},
	{"POST", "/users/{user}/unban", "", 200, ""},
	{"DELETE", "/users/{user}", "", 200, ""},
	{"DELETE", "/users/{user}", "", 404, ""},
}

func checkContract(t *testing.T, file string) {
	b := setup(t)
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	must(t, err)
	doc.Servers = openapi3.Servers{{URL: b.URL() + "/v1"}}
	router, err := gorillamux.NewRouter(doc)
	must(t, err)
	ids := map[string]string{}
	known := func(s string) string {
		for name, id := range ids {
			s = strings.ReplaceAll(s, "{"+name+"}", id)
		}
		return s
	}
	for _, c := range contractCalls {
		name := c.method + " " + c.path
		if c.status >= 400 {
			name += fmt.Sprintf(" (%d)", c.status)
		}
		path, body := known(c.path), known(c.body)
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, b.URL()+"/v1"+path, strings.NewReader(body))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+secretKey)
			if body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			route, params, err := router.FindRoute(req)
			must(t, err)
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			answer, err := io.ReadAll(resp.Body)
			must(t, err)
			must(t, resp.Body.Close())
			equal(t, "status", resp.StatusCode, c.status)
			if c.keep != "" {
				ids[c.keep] = idOf(t, answer)
			}
			must(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
				RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: route, PathParams: params, QueryParams: url.Values{}},
				Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)),
				Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
			}))
		})
	}
}

func idOf(t *testing.T, answer []byte) string {
	t.Helper()
	var object struct{ ID string }
	must(t, json.Unmarshal(answer, &object))
	return object.ID
}
