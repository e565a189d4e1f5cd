package main

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// edge is a host's [sale.Partner]: the client and the road, over the sandbox's model.
type edge struct{ h *host }

// date is what the Date of a reply says: one of the partner's front doors tells its own
// clock, cut to the second.
func (w *world) date() time.Time {
	const half = clockSkewMax / 2
	skew := w.between(drawSkew, -half, half)
	if w.extreme {
		skew = [...]time.Duration{-half, half}[w.below(drawSkew, 2)]
	}
	if w.nemesis { // late before the send, so that it leaves late; early after it
		skew = half
		if !w.lateOut {
			skew = -half
		}
	}
	return w.core().Add(skew).Truncate(time.Second)
}

// ride is one way of a request or a reply.
func (w *world) ride() time.Duration {
	if w.extreme {
		return time.Millisecond
	}
	return w.between(drawWire, 5*time.Millisecond, 150*time.Millisecond)
}

func (w *world) dark() bool { return !w.quiet && w.now < w.outage }

// AskOTP is [sale.Partner].AskOTP.
func (e edge) AskOTP(ctx context.Context, o sale.Order, id partner.PartnerTransID) (sale.Ticket, time.Duration, error) {
	w := e.h.w
	w.point(ptBeforeOTP)
	fail := func(out partner.Outcome, code partner.Code) (sale.Ticket, time.Duration, error) {
		return sale.Ticket{}, 0, &partner.Error{Operation: partner.OpOTP, Outcome: out, Code: code}
	}
	if ctx.Err() != nil || w.dark() {
		return fail(partner.NotSent, partner.ConnectFailed)
	}
	w.checker.otpLeaves(id)
	faults := w.pass(siteOTP)
	written := e.h.read()
	w.pause(w.ride())
	if faults.has(fOTPLost) {
		w.strike(fOTPLost)
		w.pause(20 * time.Second)
		return fail(partner.Unknown, partner.ReplyLost)
	}
	if faults.has(fOTPRefused) {
		w.strike(fOTPRefused)
		return fail(partner.Unknown, partner.RateLimited)
	}
	a := w.model().RequestOTP(w.core(), contract.Fields{
		MSISDN: o.MSISDN, Package: o.Package, Shop: o.Staff.Shop, Employee: o.Staff.Employee, POS: o.Staff.POS, Channel: "POS",
	})
	date := w.date()
	w.pause(w.ride())
	w.point(ptOTPReply)
	if faults.has(fOTPReplyLost) {
		w.strike(fOTPReplyLost)
		w.pause(20 * time.Second)
		return fail(partner.Unknown, partner.ReplyLost)
	}
	e.h.heard(date, written)
	if a.Code != partner.Success {
		out := w.table().otp[a.Code]
		return sale.Ticket{}, 0, &partner.Error{Operation: partner.OpOTP, Outcome: out, Code: a.Code, RetryAfter: a.Data.ResendAfter}
	}
	return sale.Ticket{
		TransID: a.Data.TransID, ExpiresAt: e.h.wall().Add(a.Data.OTPTTL),
		PartnerExpiresAt: a.Data.OTPExpiresAt.Truncate(time.Second).UTC(),
	}, a.Data.ResendAfter, nil
}

// LookUp is [sale.Partner].LookUp: each id on its own, complete or an error.
func (e edge) LookUp(ctx context.Context, o sale.Order, pairs []sale.Pair) (sale.Lookup, error) {
	w := e.h.w
	w.checker.looked()
	var l sale.Lookup
	var questions []contract.Fields
	for _, p := range pairs {
		if p.TransID != "" && !slices.ContainsFunc(questions, func(f contract.Fields) bool { return f.TransID == p.TransID }) {
			questions = append(questions, contract.Fields{TransID: p.TransID})
		}
	}
	for _, p := range pairs {
		if p.PartnerTransID != "" && !slices.ContainsFunc(questions, func(f contract.Fields) bool { return f.PartnerTransID == p.PartnerTransID }) {
			questions = append(questions, contract.Fields{PartnerTransID: p.PartnerTransID})
		}
	}
	if w.has(bugLookLast) && len(questions) > 1 {
		questions = questions[len(questions)-1:]
	}
	for i, q := range questions {
		row, date, err := e.ask(ctx, q)
		if err != nil {
			if w.has(bugLookErrorAbsent) {
				l.PartnerTime = w.date()
				continue
			}
			return sale.Lookup{}, err
		}
		if row != nil {
			seen := sale.RowOf(*row, o)
			if !slices.Contains(l.Rows, seen) {
				l.Rows = append(l.Rows, seen)
			}
		}
		if i == 0 || date.Before(l.PartnerTime) {
			l.PartnerTime = date
		}
	}
	return w.bentLookup(e.h, l), nil
}

// ask is one lookup request; a nil row is a well-formed "not found".
func (e edge) ask(ctx context.Context, q contract.Fields) (*partner.Transaction, time.Time, error) {
	w := e.h.w
	w.point(ptBeforeLook)
	failed := &partner.Error{Operation: partner.OpGet, Code: partner.ReplyLost}
	faults := w.pass(siteLook)
	if ctx.Err() != nil || w.dark() {
		return nil, time.Time{}, failed
	}
	written := e.h.read()
	w.pause(w.ride())
	if faults.has(fLookError) {
		w.strike(fLookError)
		w.pause(time.Second)
		return nil, time.Time{}, failed
	}
	lag := w.between(drawLag, 0, lookupLagMax/8)
	if w.extreme {
		lag = [...]time.Duration{0, lookupLagMax}[w.below(drawLag, 2)]
	}
	if w.nemesis {
		lag = lookupLagMax
	}
	if faults.has(fLookLag) {
		w.strike(fLookLag)
		lag = lookupLagMax
	}
	if faults.has(fLookStale) || w.stale > 0 { // replicas that take turns from then on
		if w.stale == 0 {
			w.strike(fLookStale)
		}
		w.stale++
		lag = time.Duration(w.stale%2) * lookupLagMax
	}
	w.checker.lookedFor(q.TransID)
	a := w.model().Stale(w.core(), lag, partner.OpGet, q)
	w.checker.afterPartner()
	date := w.date()
	w.pause(w.ride())
	w.point(ptLookReply)
	e.h.heard(date, written)
	if len(a.Data.Rows) == 0 {
		return nil, date, nil
	}
	tx := w.read(a.Data.Rows[0])
	if faults.has(fLookUnlisted) {
		w.strike(fLookUnlisted)
		tx.State = partner.StateUnlisted
	}
	if faults.has(fOtherAmount) {
		w.strike(fOtherAmount)
		tx.Amount += 1000
	}
	return &tx, date, nil
}

// read makes a transaction of a row as the wire shows it: times cut to the second.
func (w *world) read(r contract.Row) partner.Transaction {
	code := w.table().byWire[r.ResultCode]
	return partner.Transaction{
		TransID: r.TransID, PartnerTransID: r.PartnerTransID, MSISDN: r.MSISDN, Package: r.Package, Amount: r.Amount,
		State: r.State, ResultCode: code, MayRetrySame: w.table().retrySame[code], Shop: r.Shop,
		CreatedAt: r.CreatedAt.Truncate(time.Second), UpdatedAt: r.UpdatedAt.Truncate(time.Second),
	}
}

func (w *world) table() *codeTable { return w.lab.tables[w.limited] }
