package stripe

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
)

// cancelData is what the page shows on which a plan is cancelled.
type cancelData struct {
	Action, Plan, Price, When, Back string
	Reasons                         []reason
}

type reason struct{ Value, Text string }

var cancelReasons = map[string]string{
	"too_expensive":    "It is too expensive",
	"missing_features": "Something I need is missing",
	"switched_service": "I use another service",
	"unused":           "I don't use it enough",
	"customer_service": "I was not content with the service",
	"too_complex":      "It is too complicated",
	"low_quality":      "The quality is too low",
	"other":            "Another reason",
}

func (p *site) cancelPage(w http.ResponseWriter, r *http.Request) {
	v := newView("Cancel your plan", r)
	if p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		sub, err := t.cancellable(s, r.PathValue("subscription"))
		if err != nil {
			return err
		}
		rules := t.portalConfig(s).Features.SubscriptionCancel
		plan := t.portalPlan(sub)
		data := cancelData{Action: r.URL.Path, Plan: plan.Plan, Price: plan.Price, Back: t.portalBack(s),
			When: "It stays yours until " + dateText(sub.CurrentPeriodEnd) + ", and is not renewed."}
		if rules.Mode == "immediately" {
			data.When = "It ends at once."
			if rules.ProrationBehavior != "none" {
				data.When += " What is left of the paid period is credited to you."
			}
		}
		if rules.CancellationReason.Enabled {
			for _, option := range rules.CancellationReason.Options {
				data.Reasons = append(data.Reasons, reason{option, cmp.Or(cancelReasons[option], option)})
			}
		}
		v.Data = data
		return nil
	}) {
		p.show(w, http.StatusOK, "portal-cancel", v)
	}
}

func (p *site) cancelPlan(w http.ResponseWriter, r *http.Request) {
	p.portalDo(w, r, "canceled", func(t *tx, s *portalSession) error {
		sub, err := t.cancellable(s, r.PathValue("subscription"))
		if err != nil {
			return err
		}
		return t.portalCancel(s, sub.ID, r.PostFormValue("reason"))
	})
}

func (p *site) resumePlan(w http.ResponseWriter, r *http.Request) {
	p.portalDo(w, r, "resumed", func(t *tx, s *portalSession) error {
		return t.portalResume(s, r.PathValue("subscription"))
	})
}

// portalDo changes something and leaves the page.
func (p *site) portalDo(w http.ResponseWriter, r *http.Request, done string, do func(*tx, *portalSession) error) {
	v := newView("", r)
	found, err := p.withPortal(w, r, &v, p.s.change, do)
	switch {
	case !found:
	case err != nil:
		p.showPortal(w, r, err)
	default:
		p.leave(w, r, done)
	}
}

// cancellable is the subscription, if the portal lets its owner cancel it.
func (t *tx) cancellable(s *portalSession, id string) (*subscription, error) {
	for _, sub := range t.portalSubscriptions(s) {
		if sub.ID != id {
			continue
		}
		if !t.portalConfig(s).Features.SubscriptionCancel.Enabled {
			return nil, notOffered("Plans can't be cancelled here.")
		}
		if sub.CancelAtPeriodEnd || sub.CancelAt != nil {
			return nil, notOffered("This plan is cancelled already.")
		}
		return sub, nil
	}
	return nil, notOffered("There is no such plan any more.")
}

// cardData is what the page shows on which a card is saved.
type cardData struct{ Action, Card, Back string }

func (p *site) cardPage(w http.ResponseWriter, r *http.Request) {
	p.showCard(w, r, newView("", r), nil)
}

// setCard takes the form: it fills a test card in, or saves the card.
func (p *site) setCard(w http.ResponseWriter, r *http.Request) {
	v, entry := newView("", r), typedCard(r)
	if v.Filled.Number == "" {
		v.missingCard(entry)
		if len(v.Errors) == 0 {
			p.setCardTo(w, r, v, entry)
			return
		}
	}
	p.showCard(w, r, v, nil)
}

func (p *site) setCardTo(w http.ResponseWriter, r *http.Request, v pageView, entry cardEntry) {
	wait := waitingCard{of: r.PathValue("id"), card: entry, what: "saving the card for later payments"}
	found, err := p.withPortal(w, r, &v, p.s.change, func(t *tx, s *portalSession) error {
		if !t.portalConfig(s).Features.PaymentMethodUpdate.Enabled {
			return notOffered("The card can't be changed here.")
		}
		wait.business = v.Business
		return t.portalSetCard(s, entry)
	})
	switch {
	case !found:
	case errors.Is(err, errAuthenticationRequired):
		redirectTo(w, r, "/p/session/"+wait.of+"/authenticate/"+p.cards.put(wait))
	case err != nil:
		p.showCard(w, r, v, err)
	default:
		p.leave(w, r, "card")
	}
}

func (p *site) showCard(w http.ResponseWriter, r *http.Request, v pageView, failure error) {
	v.Title = "Your card"
	status, known := v.statusOf(failure)
	if !known {
		p.broken(w, r, failure)
		return
	}
	if p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		if !t.portalConfig(s).Features.PaymentMethodUpdate.Enabled {
			return notOffered("The card can't be changed here.")
		}
		v.Data = cardData{Action: "/p/session/" + s.ID + "/card", Card: t.portalData(s).Card, Back: t.portalBack(s)}
		return nil
	}) {
		p.show(w, status, "portal-card", v)
	}
}

// flowOf is the kind of flow that ends with what has been done.
var flowOf = map[string][]string{
	"changed":   {"subscription_update", "subscription_update_confirm"},
	"scheduled": {"subscription_update", "subscription_update_confirm"},
	"canceled":  {"subscription_cancel"},
	"card":      {"payment_method_update"},
}

// leave goes where the session says after its flow is complete, and otherwise
// to the portal's first page.
func (p *site) leave(w http.ResponseWriter, r *http.Request, done string) {
	target := "/p/session/" + r.PathValue("id") + "/home?done=" + done
	v := newView("", r)
	var confirmed *message
	if !p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		if s.Flow == nil || !slices.Contains(flowOf[done], s.Flow.Type) {
			return nil
		}
		switch after := s.Flow.AfterCompletion; {
		case after.Redirect != nil:
			target = after.Redirect.ReturnURL
		case after.Type == "hosted_confirmation":
			confirmed = &message{Text: portalDone[done], Link: t.portalReturn(s), LinkText: "Return to " + v.Business}
			if h := after.HostedConfirmation; h != nil {
				confirmed.Text = cmp.Or(val(h.CustomMessage), confirmed.Text)
			}
		}
		return nil
	}) {
		return
	}
	if confirmed != nil {
		p.message(w, r, http.StatusOK, "Done", v.Business, *confirmed)
		return
	}
	redirectTo(w, r, target)
}
