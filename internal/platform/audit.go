package platform

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
)

// Act is something that a developer does.
type Act struct {
	Developer id.Developer
	Platform  id.Platform // empty: none
	Action    string      // such as key.create
	Target    string      // what it is done to; empty: the platform, or the developer
	Via       string      // dashboard, token or clerk
	IP        string
	RequestID string
}

// AuditEntry is an act as it was written down.
type AuditEntry struct {
	ID        string       `json:"id"`
	At        time.Time    `json:"at"`
	Platform  *id.Platform `json:"platformId"`
	Action    string       `json:"action"`
	Target    string       `json:"target"`
	Via       string       `json:"via"`
	IP        string       `json:"ip"`
	RequestID string       `json:"requestId"`
	Outcome   *string      `json:"outcome"` // done or refused; nil: it was cut off
}

// BeginAct writes an act down before it is done, so that none goes unwritten.
func (s *Service) BeginAct(ctx context.Context, a Act) (entry string, err error) {
	entry = id.NewAudit()
	params := platformdb.InsertAuditParams{
		ID: entry, DeveloperID: string(a.Developer), Action: a.Action, Target: a.Target, Via: a.Via, Ip: a.IP, RequestID: a.RequestID,
	}
	if a.Platform != "" {
		params.OfPlatform = new(string(a.Platform))
	}
	return entry, s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.InsertAudit(ctx, tx, params) })
}

// EndAct writes down how an act came out; a target, if it is only known by then, too.
func (s *Service) EndAct(ctx context.Context, entry, target string, done bool) error {
	outcome := "refused"
	if done {
		outcome = "done"
	}
	return s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		return queries.EndAudit(ctx, tx, platformdb.EndAuditParams{ID: entry, Outcome: &outcome, Target: target})
	})
}

// Never is a moment behind all others: the end of what has none.
var Never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// AuditFilter narrows the log; an empty field does not.
type AuditFilter struct {
	Platform string
	Action   string
	Since    *time.Time
	Until    *time.Time // after the last moment
	Cursor   string     // the last entry of the page before
	Limit    int
}

// Audit lists what the developer did, the latest first, and the cursor of the next page.
func (s *Service) Audit(ctx context.Context, developer id.Developer, f AuditFilter) (entries []AuditEntry, next string, err error) {
	if f.Cursor != "" && !id.IsAudit(f.Cursor) {
		return nil, "", errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
	}
	params := platformdb.AuditParams{DeveloperID: string(developer), Until: Never, Before: Never, BeforeID: f.Cursor, Most: int32(f.Limit) + 1}
	if f.Since != nil {
		params.Since = *f.Since
	}
	if f.Until != nil {
		params.Until = *f.Until
	}
	for _, one := range []struct {
		text string
		into **string
	}{{f.Platform, &params.OfPlatform}, {f.Action, &params.Action}} {
		if one.text != "" {
			*one.into = &one.text
		}
	}
	err = s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if f.Cursor != "" {
			params.Before, err = queries.AuditPlace(ctx, tx, platformdb.AuditPlaceParams{ID: f.Cursor, DeveloperID: string(developer)})
			if db.NoRows(err) { // swept meanwhile, and with it whatever was older
				return nil
			}
			if err != nil {
				return err
			}
		}
		rows, err := queries.Audit(ctx, tx, params)
		if len(rows) > f.Limit {
			rows = rows[:f.Limit]
			next = rows[f.Limit-1].ID
		}
		for _, row := range rows {
			entries = append(entries, AuditEntry{
				row.ID, row.At, (*id.Platform)(row.OfPlatform), row.Action, row.Target, row.Via, row.Ip, row.RequestID, row.Outcome,
			})
		}
		return err
	})
	return entries, next, err
}
