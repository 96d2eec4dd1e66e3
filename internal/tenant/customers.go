package tenant

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// CustomerKind says whose id a customer has.
type CustomerKind string

// The kinds of customer.
const (
	FromClerk CustomerKind = "clerk"    // a user of the shared Clerk app
	External  CustomerKind = "external" // the developer's own id; no Clerk user
)

// Customer is an end user's membership on a platform.
type Customer struct {
	ID             string    `json:"id"`
	Email          *string   `json:"email"`
	FirstName      string    `json:"firstName"`
	LastName       string    `json:"lastName"`
	Plan           string    `json:"plan"`
	PublishableKey string    `json:"publishableKey"`
	Metadata       Metadata  `json:"metadata"`
	CreatedAt      time.Time `json:"createdAt"`

	Status     string     `json:"status"`               // of the subscription that lives; none
	Cancelling bool       `json:"cancelling,omitempty"` // it ends with its period
	Monthly    int64      `json:"monthly,omitempty"`    // in a list alone: what it adds to the revenue
	Near       *NearLimit `json:"near,omitempty"`       // likewise
}

// NearLimit is the limit of which a customer had used the most, as of the last snapshot.
type NearLimit struct {
	Meter string `json:"meter"`
	Count int64  `json:"count"`
	Limit int64  `json:"limit"`

	PeriodEnd *time.Time `json:"periodEnd"` // nil for a lifetime
}

// Metadata is what a developer keeps with a customer. The values stay as they were sent: a number is not rounded.
type Metadata map[string]json.RawMessage

// Customers works on the customers of platforms.
type Customers struct {
	db     *db.DB
	clerk  *clerkapp.App
	keeper *idempotency.Keeper
	queue  *jobs.Enqueuer
	forget []Forget
}

// Forget deletes what another module holds of a user, in the transaction that ends the membership.
type Forget func(ctx context.Context, tx db.Tenant, userID string) error

// NewCustomers makes a Customers that works under the role of d: the customer surface's, or the worker's.
func NewCustomers(
	d *db.DB, clerk *clerkapp.App, keeper *idempotency.Keeper, queue *jobs.Enqueuer, forget ...Forget,
) *Customers {
	return &Customers{d, clerk, keeper, queue, forget}
}

// Get returns a customer.
func (c *Customers) Get(ctx context.Context, platform id.Platform, customer string) (Customer, error) {
	var found Customer
	err := c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) (err error) {
		found, err = readCustomer(ctx, tx, customer)
		return err
	})
	return found, err
}

// CustomerChange holds what shall change; nil leaves a field as it is. Metadata is merged: a key with a null goes.
type CustomerChange struct {
	Plan      *string
	FirstName *string
	LastName  *string
	Metadata  Metadata
}

// Update changes a customer. The names are those that this platform uses: the profile at Clerk belongs to the user and
// may be shared with other platforms, so it stays as it is. The plan can not change while a subscription decides it.
func (c *Customers) Update(
	ctx context.Context, platform id.Platform, customer string, change CustomerChange,
) (Customer, error) {
	set, removed := Metadata{}, []string{}
	for k, v := range change.Metadata {
		if string(v) == "null" {
			removed = append(removed, k)
		} else {
			set[k] = v
		}
	}
	metadata, err := json.Marshal(set)
	if err != nil {
		return Customer{}, err
	}
	if err := errs.Invalid(slices.Concat(checkNames(change.FirstName, change.LastName), checkMetadata(set))); err != nil {
		return Customer{}, err
	}
	var updated Customer
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		if err := LockCustomer(ctx, tx, customer); err != nil {
			return err
		}
		before := ""
		if change.Plan != nil {
			now, err := queries.CurrentPlan(ctx, tx, tenantdb.CurrentPlanParams{PlatformID: string(platform), ID: customer})
			if err != nil {
				return err
			}
			if now.Source == "subscription" {
				return errs.New(errs.SubscriptionLives, "A subscription decides the customer's plan, %s. Change or cancel it "+
					"in the billing portal.", now.Plan)
			}
			before = now.Plan
			if *change.Plan == "" {
				return UnknownPlan(ctx, tx, "plan", "")
			}
			if err := checkPlan(ctx, tx, *change.Plan); err != nil {
				return err
			}
		}
		err := queries.UpdateCustomer(ctx, tx, tenantdb.UpdateCustomerParams{
			PlatformID: string(platform), ID: customer, FirstName: change.FirstName, LastName: change.LastName,
			Plan: change.Plan, MetadataSet: metadata, MetadataRemoved: removed,
		})
		if db.OutOfRange(err) {
			return errs.InvalidParam("metadata", "metadata holds a number that is out of range.")
		}
		if err != nil {
			return err
		}
		if updated, err = readCustomer(ctx, tx, customer); err != nil {
			return err
		}
		if change.Plan != nil && updated.Plan != before {
			err := RecordHere(ctx, tx, TimelineEntry{CustomerID: customer, Kind: PlanChanged, Via: viaOf(ctx), Detail: planChange(before, updated.Plan)})
			if err != nil {
				return err
			}
		}
		if change.Metadata == nil {
			return nil
		}
		return errs.Invalid(checkMetadata(updated.Metadata)) // with what was there before
	})
	return updated, err
}

