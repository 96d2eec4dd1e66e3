package clerk

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// state is everything that survives a restart.
type state struct {
	Apps map[string]*appState `json:"apps"`
}

type appState struct {
	InstanceID string                  `json:"instance_id"`
	Keys       []*signingKey           `json:"keys"` // the last one signs
	Users      map[string]*user        `json:"users"`
	Sessions   map[string]*session     `json:"sessions"`
	Templates  map[string]*jwtTemplate `json:"templates"`
	Events     []*event                `json:"events"` // in the order they happened
}

func newAppState(now time.Time) (*appState, error) {
	key, err := newSigningKey(now)
	if err != nil {
		return nil, err
	}
	a := &appState{InstanceID: key.ID, Keys: []*signingKey{key}}
	a.forget()
	return a, nil
}

// forget empties the app. Its keys stay, so that what verifiers have cached
// stays right.
func (a *appState) forget() {
	a.Users = map[string]*user{}
	a.Sessions = map[string]*session{}
	a.Templates = map[string]*jwtTemplate{}
	a.Events = nil
}

// tx is one operation on one app, run while the server's mutex is held. An
// operation that fails must not have changed anything.
type tx struct {
	s *Server
	*app
	now  time.Time
	from caller
}

// caller is who made the request; events and sessions tell.
type caller struct {
	IP        string
	UserAgent string
}

func callerOf(r *http.Request) caller {
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	return caller{IP: ip, UserAgent: r.UserAgent()}
}

func (t *tx) millis() int64 { return t.now.UnixMilli() }

// view runs an operation that changes nothing.
func (s *Server) view(a *app, from caller, f func(*tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&tx{s: s, app: a, now: s.cfg.Now(), from: from})
}

// change runs an operation and writes the state before it returns: what a
// client was told has happened is there after a crash.
func (s *Server) change(a *app, from caller, f func(*tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f(&tx{s: s, app: a, now: s.cfg.Now(), from: from}); err != nil {
		return err
	}
	return s.save()
}

func load(dir string) (*state, error) {
	st := &state{Apps: map[string]*appState{}}
	if dir == "" {
		return st, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "clerk.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, fmt.Errorf("clerk sandbox: %s is damaged: %w", filepath.Join(dir, "clerk.json"), err)
	}
	return st, nil
}

// save writes the state, whole and atomically. The caller holds the mutex.
func (s *Server) save() error {
	if s.cfg.Dir == "" {
		return nil
	}
	raw, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(s.cfg.Dir, "clerk-*.json") // 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(raw)
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(s.cfg.Dir, "clerk.json"))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

func newID(prefix string) string { return prefix + "_" + rand.Text() }
