package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// patience is with how many seeds and places a combination is tried that nothing is known
// to exclude; one that excludes itself has a tenth.
const patience = 240

// combination is what has to happen in one world.
type combination struct {
	where  arrangement
	faults []faultKind
	death  point // with deadly: where a process dies as well
	deadly bool
}

// exhaustion counts the combinations that were met, and why others were not.
type exhaustion struct {
	met, worlds int
	unmet       map[string]int
}

// excluded says why the parts of a combination may exclude each other; "" when nothing is
// known.
func (c *combination) excluded() string {
	has := func(some ...faultKind) bool {
		return slices.ContainsFunc(c.faults, func(k faultKind) bool { return slices.Contains(some, k) })
	}
	at := func(s site) (n int) {
		for _, k := range c.faults {
			if faultTable[k].site == s {
				n++
			}
		}
		return n
	}
	sending := c.deadly && (c.death == ptBeforeSend || c.death == ptLeft || c.death == ptReply)
	looking := c.deadly && (c.death == ptBeforeLook || c.death == ptLookReply)
	asking := c.deadly && (c.death == ptBeforeOTP || c.death == ptOTPReply)
	switch {
	case has(fCancelOrder, fCashNotEntered):
		return "the order ends before anything is sent"
	case has(fNoLookup) && (at(siteLook) > 0 || looking):
		return "nothing is looked up"
	case at(siteSend) > 1, at(siteSend) == 1 && sending:
		return "most sales send one request, which has one fate"
	case has(fWalkAway, fAbandon, fReversed, fRefundTwice, fForgotten, fOverride):
		return "the first ends what the second needs"
	case has(fPendingOK) && has(fPendingFailed), has(fOTPRefused, fOTPLost) && has(fExpiryLies), has(fOtherGate) && has(fExhaustedOTP):
		return "one answer cannot be both"
	case asking && has(fOlderOTP, fIDsUsed, fWrongOTP, fOTPDying):
		return "the OTP was asked for before"
	}
	return ""
}

// runExhaustive meets, on every MobiFone, every single fault, each of them with a death at
// every labelled point, and every ordered pair of faults.
func runExhaustive(out io.Writer, workers int) bool {
	began := time.Now()
	s := sweep{total: stats{}}
	singles, deaths, pairs := combinations()
	for _, part := range []struct {
		name string
		all  []combination
	}{{"single faults", singles}, {"single faults with a death at a point", deaths}, {"ordered pairs", pairs}} {
		t := &exhaustion{unmet: map[string]int{}}
		s.exhaust(workers, part.all, t)
		fmt.Fprintf(out, "%s: %d combinations met in %d worlds\n", part.name, t.met, t.worlds)
		for _, why := range slices.Sorted(maps.Keys(t.unmet)) {
			fmt.Fprintf(out, "  %5d not met: %s\n", t.unmet[why], why)
		}
	}
	fmt.Fprintf(out, "took %v\n", time.Since(began).Round(time.Second))
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
		tally.unmet[cmp.Or(all[i].excluded(), "not in so many worlds")]++
		return true
	})
}

func (s *sweep) meet(l *lab, c *combination, n uint64) (worlds int, met bool) {
	tries := uint64(patience)
	if c.excluded() != "" {
		tries /= 10
	}
	for try := range tries {
		sc := c.script(n*patience + try)
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

// combinations are the single faults, each of them with a death at each point, and the
// ordered pairs.
func combinations() (singles, deaths, pairs []combination) {
	for _, a := range arrangements() {
		for k := range faultKinds() {
			singles = append(singles, combination{where: a, faults: []faultKind{k}})
			for p := range pointKinds {
				deaths = append(deaths, combination{where: a, faults: []faultKind{k}, deadly: true, death: p})
			}
			for second := range faultKinds() {
				pairs = append(pairs, combination{where: a, faults: []faultKind{k, second}})
			}
		}
	}
	return singles, deaths, pairs
}
