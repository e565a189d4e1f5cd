package sqlstore

// This file knows where the store's files are, and that they are still the same ones. It creates
// them with mode 0600, brings the schema up to date, and notices when somebody moves, deletes or
// replaces a file under the open store. Nothing here opens a file that SQLite has open: closing
// it again would drop the locks of this process.

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// ownerOnly is the mode of the file and of those beside it, which SQLite creates with the
// mode of the file.
const ownerOnly = 0o600

// createFile makes the file if there is none, before SQLite would make it with the umask's mode.
// An existing file is not opened: closing it again would drop the locks of another store in this
// process.
func createFile(path string) error {
	if err := bereft(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, ownerOnly) //nolint:gosec // the file that the caller names
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// bereft refuses a log without its file, as a file that was moved leaves it. SQLite would throw the
// log away beside an empty file, and with it what was acknowledged and is only there. A file has its
// first page before it has a log, so an empty file beside a log is another file than the log's.
func bereft(path string) error {
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
		return nil //nolint:nilerr // no log to lose
	}
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && file.Size() == 0 {
		return &MovedError{Path: path, What: "its log is there without it"}
	}
	return err
}

// closeToOthers takes the rights of others away from the files that are there, for a file that
// was copied or restored with a wider mode.
func closeToOthers(names [3]string) error {
	for _, name := range names {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode().Perm()&^ownerOnly != 0 {
			if err := os.Chmod(name, ownerOnly); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// writing lists the settings of the connection that writes. synchronous(FULL) is the promise that
// a commit is on the disk; fullfsync makes it true on macOS; secure_delete overwrites what is
// erased. What a connection does not set is SQLite's default.
func writing() []string {
	return []string{
		"journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)",
		"foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)",
	}
}

// reading lists the settings of the connections that read; they cannot write even by mistake.
func reading() []string { return []string{"query_only(1)", "trusted_schema(0)"} }

// dial prepares a pool; no connection is made yet. None of them makes a file (mode=rw): a store
// whose file went away does not start another, empty one.
func dial(p *place, patience time.Duration, pragmas []string, size int) (*sql.DB, error) {
	slashed := filepath.ToSlash(p.path)
	if !strings.HasPrefix(slashed, "/") {
		// A path on Windows starts with a drive's letter.
		slashed = "/" + slashed
	}
	// _txlock=immediate: a transaction takes the write lock when it begins, not when it first
	// writes.
	query := url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {strconv.FormatInt(patience.Milliseconds(), 10)},
		"_txlock":       {"immediate"},
		"_pragma":       pragmas,
	}
	base, err := sqlite.NewConnector("file:" + (&url.URL{Path: slashed}).EscapedPath() + "?" + query.Encode())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{base, p})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// MovedError says that the file, or one of the two beside it, is not the one that the store
// opened: it was moved, deleted, replaced or overwritten. The store acknowledges nothing any
// more, also when the file comes back, until it is opened again. Path is the file of the
// store, What says what happened to which file.
type MovedError struct{ Path, What string }

// Error says what happened and what to do.
func (e *MovedError) Error() string {
	return fmt.Sprintf("sqlstore: %s: %s; nothing is stored any more: stop every program that has it open, "+
		"put the file back together with its -wal, and start again", e.Path, e.What)
}

// place is where the store's files are, and which files they were when it opened them. An open file
// lives on under another name, or under none: what is written to it then is where no later start
// looks. Readers and the writer ask it at once, so what changes in it is atomic.
type place struct {
	// As the caller named it, from the root: the next start finds the file there.
	path string
	// The same without links: SQLite names the log and its index after this one.
	target string

	// The three files as they were when the store opened them; nil until it holds them open.
	opened atomic.Pointer[[3]fs.FileInfo]
	// The largest size of the file seen so far: SQLite never makes it smaller.
	size atomic.Int64
	// What happened to the files; once it is set it stays.
	moved atomic.Pointer[MovedError]
}

// newPlace makes the file if there is none, and refuses a log whose file is gone.
func newPlace(path string) (*place, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		// A link that leads nowhere is a disk that is not there.
		return nil, err
	}
	p := &place{path: path, target: target}
	return p, errors.Join(bereft(target), closeToOthers(p.names()))
}

// names are the file, the log and its index.
func (p *place) names() [3]string { return [3]string{p.path, p.target + "-wal", p.target + "-shm"} }

// settle remembers the files. A connection has them open already, and keeps them: SQLite
// deletes the log and its index only when the last connection closes. before is the file
// as it was when that connection opened it.
func (p *place) settle(before fs.FileInfo) error {
	var files [3]fs.FileInfo
	for i, name := range p.names() {
		var err error
		if files[i], err = os.Stat(name); err != nil {
			return err
		}
	}
	if !os.SameFile(before, files[0]) {
		return &MovedError{Path: p.path, What: "was replaced while it was opened"}
	}
	p.size.Store(files[0].Size())
	p.opened.Store(&files)
	return nil
}

// check returns a [*MovedError] if the files are not those that the store has open, and
// how large the log is. It opens nothing: closing it again would drop the store's locks.
func (p *place) check() (log int64, err error) {
	opened := p.opened.Load()
	if opened == nil {
		return 0, nil
	}
	if moved := p.moved.Load(); moved != nil {
		return 0, moved
	}
	// It is read before the look: the file may grow in between, and a later look may see more.
	least := p.size.Load()
	var files [3]fs.FileInfo
	for i, name := range p.names() {
		files[i], err = os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return 0, p.gone(filepath.Base(name) + " was moved or deleted under the store")
		case err != nil:
			return 0, err
		case !os.SameFile(opened[i], files[i]):
			return 0, p.gone(filepath.Base(name) + " was replaced under the store")
		}
	}
	size := files[0].Size()
	if size < least {
		return 0, p.gone(filepath.Base(p.path) + " was overwritten under the store")
	}
	if size > least {
		p.size.CompareAndSwap(least, size)
	}
	return files[1].Size(), nil
}

