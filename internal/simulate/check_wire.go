package main

import (
	"bytes"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// registerLeaves is I2, I12 and I10: the request has a durable intent of its own, with the
// same ids and body, and it is the first of it.
func (c *checker) registerLeaves(d *draft) int {
	w := c.w
	w.stats.sends++
	seq := len(w.wire)
	var r *record
	for _, x := range w.store.records {
		if owns(x, d.plan.PartnerTransID) {
			r = x
		}
	}
	if r == nil {
		c.fail("I2", "a register request of no sale left")
		w.wire = append(w.wire, wireSend{order: w.orders[0], seq: seq, left: w.now})
		return seq
	}
	k := c.sales[r.id]
	n := -1
	for i := range r.state.Sends {
		s := &r.state.Sends[i]
		if s.TransID == d.fields.TransID && s.PartnerTransID == d.fields.PartnerTransID && s.SendBy.Equal(d.plan.SendBy) && s.At.Equal(d.plan.At) {
			n = i
		}
	}
	switch {
	case n < 0:
		c.fail("I2", "a register request left without its durable intent")
	case !bytes.Equal(r.state.Sends[n].Fingerprint, fingerprint(d.fields)):
		c.fail("I2", "the request is not the one that was intended")
	case k.wire[n] > 0:
		c.fail("I12", "a second request of one send")
	case r.state.Sends[n].Answered && r.state.Sends[n].Outcome == partner.NotSent:
		c.fail("I12", "a request of a send that is recorded as not sent")
	case r.state.CashIn != r.state.Order.Price:
		c.fail("I3", "a register request before the cash")
	case !w.struck[fPausedSend] && !w.bothClocks() && w.core().Add(-clockSkewMax/2).After(d.plan.SendBy):
		c.fail("I14", "a register request left after its send-by")
	}
	if n == 0 && !w.rules.NoLookup && !slices.Contains(c.questions, d.fields.TransID) {
		c.fail("R8", "the first request left without a look at the ids")
	}
	k.wire[n]++
	k.left[n], k.by[n] = w.now, w.cur
	k.order.told = false // whoever registers again has decided to go on
	w.trace.note("send", uint64(n), uint64(w.now))
	w.wire = append(w.wire, wireSend{order: k.order, send: n, trans: d.fields.TransID, pid: d.fields.PartnerTransID, seq: seq, left: w.now})
	return seq
}

// bothClocks reports that both clocks of a host may have stopped: the one that sees a
// suspend, and the wall clock. That counts as a paused process (fault 33).
func (w *world) bothClocks() bool {
	return w.scripted(fSuspend) && (w.scripted(fClockFrozen) || w.scripted(fClockStep) || w.scripted(fClockDrift))
}

// otpLeaves: an OTP request too is written before the act, and a loser sends none (I10).
func (c *checker) otpLeaves(pid partner.PartnerTransID) {
	for _, r := range c.w.store.records {
		if !owns(r, pid) {
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
	if s.State != sale.Registering || s.Slot > 0 {
		return
	}
	for _, other := range c.w.store.records {
		if other != r && other.state.State.HoldsSubscriber() && other.state.Order.MSISDN == s.Order.MSISDN {
			c.fail("R4", "a send while another sale of the subscriber is %s", other.state.State)
		}
	}
}

// looked: a contract without a lookup is never asked for one (R12).
func (c *checker) looked() {
	if c.w.rules.NoLookup {
		c.fail("R12", "a lookup of a partner that has none")
	}
}

// lookedFor notes what was asked about (R8).
func (c *checker) lookedFor(id partner.TransID) {
	if id != "" {
		c.questions = append(c.questions, id)
	}
}
