package main

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// rests is I7: once the faults are over, a sale that is to move by itself comes to rest in
// time. It is asked when a sale changes and when the world ends.
func (c *checker) rests(k *kept, s *sale.Sale) {
	w := c.w
	before := k.state
	if before == s.State {
		return
	}
	if w.quiet && (before == sale.Registering || before == sale.Resolving) && w.now > c.restBy(k, s) {
		c.fail("I7", "%s for %v, later than the fence allows", before, w.now-k.since)
	}
	k.state, k.since = s.State, w.now
}

// restBy is the latest time at which the sale may still be unresolved.
func (c *checker) restBy(k *kept, s *sale.Sale) time.Duration {
	w := c.w
	by := max(w.quietSince, k.since)
	fence := time.Duration(0)
	known := true
	for i := range s.Sends {
		if s.Sends[i].Outcome == 3 { // not sent
			continue
		}
		last := s.Sends[i].LastBy
		if last.IsZero() {
			known = false
			break
		}
		fence = max(fence, last.Sub(w.start)+clockSkewMax+lookupLagMax+settleMargin)
	}
	if !known || len(s.Sends) == 0 {
		fence = k.since + w.rules.Hold
	}
	by = max(by, fence)
	for _, clockFault := range []faultKind{fClockStep, fClockFrozen, fClockDrift, fSuspend} {
		if w.struck[clockFault] { // a wake-up written by a clock that was ahead comes when the right clock gets there
			by += 27 * time.Hour
			break
		}
	}
	return by + lookupLagMax + time.Minute
}

// atRest is asked when nothing is to come any more.
func (c *checker) atRest() {
	for _, r := range c.w.store.records {
		switch r.state.State {
		case sale.Registering, sale.Resolving:
			c.fail("I7", "%s, and nothing will ever move it", r.state.State)
		}
	}
}
