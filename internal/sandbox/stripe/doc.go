// Package stripe is a stateful stand-in for Stripe.
package stripe
