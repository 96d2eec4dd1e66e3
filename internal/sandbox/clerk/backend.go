package clerk

import (
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// operation is an endpoint of the Backend API: what it returns is the answer.
type operation func(t *tx, r *request) (any, error)

// request is an HTTP request whose body has been read, so that no operation
// waits for the network while it holds the mutex.
type request struct {
	*http.Request
	body []byte
}

// backend is the route table of the Backend API. Every route needs a secret key.
func (s *Server) backend() http.Handler {
	mux := http.NewServeMux()
	view := func(pattern string, op operation) { mux.HandleFunc(pattern, s.endpoint(s.view, op)) }
	change := func(pattern string, op operation) { mux.HandleFunc(pattern, s.endpoint(s.change, op)) }

	view("GET /v1/users", listUsers)
	change("POST /v1/users", createUser)
	view("GET /v1/users/count", countUsers)
	view("GET /v1/users/{id}", getUser)
	change("PATCH /v1/users/{id}", updateUser)
	change("DELETE /v1/users/{id}", deleteUser)
	change("PATCH /v1/users/{id}/metadata", mergeMetadata)
	change("PUT /v1/users/{id}/metadata", replaceMetadata)
	change("PUT /v1/users/{id}/email_address", replaceEmail)
	view("POST /v1/users/{id}/verify_password", verifyPassword)
	change("POST /v1/users/{id}/ban", banUser)
	change("POST /v1/users/{id}/unban", unbanUser)
	change("POST /v1/users/{id}/lock", lockUser)
	change("POST /v1/users/{id}/unlock", unlockUser)

	change("POST /v1/email_addresses", createEmail)
	view("GET /v1/email_addresses/{id}", getEmail)
	change("PATCH /v1/email_addresses/{id}", updateEmail)
	change("DELETE /v1/email_addresses/{id}", deleteEmail)

	view("GET /v1/sessions", listSessions)
	change("POST /v1/sessions", createSession)
	view("GET /v1/sessions/{id}", getSession)
	change("POST /v1/sessions/{id}/revoke", revokeSession)
	view("POST /v1/sessions/{id}/tokens", createToken)
	view("POST /v1/sessions/{id}/tokens/{template}", createToken)

	view("GET /v1/jwt_templates", listTemplates)
	change("POST /v1/jwt_templates", createTemplate)
	view("GET /v1/jwt_templates/{id}", getTemplate)
	change("PATCH /v1/jwt_templates/{id}", updateTemplate)
	change("DELETE /v1/jwt_templates/{id}", deleteTemplate)

	view("GET /v1/jwks", getJWKS)

	view("/v1/", func(*tx, *request) (any, error) { return nil, urlNotFound() })
	return mux
}

type runner func(a *app, from caller, f func(*tx) error) error

func (s *Server) endpoint(run runner, op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := s.authenticate(r)
		if err != nil {
			writeError(w, err)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			writeError(w, bodyInvalid())
			return
		}
		var answer any
		err = run(a, callerOf(r), func(t *tx) (err error) {
			answer, err = op(t, &request{r, body})
			return err
		})
		if err != nil {
			writeError(w, err)
			return
		}
		standin.WriteJSON(w, http.StatusOK, answer)
	}
}

// authenticate finds the app whose secret key the request carries.
func (s *Server) authenticate(r *http.Request) (*app, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || key == "" {
		return nil, headerInvalid()
	}
	for _, a := range s.apps {
		if subtle.ConstantTimeCompare([]byte(a.SecretKey), []byte(key)) == 1 {
			return a, nil
		}
	}
	return nil, keyInvalid()
}

func getJWKS(t *tx, _ *request) (any, error) { return t.jwks(), nil }
