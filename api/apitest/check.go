package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Exchange is a request and its answer.
type Exchange struct {
	Surface string // customer, developer, oauth
	Domain  bool   // it came to a platform's own domain, which says for which platform it is
	Request *http.Request
	Body    []byte // of the request
	Status  int
	Header  http.Header
	Answer  []byte
}

// told are headers of an answer that say something of the API: an answer that has one must be said to have it.
var told = []string{"Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After", "Location", "WWW-Authenticate"}

// Check says what of the exchange the contract does not say: of the answer always, of the request where it was done.
func (c *Contract) Check(x Exchange) error {
	faults := c.CheckAnswer(x)
	if o := c.Find(x.Surface, x.Request.Method, x.Request.URL.Path); o != nil && x.Status/100 == 2 && x.Request.Method != http.MethodHead {
		faults = errors.Join(faults, c.checkRequest(o, x))
	}
	return faults
}

// CheckAnswer says what of the answer the contract does not say.
func (c *Contract) CheckAnswer(x Exchange) error {
	path := x.Request.URL.Path
	o := c.Find(x.Surface, x.Request.Method, path)
	if o == nil {
		return c.checkUnlisted(x)
	}
	if x.Request.Method == http.MethodHead {
		return nil
	}
	if faults := c.checkAnswer(o, x); faults != nil {
		return fmt.Errorf("%s, as which the contract has %s %s, answered %d: %w", path, o.Method, o.Path, x.Status, faults)
	}
	return nil
}

// checkUnlisted is of what the contract leaves out: there is no JSON but errors.
func (c *Contract) checkUnlisted(x Exchange) error {
	if !isJSON(x.Header) {
		return nil
	}
	if x.Status/100 == 2 {
		return fmt.Errorf("%s answers JSON, and is not in the contract", x.Request.URL.Path)
	}
	return c.CheckError(x.Answer)
}

// CheckError is whether a text is an error of the form that all have.
func (c *Contract) CheckError(text []byte) error {
	schema, err := c.schema("components", "schemas", "Error")
	if err != nil {
		return err
	}
	return fits(schema, text)
}

func isJSON(header http.Header) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "application/json"
}

func (c *Contract) checkAnswer(o *Operation, x Exchange) error {
	status := strconv.Itoa(x.Status)
	ref := o.Responses.Status(x.Status)
	if ref == nil {
		return fmt.Errorf("the contract does not know the status: %.300s", x.Answer)
	}
	response := ref.Value
	var faults error
	for _, name := range told {
		if _, said := header(response.Headers, name); !said && x.Header.Get(name) != "" {
			faults = errors.Join(faults, fmt.Errorf("the contract does not know the header %s", name))
		}
	}
	place := []string{"paths", o.Path, strings.ToLower(o.Method), "responses", status}
	if ref.Ref != "" {
		place = strings.Split(strings.TrimPrefix(ref.Ref, "#/"), "/")
	}
	for key, said := range response.Headers {
		name := key
		at := append(slices.Clone(place), "headers", key, "schema")
		if said.Ref != "" {
			at = append(strings.Split(strings.TrimPrefix(said.Ref, "#/"), "/"), "schema")
		}
		value := x.Header.Get(name)
		if value == "" {
			if said.Value.Required {
				faults = errors.Join(faults, fmt.Errorf("the header %s is missing", name))
			}
			continue
		}
		faults = errors.Join(faults, c.fitsText(at, said.Value.Schema, value, "header "+name))
	}
	kind, _, _ := mime.ParseMediaType(x.Header.Get("Content-Type"))
	if x.Status >= 400 && kind == "text/html" && !strings.HasPrefix(o.Path, "/api/") {
		return faults // a person came by, and not a program
	}
	if len(response.Content) == 0 {
		if isJSON(x.Header) {
			faults = errors.Join(faults, errors.New("the contract knows of no content"))
		}
		return faults
	}
	if response.Content[kind] == nil {
		return errors.Join(faults, fmt.Errorf("the contract does not know the content type %q", kind))
	}
	if kind != "application/json" {
		return faults
	}
	schema, err := c.schema(append(place, "content", kind, "schema")...)
	if err != nil {
		return errors.Join(faults, err)
	}
	return errors.Join(faults, fits(schema, x.Answer))
}

