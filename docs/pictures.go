package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html"
	"image"
	_ "image/png" // that is what they are
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// Those that the pages show. Each is there in light and in dark.
//
//go:embed screenshots/start-*-desktop.png screenshots/year-tiers-*-desktop.png screenshots/year-overview-*-desktop.png
//go:embed screenshots/users-sign-in-branded-*-desktop.png screenshots/users-account-near-limit-*-desktop.png
//go:embed screenshots/keys-open-*-desktop.png screenshots/setup-middle-*-desktop.png screenshots/tier-preview-*-desktop.png
var pictures embed.FS

const (
	light, dark  = "-light-", "-dark-"
	pictureRoute = "/docs/pictures/"
)

// Picture is one that a page shows.
type Picture struct {
	PNG           []byte
	Tag           string // of this version of it
	Width, Height int    // in pixels
}

// ReadPicture finds a picture by the name of its file.
func ReadPicture(name string) (*Picture, error) {
	content, err := pictures.ReadFile("screenshots/" + name)
	if err != nil {
		return nil, err
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	return &Picture{content, hex.EncodeToString(sum[:8]), size.Width, size.Height}, nil
}

// pictureRenderer writes an image as one for light and one for dark, of which a click shows more.
type pictureRenderer struct{}

func (pictureRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		name := path.Base(string(node.(*ast.Image).Destination))
		picture, err := ReadPicture(name)
		if err != nil {
			return ast.WalkStop, err
		}
		inDark := strings.Replace(name, light, dark, 1)
		if _, err := ReadPicture(inDark); err != nil || inDark == name {
			return ast.WalkStop, fmt.Errorf("%s is there in one scheme only: %w", name, err)
		}
		var words strings.Builder
		for part := node.FirstChild(); part != nil; part = part.NextSibling() {
			if t, ok := part.(*ast.Text); ok {
				words.Write(t.Segment.Value(source))
			}
		}
		_, err = fmt.Fprintf(w, `<a class="picture" href="%[1]s%[2]s"><picture><source srcset="%[1]s%[3]s" media="(prefers-color-scheme: dark)">`+
			`<img src="%[1]s%[2]s" alt="%[4]s" width="%[5]d" height="%[6]d" loading="lazy"></picture></a>`,
			pictureRoute, name, inDark, html.EscapeString(words.String()), picture.Width, picture.Height)
		return ast.WalkSkipChildren, err
	})
}
