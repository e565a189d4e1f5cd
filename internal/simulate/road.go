package main

// This file carries requests from a host to MobiFone and replies back. It reads a request to its end
// exactly once, as a socket would, and from then on the request travels by itself, whatever becomes of
// the process that sent it.

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// road is a host's wire to MobiFone, below the client's transport. It carries the bytes and
// headers that left, in each copy too, and brings the host's time to the client.
type road struct{ h *host }

// Seam is the time of the host that the road begins at. The client takes it from its wire.
func (r road) Seam() seam.Seam { return r.h.time }

// letter is one request as it left, and the fields that MobiFone reads in it.
type letter struct {
	op     telco.Operation
	method string
	url    *url.URL
	header http.Header
	body   []byte
	fields field.Request
}

// RoundTrip carries a request and waits for the reply.
func (r road) RoundTrip(req *http.Request) (*http.Response, error) {
	op, _ := r.h.w.era.wire.OperationOf(req.Method, req.URL.Path, req, nil)
	switch op {
	case telco.OpRegister:
		return r.register(req)
	case telco.OpOTP:
		return r.otp(req)
	default:
		return r.look(req, op)
	}
}

// errDial and errReset are what a socket gives: nothing was sent, or no reply will come.
var errDial = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// take reads the request to its end, as writing it to a socket does. From then on it has left. An
// error means that the client's guard kept the body back.
func (r road) take(req *http.Request, op telco.Operation) (*letter, error) {
	m := &letter{op: op, method: req.Method, url: req.URL, header: req.Header}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		m.body = body
	}
	var err error
	m.fields, err = r.h.w.era.wire.ReadRequest(op, m.request(), m.body)
	if err != nil {
		panic(err)
	}
	return m, nil
}

// request is the letter as an HTTP request without its body.
func (m *letter) request() *http.Request {
	return &http.Request{Method: m.method, URL: m.url, Host: m.url.Host, Header: m.header}
}

// otp carries an OTP request and waits for the reply.
func (r road) otp(req *http.Request) (*http.Response, error) {
	w, ctx := r.h.w, req.Context()
	w.point(ptBeforeOTP)
	if w.dark() {
		return nil, errDial
	}
	m, err := r.take(req, telco.OpOTP)
	if err != nil {
		return nil, err
	}
	w.checker.otpLeaves(m.fields.Employee)
	faults := w.pass(siteOTP)
	if err := r.rest(ctx, w.ride()); err != nil {
		return nil, err
	}
	if w.hit(faults, fOTPLost) {
		return r.silence(ctx)
	}
	p := &reply{comes: true, op: m.op, status: http.StatusOK, date: w.date()}
	if w.hit(faults, fOTPRefused) {
		p.status, p.answer = http.StatusTooManyRequests, &wire.Answer{Code: telco.RateLimited}
	} else if stamp, code := w.admit(m); code != "" {
		p.status, p.answer = http.StatusUnauthorized, &wire.Answer{Code: code}
	} else {
		a := w.model().RequestOTP(w.core(), m.fields)
		p.answer, p.id = &a, stamp.RequestID
		if faults.has(fExpiryLies) && a.Code == telco.Success {
			w.strike(fExpiryLies)
			a.Data.OTPExpiresAt = w.core().Add([...]time.Duration{-time.Hour, 10 * time.Second, 9 * time.Hour}[w.below(drawWire, 3)])
		}
	}
	if err := r.rest(ctx, w.ride()); err != nil {
		return nil, err
	}
	w.point(ptOTPReply)
	if w.hit(faults, fOTPReplyLost) {
		return r.silence(ctx)
	}
	return w.response(req, p), nil
}

