package stripe

import (
	"net/http"
	"strconv"
	"strings"
)

// applyCode takes the form of a checkout in which a promotion code is typed.
func (p *site) applyCode(w http.ResponseWriter, r *http.Request, v pageView) {
	err := p.s.change(func(t *tx) error {
		if s := t.sessionByURL(r.PathValue("id")); s != nil && s.Status == "open" {
			return t.at(s).promote(s, typed(r, "promotion_code"))
		}
		return nil // showCheckout says so
	})
	if err != nil {
		p.showCheckout(w, r, v, err)
		return
	}
	redirectTo(w, r, "/c/pay/"+r.PathValue("id"))
}

// promote gives a checkout the discount that a code stands for.
func (t *tx) promote(s *checkoutSession, typed string) error {
	if !val(s.AllowPromotionCodes) || s.Discount != nil {
		return invalid("", "", "No code can be added here.")
	}
	for _, code := range all[*promotionCode](t) {
		if !code.Active || !strings.EqualFold(code.Code, typed) {
			continue
		}
		d, err := t.discountOf(values{"promotion_code": code.ID}, val(s.Customer))
		if err != nil {
			return err
		}
		t.edit(s)
		s.Discount, s.AmountSubtotal = d, 0
		t.totalSession(s)
		return nil
	}
	return invalid("promotion_code_invalid", "promotion_code", "This code is not valid.")
}

// discountText says what a coupon takes off, and for how long.
func (t *tx) discountText(c coupon) string {
	text := "discount"
	switch {
	case c.PercentOff != nil:
		text = strconv.FormatFloat(*c.PercentOff, 'f', -1, 64) + "% off"
	case c.AmountOff != nil:
		text = t.money(*c.AmountOff, val(c.Currency)) + " off"
	}
	if name := val(c.Name); name != "" {
		text = name + ", " + text
	}
	switch c.Duration {
	case "forever":
		return text + " for ever"
	case "repeating":
		return text + " for " + countText(val(c.DurationInMonths), "month")
	}
	return text + " once"
}
