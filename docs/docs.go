// Package docs holds the pages of the documentation that the program serves, in Markdown.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed quickstart.md concepts.md auth.md api.md exactness.md self-hosting.md versioning.md guides/*.md
var files embed.FS

// order is that of the table of contents.
var order = []string{
	"quickstart", "concepts", "auth",
	"guides/nextjs", "guides/your-own-auth", "guides/yearly-plans", "guides/go-live", "guides/rotate-a-key", "guides/off-x-user-plan",
	"api", "exactness", "versioning", "self-hosting",
}

// Page is one page. Its address is /docs/ and the name.
type Page struct {
	Name, Title string
	Body        template.HTML // below the title
}

// Pages renders all pages, in the order of the table of contents.
func Pages() ([]Page, error) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(pictureRenderer{}, 1))))
	pages := make([]Page, len(order))
	for i, name := range order {
		source, err := files.ReadFile(name + ".md")
		if err != nil {
			return nil, err
		}
		root := markdown.Parser().Parse(text.NewReader(source))
		title, ok := root.FirstChild().(*ast.Heading)
		if !ok || title.Level != 1 {
			return nil, fmt.Errorf("%s does not begin with its title", name)
		}
		page := Page{Name: name, Title: string(title.Lines().Value(source))}
		root.RemoveChild(root, title)
		if err := ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
			if link, ok := node.(*ast.Link); ok && entering {
				at, err := address(name, string(link.Destination))
				link.Destination = []byte(at)
				return ast.WalkContinue, err
			}
			return ast.WalkContinue, nil
		}); err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := markdown.Renderer().Render(&out, source, root); err != nil {
			return nil, err
		}
		// What is wider than the page is scrolled, by the keyboard too.
		body := strings.ReplaceAll(out.String(), "<pre>", `<pre tabindex="0">`)
		page.Body = template.HTML(body) //nolint:gosec // it is our own text
		pages[i] = page
	}
	return pages, nil
}

// address is where a link of a page leads when it is served. One to a file that is not served is a fault.
func address(from, to string) (string, error) {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Path == "" || strings.HasPrefix(u.Path, "/") {
		return to, err
	}
	at := path.Join(path.Dir(from), u.Path)
	name := strings.TrimSuffix(at, ".md")
	switch {
	case slices.Contains(order, name):
		u.Path = "/docs/" + name
	case strings.HasPrefix(at, "../"):
		return "https://github.com/dream-api/dream-api/blob/main/" + strings.TrimPrefix(at, "../"), nil
	default:
		return "https://github.com/dream-api/dream-api/blob/main/docs/" + at, nil
	}
	return u.String(), nil
}
