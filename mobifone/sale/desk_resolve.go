package sale

import (
	"context"
	"reflect"
	"time"
)

// Resolve moves one sale on as far as its time has come: it gives an unanswered OTP
// request up, takes an unanswered send for unknown, looks an unknown up. It only looks,
// so two who resolve one sale do no harm. next is when to resolve it again; zero: never,
// or not before a person acts. An error leaves the sale as it is; next is set all the same.
func (d *Desk) Resolve(ctx context.Context, id string) (next time.Time, err error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	now := d.now()
	if s.State == Registering || !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) {
		if now.Before(s.WakeAt) {
			return s.WakeAt, nil
		}
		s, err = d.apply(ctx, s, Event{Kind: Overdue, At: now})
		if IsConflict(err) {
			return now, nil // somebody was faster; look again
		}
		if err != nil {
			return now.Add(time.Second), err
		}
	}
	blind := d.cfg.Rules.NoLookup || len(s.Pairs()) == 0
	if s.State != Resolving && (s.State != Review || blind) {
		if !s.WakeAt.IsZero() && !s.WakeAt.After(now) {
			return d.postpone(ctx, s, now), nil // woken for what these rules do not do
		}
		return s.WakeAt, nil
	}
	return d.lookAgain(ctx, s)
}

func (d *Desk) lookAgain(ctx context.Context, s Sale) (time.Time, error) {
	var lookup Lookup
	err := ErrNoLookup // of a contract that lost its lookup while the sale was open
	if !d.cfg.Rules.NoLookup {
		lookup, err = d.cfg.Resolver.LookUp(ctx, s.Order, s.Pairs())
	}
	now := d.now()
	e := Event{Kind: LookedUp, At: now, Lookup: &lookup}
	if err != nil {
		if s.State != Resolving {
			return d.postpone(ctx, s, now), err
		}
		e = Event{Kind: Overdue, At: now} // the hold may be over although nobody answers
	}
	next, _, stepErr := d.cfg.Rules.Step(s, e)
	if stepErr != nil || sameButTime(s, next) {
		return d.postpone(ctx, s, now), err
	}
	after, applyErr := d.apply(ctx, s, e)
	switch {
	case IsConflict(applyErr):
		return now, err
	case applyErr != nil:
		return now.Add(time.Second), applyErr
	}
	return after.WakeAt, err
}

func (d *Desk) postpone(ctx context.Context, s Sale, now time.Time) time.Time {
	next := d.cfg.Rules.NextPoll(s, now)
	_ = d.cfg.Store.Postpone(ctx, s.ID, s.Version, next) // forgotten, it is only looked up early
	return next
}

// sameButTime reports whether an event would change nothing but when it happened.
func sameButTime(a, b Sale) bool {
	b.Version, b.UpdatedAt, b.WakeAt = a.Version, a.UpdatedAt, a.WakeAt
	return reflect.DeepEqual(a, b)
}
