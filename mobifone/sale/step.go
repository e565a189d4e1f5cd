package sale

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file is the decision core: a sale and an event in, the sale after it out. No clock, no
// I/O, nothing changed that was passed in, so that folding the stored events gives the stored
// sale. Here are the frame, the intent of a registration and its outcome; step_counter.go has
// the acts of people, step_lookup.go what MobiFone's ledger shows.

// RefusedError says that something may not be done while the sale is as it is. The sale is
// unchanged and nothing is lost; Reason says what to do instead.
type RefusedError struct {
	// State is the state of the sale that refused.
	State State
	// Kind is the event that was refused.
	Kind Kind
	// Reason is what is in the way and what to do instead, in English, for a person.
	Reason string
}

// Error returns what cannot be done, the reason, and the sale's state, in words of the shop.
func (e *RefusedError) Error() string {
	deed, known := deeds[e.Kind]
	if !known {
		deed = "record " + string(e.Kind)
	}
	return fmt.Sprintf("cannot %s: %s (the sale is %s)", deed, e.Reason, e.State)
}

// deeds name each kind of event as what a person or the program wanted to do, for a refusal's text.
var deeds = map[Kind]string{
	kindOpened:       "open the sale",
	kindCashTaken:    "take the cash",
	kindCancelAsked:  "cancel the sale",
	kindOTPAsked:     "request an OTP",
	kindOTPSent:      "record the OTP",
	kindOTPRefused:   "record that no OTP came",
	kindSendPlanned:  "register the package",
	kindSendEnded:    "record the outcome of the registration",
	kindLookedUp:     "record the lookup",
	kindOverdue:      "move the sale on",
	kindAbandonAsked: "give the sale up",
	kindRefundTaken:  "claim the refund",
	kindRefundPaid:   "confirm the refund",
	kindRefundDenied: "deny the refund",
	kindObserved:     "record MobiFone's row",
	kindDecided:      "decide the sale",
	kindOverridden:   "let the sale go on beside another one",
}

// Step is the decision core. It takes the sale as it is and an event, and returns the sale
// as it becomes, and whether the operator is alarmed: a person must look. It reads no clock
// (the event carries the time), does no I/O and changes nothing it is given; the same sale and
// event always give the same answer, so folding stored events gives the stored sale. A refused
// event is a *[RefusedError]; the sale is then as it was and nobody is alarmed.
func (r Rules) Step(s Sale, e Event) (next Sale, alarm bool, err error) {
	// The step works on a copy: a caller who is refused goes on with what it has.
	t := &step{rules: r, s: s, e: e}
	t.s.Intents = slices.Clone(s.Intents)
	back := s.UpdatedAt.Sub(e.At)
	if back > clockStep {
		t.rebase(back)
	}
	if err := t.apply(); err != nil && (back <= clockStep || e.Kind != kindOverdue) {
		return s, false, err
	}
	// Every event counts, also one that changes nothing else: the version is the number of
	// events, and a store compares it.
	t.s.Version++
	t.s.UpdatedAt = e.At
	// A sale that waits for a person is given a time at which somebody is told.
	if t.s.State != s.State {
		t.s.Since, t.s.AlarmAt = e.At, time.Time{}
		switch t.s.State {
		case Review:
			t.alarm()
			fallthrough
		case Paid, OTPSent, RefundDue, Refunding:
			t.s.AlarmAt = e.At.Add(r.AlarmAfter)
		}
	}
	t.s.WakeAt = r.wakeAt(t.s, e.At)
	return t.s, t.alarmed, nil
}

// clockStep is how far the local clock may go back between two events before the desk takes the
// earlier one for wrong: the hosts on one store differ by less.
const clockStep = time.Minute

// rebase moves the sale's local times back, because the clock that wrote them was ahead and has
// been set right. What was to happen at those times would otherwise wait until the clock gets
// there once more. MobiFone's times are not touched.
func (t *step) rebase(back time.Duration) {
	s := &t.s
	times := []*time.Time{&s.OTPAskedAt, &s.ResendAt, &s.Since, &s.AlarmAt, &s.LookedRefund}
	if s.Ticket != nil {
		ticket := *s.Ticket
		s.Ticket = &ticket
		times = append(times, &ticket.ExpiresAt)
	}
	for i := range s.Intents {
		times = append(times, &s.Intents[i].At, &s.Intents[i].WakeAt)
	}
	for _, at := range times {
		if !at.IsZero() {
			*at = at.Add(-back)
		}
	}
}

// Fold replays events from the beginning. For the events of a store it returns the stored sale,
// but for WakeAt, which Postpone moves without an event.
func (r Rules) Fold(events []Event) (Sale, error) {
	var s Sale
	for i, e := range events {
		next, _, err := r.Step(s, e)
		if err != nil {
			return s, fmt.Errorf("event %d: %w", i+1, err)
		}
		s = next
	}
	return s, nil
}

// step is one run of the core: the rules, the sale as it changes, the event, and whether the
// operator is told.
type step struct {
	rules   Rules
	s       Sale
	e       Event
	alarmed bool
}

