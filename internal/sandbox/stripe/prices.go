package stripe

import (
	"slices"
	"strings"
)

const recurringParams = `{interval*:day|month|week|year interval_count:int trial_period_days:int usage_type:licensed|metered aggregate_usage:last_during_period|last_ever|max|sum}`

const createPriceParams = `active:bool billing_scheme:per_unit|tiered currency* lookup_key metadata:metadata nickname product
	product_data:{active:bool id metadata:metadata name* statement_descriptor tax_code unit_label}
	recurring:` + recurringParams + ` tax_behavior:exclusive|inclusive|unspecified transfer_lookup_key:bool unit_amount:int unit_amount_decimal:decimal`

// longestInterval is how often a price can recur at the least: once in three years.
var longestInterval = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

func createPrice(t *tx, r *request) (any, error) {
	if r.has("product") == r.has("product_data") {
		return nil, invalid("parameter_missing", "product", "Exactly one of product and product_data must be given.")
	}
	if !r.has("unit_amount") {
		if r.has("unit_amount_decimal") || r.str("billing_scheme") == "tiered" || r.hash("recurring").str("usage_type") == "metered" {
			return nil, invalid("", "unit_amount", "The sandbox knows prices with a whole unit_amount per unit only.")
		}
		return nil, invalid("parameter_missing", "unit_amount", "Missing required param: unit_amount.")
	}
	if r.str("billing_scheme") == "tiered" || r.hash("recurring").str("usage_type") == "metered" {
		return nil, invalid("", "billing_scheme", "The sandbox knows licensed prices per unit only.")
	}
	owner, err := t.productOfPrice(r)
	if err != nil {
		return nil, err
	}
	return t.makePrice(r.values, owner)
}

func (t *tx) productOfPrice(r *request) (*product, error) {
	if r.has("product") {
		return referred[*product](t, r.str("product"), "product")
	}
	made, err := createProduct(t, &request{values: r.hash("product_data")})
	if err != nil {
		return nil, err
	}
	return made.(*product), nil
}

// makePrice makes a price of parameters; also of inline price_data.
func (t *tx) makePrice(v values, owner *product) (*price, error) {
	p := &price{Active: true, Currency: strings.ToLower(v.str("currency")), Product: owner.ID, Type: "one_time", TaxBehavior: "unspecified",
		UnitAmount: v.num("unit_amount"), Nickname: optional[string](v, "nickname"), LookupKey: optional[string](v, "lookup_key")}
	setValue(v, "active", &p.Active)
	setValue(v, "tax_behavior", &p.TaxBehavior)
	if len(p.Currency) != 3 {
		return nil, invalid("", "currency", "Invalid currency: %s. Stripe wants a three-letter ISO code.", v.str("currency"))
	}
	if p.UnitAmount < 0 || p.UnitAmount > 99_999_999 {
		return nil, invalid("parameter_invalid_integer", "unit_amount", "Invalid integer: unit_amount must be between 0 and 99999999.")
	}
	if rec := v.hash("recurring"); rec != nil {
		p.Type = "recurring"
		p.Recurring = &recurring{Interval: rec.str("interval"), IntervalCount: 1, UsageType: "licensed", TrialPeriodDays: optional[int64](rec, "trial_period_days")}
		setValue(rec, "interval_count", &p.Recurring.IntervalCount)
		if n := p.Recurring.IntervalCount; n < 1 || n > longestInterval[p.Recurring.Interval] {
			return nil, invalid("", "recurring[interval_count]", "The maximum interval of a price is three years, and the least one.")
		}
	}
	var err error
	if p.Metadata, err = v.metadata(nil); err != nil {
		return nil, err
	}
	if err := t.claimLookupKey(p, v); err != nil {
		return nil, err
	}
	t.add(p, "price_")
	t.emit("price.created", p)
	return p, nil
}

// claimLookupKey takes a key away from the price that has it, if that was asked for.
func (t *tx) claimLookupKey(p *price, v values) error {
	if p.LookupKey == nil {
		return nil
	}
	for _, other := range all[*price](t) {
		if other == p || val(other.LookupKey) != *p.LookupKey {
			continue
		}
		if !v.yes("transfer_lookup_key") {
			return invalid("", "lookup_key", "A price (`%s`) already uses that lookup key.", other.ID)
		}
		t.update("price.updated", other, func() { other.LookupKey = nil })
	}
	return nil
}

