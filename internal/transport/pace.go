package transport

// This file decides when a request goes out: the limiter before each try, the pause that MobiFone
// asked for, whether a call is tried again, and after which wait. Reads may be repeated, an OTP
// request only when nothing was sent, a registration never. All retries of a client share one
// budget. Nothing here shortens a wait that MobiFone asked for.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// pauseCap bounds how long one Retry-After can hold a lane, whatever MobiFone writes.
const pauseCap = 5 * time.Minute

// takeTurn takes one token per request, before the timestamp is made. It gives the request its
// id, and a nonce where chance is the machine's.
func (c *core) takeTurn(ctx context.Context, t *try) (id, nonce string, err error) {
	cl := t.call
	if t.shot.wasPassed() {
		return "", "", errShotPassed // it takes no token and no id of its own
	}
	if !cl.money() && !cl.login && c.drain.isClosed() { // a wait between tries outlasted Close
		return "", "", notBegun(cl.op, telco.ClientClosed, errClosed)
	}
	var began instant
	if c.cfg.OnTry != nil {
		began = c.local.read()
	}
	id, nonce = c.cfg.Seam.IDs()
	n, err := t.begin(id, began.wall)
	if err != nil {
		return "", "", err
	}
	if err = c.pauses.wait(ctx, c.cfg.Seam, cl.lane); err == nil && c.cfg.Limit != nil {
		err = c.cfg.Limit(ctx, telco.Call{Operation: cl.op, Lane: cl.lane, Try: n, Subscriber: cl.fields.MSISDN})
	}
	if c.cfg.OnTry != nil {
		waited, _ := began.since(c.local.read())
		cl.mu.Lock()
		t.limitWait = waited
		cl.mu.Unlock()
	}
	if err != nil {
		e := limited(cl.op, err)
		if end, ok := ctx.Deadline(); timedOut(err) || ok && e.RetryAfter > end.Sub(c.cfg.Seam.Now()) {
			cl.endedBy(deadlineLimiter)
		}
		return "", "", e
	}
	return id, nonce, nil
}

// limited makes a limiter's refusal a typed error: local, nothing sent. An error with a method
// RetryAfter() time.Duration says how long to wait.
func limited(op telco.Operation, err error) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: telco.NotSent, Code: telco.LimitReached, Err: err}
	if errors.Is(err, context.Canceled) {
		e.Code = telco.Canceled
	}
	if wait, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		e.RetryAfter = wait.RetryAfter()
	}
	return e
}

// pauses hold a lane after a 429 with Retry-After, for all callers of this client.
type pauses struct {
	mu    sync.Mutex
	until [telco.Lanes]time.Time
}

// set holds a lane until then, unless it is held longer already.
func (p *pauses) set(lane telco.Lane, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := &p.until[min(lane, telco.Background)]
	if until.After(*held) {
		*held = until
	}
}

// pausedError says how long a lane still waits. Its text names no time of the day.
type pausedError struct{ wait time.Duration }

// Error says what MobiFone asked for.
func (e *pausedError) Error() string {
	return "MobiFone asked to wait " + e.wait.Round(time.Millisecond).String()
}

// RetryAfter returns the rest of the wait.
func (e *pausedError) RetryAfter() time.Duration { return e.wait }

// wait sleeps through the lane's pause. It fails at once when the pause outlasts the caller's
// deadline: a teller must not wait for nothing.
func (p *pauses) wait(ctx context.Context, at seam.Seam, lane telco.Lane) error {
	for {
		p.mu.Lock()
		until := p.until[min(lane, telco.Background)]
		p.mu.Unlock()
		if until.IsZero() {
			return nil
		}
		now := at.Now()
		rest := until.Sub(now)
		if rest <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < rest {
			return &pausedError{wait: rest}
		}
		if err := at.Sleep(ctx, rest); err != nil {
			return err
		}
	}
}

