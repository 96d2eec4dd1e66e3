package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/demo"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/sandbox/stripe"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// yearOptions say which year to make.
type yearOptions struct {
	Seed      uint64 `json:"seed"`
	Customers int    `json:"customers"`
}

// yearFacts are what dev tells programs of the demo year.
type yearFacts struct {
	yearOptions
	ProjectID      id.Project  `json:"projectId"`
	PlatformID     id.Platform `json:"platformId"`
	PublishableKey string      `json:"publishableKey"`
	SecretKey      string      `json:"secretKey"`
}

const (
	yearProject   = "Moonbeam"
	createdAtOnce = 4 // customers that are created at the same time
	mostTracked   = 1000
)

// yearMaker carries out an invented year: nothing of it is written by SQL. The sandbox's clock is put a year behind, and the
// database's with it, and both are turned forward; what customers do is done by the modules that would do it in production,
// their money is paid at the stand-in for Stripe, whose events the worker works, and the developer uses the JSON API.
type yearMaker struct {
	app      *app
	stripe   *stripe.Server
	watch    *pgx.Conn // as the owner of the tables: it reads whether the worker is done
	progress func(day int)

	year   demo.Year
	facts  yearFacts
	host   string // of the developer surface
	who    id.Developer
	token  platform.Token // of the developer, until the year is made
	caller tenant.Caller
	ids    []string // of the customers that were created
	gone   map[int]bool
	nextIn int // the next customer to come
	acted  int // acts that are done

	counted map[countedOn]int64
	refused int
}

// countedOn is a day of the year and a meter.
type countedOn struct {
	Day   int
	Meter string
}

// newYearMaker puts the clock to the first day and makes the developer, the project and its platform.
func newYearMaker(ctx context.Context, a *app, standIn *stripe.Server, cfg config, o yearOptions, begin time.Time, days int) (*yearMaker, error) {
	m := &yearMaker{
		app: a, stripe: standIn, progress: func(int) {}, facts: yearFacts{yearOptions: o}, host: cfg.DeveloperURL.Host,
		year: demo.Invent(o.Seed, o.Customers, begin, days), ids: make([]string, o.Customers), gone: map[int]bool{}, counted: map[countedOn]int64{},
	}
	if err := standIn.Rewind(time.Since(begin)); err != nil {
		return nil, err
	}
	var err error
	if m.watch, err = pgx.Connect(ctx, cfg.DatabaseURL.Reveal()); err != nil {
		return nil, err
	}
	// The tables grow faster than their statistics: each look would go through all the jobs that are done.
	if _, err := m.watch.Exec(ctx, "SET enable_seqscan = off"); err != nil {
		return nil, err
	}
	return m, m.open(ctx, cfg)
}

// close lets go of what the maker holds.
func (m *yearMaker) close() { _ = m.watch.Close(context.Background()) }

// open makes sure of the developer, and makes the project with its price list and keys.
func (m *yearMaker) open(ctx context.Context, cfg config) error {
	modules := m.app.modules
	developer, err := demoDeveloper(ctx, modules.Platform, cfg)
	if err != nil {
		return err
	}
	m.who = developer.ID
	if m.token, err = modules.Platform.CreateToken(ctx, developer.ID, "demo year"); err != nil {
		return err
	}
	project, err := modules.Platform.CreateProject(ctx, developer.ID, yearProject)
	if err != nil {
		return err
	}
	own, err := modules.Admin.CreatePlatform(ctx, developer.ID, project.ID, id.Test, "Test")
	if err != nil {
		return err
	}
	if _, err := modules.Admin.CreatePlatform(ctx, developer.ID, project.ID, id.Live, "Live"); err != nil {
		return err
	}
	m.facts.ProjectID, m.facts.PlatformID = project.ID, own.ID
	published, _, err := modules.Admin.CreateKey(ctx, own, id.Publishable, "website", idempotency.Request{})
	if err != nil {
		return err
	}
	secretKey, _, err := modules.Admin.CreateKey(ctx, own, id.Secret, "backend", idempotency.Request{})
	if err != nil {
		return err
	}
	m.facts.SecretKey = secretKey.Secret
	if published.Key.Value != nil {
		m.facts.PublishableKey = *published.Key.Value
	}
	for _, t := range demo.Tiers {
		method, at := http.MethodPost, "/tiers"
		body := map[string]any{
			"displayName": t.DisplayName, "limit": limitOf(t.Requests), "features": t.Features, "rateLimit": t.RateLimit,
			"meters": map[string]any{demo.Tokens: map[string]any{"limit": limitOf(t.Tokens)}},
		}
		if t.Month == 0 { // which every platform has from the start
			method, at = http.MethodPatch, "/tiers/"+t.Name
		} else {
			body["name"], body["prices"], body["trialDays"] = t.Name, map[string]int64{"month": t.Month, "year": t.Year}, t.TrialDays
		}
		if err := m.developer(ctx, method, at, body); err != nil {
			return err
		}
	}
	key, _ := id.ParseKey(m.facts.SecretKey)
	m.caller, err = modules.Gate.ByKey(ctx, key)
	return err
}

func limitOf(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}

