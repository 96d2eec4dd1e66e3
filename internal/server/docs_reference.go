package server

import (
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dream-api/dream-api/api"
)

// reference is the API as pages show it, made of the contract once.
type reference struct {
	Groups []refGroup
	Types  []refType
}

type refGroup struct {
	Slug, Name string
	About      template.HTML
	ForScripts bool // it is on the developer surface, or leads there
	Calls      []refCall
}

type refCall struct {
	ID, Method, Path, Host, Summary string
	About                           template.HTML
	Credentials                     string
	Parameters, Body                []refField
	Optional                        bool // the body
	Curl                            string
	Answers                         []refAnswer
	Errors                          []refError
}

type refField struct {
	Name, In string // In is of a parameter: path, query or header
	Type     string
	Refers   string // to a type
	Must     bool
	About    template.HTML
}

type refAnswer struct {
	Status  string
	About   template.HTML
	Headers []refField
	Fields  []refField
	Refers  string
	Example string
}

type refError struct {
	Status int
	Codes  []string
}

type refType struct {
	Name   string
	About  template.HTML
	Fields []refField
}

var credentials = map[string]string{
	"secretKey": "a secret key", "publishableKey": "a publishable key", "userToken": "a user’s token", "developerToken": "a developer token",
	"dashboardSession": "a session token made for the dashboard", "accountCookie": "the account page’s cookie",
}

// newReference makes the pages of the contract.
func newReference(contract string) (*reference, error) {
	root, err := parseTree(contract)
	if err != nil {
		return nil, err
	}
	r := &reference{}
	home := root.get("servers").list()[0].get("url").text()
	for _, tag := range root.get("tags").list() {
		name := tag.get("name").text()
		r.Groups = append(r.Groups, refGroup{Slug: slugOf(name), Name: name, About: prose(tag.get("description").text())})
	}
	for path, item := range root.get("paths").members() {
		for method, operation := range item.members() {
			tag := operation.get("tags").texts()
			if len(tag) == 0 { // servers
				continue
			}
			at := slices.IndexFunc(r.Groups, func(g refGroup) bool { return g.Name == tag[0] })
			if at < 0 {
				return nil, fmt.Errorf("%s %s has the tag %s, which is not listed", method, path, tag[0])
			}
			host := home
			for _, servers := range []tree{item.get("servers"), operation.get("servers")} {
				if servers.there() {
					host = servers.list()[0].get("url").text()
				}
			}
			r.Groups[at].ForScripts = host != home
			r.Groups[at].Calls = append(r.Groups[at].Calls, callOf(strings.ToUpper(method), path, host, operation))
		}
	}
	for name, schema := range root.get("components", "schemas").members() {
		fields := membersOf(schema)
		for _, one := range schema.get("oneOf").list() { // each of the kinds
			fields = append(fields, membersOf(one)...)
		}
		r.Types = append(r.Types, refType{name, prose(schema.get("description").text()), fields})
	}
	return r, nil
}

func slugOf(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }

func callOf(method, path, host string, o tree) refCall {
	call := refCall{
		ID: o.get("operationId").text(), Method: method, Path: path, Host: host, Summary: o.get("summary").text(),
		About: prose(o.get("description").text()),
	}
	var with []string
	for _, one := range o.get("security").list() {
		named := "a custom domain of the platform"
		for name := range one.members() {
			named = credentials[name]
		}
		with = append(with, named)
	}
	call.Credentials = strings.Join(with, ", or ")
	for _, p := range o.get("parameters").list() {
		f := memberOf(p.get("name").text(), p.get("schema"), p.get("required").text() == "true")
		f.In, f.About = p.get("in").text(), prose(p.get("description").text())
		call.Parameters = append(call.Parameters, f)
	}
	body := o.get("requestBody", "content", "application/json")
	call.Body = membersOf(body.get("schema"))
	call.Optional = len(call.Body) > 0 && o.get("requestBody", "required").text() != "true"
	for status, response := range o.get("responses").members() {
		code, _ := strconv.Atoi(status)
		schema := response.get("content", "application/json", "schema")
		if code >= http.StatusBadRequest {
			call.Errors = append(call.Errors, refError{code, schema.own("properties", "code", "enum").texts()})
			continue
		}
		answer := refAnswer{
			Status: status + " " + http.StatusText(code), About: prose(response.get("description").text()),
			Fields: membersOf(schema), Refers: schema.reference(),
		}
		if answer.Refers != "" {
			answer.Fields = nil
		}
		for name, header := range response.get("headers").members() {
			answer.Headers = append(answer.Headers, refField{Name: name, About: prose(header.get("description").text())})
		}
		if example := response.get("content", "application/json", "example"); example.there() {
			answer.Example = example.json(false)
		}
		call.Answers = append(call.Answers, answer)
	}
	if strings.HasPrefix(path, "/api/") {
		call.Curl = curlOf(call, o.get("security").list(), body.get("example"))
	}
	return call
}

