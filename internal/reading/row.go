package reading

// This file compares rows of MobiFone's with what was sold, and says what they prove: registered, in work,
// failed, or a contradiction. It reads rows and sends nothing.

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Row is a row of MobiFone's, compared with what was sold. It holds no phone number, so that it
// can be stored.
type Row struct {
	telco.IDs
	State telco.State
	// Differs says in words in what the row is not what was sold; it is empty when it is.
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

// differs says in what the transaction is not the purchase. A value that is missing on either
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

// Conflict is a contradiction that only a person can settle, in words.
type Conflict string

// The conflicts.
const (
	// TakenBack and the others are in the words that a person reads.
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
	// Conflict says why a person must look, and Detail in what the row differs.
	Conflict Conflict
	// of Conflict: in what the row differs
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
