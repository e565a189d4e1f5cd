package sale

import (
	"context"
	"sync"
	"time"
)

// Run keeps all open sales moving until ctx ends, and resumes where an earlier process
// stopped: nothing else is needed after a restart. One per process is enough; several on
// one store do no harm. Its error is ctx's.
func (d *Desk) Run(ctx context.Context) error {
	const (
		batch   = 256
		workers = 8
		idle    = time.Second // other processes may make sales due that this one does not know of
	)
	for {
		ids, next, err := d.cfg.Store.Due(ctx, d.now(), batch)
		if err == nil {
			d.resolveAll(ctx, ids, workers)
		}
		wait := idle
		switch {
		case err == nil && len(ids) == batch:
			wait = 0
		case err == nil && !next.IsZero():
			wait = min(max(next.Sub(d.now()), 0), idle)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (d *Desk) resolveAll(ctx context.Context, ids []string, workers int) {
	var wg sync.WaitGroup
	queue := make(chan string)
	for range min(workers, len(ids)) {
		wg.Go(func() {
			for id := range queue {
				_, _ = d.Resolve(ctx, id) // an error is tried again when the sale is due again
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
