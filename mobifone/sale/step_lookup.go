package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the steps of the core that follow from MobiFone's ledger and from time. What
// the ledger shows counts at once; what it lacks counts only at the fence, by MobiFone's clock,
// and never after a success was said.

// Lookup is what a complete, well-formed lookup of every pair of ids of the sale showed.
type Lookup struct {
	// At is the earliest time, by MobiFone's clock, at which its ledger can have been read;
	// zero: not known, and then an absence proves nothing.
	At time.Time `json:"at,omitzero"`
	// Cached says that a cache may have answered: only what is there counts.
	Cached bool `json:"cached,omitzero"`
	// Rows are MobiFone's rows of these ids.
	Rows []Row `json:"rows,omitzero"`
}

// Row is one of MobiFone's rows, already compared with the order: the phone number is
// compared when the row is read, and not kept.
type Row struct {
	telco.IDs
	// State is what MobiFone says became of the request.
	State telco.State `json:"state"`
	// Differs says in words where the row is not the order; empty: it is the order's.
	Differs string `json:"differs,omitzero"`
	// Refusal is the code that a FAILED row failed with, if the contract lists it.
	Refusal telco.Code `json:"refusal,omitzero"`
	// Then is where Refusal leads.
	Then telco.Then `json:"then,omitzero"`
	// UpdatedAt is when the row last changed, by MobiFone's clock; zero: it does not say.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// What MobiFone's ledger shows that a person must look at, beside the conflicts of
// package reading.
const (
	foundRegistered Reason = "found registered"
	refundedAndNot  Reason = "registered after the refund"
	notShown        Reason = "a registration that succeeded is not shown"
	provenNot       Reason = "proven not registered"
)

// byLedger reports whether the ledger has already given a reason. Another row of the same
// statement does not change why the sale is looked at, or two rows would take turns for ever.
func (r Reason) byLedger() bool {
	switch reading.Conflict(r) {
	case reading.TakenBack, reading.NotAnyMore, reading.TwiceRegistered, reading.SoldOtherwise,
		reading.PendingOther, reading.FailedAndNot, reading.StateUnlisted:
		return true
	default:
		return r == foundRegistered || r == refundedAndNot
	}
}

// read reads rows against everything this sale ever sent.
func (t *step) read(rows []Row) reading.Finding {
	var yes, no []telco.IDs
	if t.s.Yes != nil {
		yes = append(yes, *t.s.Yes)
	}
	for _, i := range t.s.Intents {
		if i.Failed {
			no = append(no, i.IDs)
		}
	}
	return reading.Read(asRead(rows), t.s.Pairs(), yes, no)
}

// asRead returns stored rows as package reading takes them.
func asRead(rows []Row) []reading.Row {
	read := make([]reading.Row, len(rows))
	for i, row := range rows {
		read[i] = reading.Row(row)
	}
	return read
}

// lookedUp applies a complete lookup: first what it shows to be there, then what it proves not to
// be there.
func (t *step) lookedUp() error {
	l := t.e.Lookup
	if l == nil {
		return t.refuse("a lookup has to be complete")
	}
	switch t.s.State {
	case Open, Cancelled, Closed, None:
		return t.refuse("nothing is to be looked up now")
	}
	f := t.read(l.Rows)
	if t.s.State == RefundDue && f.Conflict != "" && f.Yes == nil && !f.Pending && Reason(f.Conflict) == t.s.Ruled {
		// The person who ruled that the cash goes back knew it.
		f = reading.Finding{}
	}
	shown := t.shows(f)
	if f.Conflict != "" || f.Pending {
		return nil
	}
	// What a cache lacks proves nothing, and the hold ends all the same.
	if l.Cached {
		if !shown && t.s.State == Resolving && t.holdIsOver() {
			t.goTo(Review, "not decided within the hold")
		}
		return nil
	}
	// The lookup is complete and fresh, and nothing of ours is in work. What it lacks counts now:
	// at the fence it settles every open intent but those that are shown as registered.
	wasOpen, past, over := t.s.anyOpen(), t.past(), t.holdIsOver()
	t.settleOpen(l, past)
	if !shown {
		t.absent(l, wasOpen, past, over)
	}
	return nil
}

// shows acts on what rows show to be there, and reports whether they show anything.
func (t *step) shows(f reading.Finding) bool {
	switch {
	case f.Conflict != "":
		t.conflict(Reason(f.Conflict))
	case f.Yes != nil:
		t.registered(f.Yes.IDs, &Registration{TransID: f.Yes.TransID, PartnerTransID: f.Yes.PartnerTransID, RegisteredAt: f.Yes.UpdatedAt, ByLookup: true})
	case f.Pending:
		t.pending()
	default:
		return false
	}
	return true
}

// conflict sends the sale to a person, because MobiFone's ledger contradicts it.
func (t *step) conflict(reason Reason) {
	switch t.s.State {
	case Review, Open, Cancelled, Closed:
		t.note(reason)
	case Refunding, Refunded:
		t.goTo(Review, refundedAndNot)
	default:
		t.goTo(Review, reason)
	}
}

// note keeps what the ledger showed as the reason of a sale that stays in its state, and alarms
// once.
func (t *step) note(reason Reason) {
	if !t.s.Reason.byLedger() {
		t.s.Reason = reason
		t.alarm()
	}
}

// registered: MobiFone says or shows that the sale is registered under these ids. While the cash
// is here the sale is Registered; once the cash may be out, a person must look.
func (t *step) registered(ids telco.IDs, receipt *Registration) {
	s := &t.s
	before := s.Yes
	s.Yes = &ids
	// A no that turns into a yes means that something we rely on is not true: MobiFone's promise
	// that its refusals are final, or its bound on how late it carries a request out. The sale is
	// right again, and the operator is told.
	turned := true
	for i := range s.Intents {
		intent := &s.Intents[i]
		if intent.IDs == ids && intent.Settled != settledNo {
			turned = false
		}
	}
	for i := range s.Intents {
		if intent := &s.Intents[i]; intent.IDs == ids {
			intent.Settled = settledYes // that one of them registered is all that is known
		}
	}
	switch s.State {
	case Registering, Resolving, RefundDue:
		s.Receipt = receipt
		t.goTo(Registered, "")
		if turned {
			t.alarm()
		}
	case Paid, OTPSent:
		t.resolve(foundRegistered)
		t.alarm()
	case Registered:
		if before != nil && *before != ids {
			t.goTo(Review, Reason(reading.TwiceRegistered))
		}
	case Refunding, Refunded:
		t.goTo(Review, refundedAndNot)
	case Review, Open, Cancelled, Closed:
		t.note(foundRegistered)
	}
}

// pending: MobiFone shows that it is still at work on a request of ours.
func (t *step) pending() {
	switch t.s.State {
	case Paid, OTPSent:
		t.resolve("pending")
	case RefundDue:
		t.goTo(Review, "pending when the cash was to be returned")
	case Resolving:
		t.s.Reason = "pending"
		if t.past() || t.holdIsOver() {
			t.goTo(Review, "still pending when it should be done")
		}
	}
}

// past reports whether the lookup was made at or after the fence of all open intents, by
// MobiFone's clock.
func (t *step) past() bool {
	at, known := t.rules.fence(t.s)
	return known && t.e.Lookup != nil && !t.e.Lookup.At.IsZero() && !t.e.Lookup.At.Before(at)
}

// settleOpen settles the open intents whose ids a complete lookup shows neither as registered nor
// as pending. At the fence that is all of them; before it, only those whose refusal the contract
// promises to be final.
func (t *step) settleOpen(l *Lookup, past bool) {
	for i := range t.s.Intents {
		intent := &t.s.Intents[i]
		if !intent.open() {
			continue
		}
		row, failed := t.failed(l.Rows, i)
		if !past && !(failed && t.rules.RefusalIsFinal) {
			// It keeps what it was answered: after a wrong OTP the same ids may still go again.
			continue
		}
		intent.Settled, intent.Failed = settledNo, failed
		if failed {
			intent.Code, intent.Then = row.Refusal, row.Then
		}
	}
}

// absent goes on from a complete lookup that shows no registration.
func (t *step) absent(l *Lookup, wasOpen, past, over bool) {
	s := &t.s
	switch s.State {
	case Resolving:
		switch {
		// MobiFone said that it is registered; an absence does not take that back.
		case s.Yes != nil:
			if past || over {
				t.goTo(Review, notShown)
			}
		// A registration was shown before our first send, and is not shown any more.
		case len(s.Intents) == 0:
			if over {
				t.goTo(Review, notShown)
			}
		case !s.anyOpen():
			t.settle()
		case over:
			t.goTo(Review, "not decided within the hold")
		}
	case OTPSent, Paid:
		t.lookedBefore(l)
		if s.anyOpen() && over {
			t.goTo(Review, "not decided within the hold")
		}
	case RefundDue:
		s.LookedRefund = t.e.At
	case Review:
		if wasOpen && !s.anyOpen() && !s.Reason.byLedger() {
			s.Reason = provenNot
		}
	}
}

// failed returns the refusal that a FAILED row tells about this intent. The row speaks of the
// last send of its ids alone.
func (t *step) failed(rows []Row, index int) (reading.Row, bool) {
	// After a wrong OTP the same ids go again. If a later send of them may have arrived, the row
	// could be about that one.
	ids := t.s.Intents[index].IDs
	for _, later := range t.s.Intents[index+1:] {
		if later.IDs == ids && !later.stayed() {
			return reading.Row{}, false
		}
	}
	return reading.Failed(asRead(rows), ids)
}

// lookedBefore takes the look that comes before the first send of a partnerTransId.
func (t *step) lookedBefore(l *Lookup) {
	s := &t.s
	if s.Ticket == nil || !t.rules.needsLook(*s) {
		return
	}
	// A row of the OTP in hand before its first send: MobiFone has closed it, or somebody else
	// used the ids.
	for _, row := range l.Rows {
		if row.TransID != s.Ticket.TransID {
			continue
		}
		switch row.State {
		case telco.StateExpired, telco.StateCancelled:
			ticket := *s.Ticket
			ticket.RunOut = true
			s.Ticket = &ticket
			return
		case telco.StateFailed:
			t.goTo(Review, "the ids were used by somebody else")
			return
		}
	}
	s.Looked = true
}

// observed applies a row that a reconciliation found. It proves that something is there, never that
// something is not: nobody knows what the statement left out.
func (t *step) observed() error {
	if t.e.Row == nil {
		return t.refuse("no row")
	}
	f := t.read([]Row{*t.e.Row})
	if t.e.Twice {
		f.Conflict, f.Yes = reading.TwiceRegistered, nil
	}
	if f.Conflict == "" && f.Yes == nil {
		return nil // nothing that a lookup of our own would not show
	}
	t.shows(f)
	return nil
}

// overdue acts on the clock: an answer did not come, a hold is over, or a person has waited too long. It
// is refused while nothing is due, so the driver may always ask. Each case moves what made it due, or
// the same event would come again and again.
func (t *step) overdue() error {
	s, now := &t.s, t.e.At
	due := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	switch {
	case s.State == Open && due(s.Since.Add(t.rules.OpenFor)):
		t.goTo(Cancelled, "never paid")
	case !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) && due(s.OTPAskedAt.Add(t.rules.OTPPatience)):
		s.OTPAskedAt = time.Time{}
		if at := now.Add(t.rules.ResendAfter); at.After(s.ResendAt) {
			s.ResendAt = at
		}
	case s.State == Registering && due(s.Intents[len(s.Intents)-1].WakeAt):
		t.resolve("no answer")
	case (s.State == Resolving || (s.State == OTPSent || s.State == Paid) && s.anyOpen()) && t.holdIsOver():
		t.goTo(Review, "not decided within the hold")
	case s.State == OTPSent && s.anyOpen() && t.rules.NoLookup && due(s.Ticket.ExpiresAt):
		t.goTo(Review, "no lookup operation")
	case due(s.AlarmAt):
		t.alarm()
		s.AlarmAt = now.Add(max(t.rules.AlarmAfter, now.Sub(s.Since)))
	default:
		return t.refuse("nothing is overdue")
	}
	return nil
}

// holdIsOver reports whether the sale has waited long enough without a person. A known fence is
// waited for first, and then as long again for a lookup that is late enough. MobiFone's time
// counts where a lookup tells it; otherwise the local clock has to do.
func (t *step) holdIsOver() bool {
	from, told := t.s.lastAct(), time.Time{}
	if n := len(t.s.Intents); n > 0 {
		told = t.s.Intents[n-1].SendBy
	}
	if at, known := t.rules.localFence(t.s); known {
		from = at
		told, _ = t.rules.fence(t.s)
	}
	if !t.e.At.Before(from.Add(t.rules.Hold)) {
		return true
	}
	l := t.e.Lookup
	return l != nil && !l.At.IsZero() && !told.IsZero() && !l.At.Before(told.Add(t.rules.Hold))
}
