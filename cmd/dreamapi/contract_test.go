package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/api/apitest"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/server"
)

// listed is whether a route must stand in the contract: all that speaks JSON. Pages need not, and those that stand there, as
// others link to them, must be mounted. That a page answers no JSON, world.send sees.
func listed(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/webhook/") || strings.HasPrefix(path, "/.well-known/") ||
		path == "/health" || path == "/openapi.yaml"
}

var parameter = regexp.MustCompile(`:(\w+)`)

// differences are what the contract and the mounted routes do not have in common.
func differences(contract *apitest.Contract, mounted []server.Route) []string {
	there, said := map[string]bool{}, map[string]bool{}
	for _, r := range mounted {
		there[r.Surface+" "+r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}")] = listed(r.Path)
	}
	for _, o := range contract.Operations {
		for _, surface := range o.Surfaces {
			said[surface+" "+o.Method+" "+o.Path] = true
		}
	}
	var found []string
	for route, must := range there {
		if must && !said[route] {
			found = append(found, route+" is mounted, and not in the contract")
		}
	}
	for route := range said {
		if _, ok := there[route]; !ok {
			found = append(found, route+" is in the contract, and not mounted")
		}
	}
	slices.Sort(found)
	return found
}

func TestTheContractHasWhatIsMounted(t *testing.T) {
	t.Parallel()
	contract, err := apitest.Load()
	must(t, err)
	mounted := boot(t).app.surfaces.Routes()
	for _, difference := range differences(contract, mounted) {
		t.Error(difference)
	}
	more := append(slices.Clone(mounted), server.Route{Surface: "customer", Method: "PUT", Path: "/api/customers/:id"})
	equal(t, "a route too many", fmt.Sprint(differences(contract, more)), "[customer PUT /api/customers/{id} is mounted, and not in the contract]")
	less := slices.DeleteFunc(slices.Clone(mounted), func(r server.Route) bool {
		return r == server.Route{Surface: "oauth", Method: "GET", Path: "/authorize"}
	})
	equal(t, "a route too few", fmt.Sprint(differences(contract, less)), "[oauth GET /authorize is in the contract, and not mounted]")
}

func TestTheContractHasEveryErrorCodeWithItsMeaning(t *testing.T) {
	t.Parallel()
	contract, err := apitest.Load()
	must(t, err)
	var said, known []string
	for _, one := range contract.Doc.Components.Schemas["ErrorCode"].Value.OneOf {
		said = append(said, fmt.Sprintf("%v: %s: %s", one.Value.Const, one.Value.Title, one.Value.Description))
	}
	for _, code := range errs.Codes() {
		known = append(known, fmt.Sprintf("%s: %s: %s", code, code.Title(), code.Help()))
	}
	equal(t, "the codes", strings.Join(said, "\n"), strings.Join(known, "\n"))
}

// example is a step of a story in which every example of the contract is sent as it stands, in an order in which it can be done.
type example struct {
	call    string
	path    string   // what stands for the parameters of the path, such as "id=user-42 tier=pro"
	replace []string // what of the example names something that the story has under another name
	query   string
}

