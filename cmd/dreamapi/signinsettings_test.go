package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// aLogo is a file that a developer may have.
func aLogo(t testing.TB) []byte {
	t.Helper()
	made := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		made.SetNRGBA(i%8, i/8, color.NRGBA{uint8(i), 90, 200, 255})
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, made))
	return out.Bytes()
}

func dataURL(kind string, file []byte) string {
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(file)
}

func logoJSON(kind string, file []byte) string {
	return fmt.Sprintf(`{"logo":%q}`, dataURL(kind, file))
}

// upload sends a form with files as a page of the same origin does; a field is "name=value".
func (b *browser) upload(t testing.TB, address string, fields []string, files map[string][]byte) *browser {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		must(t, form.WriteField(name, value))
	}
	for name, file := range files {
		filename := "logo.png"
		if file == nil {
			filename = "" // nothing was chosen
		}
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, name, filename)}, "Content-Type": {"application/octet-stream"},
		})
		must(t, err)
		_, err = part.Write(file)
		must(t, err)
	}
	must(t, form.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, &body)
	must(t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(t, req)
}

// plainSignIn are the fields of the form as it is on a new platform.
func plainSignIn(p *tenancy, more ...string) []string {
	back := "/platforms/" + p.id + "/sign-in"
	return append([]string{"back=" + back, "form=sign-in", "productName=Shop", "ownColor=no", "color=#4338ca", "signUp=open", "signUpsPerHour=200"}, more...)
}

func TestASignInIsAsItWasMade(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	first := p.dash(t, "GET /sign-in", "").want(t, 200)
	first.expect(t, "signIn.productName", "shop", "signIn.logo", "<nil>", "signIn.color", "<nil>", "signIn.homeUrl", "<nil>", "signIn.termsUrl", "<nil>",
		"signIn.privacyUrl", "<nil>", "signIn.supportUrl", "<nil>", "signIn.signUp", "open", "signIn.emailDomains", "[]", "signIn.signUpsPerHour", "200", "signIn.plan", "<nil>")
	// A project's name may be what a name on a page must not.
	other := p.dev.dash(t, "POST /api/projects", `{"name":" a\u202e\nb`+strings.Repeat("ä", 90)+`"}`).want(t, 201).text("project.id")
	made := p.dev.dash(t, "POST /api/projects/"+other+"/platforms", `{"mode":"test","name":"x"}`).want(t, 201).text("platform.id")
	name := p.dev.dash(t, "GET /api/platforms/"+made+"/sign-in", "").want(t, 200).text("signIn.productName")
	equal(t, "the name of a project as that of a product", name, "ab"+strings.Repeat("ä", 57))
	p.dev.dash(t, "PATCH /api/platforms/"+made+"/sign-in", fmt.Sprintf(`{"productName":%q}`, name)).want(t, 200)
}