// developer calls the developers' JSON API for the platform, within the process.
func (m *yearMaker) developer(ctx context.Context, method, at string, body any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	address := "http://" + m.host + path.Join("/api/platforms", string(m.facts.PlatformID), at)
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", "Bearer "+m.token.Secret)
	r.Header.Set("Content-Type", "application/json")
	got := recorded{header: http.Header{}, status: http.StatusOK}
	m.app.surfaces.ServeHTTP(&got, r)
	if got.status > 299 {
		return fmt.Errorf("%s %s answered %d: %s", method, at, got.status, strings.TrimSpace(got.body.String()))
	}
	return nil
}

// recorded is the answer to a request within the process.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorded) Header() http.Header         { return a.header }
func (a *recorded) WriteHeader(status int)      { a.status = status }
func (a *recorded) Write(b []byte) (int, error) { return a.body.Write(b) }

// make carries the year out up to the present, where the clock is ahead no longer.
func (m *yearMaker) make(ctx context.Context) error {
	m.app.held.Store(true)
	defer m.app.held.Store(false)
	for day := range m.year.Days {
		if err := m.day(ctx, day); err != nil {
			return fmt.Errorf("on %s: %w", m.year.Begin.AddDate(0, 0, day).Format(time.DateOnly), err)
		}
		m.progress(day + 1)
	}
	if err := m.stripe.Advance(-m.stripe.Ahead()); err != nil {
		return err
	}
	if err := m.settled(ctx); err != nil {
		return err
	}
	if _, err := m.app.modules.Platform.RevokeToken(ctx, m.who, string(m.token.ID)); err != nil {
		return err
	}
	return usage.AddUp(ctx, m.app.workerPool)
}

// steps are the minutes of a day at which it is counted what was used since the one before: every hour of the last two weeks,
// which charts show by the hour, and every third before that.
func (m *yearMaker) steps(day int) []int {
	hours := 3
	if m.isLate(day) {
		hours = 1
	}
	var list []int
	for hour := hours - 2; hour < 24; hour += hours {
		if hour >= 0 {
			list = append(list, hour*60+55)
		}
	}
	return append(list, 24*60-1)
}

// isLate is whether a day is one of the last two weeks, at which people look more closely.
func (m *yearMaker) isLate(day int) bool { return day >= m.year.Days-14 }

// deedsAt is the minute of a day at which the developer does something.
const deedsAt = 7 * 60

// used is what a customer uses.
type used struct {
	customer int
	demo.Use
}

func (m *yearMaker) day(ctx context.Context, day int) error {
	var uses []used
	for i := range m.year.Customers[:m.cameUntil(day)] {
		for _, use := range m.year.Uses(i, day) {
			uses = append(uses, used{i, use})
		}
	}
	slices.SortStableFunc(uses, func(a, b used) int { return a.Minute - b.Minute })
	if !m.at(day, deedsAt).Before(time.Now()) { // the present day has hardly begun
		return nil
	}
	if err := m.deeds(ctx, day); err != nil {
		return err
	}
	for _, minute := range m.steps(day) {
		if !m.at(day, minute).Before(time.Now()) { // the present day is not over
			return nil
		}
		if err := m.acts(ctx, day, minute); err != nil {
			return err
		}
		n := 0
		for n < len(uses) && (uses[n].Minute <= minute || minute == 24*60-1) {
			n++
		}
		newcomers := m.newcomers(day, minute)
		if n == 0 && newcomers == 0 {
			continue
		}
		if err := m.turn(day, minute); err != nil {
			return err
		}
		if err := m.settled(ctx); err != nil {
			return err
		}
		if err := m.come(ctx, newcomers); err != nil {
			return err
		}
		if err := m.track(ctx, day, uses[:n]); err != nil {
			return err
		}
		uses = uses[n:]
	}
	return nil
}

// at is a minute of a day.
func (m *yearMaker) at(day, minute int) time.Time {
	return m.year.Begin.AddDate(0, 0, day).Add(time.Duration(minute) * time.Minute)
}

// turn puts the clock to a minute of a day, unless that is over.
func (m *yearMaker) turn(day, minute int) error {
	if ahead := m.at(day, minute).Sub(m.stripe.Time()); ahead > 0 {
		return m.stripe.Advance(ahead)
	}
	return nil
}

// cameUntil is how many customers there are at the end of a day.
func (m *yearMaker) cameUntil(day int) int {
	n, _ := slices.BinarySearchFunc(m.year.Customers, day+1, func(c demo.Customer, day int) int { return c.Day - day })
	return n
}

// newcomers is how many more come up to a minute of a day.
func (m *yearMaker) newcomers(day, minute int) int {
	n := m.nextIn
	for n < len(m.year.Customers) {
		if c := m.year.Customers[n]; c.Day > day || c.Day == day && c.Minute > minute {
			break
		}
		n++
	}
	return n - m.nextIn
}

// settled awaits that all events are delivered and all work that came of them is done.
func (m *yearMaker) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("the worker does not come to an end with the events"))
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		if m.stripe.Undelivered() == 0 {
			var busy bool
			// What runs again and again by itself is never done; and an event says itself when it is, which River says a moment later.
			err := m.watch.QueryRow(ctx, `SELECT EXISTS (SELECT FROM billing.events WHERE processed_at IS NULL)
				OR EXISTS (SELECT FROM river.river_job WHERE state IN ('available', 'running', 'retryable')
					AND kind NOT IN ('billing.stripe_event', 'tenant.settle', 'billing.reconcile', 'usage.add_up', 'sweep'))`).Scan(&busy)
			if err != nil || !busy {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
