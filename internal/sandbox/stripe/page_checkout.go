package stripe

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// checkoutData is what the checkout page shows.
type checkoutData struct {
	Action, Heading, Amount, Terms string
	Lines                          []textLine
	DueToday                       string
	EmailFixed, Promotions         bool
	NeedsPayment, Card, Bank       bool
	Button, CancelURL              string
}

func (p *site) checkoutPage(w http.ResponseWriter, r *http.Request) {
	p.showCheckout(w, r, newView("", r), nil)
}

// pay takes the forms: it fills a test card in, applies a code, or pays.
func (p *site) pay(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	switch {
	case r.PostForm.Has("promotion_code"):
		p.applyCode(w, r, v)
	case v.Filled.Number != "":
		p.showCheckout(w, r, v, nil)
	default:
		p.payWith(w, r, v, typedCard(r))
	}
}

// payWith pays and goes on: to the shop, to the 3-D Secure step, or back to
// the form with what is wrong.
func (p *site) payWith(w http.ResponseWriter, r *http.Request, v pageView, entry cardEntry) {
	id := r.PathValue("id")
	var target string
	wait := waitingCard{of: id, card: entry}
	err := p.s.change(func(t *tx) error {
		s := t.sessionByURL(id)
		if s == nil || s.Status != "open" {
			return nil // showCheckout says so
		}
		data := t.checkoutData(s, &v)
		entry.Bank = data.Bank && (entry.Bank || !data.Card) // what the session takes
		if v.missing(entry, data); len(v.Errors) > 0 {
			return nil
		}
		wait.business, wait.what = t.businessOf(s), data.Heading+", "+data.DueToday+" today"
		var err error
		target, err = t.payCheckout(s, entry)
		return err
	})
	switch {
	case errors.Is(err, errAuthenticationRequired):
		redirectTo(w, r, "/c/pay/"+id+"/authenticate/"+p.cards.put(wait))
	case err == nil && target != "":
		redirectTo(w, r, target)
	default:
		p.showCheckout(w, r, v, err)
	}
}

func (p *site) finishCheckoutStep(w http.ResponseWriter, r *http.Request, v pageView, waiting waitingCard, failure error) {
	if failure != nil {
		p.showCheckout(w, r, v, failure)
		return
	}
	p.payWith(w, r, v, waiting.card)
}

// missing notes the fields that were left empty.
func (v *pageView) missing(entry cardEntry, data checkoutData) {
	if !data.EmailFixed && !strings.Contains(entry.Email, "@") {
		v.Errors["email"] = "Enter your email address."
	}
	if data.NeedsPayment {
		v.missingCard(entry)
	}
}

func (v *pageView) missingCard(entry cardEntry) {
	if entry.Name == "" {
		v.Errors["name"] = "Enter the name of the payer."
	}
	if entry.Bank {
		return
	}
	for _, empty := range []struct{ typed, field, error string }{
		{entry.Number, "number", "Enter a card number."},
		{entry.Expiry, "expiry", "Enter the expiry date."},
		{entry.CVC, "cvc", "Enter the security code."},
	} {
		if empty.typed == "" {
			v.Errors[empty.field] = empty.error
		}
	}
}

// showCheckout shows the form with an error, or why there is no form.
func (p *site) showCheckout(w http.ResponseWriter, r *http.Request, v pageView, failure error) {
	status, known := v.statusOf(failure)
	if !known {
		p.broken(w, r, failure)
		return
	}
	var state string
	var way message
	_ = p.s.view(func(t *tx) error {
		s := t.sessionByURL(r.PathValue("id"))
		if s == nil {
			return nil
		}
		state, v.Title, v.Business = s.Status, "Checkout", t.businessOf(s)
		switch state {
		case "complete":
			way = message{Text: "Nothing is left to do here.", Link: s.returnURL(), LinkText: "Go on to " + v.Business}
		case "expired":
			way = message{Text: "Nothing was paid. Ask " + v.Business + " for a new one.", Link: val(s.CancelURL), LinkText: "Back to " + v.Business}
		}
		v.Data = t.checkoutData(s, &v)
		return nil
	})
	switch state {
	case "":
		p.nothing(w, r)
	case "complete":
		p.message(w, r, http.StatusOK, "This checkout is complete", v.Business, way)
	case "expired":
		p.message(w, r, http.StatusGone, "This checkout has expired", v.Business, way)
	default:
		p.show(w, status, "checkout", v)
	}
}

// returnURL is the success_url with the session's id in its place.
func (s *checkoutSession) returnURL() string {
	return strings.ReplaceAll(val(s.SuccessURL), "{CHECKOUT_SESSION_ID}", s.ID)
}

// checkoutData says what is paid for, and puts a known email into the form.
func (t *tx) checkoutData(s *checkoutSession, v *pageView) checkoutData {
	at := t.at(s)
	d := checkoutData{Action: "/c/pay/" + s.ID, DueToday: t.money(s.AmountTotal, s.Currency), CancelURL: val(s.CancelURL),
		Promotions:   val(s.AllowPromotionCodes) && s.Discount == nil,
		NeedsPayment: s.AmountTotal > 0 || (s.Mode == "subscription" && val(s.PaymentMethodCollection) != "if_required")}
	d.Card = len(s.PaymentMethodTypes) == 0 || slices.Contains(s.PaymentMethodTypes, "card")
	d.Bank = slices.ContainsFunc(s.PaymentMethodTypes, func(kind string) bool { return strings.HasSuffix(kind, "_debit") || kind == "us_bank_account" })

	email := val(s.CustomerEmail)
	if c := t.customerOf(val(s.Customer), s); c != nil && val(c.Email) != "" {
		email = *c.Email
	}
	if email != "" {
		d.EmailFixed = true
		v.Form.Set("email", email)
	}

	names := make([]string, 0, len(s.Items))
	var each int64
	var every *recurring
	trial := trialText(t.checkoutTrialEnd(s).Unix(), at.now)
	for _, l := range s.Items {
		name := at.productName(&l.Price)
		names = append(names, name)
		line := textLine{Text: name, Note: at.priceText(&l.Price, 1), Amount: t.money(l.AmountSubtotal, l.Currency)}
		if l.Quantity > 1 {
			line.Note = countText(l.Quantity, "unit") + ", each " + line.Note
		}
		if l.Price.Recurring != nil {
			each, every = each+l.Price.UnitAmount*max(l.Quantity, 1), l.Price.Recurring
		}
		d.Lines = append(d.Lines, line)
	}
	if s.Discount != nil {
		d.Lines = append(d.Lines, textLine{Text: "Discount", Note: t.discountText(s.Discount.Coupon), Amount: t.money(-s.TotalDetails.AmountDiscount, s.Currency)})
	}

	what, regular := strings.Join(names, ", "), t.money(each, s.Currency)+everyText(every)
	switch {
	case every == nil:
		d.Heading, d.Amount, d.Button = "Pay for "+what, d.DueToday, "Pay "+d.DueToday
	case trial != "":
		d.Heading, d.Amount, d.Terms, d.Button = "Try "+what, trial, "then "+regular, "Start trial"
	default:
		d.Heading, d.Amount, d.Button = "Subscribe to "+what, regular, "Subscribe"
	}
	return d
}

// trialText is "14 days free" for a trial from now to its end, or nothing
// without one.
func trialText(end, now int64) string {
	if end <= now {
		return ""
	}
	return countText((end-now+day-1)/day, "day") + " free"
}
