package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestABodyThatIsNoJSONObjectIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for name, body := range map[string]string{
		"empty": "", "blank": " \n", "cut off": `{"email":"a@b.example"`, "two": `{"id":"a"} {"id":"b"}`, "trailing": `{"id":"a"}x`,
		"bare": `email`, "single quotes": `{'id':'a'}`, "comment": `{"id":"a" /* x */}`, "trailing comma": `{"id":"a",}`,
		"a NUL": "{\"id\":\"a\x00\"}", "a byte order mark": "\ufeff{\"id\":\"a\"}",
	} {
		if got := p.api(t, "POST /api/customers", body); got.status != 400 || got.text("code") != "invalid_json" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for name, body := range map[string]string{"list": `[]`, "text": `"a"`, "number": `1`, "null": `null`, "true": `true`} {
		if got := p.api(t, "POST /api/customers", body); got.status != 400 || got.text("code") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	equal(t, "customers", len(p.api(t, "GET /api/customers", "").list("data")), 0)
}

func TestEveryFaultOfABodyIsListedWithItsPath(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	user := "X-User-Id: u"
	for _, c := range []struct {
		asked, body string
		params      string
	}{
		{"POST /api/customers", `{"email":"a@b.example","admin":true}`, "admin"},
		{"POST /api/customers", `{"Email":"a@b.example"}`, "Email"},
		{"POST /api/customers", `{"email":"a@b.example","email":"c@d.example"}`, "email"},
		{"POST /api/customers", `{"email":1,"firstName":[],"x":1,"plan":{},"x":2}`, "email firstName x plan"},
		{"POST /api/customers", `{"email":"no address","firstName":"` + strings.Repeat("n", 101) + `"}`, "firstName email"},
		{"POST /api/customers", `{"id":"a b","password":"long enough 1"}`, "id password"},
		{"POST /api/customers", `{"firstName":"a\u0000b","id":"x"}`, "firstName"},
		{"POST /api/customers", `{}`, "email"},
		{"PATCH /api/customers/u", `{"metadata":{"a":1,"a":2}}`, "metadata"},
		{"PATCH /api/customers/u", `{"metadata":{"deep":[{"b":1,"b":2}]}}`, "metadata"},
		{"PATCH /api/customers/u", `{"metadata":{"x":"a\u0000"}}`, "metadata"},
		{"PATCH /api/customers/u", `{"metadata":{"\u0000":null}}`, "metadata"},
		{"PATCH /api/customers/u", `{"metadata":[]}`, "metadata"},
		{"PATCH /api/customers/u", `{"metadata":{"x":"` + strings.Repeat("m", 17<<10) + `"}}`, "metadata"},
		{"PATCH /api/customers/u", `{"email":"new@mail.example","publishableKey":"pk"}`, "email publishableKey"},
		{"POST /api/data", `{"quantity":-1000000001}`, "quantity"},
		{"POST /api/grants", `{"userId":"u","quantity":0,"expires":"used"}`, "quantity"},
		{"POST /api/grants", `{"userId":"u","quantity":1}`, "expires"},
		{"POST /api/grants", `{"quantity":1,"expires":"period"}`, "userId"},
		{"POST /api/data", `{"quantity":1.5}`, "quantity"},
		{"POST /api/data", `{"quantity":1e2}`, "quantity"},
		{"POST /api/data", `{"quantity":"1"}`, "quantity"},
		{"POST /api/data", `{"quantity":1000000001}`, "quantity"},
		{"POST /api/data", `{"quantity":9223372036854775808}`, "quantity"},
		{"POST /api/data", `{"meter":5,"count":1}`, "meter count"},
		{"POST /api/data/batch", `{"items":[]}`, "items"},
		{"POST /api/data/batch", `{"items":{}}`, "items"},
		{"POST /api/data/batch", `{}`, "items"},
		{"POST /api/data/batch", `{"items":[{"id":"1","userId":"u"},{"id":"2","userId":1,"x":0},null,{"id":"4","id":"5"}]}`,
			"items[1].userId items[1].x items[2] items[3].id"},
		{"POST /api/data/batch", `{"items":[{"userId":"u"},{"id":"` + strings.Repeat("i", 256) + `","userId":"u"}]}`, "items[0].id items[1].id"},
	} {
		got := p.api(t, c.asked, c.body, user)
		if got.status != 400 {
			t.Errorf("%s %.80s: %d %s", c.asked, c.body, got.status, got.body)
			continue
		}
		got.wantParam(t, strings.Fields(c.params)...)
	}
	for _, c := range []struct {
		asked, body string
		params      string
	}{
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":{"limit":-5,"period":"month"},"images":{"limits":1}}}`,
			"meters.tokens.limit meters.images.limits"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":{"limit":1},"tokens":{"limit":2}}}`, "meters.tokens"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":{"limit":1,"limit":2}}}`, "meters.tokens.limit"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":1}}`, "meters.tokens"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":{}}}`, "meters.tokens.limit"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"tokens":{"limit":1,"period":"fortnight"}}}`, "meters.tokens.period"},
		{"POST /tiers", `{"name":"x","price":0,"limit":1,"meters":{"requests":{"limit":2}}}`, "limit"},
		{"POST /tiers", `{"name":"X","price":-1,"interval":"decade","rateLimit":-1,"position":-1,"features":[""]}`,
			"name price interval rateLimit position features limit"},
		{"PATCH /", `{"currency":"USD","allowedOrigins":["https://*.example","ftp://x.example"]}`, "allowedOrigins allowedOrigins currency"},
		{"POST /keys", `{"kind":"admin","name":""}`, "kind name"},
		{"POST /keys/" + p.skID + "/rotate", `{"overlapSeconds":-1}`, "overlapSeconds"},
		{"POST /keys/" + p.skID + "/rotate", `{"overlapSeconds":2592001}`, "overlapSeconds"},
		{"POST /keys/" + p.skID + "/rotate", `{"overlapSeconds":9223372036854775807}`, "overlapSeconds"},
		{"POST /domains", `{"domain":"not a domain"}`, "domain"},
		{"POST /domains", `{"domain":"127.0.0.1"}`, "domain"},
	} {
		got := p.dash(t, c.asked, c.body)
		if got.status != 400 {
			t.Errorf("%s %.80s: %d %s", c.asked, c.body, got.status, got.body)
			continue
		}
		got.wantParam(t, strings.Fields(c.params)...)
	}
	p.usage(t, "u").expect(t, "usageCount", "0")
}

