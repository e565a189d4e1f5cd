package main

// This file decides what becomes of a registration between the shop and MobiFone: lost, late, copied,
// parked, or refused at a gate. It also writes the replies, and spoils them on the way home. It acts
// on requests and replies alone.

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// outward decides what happens to a registration and to its copies, and puts it on the agenda.
// The reply that the client is to see goes into p. The result is how long after the ride out it
// is made.
func (o *operator) outward(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	if o.stopped(m, faults, p) {
		return 0
	}
	o.lateOut = o.lateOut || faults.has(fLateArrival) || faults.has(fParked) || faults.has(fQueueFull)
	first := func() { o.later(trip, func() { *p = o.arrive(sent, m, false) }) }
	switch {
	case o.hit(faults, fLateArrival):
		o.later(o.lateness(), func() { o.arrive(sent, m, false) })
	case o.hit(faults, fBeyondFence):
		o.park(sent, m, trip, o.maxDelay+o.between(drawLate, 3*time.Minute, 2*time.Hour))
	case faults.has(fQueueFull) && o.era.kind != "E":
		o.strike(fQueueFull)
		o.park(sent, m, trip, o.longest())
	case o.hit(faults, fParked):
		o.park(sent, m, trip, o.lateness())
	case o.hit(faults, fQueueFull):
		o.later(trip, func() {
			o.era.dice.pinned = true
			*p = o.arrive(sent, m, false)
			o.era.dice.pinned = false
		})
	case faults.has(fQueueUsed), faults.has(fOtherGate), faults.has(fChanged), faults.has(fFailedRow):
		return o.twoRoads(m, sent, faults, trip, p)
	default:
		first()
	}
	return o.copies(m, sent, faults, trip, p)
}

// stopped plays the faults that keep a request from MobiFone's core, and reports whether one did.
func (o *operator) stopped(m *letter, faults faultSet, p *reply) bool {
	bare := reply{comes: true, op: m.op, date: o.date(), text: "<html>"}
	switch {
	case o.hit(faults, fRequestLost):
		return true
	case o.hit(faults, f5xxBefore):
		bare.status = http.StatusServiceUnavailable
	case o.hit(faults, f401Before):
		bare.status = http.StatusUnauthorized
		if o.percent(drawWire, 50) { // with an envelope it is a refusal
			bare.text, bare.answer = "", &wire.Answer{Code: telco.AuthSignature}
		}
	case o.hit(faults, f429Before):
		bare.status, bare.text, bare.answer, bare.after = http.StatusTooManyRequests, "", &wire.Answer{Code: telco.RateLimited}, o.retryAfter()
	default:
		return false
	}
	*p = bare
	return true
}

// retryAfter is a Retry-After as real ones are: none, none that can be read, a number or a date.
func (o *operator) retryAfter() string {
	said := [...]string{"", "0", "-1", "3", "40", "10000000000", "soon", o.core().Add(50 * time.Second).UTC().Format(http.TimeFormat)}
	return said[o.below(drawWire, len(said))]
}

// copies plays the faults of a proxy that delivers a request twice.
func (o *operator) copies(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	if o.hit(faults, fCopyLate) {
		o.later(max(trip, o.lateness()), func() { o.arrive(sent, m, true) })
	}
	if o.hit(faults, fCopy) {
		o.later(trip, func() { o.arrive(sent, m, true) })
	}
	if !faults.has(fCopySecond) {
		return 0
	}
	o.strike(fCopySecond)
	var wait time.Duration
	if o.percent(drawLate, 50) {
		wait = o.between(drawLate, 0, replyTimeout/2)
	}
	o.later(trip+wait, func() { *p = o.arrive(sent, m, true) })
	return wait
}

var (
	// usedUp is what a copy may be told while the first waits inside, by a core that used the OTP
	// up on arrival. A wrong OTP is not told where one transId may register again: there MobiFone
	// promises that the same ids may go again after it.
	usedUp = [...]telco.Code{
		telco.OTPInvalid, field.OTPAttemptsExceeded, field.PackageAlreadyRegistered, telco.NotEligible, field.CommitmentActive,
		telco.PartnerLimit, field.RegistrationFailed, field.TransactionConflict, field.TransactionExpired,
	}
	// otherGate is what another gate than the first's may tell a copy.
	otherGate = [...]telco.Code{telco.AuthKey, telco.AuthSignature, telco.AuthIP, telco.CommandNotConfigured}
)

