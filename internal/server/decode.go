package server

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

// decode reads the body into a pointer to a struct and returns the body as it came. It is stricter than encoding/json:
// fields that are unknown (also but for the case), given twice or followed by something are refused, and every fault
// is listed once with its path, as far as errs lists them. An empty body is an empty object where optional.
func decode(c echo.Context, into any, optional bool) ([]byte, error) {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if optional {
			return nil, nil
		}
		return nil, errs.New(errs.InvalidJSON, "The body is empty. Send a JSON object.")
	}
	if !json.Valid(body) {
		return nil, errs.New(errs.InvalidJSON, "The body is not JSON: %v.", syntaxError(body))
	}
	var d decoder
	d.object(body, reflect.ValueOf(into).Elem(), "")
	return body, errs.Invalid(d.faults)
}

func syntaxError(body []byte) error {
	var anything any
	err := json.Unmarshal(body, &anything)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w (at byte %d)", err, syntax.Offset)
	}
	return err
}

const longestPath = 100

// decoder collects faults while it goes through valid JSON.
type decoder struct{ faults []errs.Fault }

// fault records a fault, and is false where there are more than are listed anyway. A path may be made of names that the
// client chose, as long as the body.
func (d *decoder) fault(path, format string, args ...any) bool {
	if len(d.faults) >= errs.MostFaults {
		return false
	}
	if len(path) > longestPath {
		path = strings.ToValidUTF8(path[:longestPath], "") + "…"
	}
	d.faults = append(d.faults, errs.Fault{Param: path, Message: strings.TrimSpace(path+" "+fmt.Sprintf(format, args...)) + "."})
	return true
}

// object decodes an object into a struct.
func (d *decoder) object(raw []byte, into reflect.Value, path string) {
	names := namesOf(into.Type())
	given := make([]int, len(names))
	foreign := map[string]bool{}
	d.members(raw, path, func(name string, value []byte) {
		i := slices.Index(names, name)
		if i < 0 {
			if !foreign[name] && d.fault(join(path, name), "is not a field that this request has") {
				foreign[name] = true
			}
			return
		}
		switch given[i]++; given[i] {
		case 1:
			d.value(value, into.Field(i), join(path, name))
		case 2:
			d.fault(join(path, name), "is given twice")
		}
	})
}

// fieldNames are what the fields of a struct are called in JSON, by its type: to read the tags anew would cost as much as
// to read the body of a tracked call.
var fieldNames sync.Map

func namesOf(t reflect.Type) []string {
	if known, ok := fieldNames.Load(t); ok {
		return known.([]string)
	}
	list := make([]string, t.NumField())
	for i := range list {
		list[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	fieldNames.Store(t, list)
	return list
}

// members calls fn with each member of an object, also with one that is given twice.
func (d *decoder) members(raw []byte, path string, fn func(name string, value []byte)) {
	rest, isObject := bytes.CutPrefix(bytes.TrimSpace(raw), []byte("{"))
	if !isObject {
		if path == "" {
			d.faults = append(d.faults, errs.Fault{Message: "The body is an object."})
			return
		}
		d.fault(path, "is an object")
		return
	}
	for rest = bytes.TrimLeft(rest, between); rest[0] != '}'; {
		var name, value []byte
		name, rest = cut(rest)
		value, rest = cut(rest)
		fn(unquote(name), value)
	}
}

// distinct is members for an object that may have any: what is given twice is a fault.
func (d *decoder) distinct(raw []byte, path string, fn func(name string, value []byte)) {
	seen := map[string]int{}
	d.members(raw, path, func(name string, value []byte) {
		switch seen[name]++; seen[name] {
		case 1:
			fn(name, value)
		case 2:
			d.fault(join(path, name), "is given twice")
		}
	})
}

// between is what stands between the parts of an object. That it stands there rightly is known of valid JSON.
const between = " \t\r\n,:"

// cut cuts off the value with which a part of valid JSON begins, and what stands between it and the next. It is written out
// because each tracked call has a body, for which a json.Decoder would take several times as long.
func cut(raw []byte) (value, rest []byte) {
	depth, inText := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && strings.IndexByte(between+"}]", c) >= 0:
			return raw[:i], bytes.TrimLeft(raw[i:], between)
		case c == '}' || c == ']':
			depth--
		}
	}
	return raw, nil
}

