package tenant

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Filter narrows and sorts a list of customers; an empty field does neither.
type Filter struct {
	Email  string // exactly, but for the case
	Plan   string // the current plan; NoPlan
	Q      string // part of the id, the email or a name
	Status string // one of Statuses
	Near   bool   // only those who have used most of a limit, as of the last snapshot
	Sort   string // one of Sorts; empty: created
	Limit  int    // 1 to 100
	Cursor string // the Next of the page before
}

// NoPlan is the plan to filter by for those who have none; no tier can have the name.
const NoPlan = "-"

// Statuses are what a list of customers can be filtered by: how they stand with their subscription. One that is unpaid is
// past due; one that is being cancelled is active or trialing too. Who pays is active or past due, and adds to the revenue: not
// who owes for good, nor whose subscription costs nothing.
var Statuses = []string{"active", "trialing", "past_due", "paused", cancelling, paying, "none"}

const (
	cancelling = "cancelling"
	paying     = "paying"
)

// Sorts are how a list of customers can be sorted: newest first, by email, or by what is used of a limit, the most first,
// which only those have who are near one.
var Sorts = []string{"created", "email", "usage"}

// Page is a page of customers. Next is empty on the last.
type Page struct {
	Customers []Customer
	Next      string
}

// List returns a page of customers.
func (c *Customers) List(ctx context.Context, platform id.Platform, f Filter) (Page, error) {
	if f.Sort == "" {
		f.Sort = "created"
	}
	f.Near = f.Near || f.Sort == "usage" // of nobody else it is known
	if err := f.check(); err != nil {
		return Page{}, err
	}
	from, err := readPlace(f.Sort, f.Cursor)
	if err != nil {
		return Page{}, err
	}
	var page Page
	err = c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		if err := queries.BoundSearch(ctx, tx); err != nil {
			return err
		}
		ids, rows, err := f.page(ctx, tx, from)
		if err != nil || len(rows) == 0 {
			return err
		}
		key, err := currentKey(ctx, tx)
		if err != nil {
			return err
		}
		page.Customers = make([]Customer, len(rows))
		for i, row := range rows {
			if page.Customers[i], err = customerFrom(row.TenantCustomer, row.CurrentPlan, key); err != nil {
				return err
			}
			page.Customers[i].Monthly = row.Monthly
			if row.Max > 0 {
				page.Customers[i].Near = nearOf(row)
			}
		}
		if len(ids) > f.Limit {
			last := rows[len(rows)-1]
			page.Next = place{at: last.TenantCustomer.CreatedAt, email: last.TenantCustomer.Address, share: last.Share, id: last.TenantCustomer.ID}.cursor(f.Sort)
		}
		return nil
	})
	return page, err
}

func nearOf(row tenantdb.CustomersNamedRow) *NearLimit {
	near := &NearLimit{Meter: row.Meter, Count: row.Count, Limit: row.Max}
	if row.Period != "lifetime" {
		near.PeriodEnd = new(row.Ends.UTC())
	}
	return near
}

// page reads the customers of a page, and the ids that find answers. Whoever is deleted in between is left out; where that is
// everybody, it looks again.
func (f *Filter) page(ctx context.Context, tx db.Tenant, from *place) (ids []string, rows []tenantdb.CustomersNamedRow, err error) {
	for more := true; more && len(rows) == 0; {
		if ids, err = f.find(ctx, tx, from); err != nil || len(ids) == 0 {
			return nil, nil, err
		}
		more = len(ids) > f.Limit
		rows, err = queries.CustomersNamed(ctx, tx, tenantdb.CustomersNamedParams{PlatformID: string(tx.Platform), Ids: ids[:min(len(ids), f.Limit)]})
		if err != nil {
			return nil, nil, err
		}
	}
	return ids, rows, nil
}

func (f *Filter) check() error {
	var faults []errs.Fault
	if f.Status != "" && !slices.Contains(Statuses, f.Status) {
		faults = append(faults, errs.Fault{Param: "status", Message: "status is one of " + strings.Join(Statuses, ", ") + "."})
	}
	if !slices.Contains(Sorts, f.Sort) {
		faults = append(faults, errs.Fault{Param: "sort", Message: "sort is one of " + strings.Join(Sorts, ", ") + "."})
	}
	return errs.Invalid(faults)
}

