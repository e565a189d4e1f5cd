package main

// This file holds the people at the desks and what they do there: cash, OTP, registration, refund. They do
// what the screen says, wait as long as it says, and now and then click twice. They know the screen, the
// time and the customer's SMS, and decide by nothing else.

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// person works at a desk. People outlive their programs: when the host dies, a person goes on as
// soon as it is up again.
type person struct {
	w     *world
	host  *host
	name  string
	order *order
	// work is what the person does from the beginning, also after a restart.
	work func(*person)
	// busy says that the work is not finished.
	busy bool
	// turns counts how often the work was begun, so that only the last beginning goes on.
	turns int

	// screen is what the screen showed last, and shownAt when.
	screen  sale.View
	shownAt time.Duration
	// otps, tries and waits count what the person did: OTPs, registrations, waits.
	otps  int
	tries int
	waits int
	// abandon says that the customer wants to give up.
	abandon bool
	// handed says that the person gave the cash back, as far as they remember.
	handed bool
}

// hire gives a host a person with work for one order. The work begins at begin.
func (w *world) hire(h *host, name string, o *order, work func(*person)) *person {
	p := &person{w: w, host: h, name: name, order: o, work: work}
	w.people = append(w.people, p)
	return p
}

// begin starts the work after d, from the beginning.
func (p *person) begin(d time.Duration) {
	p.busy = true
	p.turns++
	turn := p.turns
	p.w.spawn(d, p.host, p.name, func() {
		if turn == p.turns {
			p.work(p)
			p.busy = false
		}
	})
}

// call is what a person does at the desk.
type call func(ctx context.Context, d *sale.Desk) (sale.View, error)

// by is a call that names the sale and who does it.
func (p *person) by(do func(*sale.Desk, context.Context, string, string) (sale.View, error)) call {
	return func(ctx context.Context, d *sale.Desk) (sale.View, error) { return do(d, ctx, p.order.saleID, p.name) }
}

// act is one call of a person on the desk. It shows the answer on the screen and has the checker
// look at it.
func (p *person) act(what string, do call) (sale.View, error) {
	w := p.w
	ctx, a, began, wall, said, saidAt := &callContext{Context: context.Background()}, w.cur, w.now, p.host.wall(), p.screen, p.shownAt
	a.ctx = ctx
	v, err := do(ctx, p.host.desk)
	a.ctx = nil
	if v.Sale.ID != "" {
		p.screen, p.shownAt = v, w.now
	}
	w.point(ptAnswered)
	if w.verbose {
		w.log("%s %s -> %s, %v: %s", p.name, what, v.Sale.State, err, v.Action.Step)
	}
	w.trace.text(what, v.Sale.State.String())
	w.checker.answered(what, began, v, err)
	if w.nemesis && what == "register" && v.Sale.State == sale.Resolving && !w.alone {
		p.watch(v)
	}
	w.checker.screen(began, wall, v)
	if w.store.claimedAt < saidAt && (!w.quiet || saidAt > w.quietSince) { // the clocks are set right when it gets quiet
		w.checker.obeyed(said, what, wall, err)
	}
	return v, err
}

// watch looks the sale up again and again around the earliest moment at which a lookup settles
// it. MobiFone's clocks differ by as much as they may, and the screen names the latest.
func (p *person) watch(v sale.View) {
	h, at := p.host, v.WaitUntil.Sub(p.host.wall())-2*clockSkewMax-2*time.Second
	for d := max(at-4*time.Second, 0); d <= at+2*time.Second; d += 250 * time.Millisecond {
		p.w.spawn(d, h, "watcher", func() { _, _ = h.desk.Resolve(context.Background(), v.Sale.ID) })
	}
}

