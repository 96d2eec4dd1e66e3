package tenant_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/tenant"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// records is a DNS of TXT records.
type records map[string][]string

func (r records) LookupTXT(_ context.Context, name string) ([]string, error) {
	if found, ok := r[name]; ok {
		return found, nil
	}
	return nil, errors.New("no such host")
}

// platforms makes two platforms of two developers.
func platforms(t *testing.T, d dbtest.Database, admin *tenant.Admin) (a, b id.Platform) {
	t.Helper()
	d.Exec(t, `INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_1', 'user_1', 'a@x'), ('dev_2', 'user_2', 'b@x')`)
	d.Exec(t, `INSERT INTO platform.projects (id, developer_id, name) VALUES ('prj_1', 'dev_1', 'p'), ('prj_2', 'dev_2', 'p')`)
	var ids []id.Platform
	for _, n := range []string{"1", "2"} {
		made, err := admin.CreatePlatform(t.Context(), id.Developer("dev_"+n), id.Project("prj_"+n), id.Test, "p")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	return ids[0], ids[1]
}

func TestADomainMustBeShownToBelongToThePlatform(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	dns := records{}
	queue, err := jobs.NewEnqueuer()
	if err != nil {
		t.Fatal(err)
	}
	admin := tenant.NewAdmin(d.Open(t, db.Developer), idempotency.NewKeeper([]byte("k")), queue, dns)
	gate := tenant.NewGate(d.Open(t, db.Customer), nil, nil, nil)
	a, b := platforms(t, d, admin)
	refused := func(at id.Platform, why string) {
		t.Helper()
		_, err := admin.AddDomain(t.Context(), at, "api.shop.example")
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != errs.Conflict {
			t.Fatalf("%s: %v", why, err)
		}
		if !strings.Contains(e.Message, "_dreamapi.api.shop.example") || !strings.Contains(e.Message, "dreamapi-platform="+string(at)) {
			t.Errorf("%s: the message does not say what to do: %s", why, e.Message)
		}
		if strings.Contains(e.Message, "no such host") {
			t.Errorf("%s: the resolver's words get out: %s", why, e.Message)
		}
	}
	refused(a, "without a record")
	dns["api.shop.example"] = []string{"dreamapi-platform=" + string(a)}
	refused(a, "with the record at the name itself")
	dns["_dreamapi.api.shop.example"] = []string{"v=spf1", "dreamapi-platform=" + string(b)}
	refused(a, "with the record of another platform")
	dns["_dreamapi.api.shop.example"] = []string{"dreamapi-platform=" + string(a) + "x", " dreamapi-platform=" + string(a)}
	refused(a, "with a record that is nearly right")
	if _, ok, err := gate.ByDomain(t.Context(), "api.shop.example"); ok || err != nil {
		t.Fatalf("the domain leads somewhere: %v", err)
	}

	dns["_dreamapi.api.shop.example"] = []string{"v=spf1", "dreamapi-platform=" + string(a)}
	settings, err := admin.AddDomain(t.Context(), a, "API.Shop.example.")
	if err != nil || len(settings.Domains) != 1 || settings.Domains[0] != "api.shop.example" {
		t.Fatalf("%+v, %v", settings, err)
	}
	if caller, ok, err := gate.ByDomain(t.Context(), "api.shop.example"); !ok || err != nil || caller.Platform != a || caller.Backend {
		t.Errorf("%+v, %v, %v", caller, ok, err)
	}
	refused(b, "a platform without a record, of a domain that is taken")
	dns["_dreamapi.api.shop.example"] = []string{"dreamapi-platform=" + string(b)}
	if _, err := admin.AddDomain(t.Context(), b, "api.shop.example"); err != nil { // it has changed hands
		t.Errorf("a domain that is shown to belong to another now: %v", err)
	}
	if caller, ok, err := gate.ByDomain(t.Context(), "api.shop.example"); !ok || err != nil || caller.Platform != b {
		t.Errorf("%+v, %v, %v", caller, ok, err)
	}
	if _, err := admin.AddDomain(t.Context(), b, "b.localhost"); err != nil {
		t.Errorf("*.localhost needs no proof: %v", err)
	}
	for _, near := range []string{"localhost.example", "xlocalhost.example", "b.localhost.example"} {
		if _, err := admin.AddDomain(t.Context(), b, near); !errs.Is(err, errs.Conflict) {
			t.Errorf("%s needs proof: %v", near, err)
		}
	}
}
