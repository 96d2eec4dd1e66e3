package server

import (
	"maps"
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
		if err := s.showFailure(c, asError(err)); err != nil {
			return err
		}
		return go303(c, ownPath(c.Request().PostForm.Get("back")))
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

// showFailure has the next page show an error, by its fields, and what was typed.
func (s *Server) showFailure(c echo.Context, e *errs.Error) error {
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
	for {
		err := s.show(c, f)
		if err == nil || len(f.Form)+len(f.Faults) == 0 {
			return err
		}
		// A cookie does not hold it all, so the longest goes.
		if !drop(f.Form) {
			drop(f.Faults)
		}
	}
}

// drop removes the longest text but for the name of the form, and reports whether there was one.
func drop(texts map[string]string) bool {
	name, ok := "", false
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		if field != "form" && (!ok || len(texts[field]) > len(texts[name])) {
			name, ok = field, true
		}
	}
	if !ok {
		clear(texts)
		return false
	}
	delete(texts, name)
	return true
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
