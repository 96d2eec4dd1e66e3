package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// NewCustomer is what a customer is created from. With an ID of the developer's own there is no Clerk user; without
// one, the customer is a user of the shared Clerk app, who may exist already.
type NewCustomer struct {
	ID        string
	Email     string
	FirstName string
	LastName  string
	Plan      string
	Password  secret.Text
}

// ValidUserID reports whether s can be the id of a user, a customer's or one that the developer keeps elsewhere: what
// fits into a header and a path without quoting.
func ValidUserID(s string) bool {
	if s == "" || len(s) > 128 || s == "." || s == ".." { // in a path those two lead elsewhere
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("_.:@|-", c) < 0 {
			return false
		}
	}
	return true
}

const createRoute = "POST /api/customers"

// longestCreation is well below the two minutes after which an intent is taken for left behind.
const longestCreation = 40 * time.Second

// Create makes a customer; the request says under which idempotency key.
//
// A Clerk user is created in three steps: an intent is stored, Clerk is called with the intent's id as the new user's
// external_id, and the customer takes the intent's place. A crash between any two leaves the intent, from which a
// repetition of the request goes on, or Background.Settle.
func (c *Customers) Create(
	ctx context.Context, platform id.Platform, n NewCustomer, key string, body []byte,
) (made Customer, replayed bool, err error) {
	n.Email = strings.TrimSpace(n.Email)
	faults := checkNames(&n.FirstName, &n.LastName)
	if n.ID == "" || n.Email != "" {
		faults = append(faults, checkEmail(n.Email)...)
	}
	if n.ID != "" {
		if !ValidUserID(n.ID) {
			faults = append(faults, errs.Fault{Param: "id", Message: "id has 1 to 128 letters, digits and _ . : @ | -"})
		}
		if !n.Password.Empty() {
			faults = append(faults, errs.Fault{Param: "password", Message: "A customer with an id of your own signs in with " +
				"you, so password does not go with id."})
		}
	}
	if err := errs.Invalid(faults); err != nil {
		return Customer{}, false, err
	}
	r := idempotency.Request{Route: createRoute, Key: key, Body: body}
	if n.ID != "" {
		return c.createExternal(ctx, platform, n, r)
	}

	// From here on the client may hang up: what has begun is carried out, and a repetition finds how it ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestCreation)
	defer cancel()
	intent, stored, err := c.begin(ctx, platform, n, r)
	if err != nil {
		return Customer{}, false, err
	}
	if stored != nil {
		return made, true, json.Unmarshal(stored, &made)
	}
	made, err = c.carryOut(ctx, intent, n.Password)
	if err == nil {
		return made, false, nil
	}
	after, cancelAfter := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancelAfter()
	if refused(err) {
		return Customer{}, false, errors.Join(err, c.abandon(after, intent))
	}
	// Clerk may have done it all the same, so the intent stays.
	return Customer{}, false, errors.Join(err, c.inTenant(after, intent, func(ctx context.Context, tx db.Tenant) error {
		return queries.LetIntentGo(ctx, tx, tenantdb.LetIntentGoParams{PlatformID: intent.PlatformID, ID: intent.ID})
	}))
}

// refused reports whether a failure is a definite no, after which nothing is left at Clerk that a repetition or Settle
// would have to find.
func refused(err error) bool {
	for _, code := range []errs.Code{errs.InvalidRequest, errs.PasswordRefused, errs.CustomerExists} {
		if errs.Is(err, code) {
			return true
		}
	}
	return false
}

func (c *Customers) createExternal(
	ctx context.Context, platform id.Platform, n NewCustomer, r idempotency.Request,
) (made Customer, replayed bool, err error) {
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, c.keeper, tx, r, func() (Customer, error) {
			if err := checkPlan(ctx, tx, n.Plan); err != nil {
				return Customer{}, err
			}
			return insertCustomer(ctx, tx, tenantdb.InsertCustomerParams{
				ID: n.ID, Kind: string(External), Email: orNil(n.Email), FirstName: n.FirstName, LastName: n.LastName,
				Plan: orNil(n.Plan),
			}, false)
		})
		return err
	})
	return made, replayed, err
}

