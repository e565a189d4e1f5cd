package sale

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// NeedsLookup reports whether a complete lookup has to go before the next send: the first
// of a partnerTransId (R8), and any after a send that is not cleared, unless that was told
// a wrong OTP and the ids stay the same (R7).
func (r Rules) NeedsLookup(s Sale) bool {
	if r.NoLookup || s.Ticket == nil {
		return false
	}
	first := true
	for _, send := range s.Sends {
		if send.PartnerTransID == s.PartnerTransID && !send.stayed() {
			first = false
		}
	}
	return first && s.Looked != s.Ticket.TransID || s.unsettled()
}

// unsettled reports a send that has to be cleared before the OTP in hand is sent: every
// open one but that of a wrong OTP with the very same ids (R7).
func (s Sale) unsettled() bool {
	for _, send := range s.Sends {
		retry := send.Code == partner.OTPInvalid && send.Outcome == partner.Rejected &&
			send.TransID == s.Ticket.TransID && send.PartnerTransID == s.PartnerTransID
		if send.open() && !retry {
			return true
		}
	}
	return false
}

// stayed reports that it is proven that no byte of the send left.
func (s Send) stayed() bool { return s.Answered && s.Outcome == partner.NotSent }

// open reports that the send may have registered the package as far as anybody knows.
func (s Send) open() bool { return !s.Cleared && !s.stayed() && !s.NotOurs }

// sendPlanned makes the send durable. R1: no byte leaves before this event is stored.
func (t *step) sendPlanned() error {
	s, send := &t.s, t.e.Send
	switch {
	case s.State != OTPSent || s.Ticket == nil:
		return t.refuse("a registration needs cash and an OTP, and no other registration open")
	case s.Abandoned:
		return t.refuse("the customer gave the sale up")
	case s.CashIn != s.Order.Price:
		return t.refuse("take the cash first")
	case !s.OTPAskedAt.IsZero() && t.e.At.Before(s.OTPAskedAt.Add(t.rules.OTPPatience)):
		return t.refuse("an OTP request is under way; wait for its answer")
	case send == nil || send.TransID != s.Ticket.TransID || send.PartnerTransID != s.PartnerTransID || send.Attempt != s.Attempt:
		return t.refuse("the send is not of the OTP in hand")
	case t.rules.NeedsLookup(*s):
		return t.refuse("look the transaction up first")
	case t.rules.NoLookup && s.unsettled():
		return t.refuse("an earlier send is not settled, and there is no lookup to settle it")
	}
	planned := *send
	planned.OTPBy = s.Ticket.PartnerExpiresAt
	s.Sends = append(s.Sends, planned)
	t.goTo(Registering, "")
	t.command(SendNow)
	return nil
}

// sendEnded records an outcome. It is a fact in whatever state the sale is by now (R2).
func (t *step) sendEnded() error {
	i := t.e.SendIndex
	if i < 0 || i >= len(t.s.Sends) {
		return t.refuse("no such send")
	}
	send := &t.s.Sends[i]
	if send.Answered {
		return t.refuse("the outcome is recorded already")
	}
	send.Answered, send.Outcome, send.Code = true, t.e.Outcome, t.e.Code
	send.ReplyAt, send.Refusal, send.NotOurs = t.e.PartnerTime, t.e.Refusal, t.e.NotOurs
	if t.e.Outcome == partner.Succeeded {
		t.succeededSend()
		return nil
	}
	switch {
	case t.s.State == Registering && i == len(t.s.Sends)-1: // a late answer to an earlier send says nothing of the one under way
		t.endRegistering(*send)
	case t.s.State == Resolving && !t.anyLeft() && !t.seenSuccess():
		t.settle()
	case t.s.State == Resolving: // what the partner shows may say more than this answer
		t.command(LookUp)
	}
	return nil
}

// succeededSend: the partner said that this send registered the package.
func (t *step) succeededSend() {
	switch t.s.State {
	case Registering, Resolving, RefundDue:
		t.s.Receipt = t.e.Receipt
		t.s.Final = partner.StateSuccess
		t.goTo(Registered, "")
	case Paid, OTPSent:
		t.foundSuccess("registered after all")
	case Registered:
		if t.otherReceipt(t.s.Sends[t.e.SendIndex].TransID) {
			t.goTo(Review, twiceRegistered)
		}
	case Refunding, Refunded:
		t.goTo(Review, refundedAndNot)
	case Review, Cancelled, Closed:
		t.s.Reason = "registered after all"
		t.command(RaiseAlarm)
	}
}

