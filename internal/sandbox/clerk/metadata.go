package clerk

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
)

// metadata is a JSON object. Its numbers keep their digits: what a client
// stored must come back as it was.
type metadata map[string]any

// maxMetadata is Clerk's limit for one kind of metadata, in bytes of JSON.
const maxMetadata = 8 << 10

func (m *metadata) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[metadata]()}
	}
	*m = object
	return nil
}

// merged is m with the change applied to it, at every depth; a null removes.
// m itself stays as it is.
func (m metadata) merged(change map[string]any) metadata {
	result := maps.Clone(m)
	if result == nil {
		result = metadata{}
	}
	for key, value := range change {
		switch value := value.(type) {
		case nil:
			delete(result, key)
		case map[string]any:
			old, _ := result[key].(map[string]any)
			result[key] = map[string]any(metadata(old).merged(value))
		default:
			result[key] = value
		}
	}
	return result
}

// metadataParams are the three kinds of metadata as parameters.
type metadataParams struct {
	Public  field[metadata] `json:"public_metadata"`
	Private field[metadata] `json:"private_metadata"`
	Unsafe  field[metadata] `json:"unsafe_metadata"`
}

// apply changes the user's metadata, by combining what is there with what was given.
func (p metadataParams) apply(u *user, combine func(old, given metadata) metadata) error {
	for _, kind := range []struct {
		name   string
		given  field[metadata]
		target *metadata
	}{
		{"public_metadata", p.Public, &u.PublicMetadata},
		{"private_metadata", p.Private, &u.PrivateMetadata},
		{"unsafe_metadata", p.Unsafe, &u.UnsafeMetadata},
	} {
		if !kind.given.given {
			continue
		}
		next := combine(*kind.target, kind.given.or(metadata{}))
		if raw, err := json.Marshal(next); err != nil || len(raw) > maxMetadata {
			return invalid("form_param_exceeds_allowed_size", kind.name, "exceeds allowed size", kind.name+" must not exceed 8 KB.")
		}
		*kind.target = next
	}
	return nil
}

func replace(_, given metadata) metadata { return given }

func merge(old, given metadata) metadata { return old.merged(given) }

func mergeMetadata(t *tx, r *request) (any, error) { return changeMetadata(t, r, merge) }

func replaceMetadata(t *tx, r *request) (any, error) { return changeMetadata(t, r, replace) }

func changeMetadata(t *tx, r *request, combine func(old, given metadata) metadata) (any, error) {
	u, err := t.user(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p metadataParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	next := *u
	if err := p.apply(&next, combine); err != nil {
		return nil, err
	}
	t.update(u, next)
	return t.userJSON(u), nil
}
