package standin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

const controlPrefix = "/_sandbox/"

// Control is the route table of a stand-in's own endpoints: JSON, below /_sandbox/.
type Control struct{ mux *http.ServeMux }

// NewControl makes a route table that has the endpoints of faults.
func NewControl(fs *Faults) Control {
	c := Control{http.NewServeMux()}
	c.Handle("POST faults", func(r *http.Request) (any, error) {
		var f Fault
		if err := Decode(r, &f); err != nil {
			return nil, err
		}
		if f.ID != "" {
			return nil, errors.New("id is given by the sandbox")
		}
		return fs.Add(f)
	})
	c.Handle("GET faults", func(*http.Request) (any, error) { return map[string]any{"faults": fs.Armed()}, nil })
	c.Handle("DELETE faults", func(*http.Request) (any, error) {
		fs.Clear()
		return Done, nil
	})
	return c
}

// Done is the answer of an endpoint that has nothing to say.
var Done = map[string]bool{"ok": true}

// Handle adds an endpoint, such as "POST faults". An error is the caller's, and answered with 400.
func (c Control) Handle(endpoint string, answer func(*http.Request) (any, error)) {
	c.mux.HandleFunc(strings.Replace(endpoint, " ", " "+controlPrefix, 1), func(w http.ResponseWriter, r *http.Request) {
		value, err := answer(r)
		if err != nil {
			WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		WriteJSON(w, http.StatusOK, value)
	})
}

// Handler serves the endpoints, though not to a page of another origin.
func (c Control) Handler() http.Handler { return http.NewCrossOriginProtection().Handler(c.mux) }

// Decode reads a body strictly: a misspelt fault would otherwise be a test that proves nothing.
func Decode(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the JSON object")
	}
	return nil
}
