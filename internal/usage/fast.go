package usage

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// The fast lane adds what fits. All calls of a user in the batch make one group, which is counted whole or left to the
// careful lane; whether it fits is decided by the database, under the lock of the user's row. These statements are
// written out here and not generated, because they are sent along with the beginning and the end of their transaction.

// addSQL counts groups. A group comes back if it was counted, and is otherwise left as it is: its user has no row or is
// in a new period or on a new day, its entitlement is out of date, it does not fit without units that last, those are
// still with the counter of another kind of period, it is over the rate.
//
// Rows are locked in the order of the arrays, which is that of the keys: so two batches do not wait for each other.
const addSQL = `
WITH clock AS {kept_clock} (
    SELECT now AS at, date_trunc('minute', now, 'UTC') AS minute, (now AT TIME ZONE 'UTC')::date AS day FROM dreamapi.present LIMIT 1
), {stale} {seen} added AS (
    UPDATE tenant_usage.users u SET
        counts[g.place] = u.counts[g.place] + g.quantity,
        today[g.place] = u.today[g.place] + g.quantity,
        calls = CASE WHEN u.minute < c.minute THEN g.calls ELSE u.calls + g.calls END,
        minute = c.minute
    FROM {groups} AS g (platform_id, user_id, slot, place, quantity, calls, most, rate, user_epoch, until, n), clock c
    WHERE u.platform_id = g.platform_id AND u.user_id = g.user_id
        AND u.epoch = g.user_epoch AND u.settled = g.user_epoch AND u.slots[g.place] = g.slot
        AND {fresh}
        AND c.at < g.until AND u.day = c.day AND u.minute <= c.minute
        AND u.starts[g.place] <= c.at AND c.at < u.ends[g.place]
        AND u.counts[g.place] + g.quantity <= g.most + u.extras[g.place]
        AND (u.kept[g.place] > 0 OR 0 >= ALL (u.kept))
        AND CASE WHEN u.minute < c.minute THEN g.calls ELSE u.calls + g.calls END <= g.rate
        {unseen}
    RETURNING g.n, {whose} u.counts[g.place] AS count,
        u.extras[g.place] + u.kept[g.place] AS extra, u.calls, u.starts[g.place] AS starts, u.ends[g.place] AS ends, c.at
), journaled AS (
    INSERT INTO tenant_usage.journal (at, platforms, meters, plans, tallies, counts, counted)
    {line}
) {receipts}
SELECT n, count, extra, calls, starts, ends, at FROM added`

// Many groups are taken out of arrays, and what is the same for several of them is found out once.
var many = strings.NewReplacer(
	"{kept_clock}", "MATERIALIZED",
	"{groups}", `unnest(@platforms::text[], @users::text[], @slots::text[], @places::int[],
            @quantities::bigint[], @calls::int[], @most::bigint[], @rates::int[], @user_epochs::bigint[], @until::timestamptz[]) WITH ORDINALITY`,
	"{stale}", "stale AS MATERIALIZED (SELECT coalesce(array_agg(platform_id), '{}') AS platforms FROM {changed}),",
	"{fresh}", `g.platform_id <> ALL ((SELECT platforms FROM stale)::text[])
        AND pg_postmaster_start_time() = coalesce(@server::timestamptz, pg_postmaster_start_time())`,
	"{line}", `SELECT min(at), @tally_platforms::text[], @tally_meters::text[], @tally_plans::text[], @tallies::int[],
        @quantities::bigint[], array_agg(n) FROM added HAVING count(*) > 0`,
)

// The platforms whose entitlements are out of date: in a batch whose platforms are all known from within the term of the fence, those
// that have changed since it began. Two numbers bound what is looked at, and the second leaves away what a database brought along that
// was restored.
const changedSince = `(
    SELECT s.platform_id FROM tenant.settings s
    WHERE s.epoch >= @since::bigint AND s.epoch < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        AND NOT pg_visible_in_snapshot(s.epoch::text::xid8, @snapshot::text::pg_snapshot)
)`

