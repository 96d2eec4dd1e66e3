package stripe

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The parameters of an endpoint are declared in a small language:
//
//	email? metadata:metadata items*:[{price* quantity:int}] created:range mode:payment|subscription
//
// A name may be followed by * (required) or ? (an empty string unsets it) and by
// a type after a colon; with none it is a string. Types are int, decimal, bool,
// time (Unix seconds), range (a time, or gt, gte, lt and lte), metadata, words
// joined by | (an enum; the word time admits any time), {…} (a hash) and […] (a
// list). expand is known everywhere; lists know limit, starting_after and
// ending_before.
type paramType struct {
	base     string // string, int, decimal, bool, time, range, metadata, enum, hash or list
	words    []string
	fields   map[string]*param
	required []string
	element  *paramType
}

type param struct {
	typ       *paramType
	canUnset  bool
	mandatory bool
}

const pageParams = ` limit:int starting_after ending_before`

// declare parses a declaration. A mistake in one stops the program at start.
func declare(text string) *paramType {
	p := &declarationParser{rest: text}
	typ := p.fields("")
	typ.fields["expand"] = &param{typ: &paramType{base: "list", element: &paramType{base: "string"}}}
	return typ
}

type declarationParser struct{ rest string }

func (p *declarationParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *declarationParser) word(stop string) string {
	end := strings.IndexAny(p.rest, stop)
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *declarationParser) fields(closing string) *paramType {
	typ := &paramType{base: "hash", fields: map[string]*param{}}
	for p.skip(); p.rest != "" && !strings.HasPrefix(p.rest, "}"); p.skip() {
		name := p.word(" \t\n:}]")
		field := &param{typ: &paramType{base: "string"}}
		bare := strings.TrimRight(name, "*?")
		field.mandatory, field.canUnset = strings.Contains(name, "*"), strings.Contains(name, "?")
		if field.mandatory {
			typ.required = append(typ.required, bare)
		}
		if strings.HasPrefix(p.rest, ":") {
			p.rest = p.rest[1:]
			field.typ = p.typ()
		}
		if bare == "" || typ.fields[bare] != nil {
			panic("stripe sandbox: bad declaration near " + p.rest)
		}
		typ.fields[bare] = field
	}
	if !strings.HasPrefix(p.rest, closing) {
		panic("stripe sandbox: declaration lacks " + closing)
	}
	p.rest = p.rest[len(closing):]
	return typ
}

func (p *declarationParser) typ() *paramType {
	switch {
	case strings.HasPrefix(p.rest, "{"):
		p.rest = p.rest[1:]
		return p.fields("}")
	case strings.HasPrefix(p.rest, "["):
		p.rest = p.rest[1:]
		element := p.typ()
		if !strings.HasPrefix(p.rest, "]") {
			panic("stripe sandbox: declaration lacks ]")
		}
		p.rest = p.rest[1:]
		return &paramType{base: "list", element: element}
	}
	word := p.word(" \t\n]}")
	switch word {
	case "string", "int", "decimal", "bool", "time", "range", "metadata":
		return &paramType{base: word}
	}
	return &paramType{base: "enum", words: strings.Split(word, "|")}
}

// values are parameters that have been checked: string, int64, float64, bool,
// values, []any, metadataChange, or unset.
type values map[string]any

type unset struct{}

// metadataChange holds what metadata is to become; "" deletes a key.
type metadataChange map[string]string

// check turns a form into values.
func (typ *paramType) check(f form, prefix string) (values, error) {
	out := values{}
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		full := inner(prefix, name)
		field := typ.fields[name]
		if field == nil {
			return nil, paramUnknown(full)
		}
		if f[name] == "" {
			switch {
			case field.canUnset || field.typ.base == "metadata" || field.typ.base == "list":
				out[name] = unset{}
			default:
				return nil, paramEmpty(full)
			}
			continue
		}
		value, err := field.typ.value(f[name], full)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	for _, name := range typ.required {
		if _, ok := out[name]; !ok {
			return nil, paramMissing(inner(prefix, name))
		}
	}
	return out, nil
}

