package tenant

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// codeSeconds is how long a browser has to bring a code to the product, and the product to trade it.
const codeSeconds = 60

// Arrival is somebody whom Clerk has signed in on one of our pages.
type Arrival struct {
	Platform       id.Platform
	PublishableKey id.Key
	Token          secret.Text // of the session at Clerk
	SignsUp        bool        // and wants to become a customer, if they are none
	Invitation     secret.Text
	RedirectURL    string // checked; empty: to the account page
	Challenge      string // PKCE, S256; empty: none
	UserAgent      string
	Source         string      // the network that they come from
	Former         secret.Text // the cookie of a session on our pages, which this one replaces
}

// Arrived is what an arrival came to.
type Arrived struct {
	Customer Customer
	Code     secret.Text // for the redirect; empty: none was asked for
	Cookie   secret.Text // of the session on our pages
}

// Arrive lets in whom Clerk has signed in: a customer, or one who becomes a customer by this. What is made is made at once
// or not at all.
func (e *EndUsers) Arrive(ctx context.Context, a Arrival) (Arrived, error) {
	claims, err := e.clerk.Verify(ctx, a.Token.Reveal())
	if err != nil {
		return Arrived{}, err
	}
	// The token must have been made for our own page: one that was made for another origin somebody else may hold.
	if claims.AuthorizedParty != e.origin || claims.SessionID == "" {
		return Arrived{}, errs.New(errs.InvalidCredentials, "This sign-in was not made on this page. Sign in again.")
	}
	lives, err := e.clerk.SessionLives(ctx, claims.SessionID)
	if err != nil {
		return Arrived{}, err
	}
	if !lives {
		return Arrived{}, errs.New(errs.InvalidCredentials, "This sign-in has ended. Sign in again.")
	}
	arrived, err := e.arrive(ctx, a, claims, nil)
	if !errors.Is(err, errStranger) {
		return arrived, err
	}
	user, err := e.clerk.User(ctx, claims.UserID)
	if errors.Is(err, clerkapp.ErrNotFound) {
		return Arrived{}, errs.New(errs.InvalidCredentials, "This account was deleted. Sign up again.")
	}
	if err != nil {
		return Arrived{}, err
	}
	return e.arrive(ctx, a, claims, &user)
}

// errStranger says that Clerk must be asked who the user is: they are no customer, or perhaps not the customer.
var errStranger = errors.New("the user is not known here")

// arrive lets a customer in; with a user, also one who was not known.
func (e *EndUsers) arrive(ctx context.Context, a Arrival, claims clerkapp.Claims, user *clerkapp.User) (Arrived, error) {
	var arrived Arrived
	err := e.db.Tenant(ctx, a.Platform, func(ctx context.Context, tx db.Tenant) (err error) {
		row, err := queries.LockCustomer(ctx, tx, tenantdb.LockCustomerParams{PlatformID: string(tx.Platform), ID: claims.UserID})
		none := db.NoRows(err)
		switch {
		case err != nil && !none:
		case !none && CustomerKind(row.Kind) != FromClerk:
			err = errs.New(errs.Conflict, "This account can not be used here: the product has another customer by its id.")
		case !none && row.Vouched:
		case user == nil:
			return errStranger
		case !none:
			err = vouch(ctx, tx, user)
		case !a.SignsUp:
			err = errs.New(errs.NoAccount, "%s has no account here yet.", user.Email).With("email", user.Email)
		default:
			err = e.join(ctx, tx, a, user)
		}
		if err != nil {
			return err
		}
		if arrived.Customer, err = readCustomer(ctx, tx, claims.UserID); err != nil {
			return err
		}
		if arrived.Cookie, err = e.openPage(ctx, tx, a, claims); err != nil || a.RedirectURL == "" {
			return err
		}
		arrived.Code = platform.NewSecret()
		return queries.InsertCode(ctx, tx, tenantdb.InsertCodeParams{
			PlatformID: string(tx.Platform), Hash: platform.Hash(arrived.Code), CustomerID: claims.UserID, RedirectUrl: a.RedirectURL,
			CodeChallenge: orNil(a.Challenge), PublishableKey: a.PublishableKey.Reveal(), ClerkSessionID: claims.SessionID,
			MinutesAgo: int32(claims.MinutesAgo), UserAgent: shortAgent(a.UserAgent), Seconds: codeSeconds,
		})
	})
	return arrived, err
}

