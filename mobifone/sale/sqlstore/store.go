package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// Store is a sale.Store in an SQLite file. It is safe for concurrent use, and any number
// of stores, also of other processes, may be open on one file.
type Store struct {
	place   *place
	options options
	keys    keys
	readers *sql.DB
	anchor  *sql.Conn // keeps the files open; it does nothing else
	queue   queue

	busy     atomic.Pointer[busyKey]
	nextBusy atomic.Pointer[busyKey] // of a Rehash under way
}

var _ sale.Store = (*Store)(nil)

type options struct {
	patience time.Duration
	readers  int
	batch    int      // changes in one commit at most
	log      int64    // bytes past which the log is cut
	writing  []string // pragmas of the connection that writes
	// commit is around what ends a transaction; tests make it fail.
	commit func(commit func() error) error
}

// Option changes how a store is opened.
type Option func(*options) error

// WithBusyTimeout sets how long a change waits for another process that is writing; the
// default is 10 s. Past it the change fails and nothing happened.
func WithBusyTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d < time.Millisecond {
			return errors.New("sqlstore: WithBusyTimeout: at least a millisecond")
		}
		o.patience = d
		return nil
	}
}

// WithReaders sets how many goroutines can read at once; the default is 4.
func WithReaders(n int) Option {
	return func(o *options) error {
		if n < 1 {
			return errors.New("sqlstore: WithReaders: at least 1")
		}
		o.readers = n
		return nil
	}
}

// Open opens the store in a file, and makes it if there is none. It brings an older file
// to the present schema and refuses a newer one with a [*NewerSchemaError]. It refuses a
// keyring with which something in the store could not be read: [*MissingKeyError],
// [*WrongKeyError], [*BusyKeyError]. A file that is no store, or damaged where every
// store is read at open, is a [*CorruptError]; a log whose file is gone is a
// [*MovedError]. Its cost does not grow with the sales at
// rest. The caller closes the store.
func Open(ctx context.Context, path string, ring Keyring, opts ...Option) (*Store, error) {
	o := options{
		patience: 10 * time.Second, readers: 4, batch: 256, log: 16 << 20, writing: writing(),
		commit: func(commit func() error) error { return commit() },
	}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt(&o))
	}
	keys, busy, err := ring.prepare()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	s := &Store{options: o, keys: keys}
	s.busy.Store(busy)
	s.queue.init(s.runBatch, o.batch)
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, told(err)), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	if s.place, err = newPlace(path); err != nil {
		return err
	}
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
	before, err := os.Stat(s.place.path)
	if err != nil {
		return err
	}
	if s.anchor, err = s.readers.Conn(ctx); err != nil {
		return err
	}
	var tables int
	if err := s.anchor.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	return s.place.settle(before)
}

// agreeOnKeys records the busy key and the current cipher key in a new file, and holds
// them against those of an old one.
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

// Close waits for the changes under way, refuses new ones with [ErrClosed] and closes the
// file. It may be called more than once.
func (s *Store) Close() error {
	err := s.queue.close()
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
