package standin

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed static
var shared embed.FS

// ParsePages reads templates/<name>.html, each with templates/layout.html round it and the parts in templates/parts.html.
func ParsePages(files fs.FS, names ...string) map[string]*template.Template {
	pages := map[string]*template.Template{}
	layout := template.Must(template.New("layout.html").ParseFS(files, "templates/layout.html", "templates/parts.html"))
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return pages
}

// Assets serves the stand-in's own files of static/ below /assets/, and base.css, which says how the pages of every
// stand-in look.
func Assets(files fs.FS) http.Handler {
	own, base := http.FileServerFS(files), http.FileServerFS(shared)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/assets/")
		r.URL.Path = "/static/" + name
		switch {
		case name == "base.css":
			base.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/"):
			http.NotFound(w, r) // no listing
		default:
			own.ServeHTTP(w, r)
		}
	})
}
