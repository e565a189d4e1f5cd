package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// checker holds MobiFone's ledger, the store and the wire log against the invariants,
// at every step. It stops at the first that is broken.
type checker struct {
	w      *world
	strict bool // no fault of a flagged cell is in the script: the money must be right at every step
	broken *violation

	sales    map[string]*kept
	executed int
}

// kept is what the checker itself knows of a sale in the store.
type kept struct {
	order *order
	acked int64 // the highest version that was acknowledged
	state sale.State
	since time.Duration

	planned map[*actor]time.Duration // intents that are durable and have not left, by whose they are
	last    time.Duration            // when the last one became durable
	sendBy  time.Time                // of the last intent, by MobiFone's clock, not too early
	intents int                      // durable, ever
	wired   int                      // register requests that left
	leftBy  *actor                   // whose the last one was
	leftAt  time.Duration
	proven  int // requests on the wire before this one are taken for proven not registered
	alarms  int
	asked   int // OTP requests that are durable and have not left
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
		c.broken, c.w.over = &violation{invariant, fmt.Sprintf(format, args...), c.w.now}, true
		if c.w.verbose {
			c.w.log("VIOLATION %s", c.broken)
		}
	}
}

// afterCommit checks what is on disk now.
func (c *checker) afterCommit(r *record, ch *sale.Change) {
	w, s := c.w, &r.state
	k := c.sales[r.id]
	if k == nil {
		k = &kept{order: w.orderOf(s.Order.ID), planned: map[*actor]time.Duration{}}
		c.sales[r.id] = k
		for id, other := range c.sales {
			if id != r.id && other.order == k.order {
				c.fail("same order", "one order has two sales")
			}
		}
	}
	if s.Version <= k.acked {
		c.fail("acknowledged", "version %d of %s was acknowledged before", s.Version, r.id)
	}
	k.acked = s.Version
	if n := int64(len(r.events)); n != s.Version {
		c.fail("history", "%d events made version %d", n, s.Version)
	}
	if k.state != s.State {
		if !slices.Contains(allowedEdges[k.state], s.State) {
			c.fail("history", "%s went from %s to %s", r.id, k.state, s.State)
		}
	}
	w.stats[edge(k.state, s.State)]++
	if s.State != k.state && (s.State == sale.RefundDue || s.State == sale.Paid && k.state == sale.Resolving) {
		k.proven = len(w.wire)
	}
	c.rests(k, s)
	w.trace.note("commit", uint64(s.State), uint64(s.Version))
	for _, e := range ch.Events {
		w.log("    %s v%d %s cash %d/%d", e.Kind, s.Version, s.State, s.CashIn, s.CashOut)
		switch e.Kind {
		case "otp-asked":
			k.asked++
		case "send-planned":
			k.intents++
			k.last, k.planned[w.cur] = w.now, w.now
			if _, latest, err := w.cur.host.client.PartnerNow(); err == nil {
				k.sendBy = latest.Add(sendWindow)
			}
		}
	}
	if !s.State.Resting() && s.WakeAt.IsZero() {
		c.fail("screen", "%s, and nothing will ever wake it", s.State)
	}
	c.alone(r)
	c.owns(k, s)
	c.cash(k, s)
	c.money(k, s)
}

// owns: one partnerTransId for one attempt of one sale.
func (c *checker) owns(k *kept, s *sale.Sale) {
	for _, o := range c.w.orders {
		if o == k.order {
			continue
		}
		for _, pid := range o.pids {
			if pid == s.PartnerTransID {
				c.fail("ids", "partnerTransId %s is another sale's", pid)
			}
		}
	}
	for i, pid := range k.order.pids {
		if pid == s.PartnerTransID {
			if i != s.Attempt-1 {
				c.fail("ids", "attempt %d has the id of attempt %d", s.Attempt, i+1)
			}
			return
		}
	}
	k.order.pids = append(k.order.pids, s.PartnerTransID)
	if len(k.order.pids) != s.Attempt {
		c.fail("ids", "attempt %d is the %d-th id", s.Attempt, len(k.order.pids))
	}
}

// plannedAt is when an actor's present intent became durable; long ago if it has none.
func (c *checker) plannedAt(a *actor) time.Duration {
	for _, k := range c.sales {
		if at, ok := k.planned[a]; ok {
			return at
		}
	}
	return -sendWindow
}

