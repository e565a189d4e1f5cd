package sale

import (
	"context"
	"reflect"
	"time"
)

// Resolve moves one sale on as far as its time has come: it gives an unanswered OTP
// request up, takes an unanswered send for unknown, looks an open registration up, alarms
// for whoever waits too long. It only looks, so two who resolve one sale do no harm. next
// is when to resolve it again; zero: never, or not before a person acts. An error leaves
// the sale as it is; next is set all the same.
func (d *Desk) Resolve(ctx context.Context, id string) (next time.Time, err error) {
	next, lookErr, storeErr := d.resolve(ctx, id)
	if storeErr != nil {
		return next, storeErr
	}
	return next, lookErr
}

// resolve tells a lookup that failed, which is noted and comes again at next, from a store
// that failed, which has noted nothing.
func (d *Desk) resolve(ctx context.Context, id string) (next time.Time, lookErr, storeErr error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return time.Time{}, nil, err
	}
	now := d.now()
	overdue := Event{Kind: Overdue, At: now}
	if _, _, refused := d.cfg.Rules.Step(s, overdue); refused == nil && s.State != Resolving {
		s, err = d.apply(ctx, s, overdue)
		if IsConflict(err) {
			return now, nil, nil // somebody was faster; look again
		}
		if err != nil {
			return now.Add(time.Second), nil, err
		}
	}
	if d.looksUp(s, now) {
		return d.lookAgain(ctx, s)
	}
	want := d.cfg.Rules.wakeAt(s, now)
	if !s.WakeAt.IsZero() && (!s.WakeAt.After(now) || s.WakeAt.After(want)) {
		return want, nil, d.postpone(ctx, s, want)
	}
	return s.WakeAt, nil, nil
}

// looksUp reports whether a lookup is what the sale waits for now.
func (d *Desk) looksUp(s Sale, now time.Time) bool {
	switch s.State {
	case Resolving:
		return true
	case Registering, Open:
		return false
	case Review:
		return !d.cfg.Rules.NoLookup && s.anyLeft()
	}
	if d.cfg.Rules.NoLookup || !s.anyOpen() {
		return false
	}
	at, known := d.cfg.Rules.localFence(s)
	return !known || !now.Before(at.Add(-fenceSlack))
}

func (d *Desk) lookAgain(ctx context.Context, s Sale) (next time.Time, lookErr, storeErr error) {
	var lookup Lookup
	lookErr = ErrNoLookup // of a contract that lost its lookup while the sale was open
	if !d.cfg.Rules.NoLookup {
		lookup, lookErr = d.cfg.Resolver.LookUp(ctx, s.Order, s.Pairs())
	}
	now := d.now()
	e := Event{Kind: LookedUp, At: now, Lookup: &lookup}
	if lookErr != nil {
		e = Event{Kind: Overdue, At: now} // the hold may be over although nobody answers
	}
	after, _, stepErr := d.cfg.Rules.Step(s, e)
	if stepErr != nil || sameButTime(s, after) {
		next = d.cfg.Rules.wakeAt(s, now)
		return next, lookErr, d.postpone(ctx, s, next)
	}
	after, err := d.learn(ctx, s, e)
	switch {
	case IsConflict(err):
		return now, lookErr, nil
	case err != nil:
		return now.Add(time.Second), lookErr, err
	}
	return after.WakeAt, lookErr, nil
}

// postpone notes when the sale is due again. A store that cannot is an error: the sale
// would be asked for without a pause.
func (d *Desk) postpone(ctx context.Context, s Sale, next time.Time) error {
	return d.cfg.Store.Postpone(ctx, s.ID, s.Version, next)
}

// sameButTime reports whether an event would change nothing but when it happened.
func sameButTime(a, b Sale) bool {
	b.Version, b.UpdatedAt, b.WakeAt = a.Version, a.UpdatedAt, a.WakeAt
	return reflect.DeepEqual(a, b)
}
