package sqlstore

// This file opens a store in PostgreSQL and brings its schema up to date. It promises that a store
// which OnPostgres returns can read every number with its keyring, and that what the server
// acknowledges is on its disk. How a change is written is in pgwrite.go.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Postgres is a sale.Store in a PostgreSQL database, for many hosts. It is safe for concurrent
// use by goroutines, processes and hosts. Make one with [OnPostgres]; the zero value is of no use.
type Postgres struct {
	pool    *pgxpool.Pool
	options options
	// The keys of the numbers, as the caller gave them.
	keys keys
	// Changes go through it, and share a commit.
	queue queue[change]

	busyKeys
}

var _ sale.Store = (*Postgres)(nil)

// OnPostgres opens the store in the database of the pool, in the first schema of its search_path,
// and makes its tables if there are none. It needs PostgreSQL 14 or newer, in UTF8. The pool is
// the caller's: the store never closes it. Eight connections serve a host.
//
// Many hosts may open it at once, and programs of two versions may use it at once: a new one
// brings the tables to its schema in steps that old programs can live with, and where that is
// not possible an old program is refused with a [*NewerSchemaError].
//
// It refuses a keyring with which something in the store could not be read, with a [*KeyError]; a
// server that runs with fsync = off, because it forgets what it acknowledged; and a standby, which
// cannot write.
func OnPostgres(ctx context.Context, pool *pgxpool.Pool, ring Keyring, opts ...Option) (*Postgres, error) {
	var errPool error
	if pool == nil {
		errPool = errors.New("sqlstore: the pool is missing; make one with pgxpool.New")
	}
	o, errOptions := optionsOf(opts)
	keys, busy, errKeys := ring.prepare()
	if err := errors.Join(errPool, errOptions, errKeys); err != nil {
		return nil, err
	}
	s := &Postgres{pool: pool, options: o, keys: keys}
	s.busy.Store(busy)
	s.queue.init(s.runBatch, o.batch, o.writers)
	for _, step := range []func(context.Context) error{s.checkServer, s.migrate, s.agreeOnKeys, s.checkKeys} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("opening the store on PostgreSQL: %w", told(err))
		}
	}
	return s, nil
}

// Close waits for the changes under way and refuses new ones. It leaves the pool
// open. It may be called more than once.
func (s *Postgres) Close() error {
	s.queue.close()
	return nil
}

// checkServer refuses a server on which the promise cannot be kept.
func (s *Postgres) checkServer(ctx context.Context) error {
	var fsync, encoding, first, there string
	var standby bool
	// busy_claims stands for the store: no other program has a table of that name.
	err := s.pool.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('server_encoding'), pg_is_in_recovery(),
		coalesce(current_schema(), ''), coalesce((SELECT relnamespace::regnamespace::text FROM pg_class
			WHERE oid = to_regclass('busy_claims') AND relnamespace <> to_regnamespace(quote_ident(current_schema()))), '')`).
		Scan(&fsync, &encoding, &standby, &first, &there)
	switch {
	case err != nil:
		return err
	case fsync != "on":
		return errors.New("the server runs with fsync = off and forgets what it acknowledged when it crashes; turn fsync on")
	case encoding != "UTF8":
		return fmt.Errorf("the database is in %s; make one in UTF8", encoding)
	case standby:
		return errors.New("the server is a standby; connect to the primary (target_session_attrs=read-write)")
	case first == "":
		return errors.New("there is no schema of the search_path; create one")
	case there != "":
		return fmt.Errorf("the store is in the schema %s, and the first one of the search_path is %s; "+
			"put %s first, or a second store would be made beside it", there, first, there)
	}
	return nil
}

// migrate brings the tables to the schema of this program. Goose holds a lock meanwhile, so that
// one of many hosts does it.
func (s *Postgres) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return err
	}
	return s.migrateWith(ctx, files)
}

// migrateWith is migrate with the given steps; a test gives it those of a later program.
func (s *Postgres) migrateWith(ctx context.Context, files fs.FS) (err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 30))
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	at, oldest, err := s.schema(ctx)
	switch {
	case err != nil:
		return err
	case at < known:
		if _, err := provider.Up(ctx); err != nil {
			return err
		}
		if at, oldest, err = s.schema(ctx); err != nil {
			return err
		}
	}
	if oldest > known {
		return &NewerSchemaError{File: at, Known: known}
	}
	return nil
}

// schema returns the version of the tables, 0 for none, and which version a program must know at
// least to use them.
func (s *Postgres) schema(ctx context.Context) (at, oldest int64, err error) {
	var there bool
	// Another program may have tables of these names in a later schema of the search path.
	if err := s.pool.QueryRow(ctx, `SELECT count(*) = 2 FROM pg_class WHERE relname IN ('goose_db_version', 'settings')
		AND relnamespace = to_regnamespace(quote_ident(current_schema()))`).Scan(&there); err != nil || !there {
		return 0, 0, err
	}
	var says []byte
	err = s.pool.QueryRow(ctx, `SELECT (SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied),
		(SELECT value FROM settings WHERE name = 'oldest-program')`).Scan(&at, &says)
	if err != nil {
		return 0, 0, err
	}
	if oldest, err = strconv.ParseInt(string(says), 10, 64); err != nil {
		return 0, 0, &CorruptError{What: "the setting oldest-program", Err: err}
	}
	return at, oldest, nil
}

// agreeOnKeys records the keys in a new store, and compares the busy key in an old one.
func (s *Postgres) agreeOnKeys(ctx context.Context) error {
	return s.within(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ('busy-key', $1) ON CONFLICT DO NOTHING`, s.busy.Load().check); err != nil {
			return err
		}
		if err := s.checkBusyKey(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO cipher_keys (id, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
			s.keys.current, s.keys.checks[s.keys.current])
		return err
	})
}

// checkKeys makes sure that every number in the store can be read with the keyring.
func (s *Postgres) checkKeys(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, dollars(keysText), s.keys.current)
	if err != nil {
		return err
	}
	defer rows.Close()
	return s.keys.compare(rows)
}

// within does something in a transaction of its own, which may take as long as a change and has its
// settings: in any other isolation a statement would not see what was committed while it waited
// for a lock. The caller is told [ErrUnknown] when the commit failed.
func (s *Postgres) within(ctx context.Context, do func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.patience)
	defer cancel()
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, pgSettings); err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		return err
	}
	if err := s.options.commit(func() error { return errors.Join(tx.Commit(ctx), inDoubt(ctx)) }); err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return nil
}

// dollars writes a statement's question marks as PostgreSQL wants them: $1, $2 and so on. The
// statements hold no other ones.
func dollars(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}
