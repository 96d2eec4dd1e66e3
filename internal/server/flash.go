package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// flash is what the next page shows once: that something was done, what failed, or a new secret. It travels in a cookie
// that is encrypted for us alone, lives two minutes and goes with the page that shows it: so a form can redirect, a reload
// repeats nothing, and the secret is in no address and in no table. Only the session that was shown it can read it.
type flash struct {
	Until   int64             `json:"u"` // in seconds
	Title   string            `json:"t,omitempty"`
	Message string            `json:"m,omitempty"`
	Secret  string            `json:"s,omitempty"`
	Failed  bool              `json:"f,omitempty"`
	Faults  map[string]string `json:"e,omitempty"` // by the name of a form's field
	Form    map[string]string `json:"v,omitempty"` // what was typed, to be mended
}

const flashSeconds = 120

var errLongFlash = errors.New("the flash is too large for a cookie")

// show has the next page show the flash.
func (s *Server) show(c echo.Context, f flash) error {
	f.Until = time.Now().Unix() + flashSeconds
	plain, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sealed, err := s.seal(plain, flashOf(c))
	if err != nil {
		return err
	}
	if len(sealed) > 3900 { // what browsers take of a cookie
		return errLongFlash
	}
	s.setCookie(c, "flash", secret.New(sealed), flashSeconds)
	return nil
}

// shown takes the flash that this page has to show; nil where there is none.
func (s *Server) shown(c echo.Context) *flash {
	if failed, ok := c.Get(failedFormKey).(failedForm); ok {
		return &failed.flash
	}
	sealed := s.cookie(c, "flash")
	if sealed.Empty() {
		return nil
	}
	s.setCookie(c, "flash", secret.Text{}, -1)
	plain, err := s.open(sealed.Reveal(), flashOf(c))
	if err != nil {
		s.log.InfoContext(c.Request().Context(), "a flash could not be read", slog.String("requestId", requestID(c)))
		return nil
	}
	var f flash
	if json.Unmarshal(plain, &f) != nil || time.Now().Unix() > f.Until {
		return nil
	}
	return &f
}

// flashOf is what a flash is bound to: the session of the dashboard, or of an end user on our pages.
func flashOf(c echo.Context) []byte {
	if session, ok := c.Get(userSessionKey).(tenant.PageSession); ok {
		return []byte("flash of " + session.ID)
	}
	session, _ := c.Get(sessionKey).(id.Session)
	return []byte("flash of " + session)
}

func (s *Server) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.cfg.FlashKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Server) seal(plain, of []byte) (string, error) {
	aead, err := s.aead()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, plain, of)), nil
}

func (s *Server) open(sealed string, of []byte) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, raw, of)
}
