package stripe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The types of Stripe's errors.
const (
	typeInvalid     = "invalid_request_error"
	typeCard        = "card_error"
	typeIdempotency = "idempotency_error"
	typeAPI         = "api_error"
)

// apiError is an error as Stripe's API answers it, below "error".
type apiError struct {
	status        int
	keep          bool           // what the operation did stays: a declined payment is on record
	Charge        string         `json:"charge,omitempty"`
	Code          string         `json:"code,omitempty"`
	DeclineCode   string         `json:"decline_code,omitempty"`
	DocURL        string         `json:"doc_url,omitempty"`
	Message       string         `json:"message"`
	Param         string         `json:"param,omitempty"`
	PaymentIntent map[string]any `json:"payment_intent,omitempty"`
	PaymentMethod map[string]any `json:"payment_method,omitempty"`
	RequestLogURL string         `json:"request_log_url,omitempty"`
	Type          string         `json:"type"`
}

func (e *apiError) Error() string { return e.Type + " " + e.Code + ": " + e.Message }

// invalid is a 400 about a parameter. An empty code is left out, as Stripe does
// for many of these.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, Type: typeInvalid, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// noSuch is the answer about an object that is not there, or is another
// account's or mode's: the status is 404 where the URL names it, else 400.
func noSuch(kind, id, param string) *apiError {
	e := invalid("resource_missing", param, "No such %s: '%s'", kind, id)
	if param == "id" {
		e.status = http.StatusNotFound
	}
	return e
}

func paramUnknown(name string) *apiError {
	return invalid("parameter_unknown", name, "Received unknown parameter: %s", name)
}

func paramMissing(name string) *apiError {
	return invalid("parameter_missing", name, "Missing required param: %s.", name)
}

func paramEmpty(name string) *apiError {
	return invalid("parameter_invalid_empty", name,
		"You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.",
		name, name, name)
}

func urlUnknown(method, path string) *apiError {
	return &apiError{status: http.StatusNotFound, Type: typeInvalid,
		Message: fmt.Sprintf("Unrecognized request URL (%s: %s). The sandbox has no such endpoint; see its package comment for those it has.", method, path)}
}

func keyInvalid(key string) *apiError {
	return &apiError{status: http.StatusUnauthorized, Type: typeInvalid, Message: "Invalid API Key provided: " + masked(key)}
}

func keyMissing() *apiError {
	return &apiError{status: http.StatusUnauthorized, Type: typeInvalid,
		Message: "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."}
}

func accountInvalid(key, account string) *apiError {
	return &apiError{status: http.StatusForbidden, Type: typeInvalid, Code: "account_invalid",
		Message: fmt.Sprintf("The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", masked(key), account)}
}

func keyInUse() *apiError {
	return &apiError{status: http.StatusConflict, Type: typeInvalid, Code: "idempotency_key_in_use",
		Message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later."}
}

func keyReused(key string) *apiError {
	return &apiError{status: http.StatusBadRequest, Type: typeIdempotency,
		Message: fmt.Sprintf("Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.", key)}
}

// unexpected is the error of a fault that was asked for.
func unexpected(status int) *apiError {
	e := &apiError{status: status, Type: typeAPI, Message: "An unknown error occurred: " + http.StatusText(status)}
	switch {
	case status == http.StatusTooManyRequests:
		e.Type, e.Code, e.Message = typeInvalid, "rate_limit", "Request rate limit exceeded."
	case status < 500:
		e.Type = typeInvalid
	}
	return e
}

// masked shows only the end of a secret key.
func masked(key string) string {
	if len(key) <= 12 {
		return "****"
	}
	return key[:8] + "****" + key[len(key)-4:]
}

// writeError answers with Stripe's error shape. Any error that is not an
// apiError is the sandbox's own failure.
func writeError(w http.ResponseWriter, err error) {
	e := asAPIError(err)
	writeJSON(w, e.status, map[string]any{"error": e})
}

func asAPIError(err error) *apiError {
	var e *apiError
	if !errors.As(err, &e) {
		return &apiError{status: http.StatusInternalServerError, Type: typeAPI, Message: "The sandbox failed: " + err.Error()}
	}
	if e.Code != "" {
		e.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.Code, "_", "-")
	}
	return e
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, no-store")
	w.WriteHeader(status)
	// The client having gone is the only way this fails, and nobody is left to tell.
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(value)
}
