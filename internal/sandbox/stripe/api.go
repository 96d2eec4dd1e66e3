package stripe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// operation is an endpoint of the API: what it returns is the answer, an object
// or JSON to be.
type operation func(t *tx, r *request) (any, error)

// request is an HTTP request whose parameters have been checked.
type request struct {
	values
	id   string // of the path
	path string
	key  string // the secret key
}

// api is the route table of the API. Every route needs a secret key.
func (s *Server) api() http.Handler {
	mux := http.NewServeMux()
	view := func(pattern string, op operation, params ...string) { s.route(mux, pattern, op, false, params) }
	change := func(pattern string, op operation, params ...string) { s.route(mux, pattern, op, true, params) }

	view("GET /v1/account", getOwnAccount)
	view("GET /v1/accounts/{id}", getAccount)

	change("POST /v1/products", createProduct, productParams, `id name*`)
	view("GET /v1/products", listProducts, `active:bool created:range ids:[string]`, pageParams)
	view("GET /v1/products/{id}", getProduct)
	change("POST /v1/products/{id}", updateProduct, productParams, `name default_price`)
	change("DELETE /v1/products/{id}", deleteProduct)

	change("POST /v1/prices", createPrice, createPriceParams)
	view("GET /v1/prices", listPrices, `active:bool created:range currency lookup_keys:[string] product recurring:{interval:day|month|week|year usage_type:licensed|metered} type:one_time|recurring`, pageParams)
	view("GET /v1/prices/{id}", getPrice)
	change("POST /v1/prices/{id}", updatePrice, `active:bool lookup_key? metadata:metadata nickname tax_behavior:exclusive|inclusive|unspecified transfer_lookup_key:bool`)

	change("POST /v1/customers", createCustomer, customerParams, `payment_method test_clock`)
	view("GET /v1/customers", listCustomers, `created:range email test_clock`, pageParams)
	view("GET /v1/customers/{id}", getCustomer)
	change("POST /v1/customers/{id}", updateCustomer, customerParams)
	change("DELETE /v1/customers/{id}", deleteCustomer)
	view("GET /v1/customers/{id}/payment_methods", listCustomerPaymentMethods, `type:card|us_bank_account`, pageParams)

	view("GET /v1/payment_methods", listPaymentMethods, `customer type:card|us_bank_account`, pageParams)
	view("GET /v1/payment_methods/{id}", getPaymentMethod)
	change("POST /v1/payment_methods/{id}/attach", attachPaymentMethod, `customer*`)
	change("POST /v1/payment_methods/{id}/detach", detachPaymentMethod)

	change("POST /v1/coupons", createCoupon, couponParams)
	view("GET /v1/coupons/{id}", getCoupon)
	change("POST /v1/promotion_codes", createPromotionCode, `active:bool code coupon* customer expires_at:time max_redemptions:int metadata:metadata`)
	view("GET /v1/promotion_codes", listPromotionCodes, `active:bool code coupon created:range customer`, pageParams)

	change("POST /v1/checkout/sessions", createSession, sessionParams)
	view("GET /v1/checkout/sessions", listSessions, `customer customer_details:{email*} payment_intent status:complete|expired|open subscription`, pageParams)
	view("GET /v1/checkout/sessions/{id}", getSession)
	view("GET /v1/checkout/sessions/{id}/line_items", listSessionLines, pageParams)
	change("POST /v1/checkout/sessions/{id}/expire", expireSession)

	change("POST /v1/subscriptions", createSubscription, createSubscriptionParams)
	view("GET /v1/subscriptions", listSubscriptions, `collection_method:charge_automatically|send_invoice created:range current_period_end:range current_period_start:range customer price
		status:active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid test_clock`, pageParams)
	view("GET /v1/subscriptions/{id}", getSubscription)
	change("POST /v1/subscriptions/{id}", updateSubscription, updateSubscriptionParams)
	change("DELETE /v1/subscriptions/{id}", cancelSubscription, `cancellation_details:{comment? feedback?:`+feedbackWords+`} invoice_now:bool prorate:bool`)
	change("POST /v1/subscriptions/{id}/resume", resumeSubscription, `billing_cycle_anchor:now|unchanged proration_behavior:always_invoice|create_prorations|none proration_date:time`)

	change("POST /v1/subscription_schedules", createSchedule, scheduleParams, `customer from_subscription start_date:time|now`)
	view("GET /v1/subscription_schedules", listSchedules, `canceled_at:range completed_at:range created:range customer released_at:range scheduled:bool`, pageParams)
	view("GET /v1/subscription_schedules/{id}", getSchedule)
	change("POST /v1/subscription_schedules/{id}", updateSchedule, scheduleParams, `proration_behavior:always_invoice|create_prorations|none`)
	change("POST /v1/subscription_schedules/{id}/release", releaseSchedule, `preserve_cancel_date:bool`)
	change("POST /v1/subscription_schedules/{id}/cancel", cancelSchedule, `invoice_now:bool prorate:bool`)

	view("GET /v1/invoices", listInvoices, `collection_method:charge_automatically|send_invoice created:range customer due_date:range status:draft|open|paid|uncollectible|void subscription`, pageParams)
	view("GET /v1/invoices/upcoming", upcomingInvoice, upcomingParams)
	view("GET /v1/invoices/{id}", getInvoice)
	view("GET /v1/invoices/{id}/lines", listInvoiceLines, pageParams)
	change("POST /v1/invoices/{id}/pay", payInvoice, `forgive:bool off_session:bool paid_out_of_band:bool payment_method`)
	change("POST /v1/invoices/{id}/void", voidInvoice)
	change("POST /v1/invoices/{id}/mark_uncollectible", markUncollectible)
	change("POST /v1/invoiceitems", createInvoiceItem, `amount:int currency customer* description discountable:bool invoice metadata:metadata period:{start*:time end*:time} price quantity:int subscription unit_amount:int`)

	view("GET /v1/payment_intents", listPaymentIntents, `created:range customer`, pageParams)
	view("GET /v1/payment_intents/{id}", getPaymentIntent, `client_secret`)
	view("GET /v1/charges", listCharges, `created:range customer payment_intent`, pageParams)
	view("GET /v1/charges/{id}", getCharge)
	change("POST /v1/refunds", createRefund, `amount:int charge metadata:metadata payment_intent reason:duplicate|fraudulent|requested_by_customer`)
	view("GET /v1/refunds", listRefunds, `charge created:range payment_intent`, pageParams)
	view("GET /v1/refunds/{id}", getRefund)

	change("POST /v1/billing_portal/configurations", createPortalConfiguration, portalConfigurationParams, `features*:{`+portalFeatureParams+`} business_profile*:{`+portalProfileParams+`}`)
	view("GET /v1/billing_portal/configurations", listPortalConfigurations, `active:bool is_default:bool`, pageParams)
	view("GET /v1/billing_portal/configurations/{id}", getPortalConfiguration)
	change("POST /v1/billing_portal/configurations/{id}", updatePortalConfiguration, portalConfigurationParams, `active:bool features:{`+portalFeatureParams+`} business_profile:{`+portalProfileParams+`}`)
	change("POST /v1/billing_portal/sessions", createPortalSession, portalSessionParams)

	view("GET /v1/events", listEvents, `created:range delivery_success:bool type types:[string]`, pageParams)
	view("GET /v1/events/{id}", getEvent)
	change("POST /v1/webhook_endpoints", createWebhookEndpoint, `api_version connect:bool description? enabled_events*:[string] metadata:metadata url*`)
	view("GET /v1/webhook_endpoints", listWebhookEndpoints, pageParams)
	view("GET /v1/webhook_endpoints/{id}", getWebhookEndpoint)
	change("POST /v1/webhook_endpoints/{id}", updateWebhookEndpoint, `description? disabled:bool enabled_events:[string] metadata:metadata url`)
	change("DELETE /v1/webhook_endpoints/{id}", deleteWebhookEndpoint)

	change("POST /v1/test_helpers/test_clocks", createTestClock, `frozen_time*:time name`)
	view("GET /v1/test_helpers/test_clocks", listTestClocks, pageParams)
	view("GET /v1/test_helpers/test_clocks/{id}", getTestClock)
	change("POST /v1/test_helpers/test_clocks/{id}/advance", advanceTestClock, `frozen_time*:time`)
	change("DELETE /v1/test_helpers/test_clocks/{id}", deleteTestClock)

	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := s.authenticate(r); err != nil {
			s.answer(w, asAnswer(nil, err))
			return
		}
		s.answer(w, asAnswer(nil, urlUnknown(r.Method, r.URL.Path)))
	})
	return mux
}

