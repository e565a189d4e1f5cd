package main

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
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
		claimed, err := p.twice(double, "claim refund", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.ClaimRefund(ctx, o.saleID, p.name)
		})
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
	_, err := p.twice(double, "confirm refund", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
		return d.ConfirmRefund(ctx, o.saleID, p.name)
	})
	if err == nil && w.percent(drawPerson, 10) {
		_, err := p.act("confirm once more", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.ConfirmRefund(ctx, o.saleID, p.name)
		})
		if err == nil {
			w.checker.fail("R11", "a refund was confirmed twice")
		}
	}
	return err == nil
}

// meddle changes the world behind the sale's back, between two steps, or calls the desk
// in ways that must be refused.
func (p *person) meddle(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	calm := v.Sale.State == sale.Open || v.Sale.State == sale.Paid || v.Sale.State == sale.OTPSent
	subject := func(k faultKind, r sandbox.Result) {
		if faults.has(k) && calm {
			w.strike(k)
			o.subject.Result = r
			w.model().SetSubscriber(o.order.MSISDN, *o.subject)
		}
	}
	subject(fIneligible, sandbox.Ineligible)
	subject(fAlready, sandbox.AlreadyRegistered)
	subject(fInactive, sandbox.Inactive)
	if faults.has(fPriceChange) && calm {
		w.strike(fPriceChange)
		w.reprice(o.order.Price + 10_000)
	}
	if m, ok := w.messageOf(v.Sale); ok && faults.has(fIDsUsed) && v.Sale.State == sale.OTPSent {
		w.strike(fIDsUsed)
		w.foreignUse(o, m.TransID)
	}
	if faults.has(fMisuse) {
		w.strike(fMisuse)
		p.misuse(v)
	}
}

// misuse calls what the state does not allow; every call must be refused, and change
// nothing.
func (p *person) misuse(v sale.View) {
	o, s := p.order, v.Sale.State
	wrong, _ := partner.ParseOTP("000000")
	calls := map[string]func(ctx context.Context, d *sale.Desk) (sale.View, error){
		"misuse cash": func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.TakeCash(ctx, o.saleID, o.order.Price-1, p.name)
		},
		"misuse confirm": func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.ConfirmRefund(ctx, o.saleID, "stranger")
		},
		"misuse decide": func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Decide(ctx, o.saleID, sale.Verdict{Ruling: sale.RuleClosed}, "nobody")
		},
		"misuse claim": func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.ClaimRefund(ctx, o.saleID, "") },
	}
	if s != sale.Open {
		calls["misuse cancel"] = func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Cancel(ctx, o.saleID, p.name) }
	}
	if s == sale.Open || s == sale.Registered || s == sale.Refunded {
		calls["misuse register"] = func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Register(ctx, o.saleID, wrong, p.name)
		}
		calls["misuse otp"] = func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.RequestOTP(ctx, o.saleID, p.name) }
	}
	for _, name := range []string{"misuse cash", "misuse confirm", "misuse decide", "misuse claim", "misuse cancel", "misuse register", "misuse otp"} {
		call := calls[name]
		if call == nil || (name == "misuse otp" && len(p.w.people) > 1) || (name == "misuse register" && len(p.w.people) > 1) {
			continue // with company the state may have become one that allows it
		}
		if _, err := p.act(name, call); err == nil {
			p.w.checker.fail("I8", "%s was allowed in %s", name, s)
		}
	}
	other := o.order
	other.Price += 1000
	if _, err := p.act("misuse open", func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Open(ctx, other, p.name) }); err == nil {
		p.w.checker.fail("R3", "another order under the same id was opened")
	}
}

// reprice changes what the partner asks for the package.
func (w *world) reprice(price partner.VND) {
	pkg, _ := catalog.Default().Lookup(theOffer)
	pkg.Price = price
	if err := w.model().SetOffer(pkg); err != nil {
		panic(err)
	}
	w.repriced = true
}

// foreignUse registers the subscriber by another system, under our transId.
func (w *world) foreignUse(o *order, trans partner.TransID) {
	for _, m := range w.model().Inbox(o.order.MSISDN) {
		if m.TransID == trans {
			w.registerForeign(o, trans, m.OTP)
		}
	}
}

func (w *world) registerForeign(o *order, trans partner.TransID, code partner.OTP) {
	w.model().Register(w.core(), contract.Fields{
		MSISDN: o.order.MSISDN, Package: o.order.Package, Amount: o.order.Price, TransID: trans,
		PartnerTransID: partner.PartnerTransID("foreign-" + string(trans)), OTP: code, Shop: "OTHER", Employee: "X1", Channel: "WEB",
	})
	w.foreign = append(w.foreign, trans)
	w.checker.afterPartner()
}
