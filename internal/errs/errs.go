// Package errs owns the one error type that a user may see, and the list of its codes. What HTTP makes of a code is
// package server's affair; an error of any other type is internal, and a user is told nothing of it.
package errs

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Error is a failure in words for a user, with its cause, which is for the log alone.
type Error struct {
	Code       Code
	Message    string         // what happened and what to do, a whole sentence or two
	Param      string         // the one parameter at fault, if it is one
	Faults     []Fault        // every fault of an invalid request
	RetryAfter time.Duration  // when trying again may help; 0: it says nothing of that
	Details    map[string]any // further fields of the answer, such as the usage of a refused call
	cause      error
}

// Fault is one thing that is wrong with a request. Param is a path such as "limits.tokens.max".
type Fault struct {
	Param   string `json:"param,omitempty"` // none: the body as a whole
	Message string `json:"message"`
}

// New makes an Error with a message in the form of fmt.Sprintf.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// MostFaults is how many faults are listed: an answer must not be many times as long as a request that is all faults.
const MostFaults = 100

// Invalid makes the Error of a request with these faults, or nil where there are none.
func Invalid(faults []Fault) error {
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return &Error{Code: InvalidRequest, Message: faults[0].Message, Param: faults[0].Param, Faults: faults}
	default:
		counted, listed := strconv.Itoa(len(faults)), "them all"
		if len(faults) >= MostFaults {
			counted, listed = fmt.Sprintf("%d or more", MostFaults), "the first of them"
		}
		return &Error{
			Code:    InvalidRequest,
			Message: fmt.Sprintf("The request has %s faults: errors lists %s.", counted, listed),
			Faults:  faults[:min(len(faults), MostFaults)],
		}
	}
}

// InvalidParam makes the Error of a request with one fault.
func InvalidParam(param, format string, args ...any) error {
	return Invalid([]Fault{{param, fmt.Sprintf(format, args...)}})
}

// TooMany makes the Error of a creation beyond a bound, or nil within it. Such bounds keep one account from filling the
// database; two creations at once may pass one by a little.
func TooMany(n, most int64, what string) error {
	if n <= most {
		return nil
	}
	return New(Conflict, "There are %d %s already, which is the most. Remove one first, or ask us for more.", most, what)
}

// Because records the cause and returns the Error.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// After records when trying again may help and returns the Error.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// With adds a field to the answer and returns the Error.
func (e *Error) With(name string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[name] = value
	return e
}

// Error implements error; it is for the log, and holds the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether err is an Error with the code.
func Is(err error, code Code) bool {
	if err == nil {
		return false
	}
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
