package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// CopyPreview says what a copy of another platform's tiers adds and changes.
type CopyPreview struct {
	Add         []Tier
	Change      []TierDifference
	Same        []string // names of tiers that are the same already
	Stay        []string // names of tiers that the other platform has not, which stay as they are
	Money       string   // the currency after it
	Currency    *FieldDifference
	Fingerprint string // of all of it
}

// TierDifference is how a tier changes.
type TierDifference struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"` // after it
	Fields      []FieldDifference `json:"fields"`
}

// FieldDifference is how a field of a tier changes. What it is depends on the field: displayName has texts, trialDays,
// rateLimit and position numbers, archived is true or false, features has lists, prices.month and prices.year have amounts,
// and meters.… has {max, period, anchor}. Of a price and a meter null is that there is none.
type FieldDifference struct {
	Field   string `json:"field"`
	Was     any    `json:"was"`
	Becomes any    `json:"becomes"`
}

// CopyTiers gives a platform the tiers of another: those that it lacks are made, those of the same name become the same,
// others stay. With the fingerprint of a preview it does what that said, or nothing. Both platforms are the developer's,
// which is checked before.
func (a *Admin) CopyTiers(ctx context.Context, from, to id.Platform, fingerprint string) ([]Tier, error) {
	source, err := a.Tiers(ctx, from)
	if err != nil {
		return nil, err
	}
	var copied []Tier
	err = a.db.Tenant(ctx, to, func(ctx context.Context, tx db.Tenant) error {
		before, after, err := a.copyTiers(ctx, tx, source)
		if err != nil {
			return err
		}
		if fingerprint != "" && fingerprint != previewOf(source, before, after).Fingerprint {
			return errs.New(errs.Conflict, "The tiers were changed since you looked, here or there. Nothing was copied: look again.")
		}
		copied = after
		return nil
	})
	return copied, err
}

// PreviewCopy says what CopyTiers would do: it does it, and takes it back.
func (a *Admin) PreviewCopy(ctx context.Context, from, to id.Platform) (CopyPreview, error) {
	source, err := a.Tiers(ctx, from)
	if err != nil {
		return CopyPreview{}, err
	}
	var preview CopyPreview
	err = a.try(ctx, to, func(ctx context.Context, tx db.Tenant) error {
		before, after, err := a.copyTiers(ctx, tx, source)
		if err == nil {
			preview = previewOf(source, before, after)
		}
		return err
	})
	return preview, err
}

// errTried takes back what was done to see what it does.
var errTried = errors.New("it was only tried")

// try does something to a platform and takes it back: what it does is seen as it would be, and every error that it would be.
func (a *Admin) try(ctx context.Context, at id.Platform, do func(context.Context, db.Tenant) error) error {
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		return nil
	}
	return err
}

// copyTiers answers the tiers before and after it.
func (a *Admin) copyTiers(ctx context.Context, tx db.Tenant, source []Tier) (before, after []Tier, err error) {
	at := string(tx.Platform)
	currency, err := queries.LockSettings(ctx, tx, at)
	if err != nil {
		return nil, nil, err
	}
	if before, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: at, WithArchived: true}); err != nil {
		return nil, nil, err
	}
	if len(source) > 0 && source[0].Currency != currency {
		if err := changeCurrency(ctx, tx, source[0].Currency); err != nil {
			return nil, nil, err
		}
	}
	now, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: at, WithArchived: true})
	if err != nil {
		return nil, nil, err
	}
	for _, t := range source {
		at := slices.IndexFunc(now, func(own Tier) bool { return own.Name == t.Name })
		switch {
		case at < 0 && t.Archived: // there is nobody here who would be on it
		case at < 0:
			err = insertTier(ctx, tx, t, &t.Position)
		default:
			err = updateTier(ctx, tx, now[at], changeTo(t))
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := nobodyStranded(ctx, tx); err != nil {
		return nil, nil, err
	}
	if err := PublishSoon(ctx, tx, a.queue); err != nil {
		return nil, nil, err
	}
	after, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: at, WithArchived: true})
	return before, after, err
}

// changeTo is the change that makes any tier the same as t.
func changeTo(t Tier) TierChange {
	return TierChange{
		DisplayName: &t.DisplayName, TrialDays: &t.TrialDays, Features: &t.Features, RateLimit: &t.RateLimit,
		Position: &t.Position, Archived: &t.Archived,
		Prices: func(map[string]int64) (map[string]int64, error) { return amountsOf(t.Prices), nil },
		Limits: func(map[string]Limit) (map[string]Limit, error) { return t.Limits, nil },
	}
}

func previewOf(source, before, after []Tier) CopyPreview {
	p := CopyPreview{Add: []Tier{}, Change: []TierDifference{}, Same: []string{}, Stay: []string{}}
	known, there := map[string]Tier{}, map[string]bool{}
	for _, t := range before {
		known[t.Name] = t
	}
	for _, t := range source {
		there[t.Name] = true
	}
	for _, t := range after {
		was, ok := known[t.Name]
		differs := was.Differences(t)
		switch {
		case !ok:
			p.Add = append(p.Add, t)
		case len(differs) > 0:
			p.Change = append(p.Change, TierDifference{t.Name, t.DisplayName, differs})
		case there[t.Name]:
			p.Same = append(p.Same, t.Name)
		default:
			p.Stay = append(p.Stay, t.Name)
		}
	}
	if len(after) > 0 {
		p.Money = after[0].Currency
	}
	if len(before) > 0 && len(after) > 0 && before[0].Currency != p.Money {
		p.Currency = &FieldDifference{"currency", before[0].Currency, after[0].Currency}
	}
	encoded, err := json.Marshal([]any{shapes(before), shapes(after), p.Currency})
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	sum := sha256.Sum256(encoded)
	p.Fingerprint = base64.RawURLEncoding.EncodeToString(sum[:12])
	return p
}

// shapes are the tiers without what Stripe calls them, which follows later.
func shapes(tiers []Tier) []map[string]any {
	list := make([]map[string]any, len(tiers))
	for i, t := range tiers {
		list[i] = fieldsOf(t)
		list[i]["name"] = t.Name
	}
	return list
}

func fieldsOf(t Tier) map[string]any {
	fields := map[string]any{
		"displayName": t.DisplayName, "trialDays": t.TrialDays, "features": notNil(t.Features), "rateLimit": t.RateLimit,
		"position": t.Position, "archived": t.Archived,
	}
	for _, price := range t.Prices {
		fields["prices."+price.Interval] = price.Amount
	}
	for meter, limit := range t.Limits {
		fields["meters."+meter] = limit
	}
	return fields
}

// Differences are the fields in which a tier differs from what it becomes, by their names.
func (t Tier) Differences(becomes Tier) []FieldDifference {
	before, after := fieldsOf(t), fieldsOf(becomes)
	names := maps.Clone(before)
	maps.Copy(names, after)
	list := []FieldDifference{}
	for _, name := range slices.SortedFunc(maps.Keys(names), strings.Compare) {
		if !reflect.DeepEqual(before[name], after[name]) {
			list = append(list, FieldDifference{name, before[name], after[name]})
		}
	}
	return list
}
