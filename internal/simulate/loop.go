package main

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
	sync()                 // catch up with the timers
	pause(d time.Duration) // let time pass
	rest(ctx context.Context, d time.Duration) error
}

// pause lets time pass for the present actor; whatever is due meanwhile happens first.
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

// later lets something befall the world.
func (l *loop) later(d time.Duration, do func()) {
	l.agenda.add(happening{at: l.now + d, do: do})
}

// spawn starts an actor after a while.
func (l *loop) spawn(d time.Duration, h *host, what string, job func()) *actor {
	a := &actor{host: h, epoch: -1, job: job, what: what}
	l.agenda.add(happening{at: l.now + d, actor: a})
	return a
}

// sit has the present actor wait until somebody wakes it, or until then.
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

// wake has a parked actor go on then. It is not on the agenda for ever, so that a world
// in which nothing will happen is over.
func (l *loop) wake(a *actor, at time.Duration) {
	l.agenda.remove(a)
	if at < never {
		l.agenda.add(happening{at: at, actor: a})
	}
}

// until runs the world until nothing is to come, or the time is over.
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

// run gives the control to an actor until it waits or ends.
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

// coroutine runs jobs one after another on a stack of its own; the loop hands the control
// to it and gets it back, so that never two run at once.
type coroutine struct {
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	job    func()
	busy   bool
}

// killed ends a coroutine's job: its process is dead.
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

// run lets only death pass in silence.
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

// actor is one job: a person's or a machine's acts on one host.
type actor struct {
	host  *host
	epoch int // of the host when the job began; another one means that its process died
	job   func()
	co    *coroutine
	what  string
	ctx   *callContext // of the call under way; nil: none, or a machine's
}

// happening is what is to come: an actor that goes on, or something that befalls the
// world (do).
type happening struct {
	at    time.Duration
	seq   uint64
	actor *actor
	do    func()
}

// agenda is what is to come, soonest last. Worlds are small, so it is a sorted slice.
type agenda struct {
	list []happening
	seq  uint64
}

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

func (a *agenda) pop() happening {
	n := len(a.list) - 1
	h := a.list[n]
	a.list[n] = happening{}
	a.list = a.list[:n]
	return h
}

func (a *agenda) remove(who *actor) {
	a.list = slices.DeleteFunc(a.list, func(h happening) bool { return h.actor == who })
}

func (a *agenda) soonest() *happening {
	if len(a.list) == 0 {
		return nil
	}
	return &a.list[len(a.list)-1]
}

// never is longer than any world.
const never = 50 * 365 * 24 * time.Hour

// stream names one kind of choice. Each has a counter of its own, so that taking a fault
// out of a world leaves the other choices as they were: without that a failing world
// could not be shrunk.
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
	drawResolver
	drawLate
	drawClient // what the client itself leaves to chance
	streams
)

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// dice is the only source of chance of a world.
type dice struct {
	seed  uint64
	count [streams]uint64
}

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
