package sale

import (
	"context"
	"sync"
)

// NeedsLook lets the tests of the core ask whether a look has to go before the next send.
func NeedsLook(r Rules, s Sale) bool { return r.needsLook(s) }

// Slow moves one sale as the driver does, and reports whether its lookup failed.
func Slow(ctx context.Context, d *Desk, id string) bool {
	w := &waits{sales: map[string]wait{}}
	var running sync.WaitGroup
	d.start(ctx, []string{id}, w, &running)
	running.Wait()
	return w.sales[id].slow
}
