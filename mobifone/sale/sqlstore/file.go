package sqlstore

import (
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// ownerOnly is the mode of the file and of those beside it, which SQLite creates with the
// mode of the file.
const ownerOnly = 0o600

// createFile makes the file if there is none, before SQLite would with the umask's mode.
// An existing file is not opened: closing it again would drop the locks of another store
// in this process.
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

// bereft refuses a log without its file, as a file that was moved leaves it. SQLite would
// throw the log away beside an empty file, and with it what was acknowledged and stands
// only there. A file has its first page before it has a log.
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

// closeToOthers takes others' rights from what is there.
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

// writing are the settings of the connection that writes. What a connection does not set
// is SQLite's default.
func writing() []string {
	return []string{
		"journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)",
		"foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)",
	}
}

// reading are the settings of those that read.
func reading() []string { return []string{"query_only(1)", "trusted_schema(0)"} }

// dial prepares a pool; no connection is made yet. None makes a file (mode=rw): a store
// whose file went away does not start another one.
func dial(p *place, patience time.Duration, pragmas []string, size int) (*sql.DB, error) {
	slashed := filepath.ToSlash(p.path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive's letter
	}
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
