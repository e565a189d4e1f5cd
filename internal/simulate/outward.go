package main

import (
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// outward plans what happens to a registration and to its copies. It returns how long
// after the ride out the reply that the client sees is made.
func (w *world) outward(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	if w.stopped(m, faults, p) {
		return 0
	}
	w.lateOut = w.lateOut || faults.has(fLateArrival) || faults.has(fParked) || faults.has(fQueueFull)
	first := func() { w.later(trip, func() { *p = w.arrive(sent, m, false) }) }
	switch {
	case w.hit(faults, fLateArrival):
		w.later(w.lateness(), func() { w.arrive(sent, m, false) })
	case w.hit(faults, fBeyondFence):
		w.park(sent, m, trip, w.maxDelay+w.between(drawLate, 3*time.Minute, 2*time.Hour))
	case faults.has(fQueueFull) && w.era.kind != "E":
		w.strike(fQueueFull)
		w.park(sent, m, trip, w.longest())
	case w.hit(faults, fParked):
		w.park(sent, m, trip, w.lateness())
	case w.hit(faults, fQueueFull):
		w.later(trip, func() {
			w.era.dice.pinned = true
			*p = w.arrive(sent, m, false)
			w.era.dice.pinned = false
		})
	case faults.has(fQueueUsed), faults.has(fOtherGate), faults.has(fChanged), faults.has(fFailedRow):
		return w.twoRoads(m, sent, faults, trip, p)
	default:
		first()
	}
	return w.copies(m, sent, faults, trip, p)
}

// stopped are the faults that keep a request from MobiFone's core.
func (w *world) stopped(m *letter, faults faultSet, p *reply) bool {
	bare := reply{comes: true, op: m.op, date: w.date(), text: "<html>"}
	switch {
	case w.hit(faults, fRequestLost):
		return true
	case w.hit(faults, f5xxBefore):
		bare.status = http.StatusServiceUnavailable
	case w.hit(faults, f401Before):
		bare.status = http.StatusUnauthorized
		if w.percent(drawWire, 50) { // with an envelope it is a refusal
			bare.text, bare.answer = "", &wire.Answer{Code: telco.AuthSignature}
		}
	case w.hit(faults, f429Before):
		bare.status, bare.text, bare.answer, bare.after = http.StatusTooManyRequests, "", &wire.Answer{Code: telco.RateLimited}, w.retryAfter()
	default:
		return false
	}
	*p = bare
	return true
}

func (w *world) retryAfter() string {
	said := [...]string{"", "0", "-1", "3", "40", "10000000000", "soon", w.core().Add(50 * time.Second).UTC().Format(http.TimeFormat)}
	return said[w.below(drawWire, len(said))]
}

// copies are those that a proxy makes.
func (w *world) copies(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	if w.hit(faults, fCopyLate) {
		w.later(max(trip, w.lateness()), func() { w.arrive(sent, m, true) })
	}
	if w.hit(faults, fCopy) {
		w.later(trip, func() { w.arrive(sent, m, true) })
	}
	if !faults.has(fCopySecond) {
		return 0
	}
	w.strike(fCopySecond)
	var wait time.Duration
	if w.percent(drawLate, 50) {
		wait = w.between(drawLate, 0, replyTimeout/2)
	}
	w.later(trip+wait, func() { *p = w.arrive(sent, m, true) })
	return wait
}

// What a copy is told while the first waits inside, by a core that used the OTP up on
// arrival, and by another gate. A wrong OTP is not among the former where one transId may
// register again: that the same ids may go again after it is MobiFone's promise.
var (
	usedUp = [...]telco.Code{
		telco.OTPInvalid, telco.OTPAttemptsExceeded, telco.PackageAlreadyRegistered, telco.NotEligible, telco.CommitmentActive,
		telco.PartnerLimit, telco.RegistrationFailed, telco.TransactionConflict, telco.TransactionExpired,
	}
	otherGate = [...]telco.Code{telco.AuthKey, telco.AuthSignature, telco.AuthIP, telco.CommandNotConfigured}
)

// twoRoads: one copy is let in and waits, another one is refused, and its refusal is what
// the client sees.
func (w *world) twoRoads(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	w.lateOut = true
	w.park(sent, m, trip, w.lateness())
	code, status := usedUp[w.below(drawWire, len(usedUp))], http.StatusOK
	if code == telco.OTPInvalid && (w.era.kind == "D" || w.era.kind == "F") {
		code = telco.OTPExpired
	}
	switch {
	case w.hit(faults, fQueueUsed):
	case w.hit(faults, fOtherGate):
		code, status = otherGate[w.below(drawWire, len(otherGate))], http.StatusUnauthorized
	case w.hit(faults, fFailedRow):
		w.shows = &shown{
			trans: m.fields.TransID, pid: m.fields.PartnerTransID, at: w.core().Add(trip).Truncate(time.Second),
			code: code, wire: [...]string{"", "ZZ99", "listed"}[w.below(drawWire, 3)],
		}
		if w.percent(drawWire, 50) {
			return 0 // and nobody is told
		}
	default:
		return w.changing(m, sent, trip, p)
	}
	w.later(trip+time.Millisecond, func() { *p = w.refuse(m, status, code) })
	return time.Millisecond
}

// changing lets the subscriber be what refuses a copy, for a moment.
func (w *world) changing(m *letter, sent int, trip time.Duration, p *reply) time.Duration {
	w.strike(fChanged)
	o := w.wire[sent].order
	w.later(trip+time.Millisecond, func() {
		was := o.subject.Result
		o.subject.Result = ledger.Ineligible
		w.model().SetSubscriber(o.order.MSISDN, *o.subject)
		*p = w.arrive(sent, m, true)
		o.subject.Result = was
		w.model().SetSubscriber(o.order.MSISDN, *o.subject)
	})
	return time.Millisecond
}

// spoil changes a reply on its way home.
func (w *world) spoil(p *reply, faults faultSet, m *letter) {
	bare := func(status int) { p.status, p.answer, p.text = status, nil, "<html>" }
	switch {
	case w.hit(faults, fGarbled):
		p.text = "}}"
	case w.hit(faults, f5xxAfter):
		bare(http.StatusBadGateway)
		if w.percent(drawWire, 50) { // a well-formed refusal under it is none
			p.text, p.answer = "", &wire.Answer{Code: [...]telco.Code{telco.NotEligible, telco.AmountMismatch, telco.SystemError}[w.below(drawWire, 3)]}
		}
	case w.hit(faults, f429After):
		p.status, p.answer, p.text, p.after = http.StatusTooManyRequests, &wire.Answer{Code: telco.RateLimited}, "", w.retryAfter()
	case w.hit(faults, f401After):
		bare(http.StatusUnauthorized)
	case w.hit(faults, fUnlistedCode):
		p.status, p.text, p.answer = http.StatusOK, "", &wire.Answer{WireCode: "ZZ99"}
	case w.hit(faults, fOtherSale):
		p.status, p.text = http.StatusOK, ""
		p.answer = &wire.Answer{Code: telco.Success, Data: field.Data{
			TransID: "T-OF-ANOTHER", PartnerTransID: "P-OF-ANOTHER", StateSaid: field.StateSaid{State: telco.StateSuccess}, RegisteredAt: p.date,
		}}
	case faults.has(fContradict) && p.answer != nil:
		w.strike(fContradict)
		a := *p.answer
		a.Contradict = true
		p.answer = &a
	case w.hit(faults, fSelfContradict):
		p.status, p.text = http.StatusOK, ""
		p.answer = &wire.Answer{Code: telco.NotEligible, Data: field.Data{
			TransID: m.fields.TransID, PartnerTransID: m.fields.PartnerTransID, StateSaid: field.StateSaid{State: telco.StateSuccess},
		}}
	}
}