func TestATextThatOnlyLooksLikeANULIsTaken(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	// The six characters \u0000, and not the one that they stand for.
	p.api(t, "PATCH /api/customers/u", `{"firstName":"\\u0000","metadata":{"a":"\\u0000"}}`).want(t, 200).
		expect(t, "customer.firstName", `\u0000`, "customer.metadata.a", `\u0000`)
}

func TestALargeOrDeepBodyIsRefusedWithLittleWork(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	const largest = 1 << 20
	fits := `{"metadata":{"a":1}` + strings.Repeat(" ", largest-len(`{"metadata":{"a":1}}`)) + `}`
	p.api(t, "PATCH /api/customers/u", fits).want(t, 200)
	for _, asked := range []string{"PATCH /api/customers/u", "POST /api/customers", "POST /api/data/batch", "POST /api/data"} {
		p.api(t, asked, fits+" ", "X-User-Id: u").want(t, http.StatusRequestEntityTooLarge, "too_large")
	}
	p.w.api(t, "POST /webhook/clerk", "", fits+" ").want(t, http.StatusRequestEntityTooLarge, "too_large")
	p.dash(t, "PATCH /", fits+" ").want(t, http.StatusRequestEntityTooLarge, "too_large")

	deep := func(depth int, inner string) string {
		return `{"metadata":` + strings.Repeat(`{"a":`, depth) + inner + strings.Repeat("}", depth) + "}"
	}
	p.api(t, "PATCH /api/customers/u", deep(19, "1")).want(t, 200)
	got := p.api(t, "PATCH /api/customers/u", deep(9000, `"`+strings.Repeat("x", 900_000)+`"`)).want(t, 400)
	got.wantParam(t, "metadata")
	if len(got.body) > 64<<10 {
		t.Errorf("the answer to a deep body has %d bytes", len(got.body))
	}
	got = p.api(t, "POST /api/data/batch", `{"items":[`+strings.Repeat("{},", 300_000)+`{}]}`).want(t, 400)
	if len(got.body) > 64<<10 {
		t.Errorf("the answer to a batch that is too long has %d bytes", len(got.body))
	}
	var many strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&many, `"x%d":1,`, i)
	}
	got = p.api(t, "POST /api/customers", `{`+many.String()+`"id":"x"}`).want(t, 400)
	if len(got.body) > 64<<10 {
		t.Errorf("the answer to many unknown fields has %d bytes", len(got.body))
	}
}