// curlOf is the call as one would type it.
func curlOf(call refCall, security []tree, example tree) string {
	command, address := "curl", call.Host+strings.ReplaceAll(call.Path, "{id}", "user-42")
	if call.Method != http.MethodGet && (call.Method != http.MethodPost || !example.there()) {
		command += " -X " + call.Method
	}
	var options []string
	if len(security) > 0 {
		for name := range security[0].members() {
			if token := map[string]string{"secretKey": "sk_test_…", "developerToken": "dk_…"}[name]; token != "" {
				options = append(options, "-H 'Authorization: Bearer "+token+"'")
			}
		}
	}
	for _, p := range call.Parameters {
		switch {
		case p.Name == "X-User-Id":
			options = append(options, "-H 'X-User-Id: user-42'")
		case p.In == "query" && p.Must:
			address = fmt.Sprintf("%s?%s=…", address, p.Name)
		}
	}
	if example.there() {
		options = append(options, "-d '"+strings.ReplaceAll(example.json(true), "'", `'\''`)+"'")
	}
	return strings.Join(append([]string{command + " '" + address + "'"}, options...), " \\\n  ")
}

// membersOf are the members of an object.
func membersOf(schema tree) []refField {
	must := schema.get("required").texts()
	var fields []refField
	for name, member := range schema.get("properties").members() {
		fields = append(fields, memberOf(name, member, slices.Contains(must, name)))
	}
	return fields
}

func memberOf(name string, schema tree, must bool) refField {
	f := refField{Name: name, Must: must, About: prose(schema.own("description").text())}
	f.Type, f.Refers = typeOf(schema)
	return f
}

// typeOf says the type of a value in words, and to which type of the contract it leads.
func typeOf(schema tree) (words, refers string) {
	if name := schema.reference(); name != "" {
		return "", name
	}
	var kinds, rest []string
	for _, one := range schema.get("anyOf").list() {
		inner, name := typeOf(one)
		if name != "" {
			refers = name
		}
		if inner != "" {
			kinds = append(kinds, inner)
		}
	}
	kind := schema.get("type")
	if kind.text() != "" {
		kinds = append(kinds, kind.text())
	}
	kinds = append(kinds, kind.texts()...)
	if len(kinds) > 3 {
		kinds = []string{"anything"}
	}
	if values := schema.get("enum"); values.there() {
		kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == "string" || kind == "integer" || kind == "null" })
		for _, value := range values.list() {
			if value.text() == "" {
				kinds = append(kinds, `""`)
				continue
			}
			kinds = append(kinds, value.text())
		}
	}
	if value := schema.get("const"); value.there() {
		kinds = append(kinds, value.text())
	}
	if items := schema.get("items"); items.there() {
		inner, name := typeOf(items)
		refers, kinds = refers+name, []string{strings.TrimSpace("list of " + inner)}
	}
	if inner := schema.get("additionalProperties"); inner.there() && inner.text() != "false" {
		of, name := typeOf(inner)
		refers, kinds = refers+name, []string{strings.TrimSpace("object with values that are " + of)}
	}
	for _, bound := range []struct{ name, words string }{
		{"minimum", "from "}, {"maximum", "to "}, {"maxLength", "up to "}, {"minItems", "at least "}, {"maxItems", "at most "},
	} {
		if value := schema.get(bound.name); value.there() {
			rest = append(rest, bound.words+value.text()+map[string]string{"maxLength": " characters"}[bound.name])
		}
	}
	words = strings.Join(kinds, " or ")
	if format := map[string]string{"date-time": "time", "date": "day", "uri": "address"}[schema.get("format").text()]; format != "" {
		words = strings.Replace(words, "string", format, 1)
	}
	if len(rest) > 0 {
		words += ", " + strings.Join(rest, " ")
	}
	return words, refers
}

// prose is a text of the contract, in which only `code` is marked.
func prose(text string) template.HTML {
	var out strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		out.WriteString(part)
	}
	return template.HTML(out.String()) //nolint:gosec // it is escaped above, and is the contract's
}

// contractHere is the contract with the addresses of this server.
func (s *Server) contractHere() string {
	return api.Contract(s.apiURL(), s.cfg.DeveloperURL.String(), s.cfg.OAuthURL.String())
}

// linked is a text in which each call that the contract has is a link to it.
func (s *Server) linked(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	lib, err := s.library()
	if err != nil {
		return template.HTML(escaped) //nolint:gosec // it is escaped
	}
	return template.HTML(mentioned.ReplaceAllStringFunc(escaped, func(call string) string { //nolint:gosec // it is escaped, and what is added is ours
		path, stop := strings.CutSuffix(call, ".")
		for _, group := range lib.Groups {
			for _, one := range group.Calls {
				if one.Method+" "+one.Path == path {
					return `<a href="/docs/reference/` + group.Slug + "#" + one.ID + `"><code>` + path + "</code></a>" + map[bool]string{true: "."}[stop]
				}
			}
		}
		return call
	}))
}

var mentioned = regexp.MustCompile(`(?:GET|POST|PATCH|DELETE) /[a-z/.-]*[a-z]`)
