package tenant

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

const (
	invitationDays        = 7
	longestInvitationDays = 90
	mostInvitations       = 10_000 // that are open
)

// Invitation lets one address sign up once, whatever the platform's rules for others are.
type Invitation struct {
	ID         id.Invitation `json:"id"`
	Email      string        `json:"email"`
	Plan       *string       `json:"plan"`  // of the customer who comes of it; nil: the default tier
	State      string        `json:"state"` // open, accepted, expired or revoked
	CreatedAt  time.Time     `json:"createdAt"`
	ExpiresAt  time.Time     `json:"expiresAt"`
	AcceptedAt *time.Time    `json:"acceptedAt"`
	CustomerID *string       `json:"customerId"` // who accepted it
	RevokedAt  *time.Time    `json:"revokedAt"`
}

// NewInvitation is an invitation just made. Secret goes into its link, and is shown this once; it is empty when the answer
// is a repetition. PublishableKey names the platform in the link.
type NewInvitation struct {
	Invitation     Invitation  `json:"invitation"`
	PublishableKey string      `json:"publishableKey"`
	Secret         secret.Text `json:"-"`
}

// Invite makes an invitation. Days is how long it is good; nil: a week.
func (c *Customers) Invite(
	ctx context.Context, at id.Platform, email, plan string, days *int64, r idempotency.Request,
) (made NewInvitation, replayed bool, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	faults := checkEmail(email)
	if days == nil {
		days = new(int64(invitationDays))
	}
	if *days < 1 || *days > longestInvitationDays {
		faults = append(faults, errs.Fault{Param: "expiresInDays", Message: "expiresInDays is from 1 to 90."})
	}
	if err := errs.Invalid(faults); err != nil {
		return made, false, err
	}
	err = c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, c.keeper, tx, r, func() (NewInvitation, error) {
			rules, err := readSignIn(ctx, tx)
			if err != nil {
				return NewInvitation{}, err
			}
			if rules.SignUp == NobodySignsUp {
				return NewInvitation{}, errs.New(errs.Conflict, "Sign-up is closed in the platform's sign-in settings, so an invitation "+
					"could not be used. Let those sign up who are invited, or create the customer.")
			}
			if err := checkPlan(ctx, tx, plan); err != nil {
				return NewInvitation{}, err
			}
			open, err := queries.CountInvitations(ctx, tx, string(tx.Platform))
			if err == nil {
				err = errs.TooMany(open+1, mostInvitations, "open invitations")
			}
			if err != nil {
				return NewInvitation{}, err
			}
			key, err := currentKey(ctx, tx)
			if err != nil {
				return NewInvitation{}, err
			}
			if key == "" {
				return NewInvitation{}, errs.New(errs.Conflict, "The platform has no publishable key, which the link names. Create one first.")
			}
			name, code := id.NewInvitation(), platform.NewSecret()
			err = queries.InsertInvitation(ctx, tx, tenantdb.InsertInvitationParams{
				PlatformID: string(tx.Platform), ID: string(name), Email: email, Plan: orNil(plan), Hash: platform.Hash(code), Days: int32(*days),
			})
			if err != nil {
				return NewInvitation{}, err
			}
			row, err := queries.Invitation(ctx, tx, tenantdb.InvitationParams{PlatformID: string(tx.Platform), ID: string(name)})
			return NewInvitation{invitationFrom(row.TenantInvitation, row.Now), key, code}, err
		})
		return err
	})
	return made, replayed, err
}

// Invitations returns a page of the platform's invitations, newest first, and the cursor of the next.
func (c *Customers) Invitations(ctx context.Context, at id.Platform, limit int, cursor string) (list []Invitation, next string, err error) {
	params := tenantdb.InvitationsParams{PlatformID: string(at), Max: int32(limit) + 1}
	if cursor != "" {
		if !id.IsInvitation(cursor) {
			return nil, "", errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
		}
		params.Before = &cursor
	}
	err = c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Invitations(ctx, tx, params)
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].TenantInvitation.ID
		}
		for _, row := range rows {
			list = append(list, invitationFrom(row.TenantInvitation, row.Now))
		}
		return err
	})
	return list, next, err
}

// RevokeInvitation takes an invitation back; one that was accepted stays as it is.
func (c *Customers) RevokeInvitation(ctx context.Context, at id.Platform, invitation string) (Invitation, error) {
	var revoked Invitation
	err := c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		n, err := queries.RevokeInvitation(ctx, tx, tenantdb.RevokeInvitationParams{PlatformID: string(at), ID: invitation})
		if err != nil {
			return err
		}
		row, err := queries.Invitation(ctx, tx, tenantdb.InvitationParams{PlatformID: string(at), ID: invitation})
		if db.NoRows(err) {
			return errs.New(errs.NotFound, "There is no such invitation.")
		}
		if err == nil && n == 0 {
			err = errs.New(errs.Conflict, "The invitation was accepted. Delete the customer instead.")
		}
		revoked = invitationFrom(row.TenantInvitation, row.Now)
		return err
	})
	return revoked, err
}

// acceptInvitation uses an invitation up for a user who has proved that the address is theirs.
func acceptInvitation(
	ctx context.Context, tx db.Tenant, code secret.Text, user *clerkapp.User,
) (email string, plan *string, err error) {
	row, err := queries.LockInvitation(ctx, tx, tenantdb.LockInvitationParams{PlatformID: string(tx.Platform), Hash: platform.Hash(code)})
	if db.NoRows(err) {
		return "", nil, errs.New(errs.InvitationRefused, "This invitation does not exist. Ask for another one.")
	}
	if err != nil {
		return "", nil, err
	}
	found := invitationFrom(row.TenantInvitation, row.Now)
	if found.State != "open" {
		return "", nil, errs.New(errs.InvitationRefused, "This invitation %s. Ask for another one.",
			map[string]string{"accepted": "was used already", "expired": "has expired", "revoked": "was taken back"}[found.State])
	}
	if !slices.Contains(user.Proved, found.Email) {
		return "", nil, errs.New(errs.InvitationRefused, "This invitation is for another address than %s. Sign in with the one to which "+
			"it was sent.", user.Email)
	}
	err = queries.AcceptInvitation(ctx, tx, tenantdb.AcceptInvitationParams{
		PlatformID: string(tx.Platform), ID: string(found.ID), CustomerID: &user.ID,
	})
	return found.Email, found.Plan, err
}

func invitationFrom(row tenantdb.TenantInvitation, now time.Time) Invitation {
	state := "open"
	switch {
	case row.AcceptedAt != nil:
		state = "accepted"
	case row.RevokedAt != nil:
		state = "revoked"
	case !now.Before(row.ExpiresAt):
		state = "expired"
	}
	return Invitation{
		id.Invitation(row.ID), row.Email, row.Plan, state, row.CreatedAt, row.ExpiresAt, row.AcceptedAt, row.AcceptedBy, row.RevokedAt,
	}
}
