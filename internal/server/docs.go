package server

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/docs"
	"github.com/dream-api/dream-api/internal/errs"
)

// What the API is, for programs and for people: the contract, and pages that are made of it and of the texts in docs when the
// first is asked for.

// docRoutes are on the surface that they are about, and on the developers'.
func (s *Server) docRoutes(e *echo.Echo) {
	e.GET("/openapi.yaml", s.contract)
	e.GET("/docs", s.docsHome)
	e.GET("/docs/errors", s.errorDocs)
	e.GET("/docs/errors/:code", s.errorDoc)
	e.GET("/docs/reference/types", s.typesDoc)
	e.GET("/docs/reference/:group", s.referenceDoc)
	e.GET("/docs/pictures/:name", s.docsPicture)
	e.GET("/docs/:page", s.article)
	e.GET("/docs/guides/:page", s.article)
}

// contract is the API's contract, with the addresses of this server.
func (s *Server) contract(c echo.Context) error {
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age=3600")
	header.Set(echo.HeaderAccessControlAllowOrigin, "*") // it is public, and readers of it run on other sites
	return c.Blob(http.StatusOK, "application/yaml", []byte(s.contractHere()))
}

// library is all that the pages show.
type library struct {
	*reference
	Articles []docs.Page
}

func (s *Server) newLibrary() (*library, error) {
	ref, err := newReference(s.contractHere())
	if err != nil {
		return nil, err
	}
	articles, err := docs.Pages()
	return &library{ref, articles}, err
}

func (s *Server) docsPage(c echo.Context, name, title string, more map[string]any) error {
	lib, err := s.library()
	if err != nil {
		return err
	}
	data := map[string]any{"Title": title, "Library": lib, "Here": c.Request().URL.Path}
	for key, value := range more {
		data[key] = value
	}
	return s.page(c, http.StatusOK, name, data)
}

func (s *Server) docsHome(c echo.Context) error {
	return s.docsPage(c, "docs.html", "Documentation", nil)
}

func (s *Server) article(c echo.Context) error {
	lib, err := s.library()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(lib.Articles, func(a docs.Page) bool { return "/docs/"+a.Name == c.Request().URL.Path })
	if at < 0 {
		return echo.ErrNotFound
	}
	more := map[string]any{"Article": lib.Articles[at]}
	if at+1 < len(lib.Articles) {
		more["Next"] = lib.Articles[at+1]
	}
	return s.docsPage(c, "article.html", lib.Articles[at].Title, more)
}

func (s *Server) docsPicture(c echo.Context) error {
	picture, err := docs.ReadPicture(c.Param("name"))
	if err != nil {
		return echo.ErrNotFound
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age=3600")
	header.Set(echo.HeaderContentType, "image/png")
	header.Set("ETag", `"`+picture.Tag+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(picture.PNG))
	return nil
}

func (s *Server) referenceDoc(c echo.Context) error {
	lib, err := s.library()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(lib.Groups, func(g refGroup) bool { return g.Slug == c.Param("group") })
	if at < 0 {
		return echo.ErrNotFound
	}
	return s.docsPage(c, "reference.html", lib.Groups[at].Name, map[string]any{"Group": lib.Groups[at]})
}

func (s *Server) typesDoc(c echo.Context) error {
	return s.docsPage(c, "types.html", "Types", nil)
}

// errorDocs lists every code that an error may have, at an address that docUrl once led to.
func (s *Server) errorDocs(c echo.Context) error {
	type entry struct {
		Code, Title, Help string
		Status            int
	}
	var entries []entry
	for _, code := range errs.Codes() {
		entries = append(entries, entry{string(code), code.Title(), code.Help(), statuses[code]})
	}
	return s.docsPage(c, "errors.html", "Errors", map[string]any{"Entries": entries})
}

// errorDoc explains one code; docUrl leads here.
func (s *Server) errorDoc(c echo.Context) error {
	code := errs.Code(c.Param("code"))
	status, ok := statuses[code]
	if !ok {
		return echo.ErrNotFound
	}
	x := code.Explanation()
	e := errs.New(code, "%s", x.Message)
	e.Details = x.Details
	if code == errs.InvalidRequest {
		e.Param, e.Faults = "quantity", []errs.Fault{{Param: "quantity", Message: x.Message}}
	}
	raw, err := s.errorBody(e, "req_01kcx5rjm4e7v8w9y0a1b2c3d4").MarshalJSON()
	if err != nil {
		return err
	}
	var example bytes.Buffer
	if err := json.Indent(&example, raw, "", "  "); err != nil {
		return err
	}
	linked := func(texts []string) []template.HTML {
		var all []template.HTML
		for _, text := range texts {
			all = append(all, s.linked(text))
		}
		return all
	}
	return s.docsPage(c, "error-code.html", code.Title(), map[string]any{
		"Code": code, "Status": strconv.Itoa(status) + " " + http.StatusText(status), "Help": s.linked(code.Help()), "Why": linked(x.Why), "Mend": linked(x.Mend),
		"Example": example.String(), "Retry": status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable,
	})
}
