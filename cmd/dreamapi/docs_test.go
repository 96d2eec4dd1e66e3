package main

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/api/apitest"
	"github.com/dream-api/dream-api/internal/errs"
)

var (
	linkForm   = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	imageForm  = regexp.MustCompile(`<(?:source srcset|img src)="(/docs/[^"]*)"`)
	anchorForm = regexp.MustCompile(` id="([^"]*)"`)
)

// Whoever follows the links of the documentation arrives, on either surface, at the very place that a link names.
func TestEveryLinkOfTheDocumentationArrives(t *testing.T) {
	t.Parallel()
	w := boot(t)
	for _, host := range []string{"api", "dashboard"} {
		pages, waiting := map[string]string{}, []string{"/docs"}
		for len(waiting) > 0 {
			page := waiting[0]
			waiting = waiting[1:]
			if _, seen := pages[page]; seen {
				continue
			}
			got := w.send(t, w.host(host), "GET "+page, "", "", "Accept: text/html")
			if got.status != http.StatusOK {
				t.Errorf("%s: %s answers %d", host, page, got.status)
			}
			pages[page] = got.body
			for _, link := range linkForm.FindAllStringSubmatch(got.body, -1) {
				path, _, _ := strings.Cut(html.UnescapeString(link[1]), "#")
				if strings.HasPrefix(path, "/docs") {
					waiting = append(waiting, path)
				}
			}
		}
		if len(pages) < 60 {
			t.Errorf("%s: the documentation has %d pages", host, len(pages))
		}
		shown := map[string]bool{}
		for _, body := range pages {
			for _, picture := range imageForm.FindAllStringSubmatch(body, -1) {
				shown[picture[1]] = true
			}
		}
		if len(shown) < 16 { // each in light and in dark
			t.Errorf("%s: the documentation shows %d pictures", host, len(shown))
		}
		for picture := range shown {
			got := w.send(t, w.host(host), "GET "+picture, "", "").want(t, 200)
			equal(t, picture, http.DetectContentType([]byte(got.body)), got.header.Get("Content-Type"))
			w.send(t, w.host(host), "GET "+picture, "", "", "If-None-Match: "+got.header.Get("ETag")).want(t, 304)
		}
		for page, body := range pages {
			ids := map[string]bool{}
			for _, id := range anchorForm.FindAllStringSubmatch(body, -1) {
				if ids[id[1]] {
					t.Errorf("%s has two things called %s", page, id[1])
				}
				ids[id[1]] = true
			}
			for _, link := range linkForm.FindAllStringSubmatch(body, -1) {
				path, place, within := strings.Cut(html.UnescapeString(link[1]), "#")
				if path == "" {
					path = page
				}
				if target, ours := pages[path]; ours && within && !strings.Contains(target, ` id="`+place+`"`) {
					t.Errorf("%s leads to %s#%s, which is not there", page, path, place)
				}
			}
			if strings.Contains(body, "<script") || strings.Contains(body, " style=") || strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "<th></th>") {
				t.Errorf("%s holds what the browser will not run, or a column without a name", page)
			}
		}
		contract, err := apitest.Load()
		must(t, err)
		for _, o := range contract.Operations {
			if !strings.Contains(pages["/docs"], "#"+o.OperationID+`"><code>`+o.Method+" "+o.Path) {
				t.Errorf("the documentation lacks %s %s", o.Method, o.Path)
			}
		}
	}
	w.api(t, "GET /docs/nothing", "", "").want(t, 404)
	w.api(t, "GET /docs/guides/nothing", "", "").want(t, 404)
	w.api(t, "GET /docs/reference/nothing", "", "").want(t, 404)
	w.api(t, "GET /docs/errors/nothing", "", "").want(t, 404)
	w.api(t, "GET /docs/pictures/nothing.png", "", "").want(t, 404)
}

var blockForm = regexp.MustCompile(`(?s)<pre tabindex="0"><code>(.*?)</code></pre>`)

func TestEveryErrorCodeHasAPageToWhichItsAnswersLead(t *testing.T) {
	t.Parallel()
	w := boot(t)
	contract, err := apitest.Load()
	must(t, err)
	index := w.api(t, "GET /docs/errors", "", "").want(t, 200).body
	for _, code := range errs.Codes() {
		page := w.api(t, "GET /docs/errors/"+string(code), "", "").want(t, 200).body
		for _, heading := range []string{"What happened", "Why", "How to mend it", code.Title()} {
			if !strings.Contains(page, ">"+heading+"</h") {
				t.Errorf("the page of %s lacks %s", code, heading)
			}
		}
		if !strings.Contains(index, `id="`+string(code)+`"`) { // docUrl led there once
			t.Errorf("the old address of %s leads to nothing", code)
		}
		_, example, _ := strings.Cut(html.UnescapeString(blockForm.FindStringSubmatch(page)[1]), "\n\n")
		must(t, contract.CheckError([]byte(example)))
		a := answer{body: example}
		equal(t, "code", a.text("code"), string(code))
		equal(t, "docUrl", a.text("docUrl"), w.url("api")+"/docs/errors/"+string(code))
	}
}

func TestTheContractIsServedWithTheServersAddresses(t *testing.T) {
	t.Parallel()
	w := boot(t)
	for _, host := range []string{"api", "dashboard"} {
		got := w.send(t, w.host(host), "GET /openapi.yaml", "", "").want(t, 200)
		equal(t, "Content-Type", got.header.Get("Content-Type"), "application/yaml")
		for _, want := range []string{"openapi: 3.1.0", "{url: 'http://localhost:" + w.port + "'", "{url: '" + w.url("dashboard") + "'", "{url: '" + w.url("connect") + "'"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: the contract lacks %s", host, want)
			}
		}
		if strings.Contains(got.body, "https://dashboard.example.com") {
			t.Errorf("%s: the contract has the addresses of the file", host)
		}
	}
}
