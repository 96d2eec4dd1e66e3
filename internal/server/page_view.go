package server

import (
	"bytes"
	"cmp"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
)

// dashboardPages are the pages for who is signed in. The others, which anybody may see, are in the folder above.
var dashboardPages = template.Must(template.New("").Funcs(pageFuncs).ParseFS(web, "web/templates/dashboard/*.html"))

// sections are the entries of the menu that pages of another name belong to.
var sections = map[string]string{"tier": "tiers", "new-tier": "tiers", "customer": "customers", "event": "events", "copy": "tiers"}

// view is what the template of a dashboard's page gets.
type view struct {
	Title    string
	Section  string // the entry of the menu
	Path     string // of this page, for a form to come back to
	Page     string // what the page is called on any platform, such as /customers; of what lies below it, which others have not, the list
	Who      platform.Developer
	Projects []platform.Project
	Project  platform.Project   // that of Platform
	Platform *platform.Platform // nil on a page that belongs to none
	Flash    *flash
	Data     any // the page's own
	Status   int // of the answer; 0: 200, or that of the form that comes back

	CustomerURL, Version string
}

// view writes a page of the dashboard.
func (s *Server) view(c echo.Context, name, title string, data any) error {
	return s.viewAs(c, 0, name, title, data)
}

// filteredView writes a page whose address says what it shows. What is wrong with that stands beside the fields.
func (s *Server) filteredView(c echo.Context, name, title string, faults map[string]string, data map[string]any) error {
	data["Faults"] = faults
	if len(faults) > 0 {
		return s.viewAs(c, http.StatusBadRequest, name, title, data)
	}
	return s.viewAs(c, 0, name, title, data)
}

// viewAs writes a page with a status, or with 0 that of the form that it answers.
func (s *Server) viewAs(c echo.Context, status int, name, title string, data any) error {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	v := view{
		Title: title, Section: name, Path: c.Request().URL.RequestURI(), Who: developerOf(c), Projects: projects, Data: data,
		Status: status,
	}
	if c.Request().Method == http.MethodPost { // a page that answers a form: the next one comes back to where that was
		v.Path = ownPath(c.Request().PostForm.Get("back"))
	}
	if section, ok := sections[name]; ok {
		v.Section = section
	}
	if own, ok := c.Get(platformKey).(platform.Platform); ok {
		v.Platform, v.Page = &own, pageOf(c.Path())
		for _, project := range projects {
			for _, one := range project.Platforms {
				if one.ID == own.ID {
					v.Project = project
				}
			}
		}
	}
	return s.writeView(c, name, v)
}

// pageOf is the page of a route below a platform that every platform has.
func pageOf(route string) string {
	page, _, _ := strings.Cut(strings.TrimPrefix(route, "/platforms/:platform"), "/:")
	if page == "/price-list/copy" { // it is about two platforms
		return "/tiers"
	}
	return page
}

func (s *Server) writeView(c echo.Context, name string, v view) error {
	v.Flash, v.CustomerURL, v.Version = s.shown(c), s.apiURL(), s.cfg.Version
	s.letFormsLeadOn(c)
	var out bytes.Buffer
	if err := dashboardPages.ExecuteTemplate(&out, name+".html", v); err != nil {
		return err
	}
	return s.html(c, cmp.Or(v.Status, statusOf(c)), out.Bytes(), v.Flash != nil && v.Flash.Secret != "")
}

// letFormsLeadOn has the forms of the page go on to Stripe: a browser holds what a form leads to, also by redirects, to form-action.
func (s *Server) letFormsLeadOn(c echo.Context) {
	header := c.Response().Header()
	allowed := strings.Join(append([]string{"form-action 'self'", s.cfg.OAuthURL.String()}, s.cfg.FormTargets...), " ")
	header.Set("Content-Security-Policy", strings.Replace(header.Get("Content-Security-Policy"), "form-action 'self'", allowed, 1))
}

// At is the address of a page of the platform.
func (v view) At(page string) string { return "/platforms/" + string(v.Platform.ID) + page }

// PlatformName names a platform of the developer's, as the product and the platform's own name.
func (v view) PlatformName(of id.Platform) string {
	for _, project := range v.Projects {
		for _, one := range project.Platforms {
			if one.ID == of {
				return project.Name + ", " + one.Name
			}
		}
	}
	return string(of)
}

// Test reports whether the page is one of a test platform.
func (v view) Test() bool { return v.Platform != nil && v.Platform.Mode == id.Test }

