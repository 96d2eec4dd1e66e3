package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/localpg"
	"github.com/dream-api/dream-api/internal/secret"
)

// owner is the plain role that owns every table, as in production.
const owner = "dreamapi_owner"

// startPostgres runs a server of our own that is as safe from a power cut as one in production.
func startPostgres(ctx context.Context, dir string) (*localpg.Server, error) {
	pg, err := localpg.Start(ctx, localpg.Config{
		Dir: filepath.Join(dir, "postgres"), Durable: true,
		Settings: map[string]string{
			"max_connections": "300",
			"shared_buffers":  "1GB",
			// A checkpoint would slow one run down and spare the one that it is compared with.
			"checkpoint_timeout": "1h",
			"max_wal_size":       "16GB",
		},
	})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, pg.URL("postgres", "postgres"))
	if err == nil {
		_, err = conn.Exec(ctx, "CREATE ROLE "+owner+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;"+db.RolesSQL(owner))
		_ = conn.Close(ctx)
	}
	if err != nil {
		_ = pg.Stop() // err says more
		return nil, fmt.Errorf("make the roles: %w", err)
	}
	return pg, nil
}

// createDatabase makes a database with the program's schema.
func createDatabase(ctx context.Context, pg *localpg.Server, name string) (secret.Text, error) {
	conn, err := pgx.Connect(ctx, pg.URL("postgres", "postgres"))
	if err != nil {
		return secret.Text{}, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+owner); err != nil {
		return secret.Text{}, err
	}
	url := secret.New(pg.URL(owner, name))
	if _, err := db.Migrate(ctx, url); err != nil {
		return secret.Text{}, fmt.Errorf("migrate the database %s: %w", name, err)
	}
	return url, nil
}

// postmaster is the pid of the server.
func postmaster(pg *localpg.Server) (int, error) {
	text, err := os.ReadFile(filepath.Join(pg.DataDir(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}
