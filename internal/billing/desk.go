package billing

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Desk is what a developer does about money in the dashboard. That a platform is the developer's is checked before.
type Desk struct {
	planner
	publisher publisher
}

// NewDesk makes a Desk that works under the developer surface's role. The price is that of our plan.
func NewDesk(developer *db.DB, api *stripeapi.API, queue *jobs.Enqueuer, urls URLs, price string) *Desk {
	return &Desk{planner{developer, api, queue, urls, price}, publisher{developer, api}}
}

// Publish makes the platform's price list known to Stripe at once. What fails is recorded with the tiers and tried again
// by a job, so the error is for the log.
func (d *Desk) Publish(ctx context.Context, at id.Platform) error {
	return d.publisher.publish(ctx, at)
}

// MoveSubscribers has those who subscribed to earlier prices of a tier renew at the present ones, from their next period
// on. Jobs do it; the answer says for how many.
func (d *Desk) MoveSubscribers(ctx context.Context, at id.Platform, tier string) (int, error) {
	n := 0
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := tenant.TierNamed(ctx, tx, tier); err != nil {
			return err
		}
		old, err := queries.SubscribersOfOldPrices(ctx, tx, billingdb.SubscribersOfOldPricesParams{
			PlatformID: string(at), Tier: &tier,
		})
		if err != nil {
			return err
		}
		n = len(old)
		for _, subscription := range old {
			if err := d.queue.Enqueue(ctx, tx.Tx, MoveSubscriber{at, subscription}); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// HasCheckouts reports whether a checkout was ever asked for on the platform.
func (d *Desk) HasCheckouts(ctx context.Context, at id.Platform) (has bool, err error) {
	err = d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		has, err = queries.HasCheckouts(ctx, tx, string(at))
		return err
	})
	return has, err
}

// Repair is something that the reconciliation found and put right or, where only the account's owner can, tells of.
type Repair struct {
	ID         string          `json:"id"`
	ObjectID   string          `json:"objectId"` // of Stripe's
	CustomerID string          `json:"customerId"`
	Was        json.RawMessage `json:"was"` // {tier, status, cancelAt}, or null where nothing was known
	Became     json.RawMessage `json:"became"`
	RepairedAt time.Time       `json:"repairedAt"`
}

// Now is the status that was found, in Stripe's words or, of what is no subscription, in ours.
func (r Repair) Now() string {
	var became state
	_ = json.Unmarshal(r.Became, &became) // null where nothing is left
	return became.Status
}

// Repairs lists the hundred latest repairs of the platform, newest first.
func (d *Desk) Repairs(ctx context.Context, at id.Platform) ([]Repair, error) {
	var repairs []Repair
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Repairs(ctx, tx, string(at))
		repairs = make([]Repair, len(rows))
		for i, row := range rows {
			repairs[i] = Repair(row)
		}
		return err
	})
	return repairs, err
}

// Subscription is what a customer pays for.
type Subscription struct {
	ID               string     `json:"id"`      // of Stripe's
	Account          string     `json:"account"` // the connected account; empty: our own, in test mode
	Tier             *string    `json:"tier"`
	Status           string     `json:"status"` // in Stripe's words
	Interval         *string    `json:"interval"`
	IntervalCount    int32      `json:"intervalCount"` // how many intervals make a period; 1 unless somebody made the price by hand
	Amount           int64      `json:"amount"`        // for a period, in the currency's minor unit
	Currency         string     `json:"currency"`
	CurrentPeriodEnd *time.Time `json:"currentPeriodEnd"`
	TrialEnd         *time.Time `json:"trialEnd"`
	CancelAt         *time.Time `json:"cancelAt"`
	GraceUntil       *time.Time `json:"graceUntil"`
	NextTier         *string    `json:"nextTier"` // to which it changes at the end of the period
}

// SubscriptionOf returns the customer's subscription: the one that lives, else the last; nil for one who never had any.
func (d *Desk) SubscriptionOf(ctx context.Context, at id.Platform, customer string) (*Subscription, error) {
	return subscriptionOf(ctx, d.db, at, customer)
}

// SubscriptionOf is the Desk's, for the customers themselves.
func (c *Cashier) SubscriptionOf(ctx context.Context, at id.Platform, customer string) (*Subscription, error) {
	return subscriptionOf(ctx, c.db, at, customer)
}

func subscriptionOf(ctx context.Context, pool *db.DB, at id.Platform, customer string) (*Subscription, error) {
	var found *Subscription
	err := pool.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		row, err := queries.LatestSubscription(ctx, tx, billingdb.LatestSubscriptionParams{
			PlatformID: string(at), CustomerID: customer,
		})
		if db.NoRows(err) {
			return nil
		}
		s := Subscription(row)
		found = &s
		return err
	})
	return found, err
}

// Standing is how a platform stands with Stripe.
type Standing struct {
	Connection *tenant.Connection `json:"connection"` // nil where there never was one; a test platform needs none
	Lacks      string             `json:"lacks"`      // before live keys: plan, connection or tiers; empty: nothing
}

// Standing says how the platform stands.
func (d *Desk) Standing(ctx context.Context, at id.Platform) (Standing, error) {
	var s Standing
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		connection, err := tenant.ConnectionOf(ctx, tx)
		if err != nil {
			return err
		}
		if connection.Account != "" {
			s.Connection = &connection
		}
		s.Lacks, err = tenant.LiveLacks(ctx, tx)
		return err
	})
	return s, err
}

// AccountState is what Stripe says of an account's standing.
type AccountState = stripeapi.AccountState

