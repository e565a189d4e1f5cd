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
	if w.quiet && (before == sale.Registering || before == sale.Resolving) && w.now > c.restBy(k) {
		c.fail("I7", "%s for %v, later than the fence allows", before, w.now-k.since)
	}
	k.state, k.since = s.State, w.now
}

// restBy is the latest time at which the sale may still be unresolved.
func (c *checker) restBy(k *kept) time.Duration {
	w := c.w
	by := max(w.quietSince, k.since)
	wait := sendWindow + replyTimeout + w.maxDelay + clockSkewMax + lookupLagMax + settleMargin
	if w.era.kind == "F" || w.noLookup {
		wait = time.Duration(w.contract.Semantics().HoldBeforeReview)
	}
	by = max(by, k.last+wait, k.since+replyTimeout)
	if w.clocksFail() { // a wake-up written by a clock that was ahead comes when the right clock gets there
		by += 27 * time.Hour
	}
	return by + clockSkewMax + lookupLagMax + 2*time.Minute
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
