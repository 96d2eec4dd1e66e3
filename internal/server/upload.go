package server

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

const (
	filesKey = "files"

	mostParts    = 100
	largestTexts = 64 << 10 // of all the fields that hold no file
)

// readUpload reads a form that may bring files. A file is kept apart from the fields, so that it is never among what is
// shown again; nothing is put on disk, and of a file that is too large no more is held than shows that.
func readUpload(c echo.Context) error {
	r := c.Request()
	parts, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		return readForm(c)
	}
	if err != nil {
		return errs.New(errs.InvalidRequest, "The form did not arrive whole. Send it again.").Because(err)
	}
	r.PostForm = url.Values{}
	files := map[string][]byte{}
	c.Set(filesKey, files)
	err = readParts(parts, r.PostForm, files)
	if faulty := checkForm(r.PostForm); faulty != nil { // before anything is shown again
		r.PostForm = url.Values{}
		return faulty
	}
	return err
}

func readParts(parts *multipart.Reader, texts url.Values, files map[string][]byte) error {
	left := largestTexts
	for range mostParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return uploadFailed(err)
		}
		// A field for files that was left empty sends a file without a name.
		file := part.FileName() != "" || part.Header.Get("Content-Type") != ""
		most := left
		if file {
			most = tenant.LargestLogo
		}
		held, err := io.ReadAll(io.LimitReader(part, int64(most)+1))
		if err == nil {
			_, err = io.Copy(io.Discard, part)
		}
		switch {
		case err != nil:
			return uploadFailed(err)
		case file:
			files[part.FormName()] = held
		case len(held) > most:
			return errs.New(errs.TooLarge, "The fields of the form hold more than %d kB.", largestTexts>>10)
		default:
			left -= len(held)
			texts.Add(part.FormName(), string(held))
		}
	}
	return errs.New(errs.TooLarge, "The form has more than %d fields.", mostParts)
}

// uploadFailed is the error of a form that did not arrive. One that is too large is so because of its file.
func uploadFailed(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return errs.InvalidParam("logo", "logo has %d kB at the most.", tenant.LargestLogo/1000)
	}
	return errs.New(errs.InvalidRequest, "The form did not arrive whole. Send it again.").Because(err)
}

// postedFile is the file that a field of the form brought; empty where none was chosen.
func postedFile(c echo.Context, field string) []byte {
	files, _ := c.Get(filesKey).(map[string][]byte)
	return files[field]
}
