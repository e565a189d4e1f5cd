package main

import (
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// answered is I18 for one answer to a caller.
func (c *checker) answered(what string, began time.Duration, v sale.View, err error) {
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
	if what == "register" {
		switch out := partner.OutcomeOf(err); {
		case out == partner.Succeeded && c.strict && k.order.executed == 0:
			c.fail("I18", "success was reported, and nothing is registered")
		case out == partner.NotSent && k.leftBy == c.w.cur && k.leftAt > began:
			c.fail("I18", "not sent was reported, and a request is out")
		case out == partner.NotSent && k.wired > 0 && v.Sale.HoldsSubscriber():
			c.fail("I18", "not sent was reported of a sale that is %s", v.Sale.State)
		case out == partner.Rejected && k.wired > 0 && !isOTPCode(err):
			k.order.rejected = true
			if c.strict && k.order.executed > 0 {
				c.fail("I18", "a rejection was reported of a registration")
			}
		}
	}
	c.advised(k, v)
}

// advised is I18 for what the teller is told to do.
func (c *checker) advised(k *kept, v sale.View) {
	step := v.Action.Step
	if step == partner.GiveService && c.strict && k.order.executed == 0 {
		c.fail("I18", "the teller was told to give the service, and nothing is registered")
	}
	if step != partner.ReturnCash && step != partner.Refuse || v.Sale.State == sale.Refunded || v.Sale.State == sale.Cancelled {
		return
	}
	k.order.told = k.order.told || step == partner.ReturnCash
	if c.strict && k.order.executed > 0 {
		c.fail("I18", "the teller was told to return the cash of a registration")
	}
}

func isOTPCode(err error) bool {
	return errors.Is(err, partner.OTPInvalid) || errors.Is(err, partner.OTPExpired) || errors.Is(err, partner.OTPAttemptsExceeded)
}

// screen: the screen names no time that has passed.
func (c *checker) screen(began time.Duration, wall time.Time, v sale.View) {
	if !c.w.clocksFail() && (!c.w.quiet || began > c.w.quietSince) && !v.WaitUntil.IsZero() && !v.WaitUntil.After(wall) {
		c.fail("screen", "it names a time that has passed: %v", wall.Sub(v.WaitUntil))
	}
}

// obeyed: what the screen said is accepted from the time that it named, unless something
// came between.
func (c *checker) obeyed(said sale.View, what string, wall time.Time, err error) {
	w := c.w
	step, ok := map[string]partner.Step{
		"cash": partner.TakeCash, "otp": partner.NewOTP, "register": partner.ReenterOTP, "claim refund": partner.ReturnCash, "confirm refund": partner.ReturnCash,
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

// clocksFail reports that a local clock has been wrong in this world.
func (w *world) clocksFail() bool {
	for _, k := range [...]faultKind{fClockStep, fClockFrozen, fClockDrift, fSuspend, fClockAhead} {
		if w.struck[k] {
			return true
		}
	}
	return false
}
