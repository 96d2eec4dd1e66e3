package clerk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is a parameter which tells "not given" from "null" from a value: an
// update leaves the first alone and clears the second.
type field[T any] struct {
	given bool
	value *T // nil is null
}

func (f *field[T]) UnmarshalJSON(raw []byte) error {
	f.given = true
	return json.Unmarshal(raw, &f.value)
}

// or is the value, or fallback if there is none.
func (f field[T]) or(fallback T) T {
	if f.value == nil {
		return fallback
	}
	return *f.value
}

// set puts the value where it belongs, if the parameter was given.
func (f field[T]) set(target **T) {
	if f.given {
		*target = f.value
	}
}

// decode reads the body into a struct of parameters. As Clerk does, it refuses
// what the endpoint doesn't know. The SDK sends null where it has nothing to say.
func (r *request) decode(into any) error {
	if len(bytes.TrimSpace(r.body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return bodyInvalid()
		}
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		name := wrong.Field[strings.LastIndex(wrong.Field, ".")+1:] // without the structs it is embedded in
		if wrong.Type == reflect.TypeFor[metadata]() {
			return paramValueInvalid(name, name+" must be a key-value object.")
		}
		return invalid("form_param_type_invalid", name, "is invalid", name+" must be a "+wrong.Type.Kind().String()+".")
	}
	// encoding/json has no type for this error, only its text.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if unquoted, err := strconv.Unquote(name); err == nil {
			return paramUnknown(unquoted)
		}
	}
	return bodyInvalid()
}

// timeParam reads an RFC 3339 parameter as milliseconds.
func timeParam(name string, f field[string]) (field[int64], error) {
	if f.value == nil {
		return field[int64]{given: f.given}, nil
	}
	at, err := time.Parse(time.RFC3339, *f.value)
	if err != nil {
		return field[int64]{}, invalid("form_param_invalid_time", name, "invalid format", name+" must be an RFC 3339 time.")
	}
	ms := at.UnixMilli()
	return field[int64]{given: true, value: &ms}, nil
}

// intQuery reads a number of the query that must lie between low and high.
func intQuery(q url.Values, name string, fallback, low, high int) (int, error) {
	if !q.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < low || n > high {
		return 0, paramValueInvalid(name, name+" is out of range.")
	}
	return n, nil
}

// cut is the part of a list that limit and offset ask for.
func cut[T any](list []T, q url.Values) ([]T, error) {
	limit, err := intQuery(q, "limit", 10, 1, 500)
	if err != nil {
		return nil, err
	}
	offset, err := intQuery(q, "offset", 0, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	offset = min(offset, len(list))
	return list[offset:min(offset+limit, len(list))], nil
}

// paginated is the answer of the lists that are an array, or with
// paginated=true an object.
func paginated[T, W any](list []T, q url.Values, wire func(T) W) (any, error) {
	part, err := cut(list, q)
	if err != nil {
		return nil, err
	}
	data := make([]W, len(part))
	for i, item := range part {
		data[i] = wire(item)
	}
	if q.Get("paginated") == "true" {
		return map[string]any{"data": data, "total_count": len(list)}, nil
	}
	return data, nil
}

// deleted is the answer of the endpoints which delete.
type deleted struct {
	Object     string  `json:"object"`
	ID         string  `json:"id"`
	ExternalID *string `json:"external_id,omitempty"`
	Deleted    bool    `json:"deleted"`
}
