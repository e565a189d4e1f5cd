package transport

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// call is one call of a service. What was asked, and until when, is fixed by begin; under mu
// is what its tries have brought so far. It is also the context of its tries, so that
// nothing a library or a middleware drops on the way loses it.
//
// As a context it tells the caller's deadline and not its own: that one has no timer, and
// context.WithDeadline sets no timer below a parent that tells an earlier deadline.
type call struct {
	context.Context // the caller's

	core   *core
	op     telco.Operation
	lane   telco.Lane
	login  bool // the bearer scheme's own login: it carries no credentials
	fields field.Request
	sent   wire.Request // of a request that hangs on credentials or stamp: what a middleware is shown
	began  time.Time    // this and the next on the scale of Seam.Now
	ends   time.Time    // of all tries together; zero: when the caller's context ends
	sendBy time.Time    // of a registration, by MobiFone's clock
	reply  *Reply       // of the last try, nil without one; only the goroutine of the call touches it

	mu        sync.Mutex
	sofar     telco.Evidence
	granted   *grant // what the last try authenticated with
	refreshed bool   // credentials were refreshed for this call once
	taken     bool   // a middleware read the body of a money call
	now       *try   // the one under way

	first try
	room  [232]byte // for the body; larger, and a call is in the next class of sizes
}

// try is one run through the chain. The first lies in its call, which saves an allocation.
// A later one is new: net/http may still read the request of one that was given up, so
// nothing that a request points to is ever used again.
type try struct {
	call *call
	shot shot // the body of a guarded call

	// Under the call's mu. A middleware can run the steps twice; the later run counts.
	began     time.Time // these two only where a hook is told
	limitWait time.Duration
	written   instant
	onWire    bool  // the request reached the wire
	dialing   bool  // where a connection is being made for it
	letOut    bool  // and its body was let out
	refusal   error // why one of our own steps refused the request

	// What a request is made of that no middleware has seen.
	req    http.Request
	url    url.URL
	body   bytes.Reader
	values [9]string // of headers: four of this package, then the wire's; more are rare
	auth   wire.Try  // what the request authenticates with
}

type callKey struct{}

// Value finds the call itself, or what the caller's context holds.
func (cl *call) Value(key any) any {
	if key == (callKey{}) {
		return cl
	}
	return cl.Context.Value(key)
}

func callOf(ctx context.Context) *call {
	cl, _ := ctx.Value(callKey{}).(*call)
	return cl
}

// Call runs eligibility, OTP and lookup operations: a nil error means that MobiFone
// said success. Every error is a *telco.Error.
func (t *Transport) Call(ctx context.Context, op telco.Operation, f field.Request) (Reply, error) {
	cl, err := t.begin(ctx, op, f)
	if err != nil {
		return cl.finish(verdict{err: err})
	}
	cl.ends = cl.began.Add(t.cfg.Timeouts.Call)
	v := t.run(cl)
	if v.status != 0 && !v.again && !v.refresh && cl.evidence(0).Tries == 1 {
		t.budget.earn()
	}
	return cl.finish(v)
}

// Send sends a registration: one wire request at most, its body only before sendBy by
// MobiFone's clock. Outcome Unknown unless something else is proven.
func (t *Transport) Send(ctx context.Context, f field.Request, sendBy time.Time) (Reply, error) {
	cl, err := t.begin(ctx, telco.OpRegister, f)
	if err == nil && !t.drain.enter() {
		err = notBegun(telco.OpRegister, telco.ClientClosed, errClosed)
	}
	if err != nil {
		return cl.finish(verdict{err: err})
	}
	defer t.drain.leave()
	cl.sendBy = sendBy
	v := t.try(cl, &cl.first)
	return cl.finish(v)
}

// begin encodes the call. A call that cannot be encoded was not sent.
func (t *Transport) begin(ctx context.Context, op telco.Operation, f field.Request) (*call, *telco.Error) {
	cl := &call{Context: ctx, core: t.core, op: op, lane: t.lane, fields: f, began: t.cfg.Seam.Now()}
	if t.drain.isClosed() {
		return cl, notBegun(op, telco.ClientClosed, errClosed)
	}
	var err error
	cl.sent, err = t.wire.Encode(op, &cl.fields, nil, cl.room[:])
	switch {
	case errors.Is(err, telco.OperationAbsent):
		return cl, notBegun(op, telco.OperationAbsent, errAbsent)
	case err != nil:
		return cl, notBegun(op, telco.InvalidInput, cl.redact(err))
	}
	return cl, nil
}

var errAbsent = errors.New("the contract has no such operation; load a contract that describes it")

// notBegun is the error of a call of which nothing was sent. A lookup's outcome is Unknown,
// as that of any lookup that failed.
func notBegun(op telco.Operation, code telco.Code, cause error) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: telco.NotSent, Code: code, Err: cause}
	if op.Lookup() {
		e.Outcome = telco.Unknown
	}
	return e
}

// BadInput builds the typed error for malformed input: nothing was sent.
func BadInput(op telco.Operation, faults ...telco.FieldError) *telco.Error {
	e := notBegun(op, telco.InvalidInput, nil)
	e.Fields = faults
	return e
}

var replyRooms sync.Pool

// noReply empties the room that a reply is read into. What lies in replyRooms is empty.
func (cl *call) noReply() *Reply {
	if cl.reply != nil {
		*cl.reply = Reply{}
	} else if cl.reply, _ = replyRooms.Get().(*Reply); cl.reply == nil {
		cl.reply = new(Reply)
	}
	return cl.reply
}

