package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// timeWindow is how far a request's timestamp may be off.
const timeWindow = 300 * time.Second

// date is what the Date of a reply says: one of MobiFone's front doors tells its own
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

// admit checks who asks: signature, timestamp, and where there is one, the nonce.
func (w *world) admit(m *letter) (contract.Stamp, telco.Code) {
	stamp, err := w.era.wire.Verify(m.op, m.request(), m.body, w.era.credentials, telco.Secret{})
	switch {
	case err != nil:
		return stamp, telco.AuthSignature
	case w.core().Sub(stamp.Time).Abs() > timeWindow:
		return stamp, telco.AuthTimestamp
	case w.script.nonces && slices.Contains(w.nonces, stamp.Nonce):
		return stamp, telco.AuthNonce
	}
	if w.script.nonces && m.op == telco.OpRegister { // nothing else is delivered twice
		w.nonces = append(w.nonces, stamp.Nonce)
	}
	return stamp, ""
}

// arrive is one registration at MobiFone's door. A copy has the bytes of the first.
func (w *world) arrive(sent int, m *letter, copied bool) reply {
	stamp, code := w.admit(m)
	p := reply{comes: true, op: m.op, id: stamp.RequestID, status: http.StatusOK}
	if code != "" {
		p.status, p.answer = http.StatusUnauthorized, &wire.Answer{Code: code}
	} else {
		w.ranAt(sent)
		w.era.dice.short = w.era.kind == "E" && w.percent(drawLate, 70)
		a := w.model().Register(w.core(), m.fields)
		w.era.dice.short = false
		if copied {
			a.Code = w.politely(a.Code)
		}
		p.answer = &a
	}
	p.date = w.date()
	w.trace.text("register", string(p.answer.Code))
	if w.lab.log {
		w.log("  MobiFone answers send %d: %s (copy: %v)", sent, p.answer.Code, copied)
	}
	w.checker.afterPartner()
	return p
}

// politely is what a copy of an executed request is told. MobiFone need not say that it
// has seen the request: the package is there already, the OTP was used.
func (w *world) politely(code telco.Code) telco.Code {
	if code != telco.TransactionExpired && code != telco.DuplicateTransaction {
		return code
	}
	said := [...]telco.Code{
		telco.PackageAlreadyRegistered, telco.PackageAlreadyRegistered, telco.NotEligible, telco.OTPInvalid,
		telco.OTPExpired, telco.OTPAttemptsExceeded, telco.TransactionConflict, code, code, code,
	}
	return said[w.below(drawWire, len(said))]
}

// refuse is the answer of a gate that lets a copy not in.
func (w *world) refuse(m *letter, status int, code telco.Code) reply {
	w.log("  MobiFone refuses a copy: %s", code)
	a := wire.Answer{Code: code}
	if status == http.StatusOK {
		a.Data.TransID, a.Data.PartnerTransID = m.fields.TransID, m.fields.PartnerTransID
	}
	if w.shows != nil {
		w.shows.code = code
	}
	return reply{comes: true, op: m.op, status: status, answer: &a, date: w.date()}
}

// park lets a request in at once, to be carried out late.
func (w *world) park(sent int, m *letter, trip, late time.Duration) {
	at := w.core().Add(max(trip, late))
	w.later(trip, func() {
		if _, code := w.admit(m); code != "" {
			return
		}
		w.ranAt(sent)
		w.log("  MobiFone parks send %d until %v", sent, at.Sub(w.start))
		w.model().Park(w.core(), at, m.fields)
	})
}

// ranAt notes that a send's request was let in, and whether a later one was before it.
func (w *world) ranAt(sent int) {
	w.wire[sent].ran = true
	for _, other := range w.wire[sent+1:] {
		if other.ran && other.order == w.wire[sent].order {
			w.stats["overtaken"]++
			return
		}
	}
}

