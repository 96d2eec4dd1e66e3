package usage

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// The careful lane locks the rows of a batch's platforms and users, reads what else decides, has each call decided in the
// order of arrival, and writes what came of it. What is true of a user hangs on the lock of that user's row: receipts and
// epochs are read after it is held.

// flushCarefully counts a batch. Where somebody holds a row, the calls that do not need it go on, and the others are
// tried later. What the database refuses is tried again in halves, so that one call which it does not take fails nobody
// else.
func (s *Service) flushCarefully(batch []*item) {
	err := s.countCarefully(batch, s.held.has)
	if errors.Is(err, errHeld) {
		err = s.countCarefully(batch, everybody)
	}
	switch {
	case err == nil:
		return // countCarefully has settled the items
	case len(batch) > 1 && !errs.Is(err, errs.Unavailable) && !errs.Is(err, errs.Internal): // nothing was kept
		half := len(batch) / 2
		s.flushCarefully(batch[:half])
		s.flushCarefully(batch[half:])
		return
	}
	if errors.Is(err, errHeld) {
		for _, it := range batch {
			s.held.add(it.account())
		}
		s.later(batch)
		return
	}
	for _, it := range batch {
		it.settle(Outcome{}, err)
	}
}

// errHeld says that somebody holds a row.
var errHeld = errors.New("a row is held for long")

// everybody is whom a batch goes around that has met a row which somebody holds.
func everybody(account) bool { return true }

// account is a user within a batch; without a user it is the platform.
type account struct {
	platform id.Platform
	user     string
}

// deed is what a batch has decided and not yet written.
type deed struct {
	now      time.Time
	epochs   map[id.Platform]int64
	crowds   map[id.Platform]*crowd
	sheets   map[account]*sheet
	missed   map[account]bool // those that were gone around
	answers  map[id.Platform]map[uuid.UUID]*answer
	fresh    map[id.Platform][]*answer
	touched  map[account]bool
	hours    map[tally]int64
	returned []returned
	reached  []reached
	outcomes []Outcome
	errors   []error
}

// tally is what the journal adds up.
type tally struct {
	platform    id.Platform
	meter, plan string
}

// returned is units that were given back.
type returned struct {
	account
	meter    string
	quantity int64
}

// reached is that a customer came to a limit, in a period.
type reached struct {
	counter
	since time.Time // the customer's: one who is created again under the same id is another
	ends  time.Time
	usage Usage
}

// countCarefully counts a batch and lets its calls know. Of those whom it goes around, it does not wait for a row that
// somebody holds, but leaves the calls that need it for later.
func (s *Service) countCarefully(batch []*item, around func(account) bool) error {
	ctx, cancel := commitContext()
	defer cancel()
	d := &deed{outcomes: make([]Outcome, len(batch)), errors: make([]error, len(batch))}
	err := s.lanes.Tenants(ctx, platformsOf(batch), func(ctx context.Context, tx db.Tenants) error {
		if err := d.read(ctx, tx, batch, around); db.Held(err) {
			return errHeld
		} else if err != nil {
			return err
		}
		for i, it := range batch {
			if _, missed := d.misses(it); !missed {
				d.outcomes[i], d.errors[i] = d.decide(it)
			}
		}
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		return s.limits.write(ctx, tx, d.reached)
	})
	if err != nil {
		return err
	}
	s.limits.remember(d.reached)
	var left []*item
	for i, it := range batch {
		if held, missed := d.misses(it); missed {
			s.held.add(held)
			left = append(left, it)
		} else {
			s.places.learn(it, d.sheets[it.account()])
			it.settle(d.outcomes[i], d.errors[i])
		}
	}
	s.later(left)
	return nil
}

// misses is whether a row that the call needs was gone around, and whose it is.
func (d *deed) misses(it *item) (held account, missed bool) {
	who := it.account()
	if platform := (account{platform: who.platform}); it.crowded() && d.missed[platform] {
		return platform, true
	}
	return who, d.missed[who]
}

// decide is what becomes of a call.
func (d *deed) decide(it *item) (Outcome, error) {
	e := it.Entitlement
	who := it.account()
	page := d.sheets[who]
	if page == nil { // the user was deleted between the making of the row and its lock
		return Outcome{}, ErrStale
	}
	if d.epochs[e.Platform] != e.Epoch || page.epoch != e.UserEpoch || !d.now.Before(it.until()) {
		return Outcome{}, ErrStale
	}
	d.touched[who] = true
	page.turn(d.now)
	first := d.first(it)
	if first != nil && first.Fingerprint == it.Receipt.Fingerprint {
		return d.repeat(it, first), nil
	}
	var outcome Outcome
	var err error
	if users := d.crowds[e.Platform]; users != nil {
		outcome.PlatformRate, err = users.hit(e, d.now)
	}
	rate, tooMany := page.hit(e.RateLimit, d.now)
	outcome.Rate = rate
	if err = cmp.Or(err, tooMany); err != nil {
		return outcome, err
	}
	if first != nil {
		return outcome, errOtherBody
	}
	if it.fault != nil {
		return outcome, it.fault
	}
	page.settle(e, d.now)
	x := page.slot(it.Meter, it.limit, e, d.now)
	counted, fits := x.add(it.Quantity, it.limit)
	outcome.Usage, outcome.Refused = x.usage(e.Plan, it.limit), !fits
	d.hours[tally{e.Platform, it.Meter, e.Plan}] += counted
	if !fits && e.Kind != "" {
		d.reached = append(d.reached, reached{counter{who, x.name}, e.Since, x.span.ends, outcome.Usage})
	}
	if counted < 0 {
		d.returned = append(d.returned, returned{who, it.Meter, -counted})
	}
	if it.Receipt != nil {
		d.keep(e.Platform, &answer{
			it.Receipt.ID, it.Receipt.Fingerprint, !fits, x.count, it.limit.Max, x.extra + x.kept, e.Plan, x.name, x.span.starts, x.span.ends,
		})
	}
	return outcome, nil
}

