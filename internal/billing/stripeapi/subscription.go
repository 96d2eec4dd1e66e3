package stripeapi

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Subscription is a subscription as it is now. It has one item; we make no other.
type Subscription struct {
	ID       string
	Customer string
	Status   string // in Stripe's words
	Items    int    // how many there are: with several, somebody has changed it by hand
	ItemID   string

	PriceID       string
	ProductID     string
	Amount        int64 // of one unit, in the minor unit
	Quantity      int64
	Currency      string
	Interval      string
	IntervalCount int64
	PercentOff    float64
	AmountOff     int64

	CreatedAt          time.Time
	CurrentPeriodStart *time.Time
	CurrentPeriodEnd   *time.Time
	TrialEnd           *time.Time
	CancelAt           *time.Time // also where it ends with the period
	EndedAt            *time.Time
	NextPriceID        string // to which it changes at the end of the period
	Metadata           map[string]string
}

// Subscription returns a subscription as it is now.
func (a *API) Subscription(ctx context.Context, at Account, id string) (Subscription, error) {
	c, base := a.as(ctx, at, "")
	base.AddExpand("schedule")
	found, err := c.Subscriptions.Get(id, &stripe.SubscriptionParams{Params: base})
	if err != nil {
		return Subscription{}, refusal(err)
	}
	return subscriptionFrom(found), nil
}

// Subscriptions returns all subscriptions of a customer, ended ones too, newest first.
func (a *API) Subscriptions(ctx context.Context, at Account, customer string) ([]Subscription, error) {
	c, base := a.listAs(ctx, at)
	base.AddExpand("data.schedule")
	base.Limit = stripe.Int64(100)
	var all []Subscription
	list := c.Subscriptions.List(&stripe.SubscriptionListParams{
		ListParams: base, Customer: stripe.String(customer), Status: stripe.String("all"),
	})
	for list.Next() {
		all = append(all, subscriptionFrom(list.Subscription()))
	}
	return all, refusal(list.Err())
}

// EndSubscription ends a subscription at once and, if refund is set, pays back what it cost; ErrUnsettled as long as that
// has not arrived. It may be repeated, and is until both are done.
func (a *API) EndSubscription(ctx context.Context, at Account, id string, refund bool) error {
	if err := a.cancelSubscription(ctx, at, id); err != nil || !refund {
		return err
	}
	if err := a.refundSubscription(ctx, at, id); !errors.Is(err, ErrNotFound) { // one that vanished cost nothing
		return err
	}
	return nil
}

// cancelSubscription ends a subscription at once. One that has ended or is not there has ended.
func (a *API) cancelSubscription(ctx context.Context, at Account, id string) error {
	now, err := a.Subscription(ctx, at, id)
	if errors.Is(err, ErrNotFound) || err == nil && now.EndedAt != nil {
		return nil
	}
	if err != nil {
		return err
	}
	c, base := a.as(ctx, at, "")
	_, err = c.Subscriptions.Cancel(id, &stripe.SubscriptionCancelParams{Params: base})
	return refusal(err)
}

// refundSubscription gives back what was paid for the subscription's latest invoice, if anything was. To refund it again
// changes nothing. A debit that has not settled can not be given back yet: ErrUnsettled.
func (a *API) refundSubscription(ctx context.Context, at Account, id string) error {
	c, base := a.as(ctx, at, "")
	base.AddExpand("latest_invoice.payment_intent")
	found, err := c.Subscriptions.Get(id, &stripe.SubscriptionParams{Params: base})
	if err != nil {
		return refusal(err)
	}
	invoice := found.LatestInvoice
	if invoice == nil || invoice.PaymentIntent == nil {
		return nil
	}
	if invoice.PaymentIntent.Status == stripe.PaymentIntentStatusProcessing {
		return ErrUnsettled
	}
	if invoice.AmountPaid == 0 {
		return nil
	}
	_, base = a.as(ctx, at, "")
	_, err = c.Refunds.New(&stripe.RefundParams{
		Params: base, PaymentIntent: stripe.String(invoice.PaymentIntent.ID),
		Reason: stripe.String(string(stripe.RefundReasonDuplicate)),
	})
	var answer *stripe.Error
	if errors.As(err, &answer) && answer.Code == stripe.ErrorCodeChargeAlreadyRefunded {
		return nil
	}
	return refusal(err)
}

// MoveSubscription has a subscription renew at another price: from the next period on, as nothing is prorated.
func (a *API) MoveSubscription(ctx context.Context, at Account, s Subscription, priceID string) error {
	c, base := a.as(ctx, at, "")
	_, err := c.Subscriptions.Update(s.ID, &stripe.SubscriptionParams{
		Params:            base,
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(s.ItemID), Price: stripe.String(priceID)}},
		ProrationBehavior: stripe.String("none"),
	})
	return refusal(err)
}

func subscriptionFrom(s *stripe.Subscription) Subscription {
	sub := Subscription{
		ID: s.ID, Status: string(s.Status), CreatedAt: time.Unix(s.Created, 0).UTC(), Currency: string(s.Currency),
		CurrentPeriodStart: moment(s.CurrentPeriodStart), CurrentPeriodEnd: moment(s.CurrentPeriodEnd),
		TrialEnd: moment(s.TrialEnd), CancelAt: moment(s.CancelAt), EndedAt: moment(s.EndedAt), Metadata: s.Metadata,
	}
	if s.CancelAtPeriodEnd && sub.CancelAt == nil {
		sub.CancelAt = sub.CurrentPeriodEnd
	}
	if s.Customer != nil {
		sub.Customer = s.Customer.ID
	}
	if s.Items != nil && len(s.Items.Data) > 0 {
		item := s.Items.Data[0]
		sub.Items, sub.ItemID, sub.Quantity = len(s.Items.Data), item.ID, item.Quantity
		if p := item.Price; p != nil {
			sub.PriceID, sub.Amount = p.ID, p.UnitAmount
			if p.Product != nil {
				sub.ProductID = p.Product.ID
			}
			if p.Recurring != nil {
				sub.Interval, sub.IntervalCount = string(p.Recurring.Interval), p.Recurring.IntervalCount
			}
		}
	}
	if s.Discount != nil && s.Discount.Coupon != nil {
		sub.PercentOff, sub.AmountOff = s.Discount.Coupon.PercentOff, s.Discount.Coupon.AmountOff
	}
	if s.Schedule != nil {
		for _, phase := range s.Schedule.Phases {
			later := phase.StartDate >= s.CurrentPeriodEnd && s.CurrentPeriodEnd > 0
			if later && len(phase.Items) > 0 && phase.Items[0].Price != nil && phase.Items[0].Price.ID != sub.PriceID {
				sub.NextPriceID = phase.Items[0].Price.ID
				break
			}
		}
	}
	return sub
}
