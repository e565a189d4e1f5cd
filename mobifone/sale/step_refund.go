package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// refundLook is how long the last look before a refund counts.
const refundLook = time.Minute

// abandoned: the customer wants the cash back. It is due at once only if no send is open
// (R7); else as soon as all are cleared.
func (t *step) abandoned() error {
	switch t.s.State {
	case Paid, OTPSent:
		t.s.Abandoned = true
		if t.anyOpen() {
			t.resolve("given up by the customer")
			if t.s.State == Resolving {
				t.command(LookUp)
			}
			return nil
		}
		t.goTo(RefundDue, "given up by the customer")
	case Registering, Resolving:
		t.s.Abandoned = true
	case Open:
		return t.refuse("no cash was taken; cancel the sale")
	default:
		return t.refuse("the sale is past giving up")
	}
	return nil
}

// refundTaken: one teller claims to pay out, after a last lookup and before cash leaves
// (R11).
func (t *step) refundTaken() error {
	switch {
	case t.s.State == Refunding:
		return t.refuse("the refund is being paid out by " + t.s.RefundBy)
	case t.s.State != RefundDue:
		return t.refuse("no refund is due")
	case t.e.By == "":
		return t.refuse("say who pays out")
	case t.anyLeft() && t.rules.NoLookup && !t.s.Released:
		return t.refuse("there is no lookup to make sure; let a supervisor decide")
	case t.anyLeft() && !t.rules.NoLookup && (t.s.LookedRefund.IsZero() || t.e.At.Sub(t.s.LookedRefund).Abs() > refundLook):
		return t.refuse("look the transaction up first")
	}
	t.s.RefundBy, t.s.RefundEver, t.s.LookedRefund, t.s.Released = t.e.By, true, time.Time{}, false
	t.goTo(Refunding, t.s.Reason)
	return nil
}

func (t *step) refundPaid() error {
	switch {
	case t.s.State != Refunding:
		return t.refuse("claim the refund first")
	case t.e.By != t.s.RefundBy:
		return t.refuse("the refund is being paid out by " + t.s.RefundBy)
	}
	t.s.CashOut = t.s.CashIn
	t.goTo(Refunded, t.s.Reason)
	return nil
}

// anyLeft reports whether a byte of any send may have left.
func (t *step) anyLeft() bool {
	for _, s := range t.s.Sends {
		if !s.stayed() {
			return true
		}
	}
	return false
}

// decided: a person settles a review, with evidence.
func (t *step) decided() error {
	v := t.e.Verdict
	switch {
	case v == nil || v.Evidence == "" || t.e.By == "":
		return t.refuse("a decision has a ruling, evidence and a name")
	case !t.decidable(v.Ruling):
		return t.refuse("only a sale in Review is decided, or a refund that cannot go on by itself")
	}
	switch v.Ruling {
	case RuleRegistered:
		if t.s.CashOut > 0 {
			return t.refuse("the cash is out; close it with the loss booked")
		}
		t.s.Final = partner.StateSuccess
		t.goTo(Registered, "decided")
	case RuleRefundDue:
		if t.s.RefundEver || t.s.CashOut > 0 {
			return t.refuse("a refund was claimed once; rule refunded or closed")
		}
		t.s.LookedRefund, t.s.Released = time.Time{}, true
		t.goTo(RefundDue, "decided")
	case RuleRefunded:
		t.s.CashOut = t.s.CashIn
		t.goTo(Refunded, "decided")
	case RuleClosed:
		t.s.Booked = v.Booked
		t.goTo(Closed, "decided")
	default:
		return t.refuse("rule registered, refund-due, refunded or closed")
	}
	return nil
}

// decidable: beside a review, a person releases a refund that no lookup can make sure of
// (R12), and says what became of one that was claimed and never confirmed.
func (t *step) decidable(r Ruling) bool {
	switch t.s.State {
	case Review:
		return true
	case RefundDue:
		return r == RuleRefundDue && t.rules.NoLookup && t.anyLeft()
	case Refunding:
		return r == RuleRefunded || r == RuleClosed
	default:
		return false
	}
}

// overridden: a supervisor lets the sale go beside another one of the same subscriber.
func (t *step) overridden() error {
	switch {
	case t.s.State != Open && t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("the sale holds the subscriber already")
	case t.e.Slot < 1 || t.e.By == "":
		return t.refuse("an override takes a slot above 0 and a name")
	}
	t.s.Slot = t.e.Slot
	return nil
}
