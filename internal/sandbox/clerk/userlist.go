package clerk

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func listUsers(t *tx, r *request) (any, error) {
	q := r.URL.Query()
	users, err := t.findUsers(q)
	if err != nil {
		return nil, err
	}
	if users, err = order(users, q); err != nil {
		return nil, err
	}
	if users, err = cut(users, q); err != nil {
		return nil, err
	}
	answer := make([]userJSON, len(users))
	for i, u := range users {
		answer[i] = t.userJSON(u)
	}
	return answer, nil
}

func countUsers(t *tx, r *request) (any, error) {
	users, err := t.findUsers(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return map[string]any{"object": "total_count", "total_count": len(users)}, nil
}

// findUsers are the users that match every filter of the query.
func (t *tx) findUsers(q url.Values) ([]*user, error) {
	var filters []func(*user) bool
	where := func(param string, match func(u *user, value string) bool) {
		if value := q.Get(param); value != "" {
			filters = append(filters, func(u *user) bool { return match(u, value) })
		}
	}
	where("query", (*user).matches)
	where("email_address_query", (*user).emailContains)
	where("username_query", func(u *user, v string) bool { return contains(deref(u.Username), v) })
	where("name_query", func(u *user, v string) bool { return contains(u.fullName(), v) })
	where("banned", func(u *user, v string) bool { return strconv.FormatBool(u.Banned) == v })

	for param, of := range map[string]func(*user) int64{
		"created_at":      func(u *user) int64 { return u.CreatedAt },
		"last_active_at":  func(u *user) int64 { return orZero(u.LastActiveAt) },
		"last_sign_in_at": func(u *user) int64 { return orZero(u.LastSignInAt) },
	} {
		for suffix, match := range map[string]func(at, limit int64) bool{
			"_before": func(at, limit int64) bool { return at != 0 && at < limit },
			"_after":  func(at, limit int64) bool { return at > limit },
			"_since":  func(at, limit int64) bool { return at >= limit },
		} {
			if !q.Has(param + suffix) {
				continue
			}
			limit, err := strconv.ParseInt(q.Get(param+suffix), 10, 64)
			if err != nil {
				return nil, paramValueInvalid(param+suffix, param+suffix+" must be a time in milliseconds.")
			}
			filters = append(filters, func(u *user) bool { return match(of(u), limit) })
		}
	}

	for param, of := range map[string]func(*user) []string{
		"email_address": (*user).addresses,
		"username":      func(u *user) []string { return []string{deref(u.Username)} },
		"external_id":   func(u *user) []string { return []string{deref(u.ExternalID)} },
		"user_id":       func(u *user) []string { return []string{u.ID} },
	} {
		if len(q[param]) > 100 {
			return nil, invalid("form_param_array_size_exceeded", param, "exceeds maximum size", param+" should not exceed 100 items.")
		}
		if len(q[param]) > 0 {
			filters = append(filters, oneOf(q[param], of))
		}
	}

	var found []*user
	for _, u := range t.Users {
		if !slices.ContainsFunc(filters, func(match func(*user) bool) bool { return !match(u) }) {
			found = append(found, u)
		}
	}
	return found, nil
}

// oneOf matches users that have one of the wanted values. A leading - excludes
// instead; a leading + (a space, once decoded) says nothing.
func oneOf(values []string, of func(*user) []string) func(*user) bool {
	wanted, unwanted := map[string]bool{}, map[string]bool{}
	for _, v := range values {
		if rest, ok := strings.CutPrefix(v, "-"); ok {
			unwanted[strings.ToLower(rest)] = true
		} else {
			wanted[strings.ToLower(strings.TrimLeft(v, "+ "))] = true
		}
	}
	return func(u *user) bool {
		has := func(set map[string]bool) bool {
			return slices.ContainsFunc(of(u), func(v string) bool { return v != "" && set[strings.ToLower(v)] })
		}
		return (len(wanted) == 0 || has(wanted)) && !has(unwanted)
	}
}

// matches is the search that looks everywhere.
func (u *user) matches(text string) bool {
	return u.emailContains(text) || contains(u.fullName(), text) || contains(deref(u.Username), text) || contains(u.ID, text)
}

func (u *user) emailContains(text string) bool {
	return slices.ContainsFunc(u.addresses(), func(a string) bool { return contains(a, text) })
}

func (u *user) addresses() []string {
	addresses := make([]string, len(u.Emails))
	for i, e := range u.Emails {
		addresses[i] = e.Address
	}
	return addresses
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// orderings compare two users, ascending.
var orderings = map[string]func(a, b *user) int{
	"created_at":      func(a, b *user) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) },
	"updated_at":      func(a, b *user) int { return cmp.Compare(a.UpdatedAt, b.UpdatedAt) },
	"last_active_at":  func(a, b *user) int { return cmp.Compare(orZero(a.LastActiveAt), orZero(b.LastActiveAt)) },
	"last_sign_in_at": func(a, b *user) int { return cmp.Compare(orZero(a.LastSignInAt), orZero(b.LastSignInAt)) },
	"email_address":   func(a, b *user) int { return cmp.Compare(a.primaryEmail(), b.primaryEmail()) },
	"first_name":      func(a, b *user) int { return cmp.Compare(deref(a.FirstName), deref(b.FirstName)) },
	"last_name":       func(a, b *user) int { return cmp.Compare(deref(a.LastName), deref(b.LastName)) },
	"username":        func(a, b *user) int { return cmp.Compare(deref(a.Username), deref(b.Username)) },
}

// order sorts by order_by and leaves out what starting_after has passed.
func order(users []*user, q url.Values) ([]*user, error) {
	by := cmp.Or(strings.ReplaceAll(q.Get("order_by"), " ", "+"), "-created_at")
	name := strings.TrimLeft(by, "+-")
	compare := orderings[name]
	if compare == nil {
		return nil, paramValueInvalid("order_by", "Users can't be ordered by "+name+".")
	}
	slices.SortFunc(users, func(a, b *user) int {
		// The id decides where the property can't, so that pages don't overlap.
		c := cmp.Or(compare(a, b), cmp.Compare(a.ID, b.ID))
		if strings.HasPrefix(by, "-") {
			return -c
		}
		return c
	})
	after := q.Get("starting_after")
	if after == "" {
		return users, nil
	}
	if offset := q.Get("offset"); name != "created_at" || offset != "" && offset != "0" {
		return nil, paramValueInvalid("starting_after", "starting_after needs the created_at order and no offset.")
	}
	i := slices.IndexFunc(users, func(u *user) bool { return u.ID == after })
	if i < 0 {
		return nil, paramValueInvalid("starting_after", "starting_after is not a user of this list.")
	}
	return users[i+1:], nil
}
