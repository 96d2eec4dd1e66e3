package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The dashboard is measured as a developer sees it: how long the server takes for each page of a platform with many customers, beside
// the same page of one with few, and how many bytes a page is.

const (
	bigBusiness   = 100_000 // customers
	smallBusiness = 1_000
	mostLooks     = 60      // at a page in one run
	leastLooks    = 20      // which makes the p95 the slowest but one
	mostBytes     = 100_000 // of the overview, with all that it needs, compressed
)

// page is one of the dashboard. Its path follows that of the platform.
type page struct{ name, path string }

var pages = []page{
	{name: "overview"},
	{name: "customers", path: "/customers"},
	{name: "customers_search", path: "/customers?q=person77"},
	{name: "customers_plan", path: "/customers?plan=pro"},
	{name: "customers_near", path: "/customers?near=true&sort=usage"},
	{name: "customers_status", path: "/customers?status=past_due"},
	{name: "customers_email", path: "/customers?sort=email"},
	{name: "customer", path: "/customers/" + someone},
	{name: "tiers", path: "/tiers"},
	{name: "tier", path: "/tiers/pro"},
	{name: "keys", path: "/keys"},
	{name: "settings", path: "/settings"},
	{name: "sign_in", path: "/sign-in"},
	{name: "connect", path: "/connect"},
	{name: "setup", path: "/setup"},
	{name: "usage", path: "/usage"},
	{name: "usage_year", path: "/usage?days=365&meter=tokens"},
	{name: "usage_customer", path: "/usage?customer=" + someone},
	{name: "start", path: "/start"},
	{name: "webhooks", path: "/events"},
}

// pageRatios compare each page of the big platform with that of the small one.
func pageRatios() (list []ratio) {
	for _, p := range pages {
		list = append(list, ratio{name: "page_" + p.name + "_big_vs_small", of: p.scenario("big"), to: p.scenario("small"), floor: 2, goal: 1.2, latency: p95})
	}
	return list
}

func (p page) scenario(of string) string { return "page_" + p.name + "_" + of }

// look is a page of one of the two platforms.
type look struct {
	scenario, address string
	page              page
}

// measurePages goes over all pages again and again, as passes does over calls.
func (st *stage) measurePages(ctx context.Context, s settings, all *series) error {
	var looks []look
	wanted := slices.DeleteFunc(slices.Clone(pages), func(p page) bool { return !s.wants(p.scenario("big")) })
	if len(wanted) == 0 {
		return nil
	}
	url, err := createDatabase(ctx, st.pg, "pages")
	if err != nil {
		return err
	}
	program, err := st.startProgram("pages", url)
	if err != nil {
		return err
	}
	b, err := newBusiness(ctx, url, bigBusiness, smallBusiness)
	if err != nil {
		return err
	}
	v := &visitor{addr: program.addr, cookie: "dreamapi-session-=" + b.cookie}
	for _, p := range wanted {
		looks = append(looks, look{p.scenario("small"), "/platforms/" + b.small + p.path, p}, look{p.scenario("big"), "/platforms/" + b.big + p.path, p})
	}
	for pass := range s.Turns { // of which each has 20 looks at a page or more
		again := slices.Clone(looks)
		if pass%2 == 1 {
			slices.Reverse(again)
		}
		for _, l := range again {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := st.lookOnce(program, v, l, seconds(s.Seconds))
			if err != nil {
				return fmt.Errorf("%s: %w", l.scenario, errors.Join(err, program.forget()))
			}
			progress("pass %d  %-30s p95 %7.2f ms, %6d bytes, others took %.0f%%", pass+1, l.scenario, m.P95, m.Bytes, 100*m.Others)
			m.Pass = pass + 1
			*all = append(*all, m)
		}
	}
	for _, l := range looks {
		all.drop(l.scenario, (s.Turns+1)/2)
	}
	return nil
}

// lookOnce looks at a page again and again.
func (st *stage) lookOnce(on server, v *visitor, l look, most time.Duration) (m measured, err error) {
	m = measured{Scenario: l.scenario, Connections: 1}
	if m.Bytes, err = v.weigh(l.address); err != nil { // it warms up, too
		return m, err
	}
	var took []time.Duration
	before, err := readCPU(on.pid(), st.postmaster, os.Getpid())
	if err != nil {
		return m, err
	}
	for began := time.Now(); len(took) < leastLooks || len(took) < mostLooks && time.Since(began) < most; {
		start := time.Now()
		status, header, body, err := v.get(l.address)
		if err != nil {
			return m, err
		}
		took = append(took, time.Since(start))
		if status != http.StatusOK {
			text, err := plain(header, body)
			if err != nil {
				return m, err
			}
			m.Failed++
			m.Example = fmt.Sprintf("%d %.300s", status, text)
		}
	}
	after, err := readCPU(on.pid(), st.postmaster, os.Getpid())
	if err != nil {
		return m, err
	}
	u, n := after.since(before), float64(len(took))
	m.PerSecond = n / after.at.Sub(before.at).Seconds()
	m.Server, m.Postgres, m.Load, m.Others = micros(u.server)/n, micros(u.postgres)/n, micros(u.load)/n, u.others
	slices.SortFunc(took, cmp.Compare[time.Duration])
	at := func(share float64) float64 { return took[min(int(share*n), len(took)-1)].Seconds() * 1000 }
	m.P50, m.P95, m.P99 = at(0.50), at(0.95), at(0.99)
	return m, on.forget()
}

func micros(d time.Duration) float64 { return float64(d.Microseconds()) }

// visitor is the browser of a developer who is signed in.
type visitor struct {
	addr, cookie string
	client       http.Client
}

// get fetches what an address leads to, compressed where the server does that.
func (v *visitor) get(path string) (status int, header http.Header, body []byte, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+v.addr+path, nil)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Host = "dashboard.localhost"
	req.Header.Set("Cookie", v.cookie)
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Encoding", "gzip")
	answer, err := v.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, body, err
}

var needed = regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`)

// weigh is how many bytes a page is, with the files that it needs, as they are sent.
func (v *visitor) weigh(path string) (sent int, err error) {
	status, header, body, err := v.get(path)
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, fmt.Errorf("%s answered %d: %.300s", path, status, body)
	}
	sent = len(body)
	text, err := plain(header, body)
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for _, found := range needed.FindAllStringSubmatch(text, -1) {
		if seen[found[1]] {
			continue
		}
		seen[found[1]] = true
		status, _, file, err := v.get(found[1])
		if err != nil || status != http.StatusOK {
			return 0, errors.Join(err, fmt.Errorf("%s answered %d", found[1], status))
		}
		sent += len(file)
	}
	if !strings.Contains(text, "</html>") {
		return 0, fmt.Errorf("%s is no whole page", path)
	}
	return sent, nil
}

// plain undoes the compression of a body.
func plain(header http.Header, body []byte) (string, error) {
	if header.Get("Content-Encoding") != "gzip" {
		return string(body), nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
