package clerk

import (
	"slices"
	"strings"
)

type user struct {
	ID                  string         `json:"id"`
	Username            *string        `json:"username"`
	FirstName           *string        `json:"first_name"`
	LastName            *string        `json:"last_name"`
	Locale              *string        `json:"locale"`
	ExternalID          *string        `json:"external_id"`
	Emails              []emailAddress `json:"emails"`
	PrimaryEmailID      string         `json:"primary_email_id"`
	PasswordHash        string         `json:"password_hash"`
	PasswordUpdatedAt   *int64         `json:"password_updated_at"`
	PublicMetadata      metadata       `json:"public_metadata"`
	PrivateMetadata     metadata       `json:"private_metadata"`
	UnsafeMetadata      metadata       `json:"unsafe_metadata"`
	Banned              bool           `json:"banned"`
	Locked              bool           `json:"locked"`
	DeleteSelf          bool           `json:"delete_self"`
	CreateOrganizations bool           `json:"create_organizations"`
	OrganizationsLimit  *int           `json:"organizations_limit"`
	BypassClientTrust   bool           `json:"bypass_client_trust"`
	LegalAcceptedAt     *int64         `json:"legal_accepted_at"`
	LastSignInAt        *int64         `json:"last_sign_in_at"`
	LastActiveAt        *int64         `json:"last_active_at"`
	CreatedAt           int64          `json:"created_at"`
	UpdatedAt           int64          `json:"updated_at"`
}

// userParams are the parameters that creating and updating a user share.
type userParams struct {
	metadataParams
	ExternalID          field[string] `json:"external_id"`
	FirstName           field[string] `json:"first_name"`
	LastName            field[string] `json:"last_name"`
	Locale              field[string] `json:"locale"`
	Username            field[string] `json:"username"`
	Password            field[string] `json:"password"`
	SkipPasswordChecks  field[bool]   `json:"skip_password_checks"`
	DeleteSelf          field[bool]   `json:"delete_self_enabled"`
	CreateOrganizations field[bool]   `json:"create_organization_enabled"`
	OrganizationsLimit  field[int]    `json:"create_organizations_limit"`
	LegalAcceptedAt     field[string] `json:"legal_accepted_at"`
	SkipLegalChecks     field[bool]   `json:"skip_legal_checks"`
	CreatedAt           field[string] `json:"created_at"`
	BypassClientTrust   field[bool]   `json:"bypass_client_trust"`
}

type createUserParams struct {
	userParams
	Emails                  field[[]string] `json:"email_address"`
	SkipPasswordRequirement field[bool]     `json:"skip_password_requirement"`
	SkipUserRequirement     field[bool]     `json:"skip_user_requirement"`
	Banned                  field[bool]     `json:"banned"`
	Locked                  field[bool]     `json:"locked"`

	byUser bool // on a page, where the address is taken to be proved; and not by the Backend API, whose word is taken for it
}

type updateUserParams struct {
	userParams
	PrimaryEmailID         field[string] `json:"primary_email_address_id"`
	NotifyPrimaryChanged   field[bool]   `json:"notify_primary_email_address_changed"`
	SignOutOfOtherSessions field[bool]   `json:"sign_out_of_other_sessions"`
}

func createUser(t *tx, r *request) (any, error) {
	var p createUserParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	u, err := t.newUser(p)
	if err != nil {
		return nil, err
	}
	return t.userJSON(u), nil
}

// newUser is what the Backend API and the sign-up page have in common.
func (t *tx) newUser(p createUserParams) (*user, error) {
	u := &user{ID: newID("user"), DeleteSelf: true, CreateOrganizations: true, CreatedAt: t.millis(), UpdatedAt: t.millis(),
		PublicMetadata: metadata{}, PrivateMetadata: metadata{}, UnsafeMetadata: metadata{},
		Banned: p.Banned.or(false), Locked: p.Locked.or(false)}
	for _, address := range p.Emails.or(nil) {
		e, err := t.newEmail("email_address", address, true)
		if err != nil {
			return nil, err
		}
		if slices.Contains(u.addresses(), e.Address) {
			return nil, identifierExists("email_address", "email address")
		}
		e.ByUser = p.byUser
		u.Emails = append(u.Emails, e)
	}
	if len(u.Emails) > 0 {
		u.PrimaryEmailID = u.Emails[0].ID
	} else if !p.SkipUserRequirement.or(false) {
		return nil, dataMissing("email_address")
	}
	if p.Password.or("") == "" && !p.SkipPasswordRequirement.or(false) {
		return nil, dataMissing("password")
	}
	if err := t.apply(p.userParams, u); err != nil {
		return nil, err
	}
	t.Users[u.ID] = u
	t.emit("user.created", t.userJSON(u))
	return u, nil
}

