package transactions

import (
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// rowKey is what makes a row that row: its transId, else its partnerTransId.
type rowKey struct {
	id   string
	ours bool
}

func keyOf(tx telco.Transaction) (rowKey, bool) {
	if tx.TransID != "" {
		return rowKey{id: string(tx.TransID)}, true
	}
	return rowKey{id: string(tx.PartnerTransID), ours: true}, tx.PartnerTransID != ""
}

// merge joins two readings of the same row, b the later one. It answers "" or what
// contradicts: things that are said once for ever, and two final states.
func merge(a, b telco.Transaction) (telco.Transaction, string) {
	name := "transaction " + string(a.TransID)
	if a.TransID == "" {
		name = "transaction " + string(a.PartnerTransID)
	}
	differs := func(what string) (telco.Transaction, string) {
		return a, fmt.Sprintf("%s was read twice with different %s", name, what)
	}
	switch {
	case a.PartnerTransID != b.PartnerTransID && a.PartnerTransID != "" && b.PartnerTransID != "":
		return differs("partnerTransIds")
	case a.MSISDN != b.MSISDN && a.MSISDN.IsValid() && b.MSISDN.IsValid():
		return differs("subscribers")
	case a.Package != b.Package && a.Package != "" && b.Package != "":
		return differs("packages")
	case a.Amount != b.Amount && a.Amount != 0 && b.Amount != 0:
		return differs("amounts")
	case !a.CreatedAt.Equal(b.CreatedAt) && !a.CreatedAt.IsZero() && !b.CreatedAt.IsZero():
		return differs("creation times")
	case a.State.Final() && b.State.Final() && a.State != b.State && !reversal(a.State, b.State):
		return differs("final states: " + a.State.String() + " and " + b.State.String())
	}
	if older(b, a) {
		return a, ""
	}
	return b, ""
}

// reversal is the one change of a final state that may be: the operator takes a
// success back.
func reversal(a, b telco.State) bool {
	return a == telco.StateSuccess && b == telco.StateReversed ||
		a == telco.StateReversed && b == telco.StateSuccess
}

// older reports whether b, although read later, is the staler row, as a lagging replica
// shows it.
func older(b, a telco.Transaction) bool {
	if !a.UpdatedAt.IsZero() && !b.UpdatedAt.IsZero() && !a.UpdatedAt.Equal(b.UpdatedAt) {
		return b.UpdatedAt.Before(a.UpdatedAt)
	}
	if a.State.Final() != b.State.Final() {
		return a.State.Final()
	}
	return a.State == telco.StateReversed
}
