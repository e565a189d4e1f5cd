package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
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

// lookedFor notes what was asked about (R8).
func (c *checker) lookedFor(id partner.TransID) {
	if id != "" {
		c.questions = append(c.questions, id)
	}
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

// cash is I3 and I17: every dong is where the state says.
func (c *checker) cash(k *kept, s *sale.Sale) {
	in, out := partner.VND(0), partner.VND(0)
	switch s.State {
	case sale.Open, sale.Cancelled:
	case sale.Refunded:
		in, out = s.Order.Price, s.Order.Price
	case sale.Review, sale.Closed: // after a refund both are possible
		in, out = s.Order.Price, s.CashOut
	default:
		in = s.Order.Price
	}
	if s.CashIn != in || s.CashOut != out {
		c.fail("I17", "%s holds %d in and %d out", s.State, s.CashIn, s.CashOut)
	}
	if in > 0 && !k.order.gave {
		c.fail("I3", "cash on the books that nobody gave")
	}
	if s.CashOut > 0 && k.order.paidOut == 0 && s.State == sale.Refunded && s.Reason != "decided" {
		c.fail("I3", "refunded on the books, and the customer has nothing")
	}
}

// money is I1, I4 and I5 for one sale.
func (c *checker) money(k *kept, s *sale.Sale) {
	n := 0
	for _, pid := range k.order.pids {
		n += c.w.model().ExecutedFor(pid)
	}
	if n > 0 && k.order.executed == 0 {
		k.order.ranSince = c.w.now
	}
	k.order.executed = n
	if !c.strict {
		return
	}
	if n > 1 {
		c.fail("I1", "%d registrations of one sale", n)
	}
	switch s.State {
	case sale.RefundDue, sale.Refunding, sale.Refunded:
		if n > 0 {
			c.fail("I4", "%s, and registered at the partner", s.State)
		}
	case sale.Registered:
		if n != 1 {
			c.fail("I5", "Registered, and %d rows at the partner", n)
		} else if !c.rowMatches(k.order) {
			c.fail("I5", "Registered, and the partner's row is of something else")
		}
	}
	if n > 0 && k.order.told {
		c.fail("I18", "a teller was told to return the cash of a registration")
	}
	for i := range s.Sends {
		if send := &s.Sends[i]; send.Cleared && c.w.model().ExecutedFor(send.PartnerTransID) > 0 && c.onlyCleared(s, send.PartnerTransID) {
			c.fail("I4", "send %d was taken for proven not registered, and it is registered", i)
			return
		}
	}
}

// onlyCleared reports that every send of an id was cleared: no other can have registered.
func (c *checker) onlyCleared(s *sale.Sale, pid partner.PartnerTransID) bool {
	for _, send := range s.Sends {
		if send.PartnerTransID == pid && !send.Cleared && (!send.Answered || send.Outcome != partner.NotSent) {
			return false
		}
	}
	return true
}

// rowMatches is I5's second half: the row has the subscriber, the package and the price.
func (c *checker) rowMatches(o *order) bool {
	found := 0
	for _, row := range c.w.rowsOf(o) {
		if c.w.ownsPID(o, row.PartnerTransID) && row.State == partner.StateSuccess && row.MSISDN == o.order.MSISDN && row.Package == o.order.Package && row.Amount == o.order.Price {
			found++
		}
	}
	return found == 1
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

// looked: a contract without a lookup is never asked for one (R12).
func (c *checker) looked() {
	if c.w.rules.NoLookup {
		c.fail("R12", "a lookup of a partner that has none")
	}
}

// cashHanded: cash leaves the drawer only for the one who claimed it, once (R11).
func (c *checker) cashHanded(p *person) {
	r := c.w.store.find(p.order.saleID)
	p.order.paidOut++
	switch {
	case p.order.paidOut > 1:
		c.fail("I3", "the cash was given back twice")
	case r.state.State != sale.Refunding || r.state.RefundBy != p.name:
		c.fail("R11", "cash was given back without a claim, in %s", r.state.State)
	}
	if p.order.executed > 0 && c.w.now-p.order.ranSince > 10*time.Minute && !c.w.rules.NoLookup && r.state.Reason != "decided" {
		c.fail("R11", "cash was given back for a registration that a last look would have shown")
	}
	if c.strict && p.order.executed > 0 {
		c.fail("I4", "cash was given back for a registration")
	}
}

// answered is I18 for one answer to a caller.
func (c *checker) answered(p *person, what string, began time.Duration, v sale.View, err error) {
	if v.Sale.ID == "" {
		return
	}
	k := c.sales[v.Sale.ID]
	if k == nil {
		if err == nil {
			c.fail("I9", "a sale was shown that is not in the store")
		}
		return
	}
	if err == nil && v.Sale.Version > k.acked {
		c.fail("I9", "version %d was shown, %d is on disk", v.Sale.Version, k.acked)
	}
	outstanding := c.outstanding(k)
	if what == "register" {
		switch out := partner.OutcomeOf(err); {
		case out == partner.Succeeded && c.strict && k.order.executed == 0:
			c.fail("I18", "success was reported, and nothing is registered")
		case out == partner.NotSent && c.unanswered(k, began):
			c.fail("I18", "not sent was reported, and a request is out")
		case out == partner.Rejected && c.strict && k.order.executed > 0 && !isOTPCode(err):
			c.fail("I18", "a rejection was reported of a registration")
		}
	}
	switch v.Action.Step {
	case partner.GiveService:
		if c.strict && k.order.executed == 0 {
			c.fail("I18", "the teller was told to give the service, and nothing is registered")
		}
	case partner.ReturnCash, partner.Refuse:
		if v.Sale.State == sale.Refunded || v.Sale.State == sale.Cancelled {
			break
		}
		if outstanding && v.Action.Step == partner.ReturnCash && v.Sale.Reason != "decided" {
			c.fail("I18", "the teller was told to return the cash while a send is not cleared (%s after %s)", v.Sale.State, what)
		}
		k.order.told = k.order.told || v.Action.Step == partner.ReturnCash
		if c.strict && k.order.executed > 0 {
			c.fail("I18", "the teller was told to return the cash of a registration")
		}
	}
}

// outstanding reports that a send of the sale left and is neither cleared nor refused for
// good, as the store has it.
func (c *checker) outstanding(k *kept) bool {
	r := c.w.store.find(k.order.saleID)
	if r == nil {
		return false
	}
	for i, s := range r.state.Sends {
		if k.wire[i] > 0 && !s.Cleared && !s.NotOurs {
			return true
		}
	}
	return false
}

// unanswered reports that a send of the sale was out before the call began, and nothing is
// known of it. Of two calls at once the one that failed may count as the earlier.
func (c *checker) unanswered(k *kept, began time.Duration) bool {
	r := c.w.store.find(k.order.saleID)
	if r == nil {
		return false
	}
	for i, s := range r.state.Sends {
		if k.wire[i] > 0 && (k.left[i] < began || k.by[i] == c.w.cur) && !s.Cleared && (s.Outcome == partner.Unknown || s.Outcome == partner.NotSent) {
			return true
		}
	}
	return false
}

func isOTPCode(err error) bool {
	return errors.Is(err, partner.OTPInvalid) || errors.Is(err, partner.OTPExpired) || errors.Is(err, partner.OTPAttemptsExceeded)
}