func TestAChangeOfASignInLeavesTheRestAsItIs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"beta","limit":5}`)
	whole := map[string]string{
		"productName": `"Engines"`, "color": `"#4338ca"`, "homeUrl": `"https://example.com"`, "termsUrl": `"https://example.com/terms"`,
		"privacyUrl": `"https://example.com/privacy"`, "supportUrl": `"mailto:help@example.com"`, "signUp": `"invitation"`,
		"emailDomains": `["example.com"]`, "signUpsPerHour": `7`, "plan": `"beta"`, "logo": fmt.Sprintf("%q", dataURL("image/png", aLogo(t))),
	}
	var all []string
	for field, value := range whole {
		all = append(all, fmt.Sprintf("%q:%s", field, value))
	}
	full := p.dash(t, "PATCH /sign-in", "{"+strings.Join(all, ",")+"}").want(t, 200)
	equal(t, "what is read", p.dash(t, "GET /sign-in", "").want(t, 200).body, full.body)
	file, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(full.text("signIn.logo"), "data:image/png;base64,"))
	must(t, err)
	_, err = png.Decode(bytes.NewReader(file))
	must(t, err)
	equal(t, "an empty change", p.dash(t, "PATCH /sign-in", "{}").want(t, 200).body, full.body)

	for field, value := range map[string][2]string{ // what is sent, what is then read
		"productName": {`""`, ""}, "logo": {`null`, "<nil>"}, "color": {`null`, "<nil>"}, "homeUrl": {`null`, "<nil>"}, "termsUrl": {`null`, "<nil>"},
		"privacyUrl": {`null`, "<nil>"}, "supportUrl": {`null`, "<nil>"}, "signUp": {`"closed"`, "closed"}, "emailDomains": {`[]`, "[]"},
		"signUpsPerHour": {`100000`, "100000"}, "plan": {`null`, "<nil>"},
	} {
		changed := p.dash(t, "PATCH /sign-in", fmt.Sprintf("{%q:%s}", field, value[0])).want(t, 200)
		for other := range whole {
			want := full.text("signIn." + other)
			if other == field {
				want = value[1]
			}
			equal(t, field+" changed: "+other, changed.text("signIn."+other), want)
		}
		p.dash(t, "PATCH /sign-in", fmt.Sprintf("{%q:%s}", field, whole[field])).want(t, 200)
	}
	equal(t, "at the end", p.dash(t, "GET /sign-in", "").want(t, 200).body, full.body)
}

func TestASignInTakesNothingThatCouldTurnOnAUser(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	before := p.dash(t, "GET /sign-in", "").want(t, 200).body
	link := func(address string) string {
		return strings.ReplaceAll(`{"homeUrl":"@","termsUrl":"@","privacyUrl":"@","supportUrl":"@"}`, "@", address)
	}
	const links = "homeUrl termsUrl privacyUrl supportUrl"
	bomb := aLogo(t)
	copy(bomb[16:], "\x00\x00\x75\x30\x00\x00\x75\x30") // its header says 30,000 × 30,000; the checksum is wrong as well
	for _, c := range []struct{ body, params string }{
		{link("javascript:alert(1)"), links}, {link("https://evil@host.example"), links}, {link("//evil.example"), links}, {link("data:text/html,x"), links},
		{link("http://example.com"), links}, {link(""), links}, {link(`https://a.example/\u0000`), links}, {link(`https://a.example/\u202e`), links},
		{link("mailto:a@b.example"), "homeUrl termsUrl privacyUrl"}, {`{"supportUrl":"mailto:a@b.example?bcc=c@d.example"}`, "supportUrl"},
		{`{"productName":"a\nb"}`, "productName"}, {`{"productName":"a\u202eb"}`, "productName"}, {`{"productName":"a\u0000b"}`, "productName"},
		{`{"color":"red;background:url(//evil.example)"}`, "color"}, {`{"color":1}`, "color"}, {`{"color":"#4338ca\u0000"}`, "color"},
		{`{"emailDomains":["@"]}`, "emailDomains"}, {`{"emailDomains":["a@b.example"]}`, "emailDomains"}, {`{"emailDomains":"b.example"}`, "emailDomains"},
		{`{"signUp":"all"}`, "signUp"}, {`{"signUp":""}`, "signUp"}, {`{"signUpsPerHour":0}`, "signUpsPerHour"}, {`{"signUpsPerHour":100001}`, "signUpsPerHour"},
		{`{"signUpsPerHour":4294967297}`, "signUpsPerHour"}, {`{"plan":"\u0000"}`, "plan"}, {`{"plan":1}`, "plan"},
		{logoJSON("image/png", []byte("<svg/>")), "logo"}, {logoJSON("image/svg+xml", []byte("<svg/>")), "logo"}, {logoJSON("text/html", aLogo(t)), "logo"},
		{logoJSON("image/png", bomb), "logo"}, {logoJSON("image/png", make([]byte, 200_001)), "logo"}, {`{"logo":"data:image/png;base64,"}`, "logo"},
		{`{"logo":"data:image/png;base64,!"}`, "logo"}, {`{"logo":"https://evil.example/logo.png"}`, "logo"}, {`{"logo":""}`, "logo"}, {`{"logo":{}}`, "logo"},
		{`{"productname":"x"}`, "productname"}, {`{"color":null,"color":null}`, "color"},
	} {
		if got := p.dash(t, "PATCH /sign-in", c.body); got.status != 400 {
			t.Errorf("%.120s: %d %s", c.body, got.status, got.body)
		} else {
			got.wantParam(t, strings.Fields(c.params)...)
		}
	}
	equal(t, "after all that", p.dash(t, "GET /sign-in", "").want(t, 200).body, before)
	// A name is text, whatever it looks like.
	p.dash(t, "PATCH /sign-in", `{"productName":"<script>alert(1)</script>"}`).want(t, 200)
	page := p.w.browser(t).signIn(t, p.dev).open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/sign-in").sees(t, "&lt;script&gt;alert(1)").page
	if strings.Contains(page, "<script>") {
		t.Error("a name is a script")
	}
}

