package sale

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the steps of the core that people cause: order, cash, OTP, giving up, refund,
// decision. The cash is taken once and given back once, and only by the one who claimed the
// refund.

// Decision is a person's decision about a sale; see [Desk.Decide].
type Decision struct {
	// Ruling is what is decided, one of these words:
	//
	//	registered  MobiFone's evidence shows our registration.
	//	refund-due  The evidence shows that there is none, so the cash goes back. It is refused while
	//	            a claim on the refund is open, and before a known fence.
	//	refunded    It is proven that the cash is out.
	//	closed      The accountant closes the sale with a loss or a surplus.
	//
	// Any other word is refused, and nothing is stored.
	Ruling string `json:"ruling"`
	// Booked is what "closed" books: a loss below 0, a surplus above.
	Booked telco.VND `json:"booked,omitzero"`
	// Evidence says where the proof is, for the auditor; it may not be empty.
	Evidence string `json:"evidence"`
}

// The rulings of a Decision. They are stored, so they never change.
const (
	ruleRegistered = "registered"
	ruleRefundDue  = "refund-due"
	ruleRefunded   = "refunded"
	ruleClosed     = "closed"
)

// opened makes the sale of an order. Its id is the partnerTransId of the first attempt.
func (t *step) opened() error {
	if t.s.State != None {
		return t.refuse("the sale is open already; go on with it")
	}
	o := t.e.Order
	if o == nil || t.e.PartnerTransID == "" || o.Price <= 0 || o.Shop == "" || o.ID == "" {
		return t.refuse("an order has a shop, an id, a package, a price above 0 and a partnerTransId")
	}
	t.s.ID, t.s.Order, t.s.OpenedAt = string(t.e.PartnerTransID), *o, t.e.At
	t.s.Attempt, t.s.PartnerTransID = 1, t.e.PartnerTransID
	t.goTo(Open, "")
	return nil
}

// cashTaken puts the price into the drawer, once.
func (t *step) cashTaken() error {
	switch {
	case t.s.State != Open:
		return t.refuse("the cash is taken once, right after the order is opened; take nothing more")
	case t.e.Amount != t.s.Order.Price:
		return t.refuse(fmt.Sprintf("the price is %s; take exactly that", t.s.Order.Price))
	}
	t.s.CashIn = t.e.Amount
	t.goTo(Paid, "")
	return nil
}

// cancelled gives up a sale without cash.
func (t *step) cancelled() error {
	if t.s.State != Open {
		return t.refuse("only a sale without cash is cancelled; if cash was taken, give the sale up instead")
	}
	t.goTo(Cancelled, "")
	return nil
}

// otpAsked notes that an OTP is about to be requested: once at a time, not before MobiFone allows
// another, and never while an earlier registration is open.
func (t *step) otpAsked() error {
	switch {
	case t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("take the cash first, and wait while a registration is not settled")
	case t.s.anyOpen():
		return t.refuse("an earlier registration is not settled; wait until it is, then request another OTP")
	case !t.s.OTPAskedAt.IsZero() && t.e.At.Before(t.s.OTPAskedAt.Add(t.rules.OTPPatience)):
		return t.refuse("an OTP request is under way; wait for its answer")
	case t.e.At.Before(t.s.ResendAt):
		return t.refuse("wait until " + onTheClock(t.s.ResendAt) + " before requesting another OTP")
	}
	t.s.OTPAskedAt = t.e.At
	return nil
}

// otpSent takes the OTP in hand. A new one takes the place of an old one, and its ids are looked
// up before they are sent.
func (t *step) otpSent() error {
	switch {
	case t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("the sale went on without this OTP")
	case t.e.Ticket == nil || t.e.Ticket.TransID == "":
		return t.refuse("an OTP comes with a transId")
	case t.s.anyOpen():
		return t.refuse("the sale went on with another OTP")
	}
	// A new OTP has a new transId, so its pair of ids has not been looked up yet.
	ticket := *t.e.Ticket
	t.s.Ticket, t.s.OTPAskedAt, t.s.Looked = &ticket, time.Time{}, false
	t.s.ResendAt = t.e.At.Add(t.e.Wait)
	t.goTo(OTPSent, "")
	return nil
}

// otpRefused keeps the sale where it is: nothing was registered by an OTP request.
func (t *step) otpRefused() error {
	if t.s.OTPAskedAt.IsZero() {
		return t.refuse("no OTP request is under way")
	}
	t.s.OTPAskedAt = time.Time{}
	wait := t.e.Wait
	if wait == 0 && t.e.Outcome == telco.Unknown {
		wait = t.rules.ResendAfter // an SMS may be on its way, and another would void it
	}
	if at := t.e.At.Add(wait); at.After(t.s.ResendAt) {
		t.s.ResendAt = at
	}
	return nil
}

// onTheClock writes a time as the clock in the shop shows it. Vietnam has one time zone, and no
// summer time.
func onTheClock(at time.Time) string {
	return at.In(time.FixedZone("ICT", 7*60*60)).Format(time.TimeOnly)
}

// refundLook is how long the last look before a refund counts. An older one is made again before the
// refund is claimed.
const refundLook = time.Minute

