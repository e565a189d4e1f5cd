package main

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

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
	if s.CashOut > 0 && k.order.paidOut == 0 && s.State == sale.Refunded && !k.order.decided {
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
	for i, sent := range c.w.wire[:min(k.proven, len(c.w.wire))] {
		if sent.order == k.order && c.w.model().ExecutedFor(sent.pid) > 0 && !c.sentSince(k, sent.pid) {
			c.fail("I4", "send %d was taken for proven not registered, and it is registered", i)
			return
		}
	}
	if n > 0 && k.order.rejected {
		c.fail("I18", "a teller was told that a registration was refused")
	}
}

// sentSince reports that an id was sent again after its sends were proven not registered.
func (c *checker) sentSince(k *kept, pid partner.PartnerTransID) bool {
	return slices.ContainsFunc(c.w.wire[k.proven:], func(s wireSend) bool { return s.pid == pid })
}

// rowMatches is I5's second half: the row has the subscriber, the package and the price.
func (c *checker) rowMatches(o *order) bool {
	found := 0
	for _, row := range c.w.rowsOf(o) {
		sold := row.MSISDN == o.order.MSISDN && row.Package == o.order.Package && row.Amount == o.order.Price
		if sold && row.State == partner.StateSuccess && c.w.ownsPID(o, row.PartnerTransID) {
			found++
		}
	}
	return found == 1
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
	if p.order.executed > 0 && c.w.now-p.order.ranSince > 10*time.Minute && !c.w.noLookup && (!p.order.decided || p.order.erred) {
		c.fail("R11", "cash was given back for a registration that a last look would have shown")
	}
	if c.strict && p.order.executed > 0 {
		c.fail("I4", "cash was given back for a registration")
	}
}
