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
func (s State) String() string { panic("not implemented") }

// Final reports whether the partner may not change the state any more (SUCCESS may
// still be reversed by the operator).
func (s State) Final() bool { panic("not implemented") }

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

// Read holds the row against what was sent.
func (t Transaction) Read(s Send) Reading { panic("not implemented") }
