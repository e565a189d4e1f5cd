package main

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// afterwards is the end of the day: supervisors settle what is open, and the partner's
// whole ledger is reconciled.
func (w *world) afterwards() {
	w.now += 6 * time.Hour // whatever was parked has been carried out
	w.advance()
	w.checker.afterPartner()
	if w.percent(drawPerson, 30) {
		w.spawn(0, w.hosts[0], "reconciler", w.reconcile)
		w.until(w.now + 12*time.Hour)
		if w.percent(drawPerson, 50) {
			w.lastMischief()
		}
	}
	if w.percent(drawPerson, 60) {
		w.spawn(0, w.hosts[0], "supervisor", w.supervise)
		w.until(w.now + 2*24*time.Hour)
		w.now += 6 * time.Hour
		w.advance()
		w.checker.afterPartner()
	}
	w.lastMischief()
	before := len(w.wire)
	w.spawn(0, w.hosts[0], "reconciler", w.reconcile)
	w.until(w.now + 12*time.Hour)
	if len(w.wire) != before {
		w.checker.fail("I20", "the reconciliation sent a registration")
	}
	w.checker.final()
}

// supervise gives up what nobody will go on with, decides reviews by the partner's books,
// and has the refunds paid.
func (w *world) supervise() {
	ctx := context.Background()
	d := w.hosts[0].desk
	for _, r := range w.store.records {
		if s := r.state.State; (s == sale.Paid || s == sale.OTPSent) && w.percent(drawPerson, 60) {
			_, _ = d.Abandon(ctx, r.id, "supervisor")
		}
	}
	w.pause(3 * time.Hour)
	for _, r := range w.store.records {
		w.decide(d, r)
	}
	for _, o := range w.orders {
		if o.saleID != "" {
			p := w.hire(w.hosts[0], "cashier", o, func(p *person) {
				for range 4 {
					v, ok := p.look()
					if !ok || v.Sale.State != sale.RefundDue && v.Sale.State != sale.Refunding || p.payOut(v, false) {
						return
					}
				}
			})
			p.begin(0)
		}
	}
}

// decide rules as the partner's books say.
func (w *world) decide(d *sale.Desk, r *record) {
	s := r.state
	if s.State == sale.Refunding && w.wanted(fForgotten) {
		v := sale.Verdict{Ruling: sale.RuleRefunded, Evidence: "the customer says so"}
		if w.percent(drawPerson, 25) {
			v = sale.Verdict{Ruling: sale.RuleClosed, Booked: -s.Order.Price, Evidence: "the customer cannot be found"}
		}
		w.checker.sales[r.id].order.decided = true
		_, err := d.Decide(context.Background(), r.id, v, "supervisor")
		w.log("decide %s: %s, %v", r.id, v.Ruling, err)
		return
	}
	if s.State != sale.Review && (s.State != sale.RefundDue || !w.noLookup) {
		return
	}
	o := w.checker.sales[r.id].order
	n := 0
	for _, row := range w.rowsOf(o) {
		if row.State == partner.StateSuccess && w.ownsPID(o, row.PartnerTransID) {
			n++
		}
	}
	if w.percent(drawPerson, 20) {
		return // it waits for another day
	}
	v := sale.Verdict{Evidence: "statement of the day"}
	switch out := o.paidOut > 0; {
	case n == 1 && !out && s.State == sale.Review:
		v.Ruling = sale.RuleRegistered
	case n == 0 && !out && s.State == sale.Review && !o.claimed, n == 0 && !out && s.State == sale.RefundDue:
		v.Ruling = sale.RuleRefundDue
	case n == 0 && out && s.State == sale.Review:
		v.Ruling = sale.RuleRefunded
	default:
		v.Ruling, v.Booked = sale.RuleClosed, -s.Order.Price
	}
	o.decided = true
	_, err := d.Decide(context.Background(), r.id, v, "supervisor")
	w.log("decide %s: %s, %v", r.id, v.Ruling, err)
}

// lastMischief is what the partner's ledger gets before it is reconciled.
func (w *world) lastMischief() {
	if w.wanted(fReversed) {
		for _, o := range w.orders {
			for _, row := range w.rowsOf(o) {
				if row.State == partner.StateSuccess && w.ownsPID(o, row.PartnerTransID) && w.model().Reverse(w.core(), row.TransID) {
					w.strikeOnce(fReversed)
					o.reversed = true
				}
			}
		}
	}
	if w.wanted(fForeignRow) && !w.struck[fForeignRow] {
		o := w.orders[0]
		w.now += 5 * time.Minute
		a := w.model().RequestOTP(w.core(), contract.Fields{MSISDN: o.order.MSISDN, Package: theOffer, Shop: "OTHER", Employee: "X1"})
		if a.Code == partner.Success {
			w.strikeOnce(fForeignRow)
			w.foreignUse(o, a.Data.TransID)
		}
	}
}

// rowsOf are MobiFone's rows of an order's subscriber, as they truly are now.
func (w *world) rowsOf(o *order) []contract.Row {
	now := w.core()
	month := contract.Fields{MSISDN: o.order.MSISDN, From: now.Add(-30 * 24 * time.Hour), To: now.Add(time.Second), Size: 100}
	return w.model().Search(now, month).Data.Rows
}

func (w *world) ownsPID(o *order, pid partner.PartnerTransID) bool {
	return slices.Contains(o.pids, pid)
}

// final is the promise of every cell: what is wrong is never silent. It is asked after the
// last reconciliation.
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
			c.fail("I6", "%s, and the operator took the registration back", s.State)
		case n > 1 && !seen:
			c.fail("I6", "%d registrations, and the sale is %s", n, s.State)
		case n == 1 && !seen && s.State != sale.Registered:
			c.fail("I6", "registered at the partner, and the sale is %s", s.State)
		case n == 0 && s.State == sale.Registered:
			c.fail("I6", "not registered at the partner, and the sale is Registered")
		case k.order.paidOut > 0 && s.State != sale.Refunded && s.State != sale.Refunding && !seen:
			c.fail("I3", "the cash is out, and the sale is %s", s.State)
		}
		c.fold(r)
		w.stats.ends[s.State]++
	}
}

// fold replays the whole history from its beginning (I8).
func (c *checker) fold(r *record) {
	if c.w.bug != nil {
		return // a planted core is not the core that replays
	}
	s, err := c.w.rules.Fold(r.events)
	s.WakeAt = r.state.WakeAt // a postponement is no event
	if err != nil || !reflect.DeepEqual(s, r.state) {
		c.fail("I8", "the history of %s does not fold to its state: %v", r.id, err)
	}
}
