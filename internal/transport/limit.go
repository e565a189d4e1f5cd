package transport

// This file makes requests wait: for the limiter, before each try, and for as long as MobiFone
// asked in a Retry-After. It also reads that header. Waiting sends nothing and never shortens
// what MobiFone asked for.

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
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

// retryAfter reads the Retry-After lines of a reply: whole seconds, or an HTTP date, compared
// with the reply's own Date (else with now). asked is false for anything else, the past included.
// A value too large for a wait becomes the longest one there is. Of several lines, a gateway's
// and MobiFone's say, the longest wait counts.
func retryAfter(h http.Header, date, now time.Time) (longest time.Duration, asked bool) {
	if !date.IsZero() {
		now = date
	}
	for _, line := range h["Retry-After"] {
		if wait, ok := waitIn(strings.TrimSpace(line), now); ok {
			longest, asked = max(longest, wait), true
		}
	}
	return longest, asked
}

// waitIn reads one Retry-After line.
func waitIn(v string, now time.Time) (time.Duration, bool) {
	if isDigits(v) {
		secs, err := strconv.ParseInt(v, 10, 64)
		if err != nil || secs > int64(longestWait/time.Second) {
			return longestWait, true
		}
		return time.Duration(secs) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	wait := at.Sub(now)
	if wait < 0 {
		return 0, false
	}
	return min(wait, longestWait), true
}

// longestWait is the most that a Retry-After is read as.
const longestWait = 365 * 24 * time.Hour

// isDigits reports whether s is digits alone, and not empty.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
