package sqlstore

// This file holds every error that callers branch on, beside those of the sale.Store contract.
// Each text says what to do next. An error that SQLite returns is given one of these types in one
// place, told.

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errClosed refuses a call on a closed store, before anything happened. It means that the program
// still sells after it closed the store.
var errClosed = errors.New("sqlstore: the store is closed; open one store for the life of the process")

// ErrUnknown is in the error of a change whose commit failed: it may or may not be stored. Load
// the sale again and go on from what is there.
var ErrUnknown = errors.New("sqlstore: the commit failed; the change may or may not be stored, load the sale again")

type (
	// KeyError says that the keyring is not the one that the store was written with.
	//
	// With a KeyID it is about the numbers that were encrypted under that id. If Missing, the
	// keyring has no such key: add it, or start with the keyring that was used before. Otherwise
	// the keyring has another key under this id: give every key an id of its own, and never reuse
	// one.
	//
	// Without a KeyID it is about the BusyKey, which made the store's claims. With another one a
	// busy subscriber would look free and could be sold to twice, so nothing is done. Configure the
	// key that was used, or the one that [Store.Rehash] has set since.
	KeyError struct {
		KeyID   string
		Missing bool
	}
	// NewerSchemaError says that a newer version of the program has changed the file. Use that
	// version; there is no way back but a backup from before. File is the schema of the file,
	// Known the newest one that this program knows.
	NewerSchemaError struct{ File, Known int64 }
	// MovedError says that the file, or one of the two beside it, is not the one that the store
	// opened: it was moved, deleted, replaced or overwritten. The store acknowledges nothing any
	// more, also when the file comes back, until it is opened again. Path is the file of the
	// store, What says what happened to which file.
	MovedError struct{ Path, What string }
	// CorruptError says that the file is damaged, or is no store. Restore a copy and reconcile it
	// with MobiFone. What names the part, for example a sale; Err is what SQLite or the decoder
	// said.
	CorruptError struct {
		What string
		Err  error
	}
)

// Error names the key and what to do.
func (e *KeyError) Error() string {
	switch {
	case e.KeyID == "":
		return "sqlstore: the BusyKey is not the one that the store's claims were made with; configure that one (it changes only by Rehash)"
	case e.Missing:
		return fmt.Sprintf("sqlstore: numbers are encrypted with key %q, which is not in the keyring; add it", e.KeyID)
	default:
		return fmt.Sprintf("sqlstore: key %q in the keyring is not the one that numbers were encrypted with; give every key an id of its own", e.KeyID)
	}
}

// Error says what to do.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("sqlstore: the file has schema %d, this program knows %d; use the newer program", e.File, e.Known)
}

// Error says what happened and what to do.
func (e *MovedError) Error() string {
	return fmt.Sprintf("sqlstore: %s: %s; nothing is stored any more: stop every program that has it open, "+
		"put the file back together with its -wal, and start again", e.Path, e.What)
}

// Error says what is damaged and what to do.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("sqlstore: %s is damaged: %v; restore a copy of the file and reconcile it with MobiFone", e.What, e.Err)
}

// Unwrap returns what SQLite or the decoder said.
func (e *CorruptError) Unwrap() error { return e.Err }

// told gives an error of the database the type that callers branch on. Every error that leaves
// the package goes through it once.
func told(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return &CorruptError{What: "the file", Err: err}
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%w; make room on the disk", err)
		}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(e.Code, "XX") {
		return &CorruptError{What: "the database", Err: err} // XX001 and XX002: damaged data or index
	}
	return err
}

// isBusy reports that another connection holds the file. The connection that was told so is
// sound, and may be used again.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