// pause tells everybody who could send in this lane to wait, for pauseCap at most, and returns
// for how long.
func (c *core) pause(lane telco.Lane, d time.Duration) time.Duration {
	d = min(d, pauseCap)
	c.pauses.set(lane, c.cfg.Seam.Now().Add(d))
	if c.cfg.Pause != nil {
		c.cfg.Pause(lane, c.cfg.Seam.Wall().Add(d))
	}
	return d
}

// Retry bounds the repetition of calls that may be repeated.
type Retry struct {
	// Tries is how many there may be, the first included.
	Tries int
	// BackoffBase bounds the first wait; each further bound is twice as long, up to BackoffMax. A
	// wait is a random part of its bound.
	BackoffBase time.Duration
	BackoffMax  time.Duration
	// RetryAfterCap is the longest Retry-After that is waited for; a longer one ends the call.
	RetryAfterCap time.Duration
}

// repeatable is the retry rule of an operation, as data.
type repeatable uint8

const (
	// never allows one request on the wire, whatever comes.
	never repeatable = iota
	// ifNotSent allows another one only when the guard proves that nothing left.
	ifNotSent
	// freely allows more, because the operation changes nothing at MobiFone.
	freely
)

func repetition(op telco.Operation) repeatable {
	switch op {
	case telco.OpEligible, telco.OpGet, telco.OpList, telco.OpSearch:
		return freely
	case telco.OpOTP:
		return ifNotSent
	default:
		return never
	}
}

// budget is shared by all calls of a client: retries may be at most a tenth of the calls, plus a
// reserve, so that an outage is not answered with a storm. It refuses retries; it never shortens
// a wait.
type budget struct {
	mu     sync.Mutex
	tenths int
}

const (
	// budgetMax is the reserve in tenths: 20 retries.
	budgetMax = 200
	// budgetRetry is what a retry costs.
	budgetRetry = 10
	// budgetCall is what a call earns that was answered at its first try.
	budgetCall = 1
)

// newBudget begins with a full reserve.
func newBudget() *budget { return &budget{tenths: budgetMax} }

// earn adds what one call earns, up to the full reserve.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+budgetCall, budgetMax)
}

// spend pays for a retry, or reports false when the budget does not allow one.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < budgetRetry {
		return false
	}
	b.tenths -= budgetRetry
	return true
}

// left is how many retries the budget allows now.
func (b *budget) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tenths / budgetRetry
}

// run makes the tries of one repeatable call. What a reply means, whether to go on and how long
// to wait is decided here; the loop and the sleep are go-retryablehttp's, which is asked from the
// second try on, because most calls have one try.
func (t *Transport) run(cl *call) verdict {
	last := t.try(cl, &cl.first)
	wait, again := t.grantNext(cl, &last)
	interrupted := false
	if again {
		last, interrupted = t.repeat(cl, last, wait)
	}
	if last.err == nil {
		return last
	}
	var over error
	if last.status == 0 || interrupted {
		over = cl.over()
	}
	deadline := cl.evidence(0).Deadline
	if over == nil && deadline == last.err.Evidence.Deadline {
		return last
	}
	e := *last.err // hooks may hold the other one
	e.Evidence.Deadline = deadline
	if over != nil { // the last verdict stays, with the end of the time as its cause
		e.Err = joinCause(e.Err, over)
	}
	last.err = &e
	return last
}

// repeat shows go-retryablehttp the try that was made already and makes the further ones for it.
// interrupted reports that the caller's time ended in a wait between tries.
func (c *core) repeat(cl *call, last verdict, wait time.Duration) (verdict, bool) {
	made, again := true, true
	client := &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
			if !made {
				cl.noReply()
				last = c.try(cl, &try{})
				wait, again = c.grantNext(cl, &last)
			}
			made = false
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil // what came is in last
		})},
		RetryMax:   max(c.cfg.Retry.Tries-1, 0),
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return again, nil },
		Backoff:    func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 },
		// The wait lies here and not in Backoff: after a cancellation the library would
		// toss a coin between the end of ctx and that of a wait already over.
		PrepareRetry: func(*http.Request) error { return c.cfg.Seam.Sleep(cl, wait) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	req := c.template.WithContext(cl)
	req.URL, req.Header = &c.base, http.Header{}
	rreq, err := retryablehttp.FromRequest(req)
	if err == nil {
		var resp *http.Response
		if resp, err = client.Do(rreq); resp != nil {
			_ = resp.Body.Close()
		}
	}
	return last, err != nil
}

