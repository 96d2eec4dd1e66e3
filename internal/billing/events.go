package billing

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Endpoint is a webhook endpoint as Stripe knows it: each has a secret of its own.
type Endpoint string

// The endpoints.
const (
	OwnEndpoint     Endpoint = "own"     // our account, live: developers pay us
	PreviewEndpoint Endpoint = "preview" // our account in test mode: test platforms
	ConnectEndpoint Endpoint = "connect" // connected accounts, live: live platforms
)

// Secrets are the signing secrets of the endpoints: the present one of each, and perhaps the one before.
type Secrets map[Endpoint][]secret.Text

// StripeEvent is the job that works an event; Again, if it was worked before, too, for the platform whose developer asked
// for it.
type StripeEvent struct {
	Endpoint   Endpoint    `json:"endpoint"`
	EventID    string      `json:"eventId"`
	Again      bool        `json:"again,omitempty"`
	PlatformID id.Platform `json:"platformId,omitempty"`
}

// Kind names the job.
func (StripeEvent) Kind() string { return "billing.stripe_event" }

// Outside says that the job waits for Stripe.
func (StripeEvent) Outside() {}

// followed are the types of event, or their beginnings, that say where to look. Others get their 200; those about a
// platform are shown there, and nothing follows from them.
var followed = []string{
	"checkout.session.", "customer.subscription.", "invoice.paid", "invoice.payment_", "subscription_schedule.",
	"account.updated", "account.application.deauthorized",
}

// Receive takes an event that came in by one address, where the endpoints given may deliver: it checks which of them
// signed it, stores it, and has it worked. An event that was received before changes nothing.
func (b *Background) Receive(ctx context.Context, payload []byte, signature string, secrets Secrets) error {
	var event stripeapi.Event
	var from Endpoint
	refused := errs.New(errs.InvalidSignature, "No endpoint is configured for this event.")
	for endpoint, keys := range secrets {
		found, err := stripeapi.Verify(payload, signature, keys)
		if err == nil {
			event, from = found, endpoint
			break
		}
		if known := (*errs.Error)(nil); errors.As(err, &known) {
			refused = known
		}
	}
	if from == "" {
		return refused
	}
	// What an endpoint may say is bounded by what it is: a test event moves no live platform, and an account's none of ours.
	fits := map[Endpoint]bool{
		OwnEndpoint:     event.Livemode && event.Account == "",
		PreviewEndpoint: !event.Livemode && event.Account == "",
		ConnectEndpoint: event.Livemode && event.Account != "",
	}[from]
	if !fits {
		return nil
	}
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		if follows(event.Type) {
			n, err := queries.InsertEvent(ctx, tx, billingdb.InsertEventParams{
				Endpoint: string(from), ID: event.ID, Type: event.Type, Account: event.Account, ObjectID: event.ObjectID,
				Customer: event.Customer, Subscription: event.Subscription,
			})
			if err != nil || n == 0 {
				return err
			}
			if err := b.queue.Enqueue(ctx, tx, StripeEvent{Endpoint: from, EventID: event.ID}); err != nil {
				return err
			}
		}
		return note(ctx, tx, from, event, payload)
	})
}

func follows(eventType string) bool {
	for _, prefix := range followed {
		if strings.HasPrefix(eventType, prefix) {
			return true
		}
	}
	return false
}

// work looks at what an event is about. Nothing that the event says is kept: its account and ids say only where to look,
// and the platform is the one that has the object in our own books. How it came out is written down for the platforms.
func (b *Background) work(ctx context.Context, job StripeEvent) error {
	var event billingdb.BillingEvent
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		event, err = queries.Event(ctx, tx, billingdb.EventParams{Endpoint: string(job.Endpoint), ID: job.EventID, Again: job.Again})
		return err
	})
	if db.NoRows(err) && job.PlatformID == "" { // worked before
		return nil
	}
	if db.NoRows(err) {
		return b.tooOld(ctx, job)
	}
	if err != nil {
		return err
	}
	began := time.Now()
	ignored, err := b.act(ctx, event)
	return errors.Join(err, b.tried(ctx, event, job.PlatformID, tenant.TriedEvent(began, ignored, err)))
}

// tried writes down how an attempt came out, for us and for the platforms to which the event is shown: both or none, as one that
// is done with is not worked again by itself, and would be shown as waiting for ever.
func (b *Background) tried(ctx context.Context, event billingdb.BillingEvent, asked id.Platform, try tenant.EventTry) error {
	failed := try.State == tenant.EventFailed
	// An attempt that ran out of time is written down too.
	return b.db.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx db.Tx) error {
		shown, err := queries.EventWorked(ctx, tx, billingdb.EventWorkedParams{Endpoint: event.Endpoint, ID: event.ID, Done: !failed})
		if err != nil && !db.NoRows(err) { // it was swept away meanwhile
			return err
		}
		at := tenant.ToldOf(id.Of[id.Platform](shown), asked, event.ProcessedAt != nil || failed)
		return tenant.RecordEventTry(ctx, tx, at, event.ID, try)
	})
}

// tooOld tells the platform that asked for an event that it is no longer here to be worked.
func (b *Background) tooOld(ctx context.Context, job StripeEvent) error {
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		try := tenant.EventTry{State: tenant.EventIgnored, Problem: tenant.TooOld}
		return tenant.RecordEventTry(ctx, tx, []id.Platform{job.PlatformID}, job.EventID, try)
	})
}

