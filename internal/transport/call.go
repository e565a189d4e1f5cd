package transport

// This file holds a call: what the caller asked, until when, and the evidence that its tries
// have brought so far. It begins a call, ends it, and tells the hooks. It also makes the call's
// errors safe to print: they may pass through logs and tickets, so their text holds no phone
// number, OTP, key or URL, while errors.Is and errors.As still see what lies below. It sends
// nothing itself; one try's own state is in chain.go.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// call is one call of a service. begin fixes what was asked and until when; mu guards what its
// tries have brought so far. It is also the context of its tries, so that nothing a library or a
// middleware drops on the way loses it.
//
// As a context it tells the caller's deadline and not its own: that one has no timer, and
// context.WithDeadline sets no timer below a parent that tells an earlier deadline.
type call struct {
	// Context is the caller's.
	context.Context

	core *core
	op   telco.Operation
	lane telco.Lane
	// login marks the bearer scheme's own login, which carries no credentials.
	login  bool
	fields field.Request
	// sent is the encoded request. Where a request depends on credentials or stamp, each try
	// encodes its own, and this is what a middleware is shown.
	sent wire.Request
	// began and ends are on the scale of Seam.Now. ends bounds all tries together; zero means
	// that only the caller's context does.
	began time.Time
	ends  time.Time
	// sendBy is a registration's, by MobiFone's clock.
	sendBy time.Time
	// reply is that of the last try, nil without one. Only the call's goroutine touches it.
	reply *Reply

	mu    sync.Mutex
	sofar telco.Evidence
	// granted is what the last try authenticated with.
	granted *grant
	// refreshed says that credentials were refreshed for this call; it happens once.
	refreshed bool
	// taken says that a middleware read the body of a money call.
	taken bool
	// now is the try under way.
	now *try

	first try
	// room is for the body. A larger one would put calls into the next class of sizes.
	room [232]byte
}

// callKey finds the call in a context.
type callKey struct{}

// Value finds the call itself, or what the caller's context holds.
func (cl *call) Value(key any) any {
	if key == (callKey{}) {
		return cl
	}
	return cl.Context.Value(key)
}

// callOf finds the call that a request belongs to; nil for a request that lost its context.
func callOf(ctx context.Context) *call {
	cl, _ := ctx.Value(callKey{}).(*call)
	return cl
}

// Call runs eligibility, OTP and lookup operations, and repeats those that may be. A nil error
// means that MobiFone said success. Every error is a [*telco.Error].
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

// Send sends a registration: one request on the wire at most, and its body only before sendBy by
// MobiFone's clock. Every error is a [*telco.Error]; its outcome is Unknown unless something else
// is proven.
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

// begin encodes the call. Of a call that cannot be encoded nothing is sent.
func (t *Transport) begin(ctx context.Context, op telco.Operation, f field.Request) (*call, *telco.Error) {
	cl := &call{Context: ctx, core: t.core, op: op, lane: t.lane, fields: f, began: t.cfg.Seam.Now()}
	if t.cfg.OnBegin != nil {
		cl.Context = t.cfg.OnBegin(ctx, telco.CallEvent{Operation: op, Lane: t.lane})
	}
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

// notBegun is the error of a call of which nothing was sent. A lookup's outcome is Unknown, like
// that of every lookup that failed.
func notBegun(op telco.Operation, code telco.Code, cause error) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: telco.NotSent, Code: code, Err: cause}
	if op.Lookup() {
		e.Outcome = telco.Unknown
	}
	return e
}

// BadInput builds the error for malformed input: nothing was sent.
func BadInput(op telco.Operation, fields ...telco.FieldError) *telco.Error {
	e := notBegun(op, telco.InvalidInput, nil)
	e.Fields = fields
	return e
}

// finish hands out the reply, gives its memory back, and tells the hooks how the call ended.
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
		ev.Duration, ev.RetriesLeft = cfg.Seam.Now().Sub(cl.began), cl.core.budget.left()
		cfg.OnCall(cl, ev)
	}
	return out, ev.Err
}

// money reports whether the call may be sent only once.
func (cl *call) money() bool { return cl.op == telco.OpRegister }

// guarded reports whether the guard watches the body's way out and decides NotSent.
func (cl *call) guarded() bool { return cl.op == telco.OpRegister || cl.op == telco.OpOTP }