// begin stores the intent, or takes up the one that an earlier request with the key left behind.
func (c *Customers) begin(
	ctx context.Context, platform id.Platform, n NewCustomer, r idempotency.Request,
) (intent tenantdb.TenantCustomerIntent, stored json.RawMessage, err error) {
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		stored, err = c.keeper.Begin(ctx, tx, r)
		if errors.Is(err, idempotency.ErrPending) {
			intent, err = queries.TakeUpIntent(ctx, tx, tenantdb.TakeUpIntentParams{
				PlatformID: string(platform), IdempotencyKey: &r.Key,
			})
			if db.NoRows(err) {
				return idempotency.Busy()
			}
			return err
		}
		if err != nil || stored != nil {
			return err
		}
		if err := checkPlan(ctx, tx, n.Plan); err != nil {
			return err
		}
		key, err := currentKey(ctx, tx)
		if err != nil {
			return err
		}
		if key == "" {
			return errs.New(errs.Conflict, "The platform has no publishable key, which its customers' tokens name. Create one first.")
		}
		intent, err = queries.InsertIntent(ctx, tx, tenantdb.InsertIntentParams{
			PlatformID: string(platform), ID: string(id.NewIntent()), Email: n.Email,
			FirstName: n.FirstName, LastName: n.LastName, Plan: orNil(n.Plan), IdempotencyKey: orNil(r.Key),
		})
		return err
	})
	return intent, stored, err
}

// carryOut makes sure of the user at Clerk and then of the customer. A user on the way out is seen off first, and a
// fresh one made.
func (c *Customers) carryOut(
	ctx context.Context, intent tenantdb.TenantCustomerIntent, password secret.Text,
) (Customer, error) {
	for range 3 {
		user, err := c.reach(ctx, intent, password)
		if errors.Is(err, clerkapp.ErrNotFound) { // gone between two looks
			continue
		}
		if err != nil {
			return Customer{}, err
		}
		made, state, err := c.finish(ctx, intent, user)
		if err != nil || state == "member" {
			return made, err
		}
		if err := c.remove(ctx, user.ID); err != nil {
			return Customer{}, err
		}
	}
	return Customer{}, errs.New(errs.Unavailable, "A user with this email is being deleted. Try again in a moment.").
		After(2 * time.Second)
}

// reach returns the Clerk user of the intent, creating or finding it. An email is unique at Clerk, so a user who exists
// is another platform's, or was made by an earlier try; another platform's keeps password, names and metadata.
func (c *Customers) reach(
	ctx context.Context, intent tenantdb.TenantCustomerIntent, password secret.Text,
) (clerkapp.User, error) {
	var key string
	err := c.inTenant(ctx, intent, func(ctx context.Context, tx db.Tenant) (err error) {
		key, err = currentKey(ctx, tx)
		return err
	})
	if err != nil {
		return clerkapp.User{}, err
	}
	user, err := c.clerk.CreateUser(ctx, clerkapp.NewUser{
		Email: intent.Email, FirstName: intent.FirstName, LastName: intent.LastName, Password: password,
		ExternalID: intent.ID, PublishableKey: key,
	})
	switch {
	case errors.Is(err, clerkapp.ErrExternalIDTaken):
		return c.clerk.UserByExternalID(ctx, intent.ID)
	case errors.Is(err, clerkapp.ErrEmailTaken):
		if user, err = c.clerk.UserByEmail(ctx, intent.Email); err != nil {
			return user, err
		}
		if user.PublishableKey == "" {
			return user, c.clerk.SetPublishableKey(ctx, user.ID, key)
		}
	}
	return user, err
}