func (t *step) endRegistering(send Send) {
	switch {
	case send.stayed() && !t.s.Abandoned:
		t.goTo(OTPSent, "")
	case !t.anyOpen():
		t.settle()
	case send.Outcome == partner.Rejected && send.Code == partner.OTPInvalid && !t.s.Abandoned:
		t.goTo(OTPSent, Reason(send.Code))
	case send.Outcome == partner.Rejected && (send.Code == partner.OTPExpired || send.Code == partner.OTPAttemptsExceeded) && !t.s.Abandoned:
		t.s.Ticket = nil
		t.goTo(Paid, Reason(send.Code))
	default:
		t.resolve(Reason(send.Code))
	}
}

// resolve enters Resolving; where nothing can be looked up, a person must (R12).
func (t *step) resolve(reason Reason) {
	if t.rules.NoLookup {
		if !reason.byLedger() { // what reconciliation found is the better reason, and stays
			reason = "no lookup operation"
		}
		t.goTo(Review, reason)
		return
	}
	t.goTo(Resolving, reason)
}

func (t *step) anyOpen() bool {
	for _, s := range t.s.Sends {
		if s.open() {
			return true
		}
	}
	return false
}

// settle: every send is proven to have registered nothing. Where to go on depends on what
// the last one that left was told.
func (t *step) settle() {
	code, left := t.lastCode()
	n := len(t.s.Sends)
	unused := t.s.Ticket != nil && (n == 0 || t.s.Sends[n-1].stayed())
	switch {
	case t.s.Abandoned:
		t.goTo(RefundDue, "given up by the customer")
	case code == partner.TransactionConflict || code == partner.TransactionExpired:
		t.nextAttempt(true)
		t.goTo(Paid, Reason(code))
	case unused && (code == "" || goesOn(code)): // the OTP in hand may still be good, and the attempt stays
		t.s.Looked = ""
		t.goTo(OTPSent, "")
	case !left:
		t.goTo(Paid, "")
	case goesOn(code):
		t.s.Ticket, t.s.Looked = nil, ""
		t.goTo(Paid, Reason(code))
	case code == "":
		t.nextAttempt(false)
		t.goTo(Paid, "proven not registered")
	default:
		t.goTo(RefundDue, Reason(code))
	}
}

// goesOn lists the refusals after which the same sale may be tried again.
func goesOn(code partner.Code) bool {
	switch code {
	case partner.AuthTimestamp, partner.AuthNonce, partner.RateLimited,
		partner.OTPInvalid, partner.OTPExpired, partner.OTPAttemptsExceeded:
		return true
	default:
		return false
	}
}

// lastCode is what the last send that may have left was refused with; "" when it was
// never answered, or answered with nothing that refuses.
func (t *step) lastCode() (code partner.Code, left bool) {
	for _, s := range slices.Backward(t.s.Sends) {
		if s.stayed() {
			continue
		}
		if s.Refusal || s.NotOurs {
			return s.Code, true
		}
		return "", true
	}
	return "", false
}

// overdue: the time of an act has come.
func (t *step) overdue() error {
	s := &t.s
	switch {
	case !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) && !t.e.At.Before(s.OTPAskedAt.Add(t.rules.OTPPatience)):
		s.OTPAskedAt = time.Time{}
		if at := t.e.At.Add(t.rules.ResendAfter); at.After(s.ResendAt) {
			s.ResendAt = at
		}
		return nil
	case s.State == Registering && !t.e.At.Before(s.Sends[len(s.Sends)-1].WakeAt):
		t.resolve("no answer")
		t.command(LookUp)
		return nil
	case s.State == Resolving && t.holdIsOver():
		t.goTo(Review, "not decided within the hold")
		return nil
	}
	return t.refuse("nothing is overdue")
}

// holdIsOver: no more waiting without a person. A known fence is waited for first, and
// then as long again for a lookup that is late enough (R10).
func (t *step) holdIsOver() bool {
	from := t.s.lastAct()
	if at, known := t.rules.localFence(t.s); known {
		from = at
	}
	return !t.e.At.Before(from.Add(t.rules.Hold))
}
