package sale

import (
	"context"
	"maps"
	"reflect"
	"sync"
	"time"
)

// This file moves open sales on without a person. It only looks things up and records what it
// sees; it never sends a registration, so any number of drivers may work on one store. How
// often a sale is looked up is in config.go.

// Resolve moves one sale on as far as its time has come: it gives up an OTP request that nobody
// answered, treats an unanswered send as unknown, looks an open registration up, and alarms for
// whoever waits too long. It only looks, so two who resolve one sale do no harm. next is when to
// resolve it again; zero: never, or not before a person acts. An error leaves the sale as it is,
// and next is set all the same.
func (d *Desk) Resolve(ctx context.Context, id string) (next time.Time, err error) {
	next, lookErr, storeErr := d.resolve(ctx, id)
	if storeErr != nil {
		return next, storeErr
	}
	return next, lookErr
}

// resolve is Resolve with two errors: lookErr of a lookup that failed, which is noted in the store and
// comes again at next, and storeErr of a store that failed, which has noted nothing.
func (d *Desk) resolve(ctx context.Context, id string) (next time.Time, lookErr, storeErr error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return time.Time{}, nil, err
	}
	now := d.now()
	overdue := Event{Kind: kindOverdue, At: now}
	if _, _, refused := d.cfg.Rules.Step(s, overdue); refused == nil && s.State != Resolving {
		s, err = d.apply(ctx, s, overdue)
		if isConflict(err) {
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

// looksUp reports whether the sale waits for a lookup now.
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
	// A person can go on with the sale; it is looked at for the sake of an open intent, and before
	// the fence that settles nothing.
	at, known := d.cfg.Rules.localFence(s)
	return !known || !now.Before(at.Add(-fenceSlack))
}

// lookAgain looks the sale up in the resolver's lane, and stores what that changes, or else when
// to look again. Time goes on also when the lookup fails: the hold may be over.
func (d *Desk) lookAgain(ctx context.Context, s Sale) (next time.Time, lookErr, storeErr error) {
	var lookup Lookup
	lookErr = errNoLookup // of a contract that lost its lookup while the sale was open
	if !d.cfg.Rules.NoLookup {
		lookup, lookErr = d.cfg.Resolver.LookUp(ctx, s)
	}
	now := d.now()
	e := Event{Kind: kindLookedUp, At: now, Lookup: &lookup}
	if lookErr != nil {
		e = Event{Kind: kindOverdue, At: now} // the hold may be over although nobody answers
	}
	after, _, stepErr := d.cfg.Rules.Step(s, e)
	if stepErr != nil || sameButTime(s, after) {
		next = d.cfg.Rules.wakeAt(s, now)
		return next, lookErr, d.postpone(ctx, s, next)
	}
	after, err := d.learn(ctx, s, e)
	switch {
	case isConflict(err):
		return now, lookErr, nil
	case err != nil:
		return now.Add(time.Second), lookErr, err
	}
	return after.WakeAt, lookErr, nil
}

// postpone notes when the sale is due again. A store that cannot do so is an error: the driver
// would ask for the sale without a pause.
func (d *Desk) postpone(ctx context.Context, s Sale, next time.Time) error {
	return d.cfg.Store.Postpone(ctx, s.ID, s.Version, next)
}

// sameButTime reports whether an event would change nothing but the time of the last event.
func sameButTime(a, b Sale) bool {
	b.Version, b.UpdatedAt, b.WakeAt = a.Version, a.UpdatedAt, a.WakeAt
	return reflect.DeepEqual(a, b)
}

const (
	// driverBatch is how many sales the store is asked for at a time, beside those that wait
	// in this process anyway.
	driverBatch = 256
	// driverAtOnce is how many sales are looked up at the same time.
	driverAtOnce = 64
	// driverSlow is how many of those may be sales whose last lookup failed: half the room
	// stays free for the others, whatever hangs.
	driverSlow = 32
	// driverBusy is the pause while all room is taken and sales wait for it.
	driverBusy = 50 * time.Millisecond
	// driverIdle is the longest pause: another process may make sales due that this one does
	// not know of.
	driverIdle = time.Second
	// driverFloor is the shortest pause, so that no store can make the driver spin.
	driverFloor = 10 * time.Millisecond
	// driverRetry is the first wait of a sale that the store does not take; it doubles up to
	// driverCalm.
	driverRetry = 10 * time.Second
	driverCalm  = 5 * time.Minute
	// driverTake is how long other hosts leave a sale alone that this one has taken: longer than
	// its lookups take, and short enough for a host that dies meanwhile.
	driverTake = 30 * time.Second
	// driverErase is the time between two looks for numbers to erase.
	driverErase = time.Hour
	// driverSweep is the time between two looks for sales that a wrong clock put off.
	driverSweep = time.Minute
	// driverForget is when a wait is forgotten that ended so long ago: another host has moved the
	// sale on since.
	driverForget = time.Hour
)

// Run keeps all open sales moving until ctx ends, and takes up what an earlier process left:
// nothing else is needed after a restart. A send that a dead process left is looked up as soon
// as no answer can come any more, about a minute later with the default timeouts; that nothing
// was registered counts at the fence. Run one per process; several on one store do no harm.
// Each sale waits on its own: those whose lookups hang, or that the store does not take, hold up
// no others. Run also has the numbers of sales long at rest erased, see [Config.EraseAfter]. It
// returns ctx's error.
func (d *Desk) Run(ctx context.Context) error {
	w := &waits{sales: map[string]wait{}}
	var running sync.WaitGroup
	var erased, swept time.Time
	for ctx.Err() == nil {
		now := d.now()
		if now.Sub(erased).Abs() >= driverErase {
			erased = now
			d.erase(ctx, now)
		}
		if now.Sub(swept).Abs() >= driverSweep {
			swept = now
			w.forget(now)
			d.sweep(ctx, now, w, &running)
		}
		ids, next, err := d.due(ctx, now, w)
		pause := driverIdle
		if err == nil {
			d.start(ctx, ids, w, &running)
			switch {
			case w.full():
				pause = driverBusy
			case !next.IsZero():
				pause = min(max(next.Sub(d.now()), driverFloor), driverIdle)
			}
		}
		_ = d.time.Sleep(ctx, pause)
	}
	running.Wait()
	return ctx.Err()
}

// due returns the sales to move now. From a store that hosts share it takes only as many as there
// is room for, and leaves the rest to the other hosts.
func (d *Desk) due(ctx context.Context, now time.Time, w *waits) (ids []string, next time.Time, err error) {
	if shared, ok := d.cfg.Store.(Taker); ok {
		room := w.room()
		if room == 0 {
			return nil, time.Time{}, nil
		}
		return shared.TakeDue(ctx, now, now.Add(driverTake), room)
	}
	// Sales that wait in this process are due in the store all the same: ask for so many more.
	return d.cfg.Store.Due(ctx, now, driverBatch+w.len())
}

// start resolves what may be resolved now, each sale in a goroutine of its own.
func (d *Desk) start(ctx context.Context, ids []string, w *waits, running *sync.WaitGroup) {
	for _, id := range ids {
		if ctx.Err() != nil || !w.begin(id, d.now()) {
			continue
		}
		running.Add(1)
		d.time.Start(func() {
			defer running.Done()
			_, lookErr, storeErr := d.resolve(ctx, id)
			w.end(id, d.now(), lookErr != nil, storeErr != nil)
		})
	}
}

// sweep finds the sales that a clock which was ahead has put off: it resolves what waits longer
// than any sale has reason to.
func (d *Desk) sweep(ctx context.Context, now time.Time, w *waits, running *sync.WaitGroup) {
	live, err := d.cfg.Store.Find(ctx, Filter{
		States: []State{Open, Paid, OTPSent, Registering, Resolving, RefundDue, Refunding, Review}, Limit: 1 << 20,
	})
	if err != nil {
		return
	}
	// longest is more than the rules let a sale of each state wait: what waits longer was put off
	// by a clock that is right again.
	var ids []string
	for _, s := range live {
		longest := longestPoll + time.Minute
		switch s.State {
		case Review:
			longest = 2 * time.Hour
		case Open:
			longest = d.cfg.Rules.OpenFor + time.Minute
		case Paid, OTPSent, RefundDue, Refunding:
			longest = 2*d.cfg.Rules.AlarmAfter + now.Sub(s.OpenedAt).Abs()
		}
		if s.UpdatedAt.After(now.Add(clockStep)) || s.WakeAt.After(now.Add(longest)) {
			ids = append(ids, s.ID)
		}
	}
	d.start(ctx, ids, w, running)
}

// erase has the store erase the numbers that are due, a bounded lot at a time. What fails is due
// again at the next look.
func (d *Desk) erase(ctx context.Context, now time.Time) {
	if d.cfg.EraseAfter < 0 {
		return
	}
	for ctx.Err() == nil {
		n, err := d.cfg.Store.Erase(ctx, now.Add(-d.cfg.EraseAfter), driverBatch)
		if err != nil || n < driverBatch {
			return
		}
	}
}

// waits keeps when this process moves a sale again. It is not stored: after a restart all are
// tried.
type waits struct {
	mu    sync.Mutex
	sales map[string]wait
	// slow counts the running sales whose last lookup failed.
	slow int
	// total counts the running sales.
	total int
	// waiting says that a sale found no room since full was last asked.
	waiting bool
}

// wait is what this process knows of one sale: whether it is being moved, and until when it is left
// alone.
type wait struct {
	running bool
	// slow says that its last lookup failed. It keeps to half the room, see driverSlow.
	slow bool
	// since and until are when it was put off, and until when it is left alone.
	since time.Time
	until time.Time
	// failed is how long it was put off when the store failed; 0: the store did not fail.
	failed time.Duration
}

// begin reports whether the sale may be moved now, and takes it if so. A clock that was set back
// ends every wait.
func (w *waits) begin(id string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sales[id]
	held := now.Before(s.until) && !now.Before(s.since)
	if s.running || held || s.slow && w.slow >= driverSlow {
		return false
	}
	if w.total >= driverAtOnce {
		w.waiting = true
		return false
	}
	s.running = true
	w.total++
	if s.slow {
		w.slow++
	}
	w.sales[id] = s
	return true
}

// end lets the sale go. A sale that the store did not take is left alone, twice as long each
// time. For a lookup that failed the store has noted when it comes again.
func (w *waits) end(id string, now time.Time, lookFailed, storeFailed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sales[id]
	w.total--
	if s.slow {
		w.slow--
	}
	switch {
	case storeFailed:
		s.failed = min(max(2*s.failed, driverRetry), driverCalm)
		w.sales[id] = wait{slow: lookFailed, since: now, until: now.Add(s.failed), failed: s.failed}
	case lookFailed:
		w.sales[id] = wait{slow: true, since: now, until: now}
	default:
		delete(w.sales, id)
	}
}

// forget drops the waits that ended long ago. Their sales do not come back: on a store that hosts
// share, another one has moved them on.
func (w *waits) forget(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.sales, func(_ string, s wait) bool { return !s.running && now.Sub(s.until).Abs() >= driverForget })
}

// full reports whether a sale has been waiting for room since full was last asked.
func (w *waits) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.waiting
	w.waiting = false
	return waiting
}

// room returns how many more sales can be moved at once. Without any, full reports that some wait.
func (w *waits) room() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = w.waiting || w.total >= driverAtOnce
	return driverAtOnce - w.total
}

// len returns how many sales are running, or waiting after a failure.
func (w *waits) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sales)
}
