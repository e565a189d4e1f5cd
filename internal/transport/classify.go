package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// verdict is what one try came to.
type verdict struct {
	reply      Reply
	err        *partner.Error // nil: success
	status     int
	retryAfter time.Duration // what the partner asked for; 0: nothing
	again      bool          // another try could end otherwise
	refresh    bool          // another try needs fresh credentials
}

// Reply is a well-formed answer as the partner said it; beside an error it is the
// refusal, and zero when there was no well-formed answer.
type Reply struct {
	wire.Reply
	PartnerTime time.Time // the partner's own clock in this reply; zero when it has none, or may be cached
	ReadAt      time.Time // the earliest MobiFone can have looked it up: PartnerTime less the whole round trip; zero as PartnerTime
	Cached      bool      // a cache may have answered: no proof of an absence, nor of a time
	Evidence    partner.Evidence
}

// classify turns what one try brought into a verdict. It never guesses: what is not
// proven is Unknown.
func (c *core) classify(r *record, resp *http.Response, err error) verdict {
	var v verdict
	switch {
	case err != nil || resp == nil:
		v = c.classifyFailure(r, err)
	default:
		v = c.classifyReply(r, resp)
	}
	if v.err != nil {
		c.settle(r, &v)
	}
	return v
}

// settle gives a failed try its outcome and its evidence.
func (c *core) settle(r *record, v *verdict) {
	e := v.err
	e.Operation = r.op
	if r.guarded() {
		c.settleGuarded(r, v)
	}
	e.Evidence = r.evidence(v.status) // after the shot is shut, or a body that leaves now is missed
	if e.Outcome == partner.NotSent && e.Evidence.Sends > 0 {
		e.Outcome = partner.Unknown // this try stayed here, an earlier one did not
	}
	if r.op.Lookup() {
		e.Outcome = partner.Unknown
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
func (c *core) settleGuarded(r *record, v *verdict) {
	r.mu.Lock()
	s := r.shot
	r.mu.Unlock()
	if s == nil {
		v.err.Outcome = partner.NotSent
		return
	}
	left, refused := s.shut()
	switch e := v.err; {
	case left:
		if e.Outcome != partner.NotSent {
			return
		}
		e.Outcome = partner.Unknown
		if e.Code.Local() {
			e.Code = partner.ReplyLost
		}
	case r.bypassed(v.status != 0):
		e.Outcome, e.Code = partner.Unknown, partner.ReplyUnreadable
		if e.Err == nil {
			e.Err = errors.New("a middleware answered or took the body without passing it on")
		}
	default:
		e.Outcome = partner.NotSent
		if e.Code == partner.AlreadySent || e.Code == partner.ReplyLost {
			e.Code = partner.ConnectFailed
		}
		if e.Code == partner.ConnectFailed && errors.Is(e.Err, context.Canceled) {
			e.Code = partner.Canceled
		}
		if own, ok := errors.AsType[*partner.Error](refused); ok {
			e.Code, e.Err, v.again = own.Code, own.Err, false
		}
	}
}

// classifyFailure names what kept a try from being answered.
func (c *core) classifyFailure(r *record, err error) verdict {
	r.mu.Lock()
	refusal, onWire := r.refusal, r.onWire
	r.mu.Unlock()
	if own, ok := errors.AsType[*partner.Error](refusal); ok {
		e := *own
		e.Err = c.redact(r, e.Err)
		return verdict{err: &e}
	}
	e := &partner.Error{Err: c.cause(r, err)}
	v := verdict{err: e, again: true}
	switch {
	case refusal != nil:
		e.Outcome, e.Code, v.again = partner.Unknown, partner.AlreadySent, false
	case err == nil:
		e.Code, e.Err = partner.ReplyUnreadable, errors.New("a middleware gave neither a reply nor an error")
	case !onWire:
		e.Outcome, e.Code = partner.NotSent, partner.ConnectFailed
		if errors.Is(err, context.Canceled) {
			e.Code = partner.Canceled
		}
	case neverConnected(err):
		e.Outcome, e.Code = partner.NotSent, partner.ConnectFailed
	default:
		e.Code = partner.ReplyLost
	}
	return v
}
