package stripe

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// wireOf is an object as Stripe answers it: what is kept, without the sandbox's
// own fields, and what is the same for every object of its kind.
func wireOf(o object) map[string]any {
	if c, ok := o.(*customer); ok && c.Deleted {
		return deletedAnswer(o)
	}
	var m map[string]any
	decode(encode(o), &m)
	dress(m, o.kind())
	switch o := o.(type) {
	case *account:
		delete(m, "livemode")
		m["details_submitted"] = o.ChargesEnabled
		m["capabilities"] = map[string]any{"card_payments": active(o.ChargesEnabled), "transfers": active(o.ChargesEnabled)}
		if !o.ChargesEnabled {
			wants := m["requirements"].(map[string]any)
			wants["currently_due"], wants["disabled_reason"] = lacking, "requirements.past_due"
			wants["past_due"] = lacking[:1]
		}
		m["settings"].(map[string]any)["dashboard"] = map[string]any{"display_name": o.BusinessProfile.Name, "timezone": "Etc/UTC"}
	case *checkoutSession:
		if o.Status != "open" {
			m["url"] = nil
		}
	}
	return m
}

// lacking is what Stripe still wants to know of the owner of an account that can't take payments.
var lacking = []any{"external_account", "individual.verification.document", "tos_acceptance.date"}

// dress takes our own fields off and puts the constant ones on, also of what the
// object holds, and of the objects it holds copies of.
func dress(m map[string]any, kind string) {
	for name, value := range m {
		if strings.HasPrefix(name, "_") {
			delete(m, name)
			continue
		}
		dressInner(kind, name, value)
	}
	m["object"] = kind
	fill(m, kind)
	if kind == "price" || kind == "invoiceitem" {
		m["unit_amount_decimal"] = decimalOf(m["unit_amount"])
	}
}

// dressInner does it for a field of what is at a path, such as invoice.lines.
func dressInner(path, name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		if name == "metadata" {
			return
		}
		if _, kept := value["_seq"]; kept { // price and coupon are the only ones, and their fields are called so
			dress(value, name)
			return
		}
		path += "." + name
		if kind, ok := value["object"].(string); ok && kind != "list" {
			path = kind
		}
		for name, under := range value {
			dressInner(path, name, under)
		}
		fill(value, path)
	case []any:
		for _, item := range value {
			dressInner(path, name, item)
		}
	}
}

// fill adds the fields that never change.
func fill(m map[string]any, path string) {
	for name, value := range shape(path) {
		if _, ok := m[name]; !ok {
			m[name] = value
		}
	}
}

func decimalOf(amount any) any {
	if amount == nil {
		return nil
	}
	return fmt.Sprint(amount)
}

func active(yes bool) string {
	if yes {
		return "active"
	}
	return "inactive"
}

func deletedAnswer(o object) map[string]any {
	return map[string]any{"id": o.head().ID, "object": o.kind(), "deleted": true}
}

// shape is a fresh copy of what never changes in a kind of object, or at a path
// inside one.
func shape(path string) map[string]any {
	var m map[string]any
	if text, ok := shapes[path]; ok {
		decode([]byte(text), &m)
	}
	return m
}

// difference is what previous_attributes holds: of before, what is not the same
// in after. Objects are compared field by field, lists as a whole.
func difference(before, after map[string]any) map[string]any {
	changed := map[string]any{}
	for name, was := range before {
		is := after[name]
		if reflect.DeepEqual(was, is) {
			continue
		}
		a, aOK := was.(map[string]any)
		b, bOK := is.(map[string]any)
		if aOK && bOK {
			was = difference(a, b)
		}
		changed[name] = was
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changed[name] = nil
		}
	}
	return changed
}

// expandable says which kind of object a field of that name refers to.
var expandable = map[string]string{
	"charge":                 "charge",
	"configuration":          "billing_portal.configuration",
	"customer":               "customer",
	"default_payment_method": "payment_method",
	"default_price":          "price",
	"invoice":                "invoice",
	"latest_charge":          "charge",
	"latest_invoice":         "invoice",
	"payment_intent":         "payment_intent",
	"payment_method":         "payment_method",
	"price":                  "price",
	"product":                "product",
	"promotion_code":         "promotion_code",
	"released_subscription":  "subscription",
	"schedule":               "subscription_schedule",
	"subscription":           "subscription",
	"test_clock":             "test_helpers.test_clock",
}

// expand puts objects in place of their ids, as the paths ask for it.
func (t *tx) expand(m map[string]any, paths []string) error {
	for _, path := range paths {
		steps := strings.Split(path, ".")
		levels := len(steps)
		if steps[0] == "data" {
			levels--
		}
		if levels > 4 {
			return invalid("", "expand", "You cannot expand more than 4 levels of a property: %s", path)
		}
		if err := t.expandStep(m, steps, path); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) expandStep(m map[string]any, steps []string, path string) error {
	name := steps[0]
	value, ok := m[name]
	if !ok {
		value, ok = t.included(m, name)
	}
	if !ok {
		return invalid("", "expand", "This property cannot be expanded (%s).", path)
	}
	if id, isID := value.(string); isID {
		tb := t.s.store.table(expandable[name], t.Scope)
		o, found := tb.byID[id]
		if !found {
			return invalid("", "expand", "This property cannot be expanded (%s).", path)
		}
		value = wireOf(o)
	}
	m[name] = value
	if len(steps) == 1 {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		return t.expandStep(value, steps[1:], path)
	case []any:
		for _, item := range value {
			if item, ok := item.(map[string]any); ok {
				if err := t.expandStep(item, steps[1:], path); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// included are the fields which an answer has only if they are expanded.
func (t *tx) included(m map[string]any, name string) (any, bool) {
	id, _ := m["id"].(string)
	switch {
	case m["object"] == "checkout.session" && name == "line_items":
		if s := get[*checkoutSession](t, id); s != nil {
			return generic(listOf(s.Items, "/v1/checkout/sessions/"+id+"/line_items")), true
		}
	case m["object"] == "customer" && name == "subscriptions":
		data := []any{}
		for _, sub := range t.subscriptionsOf(id) {
			if !sub.ended() {
				data = append(data, wireOf(sub))
			}
		}
		return generic(listOf(data, "/v1/customers/"+id+"/subscriptions")), true
	case m["object"] == "charge" && name == "refunds":
		data := []any{}
		for _, rf := range all[*refund](t) {
			if rf.Charge == id {
				data = append(data, wireOf(rf))
			}
		}
		return generic(listOf(data, "/v1/charges/"+id+"/refunds")), true
	}
	return nil, false
}

// generic is a value as decoded JSON, dressed as objects are.
func generic(v any) any {
	var out any
	decode(encode(v), &out)
	dressInner("", "", out)
	return out
}

func indented(v any) []byte {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // it was JSON before
	}
	return raw
}
