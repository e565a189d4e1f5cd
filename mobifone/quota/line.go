package quota

// This file holds a lane's line in this process, and the clock by which its head knows that its
// slot has come. Only the head holds a slot or asks for one, so that hosts share evenly however many
// wait in each, few slots are out at a time, and a call that leaves costs nothing: its slot is
// the next one's. What happens when the engine does not answer is in mode.go.

import (
	"container/list"
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// line is the calls of one lane that wait in this process. The limiter's mu guards it. Each call waits
// in its own goroutine; the one at the head does the steps.
type line struct {
	lane    telco.Lane
	waiting list.List     // of chan struct{}: closed when the call is at the head
	wake    chan struct{} // tells the head to look again; has room for one, so nobody blocks on it

	// What follows belongs to the head, whoever that is: a call that leaves hands it to the next.
	slot   seat
	asking bool      // a question is under way
	askAt  time.Time // when to ask again
	ticket int64     // the engine's name for that time
	lates  int       // slots in a row that were gone when the answer came
}

// seat is a slot, by the local clock. Before from it has not come, after until it is gone: what
// leaves late comes too close to the next. The zero seat means that the head has no slot.
type seat struct{ from, until time.Time }

// nudge makes the head look again, at once or, where nobody waits, when the next call comes.
func (s *line) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// forget drops what an engine said that no longer counts, and makes the head ask anew.
func (s *line) forget() {
	s.slot, s.askAt, s.ticket, s.lates = seat{}, time.Time{}, 0, 0
	s.nudge()
}

// queue waits in a lane's line, and at its head for a slot. It returns nil when the slot has come and
// is the caller's; else ctx's error or a refusal.
func (l *Limiter) queue(ctx context.Context, lane telco.Lane) error {
	s := &l.lines[lane]
	place, err := l.enter(ctx, s)
	if err != nil {
		return err
	}
	defer l.leave(s, place)
	select {
	case <-place.Value.(chan struct{}): //nolint:forcetypeassert // there is nothing else
	case <-ctx.Done():
		return ctx.Err()
	case <-l.closed:
		return &refusal{why: closed}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, done, err := l.step(ctx, s)
		if done || err != nil {
			return err
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closed:
			return &refusal{why: closed}
		}
	}
}

// enter takes the last place of the line, or refuses a call whose slot cannot come in time.
func (l *Limiter) enter(ctx context.Context, s *line) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return nil, &refusal{why: closed}
	}
	if err := l.inTime(ctx, s, time.Now()); err != nil {
		return nil, err
	}
	turn := make(chan struct{})
	place := s.waiting.PushBack(turn)
	if s.waiting.Len() == 1 {
		close(turn)
	}
	return place, nil
}

// inTime refuses a call that would be behind so many others that it has no slot before its
// deadline, even if no other host wanted any. It guesses in the call's favour, because whoever is let
// in and comes to the head too late is refused there, by what the engine says.
func (l *Limiter) inTime(ctx context.Context, s *line, now time.Time) error {
	t := l.terms
	if !l.mode.up() {
		t = l.mode.own.terms // of slot 0 where the quota is not split: the head is refused at once
	}
	first, ahead := now, int64(s.waiting.Len())
	switch {
	case s.slot.from.After(now): // slots follow each other from here
		first = s.slot.from
	default:
		if s.askAt.After(now) {
			first = s.askAt
		}
		ahead = max(0, ahead-(t.depth-1)) // the bucket may be full
	}
	if held := l.held[s.lane]; held.After(first) {
		first = held
	}
	return late(ctx, first.Add(time.Duration(ahead*t.slot)*time.Microsecond), now)
}

// late returns the refusal of a slot that comes after the deadline, or nil.
func late(ctx context.Context, slot, now time.Time) error {
	if deadline, ok := ctx.Deadline(); ok && slot.After(deadline) {
		return &refusal{why: noSlot, wait: slot.Sub(now)}
	}
	return nil
}

// leave takes a call out of the line, with a slot or without, and makes the next one the head. A slot
// that the call did not use stays in the line for it.
func (l *Limiter) leave(s *line, place *list.Element) {
	l.mu.Lock()
	defer l.mu.Unlock()
	atHead := s.waiting.Front() == place
	s.waiting.Remove(place)
	if next := s.waiting.Front(); atHead && next != nil {
		close(next.Value.(chan struct{})) //nolint:forcetypeassert // there is nothing else
	}
}

// untilNudged is how long a head sleeps that only an answer or a change can help.
const untilNudged = time.Hour

// step does what the head of a line does now: it takes its slot (done), asks for one, or says how
// long to wait before the next step. It wakes earlier when an answer, a pause or a change nudges it.
func (l *Limiter) step(ctx context.Context, s *line) (wait time.Duration, done bool, err error) {
	l.mu.Lock()
	defer l.unlock()
	now := time.Now()
	l.look(now)
	wait, done, err = l.stepAt(ctx, s, now)
	return min(wait, l.mode.rest(l.cfg.splits(), now, l.cfg.Timeout)), done, err
}

