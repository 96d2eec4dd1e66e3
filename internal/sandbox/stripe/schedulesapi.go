package stripe

import "time"

func listSchedules(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*subscriptionSchedule](t),
		func(s *subscriptionSchedule) bool {
			return r.like("customer", s.Customer) && (!r.yes("scheduled") || s.Status == "not_started") && r.within("created", &s.Created)
		},
		func(s *subscriptionSchedule) bool {
			return r.within("canceled_at", s.CanceledAt) && r.within("completed_at", s.CompletedAt) && r.within("released_at", s.ReleasedAt)
		}))
}

func getSchedule(t *tx, r *request) (any, error) { return find[*subscriptionSchedule](t, r) }

func releaseSchedule(t *tx, r *request) (any, error) {
	s, err := t.livingSchedule(r)
	if err != nil {
		return nil, err
	}
	t.at(s).endSchedule(s, "released")
	return s, nil
}

func cancelSchedule(t *tx, r *request) (any, error) {
	s, err := t.livingSchedule(r)
	if err != nil {
		return nil, err
	}
	t = t.at(s)
	sub := get[*subscription](t, val(s.Subscription))
	t.endSchedule(s, "canceled")
	if sub != nil && !sub.ended() {
		prorate, invoiceNow := true, true
		setValue(r.values, "prorate", &prorate)
		setValue(r.values, "invoice_now", &invoiceNow)
		t.cancelNow(sub, prorate, invoiceNow)
	}
	return s, nil
}

func (t *tx) livingSchedule(r *request) (*subscriptionSchedule, error) {
	s, err := find[*subscriptionSchedule](t, r)
	if err == nil && !s.living() {
		return nil, invalid("", "", "The subscription schedule is %s: nothing more can be done with it.", s.Status)
	}
	return s, err
}

// endSchedule ends a schedule: released, canceled or completed. Its subscription
// goes on without it.
func (t *tx) endSchedule(s *subscriptionSchedule, status string) {
	sub := get[*subscription](t, val(s.Subscription))
	t.edit(s)
	s.Status, s.CurrentPhase = status, nil
	switch status {
	case "released":
		s.ReleasedAt, s.ReleasedSubscription, s.Subscription = ptr(t.now), s.Subscription, nil
	case "canceled":
		s.CanceledAt = ptr(t.now)
	case "completed":
		s.CompletedAt = ptr(t.now)
	}
	t.emit("subscription_schedule."+status, s)
	if sub != nil && val(sub.Schedule) == s.ID {
		t.update("customer.subscription.updated", sub, func() { sub.Schedule = nil })
	}
}

func (s *subscriptionSchedule) rank() int { return 0 }

// due is the beginning of the first phase, or the end of the current one.
func (s *subscriptionSchedule) due(*Server) int64 {
	switch {
	case s.Status == "not_started":
		return s.Phases[0].StartDate
	case s.Status == "active" && s.CurrentPhase != nil:
		return s.CurrentPhase.EndDate
	}
	return 0
}

func (s *subscriptionSchedule) happen(t *tx) {
	if s.Status == "not_started" {
		t.beginSchedule(s)
		return
	}
	for _, p := range s.Phases {
		if p.StartDate >= s.CurrentPhase.EndDate {
			t.update("subscription_schedule.updated", s, func() { s.CurrentPhase = &currentPhase{p.StartDate, p.EndDate} })
			if err := t.attempt(func(t *tx) error { return t.obeyPhase(s) }); err != nil {
				t.giveUp(s, err)
			}
			return
		}
	}
	if s.EndBehavior == "cancel" {
		sub := get[*subscription](t, val(s.Subscription))
		t.endSchedule(s, "completed")
		if sub != nil && !sub.ended() {
			t.endSubscription(sub, "canceled", "cancellation_requested")
		}
		return
	}
	t.endSchedule(s, "released")
}

// giveUp ends a schedule whose next phase can't be, since a price of it is gone.
func (t *tx) giveUp(s *subscriptionSchedule, why error) {
	t.s.cfg.Log.Warn("stripe sandbox: a schedule can't go on", "schedule", s.ID, "error", why)
	t.endSchedule(s, "canceled")
}

// beginSchedule makes the subscription of a schedule that was made without one.
func (t *tx) beginSchedule(s *subscriptionSchedule) {
	c := get[*customer](t, s.Customer)
	if c == nil || c.Deleted {
		t.endSchedule(s, "canceled")
		return
	}
	first := s.Phases[0]
	n := newSubscription{customer: c, metadata: first.Metadata, collection: "charge_automatically", behavior: "allow_incomplete", trialEnd: val(first.TrialEnd),
		trialSettings: trialSettingsOf(nil), proration: "create_prorations"}
	for _, item := range first.Items {
		if p := get[*price](t, item.Price); p != nil {
			n.items = append(n.items, t.newItem(p, item.Quantity))
		}
	}
	var sub *subscription
	err := t.attempt(func(t *tx) (err error) {
		sub, err = t.subscribe(n)
		return err
	})
	if err != nil {
		t.giveUp(s, err)
		return
	}
	t.edit(sub)
	sub.Schedule = ptr(s.ID)
	t.update("subscription_schedule.updated", s, func() {
		s.Status, s.Subscription = "active", ptr(sub.ID)
		s.CurrentPhase = &currentPhase{first.StartDate, first.EndDate}
	})
}

// scheduledChange is the price that a subscription changes to by itself, and
// when; nil if it doesn't.
func (t *tx) scheduledChange(sub *subscription) (*price, time.Time) {
	t = t.at(sub)
	s := get[*subscriptionSchedule](t, val(sub.Schedule))
	if s == nil || s.CurrentPhase == nil {
		return nil, time.Time{}
	}
	for _, p := range s.Phases {
		if p.StartDate >= s.CurrentPhase.EndDate && p.Items[0].Price != sub.Items.Data[0].Price.ID {
			return get[*price](t, p.Items[0].Price), time.Unix(p.StartDate, 0).UTC()
		}
	}
	return nil, time.Time{}
}
