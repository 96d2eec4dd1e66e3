// Package clerk is a stateful stand-in for Clerk: a real HTTP server on the
// loopback interface which Clerk's own SDK talks to, only its base URL being
// different. It owns the users, sessions, signing keys, JWT templates and
// signed events of any number of Clerk apps, and the pages on which a person
// signs in. It knows nothing of dream-api and imports nothing of it.
//
// What it does not do, because no part of dream-api uses it: phone numbers,
// web3 wallets, second factors, social sign-in, organizations, imported
// password digests, mail. It behaves as an instance with these switched off:
// their parameters are refused as unknown, and an address given on a page
// counts as verified.
//
// # Addresses
//
// One listener serves three things:
//
//   - the Backend API below /v1; the secret key selects the app,
//   - each app's frontend, http://<app>.clerk.localhost:<port>: /sign-in,
//     /sign-up, /user and /.well-known/jwks.json. For clients that can't
//     resolve *.localhost the same pages are below /apps/<app>/,
//   - the control endpoints below /_sandbox/, and an index page at /.
//
// The domain's times (created_at, iat, exp, …) come from Config.Now. Events are
// signed and scheduled by the machine's clock, because receivers check the
// signature's age against theirs.
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
//	of         only this app's requests or events
//	times      required: how many requests or events it applies to
//	method     only this HTTP method
//	path       only this path: a prefix, or a glob as path.Match has it
//	latencyMs  waits this long first
//	status     answers this status with Clerk's error shape; nothing is done
//	loseAnswer does what was asked, then cuts the connection
//	event      applies to events, not to requests; method, path, latencyMs,
//	           status and loseAnswer are then refused. Its own fields:
//	             type       only this type of event ("user.created")
//	             duplicate  delivers it twice, with one svix-id
//	             drop       never delivers it (it can be resent)
//	             delayMs    delivers it this much later
//	             reorder    delivers it after the event that follows it, or
//	                        after ten seconds if none does
//
// The others:
//
//	POST /_sandbox/keys/rotate {app}         makes a new signing key; the old
//	                                         ones stay in the JWKS. app is required
//	POST /_sandbox/keys/retire {app, kid}    takes the key (without kid: every key
//	                                         but the newest) out of the JWKS
//	GET  /_sandbox/events?app=&status=       the events: pending, delivered, dropped,
//	                                         or skipped (there was no webhook URL)
//	POST /_sandbox/events/{id}/resend        delivers an event again, same svix-id
//	POST /_sandbox/reset {app}               forgets users, sessions and events, and all
//	                                         templates but the configured ones, of one
//	                                         app or of all; disarms the faults. Keys stay
package clerk