// gone remembers that the files have moved. The first reason stays, so that everybody is told the
// same.
func (p *place) gone(what string) error {
	p.moved.CompareAndSwap(nil, &MovedError{Path: p.path, What: what})
	return p.moved.Load()
}

// lostLog reports whether the log alone is gone: the store still has it open, and the file is
// where it was. Then what is in the log can still be brought into the file.
func (p *place) lostLog() bool {
	opened, names := p.opened.Load(), p.names()
	// Only the log is gone: the file and the index are the ones that were opened.
	for i, gone := range [3]bool{false, true, false} {
		now, err := os.Stat(names[i])
		if same := err == nil && os.SameFile(opened[i], now); same == gone {
			return false
		}
	}
	return true
}

// connector makes connections to the files that the store has open, and to no others: the pool
// opens connections when it likes, and one of them could open a file that has taken the place of
// ours.
type connector struct {
	driver.Connector

	place *place
}

// Connect checks the files after SQLite has opened them: what was there before may not be what was
// opened.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		_, moved := c.place.check()
		return nil, errors.Join(err, moved)
	}
	if _, err := c.place.check(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// NewerSchemaError says that a newer version of the program has changed the file. Use that
// version; there is no way back but a backup from before. File is the schema of the file,
// Known the newest one that this program knows.
type NewerSchemaError struct{ File, Known int64 }

// Error says what to do.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("sqlstore: the store has schema %d, this program knows %d; use the newer program", e.File, e.Known)
}

//go:embed migrations
var migrations embed.FS

// migrate brings the file to the schema of this program. Several processes may do so at
// once: each step is one immediate transaction, and whoever finds that another one was
// faster looks again.
func migrate(ctx context.Context, db *sql.DB, patience time.Duration) error {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	// Without goose's global registry: a program may use goose for tables of its own.
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// The newest schema that this program knows is its last migration.
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
				// Look again, whether it is as it should be now.
				continue
			}
		}
		// Another process holds the file, or its step collided with ours and won.
		if err = told(err); ctx.Err() != nil || time.Now().After(deadline) || (!isBusy(err) && try >= 5) {
			return err
		}
		// SQLite waits by itself for a lock, but not where waiting could be a deadlock.
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// schemaOf returns the version of the file's schema; 0 for an empty file. It asks for the table
// first: reading one that is not there would be an error like any other.
func schemaOf(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	if err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	return version, err
}
