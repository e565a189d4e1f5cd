// Package sqlstore keeps sales where SQL can read them: in one SQLite file, for a shop or a
// machine with several processes ([Open]), or in PostgreSQL, for many hosts ([OnPostgres]).
//
//	store, err := sqlstore.Open(ctx, "/var/lib/shop/sales.db", sqlstore.Keyring{
//		Keys:    map[string]telco.Secret{"2026-03": key},
//		Current: "2026-03",
//		BusyKey: busyKey,
//	})
//
// On PostgreSQL the keyring is the same, and you make the pool:
//
//	pool, err := pgxpool.New(ctx, "postgres://…")
//	store, err := sqlstore.OnPostgres(ctx, pool, keyring)
//
// The sections below that speak of a file are about SQLite.
//
// # What it promises
//
// What Apply acknowledged is on the disk: the write-ahead log is synced before Apply
// returns (WAL, synchronous=FULL), so it survives a kill of the process and a loss of
// power, as far as the disk tells the truth about its own sync. Applies of many
// goroutines share a sync (group commit); each is acknowledged only after the commit that
// holds it has returned, and a refusal does not touch the others.
//
// Any number of processes on one machine may open the file at once. Not over a network
// file system: its locks and shared memory do not hold there.
//
// # When a sync fails
//
// A commit that fails is neither done nor undone as far as anybody knows: its callers get
// [ErrUnknown] and load the sale again. The store then drops its writing
// connection and opens another one before the next change, so nothing goes on in a
// connection that saw the failure. SQLite counts a page as written only once a sync that
// came after the write has succeeded: frames of a failed commit are written again by the
// next one, and a checkpoint whose sync failed is done again in full. So a kernel that
// reports a failed sync once, and forgets the pages, takes nothing that was acknowledged.
//
// # When the file is moved
//
// An open file that is renamed, deleted or replaced lives on where no later start looks.
// Before and after each commit the store therefore compares the file, the log beside it
// (-wal) and the log's index (-shm) with those it opened; if one of them is another one,
// or is gone, or the file became shorter, nothing is acknowledged any more: every change
// is a [*MovedError] until the store is opened again. Stop every program that has the file
// open, put the file back together with its -wal, start again.
//
// To restore a copy, stop every program first and remove the -wal and -shm of the old
// file. A copy of the same or a greater length, written over the file while it is open,
// cannot be told from the store's own writing.
//
// # How long the log is
//
// The log is cut when it has grown past 16 MiB, which takes a moment at which it is
// written into the file and nobody reads from it: where somebody reads for long (a backup,
// a report), changes wait for it 100 ms now and then, and the log grows until it is done.
//
// # What a torn or damaged file is
//
// Frames of the log carry checksums. A torn tail, which only a change that was not
// acknowledged can leave, is cut at open without a word. Damage inside the synced part of
// the log looks the same to SQLite and cannot be told from a torn tail: the changes from
// there on are gone, as with an old backup; reconciliation shows them. Damage in the file
// itself is a [*CorruptError], at open if it is in the first pages, else where it is
// read; [Store.Check] reads it all.
//
// # PostgreSQL
//
// A change is acknowledged once the server has its commit on disk (synchronous_commit is turned
// on for it; a server with fsync = off is refused). Applies of many goroutines share a
// transaction of two round trips. What a failover to an asynchronous standby forgets is as good
// as an old backup: use a synchronous standby. An error of a change is [ErrUnknown] when the
// commit may have happened, and otherwise nothing was stored.
//
// Any number of hosts share a database. Desk.Run on each takes due sales that no other one has
// ([Postgres.TakeDue]); those of a host that dies are due again half a minute later. A host that
// stands still in the middle of a transaction holds up whoever touches the same sales for 5 s.
//
// The view audit shows every event without personal data. A role for auditors needs no more than
//
//	GRANT USAGE ON SCHEMA public TO auditor;
//	GRANT SELECT ON audit TO auditor;
//
// Erased numbers stay in dead rows until VACUUM, in the write-ahead log and in backups: they end
// when the key is destroyed after a rotation.
//
// # Personal data
//
// A subscriber's number is stored as AES-256-GCM ciphertext bound to its sale, until
// Erase; the busy claim is an HMAC-SHA256 with a key of its own; the last three digits
// stay. Erased and overwritten content is zeroed in the file. Older copies of ciphertext
// may live on in the log until its next checkpoint, and in backups: they end when the
// key is destroyed after a rotation. The file and the two beside it (-wal, -shm) have mode
// 0600. No OTP ever reaches a store.
//
// Programs must not open and close the file by other means in the process that has the
// store open: POSIX drops a process's locks on a file with any of its descriptors.
package sqlstore

