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
	c.advised(k, what, v, outstanding)
}

// advised is I18 for what the teller is told to do.
func (c *checker) advised(k *kept, what string, v sale.View, outstanding bool) {
	step := v.Action.Step
	if step == partner.GiveService && c.strict && k.order.executed == 0 {
		c.fail("I18", "the teller was told to give the service, and nothing is registered")
	}
	if step != partner.ReturnCash && step != partner.Refuse || v.Sale.State == sale.Refunded || v.Sale.State == sale.Cancelled {
		return
	}
	if outstanding && step == partner.ReturnCash && v.Sale.Reason != "decided" {
		c.fail("I18", "the teller was told to return the cash while a send is not cleared (%s after %s)", v.Sale.State, what)
	}
	k.order.told = k.order.told || step == partner.ReturnCash
	if c.strict && k.order.executed > 0 {
		c.fail("I18", "the teller was told to return the cash of a registration")
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
