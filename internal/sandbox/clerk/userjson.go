package clerk

// userJSON is a user as Clerk sends it.
type userJSON struct {
	ID                            string      `json:"id"`
	Object                        string      `json:"object"`
	Username                      *string     `json:"username"`
	FirstName                     *string     `json:"first_name"`
	LastName                      *string     `json:"last_name"`
	Locale                        *string     `json:"locale"`
	ImageURL                      string      `json:"image_url"`
	HasImage                      bool        `json:"has_image"`
	PrimaryEmailAddressID         *string     `json:"primary_email_address_id"`
	PrimaryPhoneNumberID          *string     `json:"primary_phone_number_id"`
	PrimaryWeb3WalletID           *string     `json:"primary_web3_wallet_id"`
	PasswordEnabled               bool        `json:"password_enabled"`
	PasswordLastUpdatedAt         *int64      `json:"password_last_updated_at"`
	TwoFactorEnabled              bool        `json:"two_factor_enabled"`
	TOTPEnabled                   bool        `json:"totp_enabled"`
	BackupCodeEnabled             bool        `json:"backup_code_enabled"`
	EmailAddresses                []emailJSON `json:"email_addresses"`
	PhoneNumbers                  []any       `json:"phone_numbers"`
	Web3Wallets                   []any       `json:"web3_wallets"`
	Passkeys                      []any       `json:"passkeys"`
	ExternalAccounts              []any       `json:"external_accounts"`
	SAMLAccounts                  []any       `json:"saml_accounts"`
	EnterpriseAccounts            []any       `json:"enterprise_accounts"`
	PublicMetadata                metadata    `json:"public_metadata"`
	PrivateMetadata               metadata    `json:"private_metadata"`
	UnsafeMetadata                metadata    `json:"unsafe_metadata"`
	ExternalID                    *string     `json:"external_id"`
	LastSignInAt                  *int64      `json:"last_sign_in_at"`
	Banned                        bool        `json:"banned"`
	Locked                        bool        `json:"locked"`
	LockoutExpiresInSeconds       *int64      `json:"lockout_expires_in_seconds"`
	VerificationAttemptsRemaining *int64      `json:"verification_attempts_remaining"`
	CreatedAt                     int64       `json:"created_at"`
	UpdatedAt                     int64       `json:"updated_at"`
	DeleteSelfEnabled             bool        `json:"delete_self_enabled"`
	CreateOrganizationEnabled     bool        `json:"create_organization_enabled"`
	CreateOrganizationsLimit      *int        `json:"create_organizations_limit"`
	BypassClientTrust             bool        `json:"bypass_client_trust"`
	LastActiveAt                  *int64      `json:"last_active_at"`
	MFAEnabledAt                  *int64      `json:"mfa_enabled_at"`
	MFADisabledAt                 *int64      `json:"mfa_disabled_at"`
	LegalAcceptedAt               *int64      `json:"legal_accepted_at"`
}

// userJSON leaves at null what the sandbox's apps have switched off: a lock
// never expires, and there is no count of attempts.
func (t *tx) userJSON(u *user) userJSON {
	none := []any{}
	wire := userJSON{
		ID: u.ID, Object: "user", Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Locale: u.Locale,
		ImageURL: t.s.URL() + "/assets/avatar.svg", PasswordEnabled: u.PasswordHash != "", PasswordLastUpdatedAt: u.PasswordUpdatedAt,
		EmailAddresses: []emailJSON{}, PhoneNumbers: none, Web3Wallets: none, Passkeys: none,
		ExternalAccounts: none, SAMLAccounts: none, EnterpriseAccounts: none,
		PublicMetadata: u.PublicMetadata, PrivateMetadata: u.PrivateMetadata, UnsafeMetadata: u.UnsafeMetadata,
		ExternalID: u.ExternalID, LastSignInAt: u.LastSignInAt, Banned: u.Banned, Locked: u.Locked,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, DeleteSelfEnabled: u.DeleteSelf,
		CreateOrganizationEnabled: u.CreateOrganizations, CreateOrganizationsLimit: u.OrganizationsLimit,
		BypassClientTrust: u.BypassClientTrust, LastActiveAt: u.LastActiveAt, LegalAcceptedAt: u.LegalAcceptedAt,
	}
	if id := u.PrimaryEmailID; id != "" {
		wire.PrimaryEmailAddressID = &id // a copy: the answer is written after the mutex is released
	}
	for _, e := range u.Emails {
		wire.EmailAddresses = append(wire.EmailAddresses, e.json())
	}
	return wire
}