func (s *Server) route(mux *http.ServeMux, pattern string, op operation, save bool, params []string) {
	declared := declare(strings.Join(params, " "))
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, s.handle(w, r, op, declared, save))
	})
}

// httpAnswer is an answer ready to be written, now or when it is asked for again.
type httpAnswer struct {
	status   int
	body     []byte
	request  requestInfo
	replayed string // the id of the request it first answered
}

func asAnswer(value any, err error) httpAnswer {
	if err != nil {
		e := asAPIError(err)
		return httpAnswer{status: e.status, body: indented(map[string]any{"error": e})}
	}
	return httpAnswer{status: http.StatusOK, body: indented(value)}
}

func (s *Server) answer(w http.ResponseWriter, a httpAnswer) {
	h := w.Header()
	if a.request.ID == "" {
		a.request.ID = randomID("req_", 14)
	}
	h.Set("Request-Id", a.request.ID)
	h.Set("Stripe-Version", apiVersion)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	if a.request.IdempotencyKey != "" {
		h.Set("Idempotency-Key", a.request.IdempotencyKey)
	}
	if a.replayed != "" {
		h.Set("Idempotent-Replayed", "true")
		h.Set("Original-Request", a.replayed)
	}
	w.WriteHeader(a.status)
	// The client having gone is the only way this fails, and nobody is left to tell.
	_, _ = w.Write(append(a.body, '\n'))
}

