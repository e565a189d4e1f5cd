package reading

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Row is a row of MobiFone's, compared with what was sold. It holds no phone number, so
// that it can be stored.
type Row struct {
	telco.IDs
	State     telco.State
	Differs   string     // in what it is not what was sold, in words; "" when it is
	Refusal   telco.Code // of FAILED: the listed code it failed with; "" when it has none
	Then      telco.Then // where the sale goes on after Refusal
	UpdatedAt time.Time
}

// RowOf compares a transaction with what was sold. refusal is the contract's RefusalOf, or
// nil where a row is to prove no refusal.
func RowOf(tx telco.Transaction, p telco.Purchase, refusal func(telco.Code) telco.Then) Row {
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

// differs says in what the transaction is not the purchase. A value that is missing on
// either side is a difference.
func differs(tx telco.Transaction, p telco.Purchase) string {
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

// Conflict is a contradiction that only a person can settle, in words.
type Conflict string

// The conflicts.
const (
	TakenBack       Conflict = "taken back by the operator"
	NotAnyMore      Conflict = "a registration that succeeded shows another state"
	TwiceRegistered Conflict = "registered twice"
	SoldOtherwise   Conflict = "registered, but not as it was sold"
	PendingOther    Conflict = "pending, but not as it was sold"
	FailedAndNot    Conflict = "a registration that failed shows success"
	StateUnlisted   Conflict = "in a state the contract does not list"
)

// Finding is what rows show of a sale: at most one of its parts is decisive.
type Finding struct {
	Yes      *Row     // registered, exactly as it was sold
	Pending  bool     // still in work
	Conflict Conflict // a person must look
	Detail   string   // of Conflict: in what the row differs
}

// Nothing reports that the rows show no registration, done or in work.
func (f Finding) Nothing() bool { return f.Yes == nil && !f.Pending && f.Conflict == "" }

// Words says the conflict and its detail.
func (f Finding) Words() string {
	if f.Detail == "" {
		return string(f.Conflict)
	}
	return string(f.Conflict) + ": " + f.Detail
}

// Read reads rows against the ids of a sale. yes and no are the ids that earlier answers
// have shown as registered and as failed: a final state that changes is a conflict, unless
// the success is still shown beside it: then a copy of the request was refused.
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

// succeeded reports that a row shows these ids as registered.
func succeeded(rows []Row, ids telco.IDs) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.State == telco.StateSuccess && r.IDs == ids })
}

func detail(row Row, mine bool) string {
	if !mine {
		return "ids that were not sent together"
	}
	return row.Differs
}

// Failed returns the row that tells the refusal of these ids, if there is one.
func Failed(rows []Row, ids telco.IDs) (Row, bool) {
	for _, row := range rows {
		if row.State == telco.StateFailed && row.IDs == ids && row.Refusal != "" {
			return row, true
		}
	}
	return Row{}, false
}
