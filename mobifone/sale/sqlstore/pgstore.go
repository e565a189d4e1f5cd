package sqlstore

// This file opens a store in PostgreSQL, brings its schema up to date and reads sales from it, and
// holds the calls that change one column only: Postpone, TakeDue and Erase. It promises that a store
// which OnPostgres returns can read every number with its keyring, and that what the server
// acknowledges is on its disk. What the rows mean is in read.go; how a change is written is in
// pgwrite.go.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Postgres is a sale.Store in a PostgreSQL database, for many hosts. It is safe for concurrent
// use by goroutines, processes and hosts. Make one with [OnPostgres]; the zero value is of no use.
type Postgres struct {
	// The caller's pool; it outlives the store.
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
	// there is the schema in which the tables are found, if that is not the first one. busy_claims is
	// asked for in place of all: no other program has a table of that name.
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

// migrateWith is migrate with the given steps; a test gives it those of a later program. A newer schema
// is no error by itself: the setting oldest-program says which programs it has left behind.
func (s *Postgres) migrateWith(ctx context.Context, files fs.FS) (err error) {
	// The lock is tried once a second, for half a minute.
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

// agreeOnKeys records the keys in a new store, and compares the busy key in an old one. Of hosts that
// open a new store at once the first one's keys stay; the others are compared with them.
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

// within runs do in a transaction of its own, with the time and the settings of a change. The isolation
// is READ COMMITTED whatever the server's default is: in any other one a statement would not see what
// was committed while it waited for a lock. An error of do takes everything back; when the commit
// failed the error is [ErrUnknown].
func (s *Postgres) within(ctx context.Context, do func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.patience)
	defer cancel()
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
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

// Load is [sale.Store].Load. WakeAt is in the table due, which alone changes when a sale is postponed.
func (s *Postgres) Load(ctx context.Context, id string) (sale.Sale, error) {
	var state, ciphertext []byte
	var keyID, wakeAt sql.NullString
	err := s.pool.QueryRow(ctx, `SELECT state_json, msisdn_cipher, msisdn_key_id, wake_at
		FROM sales LEFT JOIN due ON sale_id = id WHERE id = $1`, id).
		Scan(&state, &ciphertext, &keyID, &wakeAt)
	if err != nil {
		return sale.Sale{}, notFound(err)
	}
	return s.keys.loaded(id, state, ciphertext, keyID, wakeAt)
}

// Events is [sale.Store].Events.
func (s *Postgres) Events(ctx context.Context, id string) (events []sale.Event, err error) {
	rows, err := s.pool.Query(ctx, dollars(eventsText), id)
	if err != nil {
		return nil, told(err)
	}
	defer rows.Close()
	return s.keys.events(id, rows)
}

// ByOrder is [sale.Store].ByOrder.
func (s *Postgres) ByOrder(ctx context.Context, shop, order string) (id string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT id FROM sales WHERE shop = $1 AND order_id = $2`, shop, order).Scan(&id)
	return id, notFound(err)
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
func (s *Postgres) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (saleID string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT sale_id FROM partner_trans_ids WHERE partner_trans_id = $1`, string(id)).Scan(&saleID)
	return saleID, notFound(err)
}

// findText is followed by the filter.
const findText = "SELECT " + summaryColumns + " FROM sales LEFT JOIN due ON sale_id = id"

// Find is [sale.Store].Find. PostgreSQL chooses the index by its statistics.
func (s *Postgres) Find(ctx context.Context, q sale.Filter) (found []sale.Summary, err error) {
	where, args := conditions(q)
	rows, err := s.pool.Query(ctx, findText+dollars(where), args...)
	if err != nil {
		return nil, told(err)
	}
	defer rows.Close()
	return summaries(rows)
}

// Due is [sale.Store].Due. Desk.Run calls TakeDue in its place.
func (s *Postgres) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	rows, err := s.pool.Query(ctx, firstDue, max(limit, 0)+1)
	if err != nil {
		return nil, time.Time{}, told(err)
	}
	defer rows.Close()
	return dueOf(rows, now, max(limit, 0))
}

