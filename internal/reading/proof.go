// Package reading is the only place that knows what MobiFone's answers prove about an
// intent to register: what a row says of it, when "not found" counts, and how a complete
// lookup is made. Registration, transactions and the sale ask here.
//
// It decides nothing about money. It says what is proven: registered, not registered, a
// contradiction for a person, or nothing yet.
package reading

// This file says what proves something: when "not found" counts (the fence), and what a row of
// MobiFone's shows of what was sold (registered, in work, failed, or a contradiction). It reads no
// clock and sends nothing.

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// otpGranule is how much later an OTP may run out than its expiry says, because the expiry is in
// whole seconds.
const otpGranule = time.Second

// LastBy is the latest time, by MobiFone's clock, at which a request that leaves by sendBy can
// still be carried out. It is zero when MobiFone promises no bound. otpExpiresAt is the expiry in
// MobiFone's own reply, zero when it said none; a lifetime that is only assumed is never used.
func LastBy(sem contract.Semantics, sendBy, otpExpiresAt time.Time) time.Time {
	if sem.Clock == "none" {
		return time.Time{}
	}
	var last time.Time
	if sem.MaxExecutionDelay != nil {
		last = sendBy.Add(time.Duration(*sem.MaxExecutionDelay))
	}
	if sem.OTPExpiryCheckedAtExecution && !otpExpiresAt.IsZero() {
		if expiry := otpExpiresAt.Add(otpGranule); last.IsZero() || expiry.Before(last) {
			last = expiry
		}
	}
	if !last.IsZero() && last.Before(sendBy) {
		return sendBy
	}
	return last
}

// Margins are how late and how wrong MobiFone's answers may be. The contract promises them.
type Margins struct {
	// ClockSkewMax is how far MobiFone's own clocks may differ.
	ClockSkewMax time.Duration
	// LookupLagMax is how far a lookup may be behind the ledger.
	LookupLagMax time.Duration
	// SettleMargin is what is added for the time that a lookup itself takes.
	SettleMargin time.Duration
}

// MarginsOf takes the margins from a contract. The settle margin is at least the time that the
// reply to a lookup may take: MobiFone may have read its ledger that long before the reply came.
func MarginsOf(sem contract.Semantics, readTimeout time.Duration) Margins {
	return Margins{
		ClockSkewMax: time.Duration(sem.ClockSkewMax),
		LookupLagMax: time.Duration(sem.LookupLagMax),
		SettleMargin: max(time.Duration(sem.SettleMargin), readTimeout),
	}
}

// Fence is the earliest time, by MobiFone's clock, at which a complete lookup that shows nothing
// proves that none of the intents was or will be carried out. It is known only if the last
// execution of each intent is.
func (m Margins) Fence(intents []telco.SendWindow) (at time.Time, known bool) {
	for _, i := range intents {
		if i.LastBy.IsZero() {
			return time.Time{}, false
		}
		if i.LastBy.After(at) {
			at = i.LastBy
		}
	}
	if at.IsZero() {
		return at, false
	}
	return at.Add(m.ClockSkewMax + m.LookupLagMax + m.SettleMargin), true
}

// Row is a row of MobiFone's, compared with what was sold. It holds no phone number, so that it
// can be stored.
type Row struct {
	telco.IDs
	State telco.State
	// Differs says in words how the row differs from what was sold; empty when it does not.
	Differs string
	// Refusal is the listed code with which a FAILED row failed; empty when it has none.
	Refusal telco.Code
	// Then is where the sale goes on after Refusal.
	Then      telco.Then
	UpdatedAt time.Time
}

// Sold is what the customer pays for. A registration is the one that was sold only if all three
// agree.
type Sold struct {
	MSISDN  telco.MSISDN
	Package telco.PackageCode
	Amount  telco.VND
}

// RowOf compares a transaction with what was sold. refusal is the contract's RefusalOf; it is nil
// where a row must not prove a refusal.
func RowOf(tx telco.Transaction, p Sold, refusal func(telco.Code) telco.Then) Row {
	r := Row{
		IDs: telco.IDs{TransID: tx.TransID, PartnerTransID: tx.PartnerTransID}, State: tx.State,
		Differs: differs(tx, p), UpdatedAt: tx.UpdatedAt.UTC(),
	}
	if refusal != nil && tx.State == telco.StateFailed {
		// A wrong OTP is no failure of the ids: the right one may still be on its way with them.
		if then := refusal(tx.ResultCode); then != "" && then != telco.ThenSameIDs {
			r.Refusal, r.Then = tx.ResultCode, then
		}
	}
	return r
}

