package main

// This file holds the acts of a teller and a cashier: cash, OTP, registration, refund. It also holds
// what happens behind a sale's back at that time, and the calls that the desk must refuse.

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// payOut is the cashier's part: claim, hand the cash over, confirm. Whoever has claimed pays, and
// whoever has paid confirms. It returns true when nothing is left to do.
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
	// The claim decides who may open the drawer, whatever this person saw before.
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

// meddle changes the world behind the sale's back, between two steps, or calls the desk in ways
// that it must refuse.
func (p *person) meddle(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	// These faults play a change before a send; fChanged plays one after it.
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

// misuse calls what the stored state does not allow. Every call must be refused and change
// nothing. It goes by what is stored, because the screen may be older where an answer was lost.
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

// takeCash takes the customer's cash and tells the desk, or cancels. It returns true when the
// work is done.
func (p *person) takeCash(double bool) bool {
	w, o := p.w, p.order
	if w.lasting(fCancelOrder) {
		_, err := p.act("cancel", p.by((*sale.Desk).Cancel))
		return err == nil
	}
	p.think(time.Second, 10*time.Second)
	if w.lasting(fCashNotEntered) {
		o.gave = true
		return true
	}
	o.gave = true
	_, _ = p.twice(double, "cash", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
		return d.TakeCash(ctx, o.saleID, o.order.Price, p.name)
	})
	return false
}

// tooOld reports whether the person sees that the OTP in hand has run out. Half of the time they
// do not look.
func (p *person) tooOld(s sale.Sale) bool {
	at := p.w.expiryOf(&s)
	return !at.IsZero() && p.otps > 0 && p.w.core().After(at) && p.w.percent(drawPerson, 50)
}

// askOTP asks for an OTP once the screen lets it.
func (p *person) askOTP(v sale.View, double bool) {
	p.w.pause(min(p.told(v), 10*time.Minute))
	p.otps++
	_, err := p.twice(double, "otp", p.by((*sale.Desk).RequestOTP))
	if err != nil {
		p.think(2*time.Second, 20*time.Second)
	}
}

// register types the customer's code in and registers.
func (p *person) register(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	p.think(4*time.Second, 25*time.Second)
	if w.hit(faults, fExpiredOTP) {
		w.pause(otpTTL)
	}
	if at := w.expiryOf(&v.Sale); faults.has(fOTPDying) && !at.IsZero() {
		w.strike(fOTPDying)
		w.pause(max(0, at.Sub(w.core())-w.between(drawThink, 0, 20*time.Second)))
	}
	code, ok := p.readSMS(v.Sale, faults)
	if !ok {
		p.think(5*time.Second, 20*time.Second)
		return
	}
	p.tries++
	_, err := p.twice(faults.has(fDoubleClick), "register", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
		return d.Register(ctx, o.saleID, code, p.name)
	})
	if _, held := errors.AsType[*sale.NotSettledError](err); held {
		p.tries--
		p.waits++
		w.pause(w.between(drawThink, 10*time.Second, 40*time.Second))
		if p.waits > 12 {
			p.abandon = true
		}
		return
	}
	if err != nil && telco.OutcomeOf(err) != telco.Rejected {
		p.think(time.Second, 10*time.Second)
	}
}

// readSMS is the customer who reads out the newest code, or a wrong one. It returns false when
// there is no SMS.
func (p *person) readSMS(s sale.Sale, faults faultSet) (telco.OTP, bool) {
	w := p.w
	box := w.model().Inbox(s.Order.MSISDN)
	if len(box) == 0 {
		return telco.OTP{}, false
	}
	code := box[len(box)-1].OTP
	if m, ok := w.messageOf(s); ok {
		code = m.OTP
	}
	exhausted := slices.Contains(w.wants, fExhaustedOTP) && p.tries < 3
	if exhausted && p.tries == 2 {
		w.strikeOnce(fExhaustedOTP)
	}
	if w.hit(faults, fOlderOTP) {
		code = box[0].OTP
	}
	if w.hit(faults, fWrongOTP) || exhausted {
		wrong, _ := telco.ParseOTP(reverse(code.Reveal()))
		code = wrong
	}
	return code, true
}

// reverse makes another code of six digits. A palindrome gets another first digit.
func reverse(code string) string {
	b := []byte(code)
	slices.Reverse(b)
	if string(b) == code {
		b[0] = '0' + (b[0]-'0'+1)%10
	}
	return string(b)
}