const (
	// firstDue is dueText for PostgreSQL.
	firstDue = `SELECT sale_id, wake_at FROM due ORDER BY wake_at, sale_id LIMIT $1`
	// takeText takes due sales that nobody else holds at this moment, and puts them off. SKIP LOCKED
	// gives two hosts that ask at once different sales. It returns when each was due, to sort by.
	takeText = `
		WITH taken AS (
			SELECT sale_id, wake_at FROM due WHERE wake_at <= $1 ORDER BY wake_at, sale_id LIMIT $2 FOR UPDATE SKIP LOCKED
		)
		UPDATE due SET wake_at = $3 FROM taken WHERE due.sale_id = taken.sale_id RETURNING taken.wake_at, due.sale_id`
	// postponeText does nothing to a sale of another version, also when that one is being written
	// at this moment: it waits for it and looks again.
	postponeText = `
		WITH as_it_is AS (SELECT id FROM sales WHERE id = $1 AND version = $2 FOR SHARE)
		INSERT INTO due (sale_id, wake_at) SELECT id, $3 FROM as_it_is ON CONFLICT (sale_id) DO UPDATE SET wake_at = excluded.wake_at`
	// restText does the same for a sale that is never due.
	restText = `
		WITH as_it_is AS (SELECT id FROM sales WHERE id = $1 AND version = $2 FOR SHARE)
		DELETE FROM due USING as_it_is WHERE sale_id = id`
)

// TakeDue is [sale.Taker].TakeDue. It need not be durable, so it does not wait for the disk.
func (s *Postgres) TakeDue(ctx context.Context, now, until time.Time, limit int) (ids []string, next time.Time, err error) {
	var taken [][2]string
	err = s.lightly(ctx, func(b *pgx.Batch) {
		b.Queue(takeText, stamped(now), max(limit, 0), stamped(until)).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var t [2]string
				if err := rows.Scan(&t[0], &t[1]); err != nil {
					return err
				}
				taken = append(taken, t)
			}
			return rows.Err()
		})
		// The first sale that is due after those taken: limit 0 has dueOf return its time alone.
		b.Queue(firstDue, 1).Query(func(rows pgx.Rows) error {
			_, next, err = dueOf(rows, time.Time{}, 0)
			return err
		})
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	// UPDATE returns rows in no order; as texts the times sort as times.
	slices.SortFunc(taken, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, t := range taken {
		ids = append(ids, t[1])
	}
	return ids, next, nil
}

// Postpone is [sale.Store].Postpone. It does not wait for the disk either.
func (s *Postgres) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	return s.lightly(ctx, func(b *pgx.Batch) {
		if at := stamped(wakeAt); at != nil {
			b.Queue(postponeText, id, version, at)
		} else {
			b.Queue(restText, id, version)
		}
	})
}

// lightly runs statements in one transaction and one round trip, acknowledged before they are on
// the disk: when the server crashes they may be gone.
func (s *Postgres) lightly(ctx context.Context, queue func(b *pgx.Batch)) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.patience)
	defer cancel()
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL READ COMMITTED`)
	b.Queue(`SET LOCAL synchronous_commit = off`)
	queue(b)
	b.Queue(`COMMIT`)
	return told(s.pool.SendBatch(ctx, b).Close())
}

// Erase is [sale.Store].Erase. The rows are locked by one statement and looked at by the next: a
// claim that somebody takes in between is seen, and its sale keeps the number. Sales that a change holds
// at this moment are left for the next call.
func (s *Postgres) Erase(ctx context.Context, restedBefore time.Time, limit int) (n int, err error) {
	err = s.within(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, strings.Replace(dollars(eraseChoice), "LIMIT $2", "LIMIT $2 FOR UPDATE SKIP LOCKED", 1), stamped(restedBefore), max(limit, 0))
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		erased, err := tx.Exec(ctx, `UPDATE sales SET msisdn_cipher = NULL, msisdn_key_id = NULL WHERE id = ANY($1)
			AND NOT EXISTS (SELECT FROM busy_claims c WHERE c.sale_id = sales.id)`, ids)
		n = int(erased.RowsAffected())
		return err
	})
	if err != nil {
		return 0, told(err)
	}
	return n, nil
}
