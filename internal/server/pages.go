package server

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

//go:embed web
var web embed.FS

func parseTemplates() *template.Template {
	return template.Must(template.ParseFS(web, "web/templates/*.html"))
}

// page writes a page with what every page shows.
func (s *Server) page(c echo.Context, status int, name string, data map[string]any) error {
	data["CustomerURL"] = s.apiURL()
	data["DeveloperURL"] = s.cfg.DeveloperURL.String()
	data["Version"] = s.cfg.Version
	var out bytes.Buffer
	if err := s.templates.ExecuteTemplate(&out, name, data); err != nil {
		return err
	}
	return s.html(c, status, out.Bytes(), false)
}

// apiURL is the address of the API as a page shows it. On the machine itself it is plain localhost, which every program
// resolves; *.localhost only some do.
func (s *Server) apiURL() string {
	if s.cfg.Loopback {
		return "http://localhost:" + s.cfg.CustomerURL.Port()
	}
	return s.cfg.CustomerURL.String()
}

func (s *Server) customerHome(c echo.Context) error {
	return s.page(c, http.StatusOK, "api.html", map[string]any{"Title": "The API"})
}

// wantsHTML reports whether it is a browser that asks for a page, and not a program that asks for the API.
func wantsHTML(c echo.Context) bool {
	r := c.Request()
	return !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/webhook/") &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}
