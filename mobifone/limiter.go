package mobifone

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Limiter grants HTTP requests. Wait blocks until c may be sent. It must be safe for
// concurrent use, return ctx's error when ctx ends, and fail at once when the wait would
// outlast ctx's deadline; an error with a method RetryAfter() time.Duration tells the
// caller when to come back. A call it refuses was not sent.
type Limiter interface {
	Wait(ctx context.Context, c partner.Call) error
}

// Pauser is a limiter that can hold a lane: the client tells it of a 429 with a
// Retry-After, so that all who share the limiter wait.
type Pauser interface {
	Pause(lane partner.Lane, until time.Time)
}

// FromRate makes a limiter of l for one process. Tellers go first: however many
// background calls wait, at most one of them has a place in front of a teller's. Do not
// use l elsewhere: it counts right only when its clock is read under one lock
// (golang/go#65508), which this limiter holds.
func FromRate(l *rate.Limiter) Limiter {
	return &rateLimiter{limit: l, turn: make(chan struct{}, 1)}
}

type rateLimiter struct {
	turn chan struct{} // held by the one background call that has a place in the queue

	mu      sync.Mutex
	limit   *rate.Limiter
	waiting int // background calls that wait for their turn
}

// Wait reserves a place and sleeps until it comes.
func (r *rateLimiter) Wait(ctx context.Context, c partner.Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.Lane == partner.Background {
		if err := r.queue(ctx); err != nil {
			return err
		}
		defer func() { <-r.turn }()
	}
	place, wait, err := r.reserve(ctx)
	if err != nil || wait <= 0 {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		place.CancelAt(time.Now())
		return ctx.Err()
	}
}

// queue waits for the turn of a background call, or fails at once when those in front
// need longer than the deadline allows.
func (r *rateLimiter) queue(ctx context.Context) error {
	r.mu.Lock()
	wait := time.Duration(0)
	if per := float64(r.limit.Limit()); per > 0 {
		wait = time.Duration(float64(r.waiting) / per * float64(time.Second))
	}
	deadline, ok := ctx.Deadline()
	if ok && wait > 0 && time.Now().Add(wait).After(deadline) {
		r.mu.Unlock()
		return &limitError{wait: wait}
	}
	r.waiting++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting--
	}()
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *rateLimiter) reserve(ctx context.Context) (*rate.Reservation, time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() // under the lock, or a stale reading is credited twice
	place := r.limit.ReserveN(now, 1)
	if !place.OK() {
		return nil, 0, &limitError{}
	}
	wait := place.DelayFrom(now)
	if deadline, ok := ctx.Deadline(); ok && wait > 0 && now.Add(wait).After(deadline) {
		place.CancelAt(now)
		return nil, 0, &limitError{wait: wait}
	}
	return place, wait, nil
}

// limitError says that the limit leaves no place before the deadline.
type limitError struct{ wait time.Duration }

// Error says how long the wait would be.
func (e *limitError) Error() string {
	if e.wait == 0 {
		return "the limiter grants nothing (burst 0)"
	}
	return fmt.Sprintf("the limiter's queue is %s long, longer than the deadline", e.wait.Round(time.Millisecond))
}

// RetryAfter returns how long the wait would be.
func (e *limitError) RetryAfter() time.Duration { return e.wait }
