package main

// This file puts the parts of a world together and lives it: a loud time with faults, a quiet time in
// which everything must settle, and the end of the day. What the parts do is in their own files.

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// world is everything of one seed: the stage with its time, chance and faults, the people, the
// hosts and the store on it, MobiFone beyond the road, and the checker that sees it all. Each of
// these knows its own part; the world puts them together.
type world struct {
	*stage
	*operator

	lab    *lab
	hosts  [2]*host
	store  *store
	orders []*order
	people []*person
	rules  sale.Rules
	// contract is what the clients believe; what is served is the era's.
	contract *contract.Contract
	noLookup bool
	// searches says that there is no lookup by id.
	searches bool
	// shares says that the hosts take what is due from each other, by [sale.Taker].
	shares bool
	// alone says that nothing but people moves the sales.
	alone bool
	// points counts the labelled points passed, passages those of the point at which a process is
	// to die, and resolves the rounds of the drivers.
	points   int
	passages int
	resolves int
	checker  checker
}

// stage is what every part of a world needs: its time and actors, its chance, the faults of
// its script, and what is written down of it. It knows no sale and no MobiFone.
type stage struct {
	loop
	dice

	script *script
	bug    *bug
	start  time.Time

	// extreme puts lags, skews and delays at their ends; nemesis always at the worse one.
	extreme bool
	nemesis bool

	// seen counts the passages of each site.
	seen [sites]int
	// armed are the script's faults, and struck says which had an effect.
	armed []armedFault
	// wants are the faults that last for the whole world.
	wants  []faultKind
	struck [faultsMax]bool
	// quiet says that the faults are over, since quietSince.
	quiet      bool
	quietSince time.Duration

	trace   trace
	stats   stats
	verbose bool
}

// at is a true time as MobiFone's core sees it.
func (s *stage) at(t time.Duration) time.Time { return s.start.Add(t) }

// core is what the clock of MobiFone's core shows now.
func (s *stage) core() time.Time { return s.at(s.now) }

// order is one order as it truly went, beside what the store believes of it. People act by it and
// the checker judges by it; the desk never sees it.
type order struct {
	// n numbers the orders of a world from 1.
	n     int
	order sale.Order
	// saleID is known once somebody has opened the sale.
	saleID  string
	subject *ledger.Subscriber
	// gave says that the customer's cash changed hands, whether the desk was told or not.
	gave bool
	// paidOut counts how often cash was given back.
	paidOut int
	// ranSince is when MobiFone first carried out a registration, and executed how many it has.
	ranSince time.Duration
	executed int
	// pids are the ids of the sale's attempts, in their order.
	pids []telco.PartnerTransID
	// reversed says that the operator took the registration back.
	reversed bool
	// told says that a teller was told to return the cash, and rejected that the registration was
	// refused.
	told     bool
	rejected bool
	// decided says that a supervisor decided, and erred that the decision was wrong.
	decided bool
	erred   bool
	// beside says that a supervisor let the sale go on beside another one of the subscriber.
	beside bool
}

// drain ends what is under way, so that no coroutine keeps a stack of this world: every process
// dies, and each parked actor gets the control once more to notice it.
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

// theOffer is the package that everybody buys.
const theOffer telco.PackageCode = "C120"

// thePrice is what it costs, until a world changes that.
const thePrice telco.VND = 120_000

// live runs a world from its beginning to its last reconciliation. It returns the first broken
// invariant, nil for a world that was right, and the hash of its trace. A panic counts as broken.
func (l *lab) live(s *script) (broken *violation, hash trace) {
	e, err := l.dawn(s.kind)
	if err != nil {
		return &violation{invariant: "setup", text: err.Error()}, 0
	}
	w := l.assemble(s, e)
	defer func() {
		if p := recover(); p != nil {
			delete(l.truths, s.kind) // the model may be in any state
			*l.pool = pool{}
			broken, hash = &violation{invariant: "panic", text: fmt.Sprint(p), at: w.now}, w.trace
			if l.log {
				panic(p)
			}
		}
	}()
	l.died = [pointKinds]bool{}
	w.begin()
	w.play()
	l.struck = w.struck
	l.stats["points passed"] += uint64(w.points)
	l.stats["rounds of drivers"] += uint64(w.resolves)
	w.drain()
	w.end()
	return w.checker.broken, w.trace
}

