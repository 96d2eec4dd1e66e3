package clerk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// apiError is an error as Clerk's Backend API answers it.
type apiError struct {
	status      int
	Message     string         `json:"message"`
	LongMessage string         `json:"long_message"`
	Code        string         `json:"code"`
	Meta        map[string]any `json:"meta,omitempty"`
}

func (e *apiError) Error() string { return e.Code + ": " + e.LongMessage }

// param is the name of the parameter that is at fault, or "".
func (e *apiError) param() string {
	name, _ := e.Meta["param_name"].(string)
	return name
}

func keyInvalid() *apiError {
	const text = "The Clerk secret key is not one of this sandbox's apps."
	return &apiError{status: http.StatusUnauthorized, Code: "clerk_key_invalid", Message: text, LongMessage: text}
}

func headerInvalid() *apiError {
	return &apiError{status: http.StatusUnauthorized, Code: "authorization_header_format_invalid",
		Message: "Invalid Authorization header format", LongMessage: "The Authorization header must be 'Bearer <secret key>'."}
}

func sessionInactive() *apiError {
	return &apiError{status: http.StatusUnauthorized, Code: "authentication_invalid",
		Message: "Invalid authentication", LongMessage: "The session is not active."}
}

func hostInvalid() *apiError {
	return &apiError{status: http.StatusMisdirectedRequest, Code: "host_invalid",
		Message: "Invalid host", LongMessage: "No app of this sandbox has this host name."}
}

func urlNotFound() *apiError {
	return &apiError{status: http.StatusNotFound, Code: "resource_not_found",
		Message: "URL not found", LongMessage: "The sandbox has no such endpoint."}
}

func notFound(kind, id string) *apiError {
	return &apiError{status: http.StatusNotFound, Code: "resource_not_found",
		Message: "not found", LongMessage: fmt.Sprintf("No %s was found with id %s", kind, id)}
}

func bodyInvalid() *apiError {
	return &apiError{status: http.StatusBadRequest, Code: "request_body_invalid",
		Message: "Request body invalid", LongMessage: "The request body is not a JSON object."}
}

func badRequest(code, message string) *apiError {
	return &apiError{status: http.StatusBadRequest, Code: code, Message: message, LongMessage: message}
}

func forbidden(code, message string) *apiError {
	return &apiError{status: http.StatusForbidden, Code: code, Message: message, LongMessage: message}
}

func incorrectPassword() *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, Code: "incorrect_password",
		Message: "incorrect password", LongMessage: "The password is not the user's."}
}

func dataMissing(params ...string) *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, Code: "form_data_missing", Message: "missing data",
		LongMessage: fmt.Sprintf("%q must be given.", params), Meta: map[string]any{"param_names": params}}
}

// invalid is a 422 about one parameter.
func invalid(code, param, message, long string) *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, Code: code, Message: message, LongMessage: long,
		Meta: map[string]any{"param_name": param}}
}

func paramUnknown(param string) *apiError {
	return invalid("form_param_unknown", param, "is unknown", param+" is not a valid parameter for this request.")
}

func paramMissing(param string) *apiError {
	return invalid("form_param_missing", param, "is missing", param+" must be included.")
}

func paramValueInvalid(param, long string) *apiError {
	return invalid("form_param_value_invalid", param, "is invalid", long)
}

func identifierExists(param, what string) *apiError {
	text := fmt.Sprintf("That %s is taken. Please try another.", what)
	return invalid("form_identifier_exists", param, text, text)
}

// writeError answers with Clerk's error shape. Any error that is not an
// apiError is the sandbox's own failure.
func writeError(w http.ResponseWriter, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = unexpected(http.StatusInternalServerError)
		e.LongMessage = "The sandbox failed: " + err.Error()
	}
	trace := strings.ToLower(rand.Text())
	w.Header().Set("Clerk-Trace-Id", trace)
	standin.WriteJSON(w, e.status, map[string]any{"errors": []*apiError{e}, "clerk_trace_id": trace})
}

// unexpected is the error of a fault that was asked for.
func unexpected(status int) *apiError {
	code := "internal_clerk_error"
	if status == http.StatusTooManyRequests {
		code = "too_many_requests"
	}
	text := http.StatusText(status)
	return &apiError{status: status, Code: code, Message: text, LongMessage: text}
}