func TestThePlanOfThoseWhoSignUpIsOneThatCustomersCanHave(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"beta","limit":5}`)
	p.dash(t, "PATCH /sign-in", `{"plan":"none"}`).want(t, 400, "unknown_plan").expect(t, "param", "plan")
	p.dash(t, "PATCH /sign-in", `{"plan":""}`).want(t, 400, "unknown_plan")
	p.dash(t, "PATCH /sign-in", `{"plan":"beta"}`).want(t, 200)
	p.dash(t, "PATCH /tiers/beta", `{"archived":true}`).want(t, 200)
	// Archived since, it stays until another is chosen, and keeps nothing else from being changed.
	p.dash(t, "PATCH /sign-in", `{"plan":"beta","color":"#000000"}`).want(t, 200).expect(t, "signIn.plan", "beta", "signIn.color", "#000000")
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/sign-in"
	p.w.browser(t).signIn(t, p.dev).open(t, at).sees(t, "beta is archived, so nobody can sign up")
	p.dash(t, "PATCH /sign-in", `{"plan":null}`).want(t, 200)
	p.dash(t, "PATCH /sign-in", `{"plan":"beta"}`).want(t, 400, "unknown_plan")
}

func TestASignInIsTheDevelopersOwn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "PATCH /sign-in", logoJSON("image/png", aLogo(t))).want(t, 200)
	before := p.dash(t, "GET /sign-in", "").want(t, 200).body
	mallory := p.w.developer(t, "mallory@dev.example")
	mallory.dash(t, "GET "+p.own+"/sign-in", "").want(t, 404, "not_found")
	mallory.dash(t, "PATCH "+p.own+"/sign-in", `{"productName":"taken"}`).want(t, 404, "not_found")
	b := p.w.browser(t).signIn(t, mallory)
	page := p.w.url("dashboard") + "/platforms/" + p.id + "/sign-in"
	b.open(t, page).sees(t, "Not found")
	b.open(t, page+"/logo").sees(t, "Not found")
	b.upload(t, page, plainSignIn(p, "productName=taken"), nil)
	p.w.browser(t).open(t, page+"/logo").sees(t, "Sign in")
	equal(t, "what others did", p.dash(t, "GET /sign-in", "").want(t, 200).body, before)
}

func TestAChangeOfASignInCountsAsOneByTheAPIAndNotByThePage(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withConfig(func(c *config) { c.DeveloperFreeCalls = 100 }))
	calls := func() string { return p.dev.dash(t, "GET /api/plan", "").want(t, 200).text("plan.calls.count") }
	before := calls()
	p.dash(t, "GET /sign-in", "").want(t, 200)
	p.dash(t, "PATCH /sign-in", `{"color":"red"}`).want(t, 400)
	p.w.browser(t).signIn(t, p.dev).upload(t, p.w.url("dashboard")+"/platforms/"+p.id+"/sign-in", plainSignIn(p), nil).sees(t, "Saved")
	equal(t, "after none by the API", calls(), before)
	p.dash(t, "PATCH /sign-in", `{"color":"#000000"}`).want(t, 200)
	if calls() == before {
		t.Error("a change does not count")
	}
}

func TestWhatTheSignInPageCanDoTheAPICanDo(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"beta","limit":5}`)
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/sign-in"
	fields := plainSignIn(p, "homeUrl=https://example.com", "termsUrl=https://example.com/terms", "privacyUrl=https://example.com/privacy",
		"supportUrl=help@example.com", "emailDomains=example.com\r\n@b.example\r\n", "plan=beta")
	for i, field := range fields {
		fields[i] = map[string]string{"ownColor=no": "ownColor=yes", "signUp=open": "signUp=invitation", "signUpsPerHour=200": "signUpsPerHour=1,000"}[field]
		if fields[i] == "" {
			fields[i] = field
		}
	}
	b.upload(t, at, fields, map[string][]byte{"logo": aLogo(t)}).sees(t, "Saved").sees(t, `fill="#4338ca"`).sees(t, `fill="#ffffff"`).sees(t, "/sign-in/logo")
	byPage := p.dash(t, "GET /sign-in", "").want(t, 200).expect(t, "signIn.productName", "Shop", "signIn.color", "#4338ca", "signIn.supportUrl", "mailto:help@example.com",
		"signIn.emailDomains", "[b.example example.com]", "signIn.signUp", "invitation", "signIn.signUpsPerHour", "1000", "signIn.plan", "beta")
	other := p.dev.platform(t, "other")
	other.tier(t, `{"name":"beta","limit":5}`)
	byAPI := other.dash(t, "PATCH /sign-in", fmt.Sprintf(`{"productName":"Shop","logo":%q,"color":"#4338CA","homeUrl":"https://example.com",
		"termsUrl":"https://example.com/terms","privacyUrl":"https://example.com/privacy","supportUrl":"mailto:help@example.com","signUp":"invitation",
		"emailDomains":["b.example","example.com"],"signUpsPerHour":1000,"plan":"beta"}`, dataURL("image/png", aLogo(t)))).want(t, 200)
	equal(t, "by the API", byAPI.body, byPage.body)

	// The file that the browser gets is the one that is kept, as a picture and nothing else.
	b.open(t, at+"/logo")
	equal(t, "the logo", dataURL("image/png", []byte(b.page)), byPage.text("signIn.logo"))
	// Saved again without a file, the logo stays; what is emptied goes.
	b.upload(t, at, plainSignIn(p), map[string][]byte{"logo": nil}).sees(t, "Saved")
	p.dash(t, "GET /sign-in", "").want(t, 200).expect(t, "signIn.logo", byPage.text("signIn.logo"), "signIn.color", "<nil>", "signIn.homeUrl", "<nil>",
		"signIn.supportUrl", "<nil>", "signIn.emailDomains", "[]", "signIn.plan", "<nil>", "signIn.signUp", "open")
	b.upload(t, at, plainSignIn(p, "removeLogo=yes"), map[string][]byte{"logo": nil}).sees(t, "Saved")
	p.dash(t, "GET /sign-in", "").want(t, 200).expect(t, "signIn.logo", "<nil>")
	b.open(t, at+"/logo").sees(t, "Not found")
}