// act does what follows from an event. ignored says why nothing does.
func (b *Background) act(ctx context.Context, event billingdb.BillingEvent) (ignored string, err error) {
	switch {
	case Endpoint(event.Endpoint) == OwnEndpoint:
		err = b.plan(ctx, event.Customer)
	case aboutAccount(event.Type):
		err = b.account(ctx, event.Account, false)
	default:
		ignored, err = b.object(ctx, event)
	}
	// The account has left us: whatever the event was about is no longer ours to know.
	if errors.Is(err, stripeapi.ErrRevoked) {
		return tenant.AccountGone, nil
	}
	return ignored, err
}

func aboutAccount(eventType string) bool { return strings.HasPrefix(eventType, "account.") }

// object follows an event about a checkout, a subscription or an invoice. ignored says why nothing follows from it.
func (b *Background) object(ctx context.Context, event billingdb.BillingEvent) (ignored string, err error) {
	var at, atSession id.Platform
	err = b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		found, err := queries.PlatformOfStripeCustomer(ctx, tx, billingdb.PlatformOfStripeCustomerParams{
			Account: event.Account, StripeCustomerID: event.Customer,
		})
		if err != nil {
			return err
		}
		at = id.Platform(found)
		found, err = queries.PlatformOfCheckout(ctx, tx, event.ObjectID)
		atSession = id.Platform(found)
		return err
	})
	if err != nil {
		return "", err
	}
	ignored, err = b.objectAt(ctx, event, at, atSession)
	return ignored, errors.Join(err, b.tell(ctx, at, event))
}

// objectAt follows an event to the platform that has its customer, or its checkout.
func (b *Background) objectAt(ctx context.Context, event billingdb.BillingEvent, at, atSession id.Platform) (ignored string, err error) {
	if atSession != "" && isSession(event.ObjectID) {
		var ours bool
		err := b.db.Tenant(ctx, atSession, func(ctx context.Context, tx db.Tenant) error {
			checkout, err := queries.Checkout(ctx, tx, billingdb.CheckoutParams{
				PlatformID: string(atSession), SessionID: event.ObjectID,
			})
			ours = err == nil && checkout.Account == event.Account
			if db.NoRows(err) { // its customer was deleted
				return nil
			}
			return err
		})
		if err == nil && ours { // its subscription too
			_, err = b.session(ctx, atSession, event.ObjectID)
		}
		if err != nil || ours {
			return "", err
		}
	}
	if at == "" || event.Subscription == "" {
		return tenant.NoSubscription, nil
	}
	_, err = b.subscription(ctx, at, stripeapi.Account(event.Account), event.Subscription)
	return "", err
}

// account asks how a connected account is now. Only Stripe's own refusal to let us act for it ends a connection: that is
// for good, and a late event about an account that was connected again ends nothing. record is whether a change is a
// repair, as no event told of it.
func (b *Background) account(ctx context.Context, account string, record bool) error {
	var platforms []string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		platforms, err = queries.PlatformsOfAccount(ctx, tx, account)
		return err
	})
	if err != nil || len(platforms) == 0 {
		return err
	}
	numbers, before := make([]int64, len(platforms)), make([]tenant.Connection, len(platforms))
	for i, one := range platforms {
		err := b.db.Tenant(ctx, id.Platform(one), func(ctx context.Context, tx db.Tenant) (err error) {
			if before[i], err = tenant.ConnectionOf(ctx, tx); err != nil {
				return err
			}
			numbers[i], err = queries.TakeLook(ctx, tx, billingdb.TakeLookParams{PlatformID: one, ObjectID: account})
			return err
		})
		if err != nil {
			return err
		}
	}
	now, err := b.api.ConnectedAccount(ctx, account)
	gone := errors.Is(err, stripeapi.ErrRevoked)
	if err != nil && !gone {
		return err
	}
	for i, one := range platforms {
		err := b.db.Tenant(ctx, id.Platform(one), func(ctx context.Context, tx db.Tenant) error {
			n, err := queries.KeepLook(ctx, tx, billingdb.KeepLookParams{PlatformID: one, ObjectID: account, Number: numbers[i]})
			if err != nil || n == 0 { // somebody looked later and has kept that
				return err
			}
			return keepAccount(ctx, tx, before[i], account, now, gone, record)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keepAccount stores an account as it was seen. Its look is locked, so that of two who saw the same change one records it.
// What was seen of a connection says nothing of one that was made since.
func keepAccount(
	ctx context.Context, tx db.Tenant, asked tenant.Connection, account string, now stripeapi.ConnectedAccount, gone, record bool,
) error {
	before, err := tenant.ConnectionOf(ctx, tx)
	if err != nil || !before.ConnectedAt.Equal(asked.ConnectedAt) {
		return err
	}
	if gone {
		_, err = tenant.Disconnect(ctx, tx, account, "deauthorized")
	} else {
		err = tenant.RefreshConnection(ctx, tx, account, now.Name, now.ChargesEnabled)
	}
	if err != nil || !record {
		return err
	}
	after, err := tenant.ConnectionOf(ctx, tx)
	if err != nil || after.Lives() == before.Lives() && after.ChargesEnabled == before.ChargesEnabled {
		return err
	}
	return queries.InsertRepair(ctx, tx, billingdb.InsertRepairParams{
		PlatformID: string(tx.Platform), ID: id.NewRepair(), ObjectID: account,
		Was: encode(connectionState(before)), Became: encode(connectionState(after)),
	})
}

func connectionState(c tenant.Connection) *state {
	switch {
	case !c.Lives():
		return &state{Status: "disconnected"}
	case !c.ChargesEnabled:
		return &state{Status: "connected, can not take payments"}
	default:
		return &state{Status: "connected"}
	}
}
