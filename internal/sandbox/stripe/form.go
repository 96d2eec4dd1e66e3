package stripe

import (
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// A form is what the brackets of Stripe's encoding spell: a[b]=1, a[]=1 or
// a[0][b]=1. A value is a string or a form; a list is a form whose names are
// its indices.
type form map[string]any

// pair is a name and value in the order they were sent, which lists without
// indices depend on.
type pair struct{ name, value string }

func parsePairs(encoded string) ([]pair, error) {
	var list []pair
	for part := range strings.SplitSeq(encoded, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			return nil, err
		}
		list = append(list, pair{n, v})
	}
	return list, nil
}

// parseForm decodes a query or body.
func parseForm(encoded string) (form, error) {
	pairs, err := parsePairs(encoded)
	if err != nil {
		return nil, invalid("", "", "Invalid form encoding: %v", err)
	}
	root := form{}
	for _, p := range pairs {
		steps, err := splitName(p.name)
		if err != nil {
			return nil, err
		}
		if err := root.put(steps, p); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// splitName is a[b][] as "a", "b", "".
func splitName(name string) ([]string, error) {
	first, rest, nested := strings.Cut(name, "[")
	steps := []string{first}
	if !nested {
		return steps, nil
	}
	inner, ok := strings.CutSuffix(rest, "]")
	if !ok || first == "" {
		return nil, invalid("", name, "Invalid parameter name: %s", name)
	}
	steps = append(steps, strings.Split(inner, "][")...)
	if len(steps) > 12 {
		return nil, invalid("", name, "The parameter %s is nested too deeply.", name)
	}
	return steps, nil
}

// put stores a value. An empty index goes on with the last element while it has no such field yet.
func (f form) put(steps []string, p pair) error {
	step := steps[0]
	if len(steps) > 1 && steps[1] == "" {
		under, ok := f[step].(form)
		if !ok {
			if f[step] != nil {
				return invalid("", p.name, "Invalid parameter: %s is given both as a value and as a list.", step)
			}
			under = form{}
			f[step] = under
		}
		last := strconv.Itoa(max(len(under)-1, 0))
		if len(steps) == 2 {
			under[strconv.Itoa(len(under))] = p.value
			return nil
		}
		if element, ok := under[last].(form); !ok || element.holds(steps[2:]) {
			last = strconv.Itoa(len(under))
			under[last] = form{}
		}
		return under[last].(form).put(steps[2:], p)
	}
	if len(steps) == 1 {
		if f[step] != nil {
			return invalid("", p.name, "The parameter %s is given twice.", p.name)
		}
		f[step] = p.value
		return nil
	}
	under, ok := f[step].(form)
	if !ok {
		if f[step] != nil {
			return invalid("", p.name, "Invalid parameter: %s is given both as a value and as a hash.", step)
		}
		under = form{}
		f[step] = under
	}
	return under.put(steps[1:], p)
}

func (f form) holds(steps []string) bool {
	value, ok := f[steps[0]]
	if !ok || len(steps) == 1 {
		return ok
	}
	under, ok := value.(form)
	return ok && steps[1] != "" && under.holds(steps[1:])
}

// items are the elements of a list, if it is one: its names are all indices.
func (f form) items() ([]any, bool) {
	indices := make([]int, 0, len(f))
	for name := range f {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 {
			return nil, false
		}
		indices = append(indices, i)
	}
	sort.Ints(indices)
	list := make([]any, len(indices))
	for at, i := range indices {
		list[at] = f[strconv.Itoa(i)]
	}
	return list, true
}
