package telco

// This file holds one row of MobiFone's ledger and what stands in it: the state, the money, and the
// members that the SDK has no field for. It only describes; internal/reading says what a row proves.

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
)

// State is MobiFone's state of a transaction, canonical. The zero value is a
// state the contract does not list.
type State uint8

// The states of a transaction (contract.md, "States").
const (
	StateUnlisted State = iota
	// StateInit means that an OTP was sent and nothing is registered.
	StateInit
	StatePending
	StateSuccess
	StateFailed
	StateExpired
	StateCancelled
	// StateReversed means that it succeeded and the operator took it back.
	StateReversed
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
	TransID TransID
	// PartnerTransID is our id as MobiFone holds it; it may be another system's and malformed.
	PartnerTransID PartnerTransID
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	State          State
	// WireState is MobiFone's own string for the state.
	WireState string
	// ResultCode is the canonical code of the transaction itself, not of the lookup.
	ResultCode     Code
	WireResultCode string
	// ResultMessage is MobiFone's text, scrubbed.
	ResultMessage string
	Shop          string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// Extra holds the members of the row that the contract asks to keep; zero when MobiFone sends
	// none.
	Extra Extra
}

// Extra holds members of an answer that the SDK has no field for and the contract asks to
// keep, by the names the contract gives them. The texts are MobiFone's own, with anything
// that could be a phone number masked. The zero value holds none.
type Extra struct{ pairs string } // name, value, name, value, each ended by a zero byte: so values of Extra compare with ==

// NewExtra keeps the pairs; a zero byte in one is left out.
func NewExtra(pairs iter.Seq2[string, string]) Extra {
	var b strings.Builder
	for name, value := range pairs {
		for _, s := range []string{name, text.Scrub(value)} {
			b.WriteString(strings.ReplaceAll(s, "\x00", ""))
			b.WriteByte(0)
		}
	}
	return Extra{b.String()}
}

// Get returns the member of this name.
func (e Extra) Get(name string) (string, bool) {
	for n, v := range e.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All yields the members in the contract's order.
func (e Extra) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := e.pairs
		for rest != "" {
			name, after, _ := strings.Cut(rest, "\x00")
			value, next, _ := strings.Cut(after, "\x00")
			if !yield(name, value) {
				return
			}
			rest = next
		}
	}
}

// String lists the members.
func (e Extra) String() string {
	var b strings.Builder
	for name, value := range e.All() {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + "=" + value)
	}
	return b.String()
}

// VND is an amount in whole Vietnamese đồng, VAT included.
type VND int64

// String groups by thousands with dots and appends the sign, as amounts are written in
// Viet Nam: "120.000 ₫", "-1.000 ₫".
func (v VND) String() string {
	n := uint64(v)
	if v < 0 {
		n = -n // right for the smallest int64 too
	}
	digits := strconv.AppendUint(nil, n, 10)
	out := make([]byte, 0, 32)
	if v < 0 {
		out = append(out, '-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, '.')
		}
		out = append(out, d)
	}
	return string(append(out, " ₫"...))
}
