package sqlstore

// This file holds SQLite's connection that writes, and the transaction in which a batch of changes is
// committed. A change is acknowledged only after COMMIT has returned and the file is still where
// the next start will find it. A connection that has seen a failure is closed, never used again.
// What a change writes is in apply.go.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// writer is the connection that writes, with its statements. Only whoever leads the queue uses
// it, so it needs no lock.
type writer struct {
	// A pool of one: closing it closes the connection below.
	db   *sql.DB
	conn *sql.Conn
	// Prepared once for each text. There are about twenty texts, so none is ever dropped.
	statements map[string]*sql.Stmt
	// How long the log must be before somebody waits for its readers again; see shorten. Zero: at
	// its size.
	waitAt int64
}

// openWriter opens the connection. It has a pool of its own with room for one, so that nobody
// else can ever be given it.
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

// patience sets how long the connection waits for others. SQLite sets it when it prepares the text,
// so running a prepared statement again would do nothing.
func (w *writer) patience(ctx context.Context, d time.Duration) error {
	_, err := w.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", d.Milliseconds()))
	return err
}

// close closes the statements and the connection. A nil writer has nothing to close.
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

// exec runs a statement that returns no rows, and returns how many rows it changed.
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

// row reads the first row of a query into the variables. Without a row they stay as they were.
func (w *writer) row(ctx context.Context, text string, args []any, into ...any) error {
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // kept until the writer closes
	if err != nil {
		return err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// rows reads every row of a query. each may not use the connection, which is busy until the last
// row is read.
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

// ErrUnknown is in the error of a change whose commit failed: it may or may not be stored. Load
// the sale again and go on from what is there.
var ErrUnknown = errors.New("sqlstore: the commit failed; the change may or may not be stored, load the sale again")

// task is one caller's work inside the transaction. An error means that nothing of it is stored.
type task func(ctx context.Context, w *writer) error

// runBatch does the work of all in one transaction and gives each its result. It is not cancelled
// with any of them: the others still want their answer. Whatever fails here fails the whole
// batch, and all of them load again.
func (s *Store) runBatch(batch []*work[task]) {
	ctx := context.Background()
	// Whether the connection may be used again.
	sound := false
	// This runs also when a panic passes.
	defer func() {
		if !sound {
			// A connection that failed is not trusted again.
			_ = s.w.close()
			s.w = nil
		}
	}()
	if _, err := s.place.check(); err != nil {
		s.rescue(ctx)
		fail(batch, err)
		sound = true
		return
	}
	if s.w == nil {
		w, err := openWriter(ctx, s.place, s.options)
		if err != nil {
			fail(batch, err)
			return
		}
		s.w = w
	}
	w := s.w
	// IMMEDIATE takes the write lock now: a transaction that first reads and then writes could be
	// refused in the middle, when another process has written in between.
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		fail(batch, err)
		sound = isBusy(err)
		return
	}
	// What each caller's own work said; handed out only once the transaction has ended well.
	results := make([]error, len(batch))
	done := 0
	for i, each := range batch {
		var err error
		if results[i], err = w.try(ctx, each.do, len(batch) > 1); err != nil {
			// Not even the savepoint could be taken back: nothing of the batch is stored.
			_, _ = w.exec(ctx, "ROLLBACK")
			fail(batch, err)
			return
		}
		if results[i] == nil {
			done++
		}
	}
	if done == 0 {
		_, err := w.exec(ctx, "ROLLBACK")
		sound = err == nil
	} else {
		// From here on a failure leaves open whether the change is stored.
		log, err := s.commit(ctx, w)
		if err != nil {
			_, _ = w.exec(ctx, "ROLLBACK")
			s.rescue(ctx)
			fail(batch, fmt.Errorf("%w: %w", ErrUnknown, err))
			return
		}
		sound = s.shorten(ctx, w, log) == nil
	}
	for i, each := range batch {
		each.err = results[i]
	}
}

// commit returns nil once the transaction is on the disk, in the file that the next start will
// find. It looks after COMMIT as well as before: a file that was moved in between holds the
// change, but nobody will ever read it. log is how large the log is.
func (s *Store) commit(ctx context.Context, w *writer) (log int64, err error) {
	err = s.options.commit(func() error {
		_, err := w.exec(ctx, "COMMIT")
		return err
	})
	if err != nil {
		return 0, err
	}
	return s.place.check()
}

// shortenPatience is how long a log that is too long may hold up the changes that wait. The readers of
// a screen or of the driver are done by then; a backup or a report is not.
const shortenPatience = 100 * time.Millisecond

// shorten cuts a log that grew past its size; log is its size in bytes. By itself SQLite begins a log
// anew only at a moment at which nobody reads from it, which may never come, and keeps its largest
// size. A TRUNCATE checkpoint waits until those who read from the log are done, or patience ends.
// Each commit tries; only a log that grew by its size once more is waited for again, so that one who
// reads for long does not slow down every commit. An error is one of the connection: the batch is
// committed.
func (s *Store) shorten(ctx context.Context, w *writer, log int64) error {
	if log <= s.options.log {
		return nil
	}
	var patience time.Duration
	if log >= w.waitAt {
		patience, w.waitAt = shortenPatience, log+s.options.log
	}
	if err := w.patience(ctx, patience); err != nil {
		return err
	}
	var busy, frames, moved int
	if err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy == 0 {
		w.waitAt = 0
	}
	return w.patience(ctx, s.options.patience)
}

// rescue brings into the file what is only in a log that was deleted: the next start would not find
// it, and Close, which does the same, may never come. The anchor still has the log open.
func (s *Store) rescue(ctx context.Context) {
	if s.place.lostLog() {
		_, _ = s.anchor.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	}
}

// try does one caller's work inside the transaction, so that a failure takes back nothing but
// itself. A change that is alone in its batch needs no savepoint: the transaction is its own.
// refused is the work's own error, err is one that ends the transaction.
func (w *writer) try(ctx context.Context, do task, shared bool) (refused, err error) {
	if !shared {
		return told(do(ctx, w)), nil
	}
	if _, err := w.exec(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	if cause := do(ctx, w); cause != nil {
		if _, err := w.exec(ctx, "ROLLBACK TO one"); err != nil {
			if _, ok := errors.AsType[*sqlite.Error](cause); ok {
				err = cause // SQLite has ended the transaction, for example because the disk is full
			}
			return nil, err
		}
		refused = told(cause)
	}
	_, err = w.exec(ctx, "RELEASE one")
	return refused, err
}

// fail gives the same error to all of a batch of which nothing is known to be stored. Those who were
// refused get it too: the change because of which they were refused may be gone with the batch.
func fail[W any](batch []*work[W], err error) {
	for _, each := range batch {
		each.err = fmt.Errorf("sqlstore: the batch failed: %w", told(err))
	}
}

// isBusy reports that another connection holds the file. The connection that was told so is
// sound, and may be used again.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
