package billing

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Monthly recurring revenue: what the customers pay a month, each for what they subscribe to now. What a subscription adds
// to it is billing.subscriptions.monthly. Each change is written down as it happens, in the transaction that made it.

// withMRR makes a change of a customer's subscriptions, and writes down what it makes of the revenue. The customer is locked
// by whoever calls, so two changes of one customer do not count each other's.
func withMRR(ctx context.Context, tx db.Tenant, customer string, change func() error) error {
	of := billingdb.CustomerMonthlyParams{PlatformID: string(tx.Platform), CustomerID: customer}
	before, err := queries.CustomerMonthly(ctx, tx, of)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	after, err := queries.CustomerMonthly(ctx, tx, of)
	if err != nil || before.Monthly == after.Monthly {
		return err
	}
	move := billingdb.InsertMovementParams{
		PlatformID: string(tx.Platform), ID: id.NewMovement(), CustomerID: customer, Before: before.Monthly, After: after.Monthly,
		Currency: after.Currency, Tier: orNil(after.Tier),
	}
	if after.Monthly == 0 { // what it was before it ended
		move.Currency, move.Tier = before.Currency, orNil(before.Tier)
	}
	day := billingdb.AddMovementParams{PlatformID: move.PlatformID, Currency: move.Currency}
	switch delta := after.Monthly - before.Monthly; {
	case after.Monthly == 0:
		move.Kind, day.Churn, day.Subscribers = "churn", before.Monthly, -1
	case before.Monthly == 0:
		paid, err := queries.HasPaid(ctx, tx, billingdb.HasPaidParams(of))
		if err != nil {
			return err
		}
		move.Kind, day.New, day.Subscribers = "new", delta, 1
		if paid {
			move.Kind, day.New, day.Reactivation = "reactivation", 0, delta
		}
	case delta > 0:
		move.Kind, day.Expansion = "expansion", delta
	default:
		move.Kind, day.Contraction = "contraction", -delta
	}
	if err := queries.InsertMovement(ctx, tx, move); err != nil {
		return err
	}
	return queries.AddMovement(ctx, tx, day)
}

// Month is what became of the revenue in a calendar month of UTC. Amounts are in the minor unit of the platform's currency.
type Month struct {
	Month        string `json:"month"` // 2006-01
	New          int64  `json:"new"`
	Reactivation int64  `json:"reactivation"`
	Expansion    int64  `json:"expansion"`
	Contraction  int64  `json:"contraction"`
	Churn        int64  `json:"churn"`
	MRR          int64  `json:"mrr"`         // at its end, or now
	Subscribers  int64  `json:"subscribers"` // likewise
}

// Movement is a change of what a customer pays a month.
type Movement struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	CustomerID string    `json:"customerId"` // empty once the customer is deleted
	Kind       string    `json:"kind"`       // new, reactivation, expansion, contraction or churn
	Before     int64     `json:"before"`
	After      int64     `json:"after"`
	Currency   string    `json:"currency"`
	Tier       *string   `json:"tier"`
}

// Revenue is a platform's, month by month.
type Revenue struct {
	Currency    string     `json:"currency"`
	MRR         int64      `json:"mrr"`
	Subscribers int64      `json:"subscribers"`
	Trials      int64      `json:"trials"`
	Late        int64      `json:"late"`       // whose last payment failed
	Cancelling  int64      `json:"cancelling"` // that end with their period
	Months      []Month    `json:"months"`     // the earliest first, the present one last
	Movements   []Movement `json:"movements"`  // the latest first
}

const shownMovements = 8

// Revenue reports the revenue in a currency, over so many months with the present one.
func (d *Desk) Revenue(ctx context.Context, at id.Platform, currency string, months int) (Revenue, error) {
	r := Revenue{Currency: currency, Movements: []Movement{}}
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		present, err := queries.ThisMonth(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := queries.MRRMonths(ctx, tx, billingdb.MRRMonthsParams{PlatformID: string(at), Currency: currency})
		if err != nil {
			return err
		}
		r.Months = monthsOf(rows, present.UTC(), months)
		last := r.Months[len(r.Months)-1]
		r.MRR, r.Subscribers = last.MRR, last.Subscribers
		customers, err := tenant.StandingsOf(ctx, tx)
		if err != nil {
			return err
		}
		r.Trials, r.Late, r.Cancelling = customers.Trialing, customers.PastDue, customers.Cancelling
		moves, err := queries.Movements(ctx, tx, billingdb.MovementsParams{PlatformID: string(at), Most: shownMovements})
		for _, m := range moves {
			r.Movements = append(r.Movements, Movement{m.ID, m.At, m.CustomerID, m.Kind, m.Before, m.After, m.Currency, m.Tier})
		}
		return err
	})
	return r, err
}

// monthsOf are so many months up to the present one, those without a movement too.
func monthsOf(rows []billingdb.MRRMonthsRow, present time.Time, n int) []Month {
	var mrr, subscribers int64
	i, list := 0, make([]Month, 0, n)
	for back := n - 1; back >= 0; back-- {
		month := present.AddDate(0, -back, 0)
		var now Month
		for ; i < len(rows) && !rows[i].Month.After(month); i++ {
			row := rows[i]
			mrr += row.New + row.Reactivation + row.Expansion - row.Contraction - row.Churn
			subscribers += row.Subscribers
			if row.Month.Equal(month) {
				now = Month{New: row.New, Reactivation: row.Reactivation, Expansion: row.Expansion, Contraction: row.Contraction, Churn: row.Churn}
			}
		}
		now.Month, now.MRR, now.Subscribers = month.Format("2006-01"), mrr, subscribers
		list = append(list, now)
	}
	return list
}

// Subscribers are those who subscribe to a tier. Amounts are a month, in the minor unit of the platform's currency.
type Subscribers struct {
	Count   int64 `json:"count"`
	Trials  int64 `json:"trials"`  // those of them who pay nothing yet
	Monthly int64 `json:"monthly"` // what they add to the revenue now
	Moved   int64 `json:"moved"`   // what they would, were all moved to the prices
}

// Subscribers counts those who subscribe to a tier, and what they would pay at its prices.
func (d *Desk) Subscribers(ctx context.Context, at id.Platform, t tenant.Tier) (Subscribers, error) {
	var s Subscribers
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		params := billingdb.TierRevenueParams{PlatformID: string(at), Tier: t.Name}
		for _, p := range t.Prices {
			switch p.Interval {
			case "month":
				params.Month = &p.Amount
			case "year":
				params.Year = &p.Amount
			}
		}
		row, err := queries.TierRevenue(ctx, tx, params)
		s = Subscribers{row.Subscribers, row.Trials, row.Monthly, row.Moved}
		return err
	})
	return s, err
}
