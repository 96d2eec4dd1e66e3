package db

import (
	"context"
	"fmt"
)

// Allowances are what Verify lets pass.
type Allowances struct {
	Sandbox bool // a clock that can be turned
	Lossy   bool // a database that may lose in a crash what it has committed
}

// LossySettings are those of the database which are off, so that a crash may lose what was committed.
func (d *DB) LossySettings(ctx context.Context) (off []string, err error) {
	err = d.Tx(ctx, func(ctx context.Context, tx Tx) error {
		off, err = lossySettings(ctx, tx)
		return err
	})
	return off, err
}

func lossySettings(ctx context.Context, tx Tx) (off []string, err error) {
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := tx.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&value); err != nil {
			return nil, err
		}
		if value == "off" {
			off = append(off, setting)
		}
	}
	return off, nil
}

// Verify reports, in words for whoever runs the program, why it must not serve from this database under this role;
// none when it may. The error is that of a look that failed.
func (d *DB) Verify(ctx context.Context, allowed Allowances) ([]string, error) {
	var faults []string
	err := d.Tx(ctx, func(ctx context.Context, tx Tx) error {
		var role, login string
		var roleUnsafe, owns, loginUnsafe bool
		const roles = `SELECT current_user, r.rolsuper OR r.rolbypassrls,
				EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relkind IN ('r', 'p', 'v', 'm')),
				session_user, l.rolsuper OR l.rolbypassrls
			FROM pg_roles r, pg_roles l WHERE r.rolname = current_user AND l.rolname = session_user`
		if err := tx.QueryRow(ctx, roles).Scan(&role, &roleUnsafe, &owns, &login, &loginUnsafe); err != nil {
			return err
		}
		if roleUnsafe {
			faults = append(faults, fmt.Sprintf("the role %s is a superuser or has BYPASSRLS: row-level security does not "+
				"hold for it", role))
		}
		if owns {
			faults = append(faults, fmt.Sprintf("the role %s owns tables: only the role that migrates may", role))
		}
		if loginUnsafe {
			faults = append(faults, fmt.Sprintf("the login %s is a superuser or has BYPASSRLS: use a plain role "+
				"(CREATE ROLE dreamapi LOGIN …; then `dreamapi migrate --print-roles`)", login))
		}

		lossy, err := lossySettings(ctx, tx)
		if err != nil {
			return err
		}
		for _, setting := range lossy {
			if !allowed.Lossy {
				faults = append(faults, fmt.Sprintf("the database has %s off: what was counted could be lost in a crash "+
					"(--unsafe-durability accepts that)", setting))
			}
		}

		var version int64
		var turnable bool
		const state = `SELECT (SELECT coalesce(max(version_id), 0) FROM dreamapi.goose_db_version WHERE is_applied),
			(SELECT turnable FROM dreamapi.clock)`
		if err := tx.QueryRow(ctx, state).Scan(&version, &turnable); err != nil {
			return fmt.Errorf("the database has not been migrated (run `dreamapi migrate`): %w", err)
		}
		if latest := LatestVersion(); version < latest {
			faults = append(faults, fmt.Sprintf("the schema is at version %d and this program is made for %d: run "+
				"`dreamapi migrate`", version, latest))
		}
		if turnable && !allowed.Sandbox {
			faults = append(faults, "the database was created for development: its clock can be turned")
		}
		return nil
	})
	return faults, err
}
