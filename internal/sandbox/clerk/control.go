package clerk

import (
	"net/http"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// control is the route table of the sandbox's own endpoints; the package
// comment documents them.
func (s *Server) control() http.Handler {
	c := standin.NewControl(&s.faults)
	c.Handle("POST keys/rotate", s.postRotate)
	c.Handle("POST keys/retire", s.postRetire)
	c.Handle("GET events", func(r *http.Request) (any, error) {
		return map[string]any{"events": s.Events(r.FormValue("app"), r.FormValue("status"))}, nil
	})
	c.Handle("POST events/{id}/resend", func(r *http.Request) (any, error) {
		return standin.Done, s.ResendEvent(r.PathValue("id"))
	})
	c.Handle("POST reset", s.postReset)
	return c.Handler()
}

func (s *Server) postRotate(r *http.Request) (any, error) {
	var p struct {
		App string `json:"app"`
	}
	if err := standin.Decode(r, &p); err != nil {
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
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	return standin.Done, s.RetireKeys(p.App, p.Kid)
}

func (s *Server) postReset(r *http.Request) (any, error) {
	var p struct {
		App string `json:"app"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	return standin.Done, s.Reset(p.App)
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
