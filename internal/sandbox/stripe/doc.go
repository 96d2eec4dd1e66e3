// Package stripe is a stateful stand-in for Stripe: a real HTTP server on the
// loopback interface which Stripe's own SDK talks to, only its base URL being
// different. It owns accounts and their connection to one Connect application,
// products, prices, customers, checkouts, the billing portal, subscriptions,
// invoices, payments and signed events, in live and in test mode, and the pages
// on which a person pays. It knows nothing of dream-api and imports nothing of it.
//
// It speaks API version 2023-10-16, with Stripe's parameters, errors, pages of
// lists, expansion and idempotency keys. Parameters it doesn't know are refused,
// also those that Stripe would take, such as everything about taxes. What it
// does not do, because no part of dream-api uses it: metered and tiered prices,
// Setup Intents, Payment Links, quotes, credit notes, taxes, transfers,
// application fees, embedded checkouts, promotion codes typed in at a checkout.
//
// # Addresses
//
//   - the API below /v1, and /oauth/token and /oauth/deauthorize. The secret key
//     selects the mode, and Stripe-Account a connected account,
//   - the pages: /c/pay/{session}, /p/session/{session}, /i/{invoice},
//     /oauth/authorize, and an index page at /,
//   - the control endpoints below /_sandbox/.
//
// # Time
//
// Everything is computed with the sandbox's clock: Config.Now and what it was
// turned ahead. A customer of a test clock, and all that is theirs, lives by that
// clock. When a clock moves, everything that falls into that time happens, each
// thing at its own moment and in order. Events are signed and delivered by the
// machine's clock, because receivers check the signature's age against theirs.
//
// Where Stripe takes its time, the sandbox doesn't: a renewal's invoice is
// finalized and charged at once rather than an hour later.
//
// # Payments
//
// A card does what its number says; cards.go lists them, with the test ids such
// as pm_card_visa. An invoice that can't be charged is tried again after 3, then
// 5, then 7 days, and Config.FailedPayment says what then becomes of the
// subscription. Somebody at a checkout or portal page whose payment fails has
// changed nothing by it.
//
// A bank debit settles later. Its checkout completes at once with payment_status
// unpaid, and the subscription is active while its invoice is open and the
// payment is processing. It succeeds after two days, or as async/settle says; if
// it fails the subscription is past_due, and the invoice is tried again as above.
//
// # State
//
// With Config.Dir the state survives the end of the process, also kill -9: an
// operation is written to stripe.journal before it is answered, and the journal
// becomes the snapshot stripe.json when it is long, and at the start and the end.
// The last 500 events that are done with are remembered, and all the others.
//
// # Control endpoints
//
// Bodies are JSON; unknown fields are refused with 400. Every field is optional
// unless it says otherwise.
//
//	POST   /_sandbox/faults              adds a fault, answers it with its id
//	GET    /_sandbox/faults              lists the faults that are still armed
//	DELETE /_sandbox/faults              disarms them all
//
// A fault has these fields:
//
//	of          only requests for, charges of, or events of this account (ours too)
//	times       required: how many requests, charges or events it applies to
//	method      only this HTTP method
//	path        only this path: a prefix, or a glob as path.Match has it
//	latencyMs   waits this long first
//	status      answers this status with Stripe's error shape; nothing is done
//	loseAnswer  does what was asked, then cuts the connection. (Go's HTTP client
//	            repeats a request with an Idempotency-Key by itself if it was sent
//	            on a connection that had been used before: ask for 2 times)
//	cardDecline applies to charges: they are declined with this code, such as
//	            insufficient_funds
//	event       applies to events. Its own fields:
//	              type       only this type of event ("invoice.paid")
//	              duplicate  delivers it twice, with one id
//	              drop       never delivers it (it can be resent)
//	              delayMs    delivers it this much later
//	              reorder    delivers it after the event that follows it, or
//	                         after ten seconds if none does
//
// A fault is for requests, for charges or for events, not for several of them.
// The other endpoints:
//
//	GET  /_sandbox/events?type=&status=&account=   the events: pending, delivered,
//	                                  dropped, or skipped (no endpoint wanted it)
//	POST /_sandbox/events/{id}/resend              delivers an event again, same id
//	GET  /_sandbox/clock                           {now, aheadSeconds}
//	POST /_sandbox/clock/advance {seconds}         turns the clock; seconds is required
//	POST /_sandbox/async/settle {session, outcome} ends a checkout's bank debit:
//	                                  succeeded or failed. Both are required
//	GET  /_sandbox/accounts                        everybody else's accounts
//	POST /_sandbox/accounts {email, businessName, country, currency, connected}
//	                                  makes an account that can be picked on the
//	                                  consent page, or is connected already. email
//	                                  and businessName are required
//	POST /_sandbox/accounts/{id}/update {chargesEnabled}
//	POST /_sandbox/accounts/{id}/deauthorize       as if its owner revoked our access
//	POST /_sandbox/customers/{id}/card {card}      swaps the default card, by its
//	                                  number or test id, so that renewals fail or recover
//	GET  /_sandbox/state                           counts of objects by account and mode
//	POST /_sandbox/reset                           forgets everything but the id of our
//	                                  account, and makes again what is configured
package stripe
