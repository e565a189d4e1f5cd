package transport

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// classifyReply reads a reply and compares it with what was asked.
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
			c.pause(cl.lane, wait)
		}
	}
	if v.status >= 300 && v.status < 400 {
		return v.with(telco.RedirectRefused, "", errors.New("MobiFone answered with a redirect; redirects are never followed"))
	}
	if readErr != nil {
		if timedOut(readErr) {
			cl.endedBy(telco.DeadlineBody)
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

// with is the verdict with an error.
func (v verdict) with(code telco.Code, wire string, cause error) verdict {
	v.err = &telco.Error{Code: code, WireCode: wire, Err: cause}
	return v
}

// buffer is what a reply is read into. It is cleared and used again: nothing keeps it, since
// a tree has a copy of the text, and a codec gets one.
type buffer struct{ bytes []byte }

// bufferMax bounds the buffers that are kept.
const bufferMax = 16 << 10

var buffers sync.Pool

func takeBuffer() *buffer {
	if b, ok := buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 1<<10)}
}

func (b *buffer) giveBack() {
	if cap(b.bytes) > bufferMax {
		return
	}
	clear(b.bytes[:cap(b.bytes)]) // a Reader may write beyond what it says
	b.bytes = b.bytes[:0]
	buffers.Put(b)
}

// readBody reads a whole reply within the contract's bound. A reply that goes on is
// unreadable and its connection is dropped.
func (c *core) readBody(resp *http.Response, in *buffer) error {
	if resp.StatusCode < 200 { // behind a 101 is the bare connection: no deadline ends reading it
		return errors.New("MobiFone answered with a status that ends no request")
	}
	limit := c.cfg.Contract.Limits().ReplyBytesMax
	body := in.bytes
	var err error
	for err == nil {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		var n int
		n, err = resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if in.bytes = body; int64(len(body)) > limit {
			return fmt.Errorf("the reply is longer than %d bytes", limit)
		}
	}
	if err != io.EOF {
		return err
	}
	if encoded(resp.Header) {
		return errors.New("the reply is compressed, which was not asked for")
	}
	return nil
}

// encoded reports whether any of a reply's Content-Encoding lines names anything but
// identity: of such a reply the bytes are not what MobiFone said.
func encoded(h http.Header) bool {
	for _, line := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}

// classifyBare is for a reply without a readable envelope.
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

// limitedOutcome: a 429 proves that nothing was executed only where the contract says
// so, and for a registration not even there, because the refusal may have met a copy.
func (c *core) limitedOutcome(cl *call, code telco.Code) telco.Outcome {
	if code == telco.RateLimited && !cl.money() && c.promises.TooManyRequestsMeansNotExecuted {
		return telco.Rejected
	}
	return telco.Unknown
}

// classifyCode is for a well-formed envelope.
func (c *core) classifyCode(t *try, v verdict, reply *wire.Reply) verdict {
	cl := t.call
	if reply.Class == wire.Success {
		v.err = c.doubtSuccess(t, v.status, reply)
		v.again = v.err != nil
		return v
	}
	listed := reply.Rule != nil
	if !listed { // the contract's own codes are harmless, another text may be anything
		reply.WireCode = telco.Scrub(reply.WireCode, cl.secrets()...)
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

// contradiction says in what a reply that is no success contradicts itself: a refusal that
// shows a registration, a "not found" that brings the row. Such a reply proves nothing.
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

// staleAfterMoney makes the next call fetch fresh credentials after a registration was
// refused for its credentials; the registration itself is not sent again.
func (cl *call) staleAfterMoney() {
	if !cl.guarded() {
		return
	}
	cl.mu.Lock()
	refused := cl.granted
	cl.mu.Unlock()
	cl.core.auth.stale(refused)
}
