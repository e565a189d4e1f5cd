package sqlstore

import (
	"context"
	"io/fs"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrClosed refuses a call on a closed store.
var ErrClosed = errClosed

// What tests may do that users may not.

// WithCommit puts a function around each commit.
func WithCommit(around func(commit func() error) error) Option {
	return func(o *options) error {
		o.commit = around
		return nil
	}
}

// WithBatch sets how many changes share a commit at most.
func WithBatch(n int) Option {
	return func(o *options) error {
		o.batch = n
		return nil
	}
}

// WithReaders sets how many read at once.
func WithReaders(n int) Option {
	return func(o *options) error {
		o.readers = n
		return nil
	}
}

// WithLog sets past how many bytes the log is cut.
func WithLog(n int64) Option {
	return func(o *options) error {
		o.log = n
		return nil
	}
}

// WithPragma sets something on the connection that writes.
func WithPragma(text string) Option {
	return func(o *options) error {
		o.writing = append(o.writing, text)
		return nil
	}
}

// Waiting returns how many wait for a batch.
func (s *Store) Waiting() int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}

// Writer identifies the connection that writes.
func (s *Store) Writer() any { return s.w }

// Pragma reads a setting of the connection that writes.
func (s *Store) Pragma(ctx context.Context, name string) (value string, err error) {
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		err := w.row(ctx, "PRAGMA "+name, nil, &value)
		return err
	})
	return value, err
}

// Plan tells how a statement of the store finds its rows.
func (s *Store) Plan(ctx context.Context, text string, args ...any) (plan string, err error) {
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		return w.rows(ctx, "EXPLAIN QUERY PLAN "+text, args, func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			plan += detail + "\n"
			return err
		})
	})
	return plan, err
}

// WaitsAt is how long the log must be before a commit waits for its readers again.
func (s *Store) WaitsAt() int64 { return s.w.waitAt }

// The statements whose plans matter.
const (
	DueText   = dueText
	EraseText = eraseText
	KeysText  = keysText
)

// SearchText is the statement of a query.
func SearchText(q sale.Filter) (string, []any) { return search(q) }

// FailHalfway writes something and then fails.
func (s *Store) FailHalfway(ctx context.Context, reason error) error {
	return s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		if _, err := w.exec(ctx, `INSERT INTO settings (name, value) VALUES ('half', x'00')`); err != nil {
			return err
		}
		return reason
	})
}

// Setting reports whether something is set.
func (s *Store) Setting(ctx context.Context, name string) (set bool, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT count(*) > 0 FROM settings WHERE name = ?`, name).Scan(&set)
	return set, err
}

// HoldReader takes one of the connections that read.
func (s *Store) HoldReader(ctx context.Context) (release func(), err error) {
	conn, err := s.readers.Conn(ctx)
	return func() { _ = conn.Close() }, err
}

// HoldSnapshot reads until release is called.
func (s *Store) HoldSnapshot(ctx context.Context) (release func(), err error) {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	var n int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM settings").Scan(&n); err != nil {
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(ctx, "ROLLBACK")
		_ = conn.Close()
	}, nil
}

// Migrations are the steps of PostgreSQL's schema.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		panic(err)
	}
	return files
}

// MigrateWith brings a database to the schema of the given steps, as the program of them would.
func MigrateWith(ctx context.Context, pool *pgxpool.Pool, steps fs.FS) error {
	return (&Postgres{pool: pool}).migrateWith(ctx, steps)
}

// The statements on PostgreSQL whose plans matter.
const (
	FirstDue         = firstDue
	PostgresSettings = pgSettings
	TakeText         = takeText
)

// EraseChoice is the statement that chooses whose number is erased.
var EraseChoice = dollars(eraseChoice)

// PostgresSearch is the statement of a query.
func PostgresSearch(q sale.Filter) (string, []any) {
	where, args := conditions(q)
	return findText + dollars(where), args
}

// WithWriters sets how many transactions write at once.
func WithWriters(n int) Option {
	return func(o *options) error {
		o.writers = n
		return nil
	}
}

// Within does something in a transaction as Rehash has it.
func (s *Postgres) Within(ctx context.Context, do func(ctx context.Context, tx pgx.Tx) error) error {
	return s.within(ctx, do)
}

// Patience is how long one transaction may take.
func (s *Postgres) Patience() time.Duration { return s.options.patience }

// ApplyTogether applies changes in one round, as when all of them come while another one is written.
func (s *Postgres) ApplyTogether(changes ...sale.Change) ([]error, error) {
	var batch []*work[change]
	for _, c := range changes {
		ready, err := s.keys.ready(c)
		if err != nil {
			return nil, err
		}
		batch = append(batch, &work[change]{do: ready})
	}
	s.runBatch(batch)
	errs := make([]error, len(batch))
	for i, each := range batch {
		errs[i] = each.err
	}
	return errs, nil
}