// apply dispatches the event. An event of an unknown kind is refused: it would be lost.
func (t *step) apply() error {
	if t.s.State == None && t.e.Kind != kindOpened {
		return t.refuse("open the order first")
	}
	switch t.e.Kind {
	case kindOpened:
		return t.opened()
	case kindCashTaken:
		return t.cashTaken()
	case kindCancelAsked:
		return t.cancelled()
	case kindOTPAsked:
		return t.otpAsked()
	case kindOTPSent:
		return t.otpSent()
	case kindOTPRefused:
		return t.otpRefused()
	case kindSendPlanned:
		return t.sendPlanned()
	case kindSendEnded:
		return t.sendEnded()
	case kindLookedUp:
		return t.lookedUp()
	case kindOverdue:
		return t.overdue()
	case kindAbandonAsked:
		return t.abandoned()
	case kindRefundTaken:
		return t.refundTaken()
	case kindRefundPaid:
		return t.refundPaid()
	case kindRefundDenied:
		return t.refundDenied()
	case kindObserved:
		return t.observed()
	case kindDecided:
		return t.decided()
	case kindOverridden:
		return t.overridden()
	default:
		return t.refuse("unknown kind of event; a newer version of the program wrote it")
	}
}

// refuse is the error of an event that the state does not allow.
func (t *step) refuse(reason string) error {
	return &RefusedError{State: t.s.State, Kind: t.e.Kind, Reason: reason}
}

// goTo moves the sale to a state and says why. Step sets Since and AlarmAt afterwards, if the state is
// another one.
func (t *step) goTo(state State, reason Reason) {
	t.s.State, t.s.Reason = state, reason
}

// alarm makes Step report an alarm, at most one for an event.
func (t *step) alarm() { t.alarmed = true }

// needsLook reports whether a complete lookup has to come before the next send: it does before
// the first send of a partnerTransId. There it shows a registration of ours that this store does
// not remember, because it was restored from a backup, say.
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

// mayGoAgain reports whether the only open intents are of the OTP in hand and were answered with
// a wrong code. Exactly that pair of ids may be sent again.
func (s Sale) mayGoAgain() bool {
	for _, i := range s.Intents {
		same := s.Ticket != nil && i.TransID == s.Ticket.TransID && i.PartnerTransID == s.PartnerTransID
		if i.open() && !(same && i.Then == telco.ThenSameIDs) {
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
		return t.refuse("take the cash and request an OTP first; an open registration must settle")
	case s.CashIn != s.Order.Price:
		return t.refuse("take the cash first")
	case !s.OTPAskedAt.IsZero() && t.e.At.Before(s.OTPAskedAt.Add(t.rules.OTPPatience)):
		return t.refuse("an OTP request is under way; wait for its answer")
	case intent == nil || intent.TransID != s.Ticket.TransID || intent.PartnerTransID != s.PartnerTransID || intent.Attempt != s.Attempt:
		return t.refuse("this is not the OTP in hand; use the newest one")
	case s.Ticket.RunOut:
		return t.refuse("the OTP has run out; request another one")
	case !s.mayGoAgain():
		return t.refuse("an earlier registration is not settled; wait until it is")
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
	// A late answer is as true as an early one: whatever the sale has become meanwhile, what
	// MobiFone said of this send is kept.
	intent.Answered, intent.Outcome, intent.WireCode = true, t.e.Outcome, t.e.WireCode
	if t.e.Outcome == telco.Succeeded {
		t.registered(intent.IDs, t.e.Receipt)
		return nil
	}
	// A refusal settles the send only if nothing left, or if the contract promises that no copy
	// of the request can still be carried out. Otherwise the intent stays open.
	intent.Code, intent.Then = t.e.Code, t.e.Then
	if intent.open() && (t.e.Outcome == telco.NotSent || t.e.Final && t.rules.RefusalIsFinal) {
		intent.Settled = settledNo
	}
	switch {
	// A late answer to an earlier send says nothing of the one under way.
	case t.s.State == Registering && i == len(t.s.Intents)-1:
		t.endRegistering(*intent)
	case t.s.State == Resolving && t.s.Yes == nil && !t.s.anyOpen():
		t.settle()
	}
	return nil
}

// endRegistering goes on from the answer to the last send, where it is not a success.
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

// resolve enters Resolving. Where nothing can be looked up the sale goes to Review, to a person.
func (t *step) resolve(reason Reason) {
	if t.rules.NoLookup {
		// What reconciliation found is the better reason, and stays.
		if !reason.byLedger() {
			reason = "no lookup operation"
		}
		t.goTo(Review, reason)
		return
	}
	t.goTo(Resolving, reason)
}

// settle goes on when every intent is settled "no": to where the refusal of the last one leads, or to
// another try if no refusal is known.
func (t *step) settle() {
	s := &t.s
	if s.Abandoned {
		t.goTo(RefundDue, "given up by the customer")
		return
	}
	// The last send decides where the sale goes: what was refused before it was tried again.
	last := s.Intents[len(s.Intents)-1]
	// Nothing left, or only the code was wrong: the OTP in hand may still be good.
	if last.stayed() || last.Then == telco.ThenSameIDs {
		s.Looked = false
		if s.Ticket == nil {
			t.goTo(Paid, Reason(last.Code))
			return
		}
		t.goTo(OTPSent, Reason(last.Code))
		return
	}
	switch last.Then {
	case telco.ThenRefund:
		t.goTo(RefundDue, Reason(last.Code))
	case telco.ThenNewOTP:
		s.Ticket, s.Looked = nil, false
		t.goTo(Paid, Reason(last.Code))
	case telco.ThenNewAttempt:
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

// nextAttempt goes on with another partnerTransId, which the event carries. An event without one keeps
// the present attempt: the OTP in hand is given up all the same.
func (t *step) nextAttempt() {
	t.s.Ticket, t.s.Looked = nil, false
	if t.e.NextID != "" {
		t.s.Attempt++
		t.s.PartnerTransID = t.e.NextID
	}
}
