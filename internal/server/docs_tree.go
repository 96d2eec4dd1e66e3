package server

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tree is a part of the contract, in the order of the file. What is not there is an empty one.
type tree struct{ at, root *yaml.Node }

func parseTree(text string) (tree, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return tree{}, err
	}
	return tree{doc.Content[0], doc.Content[0]}, nil
}

func (t tree) there() bool { return t.at != nil }

// get finds a member by the way to it. A reference on the way is followed.
func (t tree) get(names ...string) tree {
	for _, name := range names {
		t = t.resolved().own(name)
	}
	return t
}

// own is get for what a schema says beside a reference.
func (t tree) own(names ...string) tree {
	for _, name := range names {
		found := tree{nil, t.root}
		for key, value := range t.members() {
			if key == name {
				found = value
			}
		}
		t = found
	}
	return t
}

func (t tree) text() string {
	if t.at == nil {
		return ""
	}
	return strings.TrimSpace(t.at.Value)
}

// members are those of an object, in their order.
func (t tree) members() func(func(string, tree) bool) {
	return func(yield func(string, tree) bool) {
		if t.at == nil || t.at.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(t.at.Content); i += 2 {
			if !yield(t.at.Content[i].Value, tree{t.at.Content[i+1], t.root}) {
				return
			}
		}
	}
}

func (t tree) list() []tree {
	if t.at == nil || t.at.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]tree, len(t.at.Content))
	for i, item := range t.at.Content {
		items[i] = tree{item, t.root}
	}
	return items
}

func (t tree) texts() []string {
	var all []string
	for _, item := range t.list() {
		all = append(all, item.text())
	}
	return all
}

// reference is the name of the component that a reference leads to, or empty.
func (t tree) reference() string {
	for key, value := range t.members() {
		if key == "$ref" {
			return value.text()[strings.LastIndex(value.text(), "/")+1:]
		}
	}
	return ""
}

// resolved follows a reference.
func (t tree) resolved() tree {
	for key, value := range t.members() {
		if key == "$ref" {
			return tree{t.root, t.root}.get(strings.Split(strings.TrimPrefix(value.text(), "#/"), "/")...)
		}
	}
	return t
}

// json is an example as a program would write it; compact is on one line.
func (t tree) json(compact bool) string {
	raw, err := json.Marshal(t.value())
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	if compact {
		err = json.Compact(&out, raw)
	} else {
		err = json.Indent(&out, raw, "", "  ")
	}
	if err != nil {
		return ""
	}
	return out.String()
}

func (t tree) value() any {
	switch t.at.Kind {
	case yaml.MappingNode:
		o := object{}
		for key, value := range t.members() {
			o = append(o, member{key, value.value()})
		}
		return o
	case yaml.SequenceNode:
		all := []any{}
		for _, item := range t.list() {
			all = append(all, item.value())
		}
		return all
	default:
		var scalar any
		_ = t.at.Decode(&scalar) // a scalar is always decoded
		if t.at.Tag == "!!timestamp" {
			scalar = t.at.Value
		}
		return scalar
	}
}
