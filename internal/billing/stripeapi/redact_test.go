package stripeapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
)

func TestRedactTakesOutWhatMustNotBeKept(t *testing.T) {
	t.Parallel()
	for what, payload := range map[string]string{
		"a client secret":           `{"data":{"object":{"client_secret":"SECRET"}}}`,
		"a secret in another field": `{"data":{"object":{"note":"pi_3abc_secret_SECRETSECRET"}}}`,
		"a key in metadata":         `{"data":{"object":{"metadata":{"k":"sk_live_SECRETSECRET"}}}}`,
		"a webhook's secret":        `{"data":{"object":{"hook":"whsec_SECRETSECRET"}}}`,
		"a token of ours":           `{"data":{"object":{"metadata":{"t":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.SECRET"}}}}`,
		"an access token":           `{"data":{"object":{"access_token":"SECRET"}}}`,
		"an idempotency key":        `{"request":{"id":"req_1","idempotency_key":"SECRET"}}`,
		"the address of a checkout": `{"data":{"object":{"object":"checkout.session","url":"https://checkout.stripe.com/c/pay/SECRET"}}}`,
		"the address of an invoice": `{"data":{"object":{"hosted_invoice_url":"https://invoice.stripe.com/i/SECRET","invoice_pdf":"https://pay.stripe.com/SECRET"}}}`,
		"a card":                    `{"data":{"object":{"payment_method_details":{"card":{"last4":"SECRET","fingerprint":"SECRET"}}}}}`,
		"a card's digits":           `{"data":{"object":{"last4":"SECRET"}}}`,
		"a number of a card":        `{"data":{"object":{"metadata":{"n":"4242 4242 4242 4242 SECRET"}}}}`,
		"an account of a bank":      `{"data":{"object":{"sepa_debit":{"last4":"SECRET"}}}}`,
		"the customer's address":    `{"data":{"object":{"customer_details":{"email":"SECRET","name":"SECRET","address":{"line1":"SECRET"}}}}}`,
		"the customer's mail":       `{"data":{"object":{"customer_email":"SECRET","receipt_email":"SECRET"}}}`,
		"the customer's name":       `{"data":{"object":{"object":"customer","name":"SECRET","phone":"SECRET","description":"SECRET"}}}`,
		"the name that they had":    `{"data":{"object":{"object":"customer","name":"SECRET"},"previous_attributes":{"name":"SECRET","email":"SECRET"}}}`,
		"an expanded customer":      `{"data":{"object":{"object":"subscription","customer":{"object":"customer","name":"SECRET"}}}}`,
		"a tax id": `{"data":{"object":{"object":"tax_id","value":"SECRET","verification":{"status":"verified","verified_name":"SECRET",` +
			`"verified_address":"SECRET"}},"previous_attributes":{"value":"SECRET","verification":{"verified_name":"SECRET"}}}}`,
		"a card of old": `{"data":{"object":{"object":"charge","source":{"object":"card","name":"SECRET","address_line1":"SECRET","address_zip":"SECRET",` +
			`"address_city":"SECRET","dynamic_last4":"SECRET"}}}}`,
		"an account of a bank of old":    `{"data":{"object":{"object":"bank_account","account_holder_name":"SECRET","routing_number":"SECRET"}}}`,
		"a source's owner":               `{"data":{"object":{"object":"source","owner":{"name":"SECRET","verified_phone":"SECRET"}}}}`,
		"what a checkout asked":          `{"data":{"object":{"object":"checkout.session","custom_fields":[{"key":"vat","text":{"value":"SECRET"}},{"dropdown":{"value":"SECRET"}}]}}}`,
		"mail in a description":          `{"data":{"object":{"object":"charge","description":"Invoice for SECRET@mail.example, Pro"}}}`,
		"mail in metadata":               `{"data":{"object":{"metadata":{"login":"SECRET@mail.example","SECRET@mail.example":"login"}}}}`,
		"mail in an address":             `{"data":{"object":{"note":"/done?who=SECRET%40mail.example"}}}`,
		"an account's owner":             `{"data":{"object":{"object":"account","individual":{"first_name":"SECRET"},"tos_acceptance":{"ip":"SECRET"}}}}`,
		"in a list":                      `{"data":{"object":{"lines":{"data":[{"client_secret":"SECRET"},{"deep":[{"email":"SECRET"}]}]}}}}`,
		"in capitals":                    `{"data":{"object":{"Client_Secret":"SECRET","EMAIL":"SECRET"}}}`,
		"what is no text":                `{"data":{"object":{"email":["SECRET"],"phone":{"a":"SECRET"}}}}`,
		"an address of whoever it leads": `{"data":{"object":{"success_url":"https://shop.example/?code=SECRET"}}}`,
	} {
		kept := stripeapi.Redact([]byte(payload))
		if len(kept) == 0 || strings.Contains(string(kept), "SECRET") || !strings.Contains(string(kept), stripeapi.Redacted) {
			t.Errorf("of %s is kept: %s", what, kept)
		}
	}
}

func TestRedactKeepsWhatTellsWhatHappened(t *testing.T) {
	t.Parallel()
	payload := `{"api_version":"2023-10-16","created":1700000000,"data":{"object":{"amount":12345678901234567890,"cancel_at":null,` +
		`"currency":"usd","customer":"cus_1","items":{"data":[{"price":{"id":"price_1","nickname":"Pro","unit_amount":1000}}],"url":"/v1/items"},` +
		`"livemode":true,"metadata":{"order":"17","value":"a @ b"},"object":"subscription","plan":{"name":"Pro"},"status":"active"}},"id":"evt_1",` +
		`"type":"customer.subscription.updated"}`
	if kept := string(stripeapi.Redact([]byte(payload))); kept != payload {
		t.Errorf("kept is\n%s\nof\n%s", kept, payload)
	}
	if kept := stripeapi.Redact([]byte(`{"a\u0000b":"c\u0000d"}`)); string(kept) != `{"ab":"cd"}` {
		t.Errorf("a NUL, which no database keeps, stays: %s", kept)
	}
	for what, payload := range map[string]string{"no JSON": `{`, "too long": `{"a":"` + strings.Repeat("x", 70_000) + `"}`} {
		if kept := stripeapi.Redact([]byte(payload)); kept != nil {
			t.Errorf("of what is %s is kept %.50s", what, kept)
		}
	}
	if !json.Valid(stripeapi.Redact([]byte(`{"email":null,"card":false}`))) {
		t.Error("what is nothing is no JSON")
	}
}
