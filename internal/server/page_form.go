package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

const longestMessage = 600

// secretFields are those whose content no page shows again.
var secretFields = []string{"token", "secret", "password"}

// form wraps what a form of the dashboard does. What goes wrong and can be put right leads back to the form, which shows
// it beside what was typed; the rest is an error as any other.
func (s *Server) form(next echo.HandlerFunc) echo.HandlerFunc { return s.formBy(readForm, next) }

// upload is the same for a form that may bring a file.
func (s *Server) upload(next echo.HandlerFunc) echo.HandlerFunc { return s.formBy(readUpload, next) }

func (s *Server) formBy(read func(echo.Context) error, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := read(c)
		if err == nil {
			err = next(c)
		}
		if err == nil || !failed(err) {
			return err
		}
		if statuses[asError(err).Code] >= http.StatusInternalServerError {
			s.log.WarnContext(c.Request().Context(), "a form failed", "requestId", requestID(c), "error", err)
		}
		back, f := ownPath(c.Request().PostForm.Get("back")), failureOf(c, asError(err))
		shown := s.show(c, f)
		if errors.Is(shown, errLongFlash) {
			return s.answerWithPage(c, back, failedForm{f, statuses[asError(err).Code]})
		}
		if shown != nil {
			return shown
		}
		return go303(c, back)
	}
}

func readForm(c echo.Context) error {
	if err := c.Request().ParseForm(); err != nil {
		return errs.New(errs.InvalidRequest, "The form did not arrive whole. Send it again.").Because(err)
	}
	return checkForm(c.Request().PostForm)
}

func checkForm(form url.Values) error {
	for name, values := range form {
		if !storable(name) || !storable(strings.Join(values, "")) {
			return errs.New(errs.InvalidRequest, "The form holds characters that are not UTF-8, or a NUL.")
		}
	}
	return nil
}

// posted is what a field of the form holds, without the space round it.
func posted(c echo.Context, field string) string {
	return strings.TrimSpace(c.Request().PostForm.Get(field))
}

// postedLines are the lines of a field that holds one thing a line.
func postedLines(c echo.Context, field string) []string {
	lines := []string{}
	for line := range strings.Lines(c.Request().PostForm.Get(field)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// failureOf is what a page shows of an error, by its fields, and what was typed.
func failureOf(c echo.Context, e *errs.Error) flash {
	f := flash{Failed: true, Title: e.Code.Title(), Message: shorten(e.Message), Form: map[string]string{}, Faults: map[string]string{}}
	for _, fault := range e.Faults {
		f.Faults[fault.Param] = strings.TrimSpace(f.Faults[fault.Param] + " " + fault.Message)
	}
	if e.Param != "" && len(e.Faults) == 0 {
		f.Faults[e.Param] = e.Message
	}
	if len(e.Faults) > 0 {
		f.Title = "Please check what you entered"
	}
	if len(e.Faults) > 1 {
		f.Message = "Nothing was changed."
	}
	for field, values := range c.Request().PostForm {
		if field != "back" && !slices.Contains(secretFields, field) {
			f.Form[field] = strings.Join(values, ",")
		}
	}
	return f
}

const failedFormKey = "failedForm"

// failedForm is a form that came back without a redirect, and the status of its answer.
type failedForm struct {
	flash  flash
	status int
}

// answerWithPage answers a form with the page that it came from, where what was typed is more than a cookie takes along.
func (s *Server) answerWithPage(c echo.Context, back string, failed failedForm) error {
	address, err := url.Parse(back)
	if err != nil {
		return err
	}
	r := c.Request().Clone(c.Request().Context())
	r.Method, r.URL, r.RequestURI, r.Body, r.ContentLength = http.MethodGet, address, back, http.NoBody, 0
	r.Form, r.PostForm = nil, nil
	page := c.Echo().NewContext(r, c.Response())
	page.Set(failedFormKey, failed)
	c.Echo().Router().Find(r.Method, address.Path, page)
	return s.bound(page.Handler())(page)
}

// statusOf is the status of a page: that of the failure, where it answers a form.
func statusOf(c echo.Context) int {
	if failed, ok := c.Get(failedFormKey).(failedForm); ok {
		return failed.status
	}
	return http.StatusOK
}

func shorten(s string) string {
	if runes := []rune(s); len(runes) > longestMessage {
		return string(runes[:longestMessage]) + "…"
	}
	return s
}

// renameFaults calls the parameters of an error as the fields of a form are called.
func renameFaults(err error, field func(param string) string) error {
	e := asError(err)
	if err == nil || len(e.Faults) == 0 {
		return err
	}
	faults := make([]errs.Fault, len(e.Faults))
	for i, fault := range e.Faults {
		name := field(fault.Param)
		message := fault.Message
		if rest, ok := strings.CutPrefix(message, fault.Param+" "); ok {
			message = name + " " + rest
		}
		faults[i] = errs.Fault{Param: name, Message: message}
	}
	return errs.Invalid(faults)
}
