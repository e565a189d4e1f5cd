package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// verdict is what one try came to; a well-formed reply is in the call.
type verdict struct {
	err        *telco.Error // nil: success
	status     int
	retryAfter time.Duration // what MobiFone asked for; 0: nothing
	again      bool          // another try could end otherwise
	refresh    bool          // another try needs fresh credentials
}

// Reply is a well-formed answer as MobiFone said it; beside an error it is the
// refusal, and zero when there was no well-formed answer.
type Reply struct {
	wire.Reply
	MobiFoneTime time.Time // MobiFone's own clock in this reply; zero when it has none, or may be cached
	ReadAt       time.Time // the earliest MobiFone can have looked it up: MobiFoneTime less the whole round trip; zero as MobiFoneTime
	Cached       bool      // a cache may have answered: no proof of an absence, nor of a time
	Evidence     telco.Evidence
}

// classify turns what one try brought into a verdict. It never guesses: what is not
// proven is Unknown.
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

// settle gives a failed try its outcome and its evidence.
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

// settleGuarded asks the body guard: a try whose body never left is NotSent, whatever
// else happened; one whose body left is never NotSent.
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

// failure names what kept a try from being answered.
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

// timedOut reports whether an error is the end of a deadline, of whatever kind.
func timedOut(err error) bool {
	late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errHandshakeTimeout)
}

// wireDeadline names the deadline of a request that got no reply.
func (t *try) wireDeadline(onWire bool, err error) telco.Deadline {
	t.call.mu.Lock()
	connecting := t.dialing && !t.letOut
	t.call.mu.Unlock()
	switch {
	case !onWire: // a middleware waited
		return telco.DeadlineWhole
	case connecting, neverConnected(err):
		return telco.DeadlineConnect
	default:
		return telco.DeadlineFirstByte
	}
}