// twoRoads lets one copy in, to wait, and refuses another one, whose refusal the client sees.
func (o *operator) twoRoads(m *letter, sent int, faults faultSet, trip time.Duration, p *reply) time.Duration {
	o.lateOut = true
	o.park(sent, m, trip, o.lateness())
	code, status := usedUp[o.below(drawWire, len(usedUp))], http.StatusOK
	if code == telco.OTPInvalid && (o.era.kind == "D" || o.era.kind == "F") {
		code = telco.OTPExpired
	}
	switch {
	case o.hit(faults, fQueueUsed):
	case o.hit(faults, fOtherGate):
		code, status = otherGate[o.below(drawWire, len(otherGate))], http.StatusUnauthorized
	case o.hit(faults, fFailedRow):
		o.shows = &shown{
			trans: m.fields.TransID, pid: m.fields.PartnerTransID, at: o.core().Add(trip).Truncate(time.Second),
			code: code, wire: [...]string{"", "ZZ99", "listed"}[o.below(drawWire, 3)],
		}
		if o.percent(drawWire, 50) {
			return 0 // and nobody is told
		}
	default:
		return o.changing(m, sent, trip, p)
	}
	o.later(trip+time.Millisecond, func() { *p = o.refuse(m, status, code) })
	return time.Millisecond
}

// changing makes the subscriber ineligible for the moment in which a copy arrives.
func (o *operator) changing(m *letter, sent int, trip time.Duration, p *reply) time.Duration {
	o.strike(fChanged)
	sold := o.wire[sent].order
	o.later(trip+time.Millisecond, func() {
		was := sold.subject.Result
		sold.subject.Result = ledger.Ineligible
		o.model().SetSubscriber(sold.order.MSISDN, *sold.subject)
		*p = o.arrive(sent, m, true)
		sold.subject.Result = was
		o.model().SetSubscriber(sold.order.MSISDN, *sold.subject)
	})
	return time.Millisecond
}

// spoil changes a reply on its way home. What was done at MobiFone stays done.
func (o *operator) spoil(p *reply, faults faultSet, m *letter) {
	bare := func(status int) { p.status, p.answer, p.text = status, nil, "<html>" }
	switch {
	case o.hit(faults, fGarbled):
		p.text = "}}"
	case o.hit(faults, f5xxAfter):
		bare(http.StatusBadGateway)
		if o.percent(drawWire, 50) { // what looks like a refusal under a 502 refuses nothing
			p.text, p.answer = "", &wire.Answer{Code: [...]telco.Code{telco.NotEligible, field.AmountMismatch, telco.SystemError}[o.below(drawWire, 3)]}
		}
	case o.hit(faults, f429After):
		p.status, p.answer, p.text, p.after = http.StatusTooManyRequests, &wire.Answer{Code: telco.RateLimited}, "", o.retryAfter()
	case o.hit(faults, f401After):
		bare(http.StatusUnauthorized)
	case o.hit(faults, fUnlistedCode):
		p.status, p.text, p.answer = http.StatusOK, "", &wire.Answer{WireCode: "ZZ99"}
	case o.hit(faults, fOtherSale):
		p.status, p.text = http.StatusOK, ""
		p.answer = &wire.Answer{Code: telco.Success, Data: field.Data{
			TransID: "T-OF-ANOTHER", PartnerTransID: "P-OF-ANOTHER", StateSaid: field.StateSaid{State: telco.StateSuccess}, RegisteredAt: p.date,
		}}
	case faults.has(fContradict) && p.answer != nil:
		o.strike(fContradict)
		a := *p.answer
		a.Contradict = true
		p.answer = &a
	case o.hit(faults, fSelfContradict):
		p.status, p.text = http.StatusOK, ""
		p.answer = &wire.Answer{Code: telco.NotEligible, Data: field.Data{
			TransID: m.fields.TransID, PartnerTransID: m.fields.PartnerTransID, StateSaid: field.StateSaid{State: telco.StateSuccess},
		}}
	}
}

