package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/secret"
)

// migrate is the command for the schema. It needs DATABASE_URL alone, whose login becomes the owner of the tables.
func migrate(ctx context.Context, args, environ []string, out io.Writer) error {
	action := "up"
	if len(args) > 0 {
		action = args[0]
	}
	values, faults := withFiles(environ)
	address := values["DATABASE_URL"]
	if action == "--print-roles" && len(args) <= 2 {
		_, err := fmt.Fprint(out, db.RolesSQL(ownerOf(args, address)))
		return err
	}
	if len(args) > 1 || action != "up" && action != "status" {
		return usageError("migrate takes up, status or --print-roles [OWNER]")
	}
	if len(faults) > 0 || address == "" {
		return errors.New("DATABASE_URL is missing: a PostgreSQL connection string, whose login will own the tables")
	}
	if action == "status" {
		all, err := db.MigrationStatus(ctx, secret.New(address))
		if err != nil {
			return err
		}
		for _, m := range all {
			state := "missing"
			if m.Applied {
				state = "applied"
			}
			_, _ = fmt.Fprintf(out, "%-8s %05d %s\n", state, m.Version, m.Name)
		}
		return nil
	}
	done, err := db.Migrate(ctx, secret.New(address))
	for _, m := range done {
		_, _ = fmt.Fprintf(out, "applied  %05d %s\n", m.Version, m.Name)
	}
	if err == nil && len(done) == 0 {
		_, _ = fmt.Fprintln(out, "nothing to do: the schema is up to date")
	}
	return err
}

// ownerOf is the role that will own the tables: as said, else the login of the address, else dreamapi.
func ownerOf(args []string, address string) string {
	if len(args) == 2 {
		return args[1]
	}
	if u, err := url.Parse(address); err == nil && u.User.Username() != "" {
		return u.User.Username()
	}
	return "dreamapi"
}
