package stripe

import (
	"cmp"
	"net/http"
	"slices"
)

// portalData is what the portal's first page shows.
type portalData struct {
	Base, Customer, Done, Card, ReturnURL string
	Subscriptions                         []portalPlan
	CanSetCard, ShowInvoices              bool
	Invoices                              []portalInvoice
}

type portalPlan struct {
	ID, Plan, Price, Status, StatusClass string
	Facts                                []string
	CanChange, CanCancel, CanResume      bool
	ResumeLabel                          string
}

type portalInvoice struct{ Issued, Number, Link, Status, StatusClass, Amount string }

// What the portal's first page says has been done, by the word in its address.
var portalDone = map[string]string{
	"changed":   "Your plan is changed.",
	"scheduled": "The change is scheduled.",
	"canceled":  "Your plan is cancelled.",
	"resumed":   "Your plan goes on.",
	"card":      "Your card is saved.",
}

// portalEntry opens the page that the session was made for.
func (p *site) portalEntry(w http.ResponseWriter, r *http.Request) {
	page := "/home"
	v := newView("", r)
	if !p.inPortal(w, r, &v, func(_ *tx, s *portalSession) error {
		if s.Flow == nil {
			return nil
		}
		switch f := s.Flow; f.Type {
		case "payment_method_update":
			page = "/card"
		case "subscription_cancel":
			page = "/cancel/" + f.SubscriptionCancel.Subscription
		case "subscription_update":
			page = "/plans"
		case "subscription_update_confirm":
			page = "/change?price=" + f.SubscriptionUpdateConfirm.Items[0].Price
		}
		return nil
	}) {
		return
	}
	redirectTo(w, r, "/p/session/"+r.PathValue("id")+page)
}

// inPortal looks at the session of the address. It is false if it has answered:
// that there is no such session, or with the error.
func (p *site) inPortal(w http.ResponseWriter, r *http.Request, v *pageView, look func(*tx, *portalSession) error) bool {
	found, err := p.withPortal(w, r, v, p.s.view, look)
	if err != nil {
		p.showPortal(w, r, err)
	}
	return found && err == nil
}

// withPortal runs an operation on the session of the address. Without one it
// has answered.
func (p *site) withPortal(w http.ResponseWriter, r *http.Request, v *pageView, run func(func(*tx) error) error, do func(*tx, *portalSession) error) (found bool, err error) {
	err = run(func(t *tx) error {
		s := t.portalByURL(r.PathValue("id"))
		if s == nil {
			return nil
		}
		found, v.Business = true, t.businessOf(s)
		return do(t, s)
	})
	if !found {
		p.message(w, r, http.StatusNotFound, "This billing page is over", "",
			message{Text: "Such a link works for an hour. Go back to where you came from, and open your billing page again."})
	}
	return found, err
}

func (p *site) portalHome(w http.ResponseWriter, r *http.Request) { p.showPortal(w, r, nil) }

// showPortal shows the first page, and on it what could not be done.
func (p *site) showPortal(w http.ResponseWriter, r *http.Request, failure error) {
	v := newView("Your billing", r)
	status, known := v.statusOf(failure)
	if !known {
		p.broken(w, r, failure)
		return
	}
	for _, text := range v.Errors {
		v.Errors = map[string]string{"": text} // the field, if any, is on another page
	}
	if p.inPortal(w, r, &v, func(t *tx, s *portalSession) error {
		data := t.portalData(s)
		data.Done = portalDone[r.URL.Query().Get("done")]
		v.Data = data
		return nil
	}) {
		p.show(w, status, "portal", v)
	}
}

func (t *tx) portalData(s *portalSession) portalData {
	features := t.portalConfig(s).Features
	d := portalData{Base: "/p/session/" + s.ID, ReturnURL: t.portalReturn(s), CanSetCard: features.PaymentMethodUpdate.Enabled,
		ShowInvoices: features.InvoiceHistory.Enabled}
	c := t.customerOf(s.Customer, s)
	d.Customer = cmp.Or(val(c.Email), val(c.Name), c.ID)
	changes := t.changing(s)
	for _, sub := range t.portalSubscriptions(s) {
		plan := t.portalPlan(sub)
		plan.CanChange = changes != nil && sub.ID == changes.ID && len(t.portalPrices(s)) > 0
		plan.CanCancel = features.SubscriptionCancel.Enabled && !plan.CanResume && sub.CancelAt == nil
		d.Subscriptions = append(d.Subscriptions, plan)
		d.Card = cmp.Or(d.Card, methodText(t.cardOf(sub)))
	}
	if d.Card == "" {
		d.Card = methodText(get[*paymentMethod](t.at(s), val(c.InvoiceSettings.DefaultPaymentMethod)))
	}
	if d.ShowInvoices {
		for _, i := range t.invoicesOf(s) {
			row := portalInvoice{Issued: dateText(i.Created), Number: cmp.Or(val(i.Number), i.ID), Link: "/i/" + i.ID, Amount: t.money(i.Total, i.Currency)}
			row.Status, row.StatusClass = statusText(i.Status)
			d.Invoices = append(d.Invoices, row)
		}
	}
	return d
}