// This file opens and closes a store on SQLite and checks its file; the options are those of both
// databases. It promises that a store which Open returns can read everything in the file with its
// keyring, and that nothing is acknowledged once Close has returned. How a change is written is in
// apply.go and writer.go.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// Store is a sale.Store in an SQLite file. It is safe for concurrent use, and any number of
// stores, also of other processes on the same machine, may be open on one file. Make one with
// [Open]; the zero value is of no use.
type Store struct {
	// Where the files are, and whether they are still the same ones.
	place   *place
	options options
	// The keys of the numbers, as the caller gave them to Open.
	keys keys
	// The connections that read, and the anchor among them.
	readers *sql.DB
	// A connection that does nothing but keep the files open.
	anchor *sql.Conn
	// Everything that writes goes through it.
	queue queue[task]
	// The connection that writes; only whoever leads the queue uses it. nil before the first batch
	// and after a failure.
	w *writer

	busyKeys
}

var _ sale.Store = (*Store)(nil)

// options are what a store can be told when it is opened, and what the tests change.
type options struct {
	// How long the database may take; see WithTimeout.
	patience time.Duration
	// How many changes are committed together at most.
	batch int
	// commit wraps COMMIT, so that tests can make it fail before or after it happened.
	commit func(commit func() error) error

	// SQLite: how many connections read at once.
	readers int
	// SQLite: the size in bytes past which the write-ahead log is cut.
	log int64
	// SQLite: the pragmas of the connection that writes.
	writing []string
	// PostgreSQL: how many transactions write at once.
	writers int
}

// Option changes how a store is opened. A bad value is an error of [Open] or [OnPostgres],
// together with every other thing that is wrong.
type Option func(*options) error

// WithTimeout sets how long the database may take over a change; the default is 10 s, the least
// 10 ms. On SQLite it is the wait for another process that is writing: when it is up the change
// fails and nothing of it is stored, so it may be tried again. On PostgreSQL it is one whole
// transaction, its commit included: a change whose time is up is either not stored, or its error
// is [ErrUnknown].
func WithTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d < 10*time.Millisecond {
			return errors.New("sqlstore: WithTimeout: at least 10 ms")
		}
		o.patience = d
		return nil
	}
}

// optionsOf applies the options to the defaults, and reports everything that is wrong with them.
func optionsOf(opts []Option) (options, error) {
	o := options{
		patience: 10 * time.Second, batch: 256, commit: func(commit func() error) error { return commit() },
		readers: 4, log: 16 << 20, writing: writing(), writers: 4,
	}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt(&o))
	}
	return o, errors.Join(errs...)
}

// Open opens the store in a file, and makes the file if there is none. It brings an older file to
// the present schema, and refuses a newer one with a [*NewerSchemaError].
//
// It refuses a keyring with which something in the store could not be read, with a [*KeyError]. A
// file that is no store, or that is damaged in the pages that Open reads, is a [*CorruptError]. A
// log without its file is a [*MovedError].
//
// Its cost does not grow with the sales at rest. The caller closes the store; an error leaves
// nothing open.
func Open(ctx context.Context, path string, ring Keyring, opts ...Option) (*Store, error) {
	o, errOptions := optionsOf(opts)
	keys, busy, errKeys := ring.prepare()
	if err := errors.Join(errOptions, errKeys); err != nil {
		return nil, err
	}
	s := &Store{options: o, keys: keys}
	s.busy.Store(busy)
	s.queue.init(s.runBatch, o.batch, 1)
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, told(err)), s.Close())
	}
	return s, nil
}

