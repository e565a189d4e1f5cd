package main

import (
	"fmt"
	"io"
	"time"
)

// patience is with how many seeds and places a combination is tried before it is taken
// for one that does not exist: a lookup fault where the order was cancelled, say.
const patience = 24 // of singles ten times as many

// combination is what has to happen in one world.
type combination struct {
	where  arrangement
	faults []faultKind
	death  point // with deadly: where a process dies as well
	deadly bool
}

// exhaustion counts the combinations that were met.
type exhaustion struct {
	name        string
	met, unmet  int
	worlds      int
	unmetByName map[string]int
	some        []string // of those not met
}

// runExhaustive meets, on every partner, every single fault, each of them with a death at
// every labelled point, and every ordered pair of faults.
func runExhaustive(out io.Writer, workers int) bool {
	began := time.Now()
	s := sweep{total: stats{}}
	var tallies []*exhaustion
	for _, part := range []struct {
		name string
		all  []combination
	}{{"single faults", singles()}, {"single faults with a death at a point", deaths()}, {"ordered pairs", pairs()}} {
		tally := &exhaustion{name: part.name, unmetByName: map[string]int{}}
		tallies = append(tallies, tally)
		s.exhaust(workers, part.all, tally)
	}
	fmt.Fprintf(out, "took %v\n", time.Since(began).Round(time.Second))
	for _, t := range tallies {
		fmt.Fprintf(out, "%s: %d combinations met in %d worlds, %d not to be met\n", t.name, t.met, t.worlds, t.unmet)
		if t.unmet < 5 {
			fmt.Fprintf(out, "  not met: %v\n", t.some)
		}
		for name, n := range t.unmetByName {
			if n > 4*len(arrangements()) {
				fmt.Fprintf(out, "  with %s: %d\n", name, n)
			}
		}
	}
	s.total.print(out)
	return s.verdict(out)
}

// exhaust runs each combination until it was met, or patience ends.
func (s *sweep) exhaust(workers int, all []combination, tally *exhaustion) {
	next := 0
	s.each(workers, func(l *lab) bool {
		s.mu.Lock()
		i := next
		next++
		stop := i >= len(all) || len(s.found) >= tooMany
		s.mu.Unlock()
		if stop {
			return false
		}
		worlds, met := s.meet(l, &all[i], uint64(i))
		s.mu.Lock()
		defer s.mu.Unlock()
		tally.worlds += worlds
		if met {
			tally.met++
			return true
		}
		tally.unmet++
		if len(tally.some) < 5 {
			tally.some = append(tally.some, fmt.Sprint(all[i].where, all[i].faults))
		}
		for _, k := range all[i].faults {
			tally.unmetByName[k.String()]++
		}
		return true
	})
}

func (s *sweep) meet(l *lab, c *combination, n uint64) (worlds int, met bool) {
	tries := uint64(patience)
	if len(c.faults) == 1 && !c.deadly {
		tries *= 10
	}
	for try := range tries {
		sc := c.script(n*10*patience + try)
		worlds++
		if s.live(l, sc) {
			return worlds, true
		}
		all := true
		for _, k := range c.faults {
			all = all && l.struck[k]
		}
		if all && (!c.deadly || l.died[c.death]) {
			return worlds, true
		}
	}
	return worlds, false
}

// helpers are what some faults need to be possible: a refund, an earlier sale that is not
// settled.
var helpers = map[faultKind][]armedFault{
	fRefundTwice: {{kind: fAlready, nth: 3}},
	fForgotten:   {{kind: fAlready, nth: 3}},
	fOverride:    {{kind: fTwoOrders, nth: 1}, {kind: fRequestLost, nth: 1}},
}

// script places the faults by chance; of two at one kind of site the first strikes first.
func (c *combination) script(seed uint64) *script {
	d := dice{seed: seed}
	s := &script{kind: c.where.kind, nonces: c.where.nonces, seed: d.next(drawPlan), given: true}
	first, mine := 0, 0 // the place of the first fault, and where it stands
	for i, k := range c.faults {
		s.faults = append(s.faults, helpers[k]...)
		nth := 1 + d.below(drawPlan, faultTable[k].nths)
		if faultTable[k].site == siteSend && d.percent(drawPlan, 80) {
			nth = 1 // most sales have one send
		}
		if faultTable[k].site == siteTill && d.percent(drawPlan, 50) {
			nth = 3 // where an undisturbed sale registers
		}
		if i > 0 && faultTable[k].site == faultTable[c.faults[0]].site && nth < first {
			s.faults[mine].nth, nth = nth, first
		}
		if i == 0 {
			first, mine = nth, len(s.faults)
		}
		s.faults = append(s.faults, armedFault{kind: k, nth: nth})
	}
	if c.deadly {
		s.deadly, s.death = true, c.death
	}
	return s
}

func singles() (every []combination) {
	for _, a := range arrangements() {
		for k := range faultKinds() {
			every = append(every, combination{where: a, faults: []faultKind{k}})
		}
	}
	return every
}

func deaths() (every []combination) {
	for _, a := range arrangements() {
		for k := range faultKinds() {
			for p := range pointKinds {
				every = append(every, combination{where: a, faults: []faultKind{k}, deadly: true, death: p})
			}
		}
	}
	return every
}

func pairs() (every []combination) {
	for _, a := range arrangements() {
		for first := range faultKinds() {
			for second := range faultKinds() {
				every = append(every, combination{where: a, faults: []faultKind{first, second}})
			}
		}
	}
	return every
}