func TestTheExamplesOfTheContractDoWhatItSays(t *testing.T) {
	t.Parallel()
	contract, err := apitest.Load()
	must(t, err)
	s := newSide(t, boot(t), "alpha")
	p, v := s.tenancy, s.values
	other := p.dev.platform(t, "other")
	back := "http://localhost:1/back"
	here := p.as(t, v["customer"], v["email"])
	buyer := "id=" + v["buyer"]
	story := []example{
		{"GET /health", "", nil, ""}, {"GET /openapi.yaml", "", nil, ""}, {"GET /.well-known/jwks.json", "", nil, ""},
		{"GET /api/me", "", nil, ""}, {"GET /api/plan", "", nil, ""}, {"GET /api/plan/invoices", "", nil, ""},
		{"POST /api/plan/portal", "", nil, ""}, {"GET /api/audit", "", nil, "from=2020-01-01&limit=5"}, {"GET /api/sessions", "", nil, ""},
		{"POST /api/sessions/{session}/end", "session=" + v["session"], nil, ""}, {"POST /api/sessions/end", "", nil, ""},
		{"POST /api/tokens", "", nil, ""}, {"GET /api/tokens", "", nil, ""}, {"POST /api/tokens/{token}/revoke", "token=" + v["token"], nil, ""},
		{"POST /api/projects", "", nil, ""}, {"GET /api/projects", "", nil, ""}, {"PATCH /api/projects/{project}", "project=" + v["project"], nil, ""},
		{"POST /api/projects/{project}/platforms", "project=" + v["project"], nil, ""},
		{"GET …", "", nil, ""}, {"PATCH …", "", nil, ""}, {"GET …/sign-in", "", nil, ""}, {"PATCH …/sign-in", "", nil, ""}, {"GET …/start", "", nil, ""},
		{"POST …/domains", "", []string{"api.sketchy.example.com", "sketchy.localhost"}, ""}, {"DELETE …/domains/{domain}", "domain=sketchy.localhost", nil, ""},
		{"POST …/keys", "", nil, ""}, {"GET …/keys", "", nil, ""}, {"POST …/keys/{key}/rotate", "key=" + v["key"], nil, ""}, {"POST …/keys/{key}/revoke", "key=" + v["key"], nil, ""},
		{"POST …/tiers", "", nil, ""}, {"GET …/tiers", "", nil, ""}, {"POST …/tiers/{tier}/preview", "tier=pro", nil, ""}, {"PATCH …/tiers/{tier}", "tier=pro", nil, ""},
		{"POST …/tiers/order", "", []string{`"pro"`, fmt.Sprintf(`"pro",%q,%q`, v["tier"], v["paid"])}, ""},
		{"GET …/tiers/copy", "", nil, "from=" + other.id}, {"POST …/tiers/copy", "", []string{contractPlatform, other.id}, ""},
		{"POST …/tiers/{tier}/move-subscribers", "tier=" + v["paid"], nil, ""},
		{"GET /api/tiers", "", nil, ""},
		{"POST /api/customers", "", nil, ""}, {"GET /api/customers", "", nil, ""}, {"GET /api/customers/{id}", "id=user-42", nil, ""},
		{"PATCH /api/customers/{id}", "id=user-42", nil, ""}, {"GET /api/customers/{id}/export", "id=" + v["buyer"], nil, ""},
		{"POST /api/data", "", nil, ""}, {"POST /api/data/batch", "", nil, ""}, {"GET /api/usage", "", nil, ""}, {"POST /api/grants", "", nil, ""},
		{"GET /api/adjustments", "", nil, "userId=user-42"}, {"POST /api/create-checkout", "", nil, ""},
		{"POST /api/sessions", "", []string{"sic_…", v["code"], "https://app.example.com/signed-in", back}, ""},
		{"POST /api/sessions/refresh", "", []string{"rt_…", v["refresh"]}, ""},
		{"POST /api/sessions/revoke", "", []string{"rt_…", p.trade(t, here.enters(t, "/sign-in", "redirectUrl", back).code(t)).refresh}, ""},
		{"GET /api/customers/{id}/sessions", "id=" + v["customer"], nil, ""},
		{"DELETE /api/customers/{id}/sessions/{session}", "id=" + v["customer"] + " session=" + v["usersession"], nil, ""},
		{"DELETE /api/customers/{id}/sessions", "id=" + v["customer"], nil, ""},
		{"POST /api/invitations", "", nil, ""}, {"GET /api/invitations", "", nil, ""}, {"DELETE /api/invitations/{invitation}", "invitation=" + v["invitation"], nil, ""},
		{"GET …/customers", "", nil, ""}, {"GET …/customers/{id}", buyer, nil, ""}, {"PATCH …/customers/{id}", "id=user-42", nil, ""},
		{"GET …/customers/{id}/days", "id=user-42", nil, ""}, {"POST …/customers/{id}/grants", "id=user-42", nil, ""},
		{"GET …/customers/{id}/timeline", "id=user-42", nil, ""}, {"POST …/customers/{id}/reset", "id=user-42", nil, ""}, {"POST …/customers/{id}/portal", buyer, nil, ""},
		{"GET …/customers/{id}/sessions", "id=" + v["customer"], nil, ""}, {"DELETE …/customers/{id}/sessions", "id=" + v["customer"], nil, ""},
		{"GET …/overview", "", nil, ""}, {"GET …/near", "", nil, ""}, {"GET …/timeline", "", nil, ""}, {"GET …/revenue", "", nil, ""}, {"GET …/usage", "", nil, ""},
		{"GET …/usage/top", "", nil, ""}, {"GET …/connect", "", nil, ""}, {"POST …/connect", "", nil, ""},
		{"GET …/events", "", nil, ""}, {"GET …/events/{event}", "event=" + v["event"], nil, ""}, {"POST …/events/{event}/reprocess", "event=" + v["event"], nil, ""}, {"GET …/repairs", "", nil, ""},
		{"DELETE …/customers/{id}", "id=" + v["external"] + "x", nil, ""}, {"DELETE /api/customers/{id}", "id=user-42", nil, ""},
	}
	elsewhere := map[string]string{
		"POST /api/plan/checkout":   "the developer of the story pays already; TestADeveloperPaysForThePlan sends it",
		"POST /api/customer-portal": "the user of the example never paid; sent below for one who did",
		"POST …/disconnect":         "a test platform has nothing connected; the tests of going live send it",
		"POST /webhook/clerk":       "it is signed",
		"POST /webhook/stripe":      "it is signed",
		"GET /account/export":       "it is for a browser",
		"GET /sign-in":              "it is for a browser",
		"GET /sign-up":              "it is for a browser",
		"GET /account":              "it is for a browser",
		"GET /checkout/return":      "it is for a browser",
		"GET /authorize":            "it is for a browser",
		"GET /callback":             "it is for a browser",
	}
	told := map[string]bool{}
	for _, one := range story {
		told[one.call] = true
		one.tell(t, s, contract)
	}
	p.api(t, "POST /api/customer-portal", exampleBody(t, contract, "POST", "/api/customer-portal"), "X-User-Id: "+v["buyer"]).want(t, 200)
	for _, o := range contract.Operations {
		call := o.Method + " " + strings.Replace(o.Path, "/api/platforms/{platform}", "…", 1)
		if _, said := elsewhere[call]; !told[call] && !said {
			t.Errorf("nothing sends the example of %s", call)
		}
	}
}

