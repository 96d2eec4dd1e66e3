package clerk

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// shortcode is a place in a template's claims that the user's data goes into.
var shortcode = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// fill replaces the shortcodes in a template's claims. One that can't be
// resolved is null.
func (t *tx) fill(claims map[string]any, u *user) map[string]any {
	filled := make(map[string]any, len(claims))
	for name, value := range claims {
		filled[name] = t.fillValue(value, u)
	}
	return filled
}

func (t *tx) fillValue(value any, u *user) any {
	switch value := value.(type) {
	case string:
		return t.fillString(value, u)
	case map[string]any:
		return t.fill(value, u)
	case []any:
		filled := make([]any, len(value))
		for i, v := range value {
			filled[i] = t.fillValue(v, u)
		}
		return filled
	default:
		return value
	}
}

// fillString keeps the type of a shortcode that stands alone; among other text
// it becomes text.
func (t *tx) fillString(text string, u *user) any {
	if m := shortcode.FindStringSubmatch(text); m != nil && m[0] == text {
		return t.resolve(m[1], u)
	}
	return shortcode.ReplaceAllStringFunc(text, func(code string) string {
		value := t.resolve(strings.Trim(code, "{}"), u)
		if s, ok := value.(string); ok {
			return s
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		return string(raw)
	})
}

// resolve is the first of the alternatives, written a || b, which is neither
// null nor false. The alternatives may be literals.
func (t *tx) resolve(expression string, u *user) any {
	var value any
	for alternative := range strings.SplitSeq(expression, "||") {
		value = t.resolveOne(strings.TrimSpace(alternative), u)
		if value != nil && value != false {
			break
		}
	}
	return value
}

func (t *tx) resolveOne(code string, u *user) any {
	if len(code) >= 2 && (code[0] == '\'' || code[0] == '"') && code[len(code)-1] == code[0] {
		return code[1 : len(code)-1]
	}
	if path, ok := strings.CutPrefix(code, "user.public_metadata"); ok {
		return dig(u.PublicMetadata, path)
	}
	if path, ok := strings.CutPrefix(code, "user.unsafe_metadata"); ok {
		return dig(u.UnsafeMetadata, path)
	}
	primary := u.emailIndex(u.PrimaryEmailID)
	switch code {
	case "user.id":
		return u.ID
	case "user.external_id":
		return orNull(deref(u.ExternalID))
	case "user.username":
		return orNull(deref(u.Username))
	case "user.first_name":
		return orNull(deref(u.FirstName))
	case "user.last_name":
		return orNull(deref(u.LastName))
	case "user.full_name":
		return orNull(u.fullName())
	case "user.primary_email_address":
		return orNull(u.primaryEmail())
	case "user.email_verified":
		return primary >= 0 && u.Emails[primary].Verified
	case "user.image_url":
		return t.userJSON(u).ImageURL
	case "user.has_image", "user.two_factor_enabled", "user.phone_number_verified":
		return false
	case "user.created_at":
		return u.CreatedAt
	case "user.updated_at":
		return u.UpdatedAt
	}
	var literal any
	if json.Unmarshal([]byte(code), &literal) == nil {
		return literal
	}
	return nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// dig follows a path such as ".limits.requests" into the metadata; "" is all of it.
func dig(m metadata, path string) any {
	var value any = map[string]any(m)
	if path == "" {
		return value
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}
