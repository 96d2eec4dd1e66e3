package stripeapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"
)

// Portal is what a platform's billing portal shows.
type Portal struct {
	Headline  string
	ReturnURL string
	Products  []PortalProduct // ten at the most, as Stripe has it
	Metadata  map[string]string
}

// PortalProduct is a product and those of its prices that a subscription can change to.
type PortalProduct struct {
	ID     string
	Prices []string
}

// Visit is why a customer is sent to the portal. With neither Change nor Cancel it opens at its front.
type Visit struct {
	Customer      string
	Configuration string
	ReturnURL     string
	Change        *Subscription // have this one confirmed to change to PriceID
	PriceID       string
	Cancel        string // have this subscription confirmed to be cancelled
	DoneURL       string // where a confirmation leads
}

// PutPortal makes the configuration, or with an id changes the one that is there, and returns its id. An upgrade is billed
// at once, with proration; a downgrade waits for the end of the period.
func (a *API) PutPortal(ctx context.Context, at Account, id string, p Portal) (string, error) {
	c, base := a.as(ctx, at, "")
	params := &stripe.BillingPortalConfigurationParams{
		Params:           base,
		BusinessProfile:  &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String(p.Headline)},
		DefaultReturnURL: stripe.String(p.ReturnURL),
		Metadata:         p.Metadata,
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			InvoiceHistory:      &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{
				Enabled: stripe.Bool(true), Mode: stripe.String("at_period_end"),
			},
		},
	}
	switch {
	case len(p.Products) == 0 && id != "": // or what it showed before would stay
		params.Features.SubscriptionUpdate = &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateParams{Enabled: stripe.Bool(false)}
	case len(p.Products) > 0:
		update := &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateParams{
			Enabled:               stripe.Bool(true),
			DefaultAllowedUpdates: []*string{stripe.String("price")},
			ProrationBehavior:     stripe.String("always_invoice"),
		}
		for _, product := range p.Products {
			update.Products = append(update.Products, &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateProductParams{
				Product: stripe.String(product.ID), Prices: stripe.StringSlice(product.Prices),
			})
		}
		params.Features.SubscriptionUpdate = update
		// Younger than the SDK; see Stripe's API reference, features.subscription_update.schedule_at_period_end.
		for i, condition := range []string{"decreasing_item_amount", "shortening_interval"} {
			params.AddExtra(fmt.Sprintf("features[subscription_update][schedule_at_period_end][conditions][%d][type]", i), condition)
		}
	}
	if id == "" {
		made, err := c.BillingPortalConfigurations.New(params)
		if err != nil {
			return "", refusal(err)
		}
		return made.ID, nil
	}
	_, err := c.BillingPortalConfigurations.Update(id, params)
	if err = refusal(err); errors.Is(err, ErrNotFound) {
		return a.PutPortal(ctx, at, "", p)
	}
	return id, err
}

// EnsurePortal returns the configuration that was made under the name, or makes it.
func (a *API) EnsurePortal(ctx context.Context, at Account, name string, p Portal) (string, error) {
	c, base := a.listAs(ctx, at)
	base.Limit = stripe.Int64(100)
	list := c.BillingPortalConfigurations.List(&stripe.BillingPortalConfigurationListParams{
		ListParams: base, Active: stripe.Bool(true),
	})
	for list.Next() {
		if found := list.BillingPortalConfiguration(); found.Metadata["dreamapi_portal"] == name {
			return found.ID, nil
		}
	}
	if err := list.Err(); err != nil {
		return "", refusal(err)
	}
	p.Metadata = map[string]string{"dreamapi_portal": name}
	return a.PutPortal(ctx, at, "", p)
}

// OpenPortal makes an address at which the customer finds the portal for a few minutes.
func (a *API) OpenPortal(ctx context.Context, at Account, v Visit) (string, error) {
	c, base := a.as(ctx, at, "")
	params := &stripe.BillingPortalSessionParams{
		Params: base, Customer: stripe.String(v.Customer), Configuration: stripe.String(v.Configuration),
		ReturnURL: stripe.String(v.ReturnURL),
	}
	flow := &stripe.BillingPortalSessionFlowDataParams{}
	switch {
	case v.Change != nil:
		flow.Type = stripe.String("subscription_update_confirm")
		flow.SubscriptionUpdateConfirm = &stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams{
			Subscription: stripe.String(v.Change.ID),
			Items: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{{
				ID: stripe.String(v.Change.ItemID), Price: stripe.String(v.PriceID), Quantity: stripe.Int64(1),
			}},
		}
	case v.Cancel != "":
		flow.Type = stripe.String("subscription_cancel")
		flow.SubscriptionCancel = &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{Subscription: stripe.String(v.Cancel)}
	}
	if flow.Type != nil {
		flow.AfterCompletion = &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
			Type:     stripe.String("redirect"),
			Redirect: &stripe.BillingPortalSessionFlowDataAfterCompletionRedirectParams{ReturnURL: stripe.String(v.DoneURL)},
		}
		params.FlowData = flow
	}
	made, err := c.BillingPortalSessions.New(params)
	if err != nil {
		return "", refusal(err)
	}
	return made.URL, nil
}
