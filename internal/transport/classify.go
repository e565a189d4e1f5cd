package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
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
	contract.Reply
	PartnerTime time.Time // the partner's own clock in this reply; zero when it has none
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

// classifyReply reads a reply and holds it against what was asked.
func (c *core) classifyReply(r *record, resp *http.Response) verdict {
	v := verdict{status: resp.StatusCode}
	body, readErr := c.readBody(resp)
	_ = resp.Body.Close()
	wait, asked := retryAfter(resp.Header, time.Now())
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
	reply, err := c.cfg.Contract.Decode(r.op, body)
	if err != nil {
		return c.classifyBare(r, v, err)
	}
	partnerTime := c.observeTime(r, resp, reply)
	r.heard(partnerTime)
	return c.classifyCode(r, v, reply, partnerTime)
}

// classifyBare is for a reply without a readable envelope.
func (c *core) classifyBare(r *record, v verdict, err error) verdict {
	v.again = true
	if v.status >= 200 && v.status < 300 {
		v.err = &partner.Error{Code: partner.ReplyUnreadable, Err: c.redact(r, err)}
		return v
	}
	v.err = &partner.Error{Code: partner.SystemError}
	if rule, ok := c.cfg.Contract.RuleForStatus(v.status); ok {
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
func (c *core) classifyCode(r *record, v verdict, reply *contract.Reply, partnerTime time.Time) verdict {
	listed := reply.Rule.Name != ""
	if !listed { // the contract's own codes are harmless, another text may be anything
		reply.WireCode = partner.Scrub(reply.WireCode, r.secrets()...)
	}
	v.reply = Reply{Reply: *reply, PartnerTime: partnerTime, Evidence: r.evidence(v.status)}
	if reply.Class == contract.ClassSuccess {
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
	case reply.Rule.Name == partner.RateLimited:
		v.err.Outcome = c.limitedOutcome(r, reply.Rule.Name)
	case reply.Class == contract.ClassRejected && (!r.money() || refusesForSure(reply.Rule)):
		v.err.Outcome = partner.Rejected
	}
	if echo := c.checkEcho(r, reply); echo != nil {
		v.err = &partner.Error{Code: partner.ReplyUnreadable, WireCode: reply.WireCode, Err: echo}
		v.again = !r.guarded()
	}
	return v
}

// doubtSuccess returns why a success code cannot be believed, or nil.
func (c *core) doubtSuccess(r *record, status int, reply *contract.Reply) *partner.Error {
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

// refusesForSure reports whether a refusal of a registration cannot be the answer to a
// second copy of a request that succeeded (R5). The three OTP codes are answered as
// refusals because the same ids may go on; only a sale clears them by lookup.
func refusesForSure(rule contract.CodeRule) bool {
	switch rule.Name {
	case partner.OTPInvalid, partner.OTPExpired, partner.OTPAttemptsExceeded:
		return true
	default:
		return rule.NotOurs
	}
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

// checkEcho compares ids the partner sent back with ours.
func (c *core) checkEcho(r *record, reply *contract.Reply) error {
	if r.op != partner.OpRegister && r.op != partner.OpOTP {
		return nil
	}
	success := reply.Class == contract.ClassSuccess
	echoes := []struct {
		name, theirs, ours string
	}{
		{"transId", string(reply.Data.TransID), string(r.fields.TransID)},
		{"partnerTransId", string(reply.Data.PartnerTransID), string(r.fields.PartnerTransID)},
	}
	for _, e := range echoes {
		switch {
		case e.ours == "":
		case e.theirs == "" && success && c.cfg.Contract.Echoes(r.op, e.name):
			return fmt.Errorf("the reply lacks the %s", e.name)
		case e.theirs != "" && e.theirs != e.ours:
			return fmt.Errorf("the reply speaks of another %s", e.name)
		}
	}
	return nil
}

// refusal builds the error of a reply that is no success.
func (c *core) refusal(r *record, reply *contract.Reply) *partner.Error {
	e := &partner.Error{
		Code: reply.Rule.Name, WireCode: reply.WireCode, AttemptsLeft: reply.Data.AttemptsLeft,
		Message: partner.Scrub(reply.Message, r.secrets()...),
	}
	if reply.Data.ResendAfter > 0 {
		e.RetryAfter = reply.Data.ResendAfter
	}
	return e
}

// observeTime learns the partner's clock from a well-formed reply.
func (c *core) observeTime(r *record, resp *http.Response, reply *contract.Reply) time.Time {
	var said time.Time
	switch c.cfg.Contract.Semantics().Clock {
	case contract.ClockNone:
		return said
	case contract.ClockResponseTime:
		said = reply.Time
	default:
		said, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	r.mu.Lock()
	written := r.written
	r.mu.Unlock()
	if written.wall.IsZero() {
		return time.Time{} // the reply did not come from the wire
	}
	if !c.clock.observe(said, written) {
		return time.Time{}
	}
	return said
}

// text is the teller's sentence: the code's own, or SYSTEM_ERROR's while nothing is known.
func (c *core) text(e *partner.Error) partner.Text {
	code := e.Code
	if e.Outcome == partner.Unknown {
		code = partner.SystemError
	}
	rule, ok := c.cfg.Contract.RuleNamed(code)
	if !ok {
		return partner.Text{}
	}
	values := map[string]string{}
	if e.AttemptsLeft != nil {
		values["n"] = strconv.Itoa(*e.AttemptsLeft)
	}
	if e.RetryAfter > 0 {
		values["s"] = strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
	}
	if e.Message != "" {
		values["reason"] = e.Message
	}
	return rule.Text.Fill(values)
}
