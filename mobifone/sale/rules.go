package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone"
)

// Rules are MobiFone's promises and the desk's patience, as the decision core needs them.
// They must be the same on every host that shares a store.
type Rules struct {
	Dedupes        bool          // MobiFone dedupes by partnerTransId for ever
	RefusalIsFinal bool          // a refusal speaks for every copy of a request
	NoLookup       bool          // the contract has no lookup by transId; see Config.AllowNoLookup
	LookupLagMax   time.Duration // how far a lookup may lag behind MobiFone's ledger
	ClockSkewMax   time.Duration // how far MobiFone's own clocks may differ
	SettleMargin   time.Duration // on top of the fence; at least the time a lookup may take
	Hold           time.Duration // without a fence: after the last send, before Review
	ResendAfter    time.Duration // between OTPs when MobiFone does not say
	OTPPatience    time.Duration // an OTP request unanswered for so long is given up
	AlarmAfter     time.Duration // a sale that waits for a person so long raises an alarm
	OpenFor        time.Duration // a sale without cash is cancelled after it
}

// RulesOf takes the rules from a client: its contract's promises and its timeouts.
func RulesOf(c *mobifone.Client) Rules {
	sem, timeouts := c.Contract().Semantics(), c.Timeouts()
	margins := reading.MarginsOf(sem, timeouts.Read)
	return Rules{
		Dedupes:        sem.DedupeByPartnerTransID,
		RefusalIsFinal: sem.RefusalIsFinal,
		NoLookup:       !reading.Can(c.Contract()),
		LookupLagMax:   margins.LookupLagMax,
		ClockSkewMax:   margins.ClockSkewMax,
		SettleMargin:   margins.SettleMargin,
		Hold:           time.Duration(sem.HoldBeforeReview),
		ResendAfter:    time.Duration(sem.ResendAfter),
		OTPPatience:    timeouts.Call + replyMargin,
		AlarmAfter:     2 * time.Hour,
		OpenFor:        24 * time.Hour,
	}
}

func (r Rules) margins() reading.Margins {
	return reading.Margins{ClockSkewMax: r.ClockSkewMax, LookupLagMax: r.LookupLagMax, SettleMargin: r.SettleMargin}
}

// fence is MobiFone's time from which on absence settles every open intent of the sale.
func (r Rules) fence(s Sale) (at time.Time, known bool) { return r.margins().Fence(s.open()) }

// fenceSlack is added where a fence is told by the local clock: a Date is cut to the
// second, and the lookup that is to count has to begin after it.
const fenceSlack = 2 * time.Second

// localFence is the time, by the local clock, by which the fence has surely come. It is
// for waiting, never for deciding that something is absent.
func (r Rules) localFence(s Sale) (at time.Time, known bool) {
	fence, known := r.fence(s)
	if !known {
		return time.Time{}, false
	}
	for _, i := range s.Intents {
		if local := i.At.Add(fence.Sub(i.PreparedAt) + fenceSlack); i.open() && local.After(at) {
			at = local
		}
	}
	return at, true
}

// settledBy is the time, by the local clock, that a screen names for the fence: by then a
// lookup surely settles, whichever of MobiFone's clocks tells its time. It is looked up
// from the local fence on, so it is often settled sooner.
func (r Rules) settledBy(s Sale) (at time.Time, known bool) {
	at, known = r.localFence(s)
	if !known {
		return time.Time{}, false
	}
	return at.Add(r.ClockSkewMax), true
}

// wakeAt is when the machine has something to do for the sale; zero: nothing.
func (r Rules) wakeAt(s Sale, now time.Time) time.Time {
	at := s.AlarmAt
	earliest := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	switch s.State {
	case Open:
		earliest(s.Since.Add(r.OpenFor))
	case Registering:
		earliest(s.Intents[len(s.Intents)-1].WakeAt)
	case Resolving:
		earliest(r.NextPoll(s, now))
	case Review:
		if s.anyLeft() && !r.NoLookup {
			earliest(r.NextPoll(s, now))
		}
	default:
		switch {
		case !s.anyOpen():
		case r.NoLookup && s.Ticket != nil:
			earliest(s.Ticket.ExpiresAt)
		case !r.NoLookup:
			earliest(r.nextSettling(s, now))
		}
	}
	if !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) {
		earliest(s.OTPAskedAt.Add(r.OTPPatience))
	}
	return at
}

// nextSettling is when to look for the sake of an open intent while a person can go on:
// at the fence, where it is known.
func (r Rules) nextSettling(s Sale, now time.Time) time.Time {
	if at, known := r.localFence(s); known && at.After(now) {
		return at
	}
	return r.NextPoll(s, now)
}

// NextPoll is when to look a sale up again that is looked up now: after an eighth of the
// time it has been waiting, within bounds, but not later than the fence or the hold's end.
// So a thousand open sales are no storm.
func (r Rules) NextPoll(s Sale, now time.Time) time.Time {
	shortest, longest := 2*time.Second, time.Minute
	if s.State == Review {
		shortest, longest = time.Minute, time.Hour
	}
	since := s.UpdatedAt
	end := s.lastAct().Add(r.Hold)
	if at, known := r.localFence(s); known {
		end = at
		if now.After(end) {
			since = end // absence counts from here on: look closely again
		}
	}
	next := now.Add(min(max(now.Sub(since).Abs()/8, shortest), longest))
	if s.State != Review && end.After(now) && end.Before(next) {
		return end
	}
	return next
}
