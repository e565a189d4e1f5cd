package main

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// answered is a reply on its way back to the client.
type answered struct {
	answer contract.Answer
	date   time.Time
	bare   bool         // without an envelope, or with one that cannot be believed
	code   partner.Code // of a bare one: what the client calls it
	silent bool         // none comes
}

// road lets one register request leave. From here on the request travels by itself,
// whatever becomes of the process that sent it; the process waits for the reply.
func (w *world) road(d *draft, faults faultSet) sale.SendResult {
	written := d.e.h.read()
	sent := w.checker.registerLeaves(d)
	trip := w.ride()
	reply := &answered{silent: true}
	wait := w.outward(d, sent, faults, trip, reply)
	w.point(ptLeft)
	if silence := w.homeward(faults); silence != nil {
		w.pause(replyTimeout)
		return *silence
	}
	w.pause(trip + wait + w.ride())
	if reply.silent {
		w.pause(replyTimeout)
		return unreadable(partner.ReplyLost)
	}
	w.point(ptReply)
	if reply.bare {
		return unreadable(reply.code)
	}
	d.e.h.heard(reply.date, written)
	switch {
	case faults.has(fOtherSale) && w.has(bugNoEcho):
		return w.table().result(contract.Answer{Code: partner.Success}, d.fields)
	case faults.has(fContradict) && w.has(bugFlagOnly):
		return w.table().result(contract.Answer{Code: partner.AmountMismatch}, d.fields)
	case faults.has(fOtherSale), faults.has(fContradict):
		return unreadable(partner.ReplyUnreadable)
	}
	res := w.table().result(reply.answer, d.fields)
	res.PartnerTime = reply.date
	return res
}

// outward plans what happens to the request and to its copies. It returns how long after
// the ride out the reply that the client sees is made.
func (w *world) outward(d *draft, sent int, faults faultSet, trip time.Duration, reply *answered) time.Duration {
	f := d.fields
	say := func(a contract.Answer) { *reply = answered{answer: a, date: w.date()} }
	bare := func(code partner.Code) { *reply = answered{bare: true, code: code} }
	switch {
	case faults.has(fRequestLost):
		w.strike(fRequestLost)
		return 0
	case faults.has(f5xxBefore):
		w.strike(f5xxBefore)
		bare(partner.SystemError)
		return 0
	case faults.has(f401Before):
		w.strike(f401Before)
		bare(partner.SystemError)
		if w.percent(drawWire, 50) { // with an envelope it is a refusal
			say(contract.Answer{Code: partner.AuthSignature})
		}
		return 0
	case faults.has(f429Before):
		w.strike(f429Before)
		say(contract.Answer{Code: partner.RateLimited})
		return 0
	}
	w.lateOut = w.lateOut || faults.has(fLateArrival) || faults.has(fParked) || faults.has(fQueueFull)
	first := func() { w.later(trip, func() { say(w.arrive(sent, f, false)) }) }
	switch {
	case faults.has(fLateArrival):
		w.strike(fLateArrival)
		w.later(w.lateness(), func() { w.arrive(sent, f, false) })
	case faults.has(fBeyondFence):
		w.strike(fBeyondFence)
		w.parkAt(sent, f, trip, w.maxDelay+w.between(drawLate, 3*time.Minute, 2*time.Hour))
	case faults.has(fQueueFull) && w.era.kind != "E":
		w.strike(fQueueFull)
		w.parkAt(sent, f, trip, w.longest())
	case faults.has(fParked):
		w.strike(fParked)
		w.parkAt(sent, f, trip, w.lateness())
	case faults.has(fQueueFull):
		w.strike(fQueueFull)
		w.later(trip, func() {
			w.era.dice.pinned = true
			say(w.arrive(sent, f, false))
			w.era.dice.pinned = false
		})
	default:
		first()
	}
	return w.copies(sent, f, faults, trip, say)
}

// copies are those that a proxy makes.
func (w *world) copies(sent int, f contract.Fields, faults faultSet, trip time.Duration, say func(contract.Answer)) time.Duration {
	if faults.has(fCopyLate) {
		w.strike(fCopyLate)
		w.later(max(trip, w.lateness()), func() { w.arrive(sent, f, true) })
	}
	if faults.has(fCopy) {
		w.strike(fCopy)
		w.later(trip, func() { w.arrive(sent, f, true) })
	}
	if !faults.has(fCopySecond) {
		return 0
	}
	w.strike(fCopySecond)
	var wait time.Duration
	if w.percent(drawLate, 50) {
		wait = w.between(drawLate, 0, replyTimeout/2)
	}
	w.later(trip+wait, func() { say(w.arrive(sent, f, true)) })
	return wait
}

// homeward spoils the reply; it returns what the client makes of one that never comes.
func (w *world) homeward(faults faultSet) *sale.SendResult {
	for _, k := range [...]faultKind{fReplyLost, fReplyLate} {
		if faults.has(k) {
			w.strike(k)
			res := unreadable(partner.ReplyLost)
			return &res
		}
	}
	for _, s := range [...]struct {
		k    faultKind
		code partner.Code
	}{
		{fGarbled, partner.ReplyUnreadable},
		{f5xxAfter, partner.SystemError},
		{f429After, partner.RateLimited},
		{f401After, partner.SystemError},
		{fUnlistedCode, partner.SystemError},
		{fOtherSale, ""},
		{fContradict, ""},
	} {
		if faults.has(s.k) {
			w.strike(s.k)
			if s.code != "" {
				res := unreadable(s.code)
				return &res
			}
		}
	}
	return nil
}