// finish puts the customer in the place of the intent, and answers the state of the user: only with 'member' has it
// happened.
func (c *Customers) finish(
	ctx context.Context, intent tenantdb.TenantCustomerIntent, user clerkapp.User,
) (made Customer, state string, err error) {
	err = c.inTenant(ctx, intent, func(ctx context.Context, tx db.Tenant) error {
		_, err := queries.LockIntent(ctx, tx, tenantdb.LockIntentParams{PlatformID: intent.PlatformID, ID: intent.ID})
		if db.NoRows(err) { // a repetition of the request, or Settle, was quicker
			state = "member"
			if made, err = readCustomer(ctx, tx, user.ID); errs.Is(err, errs.NotFound) {
				return errs.New(errs.Unavailable, "This took so long that it was given up. Try again.").After(time.Second)
			}
			return err
		}
		if err != nil {
			return err
		}
		if state, err = queries.JoinUser(ctx, tx, user.ID); err != nil || state != "member" {
			return err
		}
		made, err = insertCustomer(ctx, tx, tenantdb.InsertCustomerParams{
			ID: user.ID, Kind: string(FromClerk), Email: &intent.Email, FirstName: intent.FirstName,
			LastName: intent.LastName, Plan: intent.Plan,
			// Who is linked may have been made by another platform, which then knows the password.
			Vouched: user.ExternalID == intent.ID || slices.Contains(user.Proved, strings.ToLower(intent.Email)),
		}, user.ExternalID != intent.ID)
		if err != nil {
			return err
		}
		if err := c.keeper.Complete(ctx, tx, requestOf(intent), made); err != nil {
			return err
		}
		return queries.DeleteIntent(ctx, tx, tenantdb.DeleteIntentParams{PlatformID: intent.PlatformID, ID: intent.ID})
	})
	return made, state, err
}

// abandon takes the intent back, unless a repetition of the request has taken it up meanwhile; the next repetition
// then starts afresh.
func (c *Customers) abandon(ctx context.Context, intent tenantdb.TenantCustomerIntent) error {
	return c.inTenant(ctx, intent, func(ctx context.Context, tx db.Tenant) error {
		n, err := queries.AbandonIntent(ctx, tx, tenantdb.AbandonIntentParams{
			PlatformID: intent.PlatformID, ID: intent.ID, TriedAt: intent.TriedAt,
		})
		if err != nil || n == 0 {
			return err
		}
		return c.keeper.Release(ctx, tx, requestOf(intent))
	})
}

func (c *Customers) inTenant(
	ctx context.Context, intent tenantdb.TenantCustomerIntent, fn func(context.Context, db.Tenant) error,
) error {
	return c.db.Tenant(ctx, id.Platform(intent.PlatformID), fn)
}

// insertCustomer makes a customer, and writes it down. linked: there was a user at Clerk already.
func insertCustomer(ctx context.Context, tx db.Tenant, params tenantdb.InsertCustomerParams, linked bool) (Customer, error) {
	params.PlatformID = string(tx.Platform)
	err := queries.InsertCustomer(ctx, tx, params)
	if db.Violates(err, "customers_pkey") {
		return Customer{}, errs.New(errs.CustomerExists, "This platform has the customer already, as %s.", params.ID).
			With("customerId", params.ID)
	}
	if err != nil {
		return Customer{}, err
	}
	made, err := readCustomer(ctx, tx, params.ID)
	if err != nil {
		return made, err
	}
	return made, RecordHere(ctx, tx, TimelineEntry{CustomerID: made.ID, Kind: Created, Via: viaOf(ctx), Detail: map[string]any{"plan": made.Plan, "linked": linked}})
}

func requestOf(intent tenantdb.TenantCustomerIntent) idempotency.Request {
	r := idempotency.Request{Route: createRoute}
	if intent.IdempotencyKey != nil {
		r.Key = *intent.IdempotencyKey
	}
	return r
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// isIntent reports whether an external_id at Clerk is one of ours.
func isIntent(externalID string) bool { return strings.HasPrefix(externalID, "cin_") }
