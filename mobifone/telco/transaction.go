package telco

import "time"

// State is MobiFone's state of a transaction, canonical. The zero value is a
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

// Final reports whether MobiFone may not change the state any more (SUCCESS may
// still be reversed by the operator). An unlisted state is not final.
func (s State) Final() bool {
	switch s {
	case StateSuccess, StateFailed, StateExpired, StateCancelled, StateReversed:
		return true
	default:
		return false
	}
}

// Transaction is one row of MobiFone's ledger. Times carry +07:00.
type Transaction struct {
	TransID        TransID
	PartnerTransID PartnerTransID // as MobiFone holds it; may be another system's and malformed
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	State          State
	WireState      string // MobiFone's own string
	ResultCode     Code   // canonical code of the transaction itself, not of the lookup
	WireResultCode string
	ResultMessage  string // scrubbed
	Shop           string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Extra          Extra // members of the row that the contract asks to keep // zero when MobiFone does not say
}
