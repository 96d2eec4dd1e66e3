package clerk

import (
	"net/mail"
	"slices"
	"strings"
)

type emailAddress struct {
	ID        string `json:"id"`
	Address   string `json:"address"` // in lower case
	Verified  bool   `json:"verified"`
	ByUser    bool   `json:"by_user"` // the user has typed a code that was sent there, or as good as
	CreatedAt int64  `json:"created_at"`
	UpdatedAt int64  `json:"updated_at"`
}

// emailJSON is an email address as Clerk sends it.
type emailJSON struct {
	ID                   string             `json:"id"`
	Object               string             `json:"object"`
	EmailAddress         string             `json:"email_address"`
	Reserved             bool               `json:"reserved"`
	Verification         *adminVerification `json:"verification"`
	LinkedTo             []any              `json:"linked_to"`
	MatchesSSOConnection bool               `json:"matches_sso_connection"`
	CreatedAt            int64              `json:"created_at"`
	UpdatedAt            int64              `json:"updated_at"`
}

// adminVerification says that nobody has typed a code: the address was
// declared to be verified.
type adminVerification struct {
	Object   string `json:"object"`
	Status   string `json:"status"`
	Strategy string `json:"strategy"`
	Attempts *int64 `json:"attempts"`
	ExpireAt *int64 `json:"expire_at"`
}

func (e emailAddress) json() emailJSON {
	wire := emailJSON{ID: e.ID, Object: "email_address", EmailAddress: e.Address, LinkedTo: []any{},
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt}
	if e.Verified {
		wire.Verification = &adminVerification{Object: "verification_admin", Status: "verified", Strategy: "admin"}
		if e.ByUser {
			wire.Verification.Object, wire.Verification.Strategy = "verification_otp", "email_code"
		}
	}
	return wire
}

// newEmail checks an address and makes sure that nobody has it.
func (t *tx) newEmail(param, address string, verified bool) (emailAddress, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || !strings.Contains(address[strings.LastIndex(address, "@"):], ".") {
		return emailAddress{}, invalid("form_param_format_invalid", param, "is invalid", param+" must be a valid email address.")
	}
	if t.userByEmail(address) != nil {
		return emailAddress{}, identifierExists(param, "email address")
	}
	return emailAddress{ID: newID("idn"), Address: address, Verified: verified, CreatedAt: t.millis(), UpdatedAt: t.millis()}, nil
}

func (t *tx) userByEmail(address string) *user {
	address = strings.ToLower(strings.TrimSpace(address))
	for _, u := range t.Users {
		if slices.Contains(u.addresses(), address) {
			return u
		}
	}
	return nil
}

type emailParams struct {
	UserID   field[string] `json:"user_id"`
	Address  field[string] `json:"email_address"`
	Verified field[bool]   `json:"verified"`
	Primary  field[bool]   `json:"primary"`
	Notify   field[bool]   `json:"notify_primary_email_address_changed"`
}

func createEmail(t *tx, r *request) (any, error) {
	var p emailParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if p.UserID.value == nil {
		return nil, paramMissing("user_id")
	}
	if p.Address.value == nil {
		return nil, paramMissing("email_address")
	}
	u, err := t.user(*p.UserID.value)
	if err != nil {
		return nil, err
	}
	e, err := t.newEmail("email_address", *p.Address.value, p.Verified.or(false))
	if err != nil {
		return nil, err
	}
	next := *u
	next.Emails = append(slices.Clone(u.Emails), e)
	if p.Primary.or(false) || len(u.Emails) == 0 {
		next.PrimaryEmailID = e.ID
	}
	t.update(u, next)
	return e.json(), nil
}

// email finds an address and whose it is.
func (t *tx) email(id string) (*user, int, error) {
	for _, u := range t.Users {
		if i := u.emailIndex(id); i >= 0 {
			return u, i, nil
		}
	}
	return nil, 0, notFound("email address", id)
}

func getEmail(t *tx, r *request) (any, error) {
	u, i, err := t.email(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return u.Emails[i].json(), nil
}

func updateEmail(t *tx, r *request) (any, error) {
	u, i, err := t.email(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p struct {
		Verified field[bool] `json:"verified"`
		Primary  field[bool] `json:"primary"`
		Notify   field[bool] `json:"notify_primary_email_address_changed"`
	}
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	next := *u
	next.Emails = slices.Clone(u.Emails)
	next.Emails[i].Verified = p.Verified.or(next.Emails[i].Verified)
	next.Emails[i].UpdatedAt = t.millis()
	if p.Primary.or(false) {
		if !next.Emails[i].Verified {
			return nil, paramValueInvalid("primary", "Only a verified email address can be the primary one.")
		}
		next.PrimaryEmailID = next.Emails[i].ID
	}
	t.update(u, next)
	return u.Emails[i].json(), nil
}

func deleteEmail(t *tx, r *request) (any, error) {
	id := r.PathValue("id")
	u, i, err := t.email(id)
	if err != nil {
		return nil, err
	}
	if len(u.Emails) == 1 {
		return nil, badRequest("last_identification_deletion_failed", "The last email address of a user can't be deleted.")
	}
	next := *u
	next.Emails = slices.Delete(slices.Clone(u.Emails), i, i+1)
	if u.PrimaryEmailID == id {
		next.PrimaryEmailID = next.Emails[0].ID
	}
	t.update(u, next)
	return deleted{Object: "email_address", ID: id, Deleted: true}, nil
}

// replaceEmail leaves the user with one address.
func replaceEmail(t *tx, r *request) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p struct {
		Address field[string] `json:"email_address"`
		Notify  field[bool]   `json:"notify_primary_email_address_changed"`
	}
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if p.Address.value == nil {
		return nil, paramMissing("email_address")
	}
	e, err := t.setEmail(u, *p.Address.value, false)
	if err != nil {
		return nil, err
	}
	return e.json(), nil
}

// setEmail makes the address the user's only one, which it may be already; byUser is whether the user did it, and so proves it.
func (t *tx) setEmail(u *user, address string, byUser bool) (emailAddress, error) {
	next := *u
	var e emailAddress
	if i := slices.Index(u.addresses(), strings.ToLower(strings.TrimSpace(address))); i >= 0 {
		e = u.Emails[i]
		e.Verified, e.ByUser = true, byUser
	} else {
		var err error
		if e, err = t.newEmail("email_address", address, true); err != nil {
			return e, err
		}
		e.ByUser = byUser
	}
	next.Emails, next.PrimaryEmailID = []emailAddress{e}, e.ID
	t.update(u, next)
	return e, nil
}
