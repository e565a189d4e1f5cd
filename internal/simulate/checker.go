package main

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// checker holds the partner's ledger, the store and the wire log against the invariants,
// at every step. It stops at the first that is broken.
type checker struct {
	w      *world
	strict bool // no fault of a flagged cell is in the script: the money must be right at every step
	broken *violation

	sales     map[string]*kept
	executed  int
	questions []partner.TransID // that a lookup was asked about
}

// kept is what the checker itself knows of a sale in the store.
type kept struct {
	order *order
	acked int64 // the highest version that was acknowledged
	state sale.State
	since time.Duration
	wire  map[int]int // register requests by send
	left  map[int]time.Duration
	by    map[int]*actor
	asked int // OTP requests that are durable and have not left
}

// violation is a broken invariant.
type violation struct {
	invariant string
	text      string
	at        time.Duration
}

func (v *violation) String() string {
	return fmt.Sprintf("%s at %v: %s", v.invariant, v.at, v.text)
}

func (c *checker) fail(invariant, format string, args ...any) {
	if c.broken == nil {
		c.broken = &violation{invariant, fmt.Sprintf(format, args...), c.w.now}
		if c.w.lab.log {
			c.w.log("VIOLATION %s", c.broken)
		}
	}
}

// beforeCommit replays the change on the sale as it is on disk: only allowed edges, and
// the same state as the desk came to (I8).
func (c *checker) beforeCommit(r *record, ch *sale.Change) {
	var s sale.Sale
	if r != nil {
		s = r.state
	}
	edited := c.w.edited(s)
	if c.w.bug == nil || c.w.bug.edit == nil {
		edited = s
	}
	after, ok := c.replay(edited, ch)
	if !ok && edited.Version == s.Version { // a planted core edits what it loads, not what it holds
		after, ok = c.replay(s, ch)
	}
	if !ok {
		c.fail("I8", "the stored state of %s is not what its events fold to (%s, %s)", ch.SaleID, after.State, ch.State.State)
	}
}

func (c *checker) replay(s sale.Sale, ch *sale.Change) (sale.Sale, bool) {
	for _, e := range ch.Events {
		next, _, err := c.w.rules.Step(s, e)
		if err != nil {
			return next, false
		}
		c.w.stats.accepted[s.State][kindIndex(e.Kind)]++
		if next.State != s.State {
			if _, ok := allowedEdges[step{s.State, next.State}]; !ok {
				c.fail("I8", "%s went from %s to %s by %s", ch.SaleID, s.State, next.State, e.Kind)
			}
		}
		c.w.stats.edges[s.State][next.State]++
		s = next
	}
	return s, sameSale(s, ch.State)
}

// afterCommit checks what is on disk now.
func (c *checker) afterCommit(r *record, ch *sale.Change) {
	w, s := c.w, &r.state
	k := c.sales[r.id]
	if k == nil {
		k = &kept{order: w.orderOf(s.Order.ID), wire: map[int]int{}, left: map[int]time.Duration{}, by: map[int]*actor{}}
		c.sales[r.id] = k
		for id, other := range c.sales {
			if id != r.id && other.order == k.order {
				c.fail("R3", "one order has two sales")
			}
		}
	}
	if s.Version <= k.acked {
		c.fail("I9", "version %d of %s was acknowledged before", s.Version, r.id)
	}
	k.acked = s.Version
	c.rests(k, s)
	w.trace.note("commit", uint64(s.State), uint64(s.Version))
	if w.lab.log {
		w.log("    %s v%d %s (%s) cash %d/%d", ch.Events[len(ch.Events)-1].Kind, s.Version, s.State, s.Reason, s.CashIn, s.CashOut)
	}
	for _, e := range ch.Events {
		if e.Kind == sale.OTPAsked {
			k.asked++
		}
	}
	c.alone(r)
	if len(ch.Events) > 0 && ch.State.State == sale.Resolving && ch.Events[len(ch.Events)-1].Kind == sale.SendEnded {
		w.meet(&ch.State)
	}
	c.owns(k, s)
	c.cash(k, s)
	c.money(k, s)
}

// owns is I13: one partnerTransId for one attempt of one sale.
func (c *checker) owns(k *kept, s *sale.Sale) {
	for _, o := range c.w.orders {
		if o == k.order {
			continue
		}
		for _, pid := range o.pids {
			if pid == s.PartnerTransID {
				c.fail("I13", "partnerTransId %s is another sale's", pid)
			}
		}
	}
	for i, pid := range k.order.pids {
		if pid == s.PartnerTransID {
			if i != s.Attempt-1 {
				c.fail("I13", "attempt %d has the id of attempt %d", s.Attempt, i+1)
			}
			return
		}
	}
	k.order.pids = append(k.order.pids, s.PartnerTransID)
	if len(k.order.pids) != s.Attempt {
		c.fail("I13", "attempt %d is the %d-th id", s.Attempt, len(k.order.pids))
	}
}

// afterPartner is called when the partner may have carried something out.
func (c *checker) afterPartner() {
	n := 0
	for _, o := range c.w.orders {
		n += c.w.model().Executed(o.order.MSISDN)
	}
	if n == c.executed {
		return
	}
	c.executed = n
	for _, r := range c.w.store.records {
		if k := c.sales[r.id]; k != nil {
			c.money(k, &r.state)
		}
	}
}
