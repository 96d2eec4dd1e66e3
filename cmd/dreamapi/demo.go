package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant"
)

// facts are what dev tells programs, in .dreamapi/dev.json.
type facts struct {
	DashboardURL     string    `json:"dashboardUrl"`
	ConnectURL       string    `json:"connectUrl"`
	APIURL           string    `json:"apiUrl"`
	OpsURL           string    `json:"opsUrl"`
	ClerkSandboxURL  string    `json:"clerkSandboxUrl"`
	StripeSandboxURL string    `json:"stripeSandboxUrl"`
	DatabaseURL      string    `json:"databaseUrl"`
	Demo             demoFacts `json:"demo"`

	DemoYear *yearFacts `json:"demoYear,omitempty"` // where there is one
}

type demoFacts struct {
	Email          string      `json:"email"`
	Password       string      `json:"password"`
	ProjectID      id.Project  `json:"projectId"`
	PlatformID     id.Platform `json:"platformId"`
	PublishableKey string      `json:"publishableKey"`
	SecretKey      string      `json:"secretKey"`
	DeveloperToken string      `json:"developerToken"`
}

const (
	demoEmail    = "demo@example.com"
	demoPassword = "dream-api demo, only here"
)

func factsPath() string { return filepath.Join(stateDir, "dev.json") }

func readFacts() (facts, error) {
	var f facts
	text, err := os.ReadFile(factsPath())
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

// write replaces the file as a whole, so that a reader never sees half of it.
func (f facts) write() error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	draft := factsPath() + ".new"
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, factsPath())
}

// alive reports whether the dev that wrote the facts still runs.
func (f facts) alive() bool {
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get(f.OpsURL + "/livez")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (f facts) print(out io.Writer, port string) error {
	year := ""
	if f.DemoYear != nil {
		year = fmt.Sprintf("  The demo year    %s/platforms/%s   the project %s, with %d customers\n", f.DashboardURL, f.DemoYear.PlatformID,
			yearProject, f.DemoYear.Customers)
	}
	_, err := fmt.Fprintf(out, `
dream-api is ready. Ctrl-C stops it; make db/reset starts afresh.

  Dashboard        %s   sign in as %s, password "%s"
  API              http://localhost:%s
  Clerk (sandbox)  %s
  Stripe (sandbox) %s
  Log              %s
  All of this      %s
%s
Look at the price list, and count a call; the free tier grants 20 of them:

  export API=http://localhost:%s KEY=%s
  curl $API/api/tiers -H "Authorization: Bearer $KEY"
  curl $API/api/data -X POST -H "Authorization: Bearer $KEY" -H "X-User-Id: me" -H "X-User-Plan: free"

See sign-in, a limit and an upgrade in a product: make example, in another terminal.

`, f.DashboardURL, f.Demo.Email, f.Demo.Password, port, f.ClerkSandboxURL, f.StripeSandboxURL, filepath.Join(stateDir, "dev.log"), factsPath(), year, port, f.Demo.SecretKey)
	return err
}

// demo makes sure of a developer with a test platform, its tiers, keys and a developer token. What an earlier run made
// is used again, also its keys while they work.
func (a *app) demo(ctx context.Context, cfg config, year *yearMark) (facts, error) {
	before, err := readFacts()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return facts{}, fmt.Errorf("%s can not be read; move it away: %w", factsPath(), err)
	}
	f := facts{Demo: before.Demo}
	f.Demo.Email, f.Demo.Password = demoEmail, demoPassword
	if year != nil {
		f.DemoYear = &year.yearFacts
	}

	developer, err := demoDeveloper(ctx, a.modules.Platform, cfg)
	if err != nil {
		return f, err
	}
	own, err := a.demoPlatform(ctx, developer, &f)
	if err != nil {
		return f, err
	}
	for _, key := range []struct {
		kind id.KeyKind
		text *string
	}{{id.Publishable, &f.Demo.PublishableKey}, {id.Secret, &f.Demo.SecretKey}} {
		if parsed, ok := id.ParseKey(*key.text); ok {
			caller, err := a.modules.Gate.ByKey(ctx, parsed)
			if err == nil && caller.Platform == own.ID {
				continue
			}
			if err != nil && !errs.Is(err, errs.InvalidCredentials) {
				return f, err
			}
		}
		made, _, err := a.modules.Admin.CreateKey(ctx, own, key.kind, "demo", idempotency.Request{})
		if err != nil {
			return f, err
		}
		if *key.text = made.Secret; made.Key.Value != nil {
			*key.text = *made.Key.Value
		}
	}
	if parsed, ok := id.ParseKey(f.Demo.DeveloperToken); ok {
		who, err := a.modules.Platform.ByToken(ctx, parsed)
		if err == nil && who.ID == developer.ID {
			return f, nil
		}
	}
	token, err := a.modules.Platform.CreateToken(ctx, developer.ID, "demo")
	f.Demo.DeveloperToken = token.Secret
	return f, err
}