// first is what was answered to the call's idempotency key before; nil where nothing was.
func (d *deed) first(it *item) *answer {
	if it.Receipt == nil {
		return nil
	}
	return d.answers[it.Entitlement.Platform][it.Receipt.ID]
}

// repeat is that answer again. It does not count against a rate: else who has more to count than that allows, and sends
// all of it again for what was refused, would get no further.
func (d *deed) repeat(it *item, first *answer) Outcome {
	e, outcome := it.Entitlement, first.replay()
	outcome.Rate = d.sheets[it.account()].rate(e.RateLimit, d.now)
	if users := d.crowds[e.Platform]; users != nil {
		outcome.PlatformRate = users.rate(e.PlatformRateLimit, d.now)
	}
	return outcome
}

func (d *deed) keep(at id.Platform, a *answer) {
	if d.answers[at] == nil {
		d.answers[at] = map[uuid.UUID]*answer{}
	}
	d.answers[at][a.ID] = a
	d.fresh[at] = append(d.fresh[at], a)
}

// read locks and reads what decides the batch.
func (d *deed) read(ctx context.Context, tx db.Tenants, batch []*item, around func(account) bool) (err error) {
	d.crowds, d.sheets, d.missed = map[id.Platform]*crowd{}, map[account]*sheet{}, map[account]bool{}
	d.epochs, d.answers = map[id.Platform]int64{}, map[id.Platform]map[uuid.UUID]*answer{}
	d.fresh, d.touched, d.hours = map[id.Platform][]*answer{}, map[account]bool{}, map[tally]int64{}
	if err := queries.BoundLocks(ctx, tx); err != nil {
		return err
	}
	if err := d.lockPlatforms(ctx, tx, batch, around); err != nil {
		return err
	}
	if err := d.lockUsers(ctx, tx, batch, around); err != nil {
		return err
	}
	rows, err := queries.Epochs(ctx, tx, id.Strings(platformsOf(batch)))
	if err != nil {
		return err
	}
	for _, row := range rows {
		d.epochs[id.Platform(row.PlatformID)] = row.Epoch
	}
	if d.now, err = queries.Now(ctx, tx); err != nil {
		return err
	}
	return d.readReceipts(ctx, tx, batch)
}

// lockPlatforms reads the platforms that have a limit for all their users together.
func (d *deed) lockPlatforms(ctx context.Context, tx db.Tenants, batch []*item, around func(account) bool) error {
	var limited, waited, free []string
	for _, it := range batch {
		at := string(it.Entitlement.Platform)
		if !it.crowded() || slices.Contains(limited, at) {
			continue
		}
		limited = append(limited, at)
		if who := (account{platform: it.Entitlement.Platform}); around(who) {
			free, d.missed[who] = append(free, at), true
		} else {
			waited = append(waited, at)
		}
	}
	if len(limited) == 0 {
		return nil
	}
	if err := queries.MakePlatforms(ctx, tx, limited); err != nil {
		return err
	}
	rows, err := queries.LockPlatforms(ctx, tx, waited)
	if err == nil && len(free) > 0 {
		var more []usagedb.TenantUsagePlatform
		more, err = queries.LockFreePlatforms(ctx, tx, free)
		rows = append(rows, more...)
	}
	for _, row := range rows {
		at := id.Platform(row.PlatformID)
		d.crowds[at] = &crowd{row.Minute, int(row.Calls), row.Month, row.Tracked}
		delete(d.missed, account{platform: at})
	}
	return err
}

