package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

func (p *person) register(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	p.think(4*time.Second, 25*time.Second)
	if faults.has(fExpiredOTP) {
		w.strike(fExpiredOTP)
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
	if err != nil && partner.OutcomeOf(err) != partner.Rejected {
		p.think(time.Second, 10*time.Second)
	}
}

// readSMS is the customer reading out the newest code, or a wrong one.
func (p *person) readSMS(s sale.Sale, faults faultSet) (partner.OTP, bool) {
	w := p.w
	box := w.model().Inbox(s.Order.MSISDN)
	if len(box) == 0 {
		return partner.OTP{}, false
	}
	code := box[len(box)-1].OTP
	if m, ok := w.messageOf(s); ok {
		code = m.OTP
	}
	exhausted := slices.Contains(w.wants, fExhaustedOTP) && p.tries < 3
	if exhausted && p.tries == 2 {
		w.strikeOnce(fExhaustedOTP)
	}
	if faults.has(fOlderOTP) {
		w.strike(fOlderOTP)
		code = box[0].OTP
	}
	if faults.has(fWrongOTP) || exhausted {
		if faults.has(fWrongOTP) {
			w.strike(fWrongOTP)
		}
		wrong, _ := partner.ParseOTP(reverse(code.Reveal()))
		code = wrong
	}
	return code, true
}

// messageOf is the SMS of the OTP that a sale has in hand.
func (w *world) messageOf(s sale.Sale) (sandbox.Message, bool) {
	pairs := s.Pairs()
	for _, m := range w.model().Inbox(s.Order.MSISDN) {
		if n := len(pairs); n > 0 && m.TransID == pairs[n-1].TransID {
			return m, true
		}
	}
	return sandbox.Message{}, false
}

// reverse makes another code of six digits; a palindrome is turned up by one.
func reverse(code string) string {
	b := []byte(code)
	slices.Reverse(b)
	if string(b) == code {
		b[0] = '0' + (b[0]-'0'+1)%10
	}
	return string(b)
}