var known = strings.NewReplacer("{changed}", changedSince+" x")

// Of those that are looked up, whose epoch is another.
var unknown = strings.NewReplacer("{changed}", `(
    SELECT f.platform_id FROM unnest(@fenced::text[], @epochs::bigint[]) AS f (platform_id, epoch)
    WHERE f.epoch IS DISTINCT FROM (SELECT s.epoch FROM tenant.settings s WHERE s.platform_id COLLATE "C" = f.platform_id)
    UNION ALL
    SELECT y.platform_id FROM `+changedSince+` y WHERE y.platform_id <> ALL (@fenced::text[])
) x`)

// One group, as that of a lone caller, has plain parameters, and a plan of a third of the nodes: to start one is most of
// what such a call costs.
var one = strings.NewReplacer(
	"{kept_clock}", "NOT MATERIALIZED",
	"{groups}", `(SELECT @platform::text, @user::text, @slot::text, @place::int, @quantity::bigint, @calls::int, @most::bigint,
            @rate::int, @user_epoch::bigint, @until::timestamptz, 1::bigint)`,
	"{stale}", "",
	"{fresh}", `@epoch::bigint = (SELECT s.epoch FROM tenant.settings s WHERE s.platform_id COLLATE "C" = @platform::text)`,
	"{line}", `SELECT at, ARRAY[@platform::text], ARRAY[@meter::text], ARRAY[@plan::text], ARRAY[1], ARRAY[@quantity::bigint],
        ARRAY[n] FROM added`,
)

// With idempotency keys, receipts are kept. A group with a key that is known is left; one whose key another transaction is
// about to use violates the primary key, and takes the batch along. Each key is looked up for itself: with EXISTS, a plan that
// was made while there were no receipts would go through all of them once there are.
var keyed = strings.NewReplacer(
	"{seen}", `seen AS MATERIALIZED (
    SELECT coalesce(array_agg(k.n), '{}') AS groups
    FROM {keys}
    WHERE (SELECT true FROM tenant_usage.receipts r WHERE r.platform_id = k.platform_id AND r.id = k.id)
),`,
	"{whose}", "g.platform_id, g.slot,",
	"{unseen}", "AND g.n <> ALL ((SELECT groups FROM seen)::bigint[])",
	"{receipts}", `, receipts AS (
    INSERT INTO tenant_usage.receipts (platform_id, id, fingerprint, refused, count, max, extra, plan, slot, starts, ends, created_at)
    SELECT platform_id, (@keys::uuid[])[i], (@fingerprints::uuid[])[i], false, count - (@later::bigint[])[i],
        NULLIF((@maxima::bigint[])[i], -1), extra, {plan}, slot, starts, ends, at
    FROM (SELECT a.*, generate_series({first_key}, {last_key}) i FROM added a) k
)`,
)

var keyless = strings.NewReplacer("{seen}", "", "{whose}", "", "{unseen}", "", "{receipts}", "")

// The keys of many groups say whose they are, and those of a group stand next to each other.
var manyKeys = strings.NewReplacer(
	"{plan}", "(@tally_plans::text[])[(@tallies::int[])[n]]",
	"{keys}", "unnest(@key_groups::bigint[], @key_platforms::text[], @keys::uuid[]) AS k (n, platform_id, id)",
	"{first_key}", "(@first_keys::bigint[])[a.n]", "{last_key}", "(@last_keys::bigint[])[a.n]",
)

var oneKeys = strings.NewReplacer(
	"{plan}", "@plan::text",
	"{keys}", "(SELECT 1::bigint AS n, @platform::text AS platform_id, unnest(@keys::uuid[]) AS id) k",
	"{first_key}", "1", "{last_key}", "cardinality(@keys::uuid[])",
)

