package mobifone

// This file holds the limiter: who may send now, and who waits. It serves tellers first and starves
// no lane, and a wait that is given up leaves nothing behind.

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Limiter grants HTTP requests. Wait blocks until c may be sent. It must be safe for
// concurrent use, return ctx's error when ctx ends, and fail at once when the wait would
// outlast ctx's deadline; an error with a method RetryAfter() time.Duration tells the
// caller when to come back. A call it refuses was not sent.
type Limiter interface {
	Wait(ctx context.Context, c telco.Call) error
}

// Pauser is a limiter that can hold a lane: the client tells it of a 429 with a
// Retry-After. Pause holds the lane of all who share the limiter until then, by the local clock; a
// pause that ends earlier than one it has changes nothing. It may hold the lanes below as well, never
// those above.
type Pauser interface {
	Pause(lane telco.Lane, until time.Time)
}

// FromRate makes a limiter of l for one process; within a lane it is first come, first served.
// Tellers go first: however many calls of the resolver and the background wait, at most one of
// them has a place in front of a teller's, and three of four such places are the resolver's when
// both want them. Hosts that share one quota share a limiter: see mobifone/quota.
//
// Do not use l elsewhere: it counts right only when its clock is read under one lock (golang/go#65508) and when no more than one reservation is open at a time
// (golang/go#69419); this limiter sees to both.
func FromRate(l *rate.Limiter) Limiter { return &rateLimiter{limit: l} }

// rateLimiter is a queue whose head alone holds a reservation. A reservation that is given back after
// others were made behind it would leave a debt for whoever comes next, so there is never a second
// one. A head that leaves hands its reservation on.
type rateLimiter struct {
	// mu guards everything below, and the readings of the clock with which limit is asked.
	mu     sync.Mutex
	limit  *rate.Limiter
	queue  list.List    // of *waiter: tellers, and one call of the other lanes at most
	behind [2]list.List // of *waiter: the resolver's and the background's calls that wait for that place
	front  bool         // a call of the other lanes is in the queue
	inRow  int          // places the resolver had since the background's last one, up to perPlace
	open   int          // reservations that are neither used nor given back: 0 or 1
}

// perPlace is how many places the resolver has for each of the background's.
const perPlace = 3

// waiter is one call that waits.
type waiter struct {
	ctx  context.Context //nolint:containedctx // it stays no longer than the call
	lane telco.Lane
	turn chan struct{} // closed when the call is at the head, or refused
	in   *list.List    // where it waits; nil when it does not
	at   *list.Element
	seat seat  // of the head
	err  error // why it was refused; set before turn is closed
}

// seat is the head's reservation.
type seat struct {
	held *rate.Reservation
	due  time.Time
}

// Wait queues, and sleeps at the head of the queue until its token comes.
func (r *rateLimiter) Wait(ctx context.Context, c telco.Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := r.enter(ctx, c.Lane)
	if w == nil {
		return err
	}
	select {
	case <-w.turn:
	case <-ctx.Done():
		r.leave(w, false)
		return ctx.Err()
	}
	if w.err != nil {
		return w.err
	}
	timer := time.NewTimer(time.Until(w.seat.due))
	defer timer.Stop()
	select {
	case <-timer.C:
		r.leave(w, true)
		return nil
	case <-ctx.Done():
		r.leave(w, false)
		return ctx.Err()
	}
}

// enter takes a token, or a place in the queue, or refuses at once. Without a waiter and
// without an error the call may go.
func (r *rateLimiter) enter(ctx context.Context, lane telco.Lane) (*waiter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() // under the lock, or a stale reading is credited twice
	if r.queue.Len() == 0 && r.limit.AllowN(now, 1) {
		return nil, nil //nolint:nilnil // says: go
	}
	lane = min(lane, telco.Background)
	if err := r.inTime(ctx, now, r.queue.Len()-r.open+r.before(lane)); err != nil {
		return nil, err
	}
	w := &waiter{ctx: ctx, lane: lane, turn: make(chan struct{})}
	if lane != telco.Foreground && r.front {
		w.stand(&r.behind[lane-1])
		return w, nil
	}
	r.line(w)
	if r.queue.Len() == 1 {
		r.seatHead(now, seat{})
	}
	return w, nil
}

// leave takes a call out. A seat that it did not use is the next one's.
func (r *rateLimiter) leave(w *waiter, used bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.in == nil { // it was refused while it turned away
		return
	}
	if w.in != &r.queue {
		w.stepOut()
		return
	}
	now := time.Now()
	atHead := r.queue.Front() == w.at
	if used {
		r.open, w.seat = 0, seat{}
	}
	r.unline(w, now)
	if atHead {
		r.seatHead(now, w.seat)
	}
}

