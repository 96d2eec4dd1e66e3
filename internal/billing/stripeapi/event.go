package stripeapi

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/secret"
)

// Event is what an event says of where something happened. What happened is asked of Stripe: an event may be old.
type Event struct {
	ID           string
	Type         string
	Account      string // empty: our own
	Livemode     bool
	ObjectID     string
	Customer     string // of Stripe's; empty where the object has none
	Subscription string
}

const skew = 5 * time.Minute // either way

// Verify checks an event's signature against the secrets that may have signed it, and reads it. An empty secret verifies
// nothing, though the SDK would take it.
func Verify(payload []byte, header string, secrets []secret.Text) (Event, error) {
	refused := errs.New(errs.InvalidSignature, "The event is not signed with the secret of this endpoint, or its time is more than "+
		"five minutes off.")
	if ahead(header) {
		return Event{}, refused
	}
	signed := false
	for _, s := range secrets {
		signed = signed || !s.Empty() && webhook.ValidatePayloadWithTolerance(payload, header, s.Reveal(), skew) == nil
	}
	if !signed {
		return Event{}, refused
	}
	var e struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Account  string `json:"account"`
		Livemode bool   `json:"livemode"`
		Data     struct {
			Object struct {
				ID           string    `json:"id"`
				Object       string    `json:"object"`
				Customer     reference `json:"customer"`
				Subscription reference `json:"subscription"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(payload, &e); err != nil || e.ID == "" || e.Type == "" {
		return Event{}, errs.New(errs.InvalidJSON, "The event can not be read.").Because(err)
	}
	object := e.Data.Object
	event := Event{e.ID, e.Type, e.Account, e.Livemode, object.ID, string(object.Customer), string(object.Subscription)}
	switch object.Object {
	case "subscription":
		event.Subscription = object.ID
	case "customer":
		event.Customer = object.ID
	}
	return event, nil
}

// ahead reports whether the signature's time lies too far in the future, which the SDK does not mind.
func ahead(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(part), "t="); ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return err == nil && time.Unix(seconds, 0).After(time.Now().Add(skew))
		}
	}
	return false
}

// reference is the id of another object, which may be there as a whole. What is neither is empty.
type reference string

// UnmarshalJSON implements json.Unmarshaler.
func (r *reference) UnmarshalJSON(raw []byte) error {
	var whole struct {
		ID string `json:"id"`
	}
	var id string
	if json.Unmarshal(raw, &id) == nil {
		*r = reference(id)
	} else if json.Unmarshal(raw, &whole) == nil {
		*r = reference(whole.ID)
	}
	return nil
}
