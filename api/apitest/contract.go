// Package apitest holds requests and answers to the contract. What the contract is silent of is a fault here, though a client
// of the API leaves it alone: an answer may grow, but not without being written down.
package apitest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dream-api/dream-api/api"
)

// Contract is the contract, ready to be compared with.
type Contract struct {
	Doc        *openapi3.T
	Operations []*Operation

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

// Operation is one call of one or more surfaces.
type Operation struct {
	*openapi3.Operation
	Method, Path string
	Surfaces     []string // customer, developer, oauth
	parameters   openapi3.Parameters
	parts        []string
}

const file = "contract.json"

// Load reads the contract, and fails where it is no valid OpenAPI or an example does not fit its schema.
var Load = sync.OnceValues(func() (*Contract, error) {
	return load(api.Contract(api.CustomerURL, api.DeveloperURL, api.OAuthURL))
})

func load(text string) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	plain, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	closeObjects(tree)
	c := &Contract{Doc: doc, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(file, tree); err != nil {
		return nil, err
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			o := &Operation{Operation: operation, Method: method, Path: path, parts: strings.Split(path, "/")}
			o.parameters = slices.Concat(item.Parameters, operation.Parameters)
			servers := item.Servers
			if operation.Servers != nil {
				servers = *operation.Servers
			}
			if len(servers) == 0 {
				servers = openapi3.Servers{doc.Servers[0]}
			}
			for _, server := range servers {
				surface, ok := map[string]string{api.CustomerURL: "customer", api.DeveloperURL: "developer", api.OAuthURL: "oauth"}[server.URL]
				if !ok {
					return nil, fmt.Errorf("%s %s is at %s, which is no surface", method, path, server.URL)
				}
				o.Surfaces = append(o.Surfaces, surface)
			}
			c.Operations = append(c.Operations, o)
		}
	}
	slices.SortFunc(c.Operations, func(a, b *Operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return c, nil
}

// closeObjects has an object take no members but those that are written down.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, named := node["properties"].(map[string]any); named && node["type"] == "object" {
			if _, said := node["additionalProperties"]; !said {
				node["additionalProperties"] = false
			}
		}
		for name, value := range node {
			if name != "example" {
				closeObjects(value)
			}
		}
	case []any:
		for _, value := range node {
			closeObjects(value)
		}
	}
}

// schema is the schema at a place in the contract.
func (c *Contract) schema(place ...string) (*jsonschema.Schema, error) {
	parts := []string{file + "#"}
	for _, part := range place {
		parts = append(parts, strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(part))
	}
	at := strings.Join(parts, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.schemas[at]; ok {
		return known, nil
	}
	made, err := c.compiler.Compile(at)
	if err == nil {
		c.schemas[at] = made
	}
	return made, err
}

// Find is the operation of a request, or nil.
func (c *Contract) Find(surface, method, path string) *Operation {
	if method == "HEAD" {
		method = "GET"
	}
	parts := strings.Split(path, "/")
	var best *Operation
	for _, o := range c.Operations {
		if o.Method != method || !slices.Contains(o.Surfaces, surface) || !o.takes(parts) {
			continue
		}
		if best == nil || strings.Count(o.Path, "{") < strings.Count(best.Path, "{") {
			best = o
		}
	}
	return best
}

func (o *Operation) takes(parts []string) bool {
	if len(parts) != len(o.parts) {
		return false
	}
	for i, part := range o.parts {
		if part != parts[i] && (!strings.HasPrefix(part, "{") || parts[i] == "") {
			return false
		}
	}
	return true
}
