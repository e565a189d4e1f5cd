package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const theOffer telco.PackageCode = "C120"

const thePrice telco.VND = 120_000

// live runs a world from its beginning to its last reconciliation and returns the first
// broken invariant, and the hash of its trace.
func (l *lab) live(s *script) (broken *violation, hash trace) {
	e, err := l.dawn(s.kind)
	if err != nil {
		return &violation{invariant: "setup", text: err.Error()}, 0
	}
	w := &world{lab: l, script: s, era: e, stats: l.stats, bug: l.bug, dice: dice{seed: s.seed}}
	defer func() {
		if p := recover(); p != nil {
			delete(l.truths, s.kind) // the model may be in any state
			l.idle = nil
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

// begin makes the world.
func (w *world) begin() {
	e := w.era
	e.dice.dice = &w.dice
	w.start = e.start
	w.now = time.Duration(w.below(drawClock, 1000)) * time.Millisecond
	w.armed = slices.Clone(w.script.faults)
	w.extreme = w.percent(drawPlan, 35)
	w.nemesis = w.extreme && w.percent(drawPlan, 40)
	w.maxDelay = w.trueDelay()
	w.checker = checker{w: w, strict: true, sales: map[string]*kept{}}
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
	w.store = &store{w: w}
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

// believe chooses what the contract promises.
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

// copied reports that a refusal in this world may meet one copy of a request while another
// is carried out.
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

// newID is the client's partnerTransId of (shop, order, attempt), unless a bug makes it.
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

func (w *world) wanted(k faultKind) bool { return slices.Contains(w.wants, k) }

func (w *world) scripted(k faultKind) bool {
	return slices.ContainsFunc(w.script.faults, func(f armedFault) bool { return f.kind == k })
}

// lasting reports whether a fault that lasts for the whole world is wanted, and counts it.
func (w *world) lasting(k faultKind) bool {
	if w.wanted(k) {
		w.strikeOnce(k)
	}
	return w.wanted(k)
}

// strikeOnce counts a fault that lasts for the whole world.
func (w *world) strikeOnce(k faultKind) {
	if !w.struck[k] {
		w.strike(k)
	}
}

// trueDelay is the longest delay that MobiFone has, and that its contract tells.
func (w *world) trueDelay() time.Duration {
	switch w.era.kind {
	case "A", "C":
		const m = time.Minute
		return [...]time.Duration{m, m, m, m, m, 10 * m, 10 * m, time.Hour}[w.below(drawPlan, 8)]
	case "E":
		return time.Hour + time.Minute
	case "B", "D": // the OTP ends before
		return time.Hour
	default:
		return time.Minute
	}
}

// populate makes the orders and the people.
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

func (w *world) orderOf(id string) *order {
	for _, o := range w.orders {
		if o.order.ID == id {
			return o
		}
	}
	return nil
}

// play runs the faults' time, and then the quiet time in which everything must settle.
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

// hush ends the faults.
func (w *world) hush() {
	w.quiet, w.quietSince = true, w.now
	w.log("-- the faults are over")
	for _, h := range w.hosts {
		h.wallOff, h.drift, h.frozen, h.asleepUntil = 0, 0, 0, 0 // the clocks are set right
	}
	w.dueChanged()
}

// end leaves the era as the next world expects it: later than everything in this one, and
// at the same time of the day, so that a world runs alike as the first and as the last.
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

// trace is a running hash of everything that happened in a world.
type trace uint64

const prime = 1099511628211

func (t *trace) note(what string, a, b uint64) {
	h := uint64(*t)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	h = (h ^ a) * prime
	h = (h ^ b) * prime
	*t = trace(h ^ h>>29)
}

func (t *trace) text(what, s string) {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	t.note(what, h, 0)
}

// log prints what happens, in a replay.
func (w *world) log(format string, args ...any) {
	if w.lab.log {
		host := "-"
		if w.cur != nil {
			host = fmt.Sprintf("%d/%s", w.cur.host.n, w.cur.what)
		}
		fmt.Fprintf(os.Stdout, "%12.6f  %-12s %s\n", w.now.Seconds(), host, fmt.Sprintf(format, args...))
	}
}

// stats counts what worlds went through.
type stats map[string]uint64

// add sums up.
func (s stats) add(o stats) {
	for what, n := range o {
		s[what] += n
	}
}

// print writes the counts, and what was never counted.
func (s stats) print(out io.Writer) {
	for k := range faultKinds() {
		s["fault: "+k.String()] += 0
	}
	for from, ways := range allowedEdges {
		for _, to := range ways {
			s[edge(from, to)] += 0
		}
	}
	for _, what := range slices.Sorted(maps.Keys(s)) {
		switch n := s[what]; {
		case what == "trace": // of all worlds, in whatever order they ran
			fmt.Fprintf(out, "%-40s %9x\n", what, n)
		case n == 0:
			fmt.Fprintf(out, "%-40s     NEVER\n", what)
		default:
			fmt.Fprintf(out, "%-40s %9d\n", what, n)
		}
	}
}