// vouch lets in a customer whom this platform did not make at Clerk, once they have proved that the address is theirs: the
// platform that made the user chose the password.
func vouch(ctx context.Context, tx db.Tenant, user *clerkapp.User) error {
	n, err := queries.Vouch(ctx, tx, tenantdb.VouchParams{PlatformID: string(tx.Platform), ID: user.ID, Proved: user.Proved})
	if err == nil && n == 0 {
		err = notProved(user)
	}
	return err
}

func notProved(user *clerkapp.User) error {
	return errs.New(errs.EmailNotVerified, "Nobody has shown yet that %s is theirs: another product made this account. Sign in with a "+
		"code that is sent there, or reset the password by mail, and come back.", user.Email)
}

// join makes the user a customer, if the platform lets them.
func (e *EndUsers) join(ctx context.Context, tx db.Tenant, a Arrival, user *clerkapp.User) error {
	rules, err := readSignIn(ctx, tx)
	if err != nil {
		return err
	}
	email, plan, err := e.admit(ctx, tx, a, user, rules)
	if err != nil {
		return err
	}
	if err := checkPlan(ctx, tx, orEmpty(plan)); err != nil {
		return errs.New(errs.SignUpClosed, "Sign-up does not work right now: the product has no plan for those who sign up. Tell its "+
			"makers.").Because(err)
	}
	if err := e.countSignUp(ctx, tx, a.Source, rules.SignUpsPerHour); err != nil {
		return err
	}
	state, err := queries.JoinUser(ctx, tx, user.ID)
	if err != nil {
		return err
	}
	if state != "member" {
		return errs.New(errs.Unavailable, "This account is being deleted. Try again in a moment.").After(2 * time.Second)
	}
	via := BySignUp
	if !a.Invitation.Empty() {
		via = ByInvitation
	}
	if _, err := insertCustomer(Via(ctx, via), tx, tenantdb.InsertCustomerParams{
		ID: user.ID, Kind: string(FromClerk), Email: &email, FirstName: shortName(user.FirstName), LastName: shortName(user.LastName), Plan: plan,
		Vouched: true,
	}, false); err != nil {
		return err
	}
	// A user whom Clerk knows from its own form has no key of a platform in the metadata, which tokens by the template need.
	return e.queue.Enqueue(ctx, tx.Tx, RenameKey{user.ID})
}

// admit holds who wants to sign up to the platform's rules, and answers the address and the plan of the new customer.
func (e *EndUsers) admit(
	ctx context.Context, tx db.Tenant, a Arrival, user *clerkapp.User, rules SignIn,
) (email string, plan *string, err error) {
	if user.Banned {
		return "", nil, errs.New(errs.Forbidden, "This account is blocked.")
	}
	if len(user.Proved) == 0 {
		return "", nil, notProved(user)
	}
	if !a.Invitation.Empty() && rules.SignUp != NobodySignsUp {
		return acceptInvitation(ctx, tx, a.Invitation, user)
	}
	switch rules.SignUp {
	case NobodySignsUp:
		return "", nil, errs.New(errs.SignUpClosed, "Nobody can sign up here at the moment.")
	case InvitedSignUp:
		return "", nil, errs.New(errs.SignUpClosed, "One signs up here by invitation only. Open the link of your invitation.")
	}
	i := slices.IndexFunc(user.Proved, func(address string) bool {
		_, domain, _ := strings.Cut(address, "@")
		return len(rules.EmailDomains) == 0 || slices.Contains(rules.EmailDomains, domain)
	})
	if i < 0 {
		return "", nil, errs.New(errs.EmailNotAllowed, "Only addresses at %s can sign up here, and %s is none.",
			strings.Join(rules.EmailDomains, ", "), user.Email)
	}
	return user.Proved[i], rules.Plan, nil
}

