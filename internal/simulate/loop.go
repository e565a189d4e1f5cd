package main

// This file holds the time of a world, the actors in it, and its chance. One actor runs at a time
// and hands the control back by waiting, so a run is the same each time. Nothing here knows a sale,
// a host's clocks or MobiFone.

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"time"
)

// loop is the time of one world and who acts in it. It knows actors and what is to come, and
// nothing of sales: what MobiFone does as time passes is behind advance.
type loop struct {
	// now is the true time since the world began. No host and no MobiFone's front door knows it:
	// they have clocks of their own.
	now    time.Duration
	agenda agenda
	// cur is the actor who has the control; nil between two of them.
	cur *actor
	// advance lets MobiFone carry out what is due by now.
	advance func()
	pool    *pool
	// bubble lives the world on real timers; nil means that time is the loop's own.
	bubble bubble
	// over ends the world: an invariant is broken.
	over bool
}

// bubble is a world's time when a test lets the client live on real timers, to hold the
// loop's time against them.
type bubble interface {
	// sync catches up with the timers.
	sync()
	// pause lets time pass.
	pause(d time.Duration)
	// rest lets time pass until ctx ends.
	rest(ctx context.Context, d time.Duration) error
}

// pause lets time pass for the present actor. Whatever is due before that happens first. It does
// not return in a process that died meanwhile: it panics with killed, which ends the actor's job.
func (l *loop) pause(d time.Duration) {
	if l.bubble != nil {
		l.bubble.pause(d)
		return
	}
	t := l.now + d
	a := l.cur
	for {
		h := l.agenda.soonest()
		if h == nil || h.at > t {
			l.now = t
			l.advance()
			break
		}
		if h.do != nil {
			next := l.agenda.pop()
			l.now = max(l.now, next.at)
			l.advance()
			next.do()
			if a.epoch != a.host.epoch {
				panic(killed{})
			}
			continue
		}
		l.agenda.add(happening{at: t, actor: a})
		a.co.yield(struct{}{})
		l.cur = a
		break
	}
	if a.epoch != a.host.epoch {
		panic(killed{})
	}
	if wake := a.host.asleepUntil; wake > l.now {
		l.pause(wake - l.now)
	}
}

// later has something befall the world after d.
func (l *loop) later(d time.Duration, do func()) {
	l.agenda.add(happening{at: l.now + d, do: do})
}

// spawn starts an actor on a host after d. While the host is down the actor waits for it.
func (l *loop) spawn(d time.Duration, h *host, what string, job func()) *actor {
	a := &actor{host: h, epoch: -1, job: job, what: what}
	l.agenda.add(happening{at: l.now + d, actor: a})
	return a
}

// sit has the present actor wait until somebody wakes it, at the latest until at. Like pause it
// does not return in a process that died.
func (l *loop) sit(at time.Duration) {
	a := l.cur
	l.wake(a, at)
	a.co.yield(struct{}{})
	l.cur = a
	if a.epoch != a.host.epoch {
		panic(killed{})
	}
	if wake := a.host.asleepUntil; wake > l.now {
		l.pause(wake - l.now)
	}
}

// wake has a parked actor go on at the given time, instead of any earlier appointment. At never
// it is taken off the agenda, so that a world in which nothing more will happen is over.
func (l *loop) wake(a *actor, at time.Duration) {
	l.agenda.remove(a)
	if at < never {
		l.agenda.add(happening{at: at, actor: a})
	}
}

// until runs the world until nothing is to come, the time is over, or an invariant is broken.
func (l *loop) until(end time.Duration) {
	for {
		h := l.agenda.soonest()
		if h == nil {
			return
		}
		if h.at > end {
			l.now = max(l.now, end)
			l.advance()
			return
		}
		next := l.agenda.pop()
		l.now = max(l.now, next.at)
		l.advance()
		if next.do != nil {
			next.do()
			continue
		}
		l.run(next.actor)
		if l.over {
			return
		}
	}
}

// run gives control to an actor until it waits or ends. An actor that has not begun and whose
// host is down tries again a second later.
func (l *loop) run(a *actor) {
	if a.co == nil {
		if a.host.down {
			l.agenda.add(happening{at: l.now + time.Second, actor: a})
			return
		}
		a.epoch = a.host.epoch
		a.co = l.pool.take()
		a.co.job = a.job
		a.co.busy = true
	}
	l.cur = a
	co := a.co
	co.resume()
	if !co.busy {
		l.pool.put(co)
	}
	l.cur = nil
}

