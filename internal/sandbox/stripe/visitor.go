package stripe

import (
	"errors"
	"path"
	"strings"
	"time"
)

// What a person does on the pages, for a program that plays many people: each takes the address of a page, which somebody
// was sent to, and does what the form there does.

// Cards that a Visitor can pay with.
const (
	GoodCard   = "4242424242424242"
	BrokenCard = "4000000000000341" // it can be saved, and each charge is declined
)

func filledIn(card string, at int64) cardEntry {
	year := time.Unix(at, 0).UTC().AddDate(3, 0, 0)
	return cardEntry{Number: card, Expiry: year.Format("01/06"), CVC: "123", Country: "US"}
}

// Pay pays at a checkout page.
func (s *Server) Pay(page, card string) error {
	return s.change(func(t *tx) error {
		session := t.sessionByURL(path.Base(page))
		if session == nil {
			return errors.New("there is no such checkout page")
		}
		_, err := t.payCheckout(session, filledIn(card, t.at(session).now))
		return err
	})
}

// inPortal does something in the billing portal that a page belongs to.
func (s *Server) inPortal(page string, do func(*tx, *portalSession) error) error {
	return s.change(func(t *tx) error {
		_, rest, _ := strings.Cut(page, "/p/session/")
		id, _, _ := strings.Cut(rest, "/")
		p := t.portalByURL(id)
		if p == nil {
			return errors.New("there is no such portal page")
		}
		return do(t, p)
	})
}

// ConfirmChange confirms the change of a subscription that a portal page was opened for.
func (s *Server) ConfirmChange(page string) error {
	return s.inPortal(page, func(t *tx, p *portalSession) error {
		if p.Flow == nil || p.Flow.SubscriptionUpdateConfirm == nil {
			return errors.New("the page is for no change")
		}
		_, err := t.portalChange(p, p.Flow.SubscriptionUpdateConfirm.Items[0].Price, false, nil)
		return err
	})
}

// Cancel cancels the subscription in the portal. reason is one of the page's, or empty.
func (s *Server) Cancel(page, reason string) error {
	return s.inPortal(page, func(t *tx, p *portalSession) error {
		for _, sub := range t.portalSubscriptions(p) {
			return t.portalCancel(p, sub.ID, reason)
		}
		return errors.New("there is no subscription")
	})
}

// Resume calls off what the portal has planned for the subscription's end.
func (s *Server) Resume(page string) error {
	return s.inPortal(page, func(t *tx, p *portalSession) error {
		for _, sub := range t.portalSubscriptions(p) {
			return t.portalResume(p, sub.ID)
		}
		return errors.New("there is no subscription")
	})
}

// UseCard gives the portal's customer another card.
func (s *Server) UseCard(page, card string) error {
	return s.inPortal(page, func(t *tx, p *portalSession) error { return t.portalSetCard(p, filledIn(card, t.at(p).now)) })
}

// Undelivered is how many events are on their way.
func (s *Server) Undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, ep := range s.endpoints {
		n += len(ep.queue)
	}
	return n
}

// Rewind puts the clock behind the machine's, so that a history can be made from there on. It can be done once, before the
// clock was ever turned: what has happened stays, and nothing happens twice, as each thing is due at a moment of its own.
func (s *Server) Rewind(d time.Duration) error {
	if d <= 0 {
		return errors.New("the clock is rewound by more than nothing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clock.Ahead != 0 {
		return errors.New("the clock has been turned before")
	}
	err := s.run(true, requestInfo{}, func(t *tx) error {
		t.edit(s.clock)
		s.clock.Ahead = -d
		return nil
	})
	if err == nil && s.cfg.OnClock != nil {
		s.cfg.OnClock(s.clock.Ahead)
	}
	return err
}
