package clerk_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestUserIsCreatedAndFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.newUser(t, "Ada@Example.com", func(p *user.CreateParams) {
		p.FirstName, p.LastName, p.ExternalID = sdk.String("Ada"), sdk.String("Lovelace"), sdk.String("cus_1")
		p.PublicMetadata = raw(`{"publishableKey":"pk_test_1","big":9007199254740993}`)
	})
	if !strings.HasPrefix(made.ID, "user_") {
		t.Errorf("id %q", made.ID)
	}
	u, err := b.users.Get(t.Context(), made.ID)
	must(t, err)
	equal(t, "email", u.EmailAddresses[0].EmailAddress, "ada@example.com")
	equal(t, "verification", u.EmailAddresses[0].Verification.Status, "verified")
	equal(t, "primary", *u.PrimaryEmailAddressID, u.EmailAddresses[0].ID)
	equal(t, "name", *u.FirstName+" "+*u.LastName, "Ada Lovelace")
	equal(t, "password", u.PasswordEnabled, true)
	equal(t, "metadata", string(u.PublicMetadata), `{"big":9007199254740993,"publishableKey":"pk_test_1"}`)

	for name, params := range map[string]*user.ListParams{
		"email":       {EmailAddresses: []string{"ADA@example.com"}},
		"external id": {ExternalIDs: []string{"cus_1"}},
		"user id":     {UserIDs: []string{made.ID}},
		"query":       {Query: sdk.String("lovel")},
		"email query": {EmailAddressQuery: sdk.String("EXAMPLE")},
	} {
		list, err := b.users.List(t.Context(), params)
		must(t, err)
		if len(list.Users) != 1 || list.TotalCount != 1 || list.Users[0].ID != made.ID {
			t.Errorf("by %s: got %d users of %d", name, len(list.Users), list.TotalCount)
		}
	}
	list, err := b.users.List(t.Context(), &user.ListParams{ExternalIDs: []string{"cus_2"}})
	must(t, err)
	equal(t, "users by another external id", len(list.Users), 0)
}

func TestUsersAreListedInOrder(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(cfg *clerk.Config) {
		cfg.Now = func() time.Time { now = now.Add(time.Second); return now }
	})
	for _, name := range []string{"b", "a", "c"} {
		b.newUser(t, name+"@example.com", func(p *user.CreateParams) { p.FirstName = sdk.String(name) })
	}
	names := func(params *user.ListParams) string {
		list, err := b.users.List(t.Context(), params)
		must(t, err)
		equal(t, "count", list.TotalCount, 3)
		var all []string
		for _, u := range list.Users {
			all = append(all, *u.FirstName)
		}
		return strings.Join(all, "")
	}
	equal(t, "newest first", names(&user.ListParams{}), "cab")
	equal(t, "ascending", names(&user.ListParams{OrderBy: sdk.String("+created_at")}), "bac")
	equal(t, "by name", names(&user.ListParams{OrderBy: sdk.String("first_name")}), "abc")
	equal(t, "page", names(&user.ListParams{OrderBy: sdk.String("-first_name"), ListParams: sdk.ListParams{Limit: sdk.Int64(1), Offset: sdk.Int64(1)}}), "b")
	_, err := b.users.List(t.Context(), &user.ListParams{OrderBy: sdk.String("shoe_size")})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "order_by")
	_, err = b.users.List(t.Context(), &user.ListParams{ListParams: sdk.ListParams{Limit: sdk.Int64(501)}})
	wantError(t, err, http.StatusUnprocessableEntity, "form_param_value_invalid", "limit")

	var first, second []sdk.User
	b.call(t, "GET", "/v1/users?limit=2", "", &first)
	b.call(t, "GET", "/v1/users?limit=2&starting_after="+first[1].ID, "", &second)
	equal(t, "next page", len(second), 1)
	equal(t, "last user", *second[0].FirstName, "b")
}

func TestUserIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "taken@example.com", func(p *user.CreateParams) {
		p.ExternalID, p.Username = sdk.String("taken"), sdk.String("taken")
	})
	for name, c := range map[string]struct {
		change      func(*user.CreateParams)
		code, param string
	}{
		"email exists":       {func(p *user.CreateParams) { p.EmailAddresses = &[]string{"TAKEN@example.com"} }, "form_identifier_exists", "email_address"},
		"email twice":        {func(p *user.CreateParams) { p.EmailAddresses = &[]string{"x@example.com", "x@example.com"} }, "form_identifier_exists", "email_address"},
		"external id exists": {func(p *user.CreateParams) { p.ExternalID = sdk.String("taken") }, "form_identifier_exists", "external_id"},
		"username exists":    {func(p *user.CreateParams) { p.Username = sdk.String("Taken") }, "form_identifier_exists", "username"},
		"no email":           {func(p *user.CreateParams) { p.EmailAddresses = nil }, "form_data_missing", ""},
		"bad email":          {func(p *user.CreateParams) { p.EmailAddresses = &[]string{"nobody"} }, "form_param_format_invalid", "email_address"},
		"no password":        {func(p *user.CreateParams) { p.Password = nil }, "form_data_missing", ""},
		"breached password":  {func(p *user.CreateParams) { p.Password = sdk.String("Password123") }, "form_password_pwned", "password"},
		"short password":     {func(p *user.CreateParams) { p.Password = sdk.String("short") }, "form_password_length_too_short", "password"},
		"long password":      {func(p *user.CreateParams) { p.Password = sdk.String(strings.Repeat("x", 73)) }, "form_password_size_in_bytes_exceeded", "password"},
		"phone number":       {func(p *user.CreateParams) { p.PhoneNumbers = &[]string{"+15550100"} }, "form_param_unknown", "phone_number"},
		"metadata no object": {func(p *user.CreateParams) { p.PublicMetadata = raw(`[1]`) }, "form_param_value_invalid", "public_metadata"},
		"metadata too large": {func(p *user.CreateParams) { p.PublicMetadata = raw(`{"x":"` + strings.Repeat("x", 9000) + `"}`) }, "form_param_exceeds_allowed_size", "public_metadata"},
		"bad time":           {func(p *user.CreateParams) { p.CreatedAt = sdk.String("yesterday") }, "form_param_invalid_time", "created_at"},
	} {
		t.Run(name, func(t *testing.T) {
			params := &user.CreateParams{EmailAddresses: &[]string{"new@example.com"}, Password: sdk.String(password)}
			c.change(params)
			_, err := b.users.Create(t.Context(), params)
			wantError(t, err, http.StatusUnprocessableEntity, c.code, c.param)
		})
	}
	count, err := b.users.Count(t.Context(), &user.ListParams{})
	must(t, err)
	equal(t, "users after the refusals", count.TotalCount, 1)
}

func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, want := range map[string]struct {
		status      int
		code, param string
	}{
		`{`:                       {400, "request_body_invalid", ""},
		`[]`:                      {400, "request_body_invalid", ""},
		`{} {}`:                   {400, "request_body_invalid", ""},
		`{"shoe_size":43}`:        {422, "form_param_unknown", "shoe_size"},
		`{"first_name":7}`:        {422, "form_param_type_invalid", "first_name"},
		`{"email_address":"a@b"}`: {422, "form_param_type_invalid", "email_address"},
	} {
		var answer struct {
			Errors []struct {
				Code string
				Meta struct {
					ParamName string `json:"param_name"`
				}
			}
		}
		equal(t, body+" status", b.call(t, "POST", "/v1/users", body, &answer), want.status)
		equal(t, body+" code", answer.Errors[0].Code, want.code)
		equal(t, body+" param", answer.Errors[0].Meta.ParamName, want.param)
	}
}

func TestPasswordRulesCanBeSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "weak@example.com", func(p *user.CreateParams) {
		p.Password, p.SkipPasswordChecks = sdk.String("12345678"), sdk.Bool(true)
	})
	u := b.newUser(t, "none@example.com", func(p *user.CreateParams) {
		p.Password, p.SkipPasswordRequirement = nil, sdk.Bool(true)
	})
	equal(t, "password", u.PasswordEnabled, false)
	_, err := b.users.VerifyPassword(t.Context(), &user.VerifyPasswordParams{UserID: u.ID, Password: password})
	wantError(t, err, http.StatusBadRequest, "no_password_set", "")
}

func TestUpdateReplacesMetadataAndMergeMerges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) {
		p.PublicMetadata, p.PrivateMetadata = raw(`{"publishableKey":"pk_1","nested":{"a":1,"b":2}}`), raw(`{"secret":1}`)
	})
	u, err := b.users.UpdateMetadata(t.Context(), u.ID, &user.UpdateMetadataParams{PublicMetadata: raw(`{"plan":"pro","nested":{"b":null,"c":{"d":3,"e":null}}}`)})
	must(t, err)
	equal(t, "merged", string(u.PublicMetadata), `{"nested":{"a":1,"c":{"d":3}},"plan":"pro","publishableKey":"pk_1"}`)
	equal(t, "untouched", string(u.PrivateMetadata), `{"secret":1}`)

	u, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{PublicMetadata: raw(`{"plan":"free"}`)})
	must(t, err)
	equal(t, "replaced", string(u.PublicMetadata), `{"plan":"free"}`)

	b.call(t, "PUT", "/v1/users/"+u.ID+"/metadata", `{"private_metadata":{"other":2}}`, u)
	equal(t, "put", string(u.PrivateMetadata), `{"other":2}`)
	equal(t, "left by the put", string(u.PublicMetadata), `{"plan":"free"}`)
}

func TestUpdateChangesOnlyWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "other@example.com", func(p *user.CreateParams) { p.ExternalID = sdk.String("other") })
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) {
		p.FirstName, p.LastName, p.Username = sdk.String("Ada"), sdk.String("Byron"), sdk.String("ada")
	})
	u, err := b.users.Update(t.Context(), u.ID, &user.UpdateParams{LastName: sdk.String("Lovelace")})
	must(t, err)
	equal(t, "name", *u.FirstName+" "+*u.LastName, "Ada Lovelace")
	u = &sdk.User{}
	b.call(t, "PATCH", "/v1/users/"+b.userID(t, "ada@example.com"), `{"first_name":null,"username":""}`, u)
	if u.FirstName != nil || u.Username != nil || *u.LastName != "Lovelace" {
		t.Errorf("after clearing: %v %v %v", u.FirstName, u.Username, u.LastName)
	}
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{FirstName: sdk.String("X"), ExternalID: sdk.String("other")})
	wantError(t, err, http.StatusUnprocessableEntity, "form_identifier_exists", "external_id")
	u, err = b.users.Get(t.Context(), u.ID)
	must(t, err)
	if u.FirstName != nil {
		t.Error("a refused update changed something")
	}
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{Password: sdk.String("qwertyuiop")})
	wantError(t, err, http.StatusUnprocessableEntity, "form_password_pwned", "password")
}

func (b *bundle) userID(t *testing.T, email string) string {
	t.Helper()
	list, err := b.users.List(t.Context(), &user.ListParams{EmailAddresses: []string{email}})
	must(t, err)
	equal(t, "users", len(list.Users), 1)
	return list.Users[0].ID
}

func TestVerifyPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	ok, err := b.users.VerifyPassword(t.Context(), &user.VerifyPasswordParams{UserID: u.ID, Password: password})
	must(t, err)
	equal(t, "verified", ok.Verified, true)
	_, err = b.users.VerifyPassword(t.Context(), &user.VerifyPasswordParams{UserID: u.ID, Password: "wrong"})
	wantError(t, err, http.StatusUnprocessableEntity, "incorrect_password", "")

	s := b.newSession(t, u.ID)
	_, err = b.users.Update(t.Context(), u.ID, &user.UpdateParams{Password: sdk.String("another fine one"), SignOutOfOtherSessions: sdk.Bool(true)})
	must(t, err)
	s, err = b.sessions.Get(t.Context(), s.ID)
	must(t, err)
	equal(t, "session after the change", s.Status, "revoked")
	_, err = b.users.VerifyPassword(t.Context(), &user.VerifyPasswordParams{UserID: u.ID, Password: "another fine one"})
	must(t, err)
}

func TestBanAndLock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	s := b.newSession(t, u.ID)

	u, err := b.users.Lock(t.Context(), u.ID)
	must(t, err)
	equal(t, "locked", u.Locked, true)
	u, err = b.users.Unlock(t.Context(), u.ID)
	must(t, err)
	equal(t, "locked", u.Locked, false)

	u, err = b.users.Ban(t.Context(), u.ID)
	must(t, err)
	equal(t, "banned", u.Banned, true)
	s, err = b.sessions.Get(t.Context(), s.ID)
	must(t, err)
	equal(t, "session of a banned user", s.Status, "revoked")
	u, err = b.users.Unban(t.Context(), u.ID)
	must(t, err)
	equal(t, "banned", u.Banned, false)
}

func TestUserIsDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) { p.ExternalID = sdk.String("cus_1") })
	s := b.newSession(t, u.ID)
	gone, err := b.users.Delete(t.Context(), u.ID)
	must(t, err)
	equal(t, "deleted", *gone, sdk.DeletedResource{APIResource: gone.APIResource, ID: u.ID, Object: "user", Deleted: true})
	var answer map[string]any
	must(t, json.Unmarshal(gone.Response.RawJSON, &answer))
	equal(t, "external_id", answer["external_id"], any("cus_1"))

	_, err = b.users.Get(t.Context(), u.ID)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	_, err = b.users.Delete(t.Context(), u.ID)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	_, err = b.sessions.Get(t.Context(), s.ID)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	b.newUser(t, "ada@example.com", func(p *user.CreateParams) { p.ExternalID = sdk.String("cus_1") })
}

func TestAppsAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *clerk.Config) {
		cfg.Apps = append(cfg.Apps, clerk.App{Name: "dream-api", SecretKey: "sk_test_other"})
	})
	other := connect(b.Server, "sk_test_other")
	u := b.newUser(t, "ada@example.com")
	_, err := other.users.Get(t.Context(), u.ID)
	wantError(t, err, http.StatusNotFound, "resource_not_found", "")
	other.newUser(t, "ada@example.com")

	_, err = connect(b.Server, "sk_test_wrong").users.Get(t.Context(), u.ID)
	wantError(t, err, http.StatusUnauthorized, "clerk_key_invalid", "")
	_, err = connect(b.Server, "").users.Get(t.Context(), u.ID)
	wantError(t, err, http.StatusUnauthorized, "authorization_header_format_invalid", "")
}
