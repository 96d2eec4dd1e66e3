package dream

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Usage is what a user has used of a meter in the present period.
type Usage struct {
	Meta        `json:"-"`
	Count       int64      `json:"count"`
	Limit       *int64     `json:"limit"`     // nil: unlimited; with the units that were granted besides
	Remaining   *int64     `json:"remaining"` // nil: unlimited
	Plan        string     `json:"plan"`      // by which it was judged
	Meter       string     `json:"meter"`
	Period      string     `json:"period"`      // minute, hour, day, week, month, year or lifetime
	PeriodStart *time.Time `json:"periodStart"` // nil for a lifetime
	PeriodEnd   *time.Time `json:"periodEnd"`
	Extra       int64      `json:"extra"` // units that were granted beyond the plan's
}

// TrackOption is an option of [Client.Track]: [Quantity], [Meter], [Plan] or [IdempotencyKey].
type TrackOption interface{ track(*tracked) }

// UsageOption is an option of [Client.Usage]: [Plan].
type UsageOption interface{ usage(*request) }

type tracked struct {
	request  *request
	Meter    Meter     `json:"meter,omitempty"`
	Quantity *Quantity `json:"quantity,omitempty"`
}

// Quantity is how many units are counted, all or none of them: 1 unless said. 0 counts nothing and asks whether one more
// would fit; a negative one gives units of this period back.
type Quantity int64

// Meter is what is counted: requests unless said.
type Meter string

// Plan is the name of the tier of a user who is no customer here. For a customer it is ignored.
type Plan string

func (q Quantity) track(t *tracked)       { t.Quantity = &q }
func (m Meter) track(t *tracked)          { t.Meter = m }
func (p Plan) track(t *tracked)           { t.request.plan = string(p) }
func (p Plan) usage(r *request)           { r.plan = string(p) }
func (k IdempotencyKey) track(t *tracked) { t.request.key = k }

// Track counts what a user uses. What does not fit below the limit of the plan is a [TierLimitError], and nothing of it
// is counted; when Track returns without an error, it is counted and stored.
func (c *Client) Track(ctx context.Context, userID string, options ...TrackOption) (*Usage, error) {
	return c.track(ctx, subject{user: userID}, options)
}

// subject is for whom a call is: a user whom the secret key names, or who brings a token.
type subject struct{ user, token string }

func (s subject) of(r request) request {
	r.user, r.token = s.user, s.token
	if s.user == "" && s.token == "" {
		r.problem = errNobody
	}
	return r
}

func (c *Client) track(ctx context.Context, who subject, options []TrackOption) (*Usage, error) {
	r := who.of(post("/api/data", nil))
	in := tracked{request: &r}
	for _, o := range options {
		o.track(&in)
	}
	if in.Meter != "" || in.Quantity != nil {
		r.body = in
	}
	var answer struct{ Usage Usage }
	meta, err := c.do(ctx, r, &answer)
	if err != nil {
		return nil, c.upgradable(err, who, r.plan)
	}
	answer.Usage.Meta = meta
	return &answer.Usage, nil
}

// UsageReport is what a user has used of every meter of the plan.
type UsageReport struct {
	Meta        `json:"-"`
	UserID      string           `json:"userId"`
	Plan        string           `json:"plan"`
	UsageCount  int64            `json:"usageCount"` // this and the next of the meter requests
	Limit       *int64           `json:"limit"`      // nil: unlimited
	Remaining   *int64           `json:"remaining"`  // nil: unlimited
	PeriodStart *time.Time       `json:"periodStart"`
	PeriodEnd   *time.Time       `json:"periodEnd"`
	Meters      map[string]Usage `json:"meters"`
}

// Usage says what a user has used. It changes nothing.
func (c *Client) Usage(ctx context.Context, userID string, options ...UsageOption) (*UsageReport, error) {
	return c.usage(ctx, subject{user: userID}, options)
}

