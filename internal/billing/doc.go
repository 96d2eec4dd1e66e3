// Package billing owns who pays for which tier, and everything about Stripe. So far that is the schema billing, from
// which the plan of a customer follows (the view tenant.current_plans); nothing writes subscriptions yet.
package billing
