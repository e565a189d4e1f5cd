package sqlstore

// This file decides whose turn it is to write. A commit costs milliseconds, so those who come
// while somebody writes are committed together. What is done inside the transaction is in
// writer.go for SQLite and in pgwrite.go for PostgreSQL.

import (
	"context"
	"slices"
	"sync"
)

// queue lets so many callers write at a time and makes those who come meanwhile a batch, so
// that one commit serves them all. Whoever finds room to write runs its own work in its
// own goroutine, without a hand-off; when it is done it wakes the first of those who
// came meanwhile, who runs the work of all of them. There is no goroutine to stop.
type queue[W any] struct {
	// run does the work of a whole batch; it sets the err of each.
	run func(batch []*work[W])
	// most is how many changes one batch takes.
	most int

	mu sync.Mutex
	// How many run a batch, and how many may at once: one where the database has one writer.
	leading, leaders int
	// Those who came meanwhile, in order. Who is to lead is not among them any more.
	waiting []*work[W]
	// Set by close: new work is refused.
	closed bool
	// Told when nobody leads any more; close waits for it.
	idle sync.Cond
}

// work is one caller's change.
type work[W any] struct {
	do  W
	err error
	// Closed when the work is done, or when its owner is to lead the next batch.
	wake chan struct{}
	// Set under the lock before wake is closed: the owner leads, and its work is not done yet.
	lead bool
}

// init must be called before the queue is used.
func (q *queue[W]) init(run func(batch []*work[W]), most, leaders int) {
	q.run, q.most, q.leaders = run, most, leaders
	q.idle.L = &q.mu
}

// submit has do done in a transaction, together with the work of others, and returns once that
// transaction is committed. If it was refused, nothing of it is stored and submit returns why.
// It is done at most once; ctx can end it only before it has begun.
func (q *queue[W]) submit(ctx context.Context, do W) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The work of this caller. Whoever leads sets its err; wake tells when.
	own := &work[W]{do: do}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errClosed
	}
	if q.leading < q.leaders {
		q.leading++
		q.mu.Unlock()
		q.lead([]*work[W]{own})
		return own.err
	}
	own.wake = make(chan struct{})
	q.waiting = append(q.waiting, own)
	q.mu.Unlock()
	// A change that nobody has begun may be given up; one that is being written may not.
	select {
	case <-own.wake:
	case <-ctx.Done():
		q.mu.Lock()
		if i := slices.Index(q.waiting, own); i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.mu.Unlock()
			// Nobody has begun it, so nothing happened.
			return ctx.Err()
		}
		q.mu.Unlock()
		// It is being written: what becomes of it is worth the wait.
		<-own.wake
	}
	// The one before has finished and made this caller the leader. Its own work comes first.
	if own.lead {
		q.mu.Lock()
		n := min(len(q.waiting), q.most-1)
		batch := append([]*work[W]{own}, q.waiting[:n]...)
		q.waiting = slices.Delete(q.waiting, 0, n)
		q.mu.Unlock()
		q.lead(batch)
	}
	return own.err
}

// lead runs a batch and hands the lead on to the first who waits. The wake of a waiter who leads is
// closed already.
func (q *queue[W]) lead(batch []*work[W]) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, w := range batch {
			if w.wake != nil && !w.lead {
				close(w.wake)
			}
		}
		if len(q.waiting) == 0 {
			q.leading--
			q.idle.Broadcast()
			return
		}
		next := q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		next.lead = true
		close(next.wake)
	}()
	for _, w := range batch {
		// This is the result until a better one is known, also if run panics.
		w.err = ErrUnknown
	}
	q.run(batch)
}

// close refuses new work and waits until nobody writes. Work that was accepted before is still
// done. first is true for the first call alone.
func (q *queue[W]) close() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, q.closed = !q.closed, true
	// The last leader wakes us when nobody waits any more.
	for q.leading > 0 {
		q.idle.Wait()
	}
	return first
}
