package dream

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Customers are the users of a platform whom the API knows.
type Customers struct{ client *Client }

// Customer is one of them.
type Customer struct {
	Meta           `json:"-"`
	ID             string                     `json:"id"`
	Email          string                     `json:"email"` // empty: none is known
	FirstName      string                     `json:"firstName"`
	LastName       string                     `json:"lastName"`
	Plan           string                     `json:"plan"` // the name of a tier
	PublishableKey string                     `json:"publishableKey"`
	Metadata       map[string]json.RawMessage `json:"metadata"`
	CreatedAt      time.Time                  `json:"createdAt"`
}

// NewCustomer is a customer to be made: with an Email alone a user of the shared sign-in, with an ID of your own one who
// signs in with you. Without a Plan they are on the default tier.
type NewCustomer struct {
	ID        string `json:"id,omitempty"` // 1 to 128 letters, digits and _ . : @ | -
	Email     string `json:"email,omitempty"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Plan      string `json:"plan,omitempty"`
	Password  string `json:"password,omitempty"`
}

// CustomerUpdate is what changes of a customer: what is nil stays. Metadata is merged, and a key in it with nil goes. The
// plan can not change while a subscription decides it: a [ConflictError] with [SubscriptionLives].
type CustomerUpdate struct {
	Plan      *string        `json:"plan,omitempty"`
	FirstName *string        `json:"firstName,omitempty"`
	LastName  *string        `json:"lastName,omitempty"`
	Metadata  map[string]any `json:"metadata,omitempty"`
}

// CustomerFilter is which customers are listed: all that fit all of it.
type CustomerFilter struct {
	Email  string // exact but for the case
	Plan   string
	Search string // part of an id, an address or a name
}

// CallOption is an option of a call that the API does once for its key: [IdempotencyKey].
type CallOption interface{ call(*request) }

func (k IdempotencyKey) call(r *request) { r.key = k }

func apply(r request, options []CallOption) request {
	for _, o := range options {
		o.call(&r)
	}
	return r
}

// Create makes a customer. A [ConflictError] with [CustomerExists] says which customer it is already.
func (s *Customers) Create(ctx context.Context, customer NewCustomer, options ...CallOption) (*Customer, error) {
	return s.one(ctx, apply(post("/api/customers", customer), options))
}

// Get finds a customer by the id.
func (s *Customers) Get(ctx context.Context, id string) (*Customer, error) {
	return s.one(ctx, s.of(http.MethodGet, id, nil))
}

// Update changes a customer. It is not tried again once it may have arrived, as another change may have come in between.
func (s *Customers) Update(ctx context.Context, id string, update CustomerUpdate) (*Customer, error) {
	return s.one(ctx, s.of(http.MethodPatch, id, update))
}

// Delete ends the membership, deletes what was counted and cancels the subscription at once. It is not tried again once it
// may have arrived: a [NotFoundError] then says that it was carried out.
func (s *Customers) Delete(ctx context.Context, id string) (Meta, error) {
	return s.client.do(ctx, s.of(http.MethodDelete, id, nil), nil)
}

// List goes through the customers, the newest first, a hundred to a request.
func (s *Customers) List(ctx context.Context, filter CustomerFilter) iter.Seq2[*Customer, error] {
	query := url.Values{}
	for name, value := range map[string]string{"email": filter.Email, "plan": filter.Plan, "q": filter.Search} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return list(ctx, s.client, "/api/customers", query, nil, func(c *Customer, m Meta) { c.Meta = m })
}

// Export is all that is held of a customer, as JSON.
type Export struct {
	Meta
	JSON json.RawMessage
}

// Export returns all that is held of a customer.
func (s *Customers) Export(ctx context.Context, id string) (*Export, error) {
	at, err := path("api", "customers", id, "export")
	var all Export
	meta, err := s.client.do(ctx, request{method: http.MethodGet, path: at, problem: err}, &all.JSON)
	if err != nil {
		return nil, err
	}
	all.Meta = meta
	return &all, nil
}

func (s *Customers) of(method, id string, body any) request {
	at, err := path("api", "customers", id)
	return request{method: method, path: at, body: body, problem: err}
}

func (s *Customers) one(ctx context.Context, r request) (*Customer, error) {
	var answer struct{ Customer Customer }
	meta, err := s.client.do(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	answer.Customer.Meta = meta
	return &answer.Customer, nil
}
