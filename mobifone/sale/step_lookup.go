package sale

import (
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// lookedUp folds a complete lookup.
func (t *step) lookedUp() error {
	if t.e.Lookup == nil {
		return t.refuse("a lookup has to be complete")
	}
	switch t.s.State {
	case OTPSent, Paid:
		t.lookedBefore(t.assess(*t.e.Lookup))
	case Resolving:
		t.lookedResolving(t.assess(*t.e.Lookup))
	case RefundDue:
		t.lookedRefundDue(t.assess(*t.e.Lookup))
	case Refunding, Refunded, Registered, Review:
		t.lookedAfter(t.assess(*t.e.Lookup))
	default:
		return t.refuse("nothing is to be looked up now")
	}
	return nil
}

// lookedBefore: a lookup before a send (R7, R8). A row of our own that is more than an
// OTP means no send.
func (t *step) lookedBefore(f finding) {
	switch {
	case f.conflict != "":
		t.goTo(Review, f.conflict)
	case f.success != nil:
		t.foundSuccess("registered before it was sent")
	case f.foreign, t.usedUp():
		t.goTo(Review, "the ids were used by somebody else")
	case f.pending:
		t.resolve("pending before it was sent")
		t.command(LookUp)
	case t.s.Ticket != nil && !t.s.Ticket.runOut(*t.e.Lookup):
		t.s.Looked = t.s.Ticket.TransID
	}
}

// foundSuccess: a sale that was to go on is registered. From now on no absence counts
// for it: a success that is not shown again is a person's matter (R9).
func (t *step) foundSuccess(reason Reason) {
	t.s.Final = partner.StateSuccess
	if t.rules.NoLookup { // the finding is the reason, not that it cannot be looked up
		t.goTo(Review, reason)
		return
	}
	t.resolve(reason)
	t.command(LookUp)
}

// seenSuccess reports that the partner said or showed a success of this sale.
func (t *step) seenSuccess() bool { return t.s.Final == partner.StateSuccess }

// otherReceipt reports that the sale is registered already by another OTP.
func (t *step) otherReceipt(id partner.TransID) bool {
	return t.s.Receipt != nil && t.s.Receipt.TransID != id
}

// runOut reports that the partner shows the OTP's transaction as run out: it is not sent
// any more (R8). Nothing of ours can be behind it, so a new OTP does.
func (k Ticket) runOut(l Lookup) bool {
	return slices.ContainsFunc(l.Rows, func(row Row) bool {
		return row.TransID == k.TransID && (row.State == partner.StateExpired || row.State == partner.StateCancelled)
	})
}

// usedUp reports a row of the OTP in hand that is neither INIT nor of a send of ours.
func (t *step) usedUp() bool {
	if t.s.Ticket == nil {
		return false
	}
	for _, row := range t.e.Lookup.Rows {
		if row.TransID == t.s.Ticket.TransID && row.State == partner.StateFailed {
			for _, send := range t.s.Sends {
				if send.TransID == row.TransID && !send.stayed() {
					return false
				}
			}
			return true
		}
	}
	return false
}

func (t *step) lookedResolving(f finding) {
	switch {
	case f.conflict != "":
		t.goTo(Review, f.conflict)
	case f.success != nil:
		t.registeredBy(f.success)
	case f.pending && f.past:
		t.goTo(Review, "still pending at the fence")
	case f.pending && t.holdIsOver():
		t.goTo(Review, "still pending after the hold")
	case f.pending:
		t.s.Reason = "pending"
	case t.seenSuccess() && (f.past || t.holdIsOver()):
		t.goTo(Review, "a registration that succeeded is not shown")
	case t.seenSuccess(): // lookups lag
	case !t.anyOpen():
		t.settle()
	case t.holdIsOver():
		t.goTo(Review, "not decided within the hold")
	}
}

func (t *step) registeredBy(row *Row) {
	t.s.Receipt = &Receipt{TransID: row.TransID, PartnerTransID: row.PartnerTransID, RegisteredAt: row.UpdatedAt, ByLookup: true}
	t.s.Final = partner.StateSuccess
	t.goTo(Registered, "")
}

// lookedRefundDue: the last look before cash leaves (R11).
func (t *step) lookedRefundDue(f finding) {
	switch {
	case f.conflict == takenBack && f.success == nil && !f.pending && t.s.Released:
		t.s.LookedRefund = t.e.At // the person who ruled refund-due knew
	case f.conflict != "":
		t.goTo(Review, f.conflict)
	case f.success != nil:
		t.registeredBy(f.success)
	case f.pending:
		t.goTo(Review, "pending when the cash was to be returned")
	default:
		t.s.LookedRefund = t.e.At
	}
}

// lookedAfter: what a lookup shows after cash has left, or while a person decides.
func (t *step) lookedAfter(f finding) {
	switch {
	case t.s.State == Registered:
		t.checkRegistered(f)
	case t.s.State == Review:
		if f.success != nil && t.s.Reason != foundRegistered {
			t.s.Reason = foundRegistered
			t.command(RaiseAlarm)
		}
	case f.success != nil || f.conflict != "":
		t.goTo(Review, refundedAndNot)
	}
}

// checkRegistered holds what is found of a registered sale against its receipt.
func (t *step) checkRegistered(f finding) {
	switch {
	case f.conflict != "":
		t.goTo(Review, f.conflict)
	case f.success != nil && t.otherReceipt(f.success.TransID):
		t.goTo(Review, twiceRegistered)
	}
}

// observed folds a row found elsewhere (R13). It proves that something is there, never
// that something is not.
func (t *step) observed() error {
	row := t.e.Row
	if row == nil {
		return t.refuse("no row")
	}
	var f finding
	t.assessRow(&f, *row)
	if f.success == nil && f.conflict == "" {
		return nil // nothing that a lookup of our own would not show
	}
	switch t.s.State {
	case Registering, Resolving, RefundDue:
		if f.conflict != "" {
			t.goTo(Review, f.conflict)
			return nil
		}
		t.registeredBy(f.success)
	case Paid, OTPSent:
		if f.conflict != "" {
			t.goTo(Review, f.conflict)
			return nil
		}
		t.foundSuccess(foundRegistered)
	case Registered:
		t.checkRegistered(f)
	case Refunding, Refunded:
		t.goTo(Review, refundedAndNot)
	case Review, Open, Cancelled, Closed:
		if t.s.Reason.byLedger() {
			return nil
		}
		t.s.Reason = foundRegistered
		if f.conflict != "" {
			t.s.Reason = f.conflict
		}
		t.command(RaiseAlarm)
	}
	return nil
}
