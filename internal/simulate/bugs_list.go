package main

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// plantedBugs are protocols that are wrong in one way each: the unsafe ones of
// reliability.md, and the removal of each safety rule. The checker must catch every one.
func plantedBugs() []bug {
	return slices.Concat(unsafeProtocols(), brokenActs(), brokenFences(), brokenStores(), misreadReplies(), brokenClearing(), brokenLookups(), brokenEdges())
}

func unsafeProtocols() []bug {
	return []bug{
		{name: "blind resend", rule: "I12", result: func(w *world, d *draft, r *sale.SendResult) {
			if r.Outcome == partner.Unknown && !r.Refusal {
				*r = w.road(d, faultSet{})
			}
		}},
		{name: "resend after a 401", rule: "I12", result: func(w *world, d *draft, r *sale.SendResult) {
			if r.Code == partner.AuthSignature || w.struck[f401Before] || w.struck[f401After] {
				*r = w.road(d, faultSet{})
			}
		}},
		{name: "resend when absent", rule: "R10", result: func(w *world, d *draft, r *sale.SendResult) {
			if r.Outcome == partner.Unknown && w.absentNow(d) {
				*r = stayed(partner.ConnectFailed)
			}
		}},
		{name: "new OTP when absent", rule: "R10", lookup: func(_ *world, _ *host, l *sale.Lookup) {
			l.PartnerTime = l.PartnerTime.Add(24 * time.Hour)
		}},
		{name: "refund when absent", rule: "R10", result: func(w *world, d *draft, r *sale.SendResult) {
			if r.Outcome == partner.Unknown && w.absentNow(d) {
				*r = refusedForGood()
			}
		}},
	}
}

func brokenActs() []bug {
	return []bug{
		{name: "the refund is not held for a claim", rule: "R11", edit: func(_ *world, s *sale.Sale) {
			if s.State == sale.Refunding {
				s.State = sale.RefundDue
			}
		}},
		{name: "no last look before cash leaves", rule: "R11", lookup: func(w *world, _ *host, l *sale.Lookup) {
			for _, r := range w.store.records {
				if r.state.State == sale.RefundDue {
					l.Rows = nil
				}
			}
		}},
		{name: "a review goes back to work", rule: "I7", edit: func(_ *world, s *sale.Sale) {
			if s.State == sale.Review {
				s.State = sale.Resolving
			}
		}},
		{name: "a closed browser aborts the send", rule: "R14", flags: bugClientAborts},
		{name: "an unanswered send counts as not sent", rule: "R1", edit: func(_ *world, s *sale.Sale) {
			if n := len(s.Sends); s.State == sale.Resolving && n > 0 && !s.Sends[n-1].Answered {
				s.Sends[n-1].Answered, s.Sends[n-1].Outcome = true, partner.NotSent
			}
		}},
		{name: "without lookup an unknown is refunded", rule: "R12", edit: func(w *world, s *sale.Sale) {
			if w.rules.NoLookup && s.State == sale.Registering {
				for i := range s.Sends {
					s.Sends[i].Cleared = true
				}
			}
		}, result: func(w *world, _ *draft, r *sale.SendResult) {
			if w.rules.NoLookup && r.Outcome == partner.Unknown {
				*r = refusedForGood()
			}
		}},
	}
}

func brokenFences() []bug {
	return []bug{
		{name: "fence one second short", rule: "R10", rules: func(r *sale.Rules) { r.SettleMargin -= 2 * time.Second }},
		{name: "fence without the lookup lag", rule: "R10", rules: func(r *sale.Rules) { r.LookupLagMax = 0 }},
		{name: "fence without the clock skew", rule: "R10", rules: func(r *sale.Rules) { r.ClockSkewMax = 0 }},
		{name: "fence without the execution delay", rule: "R10", flags: bugNoDelay},
		{name: "fence by an assumed OTP lifetime", rule: "R10", flags: bugAssumedTTL},
		{name: "a fence where none is known", rule: "R10", flags: bugFenceForAll},
		{name: "fence by the local clock", rule: "R10", lookup: func(_ *world, h *host, l *sale.Lookup) { l.PartnerTime = h.wall() }},
		{name: "lookups timed a minute late", rule: "R10", lookup: func(_ *world, _ *host, l *sale.Lookup) { l.PartnerTime = l.PartnerTime.Add(time.Minute) }},
		{name: "the fence is met by the clock, not by a lookup", rule: "R10", lookup: func(w *world, _ *host, l *sale.Lookup) {
			for _, r := range w.store.records {
				for _, s := range r.state.Sends {
					if at := s.LastBy.Add(w.rules.ClockSkewMax + w.rules.LookupLagMax + w.rules.SettleMargin); !s.LastBy.IsZero() && at.After(l.PartnerTime) && s.Answered {
						l.PartnerTime = at
					}
				}
			}
		}},
	}
}

func brokenStores() []bug {
	return []bug{
		{name: "acknowledged before it is on disk", rule: "R1", flags: bugNotDurable},
		{name: "a failed write acknowledged", rule: "R1", flags: bugAckLost},
		{name: "no compare-and-swap", rule: "R2", flags: bugCAS},
		{name: "a lost compare-and-swap acknowledged", rule: "R2", flags: bugCASLie},
		{name: "an event lost from the history", rule: "I8", flags: bugEventLost},
		{name: "an order opened twice", rule: "R3", flags: bugOrderTwice},
		{name: "no busy claims", rule: "R4", flags: bugNoClaims},
		{name: "the claim ends with the send", rule: "R4", flags: bugClaimShort},
		{name: "a review takes no claim", rule: "R4", flags: bugNoAddClaim},
		{name: "one id for every order", rule: "I13", flags: bugIDByAttempt},
		{name: "one id for every attempt", rule: "I13", flags: bugIDOnce},
		{name: "cash counted twice", rule: "I17", edit: func(_ *world, s *sale.Sale) {
			if s.State == sale.Paid {
				s.CashIn = 2 * s.Order.Price
			}
		}},
		{name: "cash forgotten", rule: "I17", edit: func(_ *world, s *sale.Sale) {
			if s.State == sale.RefundDue {
				s.CashIn = 0
			}
		}},
	}
}

// refusedForGood is what a bug takes for a refusal that cannot be our own success.
func refusedForGood() sale.SendResult {
	return sale.SendResult{
		Outcome: partner.Rejected, Code: partner.AmountMismatch, Refusal: true, NotOurs: true,
		Err: &partner.Error{Operation: partner.OpRegister, Outcome: partner.Rejected, Code: partner.AmountMismatch},
	}
}

// absentNow looks the ids up at once, as a hasty program would.
func (w *world) absentNow(d *draft) bool {
	row, _, err := d.e.ask(&callContext{}, contractFields(d))
	return err == nil && (row == nil || row.State == partner.StateInit || row.State == partner.StateExpired)
}
