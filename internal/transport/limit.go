package transport

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// pauseCap bounds how long one Retry-After can hold a lane, whatever MobiFone writes.
const pauseCap = 5 * time.Minute

// takeTurn takes one token per request, before the timestamp is made, and gives the request
// its id, and a nonce where chance is the machine's.
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
	if err = t.begin(id, began.wall); err != nil {
		return "", "", err
	}
	if err = c.pauses.wait(ctx, c.cfg.Seam, cl.lane); err == nil && c.cfg.Limit != nil {
		err = c.cfg.Limit(ctx, telco.Call{Operation: cl.op, Lane: cl.lane})
	}
	if err != nil {
		e := limited(cl.op, err)
		if end, ok := ctx.Deadline(); timedOut(err) || ok && e.RetryAfter > end.Sub(c.cfg.Seam.Now()) {
			cl.endedBy(telco.DeadlineLimiter)
		}
		return "", "", e
	}
	if c.cfg.OnTry != nil {
		waited, _ := began.since(c.local.read())
		cl.mu.Lock()
		t.limitWait = waited
		cl.mu.Unlock()
	}
	return id, nonce, nil
}

// limited makes a limiter's refusal a typed error: local, nothing sent. How long to
// wait comes from an error with a method RetryAfter() time.Duration.
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

// pauses holds a lane after a 429 with Retry-After, for all callers of this client.
type pauses struct {
	mu    sync.Mutex
	until [2]time.Time
}

func (p *pauses) set(lane telco.Lane, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until[lane&1]) {
		p.until[lane&1] = until
	}
}

// pausedError says how long a lane still waits.
type pausedError struct{ wait time.Duration }

func (e *pausedError) Error() string {
	return "MobiFone asked to wait " + e.wait.Round(time.Millisecond).String()
}

// RetryAfter returns the rest of the wait.
func (e *pausedError) RetryAfter() time.Duration { return e.wait }

// wait sleeps through the lane's pause, or fails at once when the pause outlasts the
// caller's deadline.
func (p *pauses) wait(ctx context.Context, at seam.Seam, lane telco.Lane) error {
	for {
		p.mu.Lock()
		until := p.until[lane&1]
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

// pause tells everybody who could send in this lane to wait, within pauseCap.
func (c *core) pause(lane telco.Lane, d time.Duration) {
	d = min(d, pauseCap)
	c.pauses.set(lane, c.cfg.Seam.Now().Add(d))
	if c.cfg.Pause != nil {
		c.cfg.Pause(lane, c.cfg.Seam.Wall().Add(d))
	}
}