// demoDeveloper signs the demo's developer up with the sandbox, as a person would with the real Clerk.
func demoDeveloper(ctx context.Context, platforms *platform.Service, cfg config) (platform.Developer, error) {
	clerk, err := clerkapp.New(clerkapp.Config{
		SecretKey: cfg.DeveloperClerkSecretKey, PublishableKey: cfg.DeveloperClerkPublishableKey, APIURL: cfg.ClerkAPIURL,
		Insecure: true,
	})
	if err != nil {
		return platform.Developer{}, err
	}
	user, err := clerk.UserByEmail(ctx, demoEmail)
	if errors.Is(err, clerkapp.ErrNotFound) {
		user, err = clerk.CreateUser(ctx, clerkapp.NewUser{
			Email: demoEmail, FirstName: "Demo", LastName: "Developer", Password: secret.New(demoPassword), ExternalID: "demo",
		})
	}
	if err != nil {
		return platform.Developer{}, err
	}
	return platforms.EnsureDeveloper(ctx, user.ID, user.Email, user.Name)
}

func (a *app) demoPlatform(ctx context.Context, developer platform.Developer, f *facts) (platform.Platform, error) {
	demo := &f.Demo
	projects, err := a.modules.Platform.Projects(ctx, developer.ID)
	if err != nil {
		return platform.Platform{}, err
	}
	if f.DemoYear != nil {
		projects = slices.DeleteFunc(projects, func(p platform.Project) bool { return p.ID == f.DemoYear.ProjectID })
	}
	var project platform.Project
	if len(projects) > 0 {
		project = projects[0]
	} else if project, err = a.modules.Platform.CreateProject(ctx, developer.ID, "Demo"); err != nil {
		return platform.Platform{}, err
	}
	demo.ProjectID = project.ID
	var test, live platform.Platform
	for _, own := range project.Platforms {
		switch {
		case own.Mode == id.Live:
			live = own
		case test.ID == "":
			test = own
		}
	}
	if test.ID == "" {
		if test, err = a.modules.Admin.CreatePlatform(ctx, developer.ID, project.ID, id.Test, "Test"); err != nil {
			return platform.Platform{}, err
		}
		free := func(map[string]tenant.Limit) (map[string]tenant.Limit, error) {
			return map[string]tenant.Limit{tenant.DefaultMeter: {Max: new(int64(20)), Period: "month", Anchor: tenant.FromCalendar}}, nil
		}
		if _, err := a.modules.Admin.ChangeTier(ctx, test.ID, "free", tenant.TierChange{Limits: free}); err != nil {
			return platform.Platform{}, err
		}
	}
	if live.ID == "" {
		if _, err := a.modules.Admin.CreatePlatform(ctx, developer.ID, project.ID, id.Live, "Live"); err != nil {
			return platform.Platform{}, err
		}
	}
	demo.PlatformID = test.ID
	if err := a.demoTiers(ctx, test.ID); err != nil {
		return platform.Platform{}, err
	}
	return test, a.modules.Desk.Publish(ctx, test.ID)
}

// demoTiers adds the tier that costs something, unless an earlier run has.
func (a *app) demoTiers(ctx context.Context, own id.Platform) error {
	_, _, err := a.modules.Admin.CreateTier(ctx, own, tenant.Tier{
		Name: "pro", DisplayName: "Pro", Prices: tenant.PricesOf(map[string]int64{"month": 1000, "year": 10_000}),
		RateLimit: tenant.DefaultRateLimit,
		Limits:    map[string]tenant.Limit{tenant.DefaultMeter: {Max: new(int64(10_000)), Period: "month", Anchor: tenant.FromCalendar}},
	}, nil, idempotency.Request{})
	if errs.Is(err, errs.Conflict) {
		return nil
	}
	return err
}
