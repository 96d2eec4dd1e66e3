package stripe

func createTestClock(t *tx, r *request) (any, error) {
	if t.Livemode {
		return nil, invalid("", "", "Test clocks exist in test mode only: use a test mode key.")
	}
	c := &testClock{FrozenTime: r.num("frozen_time"), Name: optional[string](r.values, "name"), Status: "ready", DeletesAfter: t.now + 30*day}
	t.add(c, "clock_")
	t.emit("test_helpers.test_clock.created", c)
	return c, nil
}

func listTestClocks(t *tx, r *request) (any, error) { return listed(r, all[*testClock](t)) }

func getTestClock(t *tx, r *request) (any, error) { return find[*testClock](t, r) }

// advanceTestClock answers before time has moved, as Stripe does: it moves right
// after, and the clock is ready once it has.
func advanceTestClock(t *tx, r *request) (any, error) {
	c, err := find[*testClock](t, r)
	if err != nil {
		return nil, err
	}
	to := r.num("frozen_time")
	switch {
	case c.Status != "ready":
		return nil, invalid("", "", "The test clock is still advancing: wait until its status is ready.")
	case to <= c.FrozenTime:
		return nil, invalid("", "frozen_time", "The frozen_time must be after the test clock's present one, %d.", c.FrozenTime)
	}
	t.edit(c)
	c.Status, c.Target, c.Since = "advancing", to, t.now
	t.emit("test_helpers.test_clock.advancing", c)
	return c, nil
}

// due is at once, while the clock advances.
func (c *testClock) due(*Server) int64 {
	if c.Status != "advancing" {
		return 0
	}
	return c.Since
}
func (c *testClock) rank() int { return 0 }

func (c *testClock) happen(t *tx) {
	err := t.s.play(c.ID, c.Target)
	t.edit(c)
	c.FrozenTime, c.Status = c.Target, "ready"
	if err != nil {
		t.s.cfg.Log.Error("stripe sandbox: a test clock failed", "clock", c.ID, "error", err)
		c.Status = "internal_failure"
	}
	t.emit("test_helpers.test_clock."+c.Status, c)
}

// deleteTestClock deletes the clock with its customers, as Stripe does.
func deleteTestClock(t *tx, r *request) (any, error) {
	c, err := find[*testClock](t, r)
	if err != nil {
		return nil, err
	}
	for _, x := range all[*customer](t) {
		if val(x.TestClock) == c.ID && !x.Deleted {
			if _, err := deleteCustomer(t, &request{id: x.ID}); err != nil {
				return nil, err
			}
		}
	}
	t.emit("test_helpers.test_clock.deleted", c)
	t.remove(c)
	return deletedAnswer(c), nil
}
