// Package migrations holds the schema: SQL files for goose, and River's own migrations, which come with River.
// It says what the schema is; package db decides when it is applied.
package migrations

import (
	"context"
	"database/sql"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Files are the SQL migrations.
//
//go:embed 0*.sql
var Files embed.FS

// Roles creates the roles of the surfaces where they are missing. They belong to the cluster and not to one
// database, so they are not a migration.
//
//go:embed roles.sql
var Roles string

// Go are the migrations that are not SQL files of ours. They stand between those by version.
func Go(pool *pgxpool.Pool) []*goose.Migration {
	return []*goose.Migration{
		goose.NewGoMigration(2, &goose.GoFunc{RunDB: river(pool, 8)}, nil),
	}
}

// river brings River's tables, in the schema river, up to a version. A newer River that needs a newer version gets a
// migration of its own.
func river(pool *pgxpool.Pool, version int) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, _ *sql.DB) error {
		m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: "river"})
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: version})
		return err
	}
}
