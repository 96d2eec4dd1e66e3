package tenant

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/errs"
)

func TestALinkLeadsToAPageAndNowhereElse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://example.com": "https://example.com", "https://example.com/": "https://example.com/", "https://example.com/terms\n": "https://example.com/terms",
		"HTTPS://Example.COM/Terms": "https://example.com/Terms", "https://example.com:8443/a?b=c&d=%20#e": "https://example.com:8443/a?b=c&d=%20#e",
		"http://localhost:3000/terms": "http://localhost:3000/terms", "http://app.localhost": "http://app.localhost", "http://127.0.0.1:80": "http://127.0.0.1:80",
		"https://203.0.113.9/x": "https://203.0.113.9/x", "https://[::1]:1/": "https://[::1]:1/", "https://xn--bcher-kva.example/@me": "https://xn--bcher-kva.example/@me",
		"https://example.com/" + strings.Repeat("a", 480): "https://example.com/" + strings.Repeat("a", 480),
	} {
		if got, ok := keptLink(given); !ok || got != want {
			t.Errorf("%q is kept as %q %v, want %q", given, got, ok, want)
		}
	}
	for _, bad := range []string{
		"", "example.com", "//example.com", "/terms", "javascript:alert(1)", "JavaScript:alert(1)", "javascript://example.com/%0aalert(1)",
		"java\nscript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "ftp://example.com", "blob:https://example.com/x",
		"http://example.com", "http://localhost.evil.example", "https://", "https:///x", "https:example.com", `https:\\example.com`, `https://example.com\@evil.example`,
		"https://evil@example.com", "https://example.com@evil.example", "https://a:b@example.com", "https://@example.com", "https://example.com:", "https://example.com:99999",
		"https://example.com:http", "https://exa mple.com", "https://example.com/a b", "https://example.com/\nx", "https://example.com/\x00", "https://example.com/\u202e",
		"https://example.com/\"onclick=x", "https://example.com/<b>", "https://example.com/'", "https://example.com/`", "https://пример.example/", "https://*.example.com",
		"https://example", "https://example.com.", "https://-a.example", "https://a,b.example", "https://example.com/%zz",
		"https://example.com/" + strings.Repeat("a", 481), "https://" + strings.Repeat("a.", 130) + "example",
	} {
		if got, ok := keptLink(bad); ok {
			t.Errorf("%q is kept as %q", bad, got)
		}
	}
}

func TestAContactIsAPageOrAMailboxAlone(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"mailto:help@example.com": "mailto:help@example.com", "MAILTO:Help+a.b-c_d@Example.com": "mailto:Help+a.b-c_d@example.com", "https://example.com/help": "https://example.com/help",
	} {
		if got, ok := keptContact(given); !ok || got != want {
			t.Errorf("%q is kept as %q %v, want %q", given, got, ok, want)
		}
	}
	for _, bad := range []string{
		"", "help@example.com", "mailto:", "mailto:help", "mailto:@example.com", "mailto:help@", "mailto:help@localhost", "mailto:a@b.example?bcc=c@d.example", "mailto:a@b.example?subject=x",
		"mailto:a@b.example,c@d.example", "mailto:a%40b@c.example", "mailto:a@b.example%0d%0aBcc:c@d.example", "mailto:a@b.example\r\nBcc: c@d.example", "mailto:a b@c.example",
		`mailto:"a"@b.example`, "mailto:Ada <a@b.example>", "mailto:a@b.example#x", "mailto:a@b@c.example", "mailto://a@b.example", "mailto:ä@b.example", "tel:+491", "javascript:alert(1)",
		"mailto:" + strings.Repeat("a", 65) + "@b.example",
	} {
		if got, ok := keptContact(bad); ok {
			t.Errorf("%q is kept as %q", bad, got)
		}
	}
}

// params are those at fault in a change.
func (change SignInChange) params() string {
	_, _, err := change.checked()
	if err == nil {
		return ""
	}
	var params []string
	for _, fault := range err.(*errs.Error).Faults { //nolint:errorlint,forcetypeassert // it is made of them
		params = append(params, fault.Param)
	}
	return strings.Join(params, " ")
}