// countSignUp keeps floods out: so many an hour sign up on a platform, and a quarter of them from one network.
func (e *EndUsers) countSignUp(ctx context.Context, tx db.Tenant, source string, perHour int32) error {
	hashed := base64.RawURLEncoding.EncodeToString(e.keys.macs("sign-up sources", source)[0])
	for _, bound := range []struct {
		source string
		most   int32
	}{{hashed, max(perHour/4, 1)}, {"", perHour}} {
		n, err := queries.CountSignUp(ctx, tx, tenantdb.CountSignUpParams{
			PlatformID: string(tx.Platform), Source: bound.source, Most: bound.most,
		})
		if err != nil {
			return err
		}
		if n == 0 {
			seconds, err := queries.ToNextHour(ctx, tx)
			if err != nil {
				return err
			}
			return errs.New(errs.RateLimited, "Too many people have just signed up here. Try again within the hour.").
				After(time.Duration(seconds * float64(time.Second)))
		}
	}
	return nil
}

// openPage makes the session on our own pages, in the place of the one that the browser had.
func (e *EndUsers) openPage(ctx context.Context, tx db.Tenant, a Arrival, claims clerkapp.Claims) (secret.Text, error) {
	if !a.Former.Empty() {
		former, err := pageSessionOf(ctx, tx, a.Former)
		switch {
		case err == nil:
			err = endSessions(ctx, tx, former.Customer.ID, former.ID, "signed_out")
		case errs.Is(err, errs.Unauthenticated):
			err = nil
		}
		if err != nil {
			return secret.Text{}, err
		}
	}
	cookie := platform.NewSecret()
	_, err := insertUserSession(ctx, tx, tenantdb.InsertSessionParams{
		CustomerID: claims.UserID, Kind: string(pageSession), Hash: platform.Hash(cookie), PublishableKey: a.PublishableKey.Reveal(),
		ClerkSessionID: claims.SessionID, MinutesAgo: int32(claims.MinutesAgo), UserAgent: shortAgent(a.UserAgent),
	})
	return cookie, err
}

// PageSession is a customer's session on our own pages.
type PageSession struct {
	ID             id.UserSession
	Customer       Customer
	Fresh          bool // the customer has just proved who they are
	ClerkSessionID string
}

// PageSession returns the session of a cookie, or errs.Unauthenticated.
func (e *EndUsers) PageSession(ctx context.Context, at id.Platform, cookie secret.Text) (PageSession, error) {
	var found PageSession
	err := e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		found, err = pageSessionOf(ctx, tx, cookie)
		return err
	})
	return found, err
}

// freshMinutes is how long a proof of who one is counts for what can not be undone.
const freshMinutes = 15

func pageSessionOf(ctx context.Context, tx db.Tenant, cookie secret.Text) (PageSession, error) {
	row, err := queries.PageSession(ctx, tx, tenantdb.PageSessionParams{
		PlatformID: string(tx.Platform), Hash: platform.Hash(cookie), FreshMinutes: freshMinutes, IdleDays: userSessionIdleDays,
	})
	if db.NoRows(err) {
		return PageSession{}, errs.New(errs.Unauthenticated, "You are not signed in here, or no longer. Sign in.")
	}
	if err != nil {
		return PageSession{}, err
	}
	session := row.TenantSession
	customer, err := readCustomer(ctx, tx, session.CustomerID)
	if err == nil && row.Unseen {
		err = queries.TouchPageSession(ctx, tx, tenantdb.TouchPageSessionParams{PlatformID: string(tx.Platform), ID: session.ID})
	}
	return PageSession{id.UserSession(session.ID), customer, row.Fresh, session.ClerkSessionID}, err
}

// Reauthenticate ends the session, and the one at Clerk that it came from, so that the customer proves again who they are.
func (e *EndUsers) Reauthenticate(ctx context.Context, at id.Platform, session PageSession) error {
	err := e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if err := queries.ClerkSessionEnded(ctx, tx, session.ClerkSessionID); err != nil {
			return err
		}
		return endSessions(ctx, tx, session.Customer.ID, session.ID, "signed_out")
	})
	if err != nil {
		return err
	}
	return e.clerk.RevokeSession(ctx, session.ClerkSessionID)
}

// shortAgent bounds what a browser says of itself.
func shortAgent(userAgent string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(userAgent[:min(len(userAgent), 300)], ""), "\x00", "")
}

// shortName bounds a name that Clerk knows to what ours may be.
func shortName(name string) string {
	runes := []rune(strings.ReplaceAll(name, "\x00", ""))
	return string(runes[:min(len(runes), 100)])
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
