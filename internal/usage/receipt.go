package usage

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Receipt is by what a repeated call is known: a hash of its route, user and key, and one of what it asked for.
type Receipt struct{ ID, Fingerprint uuid.UUID }

// ReceiptOf makes the Receipt of a call; nil where it has no key.
func ReceiptOf(keeper *idempotency.Keeper, r idempotency.Request) *Receipt {
	if r.Key == "" {
		return nil
	}
	text := make([]byte, 0, len(r.Route)+len(r.User)+len(r.Key)+2)
	text = append(append(text, r.Route...), 0)
	text = append(append(text, r.User...), 0)
	whole := sha256.Sum256(append(text, r.Key...))
	receipt := Receipt{ID: uuid.UUID(whole[:16])}
	copy(receipt.Fingerprint[:], keeper.Fingerprint(r.Body))
	return &receipt
}

// answer is what is kept of a call with a key: a row of tenant_usage.receipts.
type answer struct {
	ID, Fingerprint uuid.UUID
	Refused         bool
	Count           int64
	Max             *int64 // of the plan
	Extra           int64
	Plan, Slot      string
	Starts, Ends    time.Time
}

var errOtherBody = errs.New(errs.IdempotencyMismatch, "This Idempotency-Key was used before with another request body. "+
	"Use a new key for a new request.")

// replay is the outcome of the first call with the key.
func (a *answer) replay() Outcome {
	x := slot{name: a.Slot, span: span{a.Starts, a.Ends}, count: a.Count, extra: a.Extra}
	return Outcome{Usage: x.usage(a.Plan, tenant.Limit{Max: a.Max}), Refused: a.Refused, Replayed: true}
}