var (
	countKnownSQL        = counting(ofMany, many, known, keyless, manyKeys)
	countKnownKeyedSQL   = counting(slices.Concat(ofMany, ofKeys), many, known, keyed, manyKeys)
	countUnknownSQL      = counting(slices.Concat(ofMany, ofLookUps), many, unknown, keyless, manyKeys)
	countUnknownKeyedSQL = counting(slices.Concat(ofMany, ofLookUps, ofKeys), many, unknown, keyed, manyKeys)
	countOneSQL          = counting(ofOne, one, keyless, oneKeys)
	countOneKeyedSQL     = counting(ofOne, one, keyed, oneKeys)
)

// counting is a variant of the statement: each step may leave marks that the next ones fill in.
func counting(parameters []string, steps ...*strings.Replacer) string {
	sql := addSQL
	for _, step := range steps {
		sql = step.Replace(sql)
	}
	for i, name := range parameters {
		sql = strings.ReplaceAll(sql, "@"+name+"::", "$"+strconv.Itoa(i+1)+"::")
	}
	return sql
}

// The names of the parameters, in the order of the arguments. The last ones of one group are those of receipts.
var (
	ofMany = []string{
		"platforms", "users", "slots", "places", "quantities", "calls", "most", "rates", "user_epochs", "until",
		"since", "snapshot", "server", "tally_platforms", "tally_meters", "tally_plans", "tallies",
	}
	ofLookUps = []string{"fenced", "epochs"}
	ofKeys    = []string{"key_groups", "key_platforms", "keys", "fingerprints", "later", "maxima", "first_keys", "last_keys"}
	ofOne     = []string{
		"platform", "user", "slot", "place", "quantity", "calls", "most", "rate", "user_epoch", "until", "epoch", "meter",
		"plan", "keys", "fingerprints", "later", "maxima",
	}
)

// group is the calls of one user that are counted together.
type group struct {
	items    []*item
	quantity int64
	keys     map[uuid.UUID]bool // of the receipts
}

// worthHalving is how many groups take PostgreSQL several times as long as another transaction costs.
const worthHalving = 250

// flushFast counts the groups of a batch that are plain, and leaves the others to the careful lane.
func (s *Service) flushFast(batch []*item) {
	if groups := groupByUser(batch); len(groups) < worthHalving {
		s.countFast(groups)
	} else {
		s.countHalves(groups)
	}
	var left []*item
	for _, it := range batch {
		if !it.settled.Load() {
			left = append(left, it)
		}
	}
	passOn(s.careful, left)
}

// countHalves counts many groups in two transactions side by side, as one connection keeps only one core of PostgreSQL busy. No
// user is in both, so neither waits for a row of the other.
func (s *Service) countHalves(groups []group) {
	one, other := groups[:len(groups)/2], groups[len(groups)/2:]
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { guard(func([]*item) { s.countFast(other) })(itemsOf(other)) })
	s.countFast(one)
}

// countFast counts groups in one transaction, and settles the calls of those that were counted. Whether the others fit is not
// known yet.
func (s *Service) countFast(groups []group) {
	ctx, cancel := commitContext()
	defer cancel()
	var q question
	var begun []beginning
	var found []added
	err := s.lanes.OneTrip(ctx, platformsIn(groups), func(t *db.Trip) {
		if len(groups) > 1 {
			q = s.fence.ask(groups)
		}
		if q.begins {
			db.Collect(t, &begun, "SELECT pg_current_snapshot()::text, pg_postmaster_start_time()")
		}
		sql, args := statement(groups, q)
		db.Collect(t, &found, sql, args...)
	})
	switch {
	case errors.Is(err, db.ErrRolledBack): // two batches with one key, or a call that no database takes
	case err != nil:
		s.fence.reset()
		for _, it := range itemsOf(groups) {
			it.settle(Outcome{}, err)
		}
	default:
		s.fence.learn(q, begun, groups, found)
		for i := range found {
			groups[found[i].N-1].settle(&found[i])
		}
	}
}