func inner(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

func (typ *paramType) value(raw any, name string) (any, error) {
	switch typ.base {
	case "hash":
		f, ok := raw.(form)
		if !ok {
			return nil, invalid("", name, "Invalid object")
		}
		return typ.check(f, name)
	case "list":
		f, _ := raw.(form)
		list, ok := f.items()
		if !ok || len(f) == 0 {
			return nil, invalid("", name, "Invalid array")
		}
		out := make([]any, len(list))
		for i, item := range list {
			var err error
			if out[i], err = typ.element.value(item, inner(name, strconv.Itoa(i))); err != nil {
				return nil, err
			}
		}
		return out, nil
	case "metadata":
		return metadataOf(raw, name)
	case "range":
		if f, ok := raw.(form); ok {
			return rangeType.check(f, name)
		}
		at, err := timeOf(raw, name)
		return values{"gte": at, "lte": at}, err
	}
	text, ok := raw.(string)
	if !ok {
		return nil, invalid("", name, "Invalid string: %s must be a single value.", name)
	}
	return typ.scalar(text, name)
}

var rangeType = declare("gt:time gte:time lt:time lte:time")

func (typ *paramType) scalar(text, name string) (any, error) {
	switch typ.base {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, invalid("parameter_invalid_integer", name, "Invalid integer: %s", text)
		}
		return n, nil
	case "decimal":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, invalid("", name, "Invalid decimal: %s", text)
		}
		return n, nil
	case "bool":
		if text != "true" && text != "false" {
			return nil, invalid("", name, "Invalid boolean: %s", text)
		}
		return text == "true", nil
	case "time":
		return timeOf(text, name)
	case "enum":
		for _, word := range typ.words {
			switch word {
			case "time":
				if at, err := timeOf(text, name); err == nil {
					return at, nil
				}
			case text:
				return text, nil
			}
		}
		return nil, invalid("", name, "Invalid %s: must be one of %s", name, alternatives(typ.words))
	}
	if len(text) > 5000 {
		return nil, invalid("", name, "Invalid string: %s…; must be at most 5000 characters", text[:20])
	}
	return text, nil
}

func alternatives(words []string) string {
	shown := make([]string, len(words))
	for i, word := range words {
		shown[i] = word
		if word == "time" {
			shown[i] = "a Unix timestamp"
		}
	}
	switch n := len(shown); n {
	case 1:
		return shown[0]
	case 2:
		return shown[0] + " or " + shown[1]
	default:
		return strings.Join(shown[:n-1], ", ") + ", or " + shown[n-1]
	}
}

func timeOf(raw any, name string) (int64, error) {
	text, _ := raw.(string)
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at < 0 || at > 1<<38 {
		return 0, invalid("", name, "Invalid timestamp: must be an integer Unix timestamp")
	}
	return at, nil
}

func metadataOf(raw any, name string) (any, error) {
	f, ok := raw.(form)
	if !ok {
		return nil, invalid("", name, "Invalid object")
	}
	change := metadataChange{}
	for key, value := range f {
		text, ok := value.(string)
		switch {
		case !ok:
			return nil, invalid("", inner(name, key), "Metadata values must be strings, but for key `%s` you passed in a value of another type.", key)
		case len([]rune(key)) > 40:
			return nil, invalid("", inner(name, key), "Metadata keys must be at most 40 characters long, but you passed in a key of length %d.", len([]rune(key)))
		case len([]rune(text)) > 500:
			return nil, invalid("", inner(name, key), "Metadata values can have up to 500 characters, but you passed in a value that is %d characters.", len([]rune(text)))
		}
		change[key] = text
	}
	if len(change) > 50 {
		return nil, tooMuchMetadata(name, len(change))
	}
	return change, nil
}

func tooMuchMetadata(name string, n int) error {
	return invalid("", name, "Metadata can have at most 50 keys, but you passed in %d.", n)
}
