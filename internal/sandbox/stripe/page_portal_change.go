package stripe

import (
	"errors"
	"net/http"
	"net/url"
)

// plansData is what the page shows on which a plan is chosen.
type plansData struct {
	Action, Present, Back string
	Plans                 []planChoice
}

type planChoice struct {
	ID, Name, Price string
	Present         bool
}

func (p *site) plansPage(w http.ResponseWriter, r *http.Request) {
	v := newView("Choose a plan", r)
	if p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		sub := t.changing(s)
		if sub == nil {
			return errNoChange()
		}
		present := sub.Items.Data[0].Price
		data := plansData{Action: "/p/session/" + s.ID + "/change", Present: t.productName(&present), Back: t.portalBack(s)}
		for _, price := range t.portalPrices(s) {
			data.Plans = append(data.Plans, planChoice{ID: price.ID, Name: t.productName(price), Price: t.priceText(price, 1), Present: price.ID == present.ID})
		}
		v.Data = data
		return nil
	}) {
		p.show(w, http.StatusOK, "portal-plans", v)
	}
}

// portalBack is where the back link of a page leads: to the portal, or where
// the visitor came from if the session has a page of its own.
func (t *tx) portalBack(s *portalSession) string {
	if s.Flow != nil {
		if back := t.portalReturn(s); back != "" {
			return back
		}
	}
	return "/p/session/" + s.ID + "/home"
}

// changeData is what the page shows on which a change is confirmed.
type changeData struct {
	Action, Back, PriceID                string
	FromName, FromPrice, ToName, ToPrice string
	When, DueLabel, DueNow, Card         string
	Lines                                []textLine
	Scheduled, OtherCard                 bool
	OtherCardURL                         string
}

func (p *site) changePage(w http.ResponseWriter, r *http.Request) {
	p.showChange(w, r, newView("", r), nil)
}

// changePlan takes the form: it fills a test card in, or changes the plan.
func (p *site) changePlan(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	switch entry := typedCard(r); {
	case v.Filled.Number != "":
		p.showChange(w, r, v, nil)
	case r.PostForm.Has("number"):
		if v.missingCard(entry); len(v.Errors) > 0 {
			p.showChange(w, r, v, nil)
			return
		}
		p.changeWith(w, r, v, &entry)
	default:
		p.changeWith(w, r, v, nil)
	}
}

// changeWith changes the plan, paying with the card on file if it is given
// none, and goes on: out of the portal, to the 3-D Secure step, or back to the
// form with what is wrong.
func (p *site) changeWith(w http.ResponseWriter, r *http.Request, v pageView, entry *cardEntry) {
	wait := waitingCard{of: r.PathValue("id"), card: val(entry), price: v.Form.Get("price")}
	done := "changed"
	found, err := p.withPortal(w, r, &v, p.s.change, func(t *tx, s *portalSession) error {
		if t.changing(s) == nil {
			return errNoChange()
		}
		preview, err := t.portalChange(s, wait.price, true, nil)
		if err != nil {
			return err
		}
		if preview.Scheduled {
			done = "scheduled"
		}
		wait.business = v.Business
		wait.what = t.productName(preview.To) + ", " + t.money(max(preview.DueNow, 0), preview.To.Currency) + " now"
		_, err = t.portalChange(s, wait.price, false, entry)
		return err
	})
	switch {
	case !found:
	case errors.Is(err, errAuthenticationRequired):
		redirectTo(w, r, "/p/session/"+wait.of+"/authenticate/"+p.cards.put(wait))
	case err != nil:
		p.showChange(w, r, v, err)
	default:
		p.leave(w, r, done)
	}
}

// showChange shows what a change means, and what was wrong with the last try.
func (p *site) showChange(w http.ResponseWriter, r *http.Request, v pageView, failure error) {
	v.Title = "Confirm the change"
	status, known := v.statusOf(failure)
	if !known {
		p.broken(w, r, failure)
		return
	}
	if p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		sub := t.changing(s)
		if sub == nil {
			return errNoChange()
		}
		c, err := t.portalChange(s, v.Form.Get("price"), true, nil)
		if err != nil {
			return err
		}
		data := t.changeData(s, sub, c)
		data.OtherCard = !c.Scheduled && (failure != nil || v.Form.Get("card") == "other" || v.Form.Has("number") || (c.DueNow > 0 && data.Card == ""))
		v.Data = data
		return nil
	}) {
		p.show(w, status, "portal-change", v)
	}
}

func (t *tx) changeData(s *portalSession, sub *subscription, c changeSummary) changeData {
	here := "/p/session/" + s.ID
	had := sub.Items.Data[0].Quantity
	wants := had
	if f := s.Flow; f != nil && f.SubscriptionUpdateConfirm != nil && f.SubscriptionUpdateConfirm.Items[0].Price == c.To.ID {
		wants = f.SubscriptionUpdateConfirm.Items[0].Quantity
	}
	d := changeData{Action: here + "/change", Back: t.portalBack(s), PriceID: c.To.ID, Card: methodText(t.cardOf(sub)), Scheduled: c.Scheduled,
		FromName: t.productName(c.From), FromPrice: t.priceText(c.From, had), ToName: t.productName(c.To), ToPrice: t.priceText(c.To, wants),
		OtherCardURL: here + "/change?" + url.Values{"price": {c.To.ID}, "card": {"other"}}.Encode()}
	if c.Scheduled {
		d.When = "The change happens on " + dateText(c.When.Unix()) + ", when the present period ends. Nothing is due now."
		return d
	}
	d.When = "The change happens now."
	d.Lines, d.DueLabel, d.DueNow = t.linesText(c.Lines), "Due now", t.money(c.DueNow, c.To.Currency)
	var sum int64
	for _, l := range c.Lines {
		sum += l.Amount
	}
	if c.DueNow <= 0 && sum != 0 {
		d.When += " What differs is settled with your next invoices."
	}
	return d
}

// finishPortalStep goes on after the 3-D Secure step of a change or of a new card.
func (p *site) finishPortalStep(w http.ResponseWriter, r *http.Request, v pageView, waiting waitingCard, failure error) {
	v.Form.Set("price", waiting.price)
	switch {
	case waiting.price == "" && failure != nil:
		p.showCard(w, r, v, failure)
	case waiting.price == "":
		p.setCardTo(w, r, v, waiting.card)
	case failure != nil:
		p.showChange(w, r, v, failure)
	default:
		p.changeWith(w, r, v, &waiting.card)
	}
}

func errNoChange() error { return notOffered("There is no plan that can be changed here.") }

// notOffered refuses what the portal's configuration leaves out.
func notOffered(text string) error { return invalid("", "", "%s", text) }
