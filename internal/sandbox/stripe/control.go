package stripe

import (
	"errors"
	"net/http"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// control is the route table of the sandbox's own endpoints; the package
// comment documents them.
func (s *Server) control() http.Handler {
	c := standin.NewControl(&s.faults)
	c.Handle("GET events", func(r *http.Request) (any, error) {
		return map[string]any{"events": s.Events(r.FormValue("type"), r.FormValue("status"), r.FormValue("account"))}, nil
	})
	c.Handle("POST events/{id}/resend", func(r *http.Request) (any, error) {
		return standin.Done, s.ResendEvent(r.PathValue("id"))
	})
	c.Handle("GET clock", func(*http.Request) (any, error) { return s.clockAnswer(), nil })
	c.Handle("POST clock/advance", s.postAdvance)
	c.Handle("POST async/settle", s.postSettle)
	c.Handle("POST accounts", s.postAccount)
	c.Handle("GET accounts", s.getAccounts)
	c.Handle("POST accounts/{id}/update", s.postAccountUpdate)
	c.Handle("POST accounts/{id}/deauthorize", func(r *http.Request) (any, error) {
		return standin.Done, s.change(func(t *tx) error { return t.deauthorize(r.PathValue("id")) })
	})
	c.Handle("POST customers/{id}/card", s.postCard)
	c.Handle("GET state", s.getState)
	c.Handle("POST reset", func(*http.Request) (any, error) { return standin.Done, s.Reset() })
	return c.Handler()
}

func (s *Server) clockAnswer() map[string]any {
	ahead := s.Ahead()
	return map[string]any{"now": s.cfg.Now().Add(ahead).UTC().Format(time.RFC3339), "aheadSeconds": int64(ahead / time.Second)}
}

func (s *Server) postAdvance(r *http.Request) (any, error) {
	var p struct {
		Seconds int64 `json:"seconds"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	const century = 100 * 366 * 24 * 3600
	if p.Seconds <= 0 || p.Seconds > century {
		return nil, errors.New("seconds must be above zero, and at most a hundred years")
	}
	if err := s.Advance(time.Duration(p.Seconds) * time.Second); err != nil {
		return nil, err
	}
	return s.clockAnswer(), nil
}

func (s *Server) postSettle(r *http.Request) (any, error) {
	var p struct {
		Session string `json:"session"`
		Outcome string `json:"outcome"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	return standin.Done, s.change(func(t *tx) error { return t.settle(p.Session, p.Outcome) })
}

func (s *Server) postAccount(r *http.Request) (any, error) {
	var p struct {
		Email        string `json:"email"`
		BusinessName string `json:"businessName"`
		Country      string `json:"country"`
		Currency     string `json:"currency"`
		Connected    bool   `json:"connected"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	var answer accountAnswer
	err := s.change(func(t *tx) error {
		a, err := t.createAccount(newAccount{p.Email, p.BusinessName, p.Country, p.Currency})
		if err == nil {
			a.Connected = p.Connected
			answer = answerOfAccount(a)
		}
		return err
	})
	return answer, err
}

// accountAnswer is an account as the control endpoints show it.
type accountAnswer struct {
	ID             string `json:"id"`
	Email          string `json:"email"`
	BusinessName   string `json:"businessName"`
	Country        string `json:"country"`
	Currency       string `json:"currency"`
	ChargesEnabled bool   `json:"chargesEnabled"`
	Connected      bool   `json:"connected"`
}

func answerOfAccount(a *account) accountAnswer {
	return accountAnswer{a.ID, val(a.Email), val(a.BusinessProfile.Name), a.Country, a.DefaultCurrency, a.ChargesEnabled, a.Connected}
}

func (s *Server) getAccounts(*http.Request) (any, error) {
	list := []accountAnswer{}
	err := s.view(func(t *tx) error {
		for _, a := range t.accounts() {
			list = append(list, answerOfAccount(a))
		}
		return nil
	})
	return map[string]any{"accounts": list}, err
}

func (s *Server) postAccountUpdate(r *http.Request) (any, error) {
	var p struct {
		ChargesEnabled *bool `json:"chargesEnabled"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	if p.ChargesEnabled == nil {
		return nil, errors.New("chargesEnabled must be given")
	}
	return standin.Done, s.change(func(t *tx) error { return t.setChargesEnabled(r.PathValue("id"), *p.ChargesEnabled) })
}

func (s *Server) postCard(r *http.Request) (any, error) {
	var p struct {
		Card string `json:"card"`
	}
	if err := standin.Decode(r, &p); err != nil {
		return nil, err
	}
	return standin.Done, s.change(func(t *tx) error { return t.swapCard(r.PathValue("id"), p.Card) })
}

func (s *Server) getState(*http.Request) (any, error) {
	type counted struct {
		Account      string         `json:"account"`
		BusinessName string         `json:"businessName"`
		Livemode     bool           `json:"livemode"`
		Connected    bool           `json:"connected"`
		Counts       map[string]int `json:"counts"`
	}
	var list []counted
	err := s.view(func(t *tx) error {
		for _, c := range t.counts() {
			list = append(list, counted{c.Account.ID, val(c.Account.BusinessProfile.Name), c.Livemode, c.Account.Connected, c.Counts})
		}
		return nil
	})
	return map[string]any{"scopes": list, "clock": s.clockAnswer(), "faults": len(s.Faults())}, err
}

// Reset forgets everything but our account's id, and makes again what the
// configuration asks for. The clock goes back to the machine's.
func (s *Server) Reset() error {
	s.ClearFaults()
	s.mu.Lock()
	err := s.run(true, requestInfo{}, func(t *tx) error {
		for _, o := range s.store.everything() {
			if o != object(s.clock) {
				t.remove(o)
			}
		}
		t.edit(s.clock)
		s.clock.Ahead = 0
		for _, ep := range s.endpoints {
			ep.queue = nil
		}
		s.syncEndpoints()
		return t.seed()
	})
	s.mu.Unlock()
	if err == nil && s.cfg.OnClock != nil {
		s.cfg.OnClock(0)
	}
	return err
}
