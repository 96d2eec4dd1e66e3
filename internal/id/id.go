// Package id owns the form of every id and key: their types, prefixes, how they are made and how they are checked.
// Whether one exists, and what it may do, is for the modules to say.
package id

import (
	"encoding/base32"
	"fmt"

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
)

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func next(prefix string) string {
	u, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("id: the system gives no random bytes: %v", err))
	}
	return prefix + crockford.EncodeToString(u[:])
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
