package quota

// This file holds what a host does when the engine is lost and when it is back, and the rule in this
// process that replaces the engine meanwhile. The engine's half is begin in rule.go.
//
// A host that is not split (Config.SplitWhenDown is 0) refuses calls while the engine is down, and its
// next question after probeAt finds out whether it is back. A host that is split serves its calls
// from its own part, and probes beside them.

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// mode says whether this host uses the engine, and what it does without. The limiter's mu guards it.
type mode struct {
	// epoch rises with every change, so that an answer to a question from before is known as such.
	epoch int
	// failed is when a request last failed; zero after one that did not.
	failed time.Time
	// since is when the engine was lost; zero while it is used.
	since time.Time
	// probeAt is when to ask whether it is back, and probing that such a question is under way.
	probeAt time.Time
	probing bool
	// backAt is when to use it again; zero while that is not known.
	backAt time.Time
	// err is what the engine last failed with; nil while it is used.
	err error
	own own
}

// up reports whether this host uses the engine.
func (m *mode) up() bool { return m.since.IsZero() }

// rest is how long the head of a line may sleep before it looks at the engine again.
func (m *mode) rest(splits bool, now time.Time, timeout time.Duration) time.Duration {
	switch {
	case m.up() || !splits:
		return untilNudged
	case !m.backAt.IsZero():
		return max(0, m.backAt.Sub(now))
	case m.probing:
		return timeout
	default:
		return max(0, m.probeAt.Sub(now))
	}
}

// probeEvery is how often a host without the engine asks whether it is back.
const probeEvery = time.Second

// tooSlow is how many answers in a row may come too late for their slots.
const tooSlow = 8

var (
	errSlow     = errors.New("the engine's answers come too late for the slots that they grant")
	errSettling = errors.New("the engine has lost what it knew, and waits until every host knows it")
)

// unlock unlocks mu, and tells the operator what changed meanwhile. Whoever may have changed the mode
// unlocks with it. Changes are told in their order, one at a time, by whoever comes first; mu is free
// during the call, so a slow OnChange holds up its own goroutine and those with changes to tell.
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
	for _, down := range changes {
		l.cfg.OnChange(down)
	}
}

// lost notes that a request to the engine failed that began at that time. The caller does not hold mu.
func (l *Limiter) lost(began time.Time, err error) {
	l.mu.Lock()
	defer l.unlock()
	l.fail(began, time.Now(), err)
}

// fail notes that a request failed that began at that time. The engine counts as down when the
// next one fails too: one can be a connection that was closed, or a moment's stall. Requests that were
// under way together when the first one failed count as one.
func (l *Limiter) fail(began, now time.Time, err error) {
	first := l.mode.up() && (l.mode.failed.IsZero() || began.Before(l.mode.failed))
	l.mode.failed = now
	if !first {
		l.fall(began, now, err)
	}
}

// fall goes on without the engine. A request failed that began at that time, so the engine counts as
// lost from then on.
func (l *Limiter) fall(began, now time.Time, err error) {
	l.mode.probeAt, l.mode.err = now.Add(probeEvery), err
	if !l.mode.up() {
		return
	}
	l.mode.since = began
	l.mode.backAt = time.Time{}
	l.change(now, err)
}

// rise uses the engine again, and forgets a single failure.
func (l *Limiter) rise(now time.Time) {
	l.mode.err, l.mode.failed = nil, time.Time{}
	if l.mode.up() {
		return
	}
	l.mode.since = time.Time{}
	l.change(now, nil)
}

// settle keeps to this host's part until a time, because the engine waits until all hosts do.
func (l *Limiter) settle(now, until time.Time) {
	if !l.cfg.splits() { // only a host with another Config can have begun it
		for i := range l.lines {
			l.lines[i].askAt = until
		}
		return
	}
	l.fall(now, now, errSettling)
	l.mode.backAt = until
}

// change begins a new epoch: what the heads hold is void. down is why the engine is lost, or nil when
// it is used again.
func (l *Limiter) change(now time.Time, down error) {
	l.mode.epoch++
	if !l.mode.up() && l.cfg.splits() {
		l.mode.own.terms = l.cfg.part()
		l.mode.own.reset(now, l.terms.reach())
	}
	for i := range l.lines {
		l.lines[i].forget()
	}
	if l.cfg.OnChange != nil {
		l.untold = append(l.untold, down)
	}
}

// look goes back to the engine when it is time, or asks whether it is there. Whoever waits or
// comes does this; nobody does it when nobody wants to send.
func (l *Limiter) look(now time.Time) {
	m := &l.mode
	switch {
	case m.up() || !l.cfg.splits(): // not split: the next question finds out
	case !m.backAt.IsZero():
		if !now.Before(m.backAt) {
			l.rise(now)
		}
	case !now.Before(m.probeAt) && !m.probing && !l.shut:
		m.probing = true
		l.probe(question{hello: true, known: l.known, down: max(1, now.Sub(m.since).Microseconds())})
	}
}

// probe asks whether the engine is back; the caller holds mu. No call waits for the answer. An engine
// that is settling says when it serves again, and until then this host keeps to its part.
func (l *Limiter) probe(q question) {
	l.request(func(ctx context.Context) {
		left := time.Now()
		a, err := l.engine.take(ctx, q)
		came := time.Now()
		l.mu.Lock()
		defer l.unlock()
		m := &l.mode
		m.probing = false
		switch {
		case m.up() || !m.backAt.IsZero(): // somebody else's answer came first
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

// own is the rule in this process, over this host's part of the quota. It serves while the engine is
// down. Its clock is the process's: microseconds since start, and one, because 0 means never.
type own struct {
	terms terms
	start time.Time
	state state
}

// now returns a time by the own clock.
func (o *own) now(t time.Time) int64 { return t.Sub(o.start).Microseconds() + 1 }

// at returns when the own clock shows a time.
func (o *own) at(us int64) time.Time { return o.start.Add(time.Duration(us-1) * time.Microsecond) }

// reset begins anew with an empty bucket, behind every slot that this host may still hold.
func (o *own) reset(now time.Time, reach int64) {
	at := o.now(now)
	o.state = state{run: "own", last: at, next: at + reach}
}

// take answers the head of a lane.
func (o *own) take(now time.Time, lane telco.Lane, ticket int64) answer {
	return o.state.take("own", o.now(now), question{lane: lane, known: true, ticket: ticket}, o.terms)
}
