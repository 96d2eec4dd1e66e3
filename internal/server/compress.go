package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// Pages and static files are compressed for those who take gzip. Everything else goes as it is: JSON, which is small; exports, which
// are streamed; and end users' pages, whose text comes from addresses that anybody can make.
//
// How long a compressed answer is tells somebody on the network whether two texts in it are alike. So a page with a secret, which
// may hold what others chose beside it, is never compressed.

var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, 5) // a level that there is
	return w
}}

// compressed is the gzip of what was written, or nil where that is not shorter.
func compressed(plain []byte) []byte {
	var out bytes.Buffer
	w := compressors.Get().(*gzip.Writer)
	defer compressors.Put(w)
	w.Reset(&out)
	_, _ = w.Write(plain) // a buffer takes everything
	_ = w.Close()
	if out.Len() >= len(plain) {
		return nil
	}
	return out.Bytes()
}

// html writes a page. One that holds a secret is secret.
func (s *Server) html(c echo.Context, status int, page []byte, secret bool) error {
	if secret {
		return c.HTMLBlob(status, page)
	}
	header := c.Response().Header()
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if takesGzip(c.Request()) {
		if short := compressed(page); short != nil {
			header.Set(echo.HeaderContentEncoding, "gzip")
			page = short
		}
	}
	return c.HTMLBlob(status, page)
}

// takesGzip is whether the client says that it takes gzip, and not at a weight of 0.
func takesGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get(echo.HeaderAcceptEncoding), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return weight == "" || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}

// staticFile is a file of web/static, also compressed where that is shorter.
type staticFile struct{ plain, short, tag, kind string }

// staticFiles are all, by their names. Each version of a file has a tag of its own, and so has its compressed form.
var staticFiles = sync.OnceValue(func() map[string]staticFile {
	files := map[string]staticFile{}
	_ = fs.WalkDir(web, "web/static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		plain, err := fs.ReadFile(web, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		files[strings.TrimPrefix(name, "web/static/")] = staticFile{
			string(plain), string(compressed(plain)), hex.EncodeToString(sum[:8]), mime.TypeByExtension(path.Ext(name)),
		}
		return nil
	}) // of files that are within the program nothing fails
	return files
})

func (s *Server) static(c echo.Context) error {
	file, ok := staticFiles()[strings.TrimPrefix(c.Request().URL.Path, "/static/")]
	if !ok {
		return echo.ErrNotFound
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age=3600")
	header.Set(echo.HeaderContentType, file.kind)
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	content, tag := file.plain, file.tag
	if file.short != "" && takesGzip(c.Request()) {
		header.Set(echo.HeaderContentEncoding, "gzip")
		content, tag = file.short, tag+"-gzip"
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, strings.NewReader(content))
	return nil
}
