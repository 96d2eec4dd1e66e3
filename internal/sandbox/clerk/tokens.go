package clerk

import (
	"maps"
	"time"
)

// Session tokens are short-lived, and valid from a little before they are issued.
const (
	tokenLifetime = 60
	tokenSkew     = 10
)

// mint makes a token of the session: a plain session token if tmpl is nil. A
// lifetime of 0 is the default; an unknown origin leaves azp out.
//
// As with Clerk, what belongs to the session (sid, sts, fva, v) is in session
// tokens only, and no template can change what is in every token.
func (t *tx) mint(s *session, tmpl *jwtTemplate, origin string, lifetime int) (string, error) {
	u := t.Users[s.UserID]
	if t.statusOf(s) != "active" || u == nil {
		return "", sessionInactive()
	}
	claims, standard, skew := map[string]any{}, tokenLifetime, tokenSkew
	if tmpl != nil {
		claims = t.fill(tmpl.Claims, u)
		standard, skew = tmpl.Lifetime, tmpl.AllowedClockSkew
	} else {
		age := int(t.now.Sub(time.UnixMilli(s.CreatedAt)).Minutes())
		maps.Copy(claims, map[string]any{"sid": s.ID, "sts": "active", "v": 2, "fva": [2]int{age, -1}})
	}
	if lifetime == 0 {
		lifetime = standard
	}
	now := t.now.Unix()
	maps.Copy(claims, map[string]any{"iss": t.s.issuer(t.app), "sub": u.ID, "jti": newID("jti"),
		"iat": now, "nbf": now - int64(skew), "exp": now + int64(lifetime)})
	if origin != "" {
		claims["azp"] = origin
	}
	return t.current().sign(claims)
}

func createToken(t *tx, r *request) (any, error) {
	s, err := t.session(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p struct {
		Lifetime field[int] `json:"expires_in_seconds"`
	}
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if l := p.Lifetime.value; l != nil && !validLifetime(*l) {
		return nil, paramValueInvalid("expires_in_seconds", "expires_in_seconds must be between 30 and 315360000.")
	}
	var tmpl *jwtTemplate
	if name := r.PathValue("template"); name != "" {
		if tmpl = t.templateByName(name); tmpl == nil {
			return nil, notFound("JWT template", name)
		}
	}
	token, err := t.mint(s, tmpl, r.Header.Get("Origin"), p.Lifetime.or(0))
	if err != nil {
		return nil, err
	}
	return map[string]string{"object": "token", "jwt": token}, nil
}

func validLifetime(seconds int) bool { return seconds >= 30 && seconds <= 315360000 }
