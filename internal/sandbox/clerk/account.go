package clerk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// account is what the account page shows beside the forms.
type account struct {
	ID        string
	Saved     string // the section that was just saved
	Password  bool   // whether there is one
	Sessions  []accountSession
	Templates []string
	Token     string
	Claims    string
}

type accountSession struct {
	ID, Where, Since string
	Current          bool
}

// userPage is the account; signed out, one is sent to sign in.
func (p *site) userPage(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.showAccount(w, r, http.StatusOK, account{Saved: r.Form.Get("saved")}, nil)
}

// showAccount fills the page in. After an error the form that failed keeps
// what was typed, and the others show what is stored.
func (p *site) showAccount(w http.ResponseWriter, r *http.Request, status int, data account, failure error) {
	v := p.view("Your account", r)
	if failure != nil && !v.fail(failure) {
		p.broken(w, r, failure)
		return
	}
	signedIn := false
	_ = p.s.view(p.app, callerOf(r), func(t *tx) error {
		current, u := p.current(t, r)
		if u == nil {
			return nil
		}
		signedIn = true
		for name, stored := range map[string]string{"first_name": deref(u.FirstName), "last_name": deref(u.LastName), "email_address": u.primaryEmail()} {
			if !v.Form.Has(name) {
				v.Form.Set(name, stored)
			}
		}
		v.Email, data.ID, data.Password = u.label(), u.ID, u.PasswordHash != ""
		for _, j := range t.templates() {
			data.Templates = append(data.Templates, j.Name)
		}
		for _, s := range t.sessionsOf(u.ID) {
			if t.statusOf(s) == "active" {
				data.Sessions = append(data.Sessions, accountSession{ID: s.ID, Where: s.where(), Current: s == current,
					Since: time.UnixMilli(s.CreatedAt).UTC().Format("2 Jan 2006, 15:04 UTC")})
			}
		}
		return nil
	})
	if !signedIn {
		p.redirect(w, r, "/sign-in")
		return
	}
	v.Data = data
	p.s.show(w, status, "user", v)
}

// where says roughly what holds the session.
func (s *session) where() string {
	if s.CookieHash == "" {
		return "Created with the Backend API"
	}
	for _, browser := range []string{"Edg", "Firefox", "Chrome", "Safari", "curl"} {
		if strings.Contains(s.UserAgent, browser) {
			return strings.Replace(browser, "Edg", "Edge", 1) + " on " + s.IP
		}
	}
	return "A browser on " + s.IP
}

// changeAccount runs a change by the user who is signed in.
func (p *site) changeAccount(w http.ResponseWriter, r *http.Request, section string, f func(t *tx, s *session, u *user) error) {
	_ = r.ParseForm()
	err := p.s.change(p.app, callerOf(r), func(t *tx) error {
		s, u := p.current(t, r)
		if u == nil {
			return nil // showAccount or the redirect leads to the sign-in
		}
		return f(t, s, u)
	})
	if err != nil {
		p.showAccount(w, r, http.StatusUnprocessableEntity, account{}, err)
		return
	}
	p.redirect(w, r, "/user?saved="+section+"#"+section)
}

func (p *site) changeProfile(w http.ResponseWriter, r *http.Request) {
	p.changeAccount(w, r, "profile", func(t *tx, _ *session, u *user) error {
		return t.changeUser(u, updateUserParams{userParams: nameParams(r)}, "")
	})
}

func (p *site) changeEmail(w http.ResponseWriter, r *http.Request) {
	p.changeAccount(w, r, "email", func(t *tx, _ *session, u *user) error {
		_, err := t.setEmail(u, r.PostFormValue("email_address"), true)
		return err
	})
}

func (p *site) changePassword(w http.ResponseWriter, r *http.Request) {
	p.changeAccount(w, r, "password", func(t *tx, s *session, u *user) error {
		if u.PasswordHash != "" && !u.hasPassword(r.PostFormValue("current_password")) {
			return invalid("form_password_validation_failed", "current_password", "incorrect", "This is not your current password.")
		}
		if r.PostFormValue("new_password") == "" {
			return invalid("form_param_missing", "password", "is missing", "Choose a new password.")
		}
		change := updateUserParams{SignOutOfOtherSessions: given(r.PostFormValue("sign_out_of_other_sessions") != "")}
		change.Password = given(r.PostFormValue("new_password"))
		return t.changeUser(u, change, s.ID)
	})
}

func (p *site) revokeOther(w http.ResponseWriter, r *http.Request) {
	p.changeAccount(w, r, "sessions", func(t *tx, _ *session, u *user) error {
		s, err := t.session(r.PathValue("id"))
		if err != nil || s.UserID != u.ID {
			return nil //nolint:nilerr // it has gone already, or was never theirs
		}
		t.end(s, "revoked")
		return nil
	})
}

// showToken makes a token to copy. It has no azp, because no origin asked.
func (p *site) showToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	var data account
	err := p.s.view(p.app, callerOf(r), func(t *tx) error {
		s, _ := p.current(t, r)
		if s == nil {
			return nil // showAccount leads to the sign-in
		}
		lifetime, err := strconv.Atoi(r.PostFormValue("lifetime"))
		if err != nil || !validLifetime(lifetime) {
			return paramValueInvalid("lifetime", "The lifetime must be between 30 and 315360000 seconds.")
		}
		var tmpl *jwtTemplate
		if name := r.PostFormValue("template"); name != "" {
			if tmpl = t.templateByName(name); tmpl == nil {
				return paramValueInvalid("template", "There is no such template.")
			}
		}
		data.Token, err = t.mint(s, tmpl, "", lifetime)
		data.Claims = readable(data.Token)
		return err
	})
	status := http.StatusOK
	if err != nil {
		status = http.StatusUnprocessableEntity
	}
	p.showAccount(w, r, status, data, err)
}

// readable is the token's claims, indented.
func readable(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return ""
	}
	return out.String()
}
