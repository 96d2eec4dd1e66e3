package clerk

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// control is the route table of the sandbox's own endpoints; the package
// comment documents them. A page of another origin can't use them.
func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := h(r)
			if err != nil {
				writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
			writeJSON(w, http.StatusOK, answer)
		})
	}
	handle("POST /_sandbox/faults", s.postFault)
	handle("GET /_sandbox/faults", func(*http.Request) (any, error) { return map[string]any{"faults": s.Faults()}, nil })
	handle("DELETE /_sandbox/faults", func(*http.Request) (any, error) {
		s.ClearFaults()
		return done, nil
	})
	handle("POST /_sandbox/keys/rotate", s.postRotate)
	handle("POST /_sandbox/keys/retire", s.postRetire)
	handle("GET /_sandbox/events", func(r *http.Request) (any, error) {
		return map[string]any{"events": s.Events(r.FormValue("app"), r.FormValue("status"))}, nil
	})
	handle("POST /_sandbox/events/{id}/resend", func(r *http.Request) (any, error) {
		return done, s.ResendEvent(r.PathValue("id"))
	})
	handle("POST /_sandbox/reset", s.postReset)
	return http.NewCrossOriginProtection().Handler(mux)
}

var done = map[string]bool{"ok": true}

// decodeControl reads a body strictly: a misspelt fault would otherwise be a
// test that proves nothing.
func decodeControl(r *http.Request, into any) error {
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

func (s *Server) postFault(r *http.Request) (any, error) {
	var f Fault
	if err := decodeControl(r, &f); err != nil {
		return nil, err
	}
	if f.ID != "" {
		return nil, errors.New("id is given by the sandbox")
	}
	return s.AddFault(f)
}

func (s *Server) postRotate(r *http.Request) (any, error) {
	var p struct {
		App string `json:"app"`
	}
	if err := decodeControl(r, &p); err != nil {
		return nil, err
	}
	kid, err := s.RotateKey(p.App)
	if err != nil {
		return nil, err
	}
	return map[string]string{"kid": kid}, nil
}

func (s *Server) postRetire(r *http.Request) (any, error) {
	var p struct {
		App string `json:"app"`
		Kid string `json:"kid"`
	}
	if err := decodeControl(r, &p); err != nil {
		return nil, err
	}
	return done, s.RetireKeys(p.App, p.Kid)
}

func (s *Server) postReset(r *http.Request) (any, error) {
	var p struct {
		App string `json:"app"`
	}
	if err := decodeControl(r, &p); err != nil {
		return nil, err
	}
	return done, s.Reset(p.App)
}

// Reset forgets the users, sessions, templates and events of an app, or with
// "" of every app, creates the configured templates again and disarms the faults.
func (s *Server) Reset(name string) error {
	apps := s.apps
	if name != "" {
		a := s.app(name)
		if a == nil {
			return errNoApp
		}
		apps = []*app{a}
	}
	s.ClearFaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range apps {
		a.forget()
		if err := a.addConfiguredTemplates(s.cfg.Now()); err != nil {
			return err
		}
	}
	return s.save()
}