// longest is MobiFone's true bound on the time between leaving and execution; of a model
// that checks the OTP at execution, or promises nothing, an hour.
func (w *world) longest() time.Duration {
	switch w.era.kind {
	case "A", "C":
		return w.maxDelay
	case "E":
		return w.maxDelay - time.Hour // the rest is the queue's
	case "B", "D":
		return otpTTL // nothing is carried out after that
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

// shown is a FAILED row of a copy that was refused while the first still waits.
type shown struct {
	trans telco.TransID
	pid   telco.PartnerTransID
	code  telco.Code
	wire  string
	at    time.Time
}

// lookUp is MobiFone's answer to a lookup, out of a replica that lags behind, or out of a
// cache on the way.
func (r road) lookUp(m *letter, faults faultSet) *reply {
	w := r.h.w
	p := &reply{comes: true, op: m.op, status: http.StatusOK}
	stamp, code := w.admit(m)
	if code != "" {
		p.status, p.answer, p.date = http.StatusUnauthorized, &wire.Answer{Code: code}, w.date()
		return p
	}
	if old := r.cached(m, faults); old != nil {
		return old
	}
	lag := w.between(drawLag, 0, lookupLagMax/8)
	if w.extreme {
		lag = [...]time.Duration{0, lookupLagMax}[w.below(drawLag, 2)]
	}
	if w.nemesis {
		lag = lookupLagMax
	}
	if w.hit(faults, fLookLag) {
		lag = lookupLagMax
	}
	if faults.has(fLookStale) || w.stale > 0 { // replicas that take turns from then on
		if w.stale == 0 {
			w.strike(fLookStale)
		}
		w.stale++
		lag = time.Duration(w.stale%2) * lookupLagMax
	}
	w.checker.questions = append(w.checker.questions, m.fields.TransID)
	a := w.model().Stale(w.core(), lag, m.op, m.fields)
	w.checker.afterPartner()
	p.answer, p.id, p.date = &a, stamp.RequestID, w.date()
	for i := range a.Data.Rows {
		w.disguise(&a.Data.Rows[i], faults)
	}
	if faults.has(fNotFoundRow) && len(a.Data.Rows) > 0 && m.op == telco.OpGet {
		w.strike(fNotFoundRow)
		a.Code = telco.TransactionNotFound
	}
	if faults.has(fWrongDate) { // one host of MobiFone's, and once
		w.strike(fWrongDate)
		p.date = p.date.Add([...]time.Duration{-90 * time.Second, 90 * time.Second, -time.Hour, time.Hour}[w.below(drawWire, 4)])
	}
	if w.bug != nil && w.bug.rows != nil {
		w.bug.rows(w, &a)
	}
	w.keep(m, p)
	return p
}

// disguise makes a row what a lookup should not show.
func (w *world) disguise(r *field.Row, faults faultSet) {
	if s := w.shows; s != nil && r.TransID == s.trans && r.State == telco.StateInit && !s.at.After(w.core()) && s.code != "" {
		r.State, r.PartnerTransID, r.UpdatedAt = telco.StateFailed, s.pid, s.at
		r.ResultCode = s.wire
		if rule, ok := w.era.truth.RuleNamed(s.code); ok && s.wire == "listed" {
			r.ResultCode = rule.Wire[0]
		}
	}
	if w.hit(faults, fLookUnlisted) {
		r.State = telco.StateUnlisted
	}
	if w.hit(faults, fOtherAmount) {
		r.Amount += 1000
	}
}

// question is what a cache keys its answers by.
func (m *letter) question() string { return m.url.RawQuery + string(m.body) }

// cached answers out of a cache that keeps what it saw first, whatever is asked of it.
func (r road) cached(m *letter, faults faultSet) *reply {
	w := r.h.w
	if w.hit(faults, fCached) {
		w.caching = w.now + w.between(drawPerson, time.Second, time.Hour)
	}
	if w.quiet || w.now >= w.caching {
		return nil
	}
	old, ok := w.cache[m.question()]
	if !ok {
		return nil
	}
	p := *old
	_, _, err := r.h.client.PartnerNow()
	switch known := err == nil; { // what says nothing of its age shows by its Date, once that is old enough, to who knows the time
	case known && w.core().Sub(p.date) > 2*clockSkewMax && w.percent(drawWire, 30):
	case w.percent(drawWire, 50):
		p.date = w.date() // its own
		fallthrough
	default:
		p.age = "17"
	}
	return &p
}

// keep lets the cache see a reply.
func (w *world) keep(m *letter, p *reply) {
	if !w.scripted(fCached) {
		return
	}
	if w.cache == nil {
		w.cache = map[string]*reply{}
	}
	if _, ok := w.cache[m.question()]; !ok || w.now >= w.caching {
		w.cache[m.question()] = p
	}
}
