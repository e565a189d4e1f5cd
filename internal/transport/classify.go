package transport

// This file says what one try proves. It compares what came back with what was asked and with
// what the contract promises, and it never guesses: what is not proven is Unknown. It sends
// nothing and repeats nothing.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// verdict is what one try came to. A well-formed reply is in the call.
type verdict struct {
	// err is nil for a success.
	err    *telco.Error
	status int
	// retryAfter is what MobiFone asked for; 0 is nothing.
	retryAfter time.Duration
	// paused is how long the lane was made to wait for it; 0 is not.
	paused time.Duration
	// again says that another try could end otherwise; refresh, that it needs fresh credentials.
	again   bool
	refresh bool
}

// classify turns what one try brought into a verdict. It never guesses: what is not proven is
// Unknown.
func (c *core) classify(t *try, resp *http.Response, err error) verdict {
	var v verdict
	if err != nil {
		v = t.failure(err)
	} else {
		v = c.classifyReply(t, resp)
	}
	if v.err != nil {
		c.settle(t, &v)
	}
	return v
}

// settle gives a failed try its outcome, its evidence and its text. It is the only place that
// does, so that no path forgets the guard.
func (c *core) settle(t *try, v *verdict) {
	cl, e := t.call, v.err
	e.Operation = cl.op
	if cl.guarded() {
		t.settleGuarded(v)
	}
	e.Evidence = cl.evidence(v.status) // after the shot is shut, or a body that leaves now is missed
	if e.Outcome == telco.NotSent && e.Evidence.Sends > 0 {
		e.Outcome = telco.Unknown // this try stayed here, an earlier one did not
	}
	if cl.op.Lookup() {
		e.Outcome = telco.Unknown
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = v.retryAfter
	}
	if e.Text.IsZero() {
		e.Text = c.text(e)
	}
}

// settleGuarded asks the guard: a try whose body never left is NotSent, whatever else happened; a
// try whose body left is never NotSent.
func (t *try) settleGuarded(v *verdict) {
	left, refused := t.shot.shut()
	switch e := v.err; {
	case left:
		if e.Outcome != telco.NotSent {
			return
		}
		e.Outcome = telco.Unknown
		if e.Code.Local() {
			e.Code = telco.ReplyLost
		}
	case t.bypassed(v.status != 0):
		e.Outcome, e.Code = telco.Unknown, telco.ReplyUnreadable
		if e.Err == nil {
			e.Err = errors.New("a middleware answered or took the body without passing it on")
		}
	default:
		e.Outcome = telco.NotSent
		if e.Code == telco.AlreadySent || e.Code == telco.ReplyLost {
			e.Code = telco.ConnectFailed
		}
		if e.Code == telco.ConnectFailed && errors.Is(e.Err, context.Canceled) {
			e.Code = telco.Canceled
		}
		if own, ok := errors.AsType[*telco.Error](refused); ok {
			e.Code, e.Err, v.again = own.Code, own.Err, false
		}
	}
}

// failure names what kept a try from being answered. A refusal of our own steps goes before
// whatever a middleware made of it.
func (t *try) failure(err error) verdict {
	cl := t.call
	cl.mu.Lock()
	refusal, onWire := t.refusal, t.onWire
	cl.mu.Unlock()
	if own, ok := errors.AsType[*telco.Error](refusal); ok {
		e := *own
		e.Err = cl.redact(e.Err)
		return verdict{err: &e}
	}
	if timedOut(err) {
		cl.endedBy(t.wireDeadline(onWire, err))
	}
	code, outcome := telco.ReplyLost, telco.Unknown
	switch {
	case refusal != nil:
		code = telco.AlreadySent
	case !onWire && errors.Is(err, context.Canceled):
		code, outcome = telco.Canceled, telco.NotSent
	case !onWire, neverConnected(err):
		code, outcome = telco.ConnectFailed, telco.NotSent
	}
	return verdict{err: &telco.Error{Outcome: outcome, Code: code, Err: cl.cause(err)}, again: refusal == nil}
}

// The deadlines that can end a call; see [telco.Evidence].
const (
	deadlineLimiter   = "limiter"
	deadlineConnect   = "connect"
	deadlineFirstByte = "first byte"
	deadlineBody      = "body"
	deadlineWhole     = "whole"
)

