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
)

// ownerOnly is the mode of the file and of those beside it, which SQLite creates with the
// mode of the file.
const ownerOnly = 0o600

// createFile makes the file if there is none, before SQLite would with the umask's mode,
// and takes others' rights from what is there. An existing file is not opened: closing it
// again would drop the locks of another store in this process.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, ownerOnly) //nolint:gosec // the file that the caller names
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
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

// dial prepares a pool; no connection is made yet.
func dial(path string, patience time.Duration, pragmas []string, size int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive's letter
	}
	query := url.Values{
		"_busy_timeout": {strconv.FormatInt(patience.Milliseconds(), 10)},
		"_txlock":       {"immediate"},
		"_pragma":       pragmas,
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: slashed}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}
