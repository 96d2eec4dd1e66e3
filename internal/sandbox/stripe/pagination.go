package stripe

import (
	"slices"
)

// listed is the page of a list that the request asks for. rows are oldest
// first, as they are kept; Stripe lists the newest first.
func listed[T object](r *request, rows []T) (any, error) {
	slices.Reverse(rows)
	data, more, err := pageOf(r, rows, func(o T) string { return o.head().ID }, kindOf[T]())
	if err != nil {
		return nil, err
	}
	wire := make([]any, len(data))
	for i, o := range data {
		wire[i] = wireOf(o)
	}
	return map[string]any{"object": "list", "data": wire, "has_more": more, "url": r.path}, nil
}

// listedValues is the same for what is no object of its own, in the given order.
func listedValues[T any](r *request, rows []T, id func(T) string, kind string) (any, error) {
	data, more, err := pageOf(r, rows, id, kind)
	if err != nil {
		return nil, err
	}
	return map[string]any{"object": "list", "data": generic(data), "has_more": more, "url": r.path}, nil
}

func pageOf[T any](r *request, rows []T, id func(T) string, kind string) ([]T, bool, error) {
	limit := int64(10)
	if r.has("limit") {
		limit = r.num("limit")
	}
	if limit < 1 || limit > 100 {
		return nil, false, invalid("parameter_invalid_integer", "limit", "Invalid integer: limit must be between 1 and 100.")
	}
	if r.has("starting_after") && r.has("ending_before") {
		return nil, false, invalid("", "", "You cannot parameterize both starting_after and ending_before.")
	}
	find := func(param string) (int, error) {
		at := slices.IndexFunc(rows, func(row T) bool { return id(row) == r.str(param) })
		if at < 0 {
			return 0, noSuch(kind, r.str(param), param)
		}
		return at, nil
	}
	n := int(limit)
	if r.has("ending_before") {
		end, err := find("ending_before")
		if err != nil {
			return nil, false, err
		}
		start := max(end-n, 0)
		return rows[start:end], start > 0, nil
	}
	start := 0
	if r.has("starting_after") {
		at, err := find("starting_after")
		if err != nil {
			return nil, false, err
		}
		start = at + 1
	}
	end := min(start+n, len(rows))
	return rows[start:end], end < len(rows), nil
}

func kindOf[T object]() string {
	var none T
	return none.kind()
}

// filter keeps the rows that every test passes.
func filter[T any](rows []T, tests ...func(T) bool) []T {
	return slices.DeleteFunc(rows, func(row T) bool {
		for _, test := range tests {
			if test != nil && !test(row) {
				return true
			}
		}
		return false
	})
}

// within tests a time against a range parameter; it passes if none was given.
func (v values) within(name string, at *int64) bool {
	if !v.has(name) {
		return true
	}
	if at == nil {
		return false
	}
	rng := v.hash(name)
	return (!rng.has("gt") || *at > rng.num("gt")) && (!rng.has("gte") || *at >= rng.num("gte")) &&
		(!rng.has("lt") || *at < rng.num("lt")) && (!rng.has("lte") || *at <= rng.num("lte"))
}

// like tests a value against a parameter; it passes if none was given.
func (v values) like(name, value string) bool { return !v.has(name) || v.str(name) == value }

// find is the object that a path names.
func find[T object](t *tx, r *request) (T, error) { return referred[T](t, r.id, "id") }

// referred is the object that a parameter names.
func referred[T object](t *tx, id, param string) (T, error) {
	o := get[T](t, id)
	if isNil(o) {
		var none T
		return none, noSuch(kindOf[T](), id, param)
	}
	return o, nil
}