// wireDeadline names the deadline of a request that got no reply.
func (t *try) wireDeadline(onWire bool, err error) string {
	t.call.mu.Lock()
	connecting := t.dialing && !t.letOut
	t.call.mu.Unlock()
	switch {
	case !onWire: // a middleware waited
		return deadlineWhole
	case connecting, neverConnected(err):
		return deadlineConnect
	default:
		return deadlineFirstByte
	}
}

// classifyReply reads a reply and compares it with what was asked. It teaches the clock, unless a
// cache may have answered, and fills the call's reply.
func (c *core) classifyReply(t *try, resp *http.Response) verdict {
	cl := t.call
	v := verdict{status: resp.StatusCode}
	in := takeBuffer()
	defer in.giveBack()
	readErr := c.readBody(resp, in)
	_ = resp.Body.Close()
	written, received := t.writtenAt(), c.local.read()
	date := c.dates.of(resp.Header)
	cached := c.mayBeCached(written, resp.Header, date)
	if !cached {
		c.clock.hear(date, received)
	}
	if wait, asked := retryAfter(resp.Header, date, received.wall); asked {
		v.retryAfter = wait
		if v.status == http.StatusTooManyRequests && wait > 0 {
			v.paused = c.pause(cl.lane, wait)
		}
	}
	if v.status >= 300 && v.status < 400 {
		return v.with(telco.RedirectRefused, "", errors.New("MobiFone answered with a redirect; redirects are never followed"))
	}
	if readErr != nil {
		if timedOut(readErr) {
			cl.endedBy(deadlineBody)
		}
		v.again = true
		if v.status == http.StatusUnauthorized {
			v.refresh = true
			cl.staleAfterMoney()
		}
		return v.with(telco.ReplyUnreadable, "", cl.cause(readErr))
	}
	reply, auth := &cl.noReply().Reply, t.authenticated()
	if err := c.wire.Decode(cl.op, resp.Header, in.bytes, &auth, reply); err != nil {
		cl.noReply()
		return c.classifyBare(cl, v, err)
	}
	said := date
	if c.promises.Clock == "responseTime" {
		said = reply.Time
		cached = cached || c.clock.tooOld(said, written)
	}
	cl.reply.Cached = cached
	// A reply that may come from a cache teaches no time: its own is when somebody else
	// asked. Nor does one that did not come from the wire.
	if !cached && !written.wall.IsZero() && c.clock.observe(said, written, received) {
		trip, _ := written.since(received)
		cl.reply.MobiFoneTime, cl.reply.ReadAt = said, said.Add(-trip)
	}
	cl.heard(cl.reply.MobiFoneTime, cl.shownID(reply.RequestID), reply.Unread)
	v = c.classifyCode(t, v, reply)
	cl.reply.Evidence = cl.evidence(v.status)
	return v
}

// with is the verdict with an error of this code. settle adds the rest.
func (v verdict) with(code telco.Code, wire string, cause error) verdict {
	v.err = &telco.Error{Code: code, WireCode: wire, Err: cause}
	return v
}

// classifyBare is for a reply without a readable envelope: only its status speaks, and a gateway
// can have written that.
func (c *core) classifyBare(cl *call, v verdict, err error) verdict {
	v.again = true
	if v.status >= 200 && v.status < 300 {
		return v.with(telco.ReplyUnreadable, "", cl.redact(err))
	}
	v = v.with(telco.SystemError, "", nil)
	if rule := c.wire.RuleForStatus(v.status); rule != nil {
		v.err.Code = rule.Name
		v.again, v.refresh = again(rule)
		v.err.Outcome = c.limitedOutcome(cl, v.err.Code)
	} else {
		v.refresh = v.status == http.StatusUnauthorized
		v.again = v.refresh || v.status >= 500 || v.status == http.StatusRequestTimeout
	}
	if v.refresh {
		cl.staleAfterMoney()
	}
	return v
}

// limitedOutcome is the outcome of a reply that may be a 429. A 429 proves that nothing was
// executed only where the contract says so, and for a registration not even there, because the
// refusal may have met a copy.
func (c *core) limitedOutcome(cl *call, code telco.Code) telco.Outcome {
	if code == telco.RateLimited && !cl.money() && c.promises.TooManyRequestsMeansNotExecuted {
		return telco.Rejected
	}
	return telco.Unknown
}