// unquote is a text of valid JSON.
func unquote(quoted []byte) (text string) {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	_ = json.Unmarshal(quoted, &text) // it is valid
	return text
}

func (d *decoder) value(raw []byte, into reflect.Value, path string) {
	t := into.Type()
	switch own := into.Addr().Interface().(type) {
	case json.Unmarshaler:
		if err := own.UnmarshalJSON(raw); err != nil {
			d.fault(path, "%v", err)
		}
		return
	case encoding.TextUnmarshaler:
		if err := json.Unmarshal(raw, own); err != nil {
			d.fault(path, "is a text")
		}
		return
	}
	switch {
	case t.Kind() == reflect.Struct:
		d.object(raw, into, path)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		d.list(raw, into, path)
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Pointer:
		d.table(raw, into, path)
	case t == wholeNumber:
		d.whole(raw, into, path)
	default:
		if t.Kind() == reflect.Map && !d.unambiguous(raw, deepest) {
			d.fault(path, "gives a name twice, or is nested more than %d levels deep", deepest)
		} else if err := json.Unmarshal(raw, into.Addr().Interface()); err != nil {
			d.fault(path, "is %s", expected(t))
		} else if bytes.Contains(raw, []byte(`\u0000`)) && hasNUL(into) {
			d.fault(path, "holds a NUL character, which can not be stored")
		}
	}
}

var wholeNumber = reflect.TypeFor[*int64]()

// whole decodes a number that may be left away. It is written out because each tracked call has one.
func (d *decoder) whole(raw []byte, into reflect.Value, path string) {
	if string(raw) == "null" {
		return
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		d.fault(path, "is %s", expected(wholeNumber))
		return
	}
	into.Set(reflect.ValueOf(&n))
}

func (d *decoder) list(raw []byte, into reflect.Value, path string) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		d.fault(path, "is a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	for i, item := range items {
		d.object(item, into.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) table(raw []byte, into reflect.Value, path string) {
	if string(bytes.TrimSpace(raw)) == "null" {
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	d.distinct(raw, path, func(name string, value []byte) {
		element := reflect.Zero(into.Type().Elem())
		if string(value) != "null" {
			element = reflect.New(into.Type().Elem().Elem())
			d.value(value, element.Elem(), join(path, name))
		}
		into.SetMapIndex(reflect.ValueOf(name), element)
	})
}

// deepest bounds how values may be nested: each level is gone through once more.
const deepest = 20

// unambiguous reports whether no object within a value that has no fields of ours gives a name twice.
func (d *decoder) unambiguous(raw []byte, levels int) bool {
	if levels == 0 {
		return false
	}
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '{':
		inner, ok := decoder{}, true
		inner.distinct(raw, "", func(_ string, value []byte) { ok = ok && d.unambiguous(value, levels-1) })
		return ok && len(inner.faults) == 0
	case '[':
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items) // it is valid JSON and a list
		for _, item := range items {
			if !d.unambiguous(item, levels-1) {
				return false
			}
		}
	}
	return true
}

func hasNUL(v reflect.Value) bool {
	decoded, err := json.Marshal(v.Interface())
	decoded = bytes.ReplaceAll(decoded, []byte(`\\`), nil) // a backslash, behind which u0000 is only text
	return err != nil || bytes.Contains(decoded, []byte(`\u0000`))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func expected(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number, written without a point or an exponent"
	case reflect.Slice:
		return "a list of texts"
	default:
		return "an object"
	}
}
