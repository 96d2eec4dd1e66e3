package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/secret"
)

func mustPrefix(t *testing.T, text string) netip.Prefix {
	t.Helper()
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return prefix
}

// target has a field of each kind that requests have.
type target struct {
	Text     string         `json:"text"`
	Number   int64          `json:"number"`
	Maybe    *int64         `json:"maybe"`
	Flag     *bool          `json:"flag"`
	List     []string       `json:"list"`
	Free     map[string]any `json:"free"`
	Password secret.Text    `json:"password"`
	Limit    limitValue     `json:"limit"`
	Meters   map[string]*struct {
		Limit  limitValue `json:"limit"`
		Period string     `json:"period"`
	} `json:"meters"`
	Items []struct {
		ID string `json:"id"`
	} `json:"items"`
}

func decodeText(body string) (target, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)) //nolint:noctx // rapid's T has no context
	var into target
	_, err := decode(echo.New().NewContext(r, httptest.NewRecorder()), &into, false)
	return into, err
}

func TestDecodeTakesWhatARequestHas(t *testing.T) {
	t.Parallel()
	got, err := decodeText(`{"text":"ä\u00e9\ud83d\ude00","number":-7,"maybe":null,"flag":true,"list":["a"],"free":{"x":[1,{"y":null}]},
		"password":"hush","limit":-1,"meters":{"m":{"limit":5,"period":"day"}},"items":[{"id":"1"},{}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "äé😀" || got.Number != -7 || got.Maybe != nil || !*got.Flag || got.List[0] != "a" || got.Password.Reveal() != "hush" ||
		!got.Limit.given || got.Limit.max != nil || *got.Meters["m"].Limit.max != 5 || got.Meters["m"].Period != "day" || len(got.Items) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestDecodeNamesTheFault(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"text":1}`:                              "text is a text.",
		`{"number":"1"}`:                          "number is a whole number, written without a point or an exponent.",
		`{"number":1.0}`:                          "number is a whole number, written without a point or an exponent.",
		`{"maybe":{}}`:                            "maybe is a whole number, written without a point or an exponent.",
		`{"flag":1}`:                              "flag is true or false.",
		`{"list":"a"}`:                            "list is a list of texts.",
		`{"list":["a",1]}`:                        "list is a list of texts.",
		`{"free":[]}`:                             "free is an object.",
		`{"password":1}`:                          "password is a text.",
		`{"limit":-2}`:                            `limit is a whole number from 0, or null, -1 or "unlimited" for no limit.`,
		`{"meters":[]}`:                           "meters is an object.",
		`{"meters":{"m":[]}}`:                     "meters.m is an object.",
		`{"items":[1]}`:                           "items[0] is an object.",
		`{"items":[{},{"id":[]}]}`:                "items[1].id is a text.",
		`{"TEXT":"a"}`:                            "TEXT is not a field that this request has.",
		`{"y":1,"y":2}`:                           "y is not a field that this request has.",
		`{"text":"a","text":"a"}`:                 "text is given twice.",
		`{"maybe":1,"maybe":2,"maybe":3}`:         "maybe is given twice.",
		`{"meters":{"a":null,"a":null,"a":null}}`: "meters.a is given twice.",
		`{"t\u0065xt":"a","text":"a"}`:            "text is given twice.",
		`{"free":{"a":{"b":1,"b":2}}}`:            "free gives a name twice, or is nested more than 20 levels deep.",
		`{"text":"\u0000"}`:                       "text holds a NUL character, which can not be stored.",
		`{"list":["\u0000"]}`:                     "list holds a NUL character, which can not be stored.",
		`[]`:                                      "The body is an object.",
		`{"text":{"a":1,"a":2}}`:                  "text is a text.",
		`{"free":[` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `]}`: "free gives a name twice, or is nested more than 20 levels deep.",
	} {
		_, err := decodeText(body)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != errs.InvalidRequest {
			t.Errorf("%s: %v", body, err)
		} else if want != "" && (len(e.Faults) != 1 || e.Faults[0].Message != want) {
			t.Errorf("%s: %+v, want %s", body, e.Faults, want)
		}
	}
}

func TestDecodeNeverTakesMoreThanItSays(t *testing.T) {
	t.Parallel()
	names := []string{"text", "number", "free", "items", "limit", "meters", "TEXT", "more", "password", ""}
	rapid.Check(t, func(t *rapid.T) {
		var members []string
		seen, mustFail := map[string]bool{}, false
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 6).Draw(t, "names") {
			value := rapid.SampledFrom([]string{`1`, `"a"`, `{}`, `[]`, `null`, `{"id":"x"}`, `[{"id":"x"}]`, `-1`}).Draw(t, "value")
			encoded, err := json.Marshal(name)
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, string(encoded)+":"+value)
			mustFail = mustFail || seen[name] || name == "TEXT" || name == "more" || name == ""
			seen[name] = true
		}
		tail := rapid.SampledFrom([]string{"", " \n", " {}", "x", "]", "\x00"}).Draw(t, "tail")
		mustFail = mustFail || strings.TrimSpace(tail) != ""
		_, err := decodeText("{" + strings.Join(members, ",") + "}" + tail)
		if mustFail && err == nil {
			t.Fatalf("taken: %v %q", members, tail)
		}
		var e *errs.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("not an error of ours: %v", err)
		}
	})
}

// What is cut into members by hand is what encoding/json makes of it, in whatever form it is written.
func TestMembersAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	leaf := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.SampledFrom([]any{nil, true, `\"`, "}", `,":{[`, "\\", []any{}, map[string]any{}}),
	)
	value := rapid.OneOf(leaf, rapid.Map(rapid.SliceOf(leaf), func(l []any) any { return l }),
		rapid.Map(rapid.MapOf(rapid.String(), leaf), func(m map[string]any) any { return []any{m, []any{m}} }))
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.MarshalIndent(rapid.MapOf(rapid.String(), value).Draw(t, "object"), "",
			rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		var d decoder
		d.members(text, "", func(name string, value []byte) { got[name] = value })
		if len(d.faults) > 0 || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis cut into %q, %v", text, got, d.faults)
		}
	})
}