// portalReturn is where the portal's visitor came from; "" if nobody said.
func (t *tx) portalReturn(s *portalSession) string {
	return cmp.Or(val(s.ReturnURL), val(t.portalConfig(s).DefaultReturnURL))
}

// changing is the subscription whose plan the portal changes: that of its
// flow, else the newest that can change. It is nil if there is none, or the
// configuration does not let plans change.
func (t *tx) changing(s *portalSession) *subscription {
	update := t.portalConfig(s).Features.SubscriptionUpdate
	if !update.Enabled || !slices.Contains(update.DefaultAllowedUpdates, "price") {
		return nil
	}
	wanted := ""
	if f := s.Flow; f != nil && f.SubscriptionUpdate != nil {
		wanted = f.SubscriptionUpdate.Subscription
	} else if f != nil && f.SubscriptionUpdateConfirm != nil {
		wanted = f.SubscriptionUpdateConfirm.Subscription
	}
	for _, sub := range t.portalSubscriptions(s) {
		switch sub.Status {
		case "active", "trialing", "past_due":
			if wanted == "" || sub.ID == wanted {
				return sub
			}
		}
	}
	return nil
}

// portalPlan says what a subscription is, costs, and will become.
func (t *tx) portalPlan(sub *subscription) portalPlan {
	plan := portalPlan{ID: sub.ID}
	plan.Status, plan.StatusClass = statusText(sub.Status)
	for i := range sub.Items.Data {
		item := &sub.Items.Data[i]
		if i == 0 {
			plan.Plan, plan.Price = t.productName(&item.Price), t.priceText(&item.Price, item.Quantity)
		} else {
			plan.Facts = append(plan.Facts, "and "+t.productName(&item.Price)+", "+t.priceText(&item.Price, item.Quantity))
		}
	}
	note := func(text string) { plan.Facts = append(plan.Facts, text) }
	next, when := t.scheduledChange(sub)
	ends := sub.CancelAtPeriodEnd || sub.CancelAt != nil
	if d := sub.Discount; d != nil {
		note("Discount: " + t.discountText(d.Coupon) + ".")
	}
	switch sub.Status {
	case "trialing":
		note("Free until " + dateText(val(sub.TrialEnd)) + ".")
	case "past_due":
		note("The last payment failed. Update the card, and it is tried again.")
	case "unpaid":
		note("Payments failed, and nothing more is tried.")
	case "incomplete":
		note("The first payment is not through.")
	case "paused":
		note("Paused: a payment method is missing.")
	}
	switch {
	case ends:
		note("Ends on " + dateText(cmp.Or(val(sub.CancelAt), sub.CurrentPeriodEnd)) + " and doesn't renew.")
	case next != nil:
		note("Changes to " + t.productName(next) + ", " + t.priceText(next, 1) + ", on " + dateText(when.Unix()) + ".")
	case sub.Status == "active", sub.Status == "trialing":
		note("Renews on " + dateText(sub.CurrentPeriodEnd) + ".")
	}
	switch {
	case sub.CancelAtPeriodEnd || sub.CancelAt != nil:
		plan.CanResume, plan.ResumeLabel = true, "Don't cancel"
	case next != nil:
		plan.CanResume, plan.ResumeLabel = true, "Drop the change"
	}
	return plan
}

// methodText names what renewals charge: "Visa ending in 4242"; "" for none.
func methodText(m *paymentMethod) string {
	switch {
	case m == nil:
		return ""
	case m.Card != nil:
		return brandText(m.Card.Brand) + " ending in " + m.Card.Last4
	case m.BankAccount != nil:
		return m.BankAccount.BankName + " account ending in " + m.BankAccount.Last4
	}
	return m.Type
}