func (c *Client) usage(ctx context.Context, who subject, options []UsageOption) (*UsageReport, error) {
	r := who.of(request{method: http.MethodGet, path: "/api/usage"})
	for _, o := range options {
		o.usage(&r)
	}
	var report UsageReport
	meta, err := c.do(ctx, r, &report)
	if err != nil {
		return nil, err
	}
	report.Meta = meta
	return &report, nil
}

// BatchItem is one call of a batch. Its ID is its idempotency key, so that a batch, or part of it, can be sent again; an
// item without one is given a random one, which its result names.
type BatchItem struct {
	ID       string `json:"id"`
	UserID   string `json:"userId"`
	Plan     Plan   `json:"plan,omitempty"`
	Meter    Meter  `json:"meter,omitempty"`
	Quantity *int64 `json:"quantity,omitempty"` // nil: 1
}

// BatchResult is what came of one item: a Usage, or the error that the single call would have been.
type BatchResult struct {
	ID       string
	Status   int
	Replayed bool
	Usage    *Usage
	Err      error // nil: it is counted
}

// TrackBatch counts up to 1,000 items, each for itself: the results are in their order, and each may have failed. The error
// is that of the batch as a whole.
func (c *Client) TrackBatch(ctx context.Context, items []BatchItem) ([]BatchResult, error) {
	named := make([]BatchItem, len(items))
	for i, item := range items {
		if item.ID == "" {
			item.ID = rand.Text()
		}
		named[i] = item
	}
	var answer struct{ Results []json.RawMessage }
	meta, err := c.do(ctx, request{
		method: http.MethodPost, path: "/api/data/batch", body: map[string]any{"items": named}, repeatable: true,
	}, &answer)
	if err != nil {
		return nil, err
	}
	results := make([]BatchResult, len(answer.Results))
	for i, raw := range answer.Results {
		if err := json.Unmarshal(raw, &results[i]); err != nil {
			return nil, err
		}
		if results[i].Usage != nil {
			results[i].Usage.Meta = Meta{meta.RequestID, results[i].Replayed}
		}
		if results[i].Status >= http.StatusMultipleChoices {
			results[i].Usage = nil
			who := subject{user: named[i].UserID}
			results[i].Err = c.upgradable(typed(parseError(raw, results[i].Status)), who, string(named[i].Plan))
		}
	}
	return results, nil
}

// Until when granted units last.
const (
	UntilPeriodEnds = "period"
	UntilUsed       = "used"
)

// NewGrant is units to be given to a user beyond what the plan grants.
type NewGrant struct {
	UserID   string `json:"userId"`
	Plan     Plan   `json:"plan,omitempty"`  // of a user who is no customer
	Meter    Meter  `json:"meter,omitempty"` // requests unless said
	Quantity int64  `json:"quantity"`
	Expires  string `json:"expires"` // UntilPeriodEnds or UntilUsed
	Reason   string `json:"reason,omitempty"`
}

// Adjustment is units that were granted, or given back.
type Adjustment struct {
	Meta      `json:"-"`
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Meter     string    `json:"meter"`
	Kind      string    `json:"kind"` // grant or return
	Quantity  int64     `json:"quantity"`
	Expires   *string   `json:"expires"` // of a grant
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"createdAt"`
}

// Granted is a grant, and the usage after it.
type Granted struct {
	Meta  `json:"-"`
	Grant Adjustment `json:"grant"`
	Usage Usage      `json:"usage"`
}

// Grant gives a user units beyond what the plan grants.
func (c *Client) Grant(ctx context.Context, grant NewGrant, options ...CallOption) (*Granted, error) {
	var granted Granted
	meta, err := c.do(ctx, apply(post("/api/grants", grant), options), &granted)
	if err != nil {
		return nil, err
	}
	granted.Meta = meta
	return &granted, nil
}

// Adjustments goes through what was granted to a user and given back, the latest first.
func (c *Client) Adjustments(ctx context.Context, userID string) iter.Seq2[*Adjustment, error] {
	return list(ctx, c, "/api/adjustments", url.Values{"userId": {userID}}, nil, func(a *Adjustment, m Meta) { a.Meta = m })
}
