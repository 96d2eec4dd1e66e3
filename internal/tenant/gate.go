package tenant

import (
	"context"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Gate resolves what a request carries to the platform it belongs to.
type Gate struct {
	db        *db.DB
	clerk     *clerkapp.App
	keys      *SigningKeys
	testCalls *int64
	memory    memory
}

// NewGate makes a Gate. The clerk app is the one that all end users share. A test platform takes that many tracked calls a
// month; nil: as many as it likes.
func NewGate(customer *db.DB, clerk *clerkapp.App, keys *SigningKeys, testCalls *int64) *Gate {
	return &Gate{customer, clerk, keys, testCalls, newMemory()}
}

// Caller is who stands behind a request.
type Caller struct {
	Platform id.Platform
	Backend  bool   // a secret key: it may act for any user of the platform
	UserID   string // the end user, where a user's own token was shown
	Origins  []string
	Until    time.Time // when it ends by itself: the key expires, or the platform is suspended

	forget    time.Time      // when it is to be looked up again
	party     string         // for which origin the user's token was made
	session   id.UserSession // of a session token of ours
	key       *id.Key        // by which the caller was let in; nil: otherwise
	stated    *lastGrant     // of a plan that was stated with the key; nil: the caller is not remembered
	epoch     int64          // see Entitlement
	rateLimit *int           // of the platform
	test      bool
}

// Allows reports whether a browser may call from the origin, and be sent back to it. A test platform allows the
// developer's own machine besides.
func (c Caller) Allows(origin string) bool {
	return slices.Contains(c.Origins, origin) || c.test && isLoopback(origin)
}

// of makes the caller one of the platform, unless that is suspended: a live platform whose developer's plan, and the
// grace after it, have ended.
func (c *Caller) of(ctx context.Context, tx db.Tenant) error {
	row, err := queries.PlatformAtGate(ctx, tx, string(tx.Platform))
	if err != nil {
		return err
	}
	if row.Suspended {
		return errs.New(errs.PlatformSuspended, "The live platform is suspended, because its developer's plan has ended. Its "+
			"data is kept, and it works again as soon as the plan is paid.")
	}
	c.Platform, c.Origins, c.Until = tx.Platform, row.AllowedOrigins, row.PaidUntil
	c.epoch, c.test = row.Epoch, row.Test
	if row.RateLimit != nil {
		c.rateLimit = new(int(*row.RateLimit))
	}
	return nil
}

// ByKey resolves a secret or publishable key. A key that is revoked, expired or of no platform gets the same answer.
func (g *Gate) ByKey(ctx context.Context, key id.Key) (Caller, error) {
	caller := Caller{Backend: key.Kind == id.Secret}
	err := g.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		_, err := g.enter(ctx, tx, key, &caller)
		return err
	})
	return caller, err
}

// userToken is what a user's token says. It is no authority by itself: the user must be a customer of the platform that
// the key names and, with a token of ours, its session must live.
type userToken struct {
	user    string
	key     id.Key
	party   string         // for which origin Clerk made it
	session id.UserSession // empty: it is Clerk's
}

// verify reads a session token of ours, or a JWT of the shared Clerk app. Which of the two it is, the key that signed it
// says; each is then held to its own issuer.
func (g *Gate) verify(ctx context.Context, token string) (userToken, error) {
	own, ours, err := g.keys.Verify(token)
	if err != nil {
		return userToken{}, err
	}
	said := userToken{user: own.Customer, session: own.Session}
	named := own.PublishableKey
	if !ours {
		claims, err := g.clerk.Verify(ctx, token)
		if err != nil {
			return userToken{}, err
		}
		said, named = userToken{user: claims.UserID, party: claims.AuthorizedParty}, claims.PublishableKey
	}
	var ok bool
	if said.key, ok = id.ParseKey(named); !ok || said.key.Kind != id.Publishable {
		return userToken{}, said.refused()
	}
	return said, nil
}

// ByUserToken resolves a user's token.
func (g *Gate) ByUserToken(ctx context.Context, token string) (Caller, error) {
	said, err := g.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	caller := Caller{UserID: said.user, party: said.party, session: said.session}
	err = g.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		t, err := g.enter(ctx, tx, said.key, &caller)
		if err != nil {
			return err
		}
		plan, err := queries.CurrentPlan(ctx, t, tenantdb.CurrentPlanParams{PlatformID: string(t.Platform), ID: said.user})
		if db.NoRows(err) {
			return said.refused()
		}
		if err != nil {
			return err
		}
		return caller.mayBe(CustomerKind(plan.Kind), plan.Vouched, plan.LiveSessions)
	})
	if errs.Is(err, errs.InvalidCredentials) {
		err = said.refused()
	}
	if err == nil {
		err = caller.admits()
	}
	if err != nil {
		return Caller{}, err
	}
	return caller, nil
}