// look carries a lookup and waits for the reply.
func (r road) look(req *http.Request, op telco.Operation) (*http.Response, error) {
	w, ctx := r.h.w, req.Context()
	w.point(ptBeforeLook)
	faults := w.pass(siteLook)
	if w.hit(faults, fHanging) {
		w.hanging = w.now + w.between(drawPerson, time.Minute, time.Hour)
	}
	if w.dark() {
		return nil, errDial
	}
	m, err := r.take(req, op)
	if err != nil {
		return nil, err
	}
	if !w.quiet && w.now < w.hanging && (op == telco.OpGet || w.searches) {
		return r.silence(ctx)
	}
	if err := r.rest(ctx, w.ride()); err != nil {
		return nil, err
	}
	if w.hit(faults, fLookError) {
		w.failing = 1 + w.below(drawWire, 9) // the client asks up to four times
	}
	if w.failing > 0 && !w.quiet {
		w.failing--
		if err := r.rest(ctx, time.Second); err != nil {
			return nil, err
		}
		if w.percent(drawWire, 50) {
			return nil, errReset
		}
		return w.response(req, &reply{status: http.StatusBadGateway, date: w.date(), text: "<html>"}), nil
	}
	// MobiFone reads its ledger here, between the two rides, so the answer is old when it comes.
	p := r.lookUp(m, faults)
	if err := r.rest(ctx, w.ride()); err != nil {
		return nil, err
	}
	w.point(ptLookReply)
	return w.response(req, p), nil
}

// register carries a registration. Once it has left, it travels by itself, whatever becomes of
// the process that sent it; the process waits for the reply.
func (r road) register(req *http.Request) (*http.Response, error) {
	w, ctx := r.h.w, req.Context()
	w.point(ptBeforeSend)
	faults := w.pass(siteSend)
	w.slowStart()
	if w.hit(faults, fNotSent) || w.dark() {
		return nil, errDial
	}
	m, err := r.take(req, telco.OpRegister)
	if err != nil {
		return nil, err
	}
	if w.has(bugReadAhead) {
		w.pause(w.between(drawLate, 0, 25*time.Second))
	}
	if w.hit(faults, fPausedSend) {
		w.pause(w.between(drawLate, time.Minute, time.Hour))
	}
	resp, err := r.send(req, m, faults)
	if w.has(bugBlindResend) && (err != nil || resp.StatusCode >= 400) && ctx.Err() == nil {
		return r.send(req, m, faultSet{})
	}
	return resp, err
}

// send lets a registration leave and waits for the reply to it, which may be lost, late or
// spoilt.
func (r road) send(req *http.Request, m *letter, faults faultSet) (*http.Response, error) {
	w, ctx := r.h.w, req.Context()
	// From here on the request has left. What becomes of it is on the agenda, not in this actor.
	sent := w.checker.registerLeaves(m.fields)
	trip := w.ride()
	p := &reply{}
	wait := w.outward(m, sent, faults, trip, p)
	w.point(ptLeft)
	for _, k := range [...]faultKind{fReplyLost, fReplyLate} {
		if faults.has(k) {
			w.strike(k)
			if k == fReplyLost && w.percent(drawWire, 50) {
				if err := r.rest(ctx, trip+wait+w.ride()); err != nil {
					return nil, err
				}
				return nil, errReset
			}
			return r.silence(ctx)
		}
	}
	if err := r.rest(ctx, trip+wait+w.ride()); err != nil {
		return nil, err
	}
	if !p.comes {
		return r.silence(ctx)
	}
	w.point(ptReply)
	w.spoil(p, faults, m)
	if w.bug != nil && w.bug.reply != nil {
		w.bug.reply(w, m, p, faults)
	}
	return w.response(req, p), nil
}

// slowStart delays a send, in some worlds, to the very end of the time in which it may leave.
func (w *world) slowStart() {
	if !w.extreme || !w.percent(drawLate, 40) {
		return
	}
	if at := w.checker.plannedAt(w.cur) + sendWindow - 30*time.Millisecond; at > w.now {
		w.pause(at - w.now)
	}
}

var errStore = errors.New("the store does not answer")

// lookUp is MobiFone's answer to a lookup, out of a replica that is behind or out of a cache on
// the way.
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
	w.questions = append(w.questions, m.fields.TransID)
	a := w.model().Stale(w.core(), lag, m.op, m.fields)
	w.checker.afterMobiFone()
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
