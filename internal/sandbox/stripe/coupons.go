package stripe

import (
	"net/http"
	"strings"
)

const couponParams = `amount_off:int currency duration:forever|once|repeating duration_in_months:int id max_redemptions:int metadata:metadata name percent_off:decimal redeem_by:time`

func createCoupon(t *tx, r *request) (any, error) {
	c := &coupon{header: header{ID: r.str("id")}, AmountOff: optional[int64](r.values, "amount_off"), PercentOff: optional[float64](r.values, "percent_off"),
		Duration: "once", DurationInMonths: optional[int64](r.values, "duration_in_months"), MaxRedemptions: optional[int64](r.values, "max_redemptions"),
		Name: optional[string](r.values, "name"), RedeemBy: optional[int64](r.values, "redeem_by"), Valid: true}
	setValue(r.values, "duration", &c.Duration)
	switch {
	case c.ID != "" && get[*coupon](t, c.ID) != nil:
		return nil, invalid("resource_already_exists", "id", "Coupon already exists.")
	case (c.AmountOff == nil) == (c.PercentOff == nil):
		return nil, invalid("parameter_missing", "", "You must pass either `percent_off` or `amount_off`, and not both.")
	case c.PercentOff != nil && (*c.PercentOff <= 0 || *c.PercentOff > 100):
		return nil, invalid("", "percent_off", "Invalid percent_off: must be above 0, and at most 100.")
	case c.AmountOff != nil && *c.AmountOff < 1:
		return nil, invalid("parameter_invalid_integer", "amount_off", "Invalid positive integer")
	case c.AmountOff != nil && len(r.str("currency")) != 3:
		return nil, invalid("parameter_missing", "currency", "You must pass currency when passing amount_off.")
	case (c.Duration == "repeating") != (c.DurationInMonths != nil):
		return nil, invalid("", "duration_in_months", "duration_in_months goes with the duration repeating, and is needed there.")
	}
	if c.AmountOff != nil {
		c.Currency = ptr(strings.ToLower(r.str("currency")))
	}
	var err error
	if c.Metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	if c.ID == "" {
		c.ID = randomID("", 8)
	}
	t.add(c, "")
	t.emit("coupon.created", c)
	return c, nil
}

func getCoupon(t *tx, r *request) (any, error) {
	c, err := find[*coupon](t, r)
	if err == nil {
		answer := wireOf(c)
		answer["valid"] = c.usable(t.now)
		return answer, nil
	}
	return nil, err
}

func (c *coupon) usable(now int64) bool {
	return (c.RedeemBy == nil || now < *c.RedeemBy) && (c.MaxRedemptions == nil || c.TimesRedeemed < *c.MaxRedemptions)
}

func createPromotionCode(t *tx, r *request) (any, error) {
	c, err := referred[*coupon](t, r.str("coupon"), "coupon")
	if err != nil {
		return nil, err
	}
	p := &promotionCode{Active: true, Code: strings.ToUpper(randomID("", 8)), Coupon: *c, Customer: optional[string](r.values, "customer"),
		ExpiresAt: optional[int64](r.values, "expires_at"), MaxRedemptions: optional[int64](r.values, "max_redemptions")}
	setValue(r.values, "active", &p.Active)
	setValue(r.values, "code", &p.Code)
	for _, other := range all[*promotionCode](t) {
		if other.Active && strings.EqualFold(other.Code, p.Code) {
			return nil, invalid("resource_already_exists", "code", "An active promotion code with `code: %s` already exists.", p.Code)
		}
	}
	if p.Metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	t.add(p, "promo_")
	t.emit("promotion_code.created", p)
	return p, nil
}

func listPromotionCodes(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*promotionCode](t), func(p *promotionCode) bool {
		return (!r.has("active") || p.Active == r.yes("active")) && (!r.has("code") || strings.EqualFold(p.Code, r.str("code"))) &&
			r.like("coupon", p.Coupon.ID) && r.like("customer", val(p.Customer)) && r.within("created", &p.Created)
	}))
}

// redeemed is the discount of the coupon or promotion_code of the parameters,
// put to use; nil if there is neither.
func (t *tx) redeemed(v values, customerID string) (*discount, error) {
	d, err := t.discountOf(v, customerID)
	if d != nil {
		t.redeem(d)
	}
	return d, err
}

// redeem counts a use.
func (t *tx) redeem(d *discount) {
	if p := get[*promotionCode](t, val(d.PromotionCode)); p != nil {
		t.edit(p)
		p.TimesRedeemed++
	}
	if c := get[*coupon](t, d.Coupon.ID); c != nil {
		t.edit(c)
		c.TimesRedeemed++
	}
}

// discountOf is the same, not yet put to use.
func (t *tx) discountOf(v values, customerID string) (*discount, error) {
	id := v.str("coupon")
	d := &discount{ID: randomID("di_1", 23), Object: "discount", Customer: &customerID, Start: t.now}
	if promo := v.str("promotion_code"); promo != "" {
		p, err := referred[*promotionCode](t, promo, "promotion_code")
		if err != nil {
			return nil, err
		}
		expired := p.ExpiresAt != nil && *p.ExpiresAt <= t.now || p.MaxRedemptions != nil && p.TimesRedeemed >= *p.MaxRedemptions
		if !p.Active || expired || p.Customer != nil && *p.Customer != customerID {
			return nil, invalid("promotion_code_invalid", "promotion_code", "This promotion code cannot be redeemed.")
		}
		id, d.PromotionCode = p.Coupon.ID, ptr(p.ID)
	}
	if id == "" {
		return nil, nil
	}
	c, err := referred[*coupon](t, id, "coupon")
	if err != nil {
		return nil, err
	}
	if !c.usable(t.now) {
		return nil, &apiError{status: http.StatusBadRequest, Type: typeInvalid, Code: "coupon_expired", Param: "coupon", Message: "Coupon expired: " + id}
	}
	d.Coupon = *c
	if c.Duration == "repeating" {
		d.End = ptr(monthsLater(t.now, *c.DurationInMonths))
	}
	return d, nil
}

// applies is whether the discount still holds for an invoice of a moment. One
// that holds once is dropped by its first invoice.
func (d *discount) applies(at int64) bool { return d != nil && (d.End == nil || at < *d.End) }

// offOf is what a percentage takes off an amount.
func offOf(amount int64, percent float64) int64 {
	return share(amount, int64(percent*10_000+0.5), 1_000_000)
}

// discountLines writes the discount into the lines and returns what it takes
// off. An amount comes off what is billed for periods to come, never off
// prorations, whose credit and charge it would be on twice.
func discountLines(lines []invoiceLine, d *discount, currency string) int64 {
	total := int64(0)
	left := int64(0)
	if d.Coupon.AmountOff != nil && val(d.Coupon.Currency) == currency {
		left = *d.Coupon.AmountOff
	}
	for i := range lines {
		line := &lines[i]
		if !line.Discountable {
			continue
		}
		off := int64(0)
		if d.Coupon.PercentOff != nil {
			off = offOf(line.Amount, *d.Coupon.PercentOff)
		} else if !line.Proration {
			off = max(min(line.Amount, left), 0)
			left -= off
		}
		line.DiscountAmounts = []discountAmount{{off, d.ID}}
		total += off
	}
	return total
}
