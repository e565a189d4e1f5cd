package sale

import (
	"context"
	"sync"
	"time"
)

const (
	driverBatch  = 256
	driverAtOnce = 64                    // sales looked up at the same time
	driverSlow   = 32                    // of those, such whose last lookup failed
	driverBusy   = 50 * time.Millisecond // as many as may are being looked up, and others wait
	driverIdle   = time.Second           // other processes may make sales due that this one does not know of
	driverFloor  = 10 * time.Millisecond // no loop of this driver goes without a pause
	driverRetry  = 10 * time.Second      // first wait of a sale that cannot be moved; doubled up to driverCalm
	driverCalm   = 5 * time.Minute
	driverErase  = time.Hour   // between two looks for numbers to be erased
	driverSweep  = time.Minute // between two looks for sales that a wrong clock put off
)

// Run keeps all open sales moving until ctx ends, and resumes where an earlier process
// stopped: nothing else is needed after a restart. One per process is enough; several on
// one store do no harm. Each sale has a wait of its own: those whose lookups hang, or that
// the store does not take, hold up no others. It also has the numbers of sales long at
// rest erased, see [Config.EraseAfter]. Its error is ctx's.
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
			d.sweep(ctx, now, w, &running)
		}
		ids, next, err := d.cfg.Store.Due(ctx, now, driverBatch+w.len())
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

// sweep finds the sales that were put off by a clock that was ahead: nothing waits as long
// as they would.
func (d *Desk) sweep(ctx context.Context, now time.Time, w *waits, running *sync.WaitGroup) {
	live, err := d.cfg.Store.Find(ctx, Query{
		States: []State{Open, Paid, OTPSent, Registering, Resolving, RefundDue, Refunding, Review}, Limit: 1 << 20,
	})
	if err != nil {
		return
	}
	var ids []string
	for _, s := range live {
		longest := 2 * time.Minute
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

// erase has the store erase what is due, a bounded lot at a time; what fails is due again
// at the next look.
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

// waits keeps when this process moves a sale again. It is not stored: after a restart all
// are tried.
type waits struct {
	mu    sync.Mutex
	sales map[string]wait
	slow  int // running sales whose last lookup failed
	total int // running sales
}

type wait struct {
	running bool
	slow    bool          // its last lookup failed
	since   time.Time     // when it was put off
	until   time.Time     // not before
	failed  time.Duration // how long it was put off when the store failed; 0: it did not
}

// begin reports whether the sale may be moved now, and takes it. A clock that was set back
// ends every wait.
func (w *waits) begin(id string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sales[id]
	held := now.Before(s.until) && !now.Before(s.since)
	if s.running || held || w.total >= driverAtOnce || s.slow && w.slow >= driverSlow {
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

// end lets the sale go. One that the store did not take is left alone, twice as long each
// time; for a lookup that failed the store has noted when it comes again.
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
		w.sales[id] = wait{slow: true}
	default:
		delete(w.sales, id)
	}
}

// full reports that no more sales may be looked up now.
func (w *waits) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total >= driverAtOnce
}

func (w *waits) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sales)
}