// classifyCode is for a well-formed envelope. A refusal is Rejected only if the contract promises
// that refusals are final, and only if the reply agrees with what was asked and with itself.
func (c *core) classifyCode(t *try, v verdict, reply *wire.Reply) verdict {
	cl := t.call
	if reply.Class == wire.Success {
		v.err = c.doubtSuccess(t, v.status, reply)
		v.again = v.err != nil
		return v
	}
	listed := reply.Rule != nil
	if !listed { // the contract's own codes are harmless, another text may be anything
		reply.WireCode = text.Scrub(reply.WireCode, cl.secrets()...)
	}
	v.err = cl.refusal(reply)
	v.again, v.refresh = again(reply.Rule)
	if v.refresh {
		cl.staleAfterMoney()
	}
	broken := v.status >= 500 || v.status == http.StatusRequestTimeout
	switch {
	case broken:
		v.err.Outcome, v.again = telco.Unknown, !v.refresh
	case !listed:
		v.err.Outcome, v.err.Code = telco.Unknown, telco.SystemError
	case reply.Code() == telco.RateLimited && !cl.money():
		v.err.Outcome = c.limitedOutcome(cl, reply.Code())
	case reply.Class == wire.Rejected && (!cl.money() || c.promises.RefusalIsFinal):
		v.err.Outcome = telco.Rejected
	}
	if cl.money() && listed && !broken {
		v.err.Then = c.then(v.err)
	}
	doubt := c.checkEcho(cl, reply)
	if doubt == nil {
		doubt = contradiction(cl.op, reply)
	}
	if doubt != nil {
		v.again = !cl.guarded()
		return v.with(telco.ReplyUnreadable, reply.WireCode, doubt)
	}
	return v
}

// then is where a refused registration leads.
func (c *core) then(e *telco.Error) telco.Then {
	then := c.cfg.Contract.ThenOf(e.Code)
	if then == telco.ThenSameIDs && e.AttemptsLeft != nil && *e.AttemptsLeft <= 0 {
		return telco.ThenNewOTP
	}
	return then
}

// contradiction says how a reply that is no success contradicts itself: a refusal that shows a
// registration, a "not found" that brings the row. Such a reply proves nothing.
func contradiction(op telco.Operation, reply *wire.Reply) error {
	state := reply.Data.State
	switch {
	case op == telco.OpRegister && (state == telco.StateSuccess || state == telco.StateReversed):
		return fmt.Errorf("the code %q refuses, and the status says %s", reply.WireCode, state)
	case op == telco.OpRegister && state == telco.StatePending && reply.Class == wire.Rejected:
		return fmt.Errorf("the code %q refuses, and the status says %s", reply.WireCode, state)
	case op == telco.OpGet && len(reply.Data.Rows) > 0:
		return fmt.Errorf("the code %q is no success, and a transaction comes with it", reply.WireCode)
	}
	return nil
}

// doubtSuccess returns why a success code cannot be believed, or nil.
func (c *core) doubtSuccess(t *try, status int, reply *wire.Reply) *telco.Error {
	code, cause := telco.ReplyUnreadable, c.checkEcho(t.call, reply)
	switch {
	case status < 200 || status > 299:
		cause = fmt.Errorf("a success code under HTTP %d", status)
	case cause == nil && t.call.money():
		code, cause = t.doubtRegistered(&reply.Data)
	}
	if cause == nil {
		return nil
	}
	return &telco.Error{Code: code, WireCode: reply.WireCode, Err: cause}
}

// doubtRegistered is doubtSuccess for a registration: its body must have left, and the state in
// the reply must be a success too.
func (t *try) doubtRegistered(d *field.Data) (telco.Code, error) {
	switch left, _ := t.shot.shut(); {
	case !left:
		return telco.ReplyUnreadable, errors.New("a success without the request having been sent; a middleware answered")
	case d.State == telco.StateSuccess, d.WireState == "" && d.State == telco.StateUnlisted:
		return "", nil
	case d.State == telco.StatePending, d.State == telco.StateInit:
		return telco.Processing, errors.New("accepted, and not done yet")
	default:
		return telco.ReplyUnreadable, errors.New("a success code with a state that is no success")
	}
}

// staleAfterMoney makes the next call fetch fresh credentials after a registration was refused
// for its credentials. The registration itself is not sent again.
func (cl *call) staleAfterMoney() {
	if !cl.guarded() {
		return
	}
	cl.mu.Lock()
	refused := cl.granted
	cl.mu.Unlock()
	cl.core.auth.stale(refused)
}
