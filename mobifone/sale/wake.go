package sale

import "time"

// wakeAt is when the machine has something to do for the sale; zero: nothing. Polls
// thin out with the time the sale has been as it is, so that a thousand open sales are
// no storm.
func (r Rules) wakeAt(s Sale, now time.Time) time.Time {
	switch s.State {
	case Paid, OTPSent:
		if !s.OTPAskedAt.IsZero() {
			return s.OTPAskedAt.Add(r.OTPPatience)
		}
	case Registering:
		return s.Sends[len(s.Sends)-1].WakeAt
	case Resolving:
		return r.NextPoll(s, now)
	case Review:
		if len(s.Sends) > 0 && !r.NoLookup {
			return r.NextPoll(s, now)
		}
	}
	return time.Time{}
}

// NextPoll is when to look a sale up again that is looked up now: after an eighth of the
// time it has been waiting, within bounds, but not later than the fence or the hold's end.
func (r Rules) NextPoll(s Sale, now time.Time) time.Time {
	shortest, longest := 2*time.Second, time.Minute
	if s.State == Review {
		shortest, longest = time.Minute, time.Hour
	}
	since := s.UpdatedAt
	end := s.lastAct().Add(r.Hold)
	if at, known := r.localFence(s); known {
		end = at
		if s.State == Resolving && now.After(end) {
			since = end // absence counts from here on: look closely again
		}
	}
	// A clock that was set back gives a time below 0; that too is long ago.
	next := now.Add(min(max(now.Sub(since).Abs()/8, shortest), longest))
	if s.State == Resolving && end.After(now) && end.Before(next) {
		return end
	}
	return next
}
