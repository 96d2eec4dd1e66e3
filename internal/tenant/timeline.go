package tenant

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// The kinds of event that are written down. A timeline also has what was granted, given back and reset, which package usage
// writes down.
const (
	Created             = "created"              // {plan, linked}
	Deleted             = "deleted"              // of whom nothing else is left
	PlanChanged         = "plan_changed"         // {from, to}; empty: none
	LimitReached        = "limit_reached"        // {meter, limit, plan, periodEnd}: once for each period
	PaymentSucceeded    = "payment_succeeded"    // {amount, currency, invoice}
	PaymentFailed       = "payment_failed"       // likewise, for each attempt
	SubscriptionChanged = "subscription_changed" // {subscription, was, is}, each {tier, status, cancelAt} or null
	StripeEvent         = "stripe_event"         // {type, event}
	SessionsEnded       = "sessions_ended"       // {sessions, reason}
)

// By what an event came about, where that is not by the API with the platform's secret key.
const (
	ByAPI          = "api"
	ByDashboard    = "dashboard"
	ByDeveloperAPI = "developer_api"
	BySignUp       = "sign_up"
	ByInvitation   = "invitation"
	ByCheckout     = "checkout"
	ByClerk        = "clerk" // the user was deleted there
	ByCustomer     = "customer"
	BySubscription = "subscription"
	GraceOver      = "grace_over"
)

// TimelineEntry is something that happened to a customer, as it is written down.
type TimelineEntry struct {
	Platform   id.Platform
	ID         string // of its own where the event may be told of twice; else empty
	CustomerID string
	Kind       string
	Via        string
	Detail     map[string]any
}

// Record writes events down in the transaction in which they happen.
func Record(ctx context.Context, tx db.Tenants, events ...TimelineEntry) error {
	if len(events) == 0 {
		return nil
	}
	var params tenantdb.HappenedParams
	for _, e := range events {
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			return err
		}
		if e.Detail == nil {
			detail = []byte("{}")
		}
		if e.ID == "" {
			e.ID = id.NewEvent()
		}
		params.Platforms, params.Ids = append(params.Platforms, string(e.Platform)), append(params.Ids, e.ID)
		params.Customers, params.Kinds = append(params.Customers, e.CustomerID), append(params.Kinds, e.Kind)
		params.Vias, params.Details = append(params.Vias, e.Via), append(params.Details, string(detail))
	}
	return queries.Happened(ctx, tx, params)
}

// RecordHere is Record for events of the platform that the transaction has entered.
func RecordHere(ctx context.Context, tx db.Tenant, events ...TimelineEntry) error {
	for i := range events {
		events[i].Platform = tx.Platform
	}
	return Record(ctx, db.Tenants{Tx: tx.Tx}, events...)
}

func planChange(from, to string) map[string]any { return map[string]any{"from": from, "to": to} }

type viaKey struct{}

// Via notes by what the changes come about that are made with the context; without it they are ByAPI.
func Via(ctx context.Context, by string) context.Context { return context.WithValue(ctx, viaKey{}, by) }

func viaOf(ctx context.Context) string {
	if by, ok := ctx.Value(viaKey{}).(string); ok {
		return by
	}
	return ByAPI
}

// Happening is an event of a timeline.
type Happening struct {
	ID         string          `json:"id"`
	CustomerID string          `json:"customerId,omitempty"` // empty once the customer is deleted, and of who is none
	At         time.Time       `json:"at"`
	Kind       string          `json:"kind"`
	Via        string          `json:"via"` // by what it came about; empty where there is nothing to say
	Detail     json.RawMessage `json:"detail"`
}

// Timeline lists what happened to a customer, the latest first, behind the cursor of the page before.
func (c *Customers) Timeline(ctx context.Context, platform id.Platform, customer, after string, most int) (list []Happening, next string, err error) {
	before := tenantdb.TimelineParams{
		PlatformID: string(platform), CustomerID: customer, Before: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Most: int32(most) + 1,
	}
	if after != "" {
		at, name, ok := strings.Cut(decodeCursor(after), " ")
		moment, err := time.Parse(time.RFC3339Nano, at)
		if !ok || err != nil || !storableID(name) {
			return nil, "", badCursor()
		}
		before.Before, before.BeforeID = moment, name
	}
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		if _, err := readCustomer(ctx, tx, customer); err != nil {
			return err
		}
		rows, err := queries.Timeline(ctx, tx, before)
		if len(rows) > most {
			rows = rows[:most]
			next = cursor(rows[most-1].At, rows[most-1].ID)
		}
		for _, row := range rows {
			list = append(list, Happening(row))
		}
		return err
	})
	return list, next, err
}

// Latest lists what happened last to any of a platform's customers, and what was granted to whoever else it counts, but for what
// happens all the time.
func (c *Customers) Latest(ctx context.Context, platform id.Platform, most int) (list []Happening, err error) {
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.LatestHappened(ctx, tx, tenantdb.LatestHappenedParams{PlatformID: string(platform), Most: int32(most)})
		for _, row := range rows {
			list = append(list, Happening(row))
		}
		return err
	})
	return list, err
}

// storableID is whether a text can be the id of an event: no database is asked for what it can not hold.
func storableID(s string) bool {
	return s != "" && len(s) <= 300 && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

func badCursor() error {
	return errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
}
