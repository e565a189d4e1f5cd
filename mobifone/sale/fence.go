package sale

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// fence is the partner's time from which on absence proves that no send of the sale was
// or will be executed (R10). It is known only if the latest execution of every send that
// may have left is known.
func (r Rules) fence(s Sale) (at time.Time, known bool) {
	for _, send := range s.Sends {
		if send.stayed() {
			continue
		}
		if send.LastBy.IsZero() {
			return time.Time{}, false
		}
		if send.LastBy.After(at) {
			at = send.LastBy
		}
	}
	if at.IsZero() {
		return at, false
	}
	return at.Add(r.ClockSkewMax + r.LookupLagMax + r.SettleMargin), true
}

// localFence is about when, by the local clock, the fence comes. It is for waiting, never
// for deciding that something is absent.
func (r Rules) localFence(s Sale) (at time.Time, known bool) {
	fence, known := r.fence(s)
	if !known {
		return time.Time{}, false
	}
	last := s.Sends[len(s.Sends)-1]
	return last.At.Add(fence.Sub(last.PreparedAt)), true
}

// finding is what a complete lookup shows of a sale.
type finding struct {
	success  *Row
	pending  bool
	foreign  bool // something pending is not as we would have sent it
	conflict Reason
	past     bool // the lookup was made at or after the fence
}

// assess holds a complete lookup against every send (R9) and marks the sends it clears
// (R6, R10). It is the only place where a send becomes cleared by what a lookup shows.
func (t *step) assess(l Lookup) finding {
	var f finding
	for i := range l.Rows {
		t.assessRow(&f, l.Rows[i])
	}
	if at, known := t.rules.fence(t.s); known && !l.PartnerTime.IsZero() {
		f.past = !l.PartnerTime.Before(at)
	}
	if f.success != nil || f.pending || f.conflict != "" || t.seenSuccess() {
		return f
	}
	for i := range t.s.Sends {
		send := &t.s.Sends[i]
		if !send.open() {
			continue
		}
		if code, counts := t.failed(*send, l); counts {
			send.Cleared, send.Refusal, send.Code = true, true, code
			continue
		}
		send.Cleared = f.past || t.clearsReply(*send, l)
	}
	return f
}

// What the partner's ledger shows that a person must look at.
const (
	takenBack       Reason = "taken back by the operator"
	notAnyMore      Reason = "a registration that succeeded shows another state"
	twiceRegistered Reason = "registered twice"
	soldOtherwise   Reason = "registered, but not as it was sold"
	failedAndNot    Reason = "a registration that failed shows success"
	stateUnlisted   Reason = "in a state the contract does not list"
	foundRegistered Reason = "found registered"
	refundedAndNot  Reason = "registered after the refund"
)

// byLedger reports that the ledger has spoken already. Another row of the same statement
// does not change why the sale is looked at, or two rows would take turns for ever.
func (r Reason) byLedger() bool {
	switch r {
	case takenBack, notAnyMore, twiceRegistered, soldOtherwise, failedAndNot, stateUnlisted, foundRegistered, refundedAndNot:
		return true
	default:
		return false
	}
}

// assessRow reads one row. A row of a state that leaves room for doubt is a conflict.
func (t *step) assessRow(f *finding, row Row) {
	switch row.State {
	case partner.StateInit, partner.StateExpired, partner.StateCancelled, partner.StateFailed:
		if r := t.s.Receipt; r != nil && t.seenSuccess() && r.TransID == row.TransID && r.PartnerTransID == row.PartnerTransID {
			f.conflict = notAnyMore // the row of the receipt itself, not that of an OTP used up before it
		}
	case partner.StatePending:
		f.pending, f.foreign = true, f.foreign || !t.ours(row)
	case partner.StateSuccess:
		switch {
		case row.Twice:
			f.conflict = twiceRegistered
		case !t.ours(row):
			f.conflict = soldOtherwise
		case f.success != nil && f.success.TransID != row.TransID:
			f.conflict = twiceRegistered
		case t.s.Final == partner.StateFailed && t.finalFailed(row):
			f.conflict = failedAndNot
		default:
			f.success = &row
		}
	case partner.StateReversed:
		if f.conflict == "" {
			f.conflict = takenBack
		}
	default:
		f.conflict = stateUnlisted
	}
}