// afterPartner is called when MobiFone may have carried something out.
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

// answered: no answer to a caller says more than is known.
func (c *checker) answered(what string, began time.Duration, v sale.View, err error) {
	if v.Sale.ID == "" {
		return
	}
	k := c.sales[v.Sale.ID]
	if k == nil {
		if err == nil {
			c.fail("acknowledged", "a sale was shown that is not in the store")
		}
		return
	}
	if err == nil && v.Sale.Version > k.acked {
		c.fail("acknowledged", "version %d was shown, %d is on disk", v.Sale.Version, k.acked)
	}
	if what == "register" {
		switch out := telco.OutcomeOf(err); {
		case out == telco.Succeeded && c.strict && k.order.executed == 0:
			c.fail("answer", "success was reported, and nothing is registered")
		case out == telco.NotSent && k.leftBy == c.w.cur && k.leftAt > began:
			c.fail("answer", "not sent was reported, and a request is out")
		case out == telco.NotSent && k.wired > 0 && v.Sale.HoldsSubscriber():
			c.fail("answer", "not sent was reported of a sale that is %s", v.Sale.State)
		case out == telco.Rejected && k.wired > 0 && !isOTPCode(err):
			k.order.rejected = true
			if c.strict && k.order.executed > 0 {
				c.fail("answer", "a rejection was reported of a registration")
			}
		}
	}
	c.advised(k, v)
}

// advised: nor does what the teller is told to do.
func (c *checker) advised(k *kept, v sale.View) {
	step := v.Action.Step
	if step == telco.GiveService && c.strict && k.order.executed == 0 {
		c.fail("answer", "the teller was told to give the service, and nothing is registered")
	}
	if step != telco.ReturnCash && step != telco.Refuse || v.Sale.State == sale.Refunded || v.Sale.State == sale.Cancelled {
		return
	}
	k.order.told = k.order.told || step == telco.ReturnCash
	if c.strict && k.order.executed > 0 {
		c.fail("answer", "the teller was told to return the cash of a registration")
	}
}

func isOTPCode(err error) bool {
	return errors.Is(err, telco.OTPInvalid) || errors.Is(err, telco.OTPExpired) || errors.Is(err, telco.OTPAttemptsExceeded)
}

// screen: the screen names no time that has passed.
func (c *checker) screen(began time.Duration, wall time.Time, v sale.View) {
	if !c.w.clocksFail() && (!c.w.quiet || began > c.w.quietSince) && !v.WaitUntil.IsZero() && !v.WaitUntil.After(wall) {
		c.fail("screen", "it names a time that has passed: %v", wall.Sub(v.WaitUntil))
	}
}

// obeyed: what the screen said is accepted from the time that it named, unless something
// came between.
func (c *checker) obeyed(said sale.View, what string, wall time.Time, err error) {
	w := c.w
	step, ok := map[string]telco.Step{
		"cash": telco.TakeCash, "otp": telco.NewOTP, "register": telco.ReenterOTP, "claim refund": telco.ReturnCash, "confirm refund": telco.ReturnCash,
	}[what]
	if !ok || err == nil || said.Action.Step != step || wall.Before(said.WaitUntil) || w.clocksFail() {
		return
	}
	r := w.store.find(said.Sale.ID)
	_, refused := errors.AsType[*sale.RefusedError](err)
	_, waits := errors.AsType[*sale.NotSettledError](err)
	_, busy := errors.AsType[*sale.BusyError](err)
	if r != nil && r.state.Version == said.Sale.Version && (refused || waits || busy) {
		c.fail("screen", "it said %s, and that was refused: %v", step, err)
	}
}

// rests: once the faults are over, a sale that is to move by itself comes to rest in
// time. It is asked when a sale changes and when the world ends.
func (c *checker) rests(k *kept, s *sale.Sale) {
	w := c.w
	before := k.state
	if before == s.State {
		return
	}
	if w.quiet && (before == sale.Registering || before == sale.Resolving) && w.now > c.restBy(k) {
		c.fail("rest", "%s for %v, later than the fence allows", before, w.now-k.since)
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
			c.fail("rest", "%s, and nothing will ever move it", r.state.State)
		}
	}
}