// tryContext bounds one try, the reply's last byte included, by its own time and the call's.
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

// end is when the call has no more time: the earlier of its own end and the caller's. ok is false
// when neither has one.
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

// evidence is what the call can prove by now. When a reply has just come, status is its HTTP
// status; else it is 0.
func (cl *call) evidence(status int) telco.Evidence {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if status != 0 {
		cl.sofar.HTTPStatus = status
	}
	return cl.sofar
}

// current is the try under way.
func (cl *call) current() *try {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.now
}

// endedBy names the deadline that ended the try; the first one named stays.
func (cl *call) endedBy(d string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.sofar.Deadline == "" {
		cl.sofar.Deadline = d
	}
}

// secrets are the texts that must not appear in any text about this call. They are derived when
// an error needs them, because most calls have none.
func (cl *call) secrets() []string {
	cl.mu.Lock()
	g := cl.granted
	cl.mu.Unlock()
	known := g.secrets()
	if m := cl.fields.MSISDN; m.IsValid() {
		known = append(known, m.Reveal("84"), m.Reveal("0"), m.Reveal(""))
	}
	if !cl.fields.OTP.IsZero() {
		known = append(known, cl.fields.OTP.Reveal())
	}
	return known
}

// tryTimeout bounds one try of an operation.
func (c *core) tryTimeout(op telco.Operation) time.Duration {
	switch op {
	case telco.OpRegister:
		return c.cfg.Timeouts.Register
	case telco.OpOTP:
		return c.cfg.Timeouts.OTP
	default:
		return c.cfg.Timeouts.Read
	}
}

// redacted is an error whose text is clean. errors.Is and errors.As see through it; code that
// walks the chain to print every link, as error reporters do, stops here.
type redacted struct {
	text string
	err  error
}

// Error returns the scrubbed text.
func (e *redacted) Error() string { return e.text }

// Is asks the error below.
func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }

// As asks the error below.
func (e *redacted) As(target any) bool { return errors.As(e.err, target) }

// Format writes the text, whatever the verb: other formatters would print what lies below.
func (e *redacted) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = io.WriteString(f, strconv.Quote(e.text))
		return
	}
	_, _ = io.WriteString(f, e.text)
}

// cause strips the URL from an error of net/http and scrubs what is left.
func (cl *call) cause(err error) error { return cl.redact(stripURL(err)) }

// redact scrubs an error of everything that the call must not print. The two ends of a context
// have nothing to hide and stay what they are.
func (cl *call) redact(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) && err.Error() == context.DeadlineExceeded.Error():
		return context.DeadlineExceeded
	}
	return &redacted{text: text.Scrub(err.Error(), cl.secrets()...), err: err}
}

// joinCause adds the end of the caller's time to a cause, once.
func joinCause(cause, end error) error {
	if cause == nil || errors.Is(cause, end) {
		return end
	}
	return errors.Join(cause, end)
}

// writings are the forms in which bodies, URLs and quoted texts write a secret.
func writings(s string) []string {
	all := []string{s}
	quoted := strconv.Quote(s)
	lettered := string([]rune(s)) // what is not UTF-8 is the letter U+FFFD
	for _, form := range []string{
		quoted[1 : len(quoted)-1], jsonWriting(s), jsonWriting(lettered), url.QueryEscape(s), url.PathEscape(s),
	} {
		if !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	return all
}

// jsonWriting is what encoding/json writes between the quotes, up to Go 1.26: later versions
// write the letter U+FFFD for what is not UTF-8, and not its escape. Importing that package would
// add 200 KB to every program with a client.
func jsonWriting(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)): // not UTF-8
			b.WriteString(`\ufffd`)
		case strings.ContainsRune("\b\f\n\r\t", r):
			b.WriteByte('\\')
			b.WriteByte("btn\x00fr"[r-'\b'])
		case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// stripURL drops the *url.Error of an http.Client, a middleware's perhaps, because it prints the
// whole URL.
func stripURL(err error) error {
	for {
		u, ok := err.(*url.Error) //nolint:errorlint // only the outermost wrapper goes
		if !ok || u.Err == nil {
			return err
		}
		err = u.Err
	}
}