func header(headers openapi3.Headers, name string) (*openapi3.HeaderRef, bool) {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return nil, false
}

// checkRequest is of a request that was done: what the contract refuses the server must refuse too.
func (c *Contract) checkRequest(o *Operation, x Exchange) error {
	faults := c.checkCredentials(o, x)
	query := x.Request.URL.Query()
	for i, ref := range o.parameters {
		p := ref.Value
		var value string
		var given bool
		switch p.In {
		case "query":
			value, given = query.Get(p.Name), query.Has(p.Name)
		case "header":
			value, given = x.Request.Header.Get(p.Name), len(x.Request.Header.Values(p.Name)) > 0
		default:
			continue
		}
		place := []string{"paths", o.Path, strings.ToLower(o.Method), "parameters", strconv.Itoa(i), "schema"}
		if ref.Ref != "" {
			place = append(strings.Split(strings.TrimPrefix(ref.Ref, "#/"), "/"), "schema")
		}
		switch {
		case given && value != "": // an empty one is as one that is not there
			faults = errors.Join(faults, c.fitsText(place, p.Schema, value, p.Name))
		case p.Required:
			faults = errors.Join(faults, fmt.Errorf("%s is missing, and it was done", p.Name))
		}
	}
	switch {
	case len(bytes.TrimSpace(x.Body)) == 0:
		if o.RequestBody != nil && o.RequestBody.Value.Required {
			faults = errors.Join(faults, errors.New("the body is missing, and it was done"))
		}
	case o.RequestBody == nil: // it is not read
	default:
		if err := c.CheckBody(o, x.Body); err != nil {
			faults = errors.Join(faults, fmt.Errorf("the contract refuses the body, and it was done: %w", err))
		}
	}
	return faults
}

// CheckBody says what the contract does not take of the body of a request.
func (c *Contract) CheckBody(o *Operation, body []byte) error {
	schema, err := c.schema("paths", o.Path, strings.ToLower(o.Method), "requestBody", "content", "application/json", "schema")
	if err != nil {
		return err
	}
	return fits(schema, body)
}

// checkCredentials is whether the request had credentials of a kind that the contract names.
func (c *Contract) checkCredentials(o *Operation, x Exchange) error {
	if o.Security == nil || len(*o.Security) == 0 {
		return nil
	}
	token := strings.TrimSpace(x.Request.Header.Get("Authorization"))
	if _, after, ok := strings.Cut(token, " "); ok {
		token = strings.TrimSpace(after)
	}
	var had []string
	switch {
	case strings.HasPrefix(token, "sk_"):
		had = []string{"secretKey"}
	case strings.HasPrefix(token, "pk_"):
		had = []string{"publishableKey"}
	case strings.HasPrefix(token, "dk_"):
		had = []string{"developerToken"}
	case strings.Count(token, ".") == 2:
		had = []string{"userToken", "dashboardSession"}
	}
	if x.Request.Header.Get("X-Publishable-Key") != "" || x.Request.URL.Query().Has("publishableKey") {
		had = append(had, "publishableKey")
	}
	if x.Request.Header.Get("Cookie") != "" {
		had = append(had, "accountCookie")
	}
	for _, requirement := range *o.Security {
		if len(requirement) == 0 && (x.Domain || len(had) > 0) {
			return nil
		}
		for name := range requirement {
			if slices.Contains(had, name) {
				return nil
			}
		}
	}
	return fmt.Errorf("it was done with %v, and the contract wants other credentials", had)
}

// fitsText is of a header or a parameter.
func (c *Contract) fitsText(place []string, of *openapi3.SchemaRef, text, name string) error {
	schema, err := c.schema(place...)
	if err != nil {
		return err
	}
	var value any = text
	if of.Value.Type.Includes("integer") {
		value = json.Number(text)
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("%s is %q", name, text)
		}
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s is %q: %w", name, text, err)
	}
	return nil
}

func fits(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\nin %.1500s", err, text)
	}
	return nil
}
