package clerk

import (
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// breached stands in for Clerk's look-up in the lists of passwords that have
// leaked: some of the most common of at least eight characters.
var breached = set(
	"password", "password1", "password12", "password123", "passw0rd", "p@ssw0rd", "p@ssword",
	"12345678", "123456789", "1234567890", "87654321", "11111111", "00000000", "12341234",
	"88888888", "123123123", "147258369", "987654321", "qwertyui", "qwertyuiop", "qwerty123",
	"qwerty12", "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx", "q1w2e3r4", "asdfghjkl", "zxcvbnm123",
	"abc12345", "abcd1234", "aa123456", "a1b2c3d4", "iloveyou", "sunshine", "princess", "football",
	"baseball", "superman", "trustno1", "starwars", "whatever", "letmein1", "welcome1", "welcome123",
	"changeme", "admin123", "administrator", "computer", "internet", "michelle", "jennifer",
	"liverpool", "pokemon1", "dragon123", "monkey123", "test1234", "testtest", "secret123",
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// checkPassword applies Clerk's default rules.
func checkPassword(password string) error {
	switch {
	case len([]rune(password)) < 8:
		const text = "Passwords must be 8 characters or more."
		return invalid("form_password_length_too_short", "password", text, text)
	case breached[strings.ToLower(password)]:
		const text = "Password has been found in an online data breach. For account safety, please use a different password."
		return invalid("form_password_pwned", "password", text, text)
	}
	return checkPasswordSize(password)
}

// checkPasswordSize is the one rule that can't be skipped: bcrypt ends there.
func checkPasswordSize(password string) error {
	if len(password) > 72 {
		const text = "The password is too long, please shorten it or remove some special characters."
		return invalid("form_password_size_in_bytes_exceeded", "password", text, text)
	}
	return nil
}

// hash is cheap on purpose: it protects passwords made up for a sandbox, and
// tests sign in a lot.
func hash(password string) (string, error) {
	raw, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	return string(raw), err
}

func (u *user) hasPassword(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(u.PasswordHash), []byte(password)) == nil
}

func verifyPassword(t *tx, r *request) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p struct {
		Password field[string] `json:"password"`
	}
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	switch {
	case p.Password.value == nil:
		return nil, paramMissing("password")
	case u.PasswordHash == "":
		return nil, badRequest("no_password_set", "This user has no password.")
	case !u.hasPassword(*p.Password.value):
		return nil, incorrectPassword()
	}
	return map[string]bool{"verified": true}, nil
}
