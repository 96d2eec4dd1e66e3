package server

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// serves has the routes, and what their pages bring along, answer at an address.
func serves(t *testing.T, s *Server, routes func(*echo.Echo)) string {
	t.Helper()
	e := echo.New()
	e.Use(s.securityHeaders)
	e.GET("/static/*", s.static)
	routes(e)
	pages := httptest.NewServer(e)
	t.Cleanup(pages.Close)
	s.cfg.DeveloperURL, _ = url.Parse(pages.URL)
	return pages.URL
}

func TestALongNameIsCutInTheHeaderAndPushesNothingOut(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	names := map[string]string{
		"short": "Shop", "long": strings.Repeat("W", 100), "japanese": strings.Repeat("長", 100), "hebrew": strings.Repeat("שלום", 25),
		"arabic": strings.TrimSpace(strings.Repeat("متجر جديد ", 10)), "words": strings.TrimSpace(strings.Repeat("my shop ", 12)),
	}
	address := serves(t, s, func(e *echo.Echo) {
		e.GET("/:which", func(c echo.Context) error {
			v := testView("projects", id.Test, nil)
			name := names[c.Param("which")]
			v.Project.Name, v.Platform.Name = name, name
			v.Project.Platforms[0].Name, v.Projects[0].Name, v.Projects[0].Platforms = name, name, v.Project.Platforms
			return s.writeView(c, "projects", v)
		})
	})
	b := browser.New(t, true)
	for _, width := range []int64{1280, 360} {
		b.Act(t, chromedp.EmulateViewport(width, 800))
		height := 0.0
		for _, which := range []string{"short", "long", "japanese", "hebrew", "arabic", "words"} {
			name := names[which]
			b.Open(t, address+"/"+which)
			if tall := browser.Look[float64](t, b, "document.querySelector('.side-top').offsetHeight"); height == 0 {
				height = tall
			} else if tall > height+4 { // a script may need a taller line
				t.Errorf("%s, at %d px: the head of the menu is %v px tall, and %v with a short name", which, width, tall, height)
			}
			for _, state := range []string{"shut", "open"} {
				if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s, %s, at %d px: the page is %d px wide", which, state, width, wide)
				}
				if out := browser.Look[int](t, b, `[...document.querySelectorAll('.switch *')].filter(e => e.getClientRects().length
					&& e.getBoundingClientRect().right > document.querySelector('.side').getBoundingClientRect().right).length`); out > 0 {
					t.Errorf("%s, %s, at %d px: %d elements stand out", which, state, width, out)
				}
				browser.Look[bool](t, b, "document.querySelector('.switch').open = true")
			}
			if title := browser.Look[string](t, b, "document.querySelector('.switch summary').title"); title != name+", "+name {
				t.Errorf("%s: the title is %q", which, title)
			}
			if said := browser.Look[string](t, b, "document.querySelector('.switch summary').textContent"); strings.Count(said, name) != 2 || !strings.HasSuffix(said, " Test") {
				t.Errorf("%s: who does not see it hears %q", which, said)
			}
		}
	}
	b.NoComplaints(t)
}

func TestTheLinkOfASingleFaultPutsOneIntoItsField(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	address := serves(t, s, func(e *echo.Echo) {
		e.GET("/new-tier", shows(s, "new-tier", freshTier()))
		e.POST("/platforms/plt_1/tiers", fails(s, errs.InvalidParam("monthly", "monthly is an amount.")))
	})
	for _, scripts := range []bool{true, false} {
		b := browser.New(t, scripts)
		b.Open(t, address+"/new-tier")
		browser.Look[string](t, b, `document.querySelector('[name=back]').value = '/new-tier'`)
		b.Fill(t, "Display name", "Pro", "Name in the API", "pro")
		b.Press(t, "Add the tier")
		b.Says(t, "The monthly price is an amount.")
		b.Act(t, chromedp.Click(chromedp.CSS(".notice.bad a")))
		b.AwaitAt(t, "#tier-monthly")
		if at := browser.Look[string](t, b, "document.activeElement.id"); at != "tier-monthly" {
			t.Errorf("the link leads to %q", at)
		}
	}
}
