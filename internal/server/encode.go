package server

import (
	"bytes"
	"encoding/json"

	"github.com/labstack/echo/v4"
)

// object is a JSON object whose members keep their order: a person reads the first ones first.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		if err := encodePlain(&out, m.value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// plainJSON has Echo write < and & as they are: the answer is JSON and never part of a page.
type plainJSON struct{ echo.DefaultJSONSerializer }

// Serialize implements echo.JSONSerializer.
func (plainJSON) Serialize(c echo.Context, value any, _ string) error {
	var out bytes.Buffer
	if err := encodePlain(&out, value); err != nil {
		return err
	}
	_, err := c.Response().Write(out.Bytes())
	return err
}

func encodePlain(out *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// notNil is s, or an empty slice, which JSON shows as [].
func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
