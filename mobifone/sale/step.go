package sale

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Command is what the machine does once an event is durable.
type Command uint8

// The commands.
const (
	RaiseAlarm Command = iota + 1 // tell the operator: a person must look
)

// RefusedError says that an event is not allowed in the sale's state. The sale is
// unchanged and nothing is lost.
type RefusedError struct {
	State  State
	Kind   Kind
	Reason string // what to do instead
}

// Error says what is refused and what to do instead.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("sale is %s: %s refused: %s", e.State, e.Kind, e.Reason)
}

// Step is the decision core: the sale as it is and an event, to the sale as it becomes
// and what to do about it. It reads no clock (the event carries the time), does no I/O and
// changes nothing it is given; the same sale and event always give the same answer, so
// folding stored events gives the stored sale. A refused event is a *[RefusedError].
func (r Rules) Step(s Sale, e Event) (Sale, []Command, error) {
	t := &step{rules: r, s: s, e: e}
	t.s.Intents = slices.Clone(s.Intents)
	back := s.UpdatedAt.Sub(e.At)
	if back > clockStep {
		t.rebase(back)
	}
	if err := t.apply(); err != nil && (back <= clockStep || e.Kind != Overdue) {
		return s, nil, err
	}
	t.s.Version++
	t.s.UpdatedAt = e.At
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
	return t.s, t.commands, nil
}

// clockStep is how far the local clock may go back between two events without being
// taken for a clock that was wrong: the hosts on one store differ by less.
const clockStep = time.Minute

// rebase moves the sale's local times back: the clock that wrote them was ahead and has
// been set right. What was to happen at them would else wait until the clock gets there
// once more. MobiFone's times are not touched.
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

// Fold replays events from the beginning.
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

// step is one run of the core.
type step struct {
	rules    Rules
	s        Sale
	e        Event
	commands []Command
}

func (t *step) apply() error {
	if t.s.State == None && t.e.Kind != Opened {
		return t.refuse("open the order first")
	}
	switch t.e.Kind {
	case Opened:
		return t.opened()
	case CashTaken:
		return t.cashTaken()
	case CancelAsked:
		return t.cancelled()
	case OTPAsked:
		return t.otpAsked()
	case OTPSentEvent:
		return t.otpSent()
	case OTPRefused:
		return t.otpRefused()
	case SendPlanned:
		return t.sendPlanned()
	case SendEnded:
		return t.sendEnded()
	case LookedUp:
		return t.lookedUp()
	case Overdue:
		return t.overdue()
	case AbandonAsked:
		return t.abandoned()
	case RefundTaken:
		return t.refundTaken()
	case RefundPaid:
		return t.refundPaid()
	case RefundDenied:
		return t.refundDenied()
	case Observed:
		return t.observed()
	case Decided:
		return t.decided()
	case Overridden:
		return t.overridden()
	default:
		return t.refuse("unknown kind of event; a newer version of the program wrote it")
	}
}

func (t *step) refuse(reason string) error {
	return &RefusedError{State: t.s.State, Kind: t.e.Kind, Reason: reason}
}

func (t *step) goTo(state State, reason Reason) {
	t.s.State, t.s.Reason = state, reason
}

// alarm tells the operator, once for an event.
func (t *step) alarm() {
	if !slices.Contains(t.commands, RaiseAlarm) {
		t.commands = append(t.commands, RaiseAlarm)
	}
}

func (t *step) opened() error {
	if t.s.State != None {
		return t.refuse("the sale is open already")
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

func (t *step) cashTaken() error {
	switch {
	case t.s.State != Open:
		return t.refuse("cash is taken once, after opening")
	case t.e.Amount != t.s.Order.Price:
		return t.refuse(fmt.Sprintf("the price is %s; take exactly that", t.s.Order.Price))
	}
	t.s.CashIn = t.e.Amount
	t.goTo(Paid, "")
	return nil
}

func (t *step) cancelled() error {
	if t.s.State != Open {
		return t.refuse("only a sale without cash is cancelled; with cash, abandon it")
	}
	t.goTo(Cancelled, "")
	return nil
}

func (t *step) otpAsked() error {
	switch {
	case t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("an OTP is requested after the cash and while no registration is open")
	case t.s.anyOpen():
		return t.refuse("an earlier registration is not settled; another OTP waits for that")
	case !t.s.OTPAskedAt.IsZero() && t.e.At.Before(t.s.OTPAskedAt.Add(t.rules.OTPPatience)):
		return t.refuse("an OTP request is under way; wait for its answer")
	case t.e.At.Before(t.s.ResendAt):
		return t.refuse("wait until " + t.s.ResendAt.Format(time.TimeOnly) + " before asking for another OTP")
	}
	t.s.OTPAskedAt = t.e.At
	return nil
}

func (t *step) otpSent() error {
	switch {
	case t.s.State != Paid && t.s.State != OTPSent:
		return t.refuse("the sale went on without this OTP")
	case t.e.Ticket == nil || t.e.Ticket.TransID == "":
		return t.refuse("an OTP comes with a transId")
	case t.s.anyOpen():
		return t.refuse("the sale went on with another OTP")
	}
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
	if wait == 0 && t.e.Outcome == partner.Unknown {
		wait = t.rules.ResendAfter // an SMS may be on its way, and another would void it
	}
	if at := t.e.At.Add(wait); at.After(t.s.ResendAt) {
		t.s.ResendAt = at
	}
	return nil
}
