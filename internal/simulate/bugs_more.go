package main

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

func contractFields(d *draft) contract.Fields { return contract.Fields{TransID: d.fields.TransID} }

// misread is a bug that takes one code for something else.
func misread(name string, code partner.Code, as func(partner.Code) sale.SendResult) bug {
	return bug{name: name, rule: "R5", result: func(_ *world, _ *draft, r *sale.SendResult) {
		if r.Code == code && r.Outcome != partner.NotSent {
			*r = as(code)
		}
	}}
}

func final(partner.Code) sale.SendResult { return refusedForGood() }

func done(partner.Code) sale.SendResult { return sale.SendResult{Outcome: partner.Succeeded} }

func misreadReplies() []bug {
	return []bug{
		{name: "every refusal is final", rule: "R5", result: func(_ *world, _ *draft, r *sale.SendResult) {
			if r.Refusal {
				r.NotOurs, r.Outcome = true, partner.Rejected
			}
		}},
		misread("8005 is final", partner.TransactionExpired, final),
		misread("8002 is final", partner.DuplicateTransaction, final),
		misread("8002 is a success", partner.DuplicateTransaction, done),
		misread("6004 is final", partner.AuthNonce, final),
		misread("6004 is not sent", partner.AuthNonce, stayed),
		misread("2064 is a success", partner.PackageAlreadyRegistered, done),
		misread("8001 is a success", partner.Processing, done),
		misread("8001 is final", partner.Processing, final),
		misread("429 is not sent", partner.RateLimited, stayed),
		misread("5xx is not sent", partner.SystemError, stayed),
		misread("5xx is final", partner.SystemError, final),
		misread("a lost reply is not sent", partner.ReplyLost, stayed),
		misread("a lost reply is a success", partner.ReplyLost, done),
		misread("an unreadable reply is final", partner.ReplyUnreadable, final),
		{name: "another sale's success is ours", rule: "R5", flags: bugNoEcho},
		{name: "the flag counts, not the code", rule: "R5", flags: bugFlagOnly},
	}
}

// recoded is a bug that clears the refusals of one code as if it were another.
func recoded(name string, code, as partner.Code) bug {
	return bug{name: name, rule: "R6", edit: func(_ *world, s *sale.Sale) {
		for i := range s.Sends {
			if s.Sends[i].Code == code && s.Sends[i].Refusal {
				s.Sends[i].Code = as
			}
		}
	}}
}

// cleared is a bug that asks no lookup to clear one code.
func cleared(name string, code partner.Code) bug {
	return bug{name: name, rule: "R7", edit: func(_ *world, s *sale.Sale) {
		for i := range s.Sends {
			if s.Sends[i].Code == code {
				s.Sends[i].Cleared = true
			}
		}
	}}
}

func brokenClearing() []bug {
	return []bug{
		recoded("6004 is cleared before the fence", partner.AuthNonce, partner.NotEligible),
		{name: "7002 of a living OTP is cleared before the fence", rule: "R6", edit: func(_ *world, s *sale.Sale) {
			for i := range s.Sends {
				s.Sends[i].OTPBy = s.Sends[i].PreparedAt.Add(-time.Hour)
			}
		}},
		{name: "a refusal is cleared without waiting", rule: "R6", edit: func(_ *world, s *sale.Sale) {
			for i := range s.Sends {
				if at := s.Sends[i].ReplyAt; !at.IsZero() {
					s.Sends[i].ReplyAt = at.Add(-time.Hour)
				}
			}
		}},
		cleared("7002 needs no clearing", partner.OTPExpired),
		cleared("7001 needs no clearing", partner.OTPInvalid),
		cleared("8021 needs no clearing", partner.NotEligible),
		cleared("8005 needs no clearing", partner.TransactionExpired),
		{name: "giving up refunds at once", rule: "R7", edit: func(_ *world, s *sale.Sale) {
			if s.Abandoned && s.State == sale.Resolving {
				for i := range s.Sends {
					s.Sends[i].Answered, s.Sends[i].Outcome = true, partner.NotSent
				}
			}
		}},
		{name: "no look before the first send", rule: "R8", edit: func(_ *world, s *sale.Sale) {
			if s.Ticket != nil {
				s.Looked = s.Ticket.TransID
			}
		}},
	}
}

// rows is a bug that reads the rows of a lookup in its own way.
func rows(name string, read func(w *world, r *sale.Row)) bug {
	return bug{name: name, rule: "R9", lookup: func(w *world, _ *host, l *sale.Lookup) {
		for i := range l.Rows {
			read(w, &l.Rows[i])
		}
	}}
}

func brokenLookups() []bug {
	fail := func(r *sale.Row) {
		r.State, r.Code, r.MayRetrySame, r.UpdatedAt = partner.StateFailed, partner.NotEligible, false, r.UpdatedAt.Add(24*time.Hour)
	}
	return []bug{
		{name: "only the last id is looked up", rule: "R9", flags: bugLookLast},
		{name: "a lookup that fails is an absence", rule: "R9", flags: bugLookErrorAbsent},
		rows("a pending row is an absence", func(_ *world, r *sale.Row) {
			if r.State == partner.StatePending {
				r.State = partner.StateInit
			}
		}),
		rows("a pending row is a success", func(_ *world, r *sale.Row) {
			if r.State == partner.StatePending {
				r.State = partner.StateSuccess
			}
		}),
		rows("an expired row is a failure", func(w *world, r *sale.Row) {
			if r.State == partner.StateExpired {
				r.PartnerTransID = w.pidOf(r.TransID)
				fail(r)
			}
		}),
		rows("an INIT row is a failure", func(w *world, r *sale.Row) {
			if r.State == partner.StateInit {
				r.PartnerTransID = w.pidOf(r.TransID)
				fail(r)
			}
		}),
		{name: "any failure of the subscriber counts", rule: "R9", lookup: func(w *world, _ *host, l *sale.Lookup) {
			for i := range l.Rows {
				if n := len(w.wire); l.Rows[i].State == partner.StateFailed && n > 0 {
					fail(&l.Rows[i])
					l.Rows[i].TransID, l.Rows[i].PartnerTransID = w.wire[n-1].trans, w.wire[n-1].pid
				}
			}
		}},
		rows("a row of another id is ours", func(w *world, r *sale.Row) {
			if pid := w.pidOf(r.TransID); pid != "" {
				r.PartnerTransID = pid
			} else if n := len(w.store.records); n > 0 {
				r.PartnerTransID = w.store.records[0].state.PartnerTransID
			}
		}),
	}
}

// pidOf is our id of a transId that was sent.
func (w *world) pidOf(id partner.TransID) partner.PartnerTransID {
	for _, s := range w.wire {
		if s.trans == id {
			return s.pid
		}
	}
	return ""
}

func brokenEdges() []bug {
	return []bug{
		{name: "no send guard", rule: "R10", flags: bugNoGuard},
		{name: "only the monotonic clock", rule: "I14", flags: bugMonotonicOnly},
		{name: "only the wall clock", rule: "I14", flags: bugWallOnly},
		{name: "another body than was intended", rule: "I2", flags: bugOtherBody},
		{name: "reconciliation reaches no sale", rule: "R13", flags: bugObserveLost},
		{name: "reconciliation reads successes alone", rule: "R13", flags: bugReconcileBlind},
		{name: "reconciliation sees one row at a time", rule: "R13", flags: bugReconcileSingly},
	}
}