// twice is act. At a double click the same call comes once more at the same time, from either
// host.
func (p *person) twice(double bool, what string, do call) (sale.View, error) {
	if double {
		w := p.w
		w.strike(fDoubleClick)
		other := w.hire(w.hosts[w.below(drawPerson, 2)], p.name, p.order, func(q *person) { _, _ = q.act(what+" again", do) })
		other.begin(w.between(drawPerson, 0, 3*time.Millisecond))
	}
	return p.act(what, do)
}

// think is the time that a person takes.
func (p *person) think(lo, hi time.Duration) { p.w.pause(p.w.between(drawThink, lo, hi)) }

// sell is a teller's whole work on one order: look at the screen and do what it says, until the
// work is done or the person goes home.
func sell(p *person) {
	w := p.w
	for range 80 {
		if w.quiet && w.now > 30*24*time.Hour {
			return
		}
		v, ok := p.screen, p.screen.Sale.ID != "" && w.percent(drawThink, 30)
		if !ok {
			v, ok = p.look()
		}
		if !ok {
			p.think(time.Second, 20*time.Second)
			continue
		}
		faults := w.pass(siteTill)
		if w.hit(faults, fWalkAway) {
			return
		}
		p.meddle(v, faults)
		if p.next(v, faults) {
			return
		}
	}
}

// look opens the order, or looks it up when the sale is known.
func (p *person) look() (sale.View, bool) {
	o := p.order
	if o.saleID == "" {
		v, err := p.act("open", func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Open(ctx, o.order, p.name) })
		if busy, ok := errors.AsType[*sale.BusyError](err); ok && busy != nil && slices.Contains(p.w.wants, fOverride) {
			p.w.strikeOnce(fOverride)
			o.beside = true
			v, err = p.act("open beside", func(ctx context.Context, d *sale.Desk) (sale.View, error) {
				return d.OpenBeside(ctx, o.order, "supervisor")
			})
		}
		if err != nil {
			return v, false
		}
		o.saleID = v.Sale.ID
		return v, true
	}
	v, err := p.act("look", func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Look(ctx, o.saleID) })
	return v, err == nil
}

// next does what the screen says. It returns true when the work is done.
func (p *person) next(v sale.View, faults faultSet) (done bool) {
	w := p.w
	double := faults.has(fDoubleClick)
	if w.hit(faults, fAbandon) {
		p.abandon = true
	}
	giveUp := func() {
		_, _ = p.twice(double, "abandon", p.by((*sale.Desk).Abandon))
	}
	trying := v.Sale.State == sale.Paid || v.Sale.State == sale.OTPSent
	step := v.Action.Step
	switch {
	case trying && (p.abandon || p.tries > 5 || p.otps > 5 || step == telco.ReturnCash || step == telco.Support && p.waits > 3):
		p.think(0, 2*time.Second)
		giveUp()
	case step == telco.TakeCash:
		return p.takeCash(double)
	case step == telco.NewOTP, step == telco.ReenterOTP && p.tooOld(v.Sale):
		p.askOTP(v, double)
	case step == telco.ReenterOTP:
		p.register(v, faults)
	case step == telco.ReturnCash:
		return p.payOut(v, double)
	case trying, step == telco.WaitUntil, v.Sale.State == sale.Registering, v.Sale.State == sale.Resolving:
		if p.abandon && p.waits%3 == 0 {
			giveUp()
		}
		return p.wait(v)
	default:
		return true
	}
	return false
}

// wait waits as long as the screen says, or longer and longer when it says nothing. It returns
// true when the customer goes home.
func (p *person) wait(v sale.View) bool {
	p.waits++
	steps := [...]time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour}
	d := steps[min(p.waits, len(steps))-1]
	if told := p.told(v); told > 0 && told < d {
		d = told
	}
	p.w.pause(d)
	return p.waits > 9
}

// told is how long the screen says to wait; 0 when it says nothing.
func (p *person) told(v sale.View) time.Duration {
	if v.WaitUntil.IsZero() {
		return 0
	}
	return max(v.WaitUntil.Sub(p.host.wall())+time.Millisecond, 0)
}

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
