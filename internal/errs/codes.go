package errs

import (
	"maps"
	"slices"
)

// Code names a kind of failure for programs. A code never changes its meaning.
type Code string

// The codes, by what went wrong.
const (
	InvalidJSON         Code = "invalid_json"
	InvalidRequest      Code = "invalid_request"
	UnknownPlan         Code = "unknown_plan"
	UnknownMeter        Code = "unknown_meter"
	PasswordRefused     Code = "password_refused"
	Unauthenticated     Code = "unauthenticated"
	InvalidCredentials  Code = "invalid_credentials"
	InvalidSignature    Code = "invalid_signature"
	TierLimitReached    Code = "tier_limit_reached"
	Forbidden           Code = "forbidden"
	OriginNotAllowed    Code = "origin_not_allowed"
	NotFound            Code = "not_found"
	MethodNotAllowed    Code = "method_not_allowed"
	Conflict            Code = "conflict"
	CustomerExists      Code = "customer_exists"
	SubscriptionLives   Code = "subscription_lives"
	PlatformSuspended   Code = "platform_suspended"
	NoAccount           Code = "no_account"
	SignUpClosed        Code = "sign_up_closed"
	InvitationRefused   Code = "invitation_refused"
	EmailNotAllowed     Code = "email_not_allowed"
	EmailNotVerified    Code = "email_not_verified"
	RedirectRefused     Code = "redirect_refused"
	PlanRequired        Code = "plan_required"
	NotConnected        Code = "not_connected"
	CallsUsedUp         Code = "calls_used_up"
	TooLarge            Code = "too_large"
	MisdirectedRequest  Code = "misdirected_request"
	IdempotencyMismatch Code = "idempotency_mismatch"
	IdempotencyBusy     Code = "idempotency_busy"
	RateLimited         Code = "rate_limited"
	TestCallsUsedUp     Code = "test_calls_used_up"
	Internal            Code = "internal"
	UpstreamFailed      Code = "upstream_failed"
	Unavailable         Code = "unavailable"
)

// about is what is said of a code: its title, and what to do about it.
var about = map[Code]struct{ title, help string }{
	InvalidJSON: {"Invalid JSON",
		"The body is no JSON object, or has something after it. Check quotes, commas and the end of what you send."},
	InvalidRequest: {"Invalid request",
		"A field is missing, unknown, given twice or has a value that is not allowed. errors lists the faults, each with its param."},
	UnknownPlan: {"Unknown plan",
		"The plan is not the name of a tier of this platform. GET /api/tiers lists them."},
	UnknownMeter: {"Unknown meter",
		"No tier of this platform names the meter. Every platform has requests; add others to the tiers first."},
	PasswordRefused: {"Password refused",
		"The password is known from a data breach or breaks the rules for passwords. Let the user choose another one."},
	Unauthenticated: {"Credentials missing",
		"Send the header Authorization: Bearer … with the credentials that the endpoint asks for."},
	InvalidCredentials: {"Invalid credentials",
		"The key or token does not exist, has expired, has been revoked or belongs to another platform."},
	InvalidSignature: {"Invalid signature",
		"The webhook is not signed with a secret that is configured here, or its time is more than five minutes off."},
	TierLimitReached: {"Tier limit reached",
		"The quantity does not fit into what the plan grants in this period; nothing was counted. usage says how much is left."},
	Forbidden: {"Not allowed",
		"The credentials are good, and do not give the right to do this."},
	OriginNotAllowed: {"Origin not allowed",
		"A browser called from an origin that is not among the allowed origins of the platform. Add it in the settings."},
	NotFound: {"Not found",
		"There is nothing with this address or id that your credentials may see."},
	MethodNotAllowed: {"Method not allowed",
		"The address exists and does not take this method. The Allow header lists those it takes."},
	Conflict: {"Conflict",
		"The request does not fit the present state; the message says what stands against it."},
	CustomerExists: {"Customer exists",
		"The platform has this customer already, as customerId. Use that, or change it with PATCH."},
	SubscriptionLives: {"Subscription lives",
		"A subscription decides here. Change or cancel the subscription instead."},
	PlatformSuspended: {"Platform suspended",
		"The plan of the platform's developer has ended. Nothing is lost: it works again once the plan is paid, in the dashboard."},
	NoAccount: {"No account here",
		"The user has an account, and not with this product. Have them sign up, if the product lets them."},
	SignUpClosed: {"Sign-up is closed",
		"The platform lets nobody sign up, or only who was invited. The rule is in its sign-in settings."},
	InvitationRefused: {"The invitation is not good",
		"It was used or taken back, has expired, or is for another address. Create another one with POST /api/invitations."},
	EmailNotAllowed: {"This address can not sign up",
		"The platform's sign-in settings name the domains whose addresses may sign up, and this is none of them."},
	EmailNotVerified: {"Address not verified",
		"The user has not proved that the address is theirs. Have them open the mail that Clerk sent, and sign up again."},
	RedirectRefused: {"Return address refused",
		"redirectUrl must be at one of the platform's allowed origins; a test platform also takes this machine's. Add the origin in the settings."},
	PlanRequired: {"Plan required",
		"This is for developers who pay. Subscribe in the dashboard, or with POST /api/plan/checkout."},
	NotConnected: {"Stripe not connected",
		"The live platform has no Stripe account that can take payments. Connect one in the dashboard, or finish its set-up at Stripe."},
	CallsUsedUp: {"Monthly calls used up",
		"The developer's changes by the JSON API are used up for this calendar month. Pay for the plan, use the dashboard, or wait."},
	TooLarge: {"Request too large",
		"The body is larger than 1 MB. Send less at a time."},
	MisdirectedRequest: {"Unknown host",
		"The server does not serve the host of the request. Check the address, and for a custom domain that it was added."},
	IdempotencyMismatch: {"Idempotency key reused",
		"The Idempotency-Key was used before with another body. Use a new key for each new request."},
	IdempotencyBusy: {"Idempotency key in use",
		"A request with the same Idempotency-Key is under way. Send it again after Retry-After seconds."},
	TestCallsUsedUp: {"Test calls used up",
		"A test platform takes so many tracked calls a month (UTC). Use the live platform, or wait for the next month."},
	RateLimited: {"Too many requests",
		"The user made more calls in this minute than the tier allows. Try again after Retry-After seconds."},
	Internal: {"Internal error",
		"Something is broken on our side. Tell us the requestId."},
	UpstreamFailed: {"Upstream failed",
		"A service that we depend on refused our request. Tell us the requestId."},
	Unavailable: {"Temporarily unavailable",
		"The database or a service that we depend on does not answer. Try again after Retry-After seconds."},
}

// Title is the code in words for people.
func (c Code) Title() string { return about[c].title }

// Help says what the code means and what to do.
func (c Code) Help() string { return about[c].help }

// Codes lists every code, in the order of the alphabet.
func Codes() []Code { return slices.Sorted(maps.Keys(about)) }
