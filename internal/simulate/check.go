package main

// This file holds the checks of money and requests: cash on the books, registrations at MobiFone, what
// may leave, and what must have come out at the end. The edges of the state machine are written here
// once more, from the design and not from the code.

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// cash checks that the books hold what the state says, and only cash that truly changed hands.
func (c *checker) cash(k *kept, s *sale.Sale) {
	in, out := telco.VND(0), telco.VND(0)
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
		c.fail("books", "%s holds %d in and %d out", s.State, s.CashIn, s.CashOut)
	}
	if in > 0 && !k.order.gave {
		c.fail("cash", "cash on the books that nobody gave")
	}
	if s.CashOut > 0 && k.order.paidOut == 0 && s.State == sale.Refunded && !k.order.decided {
		c.fail("cash", "refunded on the books, and the customer has nothing")
	}
}

// money checks that there is one registration at most, that nothing is registered which was given
// up, and that the registration is the right one.
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
		c.fail("registered twice", "%d registrations of one sale", n)
	}
	switch s.State {
	case sale.RefundDue, sale.Refunding, sale.Refunded:
		if n > 0 {
			c.fail("settled no", "%s, and registered at MobiFone", s.State)
		}
	case sale.Registered:
		if n != 1 {
			c.fail("registered", "Registered, and %d rows at MobiFone", n)
		} else if !c.rowMatches(k.order) {
			c.fail("registered", "Registered, and MobiFone's row is of something else")
		}
	}
	if n > 0 && k.order.told {
		c.fail("answer", "a teller was told to return the cash of a registration")
	}
	for i, sent := range c.w.wire[:min(k.proven, len(c.w.wire))] {
		if sent.order == k.order && c.w.model().ExecutedFor(sent.pid) > 0 && !c.sentSince(k, sent.pid) {
			c.fail("settled no", "send %d was taken for proven not registered, and it is registered", i)
			return
		}
	}
	if n > 0 && k.order.rejected {
		c.fail("answer", "a teller was told that a registration was refused")
	}
}

// sentSince reports whether an id was sent again after its sends were proven not registered.
func (c *checker) sentSince(k *kept, pid telco.PartnerTransID) bool {
	return slices.ContainsFunc(c.w.wire[k.proven:], func(s wireSend) bool { return s.pid == pid })
}

// rowMatches reports whether MobiFone has exactly one row with the order's subscriber, package
// and price.
func (c *checker) rowMatches(o *order) bool {
	found := 0
	for _, row := range c.w.rowsOf(o) {
		sold := row.MSISDN == o.order.MSISDN && row.Package == o.order.Package && row.Amount == o.order.Price
		if sold && row.State == telco.StateSuccess && slices.Contains(o.pids, row.PartnerTransID) {
			found++
		}
	}
	return found == 1
}

// cashHanded checks that cash leaves the drawer once, and only for the one who claimed it.
func (c *checker) cashHanded(p *person) {
	r := c.w.store.find(p.order.saleID)
	p.order.paidOut++
	switch {
	case p.order.paidOut > 1:
		c.fail("cash", "the cash was given back twice")
	case r.state.State != sale.Refunding || r.state.RefundBy != p.name:
		c.fail("refund", "cash was given back without a claim, in %s", r.state.State)
	}
	if p.order.executed > 0 && c.w.now-p.order.ranSince > 10*time.Minute && !c.w.noLookup && (!p.order.decided || p.order.erred) {
		c.fail("refund", "cash was given back for a registration that a last look would have shown")
	}
	if c.strict && p.order.executed > 0 {
		c.fail("settled no", "cash was given back for a registration")
	}
}

