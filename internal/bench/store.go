// The table store compares durable changes: whole sales of six changes each, from several
// writers at once, every change on the disk before it is acknowledged. Beside the store that
// ships it measures two others: a SQLite store that commits every change by itself, with the
// same driver and durability but no claims, order index or cipher; and a plain file with one
// sync per record, which is the floor.

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	_ "modernc.org/sqlite" // the driver

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// changesOfASale are: opened, paid, OTP asked, ticket, looked up and send planned, outcome.
const changesOfASale = 6

// keeper stores a change durably, or fails.
type keeper interface {
	Apply(ctx context.Context, c sale.Change) error
	version(ctx context.Context, saleID string) (int64, error)
	Close() error
}

// stores is the table store.
func stores(ctx context.Context, s settings) (err error) {
	s = s.or(5, 0)
	dir, err := os.MkdirTemp(s.dir, "bench-store")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintf(s.out, "%d rounds; wall time; a sale is %d changes\n", s.rounds, changesOfASale)
	fmt.Fprintln(s.out, "\n| durable changes, writers at once | rate, ratio | changes/s | allocs per change | B |\n|---|--:|--:|--:|--:|")
	for _, writers := range []int{1, 8, 64, 256} {
		if err := s.writing(ctx, filepath.Join(dir, strconv.Itoa(writers)), writers); err != nil {
			return err
		}
	}
	return nil
}

// writing measures one number of writers at once, each store in files of its own.
func (s settings) writing(ctx context.Context, dir string, writers int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	each, err := newOneEach(ctx, filepath.Join(dir, "each.db"))
	if err != nil {
		return err
	}
	store, err := sqlstore.Open(ctx, filepath.Join(dir, "ours.db"), sales.Ring())
	if err != nil {
		return err
	}
	log, err := newAppended(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	all := s.chosen([]*contender{
		keeping("SQLite (WAL, FULL), one commit each", each),
		keeping("ours: mobifone/sale/sqlstore", ours{store}),
		keeping("floor: append to a file, one sync each", log),
	})
	defer release(ctx, all)
	// More writers need more sales, or most of them would have none to write.
	if s.n == 0 {
		s.n = max(40, 4*writers)
	}
	if err := (turns{settings: s, workers: writers, clock: wall}).run(ctx, all); err != nil {
		return err
	}
	for _, c := range all {
		fmt.Fprintf(s.out, "| %s, %d | %s | %.0f | %.0f | %.0f |\n", c.name, writers,
			all[0].ratio(c), changesOfASale*1e6/c.micros(), c.mallocs()/changesOfASale, c.size()/changesOfASale)
	}
	return nil
}

// keeping makes a contender that stores one whole sale in each call. After each turn it checks
// that the last sale of the turn is there in full.
func keeping(name string, k keeper) *contender {
	var made atomic.Int64
	// The last sale of a turn is read back: a store that drops changes would be fast.
	var last atomic.Pointer[string]
	return &contender{
		name: name,
		call: func(ctx context.Context, _ *ticket) error {
			id, err := sell(ctx, k, int(made.Add(1)))
			last.Store(&id)
			return err
		},
		after: func(ctx context.Context, _ int) error {
			version, err := k.version(ctx, *last.Load())
			if err == nil && version != 7 {
				err = fmt.Errorf("the sale is at version %d", version)
			}
			return err
		},
		done: func(context.Context) {
			if err := k.Close(); err != nil {
				panic(fmt.Sprint(name, " does not close: ", err))
			}
		},
	}
}

// sell stores a sale as the desk does: the lookup before a send goes with the plan for it.
func sell(ctx context.Context, k keeper, i int) (string, error) {
	events, err := sales.Events(i, time.Now().UTC().Round(0).Add(-time.Hour), true)
	if err != nil {
		return "", err
	}
	var s sale.Sale
	for len(events) > 0 {
		n := 1
		if events[0].Kind == "looked-up" {
			n = 2
		}
		before := s
		for _, event := range events[:n] {
			if s, _, err = sales.Rules.Step(s, event); err != nil {
				return "", err
			}
		}
		change := sale.Change{SaleID: s.ID, Expected: before.Version, Events: events[:n], State: s}
		// Claims move as the desk moves them: with whether the sale holds its subscriber.
		switch {
		case s.HoldsSubscriber() && !before.HoldsSubscriber():
			change.Claim = sale.TakeClaim
		case before.HoldsSubscriber() && !s.HoldsSubscriber():
			change.Claim = sale.ReleaseClaim
		}
		if err := k.Apply(ctx, change); err != nil {
			return "", err
		}
		events = events[n:]
	}
	return s.ID, nil
}

// ours is the store that ships.
type ours struct{ *sqlstore.Store }

// version reads the whole sale, because the store has no smaller question.
func (o ours) version(ctx context.Context, id string) (int64, error) {
	s, err := o.Load(ctx, id)
	return s.Version, err
}

// appended is the least that durability needs: a record at the end of a file, and a sync.
type appended struct {
	mu   sync.Mutex
	file *os.File
	ends map[string]int64
}

// newAppended makes the file.
func newAppended(path string) (*appended, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // in a directory of our own
	return &appended{file: file, ends: map[string]int64{}}, err
}

// Apply appends.
func (a *appended) Apply(_ context.Context, c sale.Change) error {
	record, err := json.Marshal(c.Events)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.file.Write(append(record, '\n')); err != nil {
		return err
	}
	a.ends[c.SaleID] = c.State.Version
	return a.file.Sync()
}

// version is kept in memory: the floor reads nothing back.
func (a *appended) version(_ context.Context, id string) (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ends[id], nil
}

// Close closes the file.
func (a *appended) Close() error { return a.file.Close() }

// oneEach is a plain SQLite store: a commit for every change, and nothing but the change.
type oneEach struct{ db *sql.DB }

// newOneEach makes the database.
func newOneEach(ctx context.Context, path string) (oneEach, error) {
	// The same journal and the same durability as the store that ships.
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return oneEach{}, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer; a queue is cheaper than its retries
	_, err = db.ExecContext(ctx, `
		CREATE TABLE sales (id TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
		CREATE TABLE events (sale TEXT NOT NULL, version INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (sale, version)) WITHOUT ROWID`)
	return oneEach{db}, err
}

// Apply stores a change in a transaction of its own.
func (o oneEach) Apply(ctx context.Context, c sale.Change) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := write(ctx, tx, c); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// write stores the state and the events of a change, if the version is still the expected one.
func write(ctx context.Context, tx *sql.Tx, c sale.Change) error {
	state, err := json.Marshal(c.State)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO sales VALUES (?1, ?2, ?3)
		ON CONFLICT DO UPDATE SET version = ?2, state = ?3 WHERE version = ?4`, c.SaleID, c.State.Version, state, c.Expected)
	if err != nil {
		return err
	}
	// No row was written when somebody else had changed the version.
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errors.New("somebody else changed the sale"))
	}
	for i, event := range c.Events {
		text, err := json.Marshal(event)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO events VALUES (?, ?, ?)`, c.SaleID, c.Expected+int64(i)+1, text); err != nil {
			return err
		}
	}
	return nil
}

// version reads one column.
func (o oneEach) version(ctx context.Context, id string) (version int64, err error) {
	err = o.db.QueryRowContext(ctx, `SELECT version FROM sales WHERE id = ?`, id).Scan(&version)
	return version, err
}

// Close closes the file.
func (o oneEach) Close() error { return o.db.Close() }
