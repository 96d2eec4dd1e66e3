package clerk

import (
	"net/http"
	"net/url"
)

// signInPage asks who one is; to somebody who is signed in already it offers
// to go on as that user. Clerk would go on unasked, but at a sandbox one
// changes users all day.
func (p *site) signInPage(w http.ResponseWriter, r *http.Request) {
	target, _, ok := p.checkedReturn(w, r)
	if !ok {
		return
	}
	v := p.view("Sign in", r)
	v.Return = target
	page := "sign-in"
	_ = p.s.view(p.app, callerOf(r), func(t *tx) error {
		if _, u := p.current(t, r); u != nil {
			page, v.Title, v.Email = "continue", "Continue", u.label()
		}
		return nil
	})
	p.s.show(w, http.StatusOK, page, v)
}

func (p *site) signIn(w http.ResponseWriter, r *http.Request) {
	p.enter(w, r, "sign-in", "Sign in", func(t *tx) (*user, error) {
		address := r.PostFormValue("email_address")
		if address == "" {
			return nil, invalid("form_param_missing", "email_address", "is missing", "Enter your email address.")
		}
		u := t.userByEmail(address)
		switch {
		case u == nil:
			return nil, invalid("form_identifier_not_found", "email_address", "not found", "There is no account with this email address.")
		case r.PostFormValue("method") == "email_code": // which is taken as read, and proves the address
			_, err := t.setEmail(u, address, true)
			return u, err
		case u.PasswordHash == "":
			return nil, invalid("strategy_for_user_invalid", "method", "no password", "This account has no password. It signs in with a code sent by email.")
		case !u.hasPassword(r.PostFormValue("password")):
			return nil, invalid("form_password_incorrect", "password", "incorrect", "This password is not right. Try again.")
		}
		return u, nil
	})
}

func (p *site) signUpPage(w http.ResponseWriter, r *http.Request) {
	target, _, ok := p.checkedReturn(w, r)
	if !ok {
		return
	}
	v := p.view("Sign up", r)
	v.Return = target
	p.s.show(w, http.StatusOK, "sign-up", v)
}

func (p *site) signUp(w http.ResponseWriter, r *http.Request) {
	p.enter(w, r, "sign-up", "Sign up", func(t *tx) (*user, error) {
		address, password := r.PostFormValue("email_address"), r.PostFormValue("password")
		if address == "" {
			return nil, invalid("form_param_missing", "email_address", "is missing", "Enter your email address.")
		}
		if password == "" {
			return nil, invalid("form_param_missing", "password", "is missing", "Choose a password.")
		}
		params := createUserParams{userParams: nameParams(r), Emails: given([]string{address}), byUser: true}
		params.Password = given(password)
		return t.newUser(params)
	})
}

// enter signs in whoever find returns, or shows the form again.
func (p *site) enter(w http.ResponseWriter, r *http.Request, page, title string, find func(*tx) (*user, error)) {
	target, origin, ok := p.checkedReturn(w, r)
	if !ok {
		return
	}
	var cookie, token string
	err := p.s.change(p.app, callerOf(r), func(t *tx) error {
		u, err := find(t)
		if err != nil {
			return err
		}
		former, _ := p.current(t, r)
		s, value, err := t.newBrowserSession(u)
		if err != nil {
			return err
		}
		if former != nil {
			t.end(former, "ended")
		}
		cookie = value
		token, err = t.mint(s, nil, origin, 0)
		return err
	})
	if err != nil {
		v := p.view(title, r)
		v.Return = target
		if !v.fail(err) {
			p.broken(w, r, err)
			return
		}
		p.s.show(w, http.StatusUnprocessableEntity, page, v)
		return
	}
	p.setCookie(w, cookie, sessionLifetime)
	p.handOver(w, r, target, token)
}

// handOver gives the session's token to the redirect_url: in a form, because
// an address ends up in logs and histories.
func (p *site) handOver(w http.ResponseWriter, r *http.Request, target, token string) {
	if target == "" {
		p.redirect(w, r, "/user")
		return
	}
	v := p.view("Signed in", r)
	v.Return, v.Data = target, token
	p.s.show(w, http.StatusOK, "handover", v)
}

// carryOn hands over the session which the browser has already.
func (p *site) carryOn(w http.ResponseWriter, r *http.Request) {
	target, origin, ok := p.checkedReturn(w, r)
	if !ok {
		return
	}
	var token string
	err := p.s.view(p.app, callerOf(r), func(t *tx) (err error) {
		s, _ := p.current(t, r)
		if s == nil {
			return sessionInactive()
		}
		token, err = t.mint(s, nil, origin, 0)
		return err
	})
	if err != nil {
		p.redirect(w, r, "/sign-in?"+url.Values{"redirect_url": {target}}.Encode())
		return
	}
	p.handOver(w, r, target, token)
}

// signOut removes the session, as ClerkJS's signOut does.
func (p *site) signOut(w http.ResponseWriter, r *http.Request) {
	target, _, ok := p.checkedReturn(w, r)
	if !ok {
		return
	}
	err := p.s.change(p.app, callerOf(r), func(t *tx) error {
		if s, _ := p.current(t, r); s != nil {
			t.end(s, "removed")
		}
		return nil
	})
	if err != nil {
		p.broken(w, r, err)
		return
	}
	p.setCookie(w, "", 0)
	query := ""
	if target != "" {
		query = "?" + url.Values{"redirect_url": {target}}.Encode()
	}
	p.redirect(w, r, "/sign-in"+query)
}

// nameParams are the name fields of a form.
func nameParams(r *http.Request) userParams {
	return userParams{FirstName: givenText(r, "first_name"), LastName: givenText(r, "last_name")}
}

func given[T any](value T) field[T] { return field[T]{given: true, value: &value} }

// givenText is a form's text field; an empty one is null.
func givenText(r *http.Request, name string) field[string] {
	return notEmpty(given(r.PostFormValue(name)))
}

// label is how a page names the user.
func (u *user) label() string {
	if address := u.primaryEmail(); address != "" {
		return address
	}
	return u.ID
}
