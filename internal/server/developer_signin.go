package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/tenant"
)

// erasable is a text that a change may take away, by null.
type erasable struct{ stated *tenant.Stated }

// UnmarshalJSON implements json.Unmarshaler.
func (e *erasable) UnmarshalJSON(raw []byte) error {
	e.stated = &tenant.Stated{}
	if err := json.Unmarshal(raw, &e.stated.Text); err != nil {
		return errors.New("is a text or null")
	}
	if text := e.stated.Text; text != nil && !storable(*text) {
		return errors.New("holds a NUL character, which can not be stored")
	}
	return nil
}

// logoValue is a logo as a data URL, or null for none.
type logoValue struct{ stated *tenant.Logo }

var errNoDataURL = errors.New("is null, or a PNG or JPEG as data:image/png;base64,… or data:image/jpeg;base64,…")

// UnmarshalJSON implements json.Unmarshaler.
func (l *logoValue) UnmarshalJSON(raw []byte) error {
	l.stated = &tenant.Logo{}
	var address *string
	if err := json.Unmarshal(raw, &address); err != nil {
		return errNoDataURL
	}
	if address == nil {
		return nil
	}
	kind, encoded, _ := strings.Cut(*address, ",")
	if kind != "data:image/png;base64" && kind != "data:image/jpeg;base64" {
		return errNoDataURL
	}
	file, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return errNoDataURL
	}
	l.stated.File = file
	return nil
}

// signInEntry is how a platform's sign-in is shown.
type signInEntry struct {
	tenant.SignIn
	Logo *string `json:"logo"` // a data URL
}

func signInEntryOf(page tenant.SignIn) signInEntry {
	entry := signInEntry{SignIn: page}
	if page.Logo != nil {
		entry.Logo = new("data:image/png;base64," + base64.StdEncoding.EncodeToString(page.Logo))
	}
	return entry
}

func (s *Server) getSignIn(c echo.Context) error {
	page, err := s.admin.SignIn(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"signIn", signInEntryOf(page)}})
}

func (s *Server) changeSignIn(c echo.Context) error {
	var in struct {
		ProductName    *string            `json:"productName"`
		Logo           logoValue          `json:"logo"`
		Color          erasable           `json:"color"`
		HomeURL        erasable           `json:"homeUrl"`
		TermsURL       erasable           `json:"termsUrl"`
		PrivacyURL     erasable           `json:"privacyUrl"`
		SupportURL     erasable           `json:"supportUrl"`
		SignUp         *tenant.SignUpRule `json:"signUp"`
		EmailDomains   *[]string          `json:"emailDomains"`
		SignUpsPerHour *int64             `json:"signUpsPerHour"`
		Plan           erasable           `json:"plan"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	page, err := s.admin.ChangeSignIn(c.Request().Context(), platformOf(c).ID, tenant.SignInChange{
		ProductName: in.ProductName, Logo: in.Logo.stated, Color: in.Color.stated, HomeURL: in.HomeURL.stated,
		TermsURL: in.TermsURL.stated, PrivacyURL: in.PrivacyURL.stated, SupportURL: in.SupportURL.stated, SignUp: in.SignUp,
		EmailDomains: in.EmailDomains, SignUpsPerHour: in.SignUpsPerHour, Plan: in.Plan.stated,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"signIn", signInEntryOf(page)}})
}
