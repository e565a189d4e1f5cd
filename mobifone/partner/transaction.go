package partner

import "time"

// State is the partner's state of a transaction, canonical. The zero value is a
// state the contract does not list.
type State uint8

// The states of a transaction (contract.md, "States").
const (
	StateUnlisted State = iota
	StateInit           // OTP sent, nothing registered
	StatePending
	StateSuccess
	StateFailed
	StateExpired
	StateCancelled
	StateReversed // succeeded, then taken back by the operator
)

// String returns the canonical wire name: "INIT", "PENDING", …, "UNLISTED".
func (s State) String() string {
	switch s {
	case StateInit:
		return "INIT"
	case StatePending:
		return "PENDING"
	case StateSuccess:
		return "SUCCESS"
	case StateFailed:
		return "FAILED"
	case StateExpired:
		return "EXPIRED"
	case StateCancelled:
		return "CANCELLED"
	case StateReversed:
		return "REVERSED"
	default:
		return "UNLISTED"
	}
}

// ParseState returns the state with the canonical name; false, and StateUnlisted, for
// any other string, "UNLISTED" included.
func ParseState(name string) (State, bool) {
	for s := StateInit; s <= StateReversed; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return StateUnlisted, false
}

// Final reports whether the partner may not change the state any more (SUCCESS may
// still be reversed by the operator). An unlisted state is not final.
func (s State) Final() bool {
	switch s {
	case StateSuccess, StateFailed, StateExpired, StateCancelled, StateReversed:
		return true
	default:
		return false
	}
}

// Transaction is one row of the partner's ledger. Times carry +07:00.
type Transaction struct {
	TransID        TransID
	PartnerTransID PartnerTransID // as the partner holds it; may be another system's and malformed
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	State          State
	WireState      string // the partner's own string
	ResultCode     Code   // canonical code of the transaction itself, not of the lookup
	WireResultCode string
	ResultMessage  string // scrubbed
	MayRetrySame   bool   // the contract says the same ids may be tried again after ResultCode
	Shop           string
	CreatedAt      time.Time
	UpdatedAt      time.Time // zero when the partner does not say
}

// Reading is what a row says about one send.
type Reading uint8

// The readings of a row against a send (design.md, R9). The zero value decides nothing.
const (
	ReadAbsence  Reading = iota // as good as no row: INIT, EXPIRED, CANCELLED, a FAILED that does not count
	ReadPending                 // still in work
	ReadSuccess                 // registered, exactly as sent
	ReadFailed                  // a FAILED that counts for this send
	ReadConflict                // a person must look: other data, reversed, unlisted state
)

// String returns "absence", "pending", "success", "failed" or "conflict".
func (r Reading) String() string {
	switch r {
	case ReadPending:
		return "pending"
	case ReadSuccess:
		return "success"
	case ReadFailed:
		return "failed"
	case ReadConflict:
		return "conflict"
	default:
		return "absence"
	}
}

// Read holds the row against what was sent.
//
//   - SUCCESS and PENDING count only when both ids, subscriber, package and amount are
//     those of the send; a value missing on either side is a difference, and any
//     difference is ReadConflict.
//   - FAILED counts only when both ids are those of the send, the same ids may not be
//     tried again after its result code, and it was updated no earlier than the send
//     was prepared, less the clock skew the contract allows. Any other FAILED, one
//     without UpdatedAt, and any FAILED held against a send that does not know when it
//     was prepared, is as good as no row.
//   - INIT, EXPIRED and CANCELLED are as good as no row; REVERSED and unlisted states
//     are ReadConflict.
func (t Transaction) Read(s Send) Reading {
	switch t.State {
	case StateSuccess:
		if t.matches(s) {
			return ReadSuccess
		}
		return ReadConflict
	case StatePending:
		if t.matches(s) {
			return ReadPending
		}
		return ReadConflict
	case StateFailed:
		if t.sameIDs(s) && !t.MayRetrySame && t.updatedFor(s) {
			return ReadFailed
		}
		return ReadAbsence
	case StateInit, StateExpired, StateCancelled:
		return ReadAbsence
	default: // reversed, unlisted, and whatever a later version may add
		return ReadConflict
	}
}

func (t Transaction) matches(s Send) bool {
	return t.sameIDs(s) &&
		t.MSISDN.IsValid() && t.MSISDN == s.MSISDN &&
		t.Package != "" && t.Package == s.Package &&
		t.Amount != 0 && t.Amount == s.Amount
}

func (t Transaction) sameIDs(s Send) bool {
	return t.TransID != "" && t.TransID == s.TransID &&
		t.PartnerTransID != "" && t.PartnerTransID == s.PartnerTransID
}

func (t Transaction) updatedFor(s Send) bool {
	return !t.UpdatedAt.IsZero() && !s.PreparedAt.IsZero() &&
		!t.UpdatedAt.Before(s.PreparedAt.Add(-s.ClockSkewMax))
}
