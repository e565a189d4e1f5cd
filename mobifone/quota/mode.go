package quota

// This file holds what a host does when the engine is lost and when it is back. The engine's
// half is begin in rule.go.

import (
	"context"
	"errors"
	"time"
)

// mode is whether this host uses the engine, and what it does without. The limiter's mu guards it.
type mode struct {
	// epoch rises with every change, so that an answer to a question of before is known as such.
	epoch   int
	failed  time.Time // when a request last failed; zero after one that did not
	since   time.Time // when the engine was lost; zero while it is used
	probeAt time.Time // when to ask whether it is back
	backAt  time.Time // when to use it again; zero while that is not known
	probing bool
	err     error
	own     own
}

func (m *mode) up() bool { return m.since.IsZero() }

// rest is how long the head of a line may sleep before it looks at the engine again.
func (m *mode) rest(mode WhenDown, now time.Time, timeout time.Duration) time.Duration {
	switch {
	case m.up() || mode == FailClosed:
		return long
	case !m.backAt.IsZero():
		return max(0, m.backAt.Sub(now))
	case m.probing:
		return timeout
	default:
		return max(0, m.probeAt.Sub(now))
	}
}

// tooSlow is how many answers in a row may come too late for their slots.
const tooSlow = 8

var (
	errSlow     = errors.New("the engine's answers come too late for the slots that they grant")
	errSettling = errors.New("the engine has lost what it knew, and waits until every host knows it")
)

// unlock unlocks mu, and tells the operator what changed meanwhile.
func (l *Limiter) unlock() {
	tell := len(l.untold) > 0
	l.mu.Unlock()
	if !tell {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	changes := l.untold
	l.untold = nil
	l.mu.Unlock()
	for _, c := range changes {
		l.cfg.OnChange(c)
	}
}

// lost notes that a request to the engine failed.
func (l *Limiter) lost(began time.Time, err error) {
	l.mu.Lock()
	defer l.unlock()
	l.fail(began, time.Now(), err)
}

// fail notes that a request failed that began at that time. The engine counts as down when the
// next one fails too: one can be a connection that was closed, or a moment's stall.
func (l *Limiter) fail(began, now time.Time, err error) {
	first := l.mode.up() && (l.mode.failed.IsZero() || began.Before(l.mode.failed))
	l.mode.failed = now
	if !first {
		l.fall(began, now, err)
	}
}

// fall goes on without the engine. A request failed that began at that time.
func (l *Limiter) fall(began, now time.Time, err error) {
	l.mode.probeAt, l.mode.err = now.Add(probeEvery), err
	if !l.mode.up() {
		return
	}
	l.mode.since = began
	l.mode.backAt = time.Time{}
	l.change(now, Change{Err: err})
}

// rise uses the engine again.
func (l *Limiter) rise(now time.Time) {
	l.mode.err, l.mode.failed = nil, time.Time{}
	if l.mode.up() {
		return
	}
	l.mode.since = time.Time{}
	l.change(now, Change{Up: true})
}

// settle keeps to the own share until a time, because the engine waits until all hosts do.
func (l *Limiter) settle(now, until time.Time) {
	if l.cfg.WhenDown == FailClosed { // only a host with another Config can have begun it
		for i := range l.lines {
			l.lines[i].askAt = until
		}
		return
	}
	l.fall(now, now, errSettling)
	l.mode.backAt = until
}

// change begins a new epoch: what the heads hold is void.
func (l *Limiter) change(now time.Time, c Change) {
	l.mode.epoch++
	if !l.mode.up() && l.cfg.WhenDown == Degrade {
		l.mode.own.terms = l.cfg.part()
		l.mode.own.reset(now, l.terms.reach())
	}
	for i := range l.lines {
		l.lines[i].forget()
	}
	if l.cfg.OnChange != nil {
		l.untold = append(l.untold, c)
	}
}

// look goes back to the engine when it is time, or asks whether it is there. Whoever waits or
// comes does this; nobody does it when nobody wants to send.
func (l *Limiter) look(now time.Time) {
	m := &l.mode
	switch {
	case m.up() || l.cfg.WhenDown == FailClosed: // there the next question finds out
	case !m.backAt.IsZero():
		if !now.Before(m.backAt) {
			l.rise(now)
		}
	case !now.Before(m.probeAt) && !m.probing && !l.shut:
		m.probing = true
		l.probe(question{hello: true, known: l.known, down: max(1, now.Sub(m.since).Microseconds())})
	}
}

// probe asks whether the engine is back.
func (l *Limiter) probe(q question) {
	l.requests.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Timeout)
		defer cancel()
		left := time.Now()
		a, err := l.engine.take(ctx, q)
		came := time.Now()
		l.mu.Lock()
		defer l.unlock()
		m := &l.mode
		m.probing = false
		switch {
		case m.up() || !m.backAt.IsZero():
		case err != nil:
			m.probeAt, m.err = came.Add(probeEvery), err
		default:
			l.known = true
			l.clock.learn(a.now, left, came)
			if a.kind == settling {
				m.backAt = l.clock.at(a.at)
				return
			}
			l.rise(came)
		}
	})
}
