package main

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// world is everything of one seed. Time in it is the true time since it began; no host
// and no MobiFone's front door knows it, they have clocks of their own.
type world struct {
	dice
	lab    *lab
	script *script
	era    *era // MobiFone model and what is derived from its kind
	start  time.Time
	now    time.Duration
	agenda agenda
	cur    *actor

	hosts  [2]*host
	store  *store
	orders []*order
	rules  sale.Rules
	bug    *bug

	contract *contract.Contract // what the clients believe; era.truth is what is served
	noLookup bool
	searches bool // it has no lookup by id

	extreme  bool          // lags, skews and delays at their ends
	nemesis  bool          // and always at the worse one
	lateOut  bool          // a request is out that will be carried out late
	maxDelay time.Duration // MobiFone's true longest delay between arrival on the road and execution
	nonces   []string
	stale    int // lookups since the replicas began to take turns; 0: they do not
	failing  int // so many lookups more fail
	hanging  time.Duration
	caching  time.Duration
	cache    map[string]*reply
	shows    *shown

	seen       [sites]int // occurrences of each site so far
	armed      []armedFault
	points     int
	passages   int  // of the point at which a process is to die
	quiet      bool // faults are over
	outage     time.Duration
	splitTo    time.Duration
	splitHost  *host
	people     []*person
	wants      []faultKind // faults that last for the whole world
	repriced   bool
	quietSince time.Duration
	resolves   int
	reviewed   int
	struck     [faultsMax]bool
	wire       []wireSend

	checker checker
	trace   trace
	stats   stats
	bubble  bubble // nil: time is the loop's own
	alone   bool   // nothing but people moves the sales
}

// bubble is a world's time when a test lets the client live on real timers, to hold the
// loop's time against them.
type bubble interface {
	sync()                 // catch up with the timers
	pause(d time.Duration) // let time pass
	rest(ctx context.Context, d time.Duration) error
}

// order is one order as the world truly knows it, beside what the store believes.
type order struct {
	n        int
	order    sale.Order
	saleID   string
	subject  *ledger.Subscriber
	gave     bool // the customer's cash changed hands
	entered  bool
	paidOut  int // how often cash was given back
	ranSince time.Duration
	executed int // registrations of the sale at MobiFone
	pids     []telco.PartnerTransID
	reversed bool
	told     bool // a teller was told to return the cash
	rejected bool // a teller was told that the registration was refused
	decided  bool // by a supervisor
	erred    bool // who was wrong
	beside   bool // a supervisor let it go beside another
	lost     bool // cash taken and never entered
}

// wireSend is one register request that left.
type wireSend struct {
	order *order
	trans telco.TransID
	pid   telco.PartnerTransID
	left  time.Duration
	ran   bool // it reached the execution
}

// at is a true time as MobiFone's core sees it.
func (w *world) at(t time.Duration) time.Time { return w.start.Add(t) }

func (w *world) core() time.Time { return w.at(w.now) }

func (w *world) model() *ledger.Model { return w.era.model }

// pause lets time pass for the present actor; whatever is due meanwhile happens first.
func (w *world) pause(d time.Duration) {
	if w.bubble != nil {
		w.bubble.pause(d)
		return
	}
	t := w.now + d
	a := w.cur
	for {
		h := w.agenda.soonest()
		if h == nil || h.at > t {
			w.now = t
			w.advance()
			break
		}
		if h.do != nil {
			next := w.agenda.pop()
			w.now = max(w.now, next.at)
			w.advance()
			next.do()
			if a.epoch != a.host.epoch {
				panic(killed{})
			}
			continue
		}
		w.agenda.add(happening{at: t, actor: a})
		a.co.yield(struct{}{})
		w.cur = a
		break
	}
	if a.epoch != a.host.epoch {
		panic(killed{})
	}
	if wake := a.host.asleepUntil; wake > w.now {
		w.pause(wake - w.now)
	}
}

// advance lets MobiFone carry out what is due.
func (w *world) advance() {
	m := w.model()
	if at, ok := m.Next(); ok && !at.After(w.core()) {
		m.Advance(w.core())
		w.checker.afterPartner()
	}
}

// later lets something befall the world.
func (w *world) later(d time.Duration, do func()) {
	w.agenda.add(happening{at: w.now + d, do: do})
}

// spawn starts an actor after a while.
func (w *world) spawn(d time.Duration, h *host, what string, job func()) *actor {
	a := &actor{host: h, epoch: -1, job: job, what: what}
	w.agenda.add(happening{at: w.now + d, actor: a})
	return a
}

// sit has the present actor wait until somebody wakes it, or until then.
func (w *world) sit(at time.Duration) {
	a := w.cur
	w.wake(a, at)
	a.co.yield(struct{}{})
	w.cur = a
	if a.epoch != a.host.epoch {
		panic(killed{})
	}
	if wake := a.host.asleepUntil; wake > w.now {
		w.pause(wake - w.now)
	}
}

// wake has a parked actor go on then. It is not on the agenda for ever, so that a world
// in which nothing will happen is over.
func (w *world) wake(a *actor, at time.Duration) {
	w.agenda.remove(a)
	if at < never {
		w.agenda.add(happening{at: at, actor: a})
	}
}

// until runs the world until nothing is to come, or the time is over.
func (w *world) until(end time.Duration) {
	for {
		h := w.agenda.soonest()
		if h == nil {
			return
		}
		if h.at > end {
			w.now = max(w.now, end)
			w.advance()
			return
		}
		next := w.agenda.pop()
		w.now = max(w.now, next.at)
		w.advance()
		if next.do != nil {
			next.do()
			continue
		}
		w.run(next.actor)
		if w.checker.broken != nil {
			return
		}
	}
}

// run gives the control to an actor until it waits or ends.
func (w *world) run(a *actor) {
	if a.co == nil {
		if a.host.down {
			w.agenda.add(happening{at: w.now + time.Second, actor: a})
			return
		}
		a.epoch = a.host.epoch
		a.co = w.lab.coroutine()
		a.co.job = a.job
		a.co.busy = true
	}
	w.cur = a
	co := a.co
	co.resume()
	if !co.busy {
		w.lab.idle = append(w.lab.idle, co)
	}
	w.cur = nil
}

// drain ends whatever is under way.
func (w *world) drain() {
	for _, h := range w.hosts {
		h.epoch++
		h.asleepUntil = 0
	}
	for _, h := range w.hosts {
		if h.idleSince > 0 {
			w.wake(h.driver, w.now)
		}
	}
	for w.agenda.soonest() != nil {
		next := w.agenda.pop()
		if a := next.actor; a != nil && a.co != nil {
			w.run(a)
		}
	}
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