// LivePlatform is the project's live platform, or nil.
func (v view) LivePlatform() *platform.Platform {
	for _, one := range v.Project.Platforms {
		if one.Mode == id.Live {
			return &one
		}
	}
	return nil
}

// Counterpart is the project's platform of the other mode: the live one, or of the test ones the oldest; nil where there is
// none.
func (v view) Counterpart() *platform.Platform {
	for _, one := range v.Project.Platforms {
		if v.Platform != nil && one.Mode != v.Platform.Mode {
			return &one
		}
	}
	return nil
}

// labelled is a platform with a name that tells it from the developer's others.
type labelled struct {
	ID    id.Platform
	Label string
}

// Others are the developer's platforms but for this one; those of the same project come first.
func (v view) Others() []labelled {
	var near, far []labelled
	for _, project := range v.Projects {
		for _, one := range project.Platforms {
			label := one.Name
			if !strings.EqualFold(one.Name, string(one.Mode)) {
				label += " (" + string(one.Mode) + ")"
			}
			switch {
			case one.ID == v.Platform.ID:
			case project.ID == v.Project.ID:
				near = append(near, labelled{one.ID, label})
			default:
				far = append(far, labelled{one.ID, project.Name + ": " + label})
			}
		}
	}
	return append(near, far...)
}

// failedForm is whether the flash is about what was sent by the form of this name.
func (v view) failedForm(form string) bool {
	return v.Flash != nil && v.Flash.Failed && v.Flash.Form["form"] == form
}

// Failed reports whether the form was sent and came back.
func (v view) Failed(form string) bool { return v.failedForm(form) }

// Fault is what is wrong with a field that was sent, in the words of the page; empty where it is right.
func (v view) Fault(form, field string) string {
	if !v.failedForm(form) {
		return ""
	}
	return inWords(field, v.Flash.Faults[field])
}

// fieldFault is a fault with the id of the field that has it.
type fieldFault struct{ ID, Text string }

// Faults lists all that is wrong with the form that came back, by the names of its fields.
func (v view) Faults() []fieldFault {
	var list []fieldFault
	if v.Flash != nil && v.Flash.Failed {
		for _, field := range slices.Sorted(maps.Keys(v.Flash.Faults)) {
			list = append(list, fieldFault{v.Flash.Form["form"] + "-" + field, inWords(field, v.Flash.Faults[field])})
		}
	}
	return list
}

// Typed is what was typed into a field of a form that came back, or what it holds otherwise.
func (v view) Typed(form, field, otherwise string) string {
	if v.failedForm(form) {
		if typed, ok := v.Flash.Form[field]; ok {
			return typed
		}
	}
	return otherwise
}

// fieldLabels are what the pages call fields whose own names are those of the API.
var fieldLabels = map[string]string{
	"allowedOrigins": "The list", "by": "The unit", "checkoutCancelUrl": "The address for who does not pay",
	"checkoutSuccessUrl": "The address after a checkout", "color": "The colour", "confirm": "What you typed", "currency": "The currency",
	"customer": "The customer", "days": "The number of days", "displayName": "The display name", "domain": "The domain",
	"down": "To move down", "emailDomains": "The list of domains", "expires": "How long they last", "features": "The list of features",
	"from": "The first day", "homeUrl": "The address of your product", "kind": "The kind", "logo": "The logo", "max": "The limit",
	"meter": "The meter", "mode": "The kind", "monthly": "The monthly price", "name": "The name", "near": "Near a limit",
	"overlapSeconds": "The time", "ownColor": "A colour of your own", "period": "The period", "plan": "The plan",
	"privacyUrl": "The address of the privacy policy", "productName": "The product name", "quantity": "The number of units",
	"rateLimit": "The rate limit", "reason": "The reason", "removeLogo": "To remove the logo", "signUp": "Who may sign up",
	"signUpsPerHour": "The number of sign-ups", "sort": "The order", "status": "The subscription",
	"supportUrl": "The address for support", "termsUrl": "The address of the terms", "to": "The last day", "trialDays": "The trial",
	"up": "To move up", "yearly": "The yearly price",
}

// inWords calls the field that a message begins with as the page does.
func inWords(field, message string) string {
	rest, ok := strings.CutPrefix(message, field+" ")
	plain, _, _ := strings.Cut(field, ".") // the rows of a form are numbered
	if label, known := fieldLabels[plain]; ok && known {
		return label + " " + rest
	}
	return message
}
