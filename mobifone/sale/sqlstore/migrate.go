package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the file to the schema of this program. Several processes may do so at
// once: each step is one immediate transaction, and whoever finds that another one was
// faster looks again.
func migrate(ctx context.Context, db *sql.DB, patience time.Duration) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	deadline := time.Now().Add(patience)
	for try := 1; ; try++ {
		at, err := schemaOf(ctx, db)
		switch {
		case err == nil && at > known:
			return &NewerSchemaError{File: at, Known: known}
		case err == nil && at == known:
			return nil
		case err == nil:
			if _, err = provider.Up(ctx); err == nil {
				continue // and see that it is as it should be
			}
		}
		// Another process holds the file, or its step collided with ours and won.
		if err = told(err); ctx.Err() != nil || time.Now().After(deadline) || (!isBusy(err) && try >= 5) {
			return err
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// schemaOf returns the version of the file's schema; 0 for an empty file.
func schemaOf(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	if err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	return version, err
}