const contractPlatform = "plt_01kcx5rjm4e7v8w9y0a1b2c3d4"

// tell sends the example, and compares the answer's form with the example of it.
func (e example) tell(t *testing.T, s *side, contract *apitest.Contract) {
	t.Helper()
	method, template, _ := strings.Cut(e.call, " ")
	template = strings.Replace(template, "…", "/api/platforms/{platform}", 1)
	path := template
	for pair := range strings.FieldsSeq(e.path + " platform=" + s.id) {
		name, value, _ := strings.Cut(pair, "=")
		path = strings.Replace(path, "{"+name+"}", url.PathEscape(value), 1)
	}
	at := slices.IndexFunc(contract.Operations, func(o *apitest.Operation) bool { return o.Method == method && o.Path == template })
	if at < 0 {
		t.Errorf("%s is not in the contract", e.call)
		return
	}
	o := contract.Operations[at]
	body := strings.NewReplacer(e.replace...).Replace(exampleBody(t, contract, method, template))
	if e.query != "" {
		path += "?" + e.query
	}
	var got answer
	switch o.Surfaces[0] {
	case "developer":
		got = s.dev.dash(t, method+" "+path, body)
	default:
		var headers []string
		for _, p := range o.Parameters {
			if p.Value.Name == "X-User-Id" {
				headers = append(headers, "X-User-Id: user-42")
			}
		}
		got = s.api(t, method+" "+path, body, headers...)
	}
	for status, response := range o.Responses.Map() {
		if status >= "3" {
			continue
		}
		if strconv.Itoa(got.status) != status {
			t.Errorf("the example of %s is answered %d %s, and the contract says %s", e.call, got.status, got.body, status)
			return
		}
		if content := response.Value.Content["application/json"]; content != nil {
			var value any
			must(t, json.Unmarshal([]byte(got.body), &value))
			alike(t, e.call, content.Example, value)
		}
	}
}

