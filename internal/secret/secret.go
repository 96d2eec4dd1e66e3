// Package secret keeps a secret from being written anywhere by accident: a Text prints, logs and marshals as
// "[redacted]", and gives its value only to who asks with Reveal.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Text is a secret string. The zero value is the empty secret.
type Text struct{ value string }

// New makes a Text of a value.
func New(value string) Text { return Text{value} }

// Reveal returns the value itself.
func (t Text) Reveal() string { return t.value }

// Empty reports whether there is no value.
func (t Text) Empty() bool { return t.value == "" }

// Format implements fmt.Formatter, which alone covers every verb: with String only, %d would print the value.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and so keeps the value out of JSON.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Text) UnmarshalText(text []byte) error {
	t.value = string(text)
	return nil
}
