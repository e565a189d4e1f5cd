package main

import (
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// arrive is one request at the partner's door. A copy has the nonce of the first.
func (w *world) arrive(sent int, f contract.Fields, copied bool) contract.Answer {
	if !w.fresh(sent) {
		return contract.Answer{Code: partner.AuthNonce}
	}
	w.ranAt(sent)
	w.era.dice.short = w.era.kind == "E" && w.percent(drawLate, 70)
	a := w.model().Register(w.core(), f)
	w.era.dice.short = false
	if copied {
		a.Code = w.politely(a.Code)
	}
	w.trace.text("register", string(a.Code))
	if w.lab.log {
		w.log("  partner answers send %d: %s (copy: %v)", sent, a.Code, copied)
	}
	w.checker.afterPartner()
	return a
}

// politely is what a copy of an executed request is told. A partner need not say that it
// has seen the request: the package is there already, the OTP was used (R5).
func (w *world) politely(code partner.Code) partner.Code {
	if code != partner.TransactionExpired && code != partner.DuplicateTransaction {
		return code
	}
	switch w.below(drawWire, 10) {
	case 0, 1:
		return partner.PackageAlreadyRegistered
	case 2:
		return partner.NotEligible
	case 3:
		return partner.OTPInvalid
	case 4:
		return partner.OTPExpired
	case 5:
		return partner.OTPAttemptsExceeded
	case 6:
		return partner.TransactionConflict
	default:
		return code
	}
}

// parkAt is a request that is let in at once and carried out late.
func (w *world) parkAt(sent int, f contract.Fields, trip, late time.Duration) {
	at := w.core().Add(max(trip, late))
	w.later(trip, func() {
		if w.fresh(sent) {
			w.ranAt(sent)
			w.log("  partner parks send %d until %v", sent, at.Sub(w.start))
			w.model().Park(w.core(), at, f)
		}
	})
}

// fresh is the partner's check of the nonce, where it has one.
func (w *world) fresh(sent int) bool {
	if !w.script.nonces {
		return true
	}
	if slices.Contains(w.nonces, sent) {
		return false
	}
	w.nonces = append(w.nonces, sent)
	return true
}

// ranAt notes that a send's request was let in, and whether a later one was before it.
func (w *world) ranAt(sent int) {
	w.wire[sent].ran = true
	for _, other := range w.wire[sent+1:] {
		if other.ran && other.order == w.wire[sent].order {
			w.stats.overtaken++
			return
		}
	}
}

// longest is the partner's true bound on the time between leaving and execution; of one
// that checks the OTP at execution, or promises nothing, an hour.
func (w *world) longest() time.Duration {
	switch w.era.kind {
	case "A", "C":
		return w.maxDelay
	case "E":
		return w.maxDelay - time.Hour // the rest is the queue's
	default:
		return time.Hour
	}
}

func (w *world) lateness() time.Duration {
	if w.extreme && w.percent(drawLate, 60) {
		return w.longest()
	}
	return w.between(drawLate, 0, w.longest())
}