// RecallUserToken is ByUserToken from memory, as far as the platform is there. That its user is a customer is for
// Recall to find.
func (g *Gate) RecallUserToken(ctx context.Context, token string) (Caller, error) {
	said, err := g.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	caller, err := g.RecallKey(ctx, said.key)
	if errs.Is(err, errs.InvalidCredentials) {
		err = said.refused()
	}
	if err != nil {
		return Caller{}, err
	}
	caller.UserID, caller.party, caller.session = said.user, said.party, said.session
	if caller.admits() != nil { // what is remembered lets in and never refuses
		return g.Reconsider(ctx, caller)
	}
	return caller, nil
}

// mayBe refuses a user with a token who is no customer from Clerk, as an external customer may have any id, also one that
// looks like Clerk's; one who may be somebody else than the customer; and one whose session has ended.
func (c Caller) mayBe(kind CustomerKind, vouched bool, live []string) error {
	if c.Backend {
		return nil
	}
	if kind != FromClerk || !vouched || c.session != "" && !slices.Contains(live, string(c.session)) {
		return c.refused()
	}
	return nil
}

func (t userToken) refused() error { return Caller{session: t.session}.refused() }

// refused is the error of a user whose token is good and who is not let in.
func (c Caller) refused() error {
	if c.session != "" {
		return errs.New(errs.InvalidCredentials, "The session of this token has ended. Have the user sign in again.")
	}
	return errs.New(errs.InvalidCredentials, "The token is valid, but its user is not a customer of a platform it names. "+
		"Make tokens with the JWT template that adds the publishableKey claim.")
}

// admits refuses a token that was made for an origin which the platform does not allow.
func (c *Caller) admits() error {
	if c.party != "" && !c.Allows(c.party) {
		return errs.New(errs.InvalidCredentials, "The token was made for the origin %s, which is not among the allowed "+
			"origins of the platform.", c.party)
	}
	return nil
}

// ByDomain resolves a custom domain; ok is false where no platform has it.
func (g *Gate) ByDomain(ctx context.Context, domain string) (caller Caller, ok bool, err error) {
	err = g.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		found, err := queries.PlatformOfDomain(ctx, tx, domain)
		if err != nil || found == "" {
			return err
		}
		t, err := tx.Enter(ctx, id.Platform(found))
		if err != nil {
			return err
		}
		ok = true
		return caller.of(ctx, t)
	})
	return caller, ok, err
}

// CurrentPublishableKey is the platform's newest publishable key that works; empty: it has none.
func (g *Gate) CurrentPublishableKey(ctx context.Context, at id.Platform) (key string, err error) {
	err = g.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		key, err = currentKey(ctx, tx)
		return err
	})
	return key, err
}

// OriginKnown reports whether any platform allows the origin. A CORS preflight carries no credentials, so this is all
// that can be asked for it; the call itself is held to the list of its own platform.
func (g *Gate) OriginKnown(ctx context.Context, origin string) (known bool, err error) {
	if isLoopback(origin) { // every test platform allows it
		return true, nil
	}
	err = g.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		known, err = queries.OriginKnown(ctx, tx, origin)
		return err
	})
	return known, err
}

// enter looks the key up and enters its platform, where the key must be usable at this moment. The epoch is read before
// the key, so that a caller who is remembered is not newer than what it is compared with.
func (g *Gate) enter(ctx context.Context, tx db.Tx, key id.Key, caller *Caller) (db.Tenant, error) {
	unknown := errs.New(errs.InvalidCredentials, "The key %s does not exist, has expired or has been revoked.", key.Hint())
	platform, err := queries.PlatformOfKey(ctx, tx, key.Hash())
	if err != nil {
		return db.Tenant{}, err
	}
	if platform == "" {
		return db.Tenant{}, unknown
	}
	t, err := tx.Enter(ctx, id.Platform(platform))
	if err != nil {
		return db.Tenant{}, err
	}
	suspended := caller.of(ctx, t)
	if suspended != nil && !errs.Is(suspended, errs.PlatformSuspended) {
		return db.Tenant{}, suspended
	}
	found, err := queries.UsableKey(ctx, t, tenantdb.UsableKeyParams{PlatformID: platform, Hash: key.Hash()})
	if db.NoRows(err) {
		return db.Tenant{}, unknown
	}
	if err != nil {
		return db.Tenant{}, err
	}
	if suspended != nil {
		return db.Tenant{}, suspended
	}
	caller.key = &key
	if found.ExpiresAt != nil && found.ExpiresAt.Before(caller.Until) {
		caller.Until = *found.ExpiresAt
	}
	if found.Unseen {
		err = queries.TouchKey(ctx, t, tenantdb.TouchKeyParams{PlatformID: platform, ID: found.ID})
	}
	return t, err
}