// reply is what comes back to the client. Without an answer it is bare: a status and a text.
type reply struct {
	// comes says that there is a reply at all.
	comes  bool
	status int
	answer *wire.Answer
	op     telco.Operation
	// id is that of the request that it answers.
	id   string
	date time.Time
	age  string
	// after is its Retry-After, and age its Age.
	after string
	// text is the body of a bare reply, or garbage behind another.
	text string
}

// response writes a reply as MobiFone does, signed.
func (o *operator) response(req *http.Request, p *reply) *http.Response {
	body, h := []byte(p.text), http.Header{"Content-Type": {"text/html"}}
	if p.answer != nil {
		a := *p.answer
		a.Time, a.RequestID = p.date, p.id
		if a.Message == "" {
			a.Message = "message"
		}
		var err error
		if h, body, err = o.era.wire.WriteAnswer(p.op, &a, o.era.credentials); err != nil {
			panic(err)
		}
		body = append(body, p.text...) // garbage behind it
	}
	h["Date"] = []string{p.date.UTC().Format(http.TimeFormat)}
	if p.age != "" {
		h["Age"] = []string{p.age}
	}
	if p.after != "" {
		h["Retry-After"] = []string{p.after}
	}
	return &http.Response{
		StatusCode: p.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// ride is how long a request or a reply takes one way.
func (o *operator) ride() time.Duration {
	if o.extreme {
		return time.Millisecond
	}
	return o.between(drawWire, 5*time.Millisecond, 150*time.Millisecond)
}

// dark reports whether nothing gets through.
func (o *operator) dark() bool { return !o.quiet && o.now < o.outage }

// question is what a cache keys its answers by.
func (m *letter) question() string { return m.url.RawQuery + string(m.body) }

// cached answers out of a cache that keeps what it saw first, whatever a request says about
// caching; nil when it has nothing.
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
	_, _, err := r.h.client.MobiFoneNow()
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
func (o *operator) keep(m *letter, p *reply) {
	if !o.scripted(fCached) {
		return
	}
	if o.cache == nil {
		o.cache = map[string]*reply{}
	}
	if _, ok := o.cache[m.question()]; !ok || o.now >= o.caching {
		o.cache[m.question()] = p
	}
}

// rest is the road's own waiting for a reply, which the request's deadline ends.
func (r road) rest(ctx context.Context, d time.Duration) error {
	if b := r.h.w.bubble; b != nil {
		return b.rest(ctx, d)
	}
	return r.h.sleep(ctx, r.h.time.Read, d)
}

// silence waits for a reply that never comes.
func (r road) silence(ctx context.Context) (*http.Response, error) {
	if err := r.rest(ctx, 24*time.Hour); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// longest is MobiFone's true bound on the time between leaving and execution. For a model that
// checks the OTP at execution it is the OTP's time, and for one that promises nothing an hour.
func (o *operator) longest() time.Duration {
	switch o.era.kind {
	case "A", "C":
		return o.maxDelay
	case "E":
		return o.maxDelay - time.Hour // the rest is the queue's
	case "B", "D":
		return otpTTL // nothing is carried out after that
	default:
		return time.Hour
	}
}

// lateness draws how late a request is carried out.
func (o *operator) lateness() time.Duration {
	if o.extreme && o.percent(drawLate, 60) {
		return o.longest()
	}
	return o.between(drawLate, 0, o.longest())
}

// ranAt notes that a send's request reached the execution, and counts when a later one was before
// it.
func (o *operator) ranAt(sent int) {
	o.wire[sent].ran = true
	for _, other := range o.wire[sent+1:] {
		if other.ran && other.order == o.wire[sent].order {
			o.stats["overtaken"]++
			return
		}
	}
}

// park lets a request in at once, to be carried out late.
func (o *operator) park(sent int, m *letter, trip, late time.Duration) {
	at := o.core().Add(max(trip, late))
	o.later(trip, func() {
		if _, code := o.admit(m); code != "" {
			return
		}
		o.ranAt(sent)
		o.log("  MobiFone parks send %d until %v", sent, at.Sub(o.start))
		o.model().Park(o.core(), at, m.fields)
	})
}
