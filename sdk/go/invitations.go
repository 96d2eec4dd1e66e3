package dream

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Invitations let one address each sign up, once.
type Invitations struct{ client *Client }

// Invitation is one of them.
type Invitation struct {
	Meta       `json:"-"`
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	Plan       *string    `json:"plan"`  // nil: the default tier
	State      string     `json:"state"` // open, accepted, expired or revoked
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	AcceptedAt *time.Time `json:"acceptedAt"`
	CustomerID *string    `json:"customerId"` // who accepted it
	RevokedAt  *time.Time `json:"revokedAt"`
	// URL is the link to send. Only Create knows it, and only the first time: with an IdempotencyKey of yours that was used
	// before it is empty.
	URL string `json:"-"`
}

// NewInvitation is an invitation to be made.
type NewInvitation struct {
	Email         string `json:"email"`
	Plan          string `json:"plan,omitempty"`
	ExpiresInDays int    `json:"expiresInDays,omitempty"` // 1 to 90; 7 unless said
}

// Create invites an address.
func (s *Invitations) Create(ctx context.Context, invitation NewInvitation, options ...CallOption) (*Invitation, error) {
	r := apply(post("/api/invitations", invitation), options)
	made, err := s.create(ctx, r)
	if err != nil || made.URL != "" || r.key != "" {
		return made, err
	}
	// The answer with the link was lost, and the link is told once. Nobody has it, so another invitation takes its place.
	if _, err := s.Revoke(ctx, made.ID); err != nil {
		return nil, err
	}
	return s.create(ctx, r)
}

func (s *Invitations) create(ctx context.Context, r request) (*Invitation, error) {
	var answer struct {
		Invitation Invitation
		URL        string
	}
	meta, err := s.client.do(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	answer.Invitation.Meta, answer.Invitation.URL = meta, answer.URL
	return &answer.Invitation, nil
}

// List goes through the invitations, the newest first.
func (s *Invitations) List(ctx context.Context) iter.Seq2[*Invitation, error] {
	return list(ctx, s.client, "/api/invitations", nil, nil, func(i *Invitation, m Meta) { i.Meta = m })
}

// Revoke takes an invitation back that was not accepted.
func (s *Invitations) Revoke(ctx context.Context, id string) (*Invitation, error) {
	at, err := path("api", "invitations", id)
	var answer struct{ Invitation Invitation }
	meta, err := s.client.do(ctx, request{method: http.MethodDelete, path: at, repeatable: true, problem: err}, &answer)
	if err != nil {
		return nil, err
	}
	answer.Invitation.Meta = meta
	return &answer.Invitation, nil
}
