package tenant

import (
	"testing"

	"github.com/dream-api/dream-api/internal/db/dbtest"
)

// withPlatforms is a database with platforms of one developer.
func withPlatforms(t *testing.T, ids ...string) dbtest.Database {
	t.Helper()
	d := dbtest.New(t)
	d.Exec(t, `INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_1', 'user_1', 'a@x')`)
	d.Exec(t, `INSERT INTO platform.projects (id, developer_id, name) VALUES ('prj_1', 'dev_1', 'p')`)
	for _, one := range ids {
		d.Exec(t, `INSERT INTO platform.platforms (id, project_id, mode, name) VALUES ($1, 'prj_1', 'test', $1)`, one)
		d.Exec(t, `INSERT INTO tenant.settings (platform_id) VALUES ($1)`, one)
	}
	return d
}
