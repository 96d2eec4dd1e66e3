// Package id owns the form of every id and key: their types, prefixes, how they are made and how they are checked.
// Whether one exists, and what it may do, is for the modules to say.
package id

import (
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The typed ids. Each is a prefix and a time-ordered UUID in 26 characters of Crockford's base 32.
type (
	// Developer is dev_…, who signed up with us.
	Developer string
	// Project is prj_…, one product of a developer.
	Project string
	// Platform is plt_…, one isolated tenant.
	Platform string
	// KeyID is key_…, which names a key and is no authority.
	KeyID string
	// TokenID is dtk_…, which names a developer token and is no authority.
	TokenID string
	// Intent is cin_…, a customer whose creation has begun; it is the external_id of the user at Clerk.
	Intent string
	// Price is prc_…, one price of a tier.
	Price string
	// Session is ses_…, a developer's session in a browser; it names one and is no authority.
	Session string
	// UserSession is uss_…, where an end user is signed in; it names a session and is no authority.
	UserSession string
	// Invitation is inv_…, one invitation to sign up.
	Invitation string
	// Checkout is chk_…, one way of a customer to a subscription.
	Checkout string
)

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func next(prefix string) string {
	u, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("id: the system gives no random bytes: %v", err))
	}
	var room [32]byte
	return string(crockford.AppendEncode(append(room[:0], prefix...), u[:]))
}

func is(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	u, err := crockford.DecodeString(rest)
	return ok && err == nil && len(u) == len(uuid.UUID{})
}

// NewDeveloper makes a dev_….
func NewDeveloper() Developer { return Developer(next("dev_")) }

// NewProject makes a prj_….
func NewProject() Project { return Project(next("prj_")) }

// NewPlatform makes a plt_….
func NewPlatform() Platform { return Platform(next("plt_")) }

// NewKeyID makes a key_….
func NewKeyID() KeyID { return KeyID(next("key_")) }

// NewTokenID makes a dtk_….
func NewTokenID() TokenID { return TokenID(next("dtk_")) }

// NewIntent makes a cin_….
func NewIntent() Intent { return Intent(next("cin_")) }

// NewPrice makes a prc_….
func NewPrice() Price { return Price(next("prc_")) }

// NewSession makes a ses_….
func NewSession() Session { return Session(next("ses_")) }

// NewCheckout makes a chk_….
func NewCheckout() Checkout { return Checkout(next("chk_")) }

// NewUserSession makes a uss_….
func NewUserSession() UserSession { return UserSession(next("uss_")) }

// NewInvitation makes an inv_….
func NewInvitation() Invitation { return Invitation(next("inv_")) }

// IsInvitation reports whether a text has the form of an inv_….
func IsInvitation(s string) bool { return is("inv_", s) }

// NewJWT makes a jwt_…, which names one session token.
func NewJWT() string { return next("jwt_") }

// NewAttempt makes a con_…, which names one try to connect a Stripe account.
func NewAttempt() string { return next("con_") }

// NewRepair makes a rep_…, which names one thing that the reconciliation put right.
func NewRepair() string { return next("rep_") }

// NewAudit makes an aud_…, which names one act that was written down.
func NewAudit() string { return next("aud_") }

// IsAudit reports whether a text has the form of an aud_….
func IsAudit(s string) bool { return is("aud_", s) }

// NewMovement makes a mov_…, which names one change of what a customer pays a month.
func NewMovement() string { return next("mov_") }

// NewEvent makes a hap_…, which names something that happened to a customer.
func NewEvent() string { return next("hap_") }

// NewAdjustment makes an adj_…, which names units that were granted or given back.
func NewAdjustment() string { return next("adj_") }

// IsAdjustment reports whether a text has the form of an adj_….
func IsAdjustment(s string) bool { return is("adj_", s) }

// NewRequest makes a req_…, which names one HTTP request in answers and logs.
func NewRequest() string { return next("req_") }

// Mode says whether a platform is for trying or for earning.
type Mode string

// The two modes.
const (
	Test Mode = "test"
	Live Mode = "live"
)

// Strings gives ids back as plain strings, for a query.
func Strings[T ~string](ids []T) []string {
	plain := make([]string, len(ids))
	for i, one := range ids {
		plain[i] = string(one)
	}
	return plain
}

// Of makes ids of plain strings, as a query gives them.
func Of[T ~string](plain []string) []T {
	ids := make([]T, len(plain))
	for i, one := range plain {
		ids[i] = T(one)
	}
	return ids
}