// lockUsers reads the users.
func (d *deed) lockUsers(ctx context.Context, tx db.Tenants, batch []*item, around func(account) bool) error {
	var made usagedb.MakeUsersParams
	var waited usagedb.LockUsersParams
	var free usagedb.LockFreeUsersParams
	for _, it := range batch {
		who := it.account()
		if _, ok := d.sheets[who]; ok {
			continue
		}
		d.sheets[who] = nil
		at, user := string(who.platform), who.user
		made.Platforms, made.Users = append(made.Platforms, at), append(made.Users, user)
		if around(who) {
			free.Platforms, free.Users = append(free.Platforms, at), append(free.Users, user)
			d.missed[who] = true
		} else {
			waited.Platforms, waited.Users = append(waited.Platforms, at), append(waited.Users, user)
		}
	}
	if err := queries.MakeUsers(ctx, tx, made); err != nil {
		return err
	}
	rows, err := queries.LockUsers(ctx, tx, waited)
	if err == nil && len(free.Users) > 0 {
		var more []usagedb.TenantUsageUser
		more, err = queries.LockFreeUsers(ctx, tx, free)
		rows = append(rows, more...)
	}
	for _, row := range rows {
		who := account{id.Platform(row.PlatformID), row.UserID}
		d.sheets[who] = sheetOf(row)
		delete(d.missed, who)
	}
	return err
}

func (d *deed) readReceipts(ctx context.Context, tx db.Tenants, batch []*item) error {
	var params usagedb.ReceiptsParams
	for _, it := range batch {
		if it.Receipt != nil {
			params.Platforms = append(params.Platforms, string(it.Entitlement.Platform))
			params.Ids = append(params.Ids, it.Receipt.ID)
		}
	}
	if len(params.Ids) == 0 {
		return nil
	}
	rows, err := queries.Receipts(ctx, tx, params)
	for _, row := range rows {
		at := id.Platform(row.PlatformID)
		if d.answers[at] == nil {
			d.answers[at] = map[uuid.UUID]*answer{}
		}
		d.answers[at][row.ID] = &answer{
			row.ID, row.Fingerprint, row.Refused, row.Count, row.Max, row.Extra, row.Plan, row.Slot, row.Starts, row.Ends,
		}
	}
	return err
}

// write writes what was decided.
func (d *deed) write(ctx context.Context, tx db.Tenants) error {
	var users []usagedb.WriteUserParams
	var days []usagedb.EndDayParams
	var untouched usagedb.ForgetUntouchedParams
	for who, page := range d.sheets {
		if page == nil {
			continue
		}
		if !d.touched[who] {
			untouched.Platforms, untouched.Users = append(untouched.Platforms, string(who.platform)), append(untouched.Users, who.user)
			continue
		}
		users = append(users, page.row(who))
		days = append(days, page.endedDays(who)...)
	}
	if len(untouched.Users) > 0 {
		if err := queries.ForgetUntouched(ctx, tx, untouched); err != nil {
			return err
		}
	}
	return errors.Join(
		all(queries.WriteUser(ctx, tx, users)),
		all(queries.EndDay(ctx, tx, days)),
		d.writePlatforms(ctx, tx),
		d.writeReceipts(ctx, tx),
		d.writeReturned(ctx, tx),
		d.writeJournal(ctx, tx),
	)
}

func (d *deed) writePlatforms(ctx context.Context, tx db.Tenants) error {
	var rows []usagedb.WritePlatformParams
	for at, c := range d.crowds {
		rows = append(rows, usagedb.WritePlatformParams{
			PlatformID: string(at), Minute: c.minute, Calls: int32(c.calls), Month: c.month, Tracked: c.tracked,
		})
	}
	return all(queries.WritePlatform(ctx, tx, rows))
}

func (d *deed) writeReceipts(ctx context.Context, tx db.Tenants) error {
	var rows []usagedb.KeepReceiptParams
	for at, answers := range d.fresh {
		for _, a := range answers {
			rows = append(rows, usagedb.KeepReceiptParams{
				PlatformID: string(at), ID: a.ID, Fingerprint: a.Fingerprint, Refused: a.Refused, Count: a.Count, Max: a.Max,
				Extra: a.Extra, Plan: a.Plan, Slot: a.Slot, Starts: a.Starts, Ends: a.Ends,
			})
		}
	}
	return all(queries.KeepReceipt(ctx, tx, rows))
}

func (d *deed) writeReturned(ctx context.Context, tx db.Tenants) error {
	var rows []usagedb.AdjustParams
	for _, r := range d.returned {
		rows = append(rows, usagedb.AdjustParams{
			PlatformID: string(r.platform), ID: id.NewAdjustment(), UserID: r.user, Meter: r.meter, Kind: "return", Quantity: r.quantity,
		})
	}
	return all(queries.Adjust(ctx, tx, rows))
}

func (d *deed) writeJournal(ctx context.Context, tx db.Tenants) error {
	var entry usagedb.JournalParams
	for t, n := range d.hours {
		if n != 0 {
			entry.Platforms, entry.Meters = append(entry.Platforms, string(t.platform)), append(entry.Meters, t.meter)
			entry.Plans, entry.Counts = append(entry.Plans, t.plan), append(entry.Counts, n)
		}
	}
	if len(entry.Platforms) == 0 {
		return nil
	}
	return queries.Journal(ctx, tx, entry)
}

// all runs the statements of a batch.
func all(results interface{ Exec(func(int, error)) }) (failed error) {
	results.Exec(func(_ int, err error) { failed = cmp.Or(failed, err) })
	return failed
}
