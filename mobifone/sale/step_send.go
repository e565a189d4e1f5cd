package sale

import (
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// needsLook reports whether a complete lookup has to go before the next send: the first
// of a partnerTransId. A registration of ours that this store does not remember, of an
// old backup say, shows there.
func (r Rules) needsLook(s Sale) bool {
	if r.NoLookup || s.Ticket == nil || s.Looked {
		return false
	}
	for _, i := range s.Intents {
		if i.PartnerTransID == s.PartnerTransID && !i.stayed() {
			return false
		}
	}
	return true
}

// mayGoAgain reports that the only open intents are of the OTP in hand and were told that
// the code is wrong: exactly that pair of ids may be sent again.
func (s Sale) mayGoAgain() bool {
	for _, i := range s.Intents {
		same := s.Ticket != nil && i.TransID == s.Ticket.TransID && i.PartnerTransID == s.PartnerTransID
		if i.open() && !(same && i.Then == partner.ThenSameIDs) {
			return false
		}
	}
	return true
}

// sendPlanned makes the intent durable. No byte leaves before this event is stored.
func (t *step) sendPlanned() error {
	s, intent := &t.s, t.e.Intent
	switch {
	case s.State != OTPSent || s.Ticket == nil:
		return t.refuse("a registration needs cash and an OTP, and no other registration open")
	case s.CashIn != s.Order.Price:
		return t.refuse("take the cash first")
	case !s.OTPAskedAt.IsZero() && t.e.At.Before(s.OTPAskedAt.Add(t.rules.OTPPatience)):
		return t.refuse("an OTP request is under way; wait for its answer")
	case intent == nil || intent.TransID != s.Ticket.TransID || intent.PartnerTransID != s.PartnerTransID || intent.Attempt != s.Attempt:
		return t.refuse("the registration is not of the OTP in hand")
	case s.Ticket.RunOut:
		return t.refuse("the OTP has run out; request another one")
	case !s.mayGoAgain():
		return t.refuse("an earlier registration is not settled")
	case t.rules.needsLook(*s):
		return t.refuse("look the transaction up first")
	}
	s.Intents = append(s.Intents, *intent)
	t.goTo(Registering, "")
	return nil
}

// sendEnded records an outcome. It is a fact in whatever state the sale is by now.
func (t *step) sendEnded() error {
	i := t.e.Index
	if i < 0 || i >= len(t.s.Intents) {
		return t.refuse("no such registration")
	}
	intent := &t.s.Intents[i]
	if intent.Answered {
		return t.refuse("the outcome is recorded already")
	}
	intent.Answered, intent.Outcome = true, t.e.Outcome
	if t.e.Outcome == partner.Succeeded {
		t.registered(intent.IDs, t.e.Receipt)
		return nil
	}
	intent.Code, intent.Then = t.e.Code, t.e.Then
	if intent.open() && (t.e.Outcome == partner.NotSent || t.e.Final && t.rules.RefusalIsFinal) {
		intent.Settled = SettledNo
	}
	switch {
	case t.s.State == Registering && i == len(t.s.Intents)-1: // a late answer to an earlier one says nothing of the one under way
		t.endRegistering(*intent)
	case t.s.State == Resolving && t.s.Yes == nil && !t.s.anyOpen():
		t.settle()
	}
	return nil
}

func (t *step) endRegistering(last Intent) {
	switch {
	case !t.s.anyOpen():
		t.settle()
	case !t.s.Abandoned && t.s.mayGoAgain():
		t.goTo(OTPSent, Reason(last.Code))
	default:
		t.resolve(Reason(last.Code))
	}
}

// resolve enters Resolving; where nothing can be looked up, a person must.
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

// settle goes on when every intent is settled no: where the last one's refusal leads, or
// its absence.
func (t *step) settle() {
	s := &t.s
	if s.Abandoned {
		t.goTo(RefundDue, "given up by the customer")
		return
	}
	last := s.Intents[len(s.Intents)-1]
	if last.stayed() || last.Then == partner.ThenSameIDs { // the OTP in hand may still be good
		s.Looked = false
		if s.Ticket == nil {
			t.goTo(Paid, Reason(last.Code))
			return
		}
		t.goTo(OTPSent, Reason(last.Code))
		return
	}
	switch last.Then {
	case partner.ThenRefund:
		t.goTo(RefundDue, Reason(last.Code))
	case partner.ThenNewOTP:
		s.Ticket, s.Looked = nil, false
		t.goTo(Paid, Reason(last.Code))
	case partner.ThenNewAttempt:
		t.nextAttempt()
		t.goTo(Paid, Reason(last.Code))
	default:
		// Absent. Asked again with the same id, a MobiFone that dedupes registers only once.
		s.Ticket, s.Looked = nil, false
		if !t.rules.Dedupes {
			t.nextAttempt()
		}
		t.goTo(Paid, "proven not registered")
	}
}

// nextAttempt goes on with another partnerTransId.
func (t *step) nextAttempt() {
	t.s.Ticket, t.s.Looked = nil, false
	if t.e.NextID != "" {
		t.s.Attempt++
		t.s.PartnerTransID = t.e.NextID
	}
}