// Of the body of each call one member at a time is made wrong, or left away. What the contract does not take then the server
// must not take either.
func TestWhatTheContractDoesNotTakeTheServerDoesNot(t *testing.T) {
	t.Parallel()
	contract, err := apitest.Load()
	must(t, err)
	p := newPlatform(t)
	p.external(t, "user-42", "free")
	wrongs := []any{"", "a text\u0000", -1.5, 1e12, true, []any{1}, map[string]any{"x": 1}, nil}
	sent := 0
	for _, o := range contract.Operations {
		if o.RequestBody == nil || strings.HasPrefix(o.Path, "/webhook/") {
			continue
		}
		path := strings.NewReplacer("{platform}", p.id, "{project}", p.project, "{key}", p.skID, "{tier}", "free", "{id}", "user-42").Replace(o.Path)
		try := func(what string, body map[string]any) {
			text, err := json.Marshal(body)
			must(t, err)
			if contract.CheckBody(o, text) == nil {
				return
			}
			sent++
			var got answer
			if o.Surfaces[0] == "developer" {
				got = p.dev.dash(t, o.Method+" "+path, string(text))
			} else {
				got = p.api(t, o.Method+" "+path, string(text), "X-User-Id: user-42")
			}
			if got.status/100 != 4 {
				t.Errorf("%s %s with %s is not in the contract, and is answered %d: %s", o.Method, o.Path, what, got.status, text)
			}
		}
		var example map[string]any
		must(t, json.Unmarshal([]byte(exampleBody(t, contract, o.Method, o.Path)), &example))
		for name := range o.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
			for _, wrong := range wrongs {
				body := maps.Clone(example)
				body[name] = wrong
				try(fmt.Sprintf("%s %#v", name, wrong), body)
			}
			body := maps.Clone(example)
			delete(body, name)
			try("no "+name, body)
		}
		body := maps.Clone(example)
		body["another"] = 1
		try("another field", body)
	}
	if sent < 300 {
		t.Errorf("only %d bodies were sent that the contract does not take", sent)
	}
}

// An address of the developers' API takes the parameters that the contract has, and refuses any other.
func TestAnAddressOfTheDevelopersTakesTheParametersOfTheContractAndNoOther(t *testing.T) {
	t.Parallel()
	contract, err := apitest.Load()
	must(t, err)
	p := newPlatform(t)
	tried := 0
	for _, o := range contract.Operations {
		if !slices.Contains(o.Surfaces, "developer") || !strings.HasPrefix(o.Path, "/api/") {
			continue
		}
		tried++
		at := o.Method + " " + strings.NewReplacer("{platform}", p.id, "{project}", p.project, "{key}", p.skID, "{tier}", "free", "{id}", "user-42").Replace(o.Path)
		p.dev.dash(t, at+"?another=1", "").wantParam(t, "another")
		for _, one := range o.Parameters {
			if one.Value.In != "query" {
				continue
			}
			name := one.Value.Name
			p.dev.dash(t, at+"?"+name+"=1&"+name+"=2", "").wantParam(t, name)
			if got := p.dev.dash(t, at+"?"+name+"=", ""); strings.Contains(got.body, "is not a parameter") {
				t.Errorf("%s does not take %s: %s", at, name, got.body)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d addresses were tried", tried)
	}
}

func exampleBody(t *testing.T, contract *apitest.Contract, method, path string) string {
	t.Helper()
	for _, o := range contract.Operations {
		if o.Method != method || o.Path != path || o.RequestBody == nil {
			continue
		}
		body, err := json.Marshal(o.RequestBody.Value.Content["application/json"].Example)
		must(t, err)
		return string(body)
	}
	return ""
}

var (
	ofAnyKind = []string{"was", "becomes", "before", "after"}                                                        // what they are depends on the field
	tables    = []string{"metadata", "detail", "byPlan", "meters", "usage", "refused", "plans", "payload", "became"} // with names of their own
)

// alike fails where a member of the example is not in the answer, or is of another kind. null is of any kind, and what is in a
// table goes by names of its own.
func alike(t *testing.T, where string, said, got any) {
	t.Helper()
	switch said := said.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			if got != nil {
				t.Errorf("%s is %v, and an object in the example", where, got)
			}
			return
		}
		for _, name := range slices.Sorted(maps.Keys(said)) {
			value, there := members[name]
			switch {
			case there && !slices.Contains(ofAnyKind, name):
				alike(t, where+"."+name, said[name], value)
			case !there && !slices.Contains(tables, last(where)) && name != "plans": // which an empty hour has not
				t.Errorf("%s.%s is in the example, and not in the answer", where, name)
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %v, and a list in the example", where, got)
		}
		if len(said) > 0 && len(list) > 0 {
			alike(t, where+".[]", said[0], list[0])
		}
	case nil:
	default:
		if got != nil && fmt.Sprintf("%T", said) != fmt.Sprintf("%T", got) {
			t.Errorf("%s is a %T, and a %T in the example", where, got, said)
		}
	}
}

func last(where string) string { return where[strings.LastIndex(where, ".")+1:] }