func TestANameOnAPageMisleadsNobody(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "Analytical Engines\r\n": "Analytical Engines", "<script>alert(1)</script>": "<script>alert(1)</script>", // text, which the pages escape
		"محرّك": "محرّك", "東京": "東京", strings.Repeat("ä", 60): strings.Repeat("ä", 60), "👩\u200d💻": "👩\u200d💻",
	} {
		kept, _, err := SignInChange{ProductName: &given}.checked()
		if err != nil || *kept.ProductName != want {
			t.Errorf("%q is kept as %q, %v", given, *kept.ProductName, err)
		}
	}
	for _, bad := range []string{strings.Repeat("ä", 61), "a\nb", "a\rb", "a\tb", "a\x00b", "a\x1b[0mb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b", "a\ufffdb",
		"a\u202ab", "a\u202db", "a\u202eb", "a\u2066b", "a\u2069b"} {
		if got := (SignInChange{ProductName: &bad}).params(); got != "productName" {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAColourAndDomainsAreKeptInOneForm(t *testing.T) {
	t.Parallel()
	domains := []string{" @Example.com", "b.example", "example.com", "a.example", "B.EXAMPLE"}
	kept, _, err := SignInChange{Color: &Stated{new("#AbCdEf")}, EmailDomains: &domains}.checked()
	if err != nil || *kept.Color.Text != "#abcdef" || fmt.Sprint(*kept.EmailDomains) != "[a.example b.example example.com]" {
		t.Errorf("kept %v, %v, %v", kept.Color, kept.EmailDomains, err)
	}
	for _, bad := range []string{"", "red", "#abc", "#abcdefa", "abcdef", "#gggggg", "#abcdef;", "#abcdef\n#", `#12"onx=`, "url(x)"} {
		if got := (SignInChange{Color: &Stated{&bad}}).params(); got != "color" {
			t.Errorf("the colour %q is taken", bad)
		}
	}
	for _, bad := range []string{"", "@", "localhost", "a@b.example", "*.example.com", "example.com.", "example .com", "127.0.0.1", "[::1]", "https://example.com", "example.com/x",
		"@@example.com", "-a.example", "пример.example", "a.example\nb.example", strings.Repeat("a.", 130) + "example"} {
		if got := (SignInChange{EmailDomains: &[]string{bad}}).params(); got != "emailDomains" {
			t.Errorf("the domain %q is taken: %s", bad, got)
		}
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("d%d.example", i))
	}
	if got := (SignInChange{EmailDomains: &many}).params(); got != "emailDomains" {
		t.Error("101 domains are taken")
	}
	if got := (SignInChange{EmailDomains: new(append(many[:100:100], many[:50]...))}).params(); got != "" {
		t.Error("100 domains, some of them twice, are refused")
	}
}

func TestEveryFaultOfASignInIsListedAtOnce(t *testing.T) {
	t.Parallel()
	bad := func() *Stated { return &Stated{new("javascript:alert(1)")} }
	got := SignInChange{
		ProductName: new("a\nb"), Logo: &Logo{[]byte("<svg/>")}, Color: bad(), HomeURL: bad(), TermsURL: bad(), PrivacyURL: bad(), SupportURL: bad(),
		SignUp: new(SignUpRule("all")), EmailDomains: &[]string{"x", "y"}, SignUpsPerHour: new(int64(0)),
	}.params()
	if want := "productName logo color homeUrl termsUrl privacyUrl supportUrl signUp emailDomains emailDomains signUpsPerHour"; got != want {
		t.Errorf("at fault are %s, want %s", got, want)
	}
	for _, most := range []int64{-1, 0, 100_001, 1 << 40} {
		if (SignInChange{SignUpsPerHour: &most}).params() == "" {
			t.Errorf("%d sign-ups an hour are taken", most)
		}
	}
}

func picture(width, height int, at func(x, y int) color.NRGBA) *image.NRGBA {
	made := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			made.SetNRGBA(x, y, at(x, y))
		}
	}
	return made
}

func plainRed(int, int) color.NRGBA { return color.NRGBA{200, 30, 30, 255} }