// LockCustomer holds the row of a customer until the transaction ends; errs.NotFound where there is none.
func LockCustomer(ctx context.Context, tx db.Tenant, customer string) error {
	_, err := queries.LockCustomer(ctx, tx, tenantdb.LockCustomerParams{PlatformID: string(tx.Platform), ID: customer})
	if db.NoRows(err) {
		return noCustomer()
	}
	return err
}

func noCustomer() error { return errs.New(errs.NotFound, "There is no such customer.") }

func readCustomer(ctx context.Context, tx db.Tenant, customer string) (Customer, error) {
	row, err := queries.Customer(ctx, tx, tenantdb.CustomerParams{PlatformID: string(tx.Platform), ID: customer})
	if db.NoRows(err) {
		return Customer{}, noCustomer()
	}
	if err != nil {
		return Customer{}, err
	}
	key, err := currentKey(ctx, tx)
	if err != nil {
		return Customer{}, err
	}
	return customerFrom(row.TenantCustomer, row.CurrentPlan, key)
}

// currentKey is the platform's newest publishable key, or empty where there is none.
func currentKey(ctx context.Context, tx db.Tenant) (string, error) {
	key, err := queries.CurrentPublishableKey(ctx, tx, string(tx.Platform))
	if db.NoRows(err) {
		return "", nil
	}
	return key, err
}

func customerFrom(row tenantdb.TenantCustomer, plan, key string) (Customer, error) {
	customer := Customer{
		ID: row.ID, Email: row.Email, FirstName: row.FirstName, LastName: row.LastName, Plan: plan,
		PublishableKey: key, CreatedAt: row.CreatedAt, Status: row.Standing, Cancelling: row.Cancelling,
	}
	return customer, json.Unmarshal(row.Metadata, &customer.Metadata)
}

func checkNames(first, last *string) []errs.Fault {
	var faults []errs.Fault
	for _, name := range []struct {
		param string
		value *string
	}{{"firstName", first}, {"lastName", last}} {
		if name.value != nil && len([]rune(*name.value)) > 100 {
			faults = append(faults, errs.Fault{Param: name.param, Message: name.param + " has 100 characters at the most."})
		}
	}
	return faults
}

func checkMetadata(m Metadata) []errs.Fault {
	encoded, err := json.Marshal(m)
	if err != nil || len(encoded) > 16<<10 || len(m) > 50 {
		return []errs.Fault{{Param: "metadata", Message: "metadata holds 50 keys and 16 kB at the most."}}
	}
	if strings.Contains(strings.ReplaceAll(string(encoded), `\\`, ""), `\u0000`) {
		return []errs.Fault{{Param: "metadata", Message: "metadata holds no NUL characters."}}
	}
	return nil
}

func checkEmail(email string) []errs.Fault {
	if email == "" {
		return []errs.Fault{{Param: "email", Message: "email is missing."}}
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 254 {
		return []errs.Fault{{Param: "email", Message: "email is an address such as ada@example.com."}}
	}
	return nil
}

func cursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id))
}

func readCursor(s string) (time.Time, string, error) {
	plain, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return time.Time{}, "", err
	}
	at, id, ok := strings.Cut(string(plain), " ")
	if !ok || !ValidUserID(id) {
		return time.Time{}, "", errors.New("a cursor without an id")
	}
	moment, err := time.Parse(time.RFC3339Nano, at)
	return moment, id, err
}
