package main

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// payOut is the cashier's part: claim, hand the cash over, confirm. Who has claimed and
// not paid pays; who has paid confirms.
func (p *person) payOut(v sale.View, double bool) bool {
	w, o := p.w, p.order
	if w.wanted(fRefundTwice) && !w.struck[fRefundTwice] {
		w.strikeOnce(fRefundTwice)
		rival := w.hire(w.hosts[1], "rival", o, sell)
		rival.begin(w.between(drawPerson, 0, 50*time.Millisecond))
	}
	if v.Sale.State == sale.RefundDue {
		p.think(0, 5*time.Second)
		claimed, err := p.twice(double, "claim refund", p.by((*sale.Desk).ClaimRefund))
		if err != nil {
			p.waits++
			p.think(time.Second, 30*time.Second)
			return p.waits > 9
		}
		v = claimed
	}
	if v.Sale.State != sale.Refunding || v.Sale.RefundBy != p.name {
		return true // somebody else pays, or nobody
	}
	if w.wanted(fForgotten) && !p.handed && w.percent(drawPerson, 50) {
		w.strikeOnce(fForgotten) // called away, and the cash is in the drawer
		return true
	}
	if !p.handed {
		p.handed = true
		w.checker.cashHanded(p)
	}
	w.pause(w.between(drawThink, 0, 5*time.Second))
	if w.wanted(fForgotten) {
		w.strikeOnce(fForgotten) // the cash is out, and nobody says so
		return true
	}
	_, err := p.twice(double, "confirm refund", p.by((*sale.Desk).ConfirmRefund))
	if err == nil && w.percent(drawPerson, 10) {
		_, err := p.act("confirm once more", p.by((*sale.Desk).ConfirmRefund))
		if err == nil {
			w.checker.fail("refund", "a refund was confirmed twice")
		}
	}
	return err == nil
}

// meddle changes the world behind the sale's back, between two steps, or calls the desk
// in ways that must be refused.
func (p *person) meddle(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	calm := v.Sale.State == sale.Open || v.Sale.State == sale.Paid || v.Sale.State == sale.OTPSent
	subject := func(k faultKind, r ledger.Result) {
		if faults.has(k) && calm {
			w.strike(k)
			o.subject.Result = r
			w.model().SetSubscriber(o.order.MSISDN, *o.subject)
		}
	}
	subject(fIneligible, ledger.Ineligible)
	subject(fAlready, ledger.AlreadyRegistered)
	subject(fInactive, ledger.Inactive)
	if faults.has(fPriceChange) && calm {
		w.strike(fPriceChange)
		w.reprice(o.order.Price + 10_000)
	}
	if m, ok := w.messageOf(v.Sale); ok && faults.has(fIDsUsed) && v.Sale.State == sale.OTPSent {
		w.strike(fIDsUsed)
		w.foreignUse(o, m.TransID)
	}
	if w.hit(faults, fMisuse) {
		p.misuse(v)
	}
}

// misuse calls what the stored state does not allow; every call must be refused, and
// change nothing. The screen may be older than the store, where an answer was lost.
func (p *person) misuse(v sale.View) {
	w, o, s := p.w, p.order, v.Sale.State
	if k := w.checker.sales[o.saleID]; k != nil {
		s = k.state
	}
	wrong, _ := telco.ParseOTP("000000")
	other := o.order
	other.Price += 1000
	early := (s == sale.Open || s == sale.Registered || s == sale.Refunded) && len(w.people) == 1 // with company it may become allowed
	for _, m := range []struct {
		what string
		may  bool
		do   call
	}{
		{"misuse cash", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.TakeCash(ctx, o.saleID, o.order.Price-1, p.name)
		}},
		{"misuse confirm", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.ConfirmRefund(ctx, o.saleID, "stranger")
		}},
		{"misuse decide", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Decide(ctx, o.saleID, sale.Decision{Ruling: sale.RuleClosed}, "nobody")
		}},
		{"misuse claim", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.ClaimRefund(ctx, o.saleID, "") }},
		{"misuse cancel", s != sale.Open, p.by((*sale.Desk).Cancel)},
		{"misuse register", early, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Register(ctx, o.saleID, wrong, p.name)
		}},
		{"misuse otp", early, p.by((*sale.Desk).RequestOTP)},
		{"misuse open", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Open(ctx, other, p.name) }},
	} {
		if !m.may {
			continue
		}
		if _, err := p.act(m.what, m.do); err == nil {
			w.checker.fail("history", "%s was allowed in %s", m.what, s)
		}
	}
}

// reprice changes what MobiFone asks for the package.
func (w *world) reprice(price telco.VND) {
	pkg, _ := catalog.Default().Lookup(theOffer)
	pkg.Price = price
	if err := w.model().SetOffer(pkg); err != nil {
		panic(err)
	}
	w.repriced = true
}

// foreignUse registers the subscriber by another system, under our transId.
func (w *world) foreignUse(o *order, trans telco.TransID) {
	for _, m := range w.model().Inbox(o.order.MSISDN) {
		if m.TransID == trans {
			w.model().Register(w.core(), field.Request{
				MSISDN: o.order.MSISDN, Package: o.order.Package, Amount: o.order.Price, TransID: trans,
				PartnerTransID: telco.PartnerTransID("foreign-" + string(trans)), OTP: m.OTP, Staff: telco.Staff{Shop: "OTHER", Employee: "X1"}, Channel: "WEB",
			})
			w.checker.afterPartner()
		}
	}
}

