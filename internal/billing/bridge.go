package billing

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/secret"
)

// Bridge leads a developer from the dashboard to Stripe and back. It holds no right on any tenant's table: all that it
// does is to carry an attempt from one single-use secret to the next.
type Bridge struct {
	db   *db.DB
	api  *stripeapi.API
	urls URLs
}

// NewBridge makes a Bridge that works under the oauth surface's role.
func NewBridge(oauth *db.DB, api *stripeapi.API, urls URLs) *Bridge { return &Bridge{oauth, api, urls} }

// Authorize trades a ticket for the address at Stripe, and for the cookie that the browser must bring back.
func (b *Bridge) Authorize(ctx context.Context, ticket secret.Text) (address string, cookie secret.Text, err error) {
	state, cookie := platform.NewSecret(), platform.NewSecret()
	err = b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		attempt, err := queries.TakeTicket(ctx, tx, billingdb.TakeTicketParams{
			Ticket: platform.Hash(ticket), State: platform.Hash(state), Cookie: platform.Hash(cookie),
		})
		if err == nil && attempt == "" {
			return errs.New(errs.NotFound, "This link works once, and for a minute. Go back to the dashboard and connect again.")
		}
		return err
	})
	return b.api.AuthorizeURL(state.Reveal(), b.urls.OAuth+"/callback"), cookie, err
}

// Callback trades what Stripe sent the browser back with for the address of the dashboard at which the connection is
// finished. A denied is Stripe's word for that the developer did not agree.
func (b *Bridge) Callback(ctx context.Context, state, cookie secret.Text, code, denied string) (string, error) {
	var attempt string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		attempt, err = queries.TakeState(ctx, tx, billingdb.TakeStateParams{
			State: platform.Hash(state), Cookie: platform.Hash(cookie),
		})
		return err
	})
	if err != nil {
		return "", err
	}
	if attempt == "" {
		return "", errs.New(errs.Forbidden, "This way back from Stripe does not belong to this browser, was used before, or took longer "+
			"than ten minutes. Nothing was connected. Connect again in the dashboard.")
	}
	if denied != "" || code == "" {
		return b.urls.Developer + "/connect/denied", nil
	}
	account, err := b.api.Exchange(ctx, code)
	if errors.Is(err, stripeapi.ErrBadCode) {
		return "", errs.New(errs.Forbidden, "Stripe does not accept this authorization any more. Nothing was connected. Connect again in "+
			"the dashboard.").Because(err)
	}
	if err != nil {
		return "", err
	}
	receipt := platform.NewSecret() // before anything else can fail: an account that is left without one is never let go
	err = b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		left, err := queries.LeaveReceipt(ctx, tx, billingdb.LeaveReceiptParams{
			Attempt: attempt, Receipt: platform.Hash(receipt), Account: account,
		})
		if err == nil && !left {
			return errs.New(errs.Conflict, "This attempt to connect is over. Connect again in the dashboard.")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	found, err := b.api.ConnectedAccount(ctx, account)
	if err != nil {
		return "", err
	}
	err = b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		return queries.DescribeReceipt(ctx, tx, billingdb.DescribeReceiptParams{
			Receipt: platform.Hash(receipt), Name: found.Name, Charges: found.ChargesEnabled,
		})
	})
	return b.urls.Developer + "/connect/finish?receipt=" + receipt.Reveal(), err
}
