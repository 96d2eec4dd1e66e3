package stripe

import (
	"errors"
	"time"
)

// What the pages are built on. A page runs s.view or s.change and calls these;
// they find their own scope from the object they are given. After an operation
// in s.change has failed nothing of it remains. Objects must not be used after
// the function given to view or change has returned: copy what a page shows. Consent
// alone connects no account: that is done by trading the code at /oauth/token.

// errAuthenticationRequired asks for the 3-D Secure step: the same call again,
// with cardEntry.Authenticated.
var errAuthenticationRequired = errors.New("the card needs 3-D Secure")

// cardEntry is what a person types in. Bank pays by a debit that settles later;
// the card's fields are then not needed. Expiry is MM/YY.
type cardEntry struct {
	Number, Expiry, CVC, Name, Email, Country string
	Bank                                      bool
	Authenticated                             bool // 3-D Secure was passed
}

// changeSummary says what changing to another price means. DueNow and the
// amounts of Lines are minor units of To's currency.
type changeSummary struct {
	From, To  *price
	DueNow    int64
	Lines     []invoiceLine
	When      time.Time
	Scheduled bool // at the period's end rather than now
}

// consentRequest is the query of Connect's authorize page. Livemode is whether
// the access asked for is live; there is no parameter for it, and true will do.
type consentRequest struct {
	ClientID, State, RedirectURI, Scope string
	Livemode                            bool
}

// newAccount is what the consent page asks of somebody without an account. An
// empty Currency follows from the country.
type newAccount struct {
	Email, BusinessName, Country, Currency string
}