// handle does all that comes between a request and its answer.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, op operation, declared *paramType, save bool) httpAnswer {
	scope, key, err := s.authenticate(r)
	if err != nil {
		return asAnswer(nil, err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return asAnswer(nil, invalid("", "", "The request body can't be read, or is larger than 1 MB."))
	}
	encoded := strings.Trim(r.URL.RawQuery+"&"+string(bytes.TrimSpace(body)), "&")
	f, err := parseForm(encoded)
	if err != nil {
		return asAnswer(nil, err)
	}
	from := requestInfo{ID: randomID("req_", 14)}
	if r.Method == http.MethodPost {
		from.IdempotencyKey = r.Header.Get("Idempotency-Key")
	}
	fingerprint := fingerprintOf(r, encoded)
	var out httpAnswer
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.run(save, from, func(t *tx) error {
		t = t.in(scope)
		if first := get[*idempotentAnswer](t, from.IdempotencyKey); from.IdempotencyKey != "" && first != nil {
			if first.Fingerprint != fingerprint {
				return keyReused(from.IdempotencyKey)
			}
			out = httpAnswer{status: first.Status, body: first.Body, replayed: first.Request}
			return nil
		}
		v, err := declared.check(f, "")
		if err != nil {
			return err
		}
		out = s.perform(t, op, &request{values: v, id: r.PathValue("id"), path: r.URL.Path, key: key})
		if from.IdempotencyKey != "" && (out.status < 300 || out.status == http.StatusPaymentRequired) {
			t.add(&idempotentAnswer{header: header{ID: from.IdempotencyKey}, Fingerprint: fingerprint, Status: out.status, Body: out.body, Request: from.ID}, "")
		}
		return nil
	})
	if err != nil {
		out = asAnswer(nil, err)
	}
	out.request = from
	return out
}

// perform runs the operation and makes its answer; if it fails it leaves no
// trace, unless its error says so.
func (s *Server) perform(t *tx, op operation, r *request) (out httpAnswer) {
	err := t.attempt(func(t *tx) error {
		result, err := op(t, r)
		if err == nil {
			result, err = t.answerOf(result, r.strs("expand"))
		}
		out = asAnswer(result, err)
		if err != nil && keeps(err) {
			return nil
		}
		return err
	})
	if err != nil {
		out = asAnswer(nil, err)
	}
	return out
}

func (t *tx) answerOf(result any, expand []string) (any, error) {
	m, ok := result.(map[string]any)
	if o, isObject := result.(object); isObject {
		m, ok = wireOf(o), true
	}
	if !ok {
		return result, nil
	}
	return m, t.expand(m, expand)
}

// fingerprintOf is what must be the same in a repeated request.
func fingerprintOf(r *http.Request, encoded string) string {
	sum := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "\n" + encoded))
	return hex.EncodeToString(sum[:])
}

// idempotentAnswer is the first answer to a request with an idempotency key,
// which is its id.
type idempotentAnswer struct {
	header
	Fingerprint string          `json:"fingerprint"`
	Status      int             `json:"status"`
	Body        json.RawMessage `json:"body"`
	Request     string          `json:"request"`
}

func (*idempotentAnswer) kind() string        { return "_idempotent_answer" }
func (a *idempotentAnswer) due(*Server) int64 { return a.Created + 24*hour }
func (a *idempotentAnswer) rank() int         { return 9 }
func (a *idempotentAnswer) happen(t *tx)      { t.remove(a) }