// coroutine runs jobs one after another on a stack of its own. The loop hands it the control and
// gets it back, so no two of them ever run at once.
type coroutine struct {
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	job    func()
	busy   bool
}

// killed is the panic that ends a coroutine's job when its process has died.
type killed struct{}

// pool keeps the coroutines that have no job, for the next world of one worker.
type pool struct{ idle []*coroutine }

// take gives out a coroutine without a job.
func (p *pool) take() *coroutine {
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c
	}
	return newCoroutine()
}

// put takes a coroutine back whose job has ended.
func (p *pool) put(c *coroutine) { p.idle = append(p.idle, c) }

// newCoroutine makes a coroutine that waits for its first job.
func newCoroutine() *coroutine {
	c := &coroutine{}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for {
			c.run()
			c.busy = false
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// run runs one job. Only killed passes in silence; any other panic goes on to the loop, with the
// stack that it would lose on the way.
func (c *coroutine) run() {
	defer func() {
		if p := recover(); p != nil {
			if _, dead := p.(killed); !dead {
				panic(fmt.Sprintf("%v\n%s", p, debug.Stack())) // the stack is lost on the way to the loop
			}
		}
	}()
	c.job()
}

// actor is one job on one host: what a person does, or a machine.
type actor struct {
	// host is where it runs.
	host *host
	// epoch is the host's when the job began. Another one by now means that the process has died.
	epoch int
	// job is what it does; co, the coroutine that does it, is nil until it begins.
	job func()
	co  *coroutine
	// what names it in a log.
	what string
	// ctx is that of the call under way. It is nil between calls, and always for a machine.
	ctx *callContext
}

// happening is one thing that is to come: either an actor goes on, or do befalls the world. seq
// is the order of entry.
type happening struct {
	at    time.Duration
	seq   uint64
	actor *actor
	do    func()
}

// agenda is what is to come, the soonest last. Worlds are small, so a sorted slice is the
// fastest.
type agenda struct {
	list []happening
	seq  uint64
}

// add enters a happening. Of two at the same time the one entered earlier goes first.
func (a *agenda) add(h happening) {
	a.seq++
	h.seq = a.seq
	i := len(a.list)
	a.list = append(a.list, h)
	for i > 0 && a.list[i-1].at <= h.at { // of two at once the earlier entered goes first
		a.list[i] = a.list[i-1]
		i--
	}
	a.list[i] = h
}

// pop takes the soonest off the agenda, which must not be empty.
func (a *agenda) pop() happening {
	n := len(a.list) - 1
	h := a.list[n]
	a.list[n] = happening{}
	a.list = a.list[:n]
	return h
}

// remove takes an actor off the agenda, if it is on it.
func (a *agenda) remove(who *actor) {
	a.list = slices.DeleteFunc(a.list, func(h happening) bool { return h.actor == who })
}

// soonest shows what comes next; nil when nothing does.
func (a *agenda) soonest() *happening {
	if len(a.list) == 0 {
		return nil
	}
	return &a.list[len(a.list)-1]
}

// never is longer than any world.
const never = 50 * 365 * 24 * time.Hour

// stream names one kind of choice. Each has a counter of its own, so that dropping a fault from a
// script leaves all choices of other kinds as they were. Without that no failing world could be
// shrunk.
type stream uint8

const (
	drawPlan stream = iota
	drawStore
	drawWire
	drawThink
	drawClock
	drawLag
	drawSkew
	drawCrash
	drawModel
	drawPerson
	drawShare
	drawLate
	// drawClient is for what the client itself leaves to chance: ids, nonces, jitter.
	drawClient
	drawFindings
	streams
)

// mix is the finalizer of splitmix64: it turns a counter into a number that looks random.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// dice is the only source of chance in a world.
type dice struct {
	seed  uint64
	count [streams]uint64
}

// next draws 64 bits.
func (d *dice) next(s stream) uint64 {
	d.count[s]++
	return mix(mix(d.seed+uint64(s)*0x9e3779b97f4a7c15) + d.count[s]*0xd1342543de82ef95)
}

// below draws from [0, n).
func (d *dice) below(s stream, n int) int { return int(d.next(s) % uint64(n)) }

// percent is true in p of a hundred draws.
func (d *dice) percent(s stream, p int) bool { return d.below(s, 100) < p }

// between draws from [lo, hi].
func (d *dice) between(s stream, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.next(s)%uint64(hi-lo+1))
}