// differs says how the transaction differs from the purchase. A value that is missing on either
// side is a difference, because nothing then proves that they are the same.
func differs(tx telco.Transaction, p Sold) string {
	switch {
	case !tx.MSISDN.IsValid():
		return "the subscriber's number is missing or masked"
	case tx.MSISDN != p.MSISDN:
		return "another subscriber"
	case tx.Package == "" || tx.Package != p.Package:
		return "another package"
	case tx.Amount == 0 || tx.Amount != p.Amount:
		return "another amount"
	}
	return ""
}

// Conflict is a contradiction that only a person can settle, in the words that this person reads.
type Conflict string

// The conflicts. TakenBack is the weakest: any other one found beside it replaces it.
const (
	TakenBack       Conflict = "taken back by the operator"
	NotAnyMore      Conflict = "a registration that succeeded shows another state"
	TwiceRegistered Conflict = "registered twice"
	SoldOtherwise   Conflict = "registered, but not as it was sold"
	PendingOther    Conflict = "pending, but not as it was sold"
	FailedAndNot    Conflict = "a registration that failed shows success"
	StateUnlisted   Conflict = "in a state the contract does not list"
)

// Finding is what rows show of a sale. At most one of Yes, Pending and Conflict is decisive.
type Finding struct {
	// Yes is the row that is registered exactly as it was sold.
	Yes *Row
	// Pending says that a registration is still in work.
	Pending bool
	// Conflict says why a person must look; empty when nobody must.
	Conflict Conflict
	// Detail says in what the row differs, where that is the conflict.
	Detail string
}

// Nothing reports whether the rows show no registration, neither done nor in work.
func (f Finding) Nothing() bool { return f.Yes == nil && !f.Pending && f.Conflict == "" }

// Words are the conflict and its detail.
func (f Finding) Words() string {
	if f.Detail == "" {
		return string(f.Conflict)
	}
	return string(f.Conflict) + ": " + f.Detail
}

// Read reads rows with the ids of a sale. yes and no are the ids that earlier answers have shown
// as registered and as failed. A final state that changes is a conflict, unless the success is
// still shown beside it: then a copy of the request was refused.
func Read(rows []Row, ours, yes, no []telco.IDs) Finding {
	var f Finding
	conflict := func(c Conflict, detail string) {
		if f.Conflict == "" || f.Conflict == TakenBack {
			f.Conflict, f.Detail = c, detail
		}
	}
	for _, row := range rows {
		mine := slices.Contains(ours, row.IDs)
		switch row.State {
		case telco.StateInit, telco.StateExpired, telco.StateCancelled, telco.StateFailed:
			if slices.Contains(yes, row.IDs) && !succeeded(rows, row.IDs) {
				conflict(NotAnyMore, "")
			}
		case telco.StatePending:
			f.Pending = true
			if !mine || row.Differs != "" {
				conflict(PendingOther, detail(row, mine))
			}
		case telco.StateSuccess:
			switch {
			case !mine || row.Differs != "":
				conflict(SoldOtherwise, detail(row, mine))
			case f.Yes != nil: // of one row MobiFone would not list two
				conflict(TwiceRegistered, "")
			case slices.Contains(no, row.IDs):
				conflict(FailedAndNot, "")
			case slices.ContainsFunc(yes, func(other telco.IDs) bool { return other != row.IDs }):
				conflict(TwiceRegistered, "")
			default:
				f.Yes = &row
			}
		case telco.StateReversed:
			if f.Conflict == "" {
				f.Conflict = TakenBack
			}
		default:
			conflict(StateUnlisted, "")
		}
	}
	return f
}

// succeeded reports whether a row shows these ids as registered.
func succeeded(rows []Row, ids telco.IDs) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.State == telco.StateSuccess && r.IDs == ids })
}

// detail says why a row cannot be what was sold: its ids were never sent together, or it differs.
func detail(row Row, mine bool) string {
	if !mine {
		return "ids that were not sent together"
	}
	return row.Differs
}

// Failed returns the row that shows the refusal of these ids, if there is one.
func Failed(rows []Row, ids telco.IDs) (Row, bool) {
	for _, row := range rows {
		if row.State == telco.StateFailed && row.IDs == ids && row.Refusal != "" {
			return row, true
		}
	}
	return Row{}, false
}
