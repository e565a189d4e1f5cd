package sale

import (
	"time"
)

// refundLook is how long the last look before a refund counts.
const refundLook = time.Minute

// abandoned: the customer wants the cash back. It is due at once only if no intent is
// open; else as soon as all are settled.
func (t *step) abandoned() error {
	switch t.s.State {
	case Paid, OTPSent:
		t.s.Abandoned = true
		if t.s.anyOpen() {
			t.resolve("given up by the customer")
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

// refundTaken: one teller claims to pay out, after a last lookup and before cash leaves.
func (t *step) refundTaken() error {
	look := t.s.anyLeft() && !t.rules.NoLookup
	switch {
	case t.s.State == Refunding:
		return t.refuse("the refund is being paid out by " + t.s.RefundBy)
	case t.s.State != RefundDue:
		return t.refuse("no refund is due")
	case t.e.By == "":
		return t.refuse("say who pays out")
	case look && (t.s.LookedRefund.IsZero() || t.e.At.Sub(t.s.LookedRefund).Abs() > refundLook):
		return t.refuse("look the transaction up first")
	}
	t.s.RefundBy, t.s.LookedRefund = t.e.By, time.Time{}
	t.goTo(Refunding, t.s.Reason)
	return nil
}

// refundPaid: the cash left. That is a fact like an outcome: it is recorded in whatever
// state the sale is by now.
func (t *step) refundPaid() error {
	switch {
	case t.s.CashOut > 0 && t.e.By == t.s.RefundBy:
		return t.refuse("it is recorded already that the cash left")
	case !t.s.claimed():
		return t.refuse("claim the refund first")
	case t.e.By != t.s.RefundBy:
		return t.refuse("the refund is being paid out by " + t.s.RefundBy)
	}
	t.s.CashOut = t.s.CashIn
	if t.s.State == Refunding {
		t.goTo(Refunded, t.s.Reason)
	}
	return nil
}

// refundDenied: a second person says, with evidence, that no cash left although somebody
// claimed to pay it out.
func (t *step) refundDenied() error {
	switch {
	case !t.s.claimed():
		return t.refuse("nobody has claimed the refund, or the cash is out")
	case t.e.By == "" || t.e.By == t.s.RefundBy:
		return t.refuse("another person than the one who claimed the refund has to say that no cash left")
	case t.e.Note == "":
		return t.refuse("say where the evidence is")
	}
	t.s.RefundBy, t.s.LookedRefund = "", time.Time{}
	if t.s.State == Refunding {
		t.goTo(RefundDue, t.s.Reason)
	}
	return nil
}

// decided: a person settles a review, with evidence.
func (t *step) decided() error {
	s, v := &t.s, t.e.Verdict
	switch {
	case v == nil || v.Evidence == "" || t.e.By == "":
		return t.refuse("a decision has a ruling, evidence and a name")
	case s.State != Review && !(s.State == Refunding && v.Ruling == RuleRefunded):
		return t.refuse("only a sale in Review is decided, or a claimed refund as paid")
	case s.claimed() && v.Ruling != RuleRefunded:
		return t.refuse("the refund is claimed by " + s.RefundBy + "; have it confirmed, or denied by a second person, first")
	}
	at, known := t.rules.localFence(*s)
	early := known && t.e.At.Before(at)
	switch v.Ruling {
	case RuleRegistered:
		if s.CashOut > 0 {
			return t.refuse("the cash is out; close it with the loss booked")
		}
		t.ruleRegistered(early)
		t.goTo(Registered, "decided")
	case RuleRefundDue:
		switch {
		case s.CashOut > 0:
			return t.refuse("the cash is out; rule refunded or closed")
		case early:
			return t.refuse("it may still be registered; decide after " + at.Format(time.TimeOnly))
		}
		t.ruleNot()
		s.LookedRefund, s.Ruled = time.Time{}, s.Reason
		t.goTo(RefundDue, "decided")
	case RuleRefunded:
		if early && !s.claimed() && s.CashOut == 0 {
			return t.refuse("it may still be registered; decide after " + at.Format(time.TimeOnly))
		}
		if !early { // else the intents stay open, and looking up goes on
			t.ruleOpen()
		}
		s.CashOut = s.CashIn
		t.goTo(Refunded, "decided")
	case RuleClosed:
		if early {
			return t.refuse("it may still be registered; decide after " + at.Format(time.TimeOnly))
		}
		t.ruleOpen()
		s.Booked = v.Booked
		t.goTo(Closed, "decided")
	default:
		return t.refuse("rule registered, refund-due, refunded or closed")
	}
	return nil
}

// ruleRegistered settles by a person's word: yes is the registration that MobiFone showed,
// or else the last intent. An intent of other ids that may still be carried out stays open,
// and is looked up further.
func (t *step) ruleRegistered(early bool) {
	s := &t.s
	if n := len(s.Intents); s.Yes == nil && n > 0 {
		ids := s.Intents[n-1].IDs
		s.Yes = &ids
	}
	for i := range s.Intents {
		switch intent := &s.Intents[i]; {
		case intent.IDs == *s.Yes:
			intent.Settled = settledYes
		case intent.open() && !early:
			intent.Settled = settledNo
		}
	}
}

// ruleNot settles by a person's word that nothing is registered.
func (t *step) ruleNot() {
	t.s.Yes = nil
	for i := range t.s.Intents {
		t.s.Intents[i].Settled = settledNo
	}
}

// ruleOpen settles what is open no; what is known of the others stands.
func (t *step) ruleOpen() {
	for i := range t.s.Intents {
		if intent := &t.s.Intents[i]; intent.open() {
			intent.Settled = settledNo
		}
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
