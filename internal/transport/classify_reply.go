package transport

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// classifyReply reads a reply and holds it against what was asked.
func (c *core) classifyReply(r *record, resp *http.Response) verdict {
	v := verdict{status: resp.StatusCode}
	body, readErr := c.readBody(resp)
	_ = resp.Body.Close()
	cached := c.mayBeCached(r, resp.Header)
	if !cached {
		c.clock.hear(dateOf(resp.Header))
	}
	wait, asked := retryAfter(resp.Header, c.cfg.Seam.Wall())
	if asked {
		v.retryAfter = wait
	}
	if resp.StatusCode == http.StatusTooManyRequests && wait > 0 {
		c.pause(r.lane, wait)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		v.err = &partner.Error{Code: partner.RedirectRefused, Err: errors.New("the partner answered with a redirect; redirects are never followed")}
		return v
	}
	if readErr != nil {
		v.again = true
		if v.status == http.StatusUnauthorized {
			v.refresh = true
			c.staleAfterMoney(r)
		}
		v.err = &partner.Error{Code: partner.ReplyUnreadable, Err: c.cause(r, readErr)}
		return v
	}
	reply, err := c.wire.Decode(r.op, resp.Header, body, r.try())
	if err != nil {
		return c.classifyBare(r, v, err)
	}
	partnerTime, cached := c.observeTime(r, resp.Header, reply, cached)
	r.heard(partnerTime)
	v = c.classifyCode(r, v, reply, partnerTime)
	v.reply.Cached = cached
	if !partnerTime.IsZero() {
		trip, _ := r.writtenAt().since(c.clock.local.read())
		v.reply.ReadAt = partnerTime.Add(-trip)
	}
	return v
}

// classifyBare is for a reply without a readable envelope.
func (c *core) classifyBare(r *record, v verdict, err error) verdict {
	v.again = true
	if v.status >= 200 && v.status < 300 {
		v.err = &partner.Error{Code: partner.ReplyUnreadable, Err: c.redact(r, err)}
		return v
	}
	v.err = &partner.Error{Code: partner.SystemError}
	if rule := c.wire.RuleForStatus(v.status); rule != nil {
		v.err.Code = rule.Name
		v.again, v.refresh = again(rule)
		if v.refresh {
			c.staleAfterMoney(r)
		}
		v.err.Outcome = c.limitedOutcome(r, v.err.Code)
		return v
	}
	switch {
	case v.status == http.StatusUnauthorized:
		v.refresh = true
		c.staleAfterMoney(r)
	case v.status < 500 && v.status != http.StatusRequestTimeout:
		v.again = false
	}
	return v
}

// limitedOutcome: a 429 proves that nothing was executed only where the contract says
// so, and for a registration not even there, because the refusal may have met a copy.
func (c *core) limitedOutcome(r *record, code partner.Code) partner.Outcome {
	if code == partner.RateLimited && !r.money() && c.cfg.Contract.Semantics().TooManyRequestsMeansNotExecuted {
		return partner.Rejected
	}
	return partner.Unknown
}

// classifyCode is for a well-formed envelope.
func (c *core) classifyCode(r *record, v verdict, reply *wire.Reply, partnerTime time.Time) verdict {
	listed := reply.Rule != nil
	if !listed { // the contract's own codes are harmless, another text may be anything
		reply.WireCode = partner.Scrub(reply.WireCode, r.secrets()...)
	}
	v.reply = Reply{Reply: *reply, PartnerTime: partnerTime, Evidence: r.evidence(v.status)}
	if reply.Class == wire.Success {
		v.err = c.doubtSuccess(r, v.status, reply)
		v.again = v.err != nil
		v.reply.Evidence = r.evidence(v.status)
		return v
	}
	v.err = c.refusal(r, reply)
	v.again, v.refresh = again(reply.Rule)
	if v.refresh {
		c.staleAfterMoney(r)
	}
	switch {
	case v.status >= 500 || v.status == http.StatusRequestTimeout:
		v.err.Outcome, v.again = partner.Unknown, !v.refresh
	case !listed:
		v.err.Outcome, v.err.Code = partner.Unknown, partner.SystemError
	case reply.Code() == partner.RateLimited && !r.money():
		v.err.Outcome = c.limitedOutcome(r, reply.Code())
	case reply.Class == wire.Rejected && (!r.money() || c.cfg.Contract.Semantics().RefusalIsFinal):
		v.err.Outcome = partner.Rejected
	}
	if r.op == partner.OpRegister && listed && v.status < 500 && v.status != http.StatusRequestTimeout {
		v.err.Then = c.then(v.err)
	}
	doubt := c.checkEcho(r, reply)
	if doubt == nil {
		doubt = contradiction(r.op, reply)
	}
	if doubt != nil {
		v.err = &partner.Error{Code: partner.ReplyUnreadable, WireCode: reply.WireCode, Err: doubt}
		v.again = !r.guarded()
	}
	return v
}

// then is where a refused registration leads.
func (c *core) then(e *partner.Error) partner.Then {
	then := c.cfg.Contract.ThenOf(e.Code)
	if then == partner.ThenSameIDs && e.AttemptsLeft != nil && *e.AttemptsLeft <= 0 {
		return partner.ThenNewOTP
	}
	return then
}

// contradiction says in what a reply that is no success contradicts itself: a refusal that
// shows a registration, a "not found" that brings the row. Such a reply proves nothing.
func contradiction(op partner.Operation, reply *wire.Reply) error {
	state := reply.Data.State
	switch {
	case op == partner.OpRegister && (state == partner.StateSuccess || state == partner.StateReversed):
		return fmt.Errorf("the code %q refuses, and the status says %s", reply.WireCode, state)
	case op == partner.OpRegister && state == partner.StatePending && reply.Class == wire.Rejected:
		return fmt.Errorf("the code %q refuses, and the status says %s", reply.WireCode, state)
	case op == partner.OpGet && len(reply.Data.Rows) > 0:
		return fmt.Errorf("the code %q is no success, and a transaction comes with it", reply.WireCode)
	}
	return nil
}

// doubtSuccess returns why a success code cannot be believed, or nil.
func (c *core) doubtSuccess(r *record, status int, reply *wire.Reply) *partner.Error {
	doubt := &partner.Error{Code: partner.ReplyUnreadable, WireCode: reply.WireCode}
	if status < 200 || status > 299 {
		doubt.Err = fmt.Errorf("a success code under HTTP %d", status)
		return doubt
	}
	if err := c.checkEcho(r, reply); err != nil {
		doubt.Err = err
		return doubt
	}
	if !r.money() {
		return nil
	}
	r.mu.Lock()
	s := r.shot
	r.mu.Unlock()
	if left, _ := s.shut(); !left {
		doubt.Err = errors.New("a success without the request having been sent; a middleware answered")
		return doubt
	}
	switch d := reply.Data; {
	case d.State == partner.StateSuccess, d.WireState == "" && d.State == partner.StateUnlisted:
		return nil
	case d.State == partner.StatePending, d.State == partner.StateInit:
		doubt.Code, doubt.Err = partner.Processing, errors.New("accepted, and not done yet")
	default:
		doubt.Err = errors.New("a success code with a state that is no success")
	}
	return doubt
}

// staleAfterMoney makes the next call fetch fresh credentials after a registration was
// refused for its credentials; the registration itself is not sent again.
func (c *core) staleAfterMoney(r *record) {
	if !r.guarded() {
		return
	}
	r.mu.Lock()
	generation := r.granted.generation
	r.mu.Unlock()
	c.auth.stale(generation)
}
