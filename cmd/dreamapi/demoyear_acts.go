package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/demo"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/sandbox/stripe"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// What happens in the demo year: who comes, what they do about money and use, and what their developer does.

// come creates the next customers.
func (m *yearMaker) come(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(createdAtOnce)
	for i := m.nextIn; i < m.nextIn+n; i++ {
		group.Go(func() error {
			c := m.year.Customers[i]
			made, _, err := m.app.modules.Customers.Create(ctx, m.facts.PlatformID, tenant.NewCustomer{
				ID: c.ID, Email: c.Email, FirstName: c.First, LastName: c.Last,
			}, "", nil)
			m.ids[i] = made.ID
			return err
		})
	}
	m.nextIn += n
	return group.Wait()
}

// acts has everything happen that is done about money up to a minute of a day.
func (m *yearMaker) acts(ctx context.Context, day, minute int) error {
	for m.acted < len(m.year.Acts) {
		act := m.year.Acts[m.acted]
		if act.Day > day || act.Day == day && act.Minute > minute {
			return nil
		}
		if err := m.turn(act.Day, act.Minute); err != nil {
			return err
		}
		if err := m.come(ctx, m.newcomers(act.Day, act.Minute)); err != nil {
			return err
		}
		m.acted++
		err := m.act(ctx, act)
		if err == nil && m.isLate(day) { // what comes of it is seen at its own minute, and not at the end of the hours
			err = m.settled(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s (%s), who means to %s: %w", m.ids[act.Customer], m.year.Customers[act.Customer].Email, act.Kind, err)
		}
	}
	return nil
}

func (m *yearMaker) act(ctx context.Context, act demo.Act) error {
	at, user := m.facts.PlatformID, m.ids[act.Customer]
	cashier := m.app.modules.Cashier
	switch act.Kind {
	case demo.Leave:
		m.gone[act.Customer] = true
		return m.app.modules.Customers.Delete(ctx, at, user)
	case demo.Subscribe, demo.Change:
		page, _, err := cashier.Checkout(ctx, billing.Order{Platform: at, UserID: user, Tier: act.Tier, Interval: act.Interval}, idempotency.Request{})
		if err != nil {
			return err
		}
		if act.Kind == demo.Subscribe {
			return m.stripe.Pay(page, stripe.GoodCard)
		}
		return m.stripe.ConfirmChange(page)
	}
	page, err := cashier.Portal(ctx, at, user, "")
	if err != nil {
		return err
	}
	switch act.Kind {
	case demo.Cancel:
		return m.stripe.Cancel(page, "")
	case demo.Resume:
		return m.stripe.Resume(page)
	case demo.BreakCard:
		return m.stripe.UseCard(page, stripe.BrokenCard)
	case demo.MendCard:
		return m.stripe.UseCard(page, stripe.GoodCard)
	default:
		return errors.New("nobody knows how")
	}
}

// deeds are what the developer does in the course of the year.
func (m *yearMaker) deeds(ctx context.Context, day int) error {
	if err := m.turn(day, deedsAt); err != nil {
		return err
	}
	switch {
	case day == m.year.Days/2:
		return m.developer(ctx, http.MethodPatch, "/tiers/pro", map[string]any{
			"prices": map[string]int64{"month": demo.Dearer.Month, "year": demo.Dearer.Year},
		})
	case day == m.year.Days/9:
		return m.developer(ctx, http.MethodPatch, "/sign-in", map[string]any{"productName": yearProject, "color": "#4f46e5"})
	case day == m.year.Days*2/3:
		return m.developer(ctx, http.MethodPost, "/keys", map[string]any{"kind": "secret", "name": "worker"})
	case day%17 == 11 && m.nextIn > 0:
		lucky := (day * 7919) % m.nextIn
		if m.gone[lucky] {
			return nil
		}
		return m.developer(ctx, http.MethodPost, "/customers/"+m.ids[lucky]+"/grants", map[string]any{
			"meter": demo.Requests, "quantity": 200, "expires": "used", "reason": "Thank you for the report",
		})
	}
	return nil
}

// track counts what was used.
func (m *yearMaker) track(ctx context.Context, day int, uses []used) error {
	for part := range slices.Chunk(uses, mostTracked) {
		if err := m.trackAll(ctx, day, part); err != nil {
			return err
		}
	}
	return nil
}

func (m *yearMaker) trackAll(ctx context.Context, day int, uses []used) error {
	gate := m.app.modules.Gate
	for tries := 0; len(uses) > 0; tries++ {
		if tries == 5 {
			return fmt.Errorf("%d calls are judged by what is out of date each time", len(uses))
		}
		calls := make([]usage.Call, len(uses))
		reading, within := errgroup.WithContext(ctx)
		reading.SetLimit(createdAtOnce)
		for i, use := range uses {
			calls[i] = usage.Call{Until: m.caller.Until, Meter: use.Meter, Quantity: use.Quantity}
			user, known := m.ids[use.customer], false
			if tries == 0 {
				calls[i].Entitlement, known = gate.Recall(m.caller, user, "")
			}
			if !known {
				reading.Go(func() (err error) {
					calls[i].Entitlement, err = gate.Resolve(within, m.caller, user, "")
					return err
				})
			}
		}
		if err := reading.Wait(); err != nil {
			return err
		}
		outcomes, failed := m.app.counting.TrackAll(calls)
		var again []used
		for i, err := range failed {
			switch {
			case errors.Is(err, usage.ErrStale):
				again = append(again, uses[i])
			case err != nil:
				return fmt.Errorf("%d %s of %s: %w", uses[i].Quantity, uses[i].Meter, m.ids[uses[i].customer], err)
			case outcomes[i].Refused:
				m.refused++
			default:
				m.counted[countedOn{day, uses[i].Meter}] += uses[i].Quantity
			}
		}
		if uses = again; len(uses) > 0 {
			var err error
			if m.caller, err = gate.Reconsider(ctx, m.caller); err != nil {
				return err
			}
		}
	}
	return nil
}
