package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// writer is the connection that writes, with its statements. One goroutine at a time uses
// it.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	waitAt     int64 // how long a log must be to be waited for; see shorten
}

func openWriter(ctx context.Context, p *place, o options) (*writer, error) {
	db, err := dial(p, o.patience, o.writing, 1)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{db: db, conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// patience sets how long the connection waits for others. SQLite sets it while it prepares
// the text, so a kept statement would do nothing.
func (w *writer) patience(ctx context.Context, d time.Duration) error {
	_, err := w.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", d.Milliseconds()))
	return err
}

func (w *writer) close() error {
	if w == nil {
		return nil
	}
	var errs []error
	for _, stmt := range w.statements {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

// statement prepares each text once.
func (w *writer) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	stmt := w.statements[text]
	if stmt == nil {
		var err error
		if stmt, err = w.conn.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		w.statements[text] = stmt
	}
	return stmt, nil
}

func (w *writer) exec(ctx context.Context, text string, args ...any) (changed int64, err error) {
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // kept until the writer closes
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads at most one row and reports whether there was one.
func (w *writer) row(ctx context.Context, text string, args []any, into ...any) (found bool, err error) {
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // kept until the writer closes
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// rows reads every row.
func (w *writer) rows(ctx context.Context, text string, args []any, each func(scan func(...any) error) error) (err error) {
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // kept until the writer closes
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
