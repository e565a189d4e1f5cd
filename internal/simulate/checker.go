package main

// This file holds the judge of a world. It sees everything, on both sides, and compares it after each
// step with what docs/promise.md promises. It changes nothing, and stops the world at the first broken
// invariant. What it asks of cash and registrations is in check.go.

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// checker compares MobiFone's ledger, the store and the requests on the wire with the invariants,
// at every step. The first one that is broken ends the world.
type checker struct {
	w *world
	// strict says that the money must be right at every step: no fault of a flagged cell is in
	// the script.
	strict bool
	// broken is the first invariant that was broken; nil as long as all hold.
	broken *violation

	// sales is what the checker knows of each sale, by its id.
	sales map[string]*kept
	// executed is how many registrations MobiFone has carried out.
	executed int
}

// kept is what the checker itself knows of a sale in the store.
type kept struct {
	order *order
	// acked is the highest version that was acknowledged.
	acked int64
	// state is the sale's, since this time.
	state sale.State
	since time.Duration

	// planned are the intents that are durable and have not left, by whose they are.
	planned map[*actor]time.Duration
	// last is when the last intent became durable.
	last time.Duration
	// sendBy is that of the last intent, by MobiFone's clock and not too early.
	sendBy time.Time
	// intents counts the durable ones, and wired the register requests that left.
	intents int
	wired   int
	// leftBy is whose the last request was, and leftAt when it left.
	leftBy *actor
	leftAt time.Duration
	// proven is how many requests on the wire are taken for proven not registered: all before
	// this one.
	proven int
	alarms int
	// asked counts the OTP requests that are durable and have not left.
	asked int
}

// violation is a broken invariant.
type violation struct {
	invariant string
	text      string
	at        time.Duration
}

// String says which invariant broke, when, and how.
func (v *violation) String() string {
	return fmt.Sprintf("%s at %v: %s", v.invariant, v.at, v.text)
}

// fail notes that an invariant is broken, and ends the world. Only the first one counts.
func (c *checker) fail(invariant, format string, args ...any) {
	if c.broken == nil {
		c.broken, c.w.over = &violation{invariant, fmt.Sprintf(format, args...), c.w.now}, true
		if c.w.verbose {
			c.w.log("VIOLATION %s", c.broken)
		}
	}
}

// afterCommit checks a sale whenever it changed on disk, and learns from the change which sends
// and OTP requests may follow.
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
	// Who returns the cash, or begins anew after looking, takes all earlier sends for settled.
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
			if _, latest, err := w.cur.host.client.MobiFoneNow(); err == nil {
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

// owns checks that each attempt of each sale has a partnerTransId of its own.
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

// plannedAt is when an actor's present intent became durable; long ago if the actor has none.
func (c *checker) plannedAt(a *actor) time.Duration {
	for _, k := range c.sales {
		if at, ok := k.planned[a]; ok {
			return at
		}
	}
	return -sendWindow
}

// afterMobiFone is called whenever MobiFone may have carried something out. It checks the money of
// all sales if it has.
func (c *checker) afterMobiFone() {
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

// answered checks that no answer to a caller says more than is known.
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

// advised checks the same of what the teller is told to do.
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

// isOTPCode reports whether an error is about the OTP, after which the same sale may still
// succeed.
func isOTPCode(err error) bool {
	return errors.Is(err, telco.OTPInvalid) || errors.Is(err, telco.OTPExpired) || errors.Is(err, field.OTPAttemptsExceeded)
}

// screen checks that the screen names no time that has passed.
func (c *checker) screen(began time.Duration, wall time.Time, v sale.View) {
	if !c.w.clocksFail() && (!c.w.quiet || began > c.w.quietSince) && !v.WaitUntil.IsZero() && !v.WaitUntil.After(wall) {
		c.fail("screen", "it names a time that has passed: %v", wall.Sub(v.WaitUntil))
	}
}

// obeyed checks that the desk accepts what its screen said, from the time that the screen named,
// unless something came between.
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

// rests checks, once the faults are over, that a sale which moves by itself came to rest in time.
// It is called when a sale changes.
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
	// This is the fence of the last send, with what the client's own waiting adds.
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

// atRest checks that no sale still has to move by itself when nothing is to come any more.
func (c *checker) atRest() {
	for _, r := range c.w.store.records {
		switch r.state.State {
		case sale.Registering, sale.Resolving:
			c.fail("rest", "%s, and nothing will ever move it", r.state.State)
		}
	}
}