// stepAt is step without the look at whether the engine is back. The order of its parts matters: a
// pause is kept also by a head with a slot, and a slot that is there is used before anything is asked.
func (l *Limiter) stepAt(ctx context.Context, s *line, now time.Time) (wait time.Duration, done bool, err error) {
	if held := l.held[s.lane]; held.After(now) {
		// A slot before the end of the pause is lost; a later one is kept.
		if s.slot.from.Before(held) {
			s.slot = seat{}
		}
		return held.Sub(now), false, late(ctx, held, now)
	}
	if !s.slot.until.IsZero() && !now.After(s.slot.until) {
		if !now.Before(s.slot.from) {
			s.slot = seat{}
			return 0, true, nil
		}
		return s.slot.from.Sub(now), false, late(ctx, s.slot.from, now)
	}
	s.slot = seat{}
	switch {
	case s.asking:
		return untilNudged, false, nil
	case s.askAt.After(now):
		return s.askAt.Sub(now), false, late(ctx, s.askAt, now)
	case !l.mode.up() && l.cfg.splits():
		l.answered(s, l.mode.own.take(now, s.lane, s.ticket), now)
		return 0, false, nil
	case !l.mode.up() && now.Before(l.mode.probeAt):
		return 0, false, &refusal{why: engineDown, wait: l.mode.probeAt.Sub(now), err: l.mode.err}
	case l.shut:
		return 0, false, &refusal{why: closed}
	}
	s.asking = true
	l.ask(s, l.question(s, now))
	return untilNudged, false, nil
}

// question returns what the head of a line asks now. While the engine counts as down, the question
// says for how long: so the engine learns that it was lost.
func (l *Limiter) question(s *line, now time.Time) question {
	q := question{lane: s.lane, known: l.known, ticket: s.ticket}
	if !l.mode.up() {
		q.down = max(1, now.Sub(l.mode.since).Microseconds())
	}
	return q
}

// ask sends a question; the caller holds mu. The answer is that of whoever is the head when it comes.
func (l *Limiter) ask(s *line, q question) {
	epoch := l.mode.epoch
	l.request(func(ctx context.Context) {
		left := time.Now()
		a, err := l.engine.take(ctx, q)
		came := time.Now()
		l.mu.Lock()
		defer l.unlock()
		s.asking = false
		s.nudge()
		switch {
		case epoch != l.mode.epoch: // the engine was lost meanwhile, or is back: it does not count
		case err != nil:
			l.fail(left, came, err)
		default:
			l.known = true
			l.clock.learn(a.now, left, came)
			l.rise(came)
			l.answered(s, a, came)
		}
	})
}

// answered notes an answer of the engine, or of the rule in this process while the engine is down.
// Many slots in a row that are gone before their answer comes mean that the engine is as good as down.
func (l *Limiter) answered(s *line, a answer, now time.Time) {
	at := l.clock.at
	if !l.mode.up() {
		at = l.mode.own.at
	}
	s.ticket = 0
	switch a.kind {
	case granted, welcome:
		s.slot = seat{from: at(a.at), until: at(a.at).Add(l.patience)}
		if s.lates++; s.slot.until.After(now) {
			s.lates = 0
		} else if s.lates == tooSlow {
			l.fall(now, now, errSlow)
		}
	case later:
		s.askAt, s.ticket = at(a.at), a.at
	case settling:
		l.settle(now, at(a.at))
	}
}

// clock turns the engine's times into this machine's. It knows the distance between the engine's
// clock and this process's monotonic one from the answers of the last seconds. The engine read its
// clock after a question left and before the answer came, so each answer bounds the distance from
// both sides. The best lower bound is used: by it a slot is never believed to have come too early,
// and a slow answer delays nobody.
//
// It trusts no other clock: neither the time of the day of this machine nor that of another host.
type clock struct {
	start   time.Time // when local times begin
	best    int64     // engine minus local, in microseconds, at least
	older   int64     // the best of the time before
	renewed time.Time // when best began anew
}

// memory is how long a bound is believed: two clocks that run at different speeds drift apart.
const memory = 5 * time.Second

// learn takes in an answer: the engine's time, and when the question left and the answer came.
func (c *clock) learn(engine int64, left, came time.Time) {
	low, high := engine-c.local(came), engine-c.local(left)
	switch {
	case c.renewed.IsZero() || max(c.best, c.older) > high: // the engine's clock was set back
		c.best, c.older, c.renewed = low, low, came
	case came.Sub(c.renewed) > 2*memory: // both bounds are too old
		c.best, c.older, c.renewed = low, low, came
	case came.Sub(c.renewed) > memory:
		c.best, c.older, c.renewed = low, c.best, came
	default:
		c.best = max(c.best, low)
	}
}

// at returns when the engine's clock has surely reached a time.
func (c *clock) at(engine int64) time.Time {
	return c.start.Add(time.Duration(engine-max(c.best, c.older)) * time.Microsecond)
}

// local returns a time as microseconds since start, by the monotonic clock.
func (c *clock) local(t time.Time) int64 { return t.Sub(c.start).Microseconds() }
