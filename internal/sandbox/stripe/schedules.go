package stripe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

const scheduleParams = `end_behavior:cancel|release metadata:metadata
	phases:[{items*:[{price quantity:int metadata:metadata}] start_date:time|now end_date:time|now iterations:int metadata:metadata
	proration_behavior:always_invoice|create_prorations|none trial:bool trial_end:time|now}]`

func (s *subscriptionSchedule) living() bool {
	return s.Status == "active" || s.Status == "not_started"
}

func createSchedule(t *tx, r *request) (any, error) {
	if id := r.str("from_subscription"); id != "" {
		if r.has("phases") || r.has("customer") || r.has("end_behavior") {
			return nil, invalid("", "from_subscription", "When from_subscription is set, other parameters can't be: they follow from the subscription. Update the schedule afterwards.")
		}
		sub, err := referred[*subscription](t, id, "from_subscription")
		if err != nil {
			return nil, err
		}
		if sub.Schedule != nil || sub.ended() {
			return nil, invalid("", "from_subscription", "You cannot migrate a subscription that has ended or is already attached to a schedule.")
		}
		s := t.at(sub).scheduleOf(sub)
		s.Metadata, err = r.metadata(nil)
		return s, err
	}
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	t = t.at(c)
	s := &subscriptionSchedule{Customer: c.ID, EndBehavior: "release", Status: "not_started", TestClock: c.TestClock}
	setValue(r.values, "end_behavior", &s.EndBehavior)
	if s.Metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	start := t.now
	setValue(r.values, "start_date", &start)
	if len(r.hashes("phases")) == 0 {
		return nil, paramMissing("phases")
	}
	if s.Phases, err = t.phasesOf(r.hashes("phases"), start); err != nil {
		return nil, err
	}
	t.add(s, "sub_sched_")
	t.emit("subscription_schedule.created", s)
	return s, nil
}

// scheduleOf makes a schedule of a subscription as it is: one phase, its period.
func (t *tx) scheduleOf(sub *subscription) *subscriptionSchedule {
	phase := schedulePhase{Currency: sub.Currency, StartDate: sub.CurrentPeriodStart, EndDate: sub.CurrentPeriodEnd, Metadata: map[string]string{}, ProrationBehavior: "create_prorations"}
	for _, item := range sub.Items.Data {
		phase.Items = append(phase.Items, phaseItem(item.Price.ID, item.Quantity))
	}
	s := &subscriptionSchedule{Customer: sub.Customer, EndBehavior: "release", Metadata: map[string]string{}, Phases: []schedulePhase{phase}, Status: "active",
		CurrentPhase: &currentPhase{phase.StartDate, phase.EndDate}, Subscription: ptr(sub.ID), TestClock: sub.TestClock}
	if sub.CancelAtPeriodEnd {
		s.EndBehavior = "cancel"
	}
	t.add(s, "sub_sched_")
	t.update("customer.subscription.updated", sub, func() {
		sub.Schedule = ptr(s.ID)
		if sub.CancelAtPeriodEnd {
			t.cancelLater(sub, false)
		}
	})
	t.emit("subscription_schedule.created", s)
	return s
}

func phaseItem(priceID string, quantity int64) schedulePhaseItem {
	return schedulePhaseItem{Metadata: map[string]string{}, Plan: priceID, Price: priceID, Quantity: quantity, TaxRates: []string{}}
}

// phasesOf reads phases that follow one another from a moment.
func (t *tx) phasesOf(given []values, start int64) ([]schedulePhase, error) {
	phases := make([]schedulePhase, 0, len(given))
	for i, v := range given {
		name := fmt.Sprintf("phases[%d]", i)
		p := schedulePhase{StartDate: start, Metadata: map[string]string{}, ProrationBehavior: "create_prorations"}
		setValue(v, "proration_behavior", &p.ProrationBehavior)
		if i == 0 {
			setValue(v, "start_date", &p.StartDate)
		} else if at := v.num("start_date"); at != 0 && at != start {
			return nil, invalid("", inner(name, "start_date"), "The start_date of a phase must be the end_date of the one before.")
		}
		var recur recurring
		for j, item := range v.hashes("items") {
			price, err := t.recurringPrice(item, fmt.Sprintf("%s[items][%d]", name, j))
			if err != nil {
				return nil, err
			}
			recur, p.Currency = *price.Recurring, price.Currency
			p.Items = append(p.Items, phaseItem(price.ID, cmp.Or(item.num("quantity"), 1)))
		}
		if len(p.Items) == 0 {
			return nil, paramMissing(inner(name, "items"))
		}
		var err error
		if p.Metadata, err = v.metadata(nil); err != nil {
			return nil, err
		}
		if v.has("end_date") && v.has("iterations") {
			return nil, invalid("", inner(name, "iterations"), "You may only specify one of these parameters: end_date, iterations.")
		}
		p.EndDate = addPeriods(p.StartDate, recur, max(v.num("iterations"), 1))
		setValue(v, "end_date", &p.EndDate)
		if v.str("end_date") == "now" {
			p.EndDate = t.now
		}
		if v.yes("trial") {
			p.TrialEnd = ptr(p.EndDate)
		}
		setOptional(v, "trial_end", &p.TrialEnd)
		if p.EndDate <= p.StartDate {
			return nil, invalid("", inner(name, "end_date"), "The end_date of a phase must be after its start_date.")
		}
		phases = append(phases, p)
		start = p.EndDate
	}
	return phases, nil
}