// finish hands out the reply, gives its room back and tells the hooks how the call ended.
func (cl *call) finish(v verdict) (Reply, error) {
	out := Reply{}
	if cl.reply != nil {
		out = *cl.reply
		replyRooms.Put(cl.noReply())
		cl.reply = nil
	}
	cfg := &cl.core.cfg
	if v.err == nil && cfg.OnCall == nil {
		return out, nil
	}
	ev := telco.CallEvent{Operation: cl.op, Lane: cl.lane, Outcome: telco.Succeeded, Code: telco.Success}
	if v.err == nil {
		ev.WireCode, ev.Evidence = out.WireCode, out.Evidence
	} else {
		ev.Outcome, ev.Code, ev.WireCode, ev.Evidence, ev.Err = v.err.Outcome, v.err.Code, v.err.WireCode, v.err.Evidence, v.err
	}
	if cfg.OnCall != nil {
		ev.Duration = cfg.Seam.Now().Sub(cl.began)
		cfg.OnCall(cl, ev)
	}
	return out, ev.Err
}

// report tells the hooks of one HTTP request.
func (t *try) report(v verdict) {
	cl := t.call
	c := cl.core
	if c.cfg.OnTry == nil {
		return
	}
	cl.mu.Lock()
	ev := telco.TryEvent{
		Operation: cl.op, Lane: cl.lane, Try: cl.sofar.Tries, RequestID: cl.sofar.RequestID, HTTPStatus: v.status,
		Sent: t.letOut, LimitWait: t.limitWait, Duration: max(c.local.read().wall.Sub(t.began)-t.limitWait, 0),
	}
	cl.mu.Unlock()
	if v.err != nil && v.status == 0 {
		ev.Err = v.err
	}
	c.cfg.OnTry(cl, ev)
}

// money reports whether the call may be sent once only.
func (cl *call) money() bool { return cl.op == telco.OpRegister }

// guarded reports whether the body's way out is watched: it decides NotSent.
func (cl *call) guarded() bool { return cl.op == telco.OpRegister || cl.op == telco.OpOTP }

// tryContext bounds one try, the reply's last byte included.
func (cl *call) tryContext(t *try) (context.Context, context.CancelFunc) {
	now := cl.began
	if t != &cl.first {
		now = cl.core.cfg.Seam.Now()
	}
	end := now.Add(cl.core.tryTimeout(cl.op))
	if !cl.ends.IsZero() && cl.ends.Before(end) {
		end = cl.ends
	}
	return cl.core.cfg.Seam.WithDeadline(cl, end)
}

// end is when the call has no more time: the earlier of its own end and the caller's.
func (cl *call) end() (time.Time, bool) {
	end, ok := cl.Deadline()
	if !cl.ends.IsZero() && (!ok || cl.ends.Before(end)) {
		return cl.ends, true
	}
	return end, ok
}

// over says why the call has no more time; nil while it has.
func (cl *call) over() error {
	if err := cl.Err(); err != nil {
		return err
	}
	if !cl.ends.IsZero() && !cl.core.cfg.Seam.Now().Before(cl.ends) {
		return context.DeadlineExceeded
	}
	return nil
}

// evidence is what the call can prove by now, with the status of a reply that just came.
func (cl *call) evidence(status int) telco.Evidence {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if status != 0 {
		cl.sofar.HTTPStatus = status
	}
	return cl.sofar
}

func (cl *call) current() *try {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.now
}

// begin begins a run through the steps: one HTTP request, with an id of its own. A shot
// that another run has taken is past it: whose id and times stand is that one's matter.
func (t *try) begin(id string, now time.Time) error {
	t.shot.mu.Lock() // before the call's, as when a body leaves
	defer t.shot.mu.Unlock()
	if t.shot.passed {
		return errShotPassed
	}
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.call.sofar.Tries++
	t.call.sofar.RequestID = id
	t.began, t.limitWait = now, 0
	t.call.sofar.Deadline = ""
	t.onWire, t.dialing, t.letOut, t.refusal, t.written = false, false, false, nil, instant{}
	return nil
}

// refuse remembers why a step of ours stopped the request: it comes back as the cause,
// whatever the layers above make of the error.
func (t *try) refuse(err error) error {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	if t.refusal == nil {
		t.refusal = err
	}
	return err
}

// endedBy names the deadline that ended the try; the first one named stays.
func (cl *call) endedBy(d telco.Deadline) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.sofar.Deadline == "" {
		cl.sofar.Deadline = d
	}
}

// leave notes that the request of this id is handed to the wire now.
func (t *try) leave(id string) instant {
	now := t.call.core.local.read()
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.onWire, t.written, t.call.sofar.RequestID = true, now, id
	return now
}

// sent counts a request whose body (or, without a body, whose head) was let out.
func (t *try) sent(now time.Time) {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.letOut = true
	e := &t.call.sofar
	e.Sends++
	if e.FirstSend.IsZero() {
		e.FirstSend = now
	}
	e.LastSend = now
}

// keep notes what a run of the steps authenticated with; the later run counts.
func (t *try) keep(auth *wire.Try) {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.auth = *auth
}

// authenticated is what the request authenticated with, for the signature of its reply or
// for a codec; zero when it never came that far.
func (t *try) authenticated() wire.Try {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	return t.auth
}

// writtenAt is when the request was handed to the wire; zero when it was not.
func (t *try) writtenAt() instant {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	return t.written
}

// secrets are what must not stand in any text about this call. They are derived when an
// error needs them, and most calls have none.
func (cl *call) secrets() []string {
	cl.mu.Lock()
	g := cl.granted
	cl.mu.Unlock()
	known := g.secrets()
	if m := cl.fields.MSISDN; m.IsValid() {
		known = append(known, m.Reveal(telco.Form84), m.Reveal(telco.Form0), m.Reveal(telco.Form9))
	}
	if !cl.fields.OTP.IsZero() {
		known = append(known, cl.fields.OTP.Reveal())
	}
	return known
}
