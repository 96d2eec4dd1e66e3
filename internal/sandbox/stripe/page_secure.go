package stripe

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// cardStore keeps the cards of payments that wait for their 3-D Secure step,
// in memory alone: a card's number belongs neither in a page nor in an address.
type cardStore struct {
	now     func() time.Time
	mu      sync.Mutex
	waiting map[string]waitingCard
}

// waitingCard is a payment that was asked for and not yet authenticated.
type waitingCard struct {
	of             string    // the checkout or portal session it is for
	card           cardEntry // without a number: the card on file
	price          string    // what a portal changes to; "" if it saves the card
	business, what string    // what the person is asked to confirm
	until          time.Time
}

const stepLifetime = 15 * time.Minute

// put returns the token under which take finds the card, once.
func (c *cardStore) put(w waitingCard) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.waiting == nil {
		c.waiting = map[string]waitingCard{}
	}
	for token, other := range c.waiting {
		if now.After(other.until) {
			delete(c.waiting, token)
		}
	}
	w.until = now.Add(stepLifetime)
	token := rand.Text()
	c.waiting[token] = w
	return token
}

// peek is the card that waits for the session under the token.
func (c *cardStore) peek(token, of string) (waitingCard, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(token, of)
}

// take is peek, and forgets the card.
func (c *cardStore) take(token, of string) (waitingCard, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.find(token, of)
	if ok {
		delete(c.waiting, token)
	}
	return w, ok
}

func (c *cardStore) find(token, of string) (waitingCard, bool) {
	w, ok := c.waiting[token]
	return w, ok && w.of == of && !c.now().After(w.until)
}

// stepData is what the 3-D Secure page shows.
type stepData struct{ Action, What, Card string }

// step is the page on which a person says what their bank would; back is where
// to go if no payment waits for it.
func (p *site) step(back string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		waiting, ok := p.cards.peek(r.PathValue("step"), id)
		if !ok {
			redirectTo(w, r, back+id)
			return
		}
		v := newView("Confirm it's you", r)
		v.Business = waiting.business
		v.Data = stepData{Action: r.URL.Path, What: waiting.what, Card: waiting.card.lastFour()}
		p.show(w, http.StatusOK, "authenticate", v)
	}
}

// finishStep goes on with the payment that waited: with an error in place of
// the authentication if that was failed.
func (p *site) finishStep(back string, carryOn func(w http.ResponseWriter, r *http.Request, v pageView, waiting waitingCard, failure error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		waiting, ok := p.cards.take(r.PathValue("step"), id)
		if !ok {
			redirectTo(w, r, back+id)
			return
		}
		v := newView("", r)
		complete := r.PostFormValue("outcome") == "complete"
		v.Form.Set("email", waiting.card.Email)
		v.Form.Set("name", waiting.card.Name)
		v.Form.Set("expiry", waiting.card.Expiry)
		waiting.card.Authenticated = complete
		if complete {
			carryOn(w, r, v, waiting, nil)
			return
		}
		carryOn(w, r, v, waiting, &apiError{Type: typeCard, Code: "payment_intent_authentication_failure",
			Message: "We are unable to authenticate your payment method. Please choose a different payment method and try again."})
	}
}