func updateSchedule(t *tx, r *request) (any, error) {
	s, err := find[*subscriptionSchedule](t, r)
	if err != nil {
		return nil, err
	}
	if !s.living() {
		return nil, invalid("", "", "You cannot update a subscription schedule that is %s.", s.Status)
	}
	t = t.at(s)
	t.update("subscription_schedule.updated", s, func() {
		setValue(r.values, "end_behavior", &s.EndBehavior)
		if s.Metadata, err = r.metadata(s.Metadata); err != nil || !r.has("phases") {
			return
		}
		start := t.now
		if s.CurrentPhase != nil {
			start = s.CurrentPhase.StartDate
		}
		if s.Phases, err = t.phasesOf(r.hashes("phases"), start); err == nil {
			err = t.findPhase(s)
		}
	})
	if err != nil {
		return nil, err
	}
	return s, t.obeyPhase(s)
}

// findPhase says which phase is current.
func (t *tx) findPhase(s *subscriptionSchedule) error {
	if s.Status != "active" {
		return nil
	}
	for _, p := range s.Phases {
		if p.StartDate <= t.now && t.now < p.EndDate {
			s.CurrentPhase = &currentPhase{p.StartDate, p.EndDate}
			return nil
		}
	}
	return invalid("", "phases", "The phases of an active schedule must include the present: the current phase must be passed in, as it is.")
}

// current is the phase the schedule is in; nil before the first.
func (s *subscriptionSchedule) current() *schedulePhase {
	if s.CurrentPhase == nil {
		return nil
	}
	at := slices.IndexFunc(s.Phases, func(p schedulePhase) bool { return p.StartDate == s.CurrentPhase.StartDate })
	if at < 0 {
		return nil
	}
	return &s.Phases[at]
}

// obeyPhase makes the subscription what the current phase says.
func (t *tx) obeyPhase(s *subscriptionSchedule) error {
	p, sub := s.current(), get[*subscription](t, val(s.Subscription))
	if p == nil || sub == nil || sub.ended() {
		return nil
	}
	c := change{items: nil, proration: p.ProrationBehavior, at: t.now, behavior: "allow_incomplete", trialEnd: p.TrialEnd}
	if c.trialEnd != nil && (*c.trialEnd <= t.now || val(sub.TrialEnd) == *c.trialEnd) {
		c.trialEnd = nil
	}
	for i, item := range p.Items {
		price := get[*price](t, item.Price)
		if price == nil {
			return noSuch("price", item.Price, "phases")
		}
		changed := t.newItem(price, item.Quantity)
		if i < len(sub.Items.Data) {
			changed.ID, changed.Created, changed.Metadata = sub.Items.Data[i].ID, sub.Items.Data[i].Created, sub.Items.Data[i].Metadata
		}
		changed.Subscription = sub.ID
		c.items = append(c.items, changed)
	}
	same := len(c.items) == len(sub.Items.Data) && c.trialEnd == nil && !slices.ContainsFunc(c.items, func(i subscriptionItem) bool { return !i.sameIn(sub.Items.Data) })
	if same && len(p.Metadata) == 0 {
		return nil
	}
	before := wireOf(sub)
	t.edit(sub)
	maps.Copy(sub.Metadata, p.Metadata)
	if t.now == sub.CurrentPeriodEnd {
		// The renewal of this very second bills the new items; of a period that
		// is over there is nothing left to credit.
		if old, recur := sub.Items.Data[0].Price.Recurring, c.items[0].Price.Recurring; old.Interval != recur.Interval || old.IntervalCount != recur.IntervalCount {
			sub.BillingCycleAnchor = t.now
		}
		sub.Items = sub.itemList(c.items)
		t.emitUpdated("customer.subscription.updated", sub, before)
		return nil
	}
	return t.carryOut(sub, t.plan(sub, c), before)
}