// ours reports whether the row is exactly a registration of this sale as it was sent, or
// as the ticket in hand would have sent it.
func (t *step) ours(row Row) bool {
	if !row.SameSubscriber || row.Package != t.s.Order.Package || row.Amount != t.s.Order.Price {
		return false
	}
	for _, p := range t.s.Pairs() {
		if p.TransID == row.TransID && p.PartnerTransID == row.PartnerTransID {
			return true
		}
	}
	return false
}

// finalFailed reports whether the row is of the very send whose failure was counted.
func (t *step) finalFailed(row Row) bool {
	for _, send := range t.s.Sends {
		if send.Cleared && send.TransID == row.TransID && send.PartnerTransID == row.PartnerTransID {
			return true
		}
	}
	return false
}

// failed: a FAILED row counts only for exactly this send, if the same ids may not be
// tried again, and if it was written after the send could have left (R9).
func (t *step) failed(send Send, l Lookup) (partner.Code, bool) {
	for _, row := range l.Rows {
		if row.State == partner.StateFailed && row.TransID == send.TransID && row.PartnerTransID == send.PartnerTransID &&
			!row.MayRetrySame && !row.UpdatedAt.IsZero() && !row.UpdatedAt.Before(send.PreparedAt.Add(-t.rules.ClockSkewMax)) {
			t.s.Final = partner.StateFailed
			if row.Code == "" {
				return partner.RegistrationFailed, true
			}
			return row.Code, true
		}
	}
	return "", false
}

// clearsReply: a refusal that may be the echo of our own success is cleared by a lookup
// so much later than the refusal that the success would show (R6). That is enough only if
// the cause of the refusal would have met every copy of the request. Some refusals meet
// one copy although an earlier one was let in, and may be waiting inside, where no lookup
// shows it: those that say an earlier request exists (8002, 8005, 6004), and those that
// time or the number of requests brings about (6003, 9001, and 7002 of an OTP that was
// alive when the request left). For them absence counts at the fence alone.
func (t *step) clearsReply(send Send, l Lookup) bool {
	if !send.Answered || !send.Refusal || send.ReplyAt.IsZero() || l.PartnerTime.IsZero() {
		return false
	}
	if l.PartnerTime.Before(send.ReplyAt.Add(t.rules.LookupLagMax + t.rules.ClockSkewMax)) {
		return false
	}
	switch send.Code {
	case partner.DuplicateTransaction, partner.AuthNonce, partner.AuthTimestamp, partner.RateLimited:
		return false
	case partner.OTPExpired:
		return !send.OTPBy.IsZero() && !send.PreparedAt.Before(send.OTPBy.Add(t.rules.ClockSkewMax))
	case partner.TransactionExpired:
		for _, row := range l.Rows {
			if row.State == partner.StateExpired && row.TransID == send.TransID {
				return true
			}
		}
		return false
	default:
		return true
	}
}

// Pair is the two ids of a registration.
type Pair struct {
	TransID        partner.TransID
	PartnerTransID partner.PartnerTransID
}

// Pairs returns every pair of ids that a complete lookup has to ask for: those of all
// sends, and of the OTP in hand.
func (s Sale) Pairs() []Pair {
	var pairs []Pair
	add := func(p Pair) {
		if slices.Contains(pairs, p) {
			return
		}
		pairs = append(pairs, p)
	}
	for _, send := range s.Sends {
		add(Pair{send.TransID, send.PartnerTransID})
	}
	if s.Ticket != nil {
		add(Pair{s.Ticket.TransID, s.PartnerTransID})
	}
	return pairs
}