func listPrices(t *tx, r *request) (any, error) {
	keys := r.strs("lookup_keys")
	if len(keys) > 10 {
		return nil, invalid("", "lookup_keys", "Array lookup_keys exceeded maximum 10 allowed elements.")
	}
	rec := r.hash("recurring")
	return listed(r, filter(all[*price](t),
		func(p *price) bool { return !r.has("active") || p.Active == r.yes("active") },
		func(p *price) bool {
			return r.like("product", p.Product) && r.like("type", p.Type) && r.like("currency", p.Currency)
		},
		func(p *price) bool {
			return !r.has("lookup_keys") || p.LookupKey != nil && slices.Contains(keys, *p.LookupKey)
		},
		func(p *price) bool {
			return rec == nil || p.Recurring != nil && rec.like("interval", p.Recurring.Interval) && rec.like("usage_type", p.Recurring.UsageType)
		},
		func(p *price) bool { return r.within("created", &p.Created) }))
}

func getPrice(t *tx, r *request) (any, error) { return find[*price](t, r) }

func updatePrice(t *tx, r *request) (any, error) {
	p, err := find[*price](t, r)
	if err != nil {
		return nil, err
	}
	if r.has("active") && !r.yes("active") {
		if owner := get[*product](t, p.Product); owner != nil && val(owner.DefaultPrice) == p.ID {
			return nil, invalid("", "active", "This price cannot be archived because it is the default price of its product.")
		}
	}
	t.update("price.updated", p, func() {
		setValue(r.values, "active", &p.Active)
		setOptional(r.values, "lookup_key", &p.LookupKey)
		setOptional(r.values, "nickname", &p.Nickname)
		setValue(r.values, "tax_behavior", &p.TaxBehavior)
		p.Metadata, err = r.metadata(p.Metadata)
	})
	if err != nil {
		return nil, err
	}
	return p, t.claimLookupKey(p, r.values)
}

// seedPrice makes a configured price, and its product.
func (t *tx) seedPrice(c SeedPrice) error {
	if get[*price](t, c.ID) != nil {
		return nil
	}
	owner := &product{Active: true, Images: []string{}, Metadata: map[string]string{}, Name: c.ProductName, Updated: t.now}
	t.add(owner, "prod_")
	t.emit("product.created", owner)
	p := &price{header: header{ID: c.ID}, Active: true, Currency: strings.ToLower(c.Currency), Metadata: map[string]string{}, Product: owner.ID,
		TaxBehavior: "unspecified", Type: "one_time", UnitAmount: c.Amount}
	if c.Interval != "" {
		if longestInterval[c.Interval] == 0 || len(p.Currency) != 3 || c.ID == "" {
			return invalid("", "", "The configured price %q needs an id, a currency and an interval of day, week, month or year.", c.ID)
		}
		p.Type, p.Recurring = "recurring", &recurring{Interval: c.Interval, IntervalCount: 1, UsageType: "licensed"}
	}
	t.add(p, "price_")
	t.emit("price.created", p)
	return nil
}

// plan is a price in the older form that items still carry.
func (p *price) plan() map[string]any {
	if p.Recurring == nil {
		return nil
	}
	return map[string]any{
		"id": p.ID, "object": "plan", "active": p.Active, "aggregate_usage": nil, "amount": p.UnitAmount, "amount_decimal": wireOf(p)["unit_amount_decimal"],
		"billing_scheme": "per_unit", "created": p.Created, "currency": p.Currency, "interval": p.Recurring.Interval, "interval_count": p.Recurring.IntervalCount,
		"livemode": p.Livemode, "metadata": p.Metadata, "nickname": p.Nickname, "product": p.Product, "tiers_mode": nil, "transform_usage": nil,
		"trial_period_days": p.Recurring.TrialPeriodDays, "usage_type": "licensed",
	}
}

// productName is how pages and lines call what a price is for.
func (t *tx) productName(p *price) string {
	if owner := get[*product](t.in(p.scope()), p.Product); owner != nil {
		return owner.Name
	}
	return p.Product
}
