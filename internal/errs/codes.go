package errs

// Code names a kind of failure for programs. A code never changes its meaning.
type Code string

// The codes, by what went wrong.
const (
	InvalidJSON          Code = "invalid_json"
	InvalidRequest       Code = "invalid_request"
	UnknownPlan          Code = "unknown_plan"
	UnknownMeter         Code = "unknown_meter"
	PasswordRefused      Code = "password_refused"
	Unauthenticated      Code = "unauthenticated"
	InvalidCredentials   Code = "invalid_credentials"
	InvalidSignature     Code = "invalid_signature"
	TierLimitReached     Code = "tier_limit_reached"
	Forbidden            Code = "forbidden"
	OriginNotAllowed     Code = "origin_not_allowed"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	Conflict             Code = "conflict"
	CustomerExists       Code = "customer_exists"
	SubscriptionLives    Code = "subscription_lives"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	MisdirectedRequest   Code = "misdirected_request"
	IdempotencyMismatch  Code = "idempotency_mismatch"
	IdempotencyBusy      Code = "idempotency_busy"
	RateLimited          Code = "rate_limited"
	Internal             Code = "internal"
	UpstreamFailed       Code = "upstream_failed"
	Unavailable          Code = "unavailable"
)

var titles = map[Code]string{
	InvalidJSON:          "Invalid JSON",
	InvalidRequest:       "Invalid request",
	UnknownPlan:          "Unknown plan",
	UnknownMeter:         "Unknown meter",
	PasswordRefused:      "Password refused",
	Unauthenticated:      "Credentials missing",
	InvalidCredentials:   "Invalid credentials",
	InvalidSignature:     "Invalid signature",
	TierLimitReached:     "Tier limit reached",
	Forbidden:            "Not allowed",
	OriginNotAllowed:     "Origin not allowed",
	NotFound:             "Not found",
	MethodNotAllowed:     "Method not allowed",
	Conflict:             "Conflict",
	CustomerExists:       "Customer exists",
	SubscriptionLives:    "Subscription lives",
	TooLarge:             "Request too large",
	UnsupportedMediaType: "Unsupported media type",
	MisdirectedRequest:   "Unknown host",
	IdempotencyMismatch:  "Idempotency key reused",
	IdempotencyBusy:      "Idempotency key in use",
	RateLimited:          "Too many requests",
	Internal:             "Internal error",
	UpstreamFailed:       "Upstream failed",
	Unavailable:          "Temporarily unavailable",
}

// Title is the code in words for people.
func (c Code) Title() string { return titles[c] }

// Codes lists every code.
func Codes() []Code {
	all := make([]Code, 0, len(titles))
	for c := range titles {
		all = append(all, c)
	}
	return all
}