// assemble makes the parts of a world and ties them together. Nothing has happened in it yet;
// begin fills it.
func (l *lab) assemble(s *script, e *era) *world {
	st := &stage{script: s, bug: l.bug, dice: dice{seed: s.seed}, loop: loop{pool: l.pool}, stats: l.stats, verbose: l.log, start: e.start}
	w := &world{lab: l, stage: st, operator: &operator{stage: st, era: e}}
	w.checker = checker{w: w, strict: true, sales: map[string]*kept{}}
	w.store = &store{stage: st, point: w.point, changed: w.checker.afterCommit, woken: w.dueChanged}
	w.executed, st.advance = w.checker.afterMobiFone, w.carryOut
	return w
}

// begin draws what the world is like, starts the hosts, and sends the people to work.
func (w *world) begin() {
	w.era.dice.dice = &w.dice
	w.now = time.Duration(w.below(drawClock, 1000)) * time.Millisecond
	w.armed = slices.Clone(w.script.faults)
	w.extreme = w.percent(drawPlan, 35)
	w.nemesis = w.extreme && w.percent(drawPlan, 40)
	w.shares = w.percent(drawShare, 50)
	w.maxDelay = w.trueDelay()
	for _, f := range w.script.faults {
		if w.script.cell(f.kind).flagged {
			w.checker.strict = false
		}
	}
	if w.bothClocks() && w.script.cell(fPausedSend).flagged {
		w.checker.strict = false
	}
	for k := range faultKinds() {
		if faultTable[k].site == siteStart && w.scripted(k) {
			w.wants = append(w.wants, k)
		}
	}
	w.believe()
	for i := range w.hosts {
		w.hosts[i] = &host{w: w, n: i, wallOff: time.Duration(w.below(drawClock, 3)-1) * time.Minute}
		w.hosts[i].time = w.hosts[i].seam()
		w.hosts[i].open()
	}
	if w.lasting(fClockAhead) {
		h := w.hosts[0]
		h.wallOff += 24 * time.Hour
		w.later(w.between(drawClock, time.Second, time.Hour), func() {
			h.wallOff = 0
			w.dueChanged()
		})
	}
	w.populate()
}

// believe chooses what the contract promises of this MobiFone beside the truth about its kind.
func (w *world) believe() {
	w.noLookup = w.wanted(fNoLookup)
	if w.noLookup {
		w.strikeOnce(fNoLookup)
	}
	w.searches = !w.noLookup && (w.lab.searches || w.wanted(fSearch))
	if w.searches {
		w.strikeOnce(fSearch)
	}
	w.contract = w.lab.believe(w.era, belief{
		kind: w.era.kind, delay: w.maxDelay, limited: w.percent(drawPlan, 30) && !w.scripted(f429After),
		final: w.percent(drawPlan, 30) && !w.copied(), noLookup: w.noLookup, searches: w.searches,
	})
}

// copied reports whether a refusal in this world may answer one copy of a request while another
// copy is carried out. The contract then must not call refusals final.
func (w *world) copied() bool {
	return slices.ContainsFunc(w.script.faults, func(f armedFault) bool {
		switch f.kind {
		case fCopy, fCopySecond, fCopyLate, fQueueUsed, fOtherGate, fChanged, fFailedRow, fSelfContradict, fBeyondFence:
			return true
		default:
			return false
		}
	})
}

