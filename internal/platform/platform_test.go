package platform_test

import (
	"context"
	"sync"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestAClerkUserIsOneDeveloperHoweverManySignInAtOnce(t *testing.T) {
	t.Parallel()
	service := platform.New(dbtest.New(t).Open(t, db.Developer), nil, nil, "", platform.CallLimits{})
	found := make(chan id.Developer, 16)
	var group sync.WaitGroup
	for range cap(found) {
		group.Go(func() {
			d, err := service.EnsureDeveloper(t.Context(), "user_1", "ada@dev.example", "Ada")
			if err != nil {
				t.Error(err)
			}
			found <- d.ID
		})
	}
	group.Wait()
	first := <-found
	for range cap(found) - 1 {
		if other := <-found; other != first {
			t.Fatalf("%s and %s", first, other)
		}
	}
}

func TestEachPlatformComesToAll(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	d.Exec(t, "INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_1', 'user_1', 'a@x')")
	d.Exec(t, "INSERT INTO platform.projects (id, developer_id, name) VALUES ('prj_1', 'dev_1', 'p')")
	d.Exec(t, `INSERT INTO platform.platforms (id, project_id, mode, name)
		SELECT 'plt_' || to_char(n, 'FM00000'), 'prj_1', 'test', 'p' FROM generate_series(1, 2001) n`)
	seen := map[id.Platform]bool{}
	err := platform.EachPlatform(t.Context(), d.Open(t, db.Worker), func(_ context.Context, some []id.Platform) error {
		if len(some) > 1000 {
			t.Errorf("%d at once", len(some))
		}
		for _, one := range some {
			seen[one] = true
		}
		return nil
	})
	if err != nil || len(seen) != 2001 {
		t.Errorf("%d platforms, %v", len(seen), err)
	}
}
