package sale

import (
	"context"
	"sync"
	"time"
)

const (
	driverBatch   = 256
	driverWorkers = 8
	driverIdle    = time.Second           // other processes may make sales due that this one does not know of
	driverFloor   = 10 * time.Millisecond // no loop of this driver goes without a pause
	driverRetry   = 10 * time.Second      // a sale that cannot even be loaded or written
	driverErase   = time.Hour             // between two looks for numbers to be erased
)

// Run keeps all open sales moving until ctx ends, and resumes where an earlier process
// stopped: nothing else is needed after a restart. One per process is enough; several on
// one store do no harm. Sales that cannot be moved do not keep others waiting. It also has
// the numbers of sales long at rest erased, see [Config.EraseAfter]. Its error is ctx's.
func (d *Desk) Run(ctx context.Context) error {
	stuck := stuck{until: map[string]time.Time{}}
	var erased time.Time
	for {
		now := d.now()
		if now.Sub(erased).Abs() >= driverErase {
			erased = now
			d.erase(ctx, now)
		}
		stuck.release(now)
		ids, next, err := d.cfg.Store.Due(ctx, now, driverBatch+stuck.len())
		pause := driverIdle
		if err == nil {
			ids = stuck.free(ids)
			d.resolveAll(ctx, ids, &stuck)
			switch {
			case len(ids) >= driverBatch:
				pause = driverFloor
			case !next.IsZero():
				pause = min(max(next.Sub(d.now()), driverFloor), driverIdle)
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
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

func (d *Desk) resolveAll(ctx context.Context, ids []string, stuck *stuck) {
	var wg sync.WaitGroup
	queue := make(chan string)
	for range min(driverWorkers, len(ids)) {
		wg.Go(func() {
			for id := range queue {
				if next, err := d.Resolve(ctx, id); err != nil {
					now := d.now()
					stuck.add(id, now.Add(wait(next, now)))
				}
			}
		})
	}
	for _, id := range ids {
		select {
		case queue <- id:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
}

// wait is until when a sale that could not be moved is left alone: the store may not have
// taken note of it.
func wait(next, now time.Time) time.Duration {
	if d := next.Sub(now); d > 0 && d < driverRetry {
		return d
	}
	return driverRetry
}

// stuck holds the sales that could not be moved, so that they are neither tried without a
// pause nor fill the batch for ever. It is not kept: after a restart all are tried.
type stuck struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (s *stuck) add(id string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[id] = until
}

func (s *stuck) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.until)
}

// release lets go of those whose time is over, also when the clock was set back.
func (s *stuck) release(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, until := range s.until {
		if wait := until.Sub(now); wait <= 0 || wait > driverRetry {
			delete(s.until, id)
		}
	}
}

func (s *stuck) free(ids []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var free []string
	for _, id := range ids {
		if _, held := s.until[id]; !held {
			free = append(free, id)
		}
	}
	return free
}