// abandoned: the customer wants the cash back. It is due at once only if no intent is open; else
// it is due as soon as all are settled.
func (t *step) abandoned() error {
	switch t.s.State {
	case Paid, OTPSent:
		t.s.Abandoned = true
		// A wrong OTP may leave an intent open: the request could still be carried out, and then
		// the customer would have both the package and the cash.
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
		return t.refuse("it is registered, given up or decided already; do what the screen says")
	}
	return nil
}

// refundTaken: one teller claims to pay the refund out, after a last lookup and before cash
// leaves.
func (t *step) refundTaken() error {
	// Where no byte ever left, or nobody can be asked, there is nothing to look up.
	look := t.s.anyLeft() && !t.rules.NoLookup
	switch {
	case t.s.State == Refunding:
		return t.refuse("the refund is paid out by " + t.s.RefundBy + ", nobody else pays it")
	case t.s.State != RefundDue:
		return t.refuse("no refund is due; pay nothing out")
	case t.e.By == "":
		return t.refuse("say who pays it out")
	case look && (t.s.LookedRefund.IsZero() || t.e.At.Sub(t.s.LookedRefund).Abs() > refundLook):
		return t.refuse("look the transaction up first")
	}
	t.s.RefundBy, t.s.LookedRefund = t.e.By, time.Time{}
	t.goTo(Refunding, t.s.Reason)
	return nil
}

// refundPaid: the cash left the drawer. That is a fact like an outcome, so it is recorded in
// whatever state the sale is by now.
func (t *step) refundPaid() error {
	switch {
	case t.s.CashOut > 0 && t.e.By == t.s.RefundBy:
		return t.refuse("the cash is recorded as paid out already; pay nothing more")
	case !t.s.claimed():
		return t.refuse("claim the refund first")
	case t.e.By != t.s.RefundBy:
		return t.refuse("the refund is paid out by " + t.s.RefundBy + ", nobody else pays it")
	}
	// The sale may be in Review by now, because a registration showed up while the teller counted
	// the cash. Then it stays there, with the fact that the cash is out.
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
		return t.refuse("nobody has claimed the refund, or the cash is recorded as paid out")
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

// reasonDecided is the reason of a sale on which a person ruled; ruledOn looks for it.
const reasonDecided Reason = "decided"

// decided: a person settles the sale, with evidence. While it may still be registered, a decision
// that gives up the cash is refused.
func (t *step) decided() error {
	s, v := &t.s, t.e.Verdict
	switch {
	case v == nil || v.Evidence == "" || t.e.By == "":
		return t.refuse("a decision needs a ruling, a name, and where the evidence is")
	case s.State != Review && !(s.State == Refunding && v.Ruling == ruleRefunded):
		return t.refuse("only a sale in Review is decided; a refund that is claimed can be ruled refunded")
	case s.claimed() && v.Ruling != ruleRefunded:
		return t.refuse("the refund is claimed by " + s.RefundBy + "; have it confirmed, or denied by a second person, first")
	}
	// Before the fence a request that is on its way can still be carried out, and would make any
	// ruling but "registered" wrong.
	at, known := t.rules.localFence(*s)
	early := known && t.e.At.Before(at)
	switch v.Ruling {
	case ruleRegistered:
		if s.CashOut > 0 {
			return t.refuse("the cash is out; close the sale with the loss booked instead")
		}
		t.ruleRegistered(early)
		t.goTo(Registered, reasonDecided)
	case ruleRefundDue:
		switch {
		case s.CashOut > 0:
			return t.refuse("the cash is out; rule refunded or closed")
		case early:
			return t.refuse("it may still be registered; decide after " + onTheClock(at))
		}
		t.ruleNot()
		s.LookedRefund, s.Ruled = time.Time{}, s.Reason
		t.goTo(RefundDue, reasonDecided)
	case ruleRefunded:
		if early && !s.claimed() && s.CashOut == 0 {
			return t.refuse("it may still be registered; decide after " + onTheClock(at))
		}
		if !early { // else the intents stay open, and looking up goes on
			t.ruleOpen()
		}
		s.CashOut = s.CashIn
		t.goTo(Refunded, reasonDecided)
	case ruleClosed:
		if early {
			return t.refuse("it may still be registered; decide after " + onTheClock(at))
		}
		t.ruleOpen()
		s.Booked = v.Booked
		t.goTo(Closed, reasonDecided)
	default:
		return t.refuse("rule registered, refund-due, refunded or closed")
	}
	return nil
}

// ruleRegistered settles the intents of a sale that a person calls registered. Yes is the
// registration that MobiFone showed, or else the last intent. An intent with other ids that may
// still be carried out stays open, and is looked up further.
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

// ruleNot settles every intent as "no": a person says that nothing is registered.
func (t *step) ruleNot() {
	t.s.Yes = nil
	for i := range t.s.Intents {
		t.s.Intents[i].Settled = settledNo
	}
}

// ruleOpen settles the open intents as "no"; what is known of the others stays.
func (t *step) ruleOpen() {
	for i := range t.s.Intents {
		if intent := &t.s.Intents[i]; intent.open() {
			intent.Settled = settledNo
		}
	}
}

// overridden: a supervisor lets the sale go on beside another one of the same subscriber.
func (t *step) overridden() error {
	switch {
	case t.s.State != Open && t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("a registration is under way, or the sale is over; there is nothing to allow")
	case t.e.Slot < 1 || t.e.By == "":
		return t.refuse("an override takes a slot above 0 and a name")
	}
	t.s.Slot = t.e.Slot
	return nil
}