// line puts a call at the end of the queue.
func (r *rateLimiter) line(w *waiter) {
	w.stand(&r.queue)
	if w.lane == telco.Foreground {
		return
	}
	r.front = true
	if w.lane == telco.Resolving {
		r.inRow = min(r.inRow+1, perPlace)
	} else {
		r.inRow = 0
	}
}

// before counts the calls behind the queue that would come before a new one of this lane, if nobody
// else came or left.
func (r *rateLimiter) before(lane telco.Lane) int {
	resolving, background := r.behind[0].Len(), r.behind[1].Len()
	switch lane {
	case telco.Foreground:
		return 0
	case telco.Resolving:
		return resolving + min(background, (r.inRow+resolving)/perPlace)
	default:
		return background + min(resolving, (background+1)*perPlace-r.inRow)
	}
}

// next is the call that gets the place of the other lanes, or nil.
func (r *rateLimiter) next() *waiter {
	first, second := &r.behind[0], &r.behind[1]
	if r.inRow == perPlace {
		first, second = second, first
	}
	e := first.Front()
	if e == nil {
		e = second.Front()
	}
	if e == nil {
		return nil
	}
	return e.Value.(*waiter) //nolint:forcetypeassert // there is nothing else
}

// unline takes a call out of the queue; one of the other lanes makes room for the next of them,
// behind every teller who waits by now.
func (r *rateLimiter) unline(w *waiter, now time.Time) {
	w.stepOut()
	if w.lane == telco.Foreground {
		return
	}
	r.front = false
	for next := r.next(); next != nil && !r.front; next = r.next() {
		next.stepOut()
		if err := r.inTime(next.ctx, now, r.queue.Len()-r.open); err != nil {
			next.refuse(err)
			continue
		}
		r.line(next)
	}
}

// seatHead gives the head of the queue the seat that was left, or reserves one. With
// nobody to take it, a seat is given back: the only one there is, so all of it counts.
func (r *rateLimiter) seatHead(now time.Time, left seat) {
	for e := r.queue.Front(); e != nil; e = r.queue.Front() {
		w := e.Value.(*waiter) //nolint:forcetypeassert // there is nothing else
		if left.held == nil {
			left.held = r.limit.ReserveN(now, 1)
			left.due = now.Add(left.held.DelayFrom(now))
			r.open = 1
		}
		err := late(w.ctx, left.due, now)
		if err == nil {
			w.seat = left
			close(w.turn)
			return
		}
		r.unline(w, now)
		w.refuse(err)
	}
	if left.held != nil {
		left.held.CancelAt(now)
		r.open = 0
	}
}

// inTime refuses a call that can have no token before its deadline, with so many ahead of
// it who hold no reservation yet.
func (r *rateLimiter) inTime(ctx context.Context, now time.Time, ahead int) error {
	perSecond := float64(r.limit.Limit())
	if r.limit.Burst() < 1 || perSecond <= 0 {
		return &limitError{}
	}
	seconds := (float64(ahead+1) - r.limit.TokensAt(now)) / perSecond
	return late(ctx, now.Add(time.Duration(min(seconds*float64(time.Second), float64(longestWait)))), now)
}

// longestWait keeps a wait within what a time.Duration holds.
const longestWait = 100 * 365 * 24 * time.Hour

// late is the refusal of a token that comes after the deadline, or nil.
func late(ctx context.Context, due, now time.Time) error {
	if deadline, ok := ctx.Deadline(); ok && due.After(deadline) {
		return &limitError{wait: due.Sub(now)}
	}
	return nil
}

// stand puts the call at the end of a list. The limiter's lock is held, as for stepOut and refuse.
func (w *waiter) stand(in *list.List) { w.in, w.at = in, in.PushBack(w) }

// stepOut takes the call out of the list where it waits. Whoever takes it out of the queue goes
// through unline, which makes room for the next.
func (w *waiter) stepOut() {
	w.in.Remove(w.at)
	w.in = nil
}

// refuse wakes the call with an error. The call was taken out of its list before.
func (w *waiter) refuse(err error) {
	w.err = err
	close(w.turn)
}

// limitError says that the limit leaves no place before the deadline.
type limitError struct{ wait time.Duration }

// Error says how long the wait would be.
func (e *limitError) Error() string {
	if e.wait == 0 {
		return "the limiter grants nothing (burst or rate 0)"
	}
	return fmt.Sprintf("the limiter's queue is %s long, longer than the deadline", e.wait.Round(time.Millisecond))
}

// RetryAfter returns how long the wait would be.
func (e *limitError) RetryAfter() time.Duration { return e.wait }