// platformsIn are the platforms of the groups, which stand together.
func platformsIn(groups []group) (list []id.Platform) {
	for _, g := range groups {
		if p := g.items[0].Entitlement.Platform; len(list) == 0 || list[len(list)-1] != p {
			list = append(list, p)
		}
	}
	return list
}

func itemsOf(groups []group) (items []*item) {
	for _, g := range groups {
		items = append(items, g.items...)
	}
	return items
}

// groupByUser makes groups, sorted by user. In none is a call of a user of whom the batch has others that differ in more
// than the quantity, or that have the same idempotency key.
func groupByUser(batch []*item) []group {
	type user struct {
		platform id.Platform
		id       string
	}
	found := make(map[user]int, len(batch))
	groups := make([]group, 0, len(batch))
	for _, it := range batch {
		key := user{it.Entitlement.Platform, it.Entitlement.UserID}
		n, ok := found[key]
		switch {
		case !ok:
			found[key] = len(groups)
			groups = append(groups, group{})
			groups[len(groups)-1].add(it)
		case groups[n].takes(it):
			groups[n].add(it)
		}
	}
	slices.SortFunc(groups, func(a, b group) int {
		x, y := a.items[0].Entitlement, b.items[0].Entitlement
		return cmp.Or(cmp.Compare(x.Platform, y.Platform), cmp.Compare(x.UserID, y.UserID))
	})
	return groups
}

// takes is whether the call may be counted along with those of the group.
func (g *group) takes(it *item) bool {
	first := g.items[0]
	if !it.Entitlement.Same(first.Entitlement) || it.slot != first.slot {
		return false
	}
	return it.Receipt == nil || !g.keys[it.Receipt.ID]
}

func (g *group) add(it *item) {
	g.items = append(g.items, it)
	g.quantity += it.Quantity
	if it.Receipt == nil {
		return
	}
	if g.keys == nil {
		g.keys = map[uuid.UUID]bool{}
	}
	g.keys[it.Receipt.ID] = true
}

// statement is what counts the groups, and its arguments.
func statement(groups []group, q question) (sql string, args []any) {
	if len(groups) == 1 {
		return groups[0].statement()
	}
	args, keyed := arguments(groups, q)
	switch lookedUp := len(q.platforms) > 0; {
	case lookedUp && keyed:
		return countUnknownKeyedSQL, args
	case lookedUp:
		return countUnknownSQL, args
	case keyed:
		return countKnownKeyedSQL, args
	default:
		return countKnownSQL, args
	}
}

// statement is that for one group.
func (g *group) statement() (sql string, args []any) {
	first, e := g.items[0], g.items[0].Entitlement
	until, left := first.until(), g.quantity
	var later, maxima []int64
	var keys, fingerprints []db.UUID
	for _, it := range g.items {
		left -= it.Quantity
		if it.until().Before(until) {
			until = it.until()
		}
		if it.Receipt != nil {
			keys = append(keys, db.UUID{Bytes: it.Receipt.ID, Valid: true})
			fingerprints = append(fingerprints, db.UUID{Bytes: it.Receipt.Fingerprint, Valid: true})
			later, maxima = append(later, left), append(maxima, maxOr(it.limit, -1))
		}
	}
	args = []any{
		string(e.Platform), e.UserID, first.slot, first.place + 1, g.quantity, int32(len(g.items)),
		maxOr(first.limit, unlimited), int32(e.RateLimit), e.UserEpoch, until, e.Epoch, first.Meter, e.Plan,
	}
	if len(keys) == 0 {
		return countOneSQL, args
	}
	return countOneKeyedSQL, append(args, keys, fingerprints, later, maxima)
}

