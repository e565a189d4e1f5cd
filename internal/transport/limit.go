package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// pauseCap bounds how long one Retry-After can hold a lane, whatever the partner writes.
const pauseCap = 5 * time.Minute

// limit takes one token per try, before the timestamp is made.
func (c *core) limit(next http.RoundTripper) http.RoundTripper {
	return stage(func(req *http.Request, r *record) (*http.Response, error) {
		if r.spent() {
			return nil, r.refuse(errShotPassed) // it takes no token and no id of its own
		}
		if !r.money() && !r.login && c.drain.isClosed() { // a wait between tries outlasted Close
			return nil, r.refuse(&partner.Error{Operation: r.op, Outcome: partner.NotSent, Code: partner.ClientClosed, Err: errClosed})
		}
		began := c.local.read()
		r.beginTry(began.wall, c.cfg.Seam.ID())
		if err := c.waitTurn(req.Context(), r); err != nil {
			return nil, r.refuse(err)
		}
		waited, _ := began.since(c.local.read())
		r.mu.Lock()
		r.limitWait = waited
		r.mu.Unlock()
		return next.RoundTrip(req)
	})
}

func (c *core) waitTurn(ctx context.Context, r *record) error {
	if err := c.pauses.wait(ctx, c.cfg.Seam, r.lane); err != nil {
		return limited(r.op, err)
	}
	if c.cfg.Limit == nil {
		return nil
	}
	op := r.op
	if r.login {
		op = opLogin
	}
	if err := c.cfg.Limit(ctx, partner.Call{Operation: op, Lane: r.lane}); err != nil {
		return limited(r.op, err)
	}
	return nil
}

// limited makes a limiter's refusal a typed error: local, nothing sent. How long to
// wait comes from an error with a method RetryAfter() time.Duration.
func limited(op partner.Operation, err error) error {
	e := &partner.Error{Operation: op, Outcome: partner.NotSent, Code: partner.LimitReached, Err: err}
	if errors.Is(err, context.Canceled) {
		e.Code = partner.Canceled
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

func (p *pauses) set(lane partner.Lane, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until[lane&1]) {
		p.until[lane&1] = until
	}
}

// pausedError says how long a lane still waits.
type pausedError struct{ wait time.Duration }

func (e *pausedError) Error() string {
	return "the partner asked to wait " + e.wait.Round(time.Millisecond).String()
}

// RetryAfter returns the rest of the wait.
func (e *pausedError) RetryAfter() time.Duration { return e.wait }

// wait sleeps through the lane's pause, or fails at once when the pause outlasts the
// caller's deadline.
func (p *pauses) wait(ctx context.Context, at seam.Seam, lane partner.Lane) error {
	for {
		p.mu.Lock()
		until := p.until[lane&1]
		p.mu.Unlock()
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
func (c *core) pause(lane partner.Lane, d time.Duration) {
	d = min(d, pauseCap)
	c.pauses.set(lane, c.cfg.Seam.Now().Add(d))
	if c.cfg.Pause != nil {
		c.cfg.Pause(lane, c.cfg.Seam.Wall().Add(d))
	}
}