// place is where a page ends.
type place struct {
	at    time.Time
	email string
	share int32
	id    string
}

func (p place) cursor(sort string) string {
	switch sort {
	case "email":
		return encodeCursor("email " + p.id + " " + p.email)
	case "usage":
		return encodeCursor("usage " + p.id + " " + strconv.Itoa(int(p.share)))
	default:
		return cursor(p.at, p.id)
	}
}

// readPlace reads the cursor of a list with the sort; nil where there is none.
func readPlace(sort, text string) (*place, error) {
	if text == "" {
		return nil, nil
	}
	if sort == "created" {
		at, id, err := readCursor(text)
		if err != nil {
			return nil, badCursor()
		}
		return &place{at: at, id: id}, nil
	}
	parts := strings.SplitN(decodeCursor(text), " ", 3)
	if len(parts) != 3 || parts[0] != sort || !ValidUserID(parts[1]) || strings.ContainsRune(parts[2], 0) {
		return nil, badCursor()
	}
	p := place{id: parts[1], email: parts[2]}
	if sort == "usage" {
		share, err := strconv.ParseInt(parts[2], 10, 32)
		if err != nil {
			return nil, badCursor()
		}
		p.share = int32(share)
	}
	return &p, nil
}

// find answers the ids of a page's customers, and one more where there is a next page.
func (f *Filter) find(ctx context.Context, tx db.Tenant, from *place) ([]string, error) {
	plans, err := f.placed(ctx, tx)
	if err != nil {
		return nil, err
	}
	if f.Q != "" && !f.Near && f.Email == "" && f.Status != paying { // the search knows nothing of subscriptions
		return f.search(ctx, tx, plans, from)
	}
	if err := followIndexes(ctx, tx); err != nil {
		return nil, err
	}
	sql, args := f.statement(tx.Platform, plans, from)
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// followIndexes has the rest of the transaction read by indexes.
func followIndexes(ctx context.Context, tx db.Tenant) error {
	return cmp.Or(queries.FollowIndexes(ctx, tx), queries.FollowIndexesAlone(ctx, tx))
}

// placed are the plans that stand with the customers who are on the plan of the filter: its own, and that of nobody's where it
// is the default tier. Nil is any.
func (f *Filter) placed(ctx context.Context, tx db.Tenant) ([]string, error) {
	if f.Plan == "" {
		return nil, nil
	}
	fallback, err := queries.DefaultTier(ctx, tx, string(tx.Platform))
	if err != nil && !db.NoRows(err) {
		return nil, err
	}
	switch {
	case f.Plan == NoPlan && fallback == "":
		return []string{""}, nil
	case f.Plan == fallback:
		return []string{f.Plan, ""}, nil
	default:
		return []string{f.Plan}, nil
	}
}

func (f *Filter) search(ctx context.Context, tx db.Tenant, plans []string, from *place) ([]string, error) {
	params := tenantdb.FindCustomersParams{Q: f.Q, Plans: plans, Cancelling: f.Status == cancelling, ByEmail: f.Sort == "email", Most: int32(f.Limit) + 1}
	if f.Status != "" && f.Status != cancelling {
		params.Standings = []string{f.Status}
	}
	if from != nil {
		params.BehindAt, params.BehindEmail, params.BehindID = &from.at, &from.email, &from.id
	}
	return queries.FindCustomers(ctx, tx, params)
}

// The statement of a list is put together here and not generated, because which index serves depends on what is asked for: a
// condition that is not needed must not be there. Each is one of the fixed texts below; what was sent is an argument.

const (
	// Who near says is near a limit.
	fromNear = `tenant_usage.near n JOIN tenant.customers c ON c.platform_id = $1 AND c.id = n.user_id COLLATE "default"
		WHERE n.platform_id = $1 AND (SELECT dreamapi.now()) < n.ends`
	fromAll = `tenant.customers c WHERE c.platform_id = $1`
	// The plan that stands with the customer is right until a grace is over; then it is the one below.
	stands = `(c.subscribed_until IS NULL OR c.subscribed_until > (SELECT dreamapi.now()))`
	// Those few first, whatever PostgreSQL thinks of how many they are: it would rather look for them along the order.
	fromLapsed = `(SELECT * FROM tenant.customers WHERE platform_id = $1 AND subscribed_until <= (SELECT dreamapi.now()) OFFSET 0) c WHERE c.platform_id = $1`
	lapsed     = `c.subscribed_until <= (SELECT dreamapi.now())`
	// Asked of one customer after the other: with EXISTS, PostgreSQL would begin with all subscriptions.
	pays = `(SELECT max(s.monthly) FROM billing.subscriptions s WHERE s.platform_id = $1 AND s.customer_id = c.id) > 0`
)

// standing are the conditions of the status, each of which has an index in the order of a list. The status was checked; as a
// parameter it would hide from the planner that the index is for those who have a subscription.
func (f *Filter) standing() []string {
	switch f.Status {
	case "":
		return []string{""}
	case cancelling:
		return []string{" AND c.cancelling"}
	case paying:
		return []string{" AND c.standing = 'active' AND " + pays, " AND c.standing = 'past_due' AND " + pays}
	default:
		return []string{" AND c.standing = '" + f.Status + "'"}
	}
}

// orders are how a list is sorted, and what is behind a place.
var orders = map[string]struct{ order, behind string }{
	"created": {"created_at DESC, id DESC", "(created_at, id) < (%s, %s)"},
	"email":   {"address, id", "(address, id) > (%s, %s)"},
	"usage":   {"share DESC, id DESC", "(share, id) < (%s, %s)"},
}

// statement is the query for the ids of a page, and its arguments.
func (f *Filter) statement(at id.Platform, plans []string, from *place) (sql string, args []any) {
	args = []any{string(at)}
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	source, where, o := fromAll, "", orders[f.Sort]
	if f.Near {
		source = fromNear
	}
	if f.Q != "" {
		pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Q)
		where += " AND c.sought LIKE '%' || lower(" + arg(pattern) + "::text) || '%'"
	}
	if f.Email != "" {
		where += " AND c.address = lower(" + arg(f.Email) + "::text)"
	}
	behind := ""
	if from != nil {
		key := map[string]any{"created": from.at, "email": from.email, "usage": from.share}[f.Sort]
		behind = fmt.Sprintf(o.behind, arg(key), arg(from.id)+"::text")
	}
	limit := arg(int32(f.Limit) + 1)
	list := func(source, more string) string {
		if f.Near { // a thousand at the most, some with several meters
			sql := "SELECT c.id, c.created_at, c.address, max(n.share) AS share FROM " + source + where + more + " GROUP BY c.platform_id, c.id"
			if behind != "" {
				sql = "SELECT * FROM (" + sql + ") k WHERE " + behind
			}
			return "(" + sql + " ORDER BY " + o.order + " LIMIT " + limit + ")"
		}
		if behind != "" {
			more += " AND " + strings.NewReplacer("(created_at, id)", "(c.created_at, c.id)", "(address, id)", "(c.address, c.id)").Replace(behind)
		}
		return "(SELECT c.id, c.created_at, c.address FROM " + source + where + more + " ORDER BY " +
			strings.NewReplacer("created_at", "c.created_at", "address", "c.address", " id", " c.id").Replace(o.order) + " LIMIT " + limit + ")"
	}
	var arms []string
	add := func(source, more string) {
		for _, standing := range f.standing() {
			arms = append(arms, list(source, standing+more))
		}
	}
	if f.Plan == "" {
		add(source, "")
	} else {
		for _, plan := range plans {
			add(source, " AND c.placed = "+arg(plan)+" AND "+stands)
		}
		if !f.Near {
			source = fromLapsed
		}
		add(source, " AND "+lapsed+" AND coalesce(c.plan, '') = ANY("+arg(plans)+"::text[])")
	}
	return "SELECT id FROM (" + strings.Join(arms, " UNION ALL ") + ") l ORDER BY " + o.order + " LIMIT " + limit, args
}

func encodeCursor(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// decodeCursor is the text of a cursor; empty where it is none.
func decodeCursor(s string) string {
	plain, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(plain), "")
}
