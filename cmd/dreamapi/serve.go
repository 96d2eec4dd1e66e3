package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/logwriter"
)

// serve is the command for production.
func serve(ctx context.Context, args, environ []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	unsafeSandbox := flags.Bool("unsafe-sandbox", false, "")
	unsafeDurability := flags.Bool("unsafe-durability", false, "")
	migrateFirst := flags.Bool("migrate", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return usageError("serve takes --migrate, --unsafe-durability and --unsafe-sandbox only; it is configured by the environment: dreamapi help serve")
	}
	cfg, err := loadConfig(environ, *unsafeSandbox)
	if err != nil {
		return err
	}
	lines := logwriter.New(stderr)
	defer lines.Flush()
	log := slog.New(logwriter.NewHandler(lines))
	if *migrateFirst {
		done, err := db.Migrate(ctx, cfg.DatabaseURL)
		if err != nil {
			return fmt.Errorf("migrating: %w", err)
		}
		log.Info("migrated", "steps", len(done))
	}
	a, err := newApp(ctx, cfg, db.Allowances{Sandbox: *unsafeSandbox, Lossy: *unsafeSandbox || *unsafeDurability}, log)
	if err != nil {
		return err
	}
	defer a.close()

	surfaces, err := net.Listen("tcp", fmt.Sprintf(":%d", cfg.Port))
	if err != nil {
		return err
	}
	ops, err := net.Listen("tcp", cfg.OpsAddr)
	if err != nil {
		_ = surfaces.Close()
		return err
	}
	return a.serve(ctx, surfaces, ops, func() error { return nil })
}
