package main

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// registerLeaves is I2, I12 and I10: the request has a durable intent of its own, made by
// whoever sends it, with the same ids and the order's content, and it is the first of it.
func (c *checker) registerLeaves(f contract.Fields) int {
	w := c.w
	w.stats.sends++
	sent := wireSend{order: w.orders[0], trans: f.TransID, pid: f.PartnerTransID, left: w.now}
	var r *record
	for _, x := range w.store.records {
		if owns(x, f.PartnerTransID) {
			r = x
		}
	}
	if r == nil {
		c.fail("I2", "a register request of no sale left")
		w.wire = append(w.wire, sent)
		return len(w.wire) - 1
	}
	k, o := c.sales[r.id], r.state.Order
	_, intended := k.planned[w.cur]
	switch {
	case !slices.Contains(r.state.Pairs(), partner.IDs{TransID: f.TransID, PartnerTransID: f.PartnerTransID}):
		c.fail("I2", "a register request left without its durable intent")
	case f.MSISDN != o.MSISDN || f.Package != o.Package || f.Amount != o.Price || f.Shop != o.Shop:
		c.fail("I2", "the request is not the one that was intended")
	case !intended && k.leftBy == w.cur:
		c.fail("I12", "a second request of one send")
	case !intended:
		c.fail("I10", "a request of somebody else's intent, or of none")
	case r.state.CashIn != o.Price:
		c.fail("I3", "a register request before the cash")
	case !w.struck[fPausedSend] && !w.bothClocks() && !k.sendBy.IsZero() && w.core().Add(-clockSkewMax/2).After(k.sendBy):
		c.fail("I14", "a register request left after its send-by")
	}
	if k.intents == 1 && !w.noLookup && !slices.Contains(c.questions, f.TransID) {
		c.fail("R8", "the first request left without a look at the ids")
	}
	k.wired++
	delete(k.planned, w.cur)
	k.leftBy, k.leftAt = w.cur, w.now
	k.order.told, k.order.rejected = false, false // whoever registers again has decided to go on
	w.trace.note("send", uint64(k.wired), uint64(w.now))
	sent.order = k.order
	w.wire = append(w.wire, sent)
	return len(w.wire) - 1
}

// bothClocks reports that both clocks of a host may have stopped: the one that sees a
// suspend, and the wall clock. That counts as a paused process (fault 33).
func (w *world) bothClocks() bool {
	return w.scripted(fSuspend) && (w.scripted(fClockFrozen) || w.scripted(fClockStep) || w.scripted(fClockDrift))
}

// otpLeaves: an OTP request too is written before the act, and a loser sends none (I10).
// Each order has an employee of its own.
func (c *checker) otpLeaves(employee string) {
	for _, r := range c.w.store.records {
		if r.state.Order.Staff.Employee != employee {
			continue
		}
		k := c.sales[r.id]
		if k.asked == 0 {
			c.fail("I10", "an OTP request without a durable intent of its own")
		}
		k.asked--
		if r.state.State == sale.Registering || r.state.State == sale.Resolving {
			if c.w.now-k.since > time.Second && !c.w.struck[fSuspend] { // a sleeping process wakes after its last look (33)
				c.fail("R4", "an OTP request while %s", r.state.State)
			}
		}
	}
}

// alone is the sixth sentence of the promise: no send while another sale of the subscriber
// is not settled, unless a supervisor said so (R4).
func (c *checker) alone(r *record) {
	s := &r.state
	if s.State != sale.Registering || c.sales[r.id].order.beside {
		return
	}
	for _, other := range c.w.store.records {
		if other != r && other.state.HoldsSubscriber() && other.state.Order.MSISDN == s.Order.MSISDN && !c.sales[other.id].order.beside {
			c.fail("R4", "a send while another sale of the subscriber is %s", other.state.State)
		}
	}
}

// lookedFor notes what was asked about (R8).
func (c *checker) lookedFor(id partner.TransID) {
	if id != "" {
		c.questions = append(c.questions, id)
	}
}
