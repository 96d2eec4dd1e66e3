package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// signedOut answers whose browser holds no session, or none any more. From a page it leads to the sign-in and back. What was sent
// by a form is not lost: the answer holds it.
func (s *Server) signedOut(c echo.Context) error {
	r := c.Request()
	switch {
	case r.Method == http.MethodPost && !strings.HasPrefix(c.Path(), "/sign-out"): // which is what they want
		return s.keepForm(c)
	case r.Method == http.MethodGet && r.URL.Path != "/dashboard":
		return go303(c, "/sign-in?"+url.Values{"next": {r.URL.RequestURI()}}.Encode())
	default:
		return go303(c, "/sign-in")
	}
}

// keptField is what a form sent, to be sent again.
type keptField struct{ Name, Label, Value string }

// unseenFields are those that forms have for us.
var unseenFields = []string{"back", "form", "version", "fingerprint", "then"}

// keepForm writes a page that has the form that was sent, but for what is secret, to be sent again to where it was sent. It was
// sent by a page of ours, as ownForms has seen.
func (s *Server) keepForm(c echo.Context) error {
	if err := readUpload(c); err != nil {
		return err
	}
	form := c.Request().PostForm
	files, _ := c.Get(filesKey).(map[string][]byte)
	if len(form)+len(files) == 0 {
		return go303(c, "/sign-in")
	}
	var fields, typed, again []keptField
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if slices.Contains(secretFields, name) {
			continue
		}
		for _, value := range form[name] {
			field := keptField{name, labelOf(name), value}
			fields = append(fields, field)
			if value != "" && !slices.Contains(unseenFields, name) {
				typed = append(typed, field)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		again = append(again, keptField{Name: name, Label: labelOf(name)})
	}
	c.Response().Header().Set("WWW-Authenticate", `Bearer realm="dream-api"`)
	s.letFormsLeadOn(c)
	return s.page(c, http.StatusUnauthorized, "signed-out.html", map[string]any{
		"Title": "You are signed out", "Action": c.Request().URL.RequestURI(), "Fields": fields, "Typed": typed, "Files": again,
	})
}

// labelOf is what a page calls a field, of which a form may have several rows.
func labelOf(name string) string {
	plain, row, numbered := strings.Cut(name, ".")
	label, known := fieldLabels[plain]
	if !known {
		return name
	}
	if n, err := strconv.Atoi(row); numbered && err == nil {
		return label + ", row " + strconv.Itoa(n+1)
	}
	return label
}