func TestASignInFormThatIsRefusedComesBackWithWhatWasTypedAndNoFile(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/sign-in"
	mark := []byte("<svg>the-contents-of-a-file</svg>")
	b.upload(t, at, plainSignIn(p, "homeUrl=javascript:alert(1)", "emailDomains=good.example\r\nnone", "termsUrl=https://typed.example"), map[string][]byte{"logo": mark})
	for _, want := range []string{"Please check what you entered", "The logo is a PNG or a JPEG", "The address of your product is an address such as",
		"The list of domains holds domains such as", `value="javascript:alert(1)"`, `value="https://typed.example"`, "good.example", `id="sign-in-logo-fault"`, "Choose it again"} {
		b.sees(t, want)
	}
	if strings.Contains(b.page, "the-contents-of-a-file") {
		t.Error("the contents of a file are shown again")
	}
	p.dash(t, "GET /sign-in", "").want(t, 200).expect(t, "signIn.homeUrl", "<nil>", "signIn.termsUrl", "<nil>")

	for name, size := range map[string]int{"a file too large": 200_001, "a file larger than any request": 3 << 20} {
		b.upload(t, at, plainSignIn(p, "homeUrl=https://typed.example"), map[string][]byte{"logo": make([]byte, size)}).
			sees(t, "The logo has 200 kB at the most").sees(t, `value="https://typed.example"`)
		if b.at.Path != "/platforms/"+p.id+"/sign-in" {
			t.Errorf("%s leads to %s", name, b.at)
		}
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = "x=y"
	}
	b.upload(t, at, plainSignIn(p, many...), nil).sees(t, "more than 100 fields")
	b.upload(t, at, plainSignIn(p, "homeUrl="+strings.Repeat("x", 70_000)), nil).sees(t, "more than 64 kB")
	b.upload(t, at, plainSignIn(p, "homeUrl=\xff"), nil).sees(t, "not UTF-8")
	p.dash(t, "GET /sign-in", "").want(t, 200).expect(t, "signIn.homeUrl", "<nil>", "signIn.logo", "<nil>")
}

func TestTheSignInPageShowsTheAddressesOfThePages(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/sign-in"
	b.open(t, at)
	for _, page := range []string{"/sign-in", "/sign-up", "/account"} {
		b.sees(t, p.w.url("api")+page+"?publishableKey="+p.pk)
	}
	b.sees(t, "of which there is none yet").sees(t, "http://localhost:3000")
	p.dash(t, "PATCH /", `{"allowedOrigins":["https://app.example"]}`).want(t, 200)
	p.dash(t, "POST /keys/"+p.pkID+"/revoke", "").want(t, 200)
	b.open(t, at).sees(t, "none works here yet")
	if strings.Contains(b.page, p.pk) || strings.Contains(b.page, "of which there is none yet") {
		t.Error("the page is as before")
	}
}