func pngOf(t *testing.T, made image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, made); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// resized is the file of a PNG whose header says another size.
func resized(file []byte, width, height uint32) []byte {
	file = bytes.Clone(file)
	binary.BigEndian.PutUint32(file[16:], width)
	binary.BigEndian.PutUint32(file[20:], height)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

func TestALogoIsAPNGOfOursWhateverCame(t *testing.T) {
	t.Parallel()
	small, wide, tall := pngOf(t, picture(40, 30, plainRed)), pngOf(t, picture(1024, 512, plainRed)), pngOf(t, picture(2, 1024, plainRed))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, picture(300, 600, plainRed), nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	noise := pngOf(t, picture(220, 220, func(int, int) color.NRGBA {
		n := random.Uint32()
		return color.NRGBA{uint8(n), uint8(n >> 8), uint8(n >> 16), uint8(n >> 24)}
	}))
	const trail = "<script>alert(1)</script>PK\x03\x04"
	comment := append(bytes.Clone(photo.Bytes()[:2]), append([]byte("\xff\xfe\x00\x1b"+trail[:25]), photo.Bytes()[2:]...)...)
	for name, c := range map[string]struct {
		file          []byte
		width, height int
	}{
		"a PNG": {small, 40, 30}, "a wide one": {wide, 256, 128}, "a tall one": {tall, 1, 256}, "a JPEG": {photo.Bytes(), 128, 256},
		"a PNG with a script behind it": {append(bytes.Clone(small), trail...), 40, 30}, "a JPEG with a script in it": {comment, 128, 256},
		"noise": {noise, 220, 220},
	} {
		kept, err := encodeLogo(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made, err := png.Decode(bytes.NewReader(kept))
		if err != nil || made.Bounds().Dx() != c.width || made.Bounds().Dy() != c.height {
			t.Errorf("%s: %v, %v", name, made.Bounds(), err)
		}
		if r, g, _, a := made.At(0, 0).RGBA(); name != "noise" && (r>>8 < 190 || g>>8 > 45 || a != 0xffff) {
			t.Errorf("%s: the colour is %v", name, made.At(0, 0))
		}
		if bytes.Contains(kept, []byte("script")) || !bytes.HasSuffix(kept, []byte("IEND\xaeB`\x82")) {
			t.Errorf("%s: more than the pixels came through", name)
		}
		if len(kept) > LargestLogo {
			t.Errorf("%s: %d bytes are kept", name, len(kept))
		}
	}
}

func TestWhatIsKeptOfNoiseIsSmallEnough(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	noise := picture(256, 256, func(int, int) color.NRGBA { // as a palette cannot, and deflate does not
		n := random.Uint32()
		return color.NRGBA{uint8(n), uint8(n >> 8), uint8(n >> 16), uint8(n>>24) | 1}
	})
	if full := pngOf(t, scaled(noise, keptSide)); len(full) <= LargestLogo {
		t.Fatalf("the noise has only %d bytes", len(full))
	}
	kept, err := keepLogo(noise)
	if err != nil || len(kept) > LargestLogo {
		t.Errorf("%d bytes are kept, %v", len(kept), err)
	}
}

func TestWhatIsNoLogoIsRefusedBeforeItUnfolds(t *testing.T) {
	t.Parallel()
	good := pngOf(t, picture(40, 30, plainRed))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, picture(40, 30, plainRed), nil); err != nil {
		t.Fatal(err)
	}
	scans := append(bytes.Clone(photo.Bytes()[:2]), bytes.Repeat([]byte("\xff\xfe\x00\x04\xff\xda"), mostJPEGScan)...)
	scans = append(scans, photo.Bytes()[2:]...)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing": {[]byte{}, errNoLogo}, "an SVG": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), errNoLogo},
		"a page": {[]byte("<!doctype html><script>alert(1)</script>"), errNoLogo}, "a GIF": {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), errNoLogo},
		"a page that begins as a PNG": {[]byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>"), errNoLogo}, "a PNG cut off": {good[:len(good)-20], errNoLogo},
		"a page that begins as a JPEG": {[]byte("\xff\xd8\xff<script>alert(1)</script>"), errNoLogo}, "a JPEG cut off": {photo.Bytes()[:200], errNoLogo},
		"a JPEG of many scans": {scans, errNoLogo}, "a bomb": {resized(good, 30_000, 30_000), errWideLogo}, "a little too wide": {resized(good, 1025, 30), errWideLogo},
		"a little too high": {resized(good, 40, 1025), errWideLogo}, "a file too large": {append(bytes.Clone(good), make([]byte, LargestLogo)...), errLargeLogo},
		"no pixels": {resized(good, 0, 30), errNoLogo},
	} {
		if kept, err := encodeLogo(c.file); err != c.want || kept != nil { //nolint:errorlint // these very ones
			t.Errorf("%s: %d bytes, %v, want %v", name, len(kept), err, c.want)
		}
	}
	// A header of 30,000 × 30,000 pixels would have 3.6 GB taken.
	if n := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = encodeLogo(resized(good, 30_000, 30_000))
		}
	}).AllocedBytesPerOp(); n > 1<<20 {
		t.Errorf("to refuse a bomb takes %d bytes", n)
	}
}

func TestInkIsReadOnTheColourBelowIt(t *testing.T) {
	t.Parallel()
	for below, want := range map[string]string{"#000000": "#ffffff", "#ffffff": "#000000", "#4338ca": "#ffffff", "#ffd400": "#000000", "#00ff00": "#000000", "#0000ff": "#ffffff"} {
		if got := (SignIn{Color: &below}).Ink(); got != want {
			t.Errorf("on %s: %s", below, got)
		}
	}
	if got := (SignIn{}).Ink(); got != "" {
		t.Errorf("without a colour: %s", got)
	}
}

// The least contrast is that of WCAG 2.2 for text, 4.5, computed from the colour and the ink as a browser would.
func TestInkCanBeReadOnEveryColour(t *testing.T) {
	t.Parallel()
	light := func(color string) float64 {
		var parts [3]int
		if _, err := fmt.Sscanf(color, "#%02x%02x%02x", &parts[0], &parts[1], &parts[2]); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			c := float64(parts[i]) / 255
			if c > 0.04045 {
				c = math.Pow((c+0.055)/1.055, 2.4)
			} else {
				c /= 12.92
			}
			sum += weight * c
		}
		return sum
	}
	for r := 0; r < 256; r += 5 {
		for g := 0; g < 256; g += 5 {
			for b := 0; b < 256; b += 5 {
				color := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				ink := SignIn{Color: &color}.Ink()
				one, two := light(color), light(ink)
				if contrast := (max(one, two) + 0.05) / (min(one, two) + 0.05); contrast < 4.5 {
					t.Fatalf("%s has ink %s with a contrast of %.2f", color, ink, contrast)
				}
			}
		}
	}
}