// registerLeaves checks a register request that leaves: it has a durable intent of its own, made
// by whoever sends it, with the same ids and the order's content, and it is the first for that
// intent. It returns the number of the request on the wire.
func (c *checker) registerLeaves(f field.Request) int {
	w := c.w
	w.stats["register requests"]++
	sent := wireSend{order: w.orders[0], trans: f.TransID, pid: f.PartnerTransID}
	var r *record
	for _, x := range w.store.records {
		if owns(x, f.PartnerTransID) {
			r = x
		}
	}
	if r == nil {
		c.fail("intent", "a register request of no sale left")
		w.wire = append(w.wire, sent)
		return len(w.wire) - 1
	}
	// An intent is the actor's who stored it. Whoever lost the change has none, and may not send.
	k, o := c.sales[r.id], r.state.Order
	_, intended := k.planned[w.cur]
	switch {
	case !slices.Contains(r.state.Pairs(), telco.IDs{TransID: f.TransID, PartnerTransID: f.PartnerTransID}):
		c.fail("intent", "a register request left without its durable intent")
	case f.MSISDN != o.MSISDN || f.Package != o.Package || f.Amount != o.Price || f.Shop != o.Shop:
		c.fail("intent", "the request is not the one that was intended")
	case !intended && k.leftBy == w.cur:
		c.fail("one request", "a second request of one send")
	case !intended:
		c.fail("loser", "a request of somebody else's intent, or of none")
	case r.state.CashIn != o.Price:
		c.fail("cash", "a register request before the cash")
	case !w.struck[fPausedSend] && !w.bothClocks() && !k.sendBy.IsZero() && w.core().Add(-clockSkewMax/2).After(k.sendBy):
		c.fail("clocks", "a register request left after its send-by")
	}
	if k.intents == 1 && !w.noLookup && !slices.Contains(c.w.questions, f.TransID) && !w.searches {
		c.fail("look first", "the first request left without a look at the ids")
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

// otpLeaves checks that an OTP request, too, is written before it leaves, and that a loser sends
// none. Each order has an employee of its own, which tells whose request it is.
func (c *checker) otpLeaves(employee string) {
	for _, r := range c.w.store.records {
		if r.state.Order.Staff.Employee != employee {
			continue
		}
		k := c.sales[r.id]
		if k.asked == 0 {
			c.fail("loser", "an OTP request without a durable intent of its own")
		}
		k.asked--
		if r.state.State == sale.Registering || r.state.State == sale.Resolving {
			if c.w.now-k.since > time.Second && !c.w.struck[fSuspend] { // a sleeping process wakes after its last look
				c.fail("busy subscriber", "an OTP request while %s", r.state.State)
			}
		}
	}
}

// alone checks that nothing is sent while another sale of the subscriber is not settled, unless a
// supervisor said so.
func (c *checker) alone(r *record) {
	s := &r.state
	if s.State != sale.Registering || c.sales[r.id].order.beside {
		return
	}
	for _, other := range c.w.store.records {
		if other != r && other.state.HoldsSubscriber() && other.state.Order.MSISDN == s.Order.MSISDN && !c.sales[other.id].order.beside {
			c.fail("busy subscriber", "a send while another sale of the subscriber is %s", other.state.State)
		}
	}
}

// allowedEdges are those of the state machine. They are written from the design and not from the
// code.
var allowedEdges = map[sale.State][]sale.State{
	sale.None:        {sale.Open},
	sale.Open:        {sale.Paid, sale.Cancelled},
	sale.Paid:        {sale.OTPSent, sale.RefundDue, sale.Resolving, sale.Review},
	sale.OTPSent:     {sale.Registering, sale.RefundDue, sale.Resolving, sale.Review},
	sale.Registering: {sale.Registered, sale.OTPSent, sale.Paid, sale.RefundDue, sale.Resolving, sale.Review},
	sale.Resolving:   {sale.Registered, sale.RefundDue, sale.Paid, sale.OTPSent, sale.Review},
	sale.RefundDue:   {sale.Refunding, sale.Registered, sale.Review},
	sale.Refunding:   {sale.Refunded, sale.Review, sale.RefundDue},
	sale.Registered:  {sale.Review},
	sale.Refunded:    {sale.Review},
	sale.Review:      {sale.Registered, sale.RefundDue, sale.Refunded, sale.Closed},
}

// edge is the name under which a step from one state to another is counted.
func edge(from, to sale.State) string { return "edge: " + from.String() + " -> " + to.String() }

// final checks after the last reconciliation that nothing that went wrong is silent. This holds
// in every cell, also where the money can be wrong.
func (c *checker) final() {
	w := c.w
	for _, r := range w.store.records {
		k, s := c.sales[r.id], r.state
		n := 0
		for _, pid := range k.order.pids {
			n += w.model().ExecutedFor(pid)
		}
		seen := s.State == sale.Review || s.State == sale.Closed
		switch {
		case k.order.reversed && !seen:
			c.fail("silent", "%s, and the operator took the registration back", s.State)
		case n > 1 && !seen:
			c.fail("silent", "%d registrations, and the sale is %s", n, s.State)
		case n == 1 && !seen && s.State != sale.Registered:
			c.fail("silent", "registered at MobiFone, and the sale is %s", s.State)
		case n == 0 && s.State == sale.Registered:
			c.fail("silent", "not registered at MobiFone, and the sale is Registered")
		case k.order.paidOut > 0 && s.State != sale.Refunded && s.State != sale.Refunding && !seen:
			c.fail("cash", "the cash is out, and the sale is %s", s.State)
		}
		c.fold(r)
		w.stats["ends: "+s.State.String()]++
	}
}

// mustFind returns the sales whose books do not agree with the statement, and in what, by counting
// the registrations of each sale in it. What a person has before him already needs no finding.
func (c *checker) mustFind(rows []telco.Transaction) map[string]string {
	must := map[string]string{}
	for _, r := range c.w.store.records {
		n, s := 0, r.state
		for _, row := range rows {
			if row.State == telco.StateSuccess && slices.Contains(c.sales[r.id].order.pids, row.PartnerTransID) {
				n++
			}
		}
		seen := s.State == sale.Review || s.State == sale.Closed
		switch {
		case n == 1 && s.State == sale.Registered, n == 0 && s.State != sale.Registered, n < 2 && seen:
		default:
			must[r.id] = fmt.Sprintf("%d registrations in the statement, and the sale is %s", n, s.State)
		}
	}
	return must
}

// fold checks that a sale's whole history, replayed from its beginning, gives its state.
func (c *checker) fold(r *record) {
	if c.w.bug != nil {
		return // a planted core is not the core that replays
	}
	s, err := c.w.rules.Fold(r.events)
	s.WakeAt = r.state.WakeAt // a postponement is no event
	if err != nil || !reflect.DeepEqual(s, r.state) {
		c.fail("history", "the history of %s does not fold to its state: %v", r.id, err)
	}
}
