package stripe

import "maps"

// Reading values: what was not given is the zero value.

func (v values) has(name string) bool { _, ok := v[name]; return ok }

// gone is whether the parameter was given as an empty string, to unset it.
func (v values) gone(name string) bool { _, ok := v[name].(unset); return ok }

func (v values) str(name string) string { s, _ := v[name].(string); return s }

func (v values) num(name string) int64 { n, _ := v[name].(int64); return n }

func (v values) yes(name string) bool { b, _ := v[name].(bool); return b }

func (v values) hash(name string) values { h, _ := v[name].(values); return h }

func (v values) hashes(name string) []values {
	items, _ := v[name].([]any)
	list := make([]values, 0, len(items))
	for _, item := range items {
		if h, ok := item.(values); ok {
			list = append(list, h)
		}
	}
	return list
}

func (v values) strs(name string) []string {
	items, _ := v[name].([]any)
	list := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// optional is the value, or nil if it was not given or unset.
func optional[T any](v values, name string) *T {
	if value, ok := v[name].(T); ok {
		return &value
	}
	return nil
}

// setOptional changes the target if the parameter was given.
func setOptional[T any](v values, name string, target **T) {
	if v.has(name) {
		*target = optional[T](v, name)
	}
}

// setValue changes the target if the parameter was given with a value.
func setValue[T any](v values, name string, target *T) {
	if value, ok := v[name].(T); ok {
		*target = value
	}
}

// metadata is what the parameter makes of existing metadata: given keys are
// replaced, empty values delete, and an empty parameter deletes everything.
func (v values) metadata(existing map[string]string) (map[string]string, error) {
	return v.metadataNamed("metadata", existing)
}

func (v values) metadataNamed(name string, existing map[string]string) (map[string]string, error) {
	merged := map[string]string{}
	if v.gone(name) {
		return merged, nil
	}
	maps.Copy(merged, existing)
	change, _ := v[name].(metadataChange)
	for key, value := range change {
		if value == "" {
			delete(merged, key)
		} else {
			merged[key] = value
		}
	}
	if len(merged) > 50 {
		return nil, tooMuchMetadata(name, len(merged))
	}
	return merged, nil
}

// addressOf reads an address.
func addressOf(v values) *address {
	return &address{City: optional[string](v, "city"), Country: optional[string](v, "country"), Line1: optional[string](v, "line1"),
		Line2: optional[string](v, "line2"), PostalCode: optional[string](v, "postal_code"), State: optional[string](v, "state")}
}

const addressParams = `{city? country? line1? line2? postal_code? state?}`
