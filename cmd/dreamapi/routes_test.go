package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestPrintRoutes(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var all []string
	for _, r := range p.w.app.surfaces.Routes() {
		all = append(all, fmt.Sprint(r))
	}
	slices.Sort(all)
	for _, r := range all {
		t.Log(r)
	}
	p.external(t, "a@b:c", "free")
	t.Log(p.api(t, "GET /api/customers/a%40b%3Ac", ""))
	t.Log(p.track(t, "u", "", "X-User-Plan: \xff"))
	t.Log(p.w.api(t, "OPTIONS /api/data", "", "", "Origin: \xff", "Access-Control-Request-Method: POST"))
	t.Log(p.api(t, "GET /api/customers?cursor=MjAyNi0wMS0wMVQwMDowMDowMFogAA", ""))
	t.Log(p.w.send(t, "nobody.example", "GET /api/tiers", "", ""))
}