// newID makes a partnerTransId as the client does, unless a planted bug makes it.
func (w *world) newID(client *mobifone.Client) func(shop, order string, attempt int) (telco.PartnerTransID, error) {
	return func(shop, order string, attempt int) (telco.PartnerTransID, error) {
		switch {
		case w.has(bugIDByAttempt): // the second of one order is the first of the next
			n := int(order[len(order)-1]-'0') + attempt
			order, attempt = order[:len(order)-1]+strconv.Itoa(n), 1
		case w.has(bugIDOnce):
			attempt = 1
		case w.has(bugOrderTwice) && attempt == 1:
			w.points++
			order += strconv.Itoa(w.points)
		}
		return client.NewPartnerTransID(shop, order, attempt)
	}
}

// populate makes the subscriber, the orders and the tellers.
func (w *world) populate() {
	phone := w.era.subscriber()
	w.addOrder(phone)
	if w.wanted(fTwoOrders) || w.wanted(fOverride) {
		w.addOrder(phone)
	}
	w.stats["sales"] += uint64(len(w.orders))
	subject := w.orders[0].subject
	switch {
	case w.wanted(fPendingOK):
		subject.Result = ledger.PendingThenOK
		w.strikeOnce(fPendingOK)
	case w.wanted(fPendingFailed):
		subject.Result = ledger.PendingThenFailed
		w.strikeOnce(fPendingFailed)
	}
	w.model().SetSubscriber(phone, *subject)
	w.hire(w.hosts[0], "teller1", w.orders[0], sell).begin(0)
	if len(w.orders) > 1 {
		w.strikeOnce(fTwoOrders)
		w.hire(w.hosts[1], "teller2", w.orders[1], sell).begin(w.between(drawPerson, 0, 40*time.Second))
	}
	if w.lasting(fSameOrder) {
		w.hire(w.hosts[1], "teller3", w.orders[0], sell).begin(w.between(drawPerson, 0, 3*time.Second))
	}
}

// addOrder adds an order of this subscriber. All orders of a world are of one subscriber.
func (w *world) addOrder(phone telco.MSISDN) {
	n := len(w.orders) + 1
	o := &order{n: n, subject: &ledger.Subscriber{}}
	if n > 1 {
		o.subject = w.orders[0].subject
	}
	o.order = sale.Order{
		Shop: "HN001", ID: "L" + strconv.Itoa(w.era.lives) + "D" + strconv.Itoa(n), MSISDN: phone, Package: theOffer, Price: thePrice,
		Staff: telco.Staff{Shop: "HN001", Employee: "NV" + strconv.Itoa(n)},
	}
	w.orders = append(w.orders, o)
}

// orderOf finds an order by its id; nil when there is none.
func (w *world) orderOf(id string) *order {
	for _, o := range w.orders {
		if o.order.ID == id {
			return o
		}
	}
	return nil
}

// play runs the time of the faults, the quiet time in which everything must settle, and then the
// end of the day.
func (w *world) play() {
	loud := 72 * time.Hour
	if w.percent(drawPlan, 40) {
		loud = w.between(drawPlan, 5*time.Second, time.Hour)
	}
	w.until(loud)
	w.hush()
	w.until(w.now + 20*24*time.Hour)
	if w.checker.broken != nil {
		return
	}
	w.checker.atRest()
	w.afterwards()
}

// hush ends the faults: none strikes any more, and the clocks are set right.
func (w *world) hush() {
	w.quiet, w.quietSince = true, w.now
	w.log("-- the faults are over")
	for _, h := range w.hosts {
		h.wallOff, h.drift, h.frozen, h.asleepUntil = 0, 0, 0, 0 // the clocks are set right
	}
	w.dueChanged()
}

// end leaves the model as the next world expects it: later than everything in this one and at the
// same time of the day, so that a world runs alike as the first and as the last of its model.
func (w *world) end() {
	w.era.dice.pinned, w.era.dice.short = false, false
	if w.repriced {
		w.reprice(thePrice)
	}
	const day = 24 * time.Hour
	over := w.now
	if at, ok := w.model().Next(); ok {
		over = max(over, at.Sub(w.start))
	}
	w.era.start = w.start.Add(over.Truncate(day) + 2*day)
	w.model().Advance(w.era.start.Add(-time.Hour))
}
