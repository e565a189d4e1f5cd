package sqlstore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrClosed refuses a call on a closed store. Nothing happened.
var ErrClosed = errors.New("sqlstore: the store is closed")

// ErrUnknown is in the error of a change whose commit failed: it may or may not be
// stored. Load the sale again.
var ErrUnknown = errors.New("sqlstore: the commit failed; the change may or may not be stored, load the sale again")

type (
	// MissingKeyError says that rows are encrypted with a key that the keyring does not have.
	MissingKeyError struct{ KeyID string }
	// WrongKeyError says that the keyring has another key under this id than the one the rows were
	// encrypted with.
	WrongKeyError struct{ KeyID string }
	// BusyKeyError says that the claims in the store were made with another BusyKey. With this one
	// a busy subscriber would look free.
	BusyKeyError struct{}
	// NewerSchemaError says that a newer version of the program has changed the file; use that one.
	NewerSchemaError struct{ File, Known int64 }
	// MovedError says that the file, or one of those beside it, is not the one that the store
	// opened: it was moved, deleted, replaced or overwritten. The store acknowledges nothing
	// any more, also when the file comes back, until it is opened again.
	MovedError struct{ Path, What string }
	// CorruptError says that the file is damaged, or no store. Restore a copy, and reconcile.
	CorruptError struct {
		What string
		Err  error
	}
)

// Error names the key and what to do.
func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("sqlstore: numbers are encrypted with key %q, which is not in the keyring; add it", e.KeyID)
}

// Error names the key and what to do.
func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("sqlstore: key %q in the keyring is not the one that numbers were encrypted with; give every key an id of its own", e.KeyID)
}

// Error says what to do.
func (e *BusyKeyError) Error() string {
	return "sqlstore: the BusyKey is not the one that the store's claims were made with; configure that one (it changes only by Rehash)"
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

// Error says what is damaged.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("sqlstore: %s is damaged: %v", e.What, e.Err)
}

// Unwrap returns what SQLite or the decoder said.
func (e *CorruptError) Unwrap() error { return e.Err }

// told gives an error of the database its type.
func told(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return &CorruptError{What: "the file", Err: err}
		}
	}
	return err
}

func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
