package transactions

import (
	"errors"
	"time"
)

// ErrWindowOpen ends a listing that cannot be promised to be complete: rows may still
// appear in the window, or MobiFone counts no total to check against. Every row that
// was there has been yielded before it. [*WindowOpenError] has the details.
var ErrWindowOpen = errors.New("the window is still open")

// WindowOpenError says how far a listing is complete. errors.Is finds [ErrWindowOpen].
type WindowOpenError struct {
	Until   time.Time // rows created before it are complete, unless NoTotal; ask again from here
	To      time.Time // what was asked for; zero: until now
	NoTotal bool      // MobiFone counts no total: nothing could be checked
}

// Error says until when the listing reaches.
func (e *WindowOpenError) Error() string {
	s := "transactions listed until " + e.Until.Format(time.RFC3339)
	if e.NoTotal {
		s += ", unchecked because MobiFone counts no total"
	}
	return s + ": " + ErrWindowOpen.Error()
}

// Unwrap returns [ErrWindowOpen].
func (e *WindowOpenError) Unwrap() error { return ErrWindowOpen }

// ErrUnstable is the cause when a closed window read differently each time, or does not
// hold as many transactions as MobiFone counts. Rows of the part of the window in
// question were not yielded.
var ErrUnstable = errors.New("the window reads differently each time")
