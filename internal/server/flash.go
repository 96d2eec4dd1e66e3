package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/secret"
)

// flash is what the next page shows once: that something was done, what failed, or a new secret. It travels in a cookie
// that is encrypted for us alone, lives two minutes and goes with the page that shows it: so a form can redirect, a reload
// repeats nothing, and the secret is in no address and in no table.
type flash struct {
	Title   string            `json:"t,omitempty"`
	Message string            `json:"m,omitempty"`
	Secret  string            `json:"s,omitempty"`
	Failed  bool              `json:"f,omitempty"`
	Faults  map[string]string `json:"e,omitempty"` // by the name of a form's field
	Form    map[string]string `json:"v,omitempty"` // what was typed, to be mended
}

const flashSeconds = 120

// show has the next page show the flash.
func (s *Server) show(c echo.Context, f flash) error {
	plain, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sealed, err := s.seal(plain)
	if err != nil {
		return err
	}
	if len(sealed) > 3900 { // what browsers take of a cookie
		return errors.New("the flash is too large for a cookie")
	}
	s.setCookie(c, "flash", secret.New(sealed), flashSeconds)
	return nil
}

// shown takes the flash that this page has to show; nil where there is none.
func (s *Server) shown(c echo.Context) *flash {
	sealed := s.cookie(c, "flash")
	if sealed.Empty() {
		return nil
	}
	s.setCookie(c, "flash", secret.Text{}, -1)
	plain, err := s.open(sealed.Reveal())
	if err != nil {
		s.log.InfoContext(c.Request().Context(), "a flash could not be read", slog.String("requestId", requestID(c)))
		return nil
	}
	var f flash
	if json.Unmarshal(plain, &f) != nil {
		return nil
	}
	return &f
}

func (s *Server) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.cfg.FlashKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Server) seal(plain []byte) (string, error) {
	aead, err := s.aead()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, plain, []byte("flash"))), nil
}

func (s *Server) open(sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, raw, []byte("flash"))
}