// arguments are the groups as arrays, and what is asked about their platforms, in the order of the parameters.
func arguments(groups []group, q question) (args []any, keyed bool) {
	n := len(groups)
	platforms, users, slots := make([]string, n), make([]string, n), make([]string, n)
	until := make([]time.Time, n)
	quantities, most, userEpochs := make([]int64, n), make([]int64, n), make([]int64, n)
	places, calls, rates := make([]int32, n), make([]int32, n), make([]int32, n)
	firstKeys, lastKeys := make([]int64, n), make([]int64, n) // a group's are next to each other; first behind last: none
	var keyGroups, later, maxima []int64
	var keyPlatforms []string
	var keys, fingerprints []db.UUID
	for i, g := range groups {
		first, e := g.items[0], g.items[0].Entitlement
		platforms[i], users[i], slots[i], places[i] = string(e.Platform), e.UserID, first.slot, first.place+1
		until[i] = first.until()
		quantities[i], most[i], userEpochs[i] = g.quantity, maxOr(first.limit, unlimited), e.UserEpoch
		calls[i], rates[i] = int32(len(g.items)), int32(e.RateLimit)
		left := g.quantity
		firstKeys[i] = int64(len(keys)) + 1
		for _, it := range g.items {
			left -= it.Quantity
			if it.until().Before(until[i]) {
				until[i] = it.until()
			}
			if it.Receipt == nil {
				continue
			}
			keyGroups, keyPlatforms = append(keyGroups, int64(i)+1), append(keyPlatforms, string(e.Platform))
			keys = append(keys, db.UUID{Bytes: it.Receipt.ID, Valid: true})
			fingerprints = append(fingerprints, db.UUID{Bytes: it.Receipt.Fingerprint, Valid: true})
			later, maxima = append(later, left), append(maxima, maxOr(it.limit, -1))
		}
		lastKeys[i] = int64(len(keys))
	}
	t := talliesOf(groups)
	args = []any{
		platforms, users, slots, places, quantities, calls, most, rates, userEpochs, until, q.since(), q.snapshot(), q.server(),
		t.platforms, t.meters, t.plans, t.ofGroups,
	}
	if len(q.platforms) > 0 {
		args = append(args, q.platforms, q.epochs)
	}
	if len(keys) > 0 {
		args = append(args, keyGroups, keyPlatforms, keys, fingerprints, later, maxima, firstKeys, lastKeys)
	}
	return args, len(keys) > 0
}

// maxOr is the most that the limit allows, or another number where it is unlimited.
func maxOr(limit tenant.Limit, other int64) int64 {
	if limit.Max == nil {
		return other
	}
	return *limit.Max
}

// tallies are what the groups are added up by in the history, and for each group the number of its own, from 1.
type tallies struct {
	platforms, meters, plans []string
	ofGroups                 []int32
}

func talliesOf(groups []group) (t tallies) {
	for _, g := range groups {
		t.ofGroups = append(t.ofGroups, t.number(string(g.items[0].Entitlement.Platform), g.items[0].Meter, g.items[0].Entitlement.Plan))
	}
	return t
}

// number is that of a tally, which is a new one or among the last ones: those of a platform stand together.
func (t *tallies) number(platform, meter, plan string) int32 {
	n := len(t.platforms)
	for i := n - 1; i >= 0 && t.platforms[i] == platform; i-- {
		if t.meters[i] == meter && t.plans[i] == plan {
			return int32(i + 1)
		}
	}
	t.platforms, t.meters, t.plans = append(t.platforms, platform), append(t.meters, meter), append(t.plans, plan)
	return int32(n + 1)
}

// added is a group that was counted: the state after its last call.
type added struct {
	N            int64
	Count, Extra int64
	Calls        int
	Starts, Ends time.Time
	At           time.Time
}

// settle gives each call of the group the state after it.
func (g *group) settle(a *added) {
	left, calls := g.quantity, a.Calls-len(g.items)
	for _, it := range g.items {
		left -= it.Quantity
		calls++
		x := slot{name: it.slot, span: span{a.Starts, a.Ends}, count: a.Count - left, extra: a.Extra}
		it.settle(Outcome{
			Usage: x.usage(it.Entitlement.Plan, it.limit),
			Rate:  rateOf(it.Entitlement.RateLimit, calls, a.At.UTC().Truncate(time.Minute), a.At),
		}, nil)
	}
}
