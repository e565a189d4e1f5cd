package reconcile

// This file holds the values that a caller gives and gets: a row of ours, and a finding with what differs.

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Ours is one row of ours: one pair of ids of a sale, and what we believe of it. A sale has
// several rows when it had several OTPs or several attempts.
type Ours struct {
	// SaleID is the sale that the row belongs to; Shop and Order are the shop and its order.
	SaleID string
	Shop   string
	Order  string
	telco.IDs
	// MSISDN is the subscriber; zero when the number was erased, and then it is not compared.
	MSISDN  telco.MSISDN
	Package telco.PackageCode
	// Amount is the price.
	Amount telco.VND
	// Outcome is what we know of these ids: Succeeded, MobiFone said or showed that they are registered;
	// Rejected and NotSent, it is settled that nothing is registered under them, by a proof or a person;
	// Unknown, nobody knows yet. A run keeps NotSent as Rejected: for a ledger they are the same.
	Outcome telco.Outcome
	// Refunded says that the customer has the cash back.
	Refunded bool
	// At is when the registration was prepared. It says to which day the row belongs while
	// MobiFone shows none for it. Whole seconds count.
	At time.Time
}

// The words of [Ours.State], which files have as the status of a row of ours.
const (
	undecidedWord     = "UNDECIDED"
	registeredWord    = "REGISTERED"
	notRegisteredWord = "NOT_REGISTERED"
	refundedWord      = "REFUNDED" // the cash went back, so nothing should be registered
)

// State is the word that files have for Outcome and Refunded: "REGISTERED", "NOT_REGISTERED", "UNDECIDED",
// or "REFUNDED" whatever the outcome.
func (o *Ours) State() string {
	switch {
	case o.Refunded:
		return refundedWord
	case o.Outcome == telco.Succeeded:
		return registeredWord
	case o.Outcome == telco.Rejected, o.Outcome == telco.NotSent:
		return notRegisteredWord
	default:
		return undecidedWord
	}
}

// Difference is a field with its value on either side. Phone numbers are masked.
type Difference struct {
	// Field is transId, partnerTransId, subscriber, package, amount or state.
	Field  string `json:"field"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// Finding is one row of ours, one of MobiFone's, or both together, and the category. One of kind [Gone] has
// no row, and IDs says which.
type Finding struct {
	Kind Kind
	// SaleID is the sale the finding is about, also where Ours is nil; empty when none of
	// ours has its partnerTransId.
	SaleID string
	// Ours is our row; nil when there is none.
	Ours *Ours
	// Theirs is MobiFone's row; nil when there is none. Of the fields of a transaction it has
	// those that a statement has, and times in whole seconds at +07:00.
	Theirs *telco.Transaction
	// Differences are the fields that do not agree. Kinds other than Differs may have some too.
	Differences []Difference
	// Others are MobiFone's other rows with the same partnerTransId, for Desk.Observe.
	Others []telco.Transaction
	// Carried says that the finding was still open on an earlier day, see [Run.Carry].
	Carried bool
	// gone are the ids that no row has any more.
	gone telco.IDs
}

// differences lists the fields that do not agree. A value that is missing proves no agreement.
func differences(o *Ours, tx *telco.Transaction) []Difference {
	var all []Difference
	differ := func(is bool, field, ours, theirs string) {
		if is {
			all = append(all, Difference{Field: field, Ours: ours, Theirs: theirs})
		}
	}
	differ(o.TransID != tx.TransID && o.TransID != "" && tx.TransID != "", "transId", string(o.TransID), string(tx.TransID))
	differ(o.PartnerTransID != tx.PartnerTransID && o.PartnerTransID != "" && tx.PartnerTransID != "",
		"partnerTransId", string(o.PartnerTransID), string(tx.PartnerTransID))
	differ(!tx.MSISDN.IsValid() || o.MSISDN.IsValid() && o.MSISDN != tx.MSISDN, "subscriber", o.MSISDN.String(), tx.MSISDN.String())
	differ(o.Package != tx.Package || tx.Package == "", "package", string(o.Package), string(tx.Package))
	differ(o.Amount != tx.Amount || tx.Amount == 0, "amount", o.Amount.String(), tx.Amount.String())
	theirs := tx.State == telco.StateSuccess
	agree := o.Outcome == telco.Succeeded && !o.Refunded && theirs || o.Outcome == telco.Rejected && !says(&theirRow{tx: *tx})
	differ(!agree, "state", o.State(), tx.State.String())
	return all
}
