package clerk_test

import (
	"net/http"
	"testing"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/emailaddress"
	"github.com/clerk/clerk-sdk-go/v2/user"
)

func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	first := *u.PrimaryEmailAddressID

	second, err := b.emails.Create(t.Context(), &emailaddress.CreateParams{UserID: &u.ID, EmailAddress: sdk.String("Lovelace@example.com")})
	must(t, err)
	equal(t, "address", second.EmailAddress, "lovelace@example.com")
	if second.Verification != nil {
		t.Error("an address is verified only if one says so")
	}
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{PrimaryEmailAddressID: &second.ID})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "primary_email_address_id")

	second, err = b.emails.Update(t.Context(), second.ID, &emailaddress.UpdateParams{Verified: sdk.Bool(true), Primary: sdk.Bool(true)})
	must(t, err)
	equal(t, "verification", second.Verification.Status, "verified")
	u, err = b.users.Get(t.Context(), u.ID)
	must(t, err)
	equal(t, "primary", *u.PrimaryEmailAddressID, second.ID)
	u, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{PrimaryEmailAddressID: &first})
	must(t, err)
	equal(t, "primary", *u.PrimaryEmailAddressID, first)

	gone, err := b.emails.Delete(t.Context(), first)
	must(t, err)
	equal(t, "deleted", gone.Deleted, true)
	u, err = b.users.Get(t.Context(), u.ID)
	must(t, err)
	equal(t, "the other becomes primary", *u.PrimaryEmailAddressID, second.ID)
	_, err = b.emails.Delete(t.Context(), second.ID)
	wantError(t, err, http.StatusBadRequest, "last_identification_deletion_failed", "")
	_, err = b.emails.Get(t.Context(), first)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")

	var replaced sdk.EmailAddress
	b.call(t, "PUT", "/v1/users/"+u.ID+"/email_address", `{"email_address":"new@example.com"}`, &replaced)
	u, err = b.users.Get(t.Context(), u.ID)
	must(t, err)
	equal(t, "addresses", len(u.EmailAddresses), 1)
	equal(t, "address", u.EmailAddresses[0].EmailAddress, "new@example.com")
	equal(t, "primary", *u.PrimaryEmailAddressID, replaced.ID)
}

func TestEmailAddressIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	b.newUser(t, "taken@example.com")
	_, err := b.emails.Create(t.Context(), &emailaddress.CreateParams{UserID: &u.ID, EmailAddress: sdk.String("taken@example.com")})
	wantError(t, err, http.StatusUnprocessableEntity, "form_identifier_exists", "email_address")
	_, err = b.emails.Create(t.Context(), &emailaddress.CreateParams{UserID: &u.ID})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_missing", "email_address")
	_, err = b.emails.Create(t.Context(), &emailaddress.CreateParams{UserID: sdk.String("user_none"), EmailAddress: sdk.String("x@example.com")})
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
}