// afterwards is the end of the day: supervisors settle what is open, and MobiFone's
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
		w.checker.fail("reconciliation", "the reconciliation sent a registration")
	}
	w.checker.final()
}

// supervise gives up what nobody will go on with, decides reviews by MobiFone's statement,
// and has the refunds paid. Supervisors know what the screen shows and what was paid out.
func (w *world) supervise() {
	d := w.hosts[0].desk
	for _, s := range w.waiting() {
		if (s.State == sale.Paid || s.State == sale.OTPSent) && w.percent(drawPerson, 60) {
			_, _ = d.Abandon(context.Background(), s.ID, "supervisor")
		}
	}
	w.pause(3 * time.Hour)
	rows, err := w.statement()
	for _, s := range w.waiting() {
		if err == nil {
			w.decide(d, s.ID, rows)
		}
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

// waiting is the list of what waits for a person. What is on it or at rest is all there is,
// and whoever has waited long has raised an alarm.
func (w *world) waiting() []sale.Waiting {
	list, err := w.hosts[0].desk.Waiting(context.Background(), "")
	if err != nil {
		w.checker.fail("screen", "the list of what waits cannot be read: %v", err)
	}
	for _, r := range w.store.records {
		s := &r.state
		listed := slices.ContainsFunc(list, func(x sale.Waiting) bool { return x.ID == r.id })
		wakes := s.State == sale.Registering || s.State == sale.Resolving // by itself
		switch {
		case !s.State.Resting() && !wakes && !listed:
			w.checker.fail("screen", "%s waits for a person, and is on no list", s.State)
		case !s.State.Resting() && w.hosts[0].wall().Sub(s.Since) > alarmAfter+time.Hour && w.checker.sales[r.id].alarms == 0 && !w.clocksFail():
			w.checker.fail("screen", "%s for %v without an alarm", s.State, w.hosts[0].wall().Sub(s.Since))
		}
	}
	return list
}

// decide rules as MobiFone's statement says, and now and then not.
func (w *world) decide(d *sale.Desk, id string, rows []telco.Transaction) {
	view, err := d.Look(context.Background(), id)
	s, o := view.Sale, w.checker.sales[id].order
	if err != nil || w.percent(drawPerson, 20) {
		return // it waits for another day
	}
	n, ours := 0, s.Pairs()
	for _, row := range rows {
		if row.State == telco.StateSuccess && slices.ContainsFunc(ours, func(p telco.IDs) bool { return p.PartnerTransID == row.PartnerTransID }) {
			n++
		}
	}
	v, out := sale.Decision{Evidence: "statement of the day"}, o.paidOut > 0
	switch {
	case s.State == sale.Refunding && !out:
		_, err := d.DenyRefund(context.Background(), id, "the cash is in the drawer", "supervisor")
		w.log("deny %s: %v", id, err)
		return
	case s.State == sale.Refunding:
		v.Ruling, v.Evidence = sale.RuleRefunded, "the customer says so"
	case s.State != sale.Review:
		return
	case out && n == 0:
		v.Ruling = sale.RuleRefunded
	case !out && n == 0, !out && n == 1 && w.percent(drawPerson, 10):
		v.Ruling = sale.RuleRefundDue
		if n == 1 { // in error; then the promise is that it shows
			o.erred, w.checker.strict = true, false
		}
	case !out && n == 1:
		v.Ruling = sale.RuleRegistered
	default:
		v.Ruling, v.Booked = sale.RuleClosed, -s.Order.Price
	}
	o.decided = true
	_, err = d.Decide(context.Background(), id, v, "supervisor")
	w.log("decide %s: %s, %v", id, v.Ruling, err)
}

// lastMischief is what MobiFone's ledger gets before it is reconciled.
func (w *world) lastMischief() {
	if w.wanted(fReversed) {
		for _, o := range w.orders {
			for _, row := range w.rowsOf(o) {
				if row.State == telco.StateSuccess && slices.Contains(o.pids, row.PartnerTransID) && w.model().Reverse(w.core(), row.TransID) {
					w.strikeOnce(fReversed)
					o.reversed = true
				}
			}
		}
	}
	if w.wanted(fForeignRow) && !w.struck[fForeignRow] {
		o := w.orders[0]
		w.now += 5 * time.Minute
		a := w.model().RequestOTP(w.core(), field.Request{MSISDN: o.order.MSISDN, Package: theOffer, Staff: telco.Staff{Shop: "OTHER", Employee: "X1"}})
		if a.Code == telco.Success {
			w.strikeOnce(fForeignRow)
			w.foreignUse(o, a.Data.TransID)
		}
	}
}

// rowsOf are MobiFone's rows of an order's subscriber, as they truly are now.
func (w *world) rowsOf(o *order) []field.Row {
	now := w.core()
	month := field.Request{MSISDN: o.order.MSISDN, From: now.Add(-30 * 24 * time.Hour), To: now.Add(time.Second), Size: 100}
	return w.model().Search(now, month).Data.Rows
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

// fold replays the whole history from its beginning.
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