// open does the work of Open in an order that matters: the file exists before SQLite opens it,
// the schema is right before anybody reads, the files are held open before they are compared, and
// the keys agree before they are checked.
func (s *Store) open(ctx context.Context, path string) (err error) {
	if s.place, err = newPlace(path); err != nil {
		return err
	}
	// The schema is brought up to date on a connection that writes, before anybody reads; it is
	// closed again, since the queue opens its own.
	db, err := dial(s.place, s.options.patience, s.options.writing, 1)
	if err != nil {
		return err
	}
	err = migrate(ctx, db, s.options.patience)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if s.readers, err = dial(s.place, s.options.patience, reading(), s.options.readers+1); err != nil {
		return err
	}
	if err := s.hold(ctx); err != nil {
		return err
	}
	if err := s.queue.submit(ctx, s.agreeOnKeys); err != nil {
		return err
	}
	return s.checkKeys(ctx)
}

// hold opens the files with a connection that stays, so that they are the same ones as
// long as the store is open.
func (s *Store) hold(ctx context.Context) error {
	// The file as it is before SQLite opens it: settle compares it with what is there afterwards.
	before, err := os.Stat(s.place.path)
	if err != nil {
		return err
	}
	if s.anchor, err = s.readers.Conn(ctx); err != nil {
		return err
	}
	// SQLite opens the file and its log at the first query, not when the connection is made.
	var tables int
	if err := s.anchor.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	return s.place.settle(before)
}

// agreeOnKeys records the busy key and the current cipher key in a new file. In an old file it
// compares them with those that are recorded there. INSERT ... ON CONFLICT does both safely when
// several processes open a new file at once.
func (s *Store) agreeOnKeys(ctx context.Context, w *writer) error {
	if _, err := w.exec(ctx, `INSERT INTO settings (name, value) VALUES ('busy-key', ?) ON CONFLICT DO NOTHING`, s.busy.Load().check); err != nil {
		return err
	}
	if _, err := s.agreedBusyKey(ctx, w); err != nil {
		return err
	}
	_, err := w.exec(ctx, `INSERT INTO cipher_keys (id, check_value) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		s.keys.current, s.keys.checks[s.keys.current])
	return err
}

// Close waits for the changes under way, refuses new ones and closes the file.
// It may be called more than once, and on a store that Open could not finish.
func (s *Store) Close() (err error) {
	if s.queue.close() {
		err = s.w.close()
		s.w = nil
	}
	if s.anchor != nil {
		if e := s.anchor.Close(); !errors.Is(e, sql.ErrConnDone) {
			err = errors.Join(err, e)
		}
	}
	if s.readers != nil {
		err = errors.Join(err, s.readers.Close())
	}
	return err
}

// Check reads the whole file and returns a [*CorruptError] if it is damaged. It takes seconds
// per million sales, and other calls go on meanwhile. Run it after a restore, and before a
// backup is trusted. If the file is no longer the one that was opened, it returns a
// [*MovedError].
func (s *Store) Check(ctx context.Context) error {
	if _, err := s.place.check(); err != nil {
		return err
	}
	for _, pragma := range []string{"quick_check(1)", "foreign_key_check"} {
		if err := s.check(ctx, pragma); err != nil {
			return told(err)
		}
	}
	return nil
}

// check runs a pragma that returns no row, or one row that says "ok", where all is well. The
// pragmas have different numbers of columns, and only the first one matters.
func (s *Store) check(ctx context.Context, pragma string) error {
	rows, err := s.readers.QueryContext(ctx, "PRAGMA "+pragma)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		var says sql.NullString
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(sql.NullString)
		}
		row[0] = &says
		if err := rows.Scan(row...); err != nil {
			return err
		}
		if says.String != "ok" {
			return &CorruptError{What: "the file", Err: fmt.Errorf("%s says: %s", pragma, says.String)}
		}
	}
	return rows.Err()
}