// roundTripFunc is a RoundTripper made of a function.
type roundTripFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// grantNext decides whether a call goes on, and after which wait. It names the deadline when the
// next try would not end in time.
func (c *core) grantNext(cl *call, v *verdict) (wait time.Duration, granted bool) {
	if v.err == nil {
		return 0, false
	}
	tries := cl.evidence(0).Tries
	if over := cl.over(); over != nil {
		if v.again && timedOut(over) {
			cl.endedBy(deadlineWhole)
		}
		return 0, false
	}
	if tries >= c.cfg.Retry.Tries || !c.mayRepeat(cl, v) {
		return 0, false
	}
	wait = c.backoff(tries)
	if v.retryAfter > c.cfg.Retry.RetryAfterCap {
		return 0, false
	}
	wait = max(wait, v.retryAfter)
	if end, ok := cl.end(); ok && end.Sub(c.cfg.Seam.Now()) <= wait {
		cl.endedBy(deadlineWhole)
		return 0, false
	}
	if !c.budget.spend() {
		return 0, false
	}
	cl.keepEarlier(v)
	return wait, true
}

// keepEarlier moves the last try into the evidence as an earlier one, before the next begins.
func (cl *call) keepEarlier(v *verdict) {
	ended := cl.core.local.read().wall
	cl.mu.Lock()
	defer cl.mu.Unlock()
	e := &cl.sofar
	made := telco.Try{
		RequestID: e.RequestID, EndedAt: ended, HTTPStatus: v.status, Sent: cl.now.letOut,
		Code: v.err.Code, WireCode: v.err.WireCode, Deadline: e.Deadline,
	}
	if cl.reply != nil && cl.reply.WireCode != "" { // it was a well-formed one
		made.TelcoRequestID = e.TelcoRequestID
	}
	e.Earlier = append(slices.Clip(e.Earlier), made) // hooks may hold the shorter one
}

// mayRepeat applies the operation's retry rule to one verdict.
func (c *core) mayRepeat(cl *call, v *verdict) bool {
	switch repetition(cl.op) {
	case freely:
		if v.refresh {
			return c.refreshOnce(cl)
		}
		return v.again
	case ifNotSent:
		return v.again && v.err.Outcome == telco.NotSent
	default:
		return false
	}
}

// refreshOnce marks the refused credentials as stale, so that the next try fetches fresh ones. It
// reports false the second time: a call refreshes once.
func (c *core) refreshOnce(cl *call) bool {
	cl.mu.Lock()
	first, refused := !cl.refreshed, cl.granted
	cl.refreshed = true
	cl.mu.Unlock()
	c.auth.stale(refused)
	return first
}

// backoff is full jitter: a random wait below a bound that doubles with each try.
func (c *core) backoff(tries int) time.Duration {
	bound := c.cfg.Retry.BackoffMax
	if shift := tries - 1; shift < 20 {
		bound = min(bound, c.cfg.Retry.BackoffBase<<max(shift, 0))
	}
	if bound <= 0 {
		return 0
	}
	return c.cfg.Seam.Jitter(bound)
}

// again says whether the contract lets a request that got this code go out again by itself, and
// whether it needs fresh credentials first.
func again(rule *contract.CodeRule) (again, refresh bool) {
	if rule == nil {
		return false, false
	}
	return rule.Resend == "reads", rule.Resend == "afterRefresh"
}
