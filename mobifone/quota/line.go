package quota

// This file holds a lane's line in this process. Only its head holds a slot or asks for one, so
// that hosts share evenly however many wait in each, few slots are out at a time, and a
// call that leaves costs nothing: its slot is the next one's.

import (
	"container/list"
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// line is the calls of one lane that wait in this process. The limiter's mu guards it.
type line struct {
	lane    telco.Lane
	waiting list.List     // of chan struct{}: closed when the call is at the head
	wake    chan struct{} // tells the head to look again

	slot   seat
	asking bool      // a question is under way
	askAt  time.Time // when to ask again
	ticket int64     // the engine's name for that time
	lates  int       // slots in a row that were gone when the answer came
}

// seat is a slot, by the local clock. Before from it has not come, after until it is gone: what
// leaves late comes too close to the next. The zero seat is none.
type seat struct{ from, until time.Time }

func (s *line) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// forget drops what an engine said that no longer counts.
func (s *line) forget() {
	s.slot, s.askAt, s.ticket, s.lates = seat{}, time.Time{}, 0, 0
	s.nudge()
}

// queue waits in a lane's line, and at its head for a slot.
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
		return &Refusal{Reason: Closed}
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
			return &Refusal{Reason: Closed}
		}
	}
}

// enter takes the last place of the line, or refuses a call whose slot cannot come in time.
func (l *Limiter) enter(ctx context.Context, s *line) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return nil, &Refusal{Reason: Closed}
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
// deadline, even if no other host wanted any.
func (l *Limiter) inTime(ctx context.Context, s *line, now time.Time) error {
	t := l.terms
	if !l.mode.up() {
		t = l.mode.own.terms
	}
	first, ahead := now, int64(s.waiting.Len())
	switch {
	case s.slot.from.After(now): // slots follow each other from here
		first = s.slot.from
	default:
		if s.askAt.After(now) {
			first = s.askAt
		}
		ahead = max(0, ahead-(t.depth-1))
	}
	if held := l.held[s.lane]; held.After(first) {
		first = held
	}
	return late(ctx, first.Add(time.Duration(ahead*t.slot)*time.Microsecond), now)
}

// late is the refusal of a slot that comes after the deadline, or nil.
func late(ctx context.Context, slot, now time.Time) error {
	if deadline, ok := ctx.Deadline(); ok && slot.After(deadline) {
		return &Refusal{Wait: slot.Sub(now)}
	}
	return nil
}

// leave takes a call out of the line, with a slot or without.
func (l *Limiter) leave(s *line, place *list.Element) {
	l.mu.Lock()
	defer l.mu.Unlock()
	atHead := s.waiting.Front() == place
	s.waiting.Remove(place)
	if next := s.waiting.Front(); atHead && next != nil {
		close(next.Value.(chan struct{})) //nolint:forcetypeassert // there is nothing else
	}
}

// long is until somebody nudges the head.
const long = time.Hour

// step is what the head of a line does now: it takes its slot, or waits, or asks for one.
func (l *Limiter) step(ctx context.Context, s *line) (wait time.Duration, done bool, err error) {
	l.mu.Lock()
	defer l.unlock()
	now := time.Now()
	l.look(now)
	wait, done, err = l.stepAt(ctx, s, now)
	return min(wait, l.mode.rest(l.cfg.WhenDown, now, l.cfg.Timeout)), done, err
}

// stepAt is step, without the look at the engine.
func (l *Limiter) stepAt(ctx context.Context, s *line, now time.Time) (wait time.Duration, done bool, err error) {
	if held := l.held[s.lane]; held.After(now) {
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
		return long, false, nil
	case s.askAt.After(now):
		return s.askAt.Sub(now), false, late(ctx, s.askAt, now)
	case !l.mode.up() && l.cfg.WhenDown == Degrade:
		l.answered(s, l.mode.own.take(now, s.lane, s.ticket), now)
		return 0, false, nil
	case !l.mode.up() && now.Before(l.mode.probeAt):
		return 0, false, &Refusal{Reason: EngineDown, Wait: l.mode.probeAt.Sub(now), Err: l.mode.err}
	case l.shut:
		return 0, false, &Refusal{Reason: Closed}
	}
	s.asking = true
	l.ask(s, l.question(s, now))
	return long, false, nil
}

// question is what the head of a line asks now.
func (l *Limiter) question(s *line, now time.Time) question {
	q := question{lane: s.lane, known: l.known, ticket: s.ticket}
	if !l.mode.up() {
		q.down = max(1, now.Sub(l.mode.since).Microseconds())
	}
	return q
}

// ask sends a question. Whoever is the head when the answer comes has it.
func (l *Limiter) ask(s *line, q question) {
	epoch := l.mode.epoch
	l.requests.Go(func() {
		ctx, cancel := l.bounded()
		defer cancel()
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

// answered notes an answer, of the engine or of the rule in this process.
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