// ConnectedAccount asks Stripe how the connected account stands; nil where none is connected, and errs.NotConnected where
// the account no longer lets us act for it.
func (d *Desk) ConnectedAccount(ctx context.Context, at id.Platform) (*AccountState, error) {
	standing, err := d.Standing(ctx, at)
	if err != nil || standing.Connection == nil || !standing.Connection.Lives() {
		return nil, err
	}
	found, err := d.api.ConnectedAccount(ctx, standing.Connection.Account)
	if err != nil {
		return nil, err
	}
	return &found.AccountState, nil
}

// BeginConnect begins to connect an account to a live platform, in a session of the dashboard, and returns the address
// on the oauth surface at which it goes on within a minute.
func (d *Desk) BeginConnect(ctx context.Context, p platform.Platform, session id.Session) (string, error) {
	if p.Mode != id.Live {
		return "", errs.New(errs.Conflict, "A test platform's customers pay on our Stripe account in test mode, so there is nothing to "+
			"connect. Connect the live platform.")
	}
	ticket := platform.NewSecret()
	err := d.db.Tenant(ctx, p.ID, func(ctx context.Context, tx db.Tenant) error {
		return queries.BeginConnect(ctx, tx, billingdb.BeginConnectParams{
			Attempt: id.NewAttempt(), Session: string(session), Ticket: platform.Hash(ticket),
		})
	})
	return d.urls.OAuth + "/authorize?ticket=" + ticket.Reveal(), err
}

// FinishConnect trades the receipt, with which the oauth surface sent the browser back, for the connection. It counts
// only in the session that began: who followed somebody else's link connects nothing. An account that agreed and is not
// connected is let go again, by a job.
func (d *Desk) FinishConnect(ctx context.Context, session id.Session, receipt secret.Text) (id.Platform, error) {
	var found struct {
		Platform id.Platform `json:"platform"`
		Account  string      `json:"account"`
		Name     string      `json:"name"`
		Charges  bool        `json:"charges"`
		Own      bool        `json:"own"`
	}
	err := d.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		raw, err := queries.TakeReceipt(ctx, tx, billingdb.TakeReceiptParams{
			Receipt: platform.Hash(receipt), Session: string(session),
		})
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &found); err != nil || found.Account == "" {
			return err
		}
		if !found.Own {
			return d.queue.Enqueue(ctx, tx, LetGo{found.Account})
		}
		return d.queue.EnqueueIn(ctx, tx, time.Minute, LetGo{found.Account}) // by when it is connected, unless that fails
	})
	if err != nil {
		return "", err
	}
	if found.Account == "" {
		return "", errs.New(errs.NotFound, "This way back from Stripe was used before, or took longer than two minutes. Connect again.")
	}
	if !found.Own {
		return "", errs.New(errs.Forbidden, "The connection was begun in another session, so nothing was connected. Begin it in the "+
			"dashboard, in this browser.")
	}
	err = d.db.Tenant(ctx, found.Platform, func(ctx context.Context, tx db.Tenant) error {
		before, err := tenant.ConnectionOf(ctx, tx)
		if err != nil {
			return err
		}
		if before.Lives() && before.Account != found.Account { // nobody may need our access to that one any more
			if err := d.queue.Enqueue(ctx, tx.Tx, LetGo{before.Account}); err != nil {
				return err
			}
		}
		if err := tenant.Connect(ctx, tx, found.Account, found.Name, found.Charges); err != nil {
			return err
		}
		return tenant.PublishSoon(ctx, tx, d.queue)
	})
	if err != nil {
		return found.Platform, err
	}
	// The dashboard should show the tiers with their prices; what does not succeed now, the job does.
	_ = d.Publish(ctx, found.Platform)
	return found.Platform, nil
}

// Disconnect ends the connection of a platform. It is refused while there is money on the account that somebody has to
// follow: subscriptions, and checkouts that are open, which it has ended first. Our access to the account ends too, unless
// another platform needs it.
func (d *Desk) Disconnect(ctx context.Context, at id.Platform) error {
	ending := false
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		now, err := tenant.ConnectionOf(ctx, tx)
		if err != nil {
			return err
		}
		if !now.Lives() {
			return errs.New(errs.Conflict, "No Stripe account is connected.")
		}
		n, err := queries.LivingOnAccount(ctx, tx, billingdb.LivingOnAccountParams{PlatformID: string(at), Account: now.Account})
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.New(errs.SubscriptionLives, "%d customers have a subscription on the connected account. Cancel these first; "+
				"without the connection nobody would follow what becomes of them.", n)
		}
		if ending, err = d.endCheckouts(ctx, tx, now.Account); err != nil || ending {
			return err // the endings are kept
		}
		last, err := tenant.Disconnect(ctx, tx, now.Account, "disconnected")
		if err != nil || !last {
			return err
		}
		return d.queue.Enqueue(ctx, tx.Tx, LetGo{now.Account})
	})
	if err == nil && ending {
		return errs.New(errs.Conflict, "Checkouts and cancellations that are under way on the account are being ended. Disconnect again "+
			"in a moment.").After(5 * time.Second)
	}
	return err
}

// endCheckouts has the open checkouts on an account ended, and reports whether anything is still to be ended there.
func (d *Desk) endCheckouts(ctx context.Context, tx db.Tenant, account string) (ending bool, err error) {
	open, err := queries.OpenOnAccount(ctx, tx, billingdb.OpenOnAccountParams{PlatformID: string(tx.Platform), Account: account})
	if err != nil {
		return false, err
	}
	for _, session := range open {
		if err := end(ctx, tx, d.queue, stripeapi.Account(account), session, true); err != nil {
			return false, err
		}
	}
	undone, err := queries.UndoneOnAccount(ctx, tx, billingdb.UndoneOnAccountParams{
		PlatformID: string(tx.Platform), Account: account,
	})
	return undone > 0, err
}
