package stripeapi

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// Redacted stands for what is not kept of a payload.
const Redacted = "[redacted]"

const longestPayload = 64 << 10

// Redact takes out of an event what must not be kept: secrets and what lets anybody in, details of cards and of bank
// accounts, and what tells of a person. What is left are ids, amounts, times and states, and what the developer put into
// metadata. It is nil for what is no JSON, or too long.
func Redact(payload []byte) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var whole any
	if len(payload) > longestPayload || decoder.Decode(&whole) != nil {
		return nil
	}
	kept, err := json.Marshal(redacted(whole, false))
	if err != nil {
		return nil
	}
	return kept
}

var (
	// hidden are the fields that go, whatever they hold.
	hidden = set(
		// Secrets.
		"authorization", "idempotency_key", "password", "token", "api_key",
		// Cards and accounts of banks.
		"card", "card_present", "payment_method_details", "payment_method_data", "bank_account", "us_bank_account", "sepa_debit", "iban",
		"fingerprint", "last4", "dynamic_last4", "exp_month", "exp_year", "sources", "external_account", "external_accounts",
		"account_number", "routing_number", "sort_code", "bsb_number", "transit_number", "bank_code",
		// Persons.
		"customer_details", "customer_name", "customer_address", "customer_shipping", "customer_tax_ids", "collected_information",
		"billing_details", "shipping", "shipping_details", "shipping_address", "address", "tax_ids", "individual", "company", "person",
		"tos_acceptance", "ip", "ip_address", "user_agent", "dob", "first_name", "last_name", "legal_entity", "phone", "email",
		"account_holder_name", "payer_name", "owner", "custom_fields",
	)
	// beginnings are those of names of further such fields: address_line1 of a card, verified_name of a tax id, …
	beginnings = []string{"address_", "verified_"}
	// endings are those of names of further such fields: client_secret, receipt_email, hosted_invoice_url, …
	endings = []string{"secret", "_token", "_email", "_phone", "_pdf"}
	// looks is how a secret, a card's number or an address of mail looks, wherever it stands, in free text too.
	looks = regexp.MustCompile(`(sk|rk)_(live|test)_\w{8,}|whsec_\w{8,}|_secret_\w{8,}|\beyJ[\w-]{10,}\.[\w-]+\.|\b(\d[ -]?){13,19}\b|` +
		`[^\s@](@|%40)[^\s@]+\.[^\s@]`) // mail
	// persons are the objects whose own fields theirs tell of a person, where the same fields of a tier or price do not.
	persons = set("customer", "person", "card", "bank_account", "source", "tax_id")
	theirs  = set("name", "description", "value")
)

func set(names ...string) map[string]bool {
	made := map[string]bool{}
	for _, name := range names {
		made[name] = true
	}
	return made
}

// redacted is a value without what is hidden; who is whether it is part of a person's, whose name is no tier's.
func redacted(value any, who bool) any {
	switch value := value.(type) {
	case map[string]any:
		who = who || isPerson(value)
		kept := make(map[string]any, len(value))
		for name, inside := range value {
			switch {
			case looks.MatchString(name): // as metadata's may
				kept[Redacted] = Redacted
			case inside == nil, inside == false, inside == true:
				kept[plain(name)] = inside
			case hides(name, inside), who && theirs[strings.ToLower(name)]:
				kept[plain(name)] = Redacted
			case name == "previous_attributes":
				kept[name] = redacted(inside, isPerson(value["object"]))
			default:
				kept[plain(name)] = redacted(inside, false)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, inside := range value {
			kept[i] = redacted(inside, false)
		}
		return kept
	case string:
		if looks.MatchString(value) {
			return Redacted
		}
		return plain(value)
	default:
		return value
	}
}

func isPerson(value any) bool {
	object, _ := value.(map[string]any)
	kind, _ := object["object"].(string)
	return persons[kind]
}

// hides is whether a field goes. An address at Stripe, such as that of a checkout or an invoice, lets in whoever has it.
func hides(name string, value any) bool {
	name = strings.ToLower(name)
	if hidden[name] {
		return true
	}
	for _, beginning := range beginnings {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	for _, ending := range endings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	text, ok := value.(string)
	return ok && (name == "url" || strings.HasSuffix(name, "_url")) && strings.Contains(text, "://")
}

// plain is a text that a database keeps.
func plain(s string) string { return strings.ReplaceAll(s, "\x00", "") }