// apply checks the parameters and sets them on u, which isn't stored yet.
func (t *tx) apply(p userParams, u *user) error {
	if err := t.checkUnique("external_id", "external ID", p.ExternalID, u, func(other *user) *string { return other.ExternalID }); err != nil {
		return err
	}
	if err := t.checkUnique("username", "username", p.Username, u, func(other *user) *string { return other.Username }); err != nil {
		return err
	}
	created, err := timeParam("created_at", p.CreatedAt)
	if err != nil {
		return err
	}
	legal, err := timeParam("legal_accepted_at", p.LegalAcceptedAt)
	if err != nil {
		return err
	}
	if err := p.apply(u, replace); err != nil {
		return err
	}
	if err := t.setPassword(u, p); err != nil {
		return err
	}
	notEmpty(p.ExternalID).set(&u.ExternalID)
	notEmpty(p.Username).set(&u.Username)
	p.FirstName.set(&u.FirstName)
	p.LastName.set(&u.LastName)
	p.Locale.set(&u.Locale)
	p.OrganizationsLimit.set(&u.OrganizationsLimit)
	legal.set(&u.LegalAcceptedAt)
	u.DeleteSelf = p.DeleteSelf.or(u.DeleteSelf)
	u.CreateOrganizations = p.CreateOrganizations.or(u.CreateOrganizations)
	u.BypassClientTrust = p.BypassClientTrust.or(u.BypassClientTrust)
	u.CreatedAt = created.or(u.CreatedAt)
	return nil
}

func (t *tx) setPassword(u *user, p userParams) error {
	password := p.Password.or("")
	if password == "" {
		return nil
	}
	check := checkPassword
	if p.SkipPasswordChecks.or(false) {
		check = checkPasswordSize
	}
	if err := check(password); err != nil {
		return err
	}
	hashed, err := hash(password)
	if err != nil {
		return err
	}
	now := t.millis()
	u.PasswordHash, u.PasswordUpdatedAt = hashed, &now
	return nil
}

// notEmpty takes "" as null: an identifier can't be empty, only absent.
func notEmpty(f field[string]) field[string] {
	if f.or("") == "" {
		f.value = nil
	}
	return f
}

func (t *tx) checkUnique(param, what string, f field[string], self *user, of func(*user) *string) error {
	f = notEmpty(f)
	if f.value == nil {
		return nil
	}
	for _, other := range t.Users {
		if value := of(other); other.ID != self.ID && value != nil && strings.EqualFold(*value, *f.value) {
			return identifierExists(param, what)
		}
	}
	return nil
}

func (t *tx) user(id string) (*user, error) {
	if u := t.Users[id]; u != nil {
		return u, nil
	}
	return nil, notFound("user", id)
}

func getUser(t *tx, r *request) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return t.userJSON(u), nil
}

func updateUser(t *tx, r *request) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p updateUserParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if err := t.changeUser(u, p, ""); err != nil {
		return nil, err
	}
	return t.userJSON(u), nil
}

// changeUser applies an update. The session keep outlives signing out of the others.
func (t *tx) changeUser(u *user, p updateUserParams, keep string) error {
	next := *u
	if id := p.PrimaryEmailID.value; id != nil {
		i := u.emailIndex(*id)
		if i < 0 {
			return invalid("form_resource_not_found", "primary_email_address_id", "is missing", "The user has no such email address.")
		}
		if !u.Emails[i].Verified {
			return paramValueInvalid("primary_email_address_id", "The email address must be verified.")
		}
		next.PrimaryEmailID = *id
	}
	if err := t.apply(p.userParams, &next); err != nil {
		return err
	}
	t.update(u, next)
	if p.Password.value != nil && p.SignOutOfOtherSessions.or(false) {
		t.endSessions(u, "revoked", keep)
	}
	return nil
}

// update stores the user's next version and tells of it.
func (t *tx) update(u *user, next user) {
	next.UpdatedAt = t.millis()
	*u = next
	t.emit("user.updated", t.userJSON(u))
}

func deleteUser(t *tx, r *request) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	delete(t.Users, u.ID)
	for id, s := range t.Sessions {
		if s.UserID == u.ID {
			delete(t.Sessions, id)
		}
	}
	answer := deleted{Object: "user", ID: u.ID, ExternalID: u.ExternalID, Deleted: true}
	t.emit("user.deleted", answer)
	return answer, nil
}

func banUser(t *tx, r *request) (any, error) {
	return t.flag(r, func(u *user) { u.Banned = true })
}

func unbanUser(t *tx, r *request) (any, error) {
	return t.flag(r, func(u *user) { u.Banned = false })
}

func lockUser(t *tx, r *request) (any, error) {
	return t.flag(r, func(u *user) { u.Locked = true })
}

func unlockUser(t *tx, r *request) (any, error) {
	return t.flag(r, func(u *user) { u.Locked = false })
}

func (t *tx) flag(r *request, set func(*user)) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	next := *u
	set(&next)
	t.update(u, next)
	if u.Banned {
		t.endSessions(u, "revoked", "")
	}
	return t.userJSON(u), nil
}

func (u *user) emailIndex(id string) int {
	return slices.IndexFunc(u.Emails, func(e emailAddress) bool { return e.ID == id })
}

func (u *user) primaryEmail() string {
	if i := u.emailIndex(u.PrimaryEmailID); i >= 0 {
		return u.Emails[i].Address
	}
	return ""
}

// fullName is the first and last name, or "".
func (u *user) fullName() string {
	return strings.TrimSpace(deref(u.FirstName) + " " + deref(u.LastName))
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
