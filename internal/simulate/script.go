package main

// This file holds scripts: which MobiFone, which seed, which faults and where. A script is drawn from
// its seed, read from a -replay line, or made for a combination that the exhaustive run has to meet.
// Drawing must not depend on anything but the seed: an old -replay line has to give the old world.

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
)

// script is what a world is made of: MobiFone, the seed of every small choice, and the
// faults with the places where they strike. A plain seed makes its script by itself; a
// shrunk or an exhaustive one is written out.
type script struct {
	// kind is the model of MobiFone.
	kind ledger.Kind
	// nonces says that this MobiFone refuses a replayed nonce.
	nonces bool
	// seed is that of every small choice.
	seed   uint64
	faults []armedFault
	// given says that the faults were written out; else they were drawn from the seed.
	given bool
	// deadly says that a process dies at a passage of the point death.
	deadly bool
	death  point
}

// cell is what is promised for a fault at this script's MobiFone.
func (s *script) cell(f faultKind) cell { return cellOf(f, s.kind, s.nonces) }

// String writes the script as -replay reads it. Drawn faults are left out: the seed draws them
// again.
func (s *script) String() string {
	var b strings.Builder
	b.WriteString(string(s.kind))
	if s.nonces {
		b.WriteString("+nonce")
	}
	fmt.Fprintf(&b, ":%d", s.seed)
	if s.given {
		b.WriteByte(':')
		for i, f := range s.faults {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%s@%d", f.kind, f.nth)
		}
		if s.deadly {
			fmt.Fprintf(&b, ",die@%d", s.death)
		}
	}
	return b.String()
}

// parseScript reads what String writes.
func parseScript(text string) (*script, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 {
		return nil, errors.New("a replay is MODEL:SEED, MODEL+nonce:SEED or MODEL:SEED:fault@n,fault@n")
	}
	s := &script{}
	model, nonces := strings.CutSuffix(parts[0], "+nonce")
	kind, err := ledger.ParseKind(model)
	if err != nil || model == "" {
		return nil, fmt.Errorf("no MobiFone model %q", model)
	}
	s.kind, s.nonces = kind, nonces
	if s.seed, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return nil, fmt.Errorf("no seed %q", parts[1])
	}
	if len(parts) == 2 {
		s.draw()
		return s, nil
	}
	s.given = true
	for word := range strings.SplitSeq(parts[2], ",") {
		if word == "" {
			continue
		}
		name, nth, ok := strings.Cut(word, "@")
		n, err := strconv.Atoi(nth)
		if name == "die" && err == nil && n >= 0 && n < int(pointKinds) {
			s.deadly, s.death = true, point(n)
			continue
		}
		kind, known := faultNamed(name)
		if !ok || err != nil || !known {
			return nil, fmt.Errorf("no fault %q", word)
		}
		s.faults = append(s.faults, armedFault{kind: kind, nth: n})
	}
	return s, nil
}

// seededScript makes the script of a seed.
func seededScript(k ledger.Kind, nonces bool, seed uint64) *script {
	s := &script{kind: k, nonces: nonces, seed: seed}
	s.draw()
	return s
}

// rare faults change so much of what a world can show that most worlds go without them.
var rare = []faultKind{fForgotten, fBeyondFence, fPausedSend, fCashNotEntered, fNoLookup, fSearch, fIDsUsed, fReversed, fForeignRow}

// draw chooses the faults of a seed: by a theme in a few worlds, else by chance, from none at all
// to six.
func (s *script) draw() {
	d := dice{seed: s.seed}
	if d.percent(drawPlan, 6) {
		s.theme(&d)
	} else {
		s.mix(&d)
	}
}

// mix chooses faults by chance, each with a place. A process that dies may die again while it
// recovers, up to three times.
func (s *script) mix(d *dice) {
	n := [...]int{0, 1, 1, 2, 2, 2, 3, 3, 4, 6}[d.below(drawPlan, 10)]
	for range n {
		k := faultKind(d.below(drawPlan, len(faultTable)))
		if slices.Contains(rare, k) && d.percent(drawPlan, 60) {
			continue
		}
		s.faults = append(s.faults, armedFault{kind: k, nth: 1 + d.below(drawPlan, faultTable[k].nths)})
		if (k == fCrash || k == fPowerCut) && d.percent(drawPlan, 50) {
			// Die again while recovering, up to three deep.
			at := s.faults[len(s.faults)-1].nth
			for range 1 + d.below(drawPlan, 2) {
				at += 1 + d.below(drawPlan, 15)
				s.faults = append(s.faults, armedFault{kind: fCrash, nth: at})
			}
		}
	}
}

// themes are faults that reach what chance alone rarely does: rare edges of the state
// machine, and times to the second. A fault without a number strikes somewhere.
var themes = [][]armedFault{
	{{kind: fBeyondFence, nth: 1}, {kind: fWalkAway}, {kind: fReversed}},
	{{kind: fBeyondFence, nth: 1}, {kind: fForgotten}, {kind: fAbandon}},
	{{kind: fBeyondFence, nth: 1}, {kind: fForgotten}, {kind: fAbandon}, {kind: fReversed}},
	{{kind: fBeyondFence, nth: 1}, {kind: fAbandon}, {kind: fReversed}},
	{{kind: fExhaustedOTP}, {kind: fWalkAway}, {kind: fLookUnlisted}},
	{{kind: fOTPDying, nth: 3}, {kind: fCopySecond, nth: 1}},
	{{kind: fParked, nth: 1}, {kind: fCopySecond, nth: 1}, {kind: fAbandon}},
	{{kind: fAlready, nth: 3}, {kind: fForgotten}},
	{{kind: fCopySecond, nth: 1}, {kind: fCanceled}, {kind: fTwoOrders}},
	{{kind: fReplyLate, nth: 1}, {kind: fNotSent, nth: 2}, {kind: fTwoResolvers}},
	{{kind: fWrongOTP, nth: 3}, {kind: fCopyLate, nth: 1}},
	{{kind: fQueueFull, nth: 1}},
	{{kind: fWrongOTP, nth: 3}, {kind: fQueueFull, nth: 2}},
	{{kind: fWrongOTP, nth: 3}, {kind: fLateArrival, nth: 2}},
	{{kind: fQueueFull, nth: 1}, {kind: fAbandon}},
	{{kind: fNotSent, nth: 1}, {kind: fApplySlow}, {kind: fTwoResolvers}},
	{{kind: fExpiryLies, nth: 1}, {kind: fLateArrival, nth: 1}},
	{{kind: fQueueUsed, nth: 1}, {kind: fAbandon}},
	{{kind: fFailedRow, nth: 1}, {kind: fAbandon}},
	{{kind: fOtherGate, nth: 1}, {kind: fAbandon}},
}

// theme takes the faults of one theme, and gives a place to those that have none.
func (s *script) theme(d *dice) {
	for _, f := range themes[d.below(drawPlan, len(themes))] {
		if f.nth == 0 {
			f.nth = 1 + d.below(drawPlan, faultTable[f.kind].nths)
		}
		s.faults = append(s.faults, f)
	}
}

// without returns a copy of the script with one fault less, written out.
func (s *script) without(i int) *script {
	c := *s
	c.given = true
	c.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
	return &c
}

// patience is how many seeds and places are tried for a combination before it counts as not met.
// A combination whose parts are known to exclude each other gets a tenth of that.
const patience = 240

// combination is what has to happen in one world: faults in this order, and a death.
type combination struct {
	// where is the MobiFone it has to happen at.
	where  arrangement
	faults []faultKind
	// death is where a process dies as well, if deadly says so.
	death  point
	deadly bool
}

// exhaustion counts the combinations that were met, the worlds this took, and the others by the
// reason why they were not.
type exhaustion struct {
	met, worlds int
	unmet       map[string]int
}

// excluded says why the parts of a combination may exclude each other. It is empty when nothing
// is known against it.
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

// meet lives worlds until the combination has happened in one, or something broke, and says how
// many it took.
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

// helpers are faults that others need before they can strike: a refund, or an earlier sale that
// is not settled.
var helpers = map[faultKind][]armedFault{
	fRefundTwice: {{kind: fAlready, nth: 3}},
	fForgotten:   {{kind: fAlready, nth: 3}},
	fOverride:    {{kind: fTwoOrders, nth: 1}, {kind: fRequestLost, nth: 1}},
}

// script places the faults of a combination by chance. Of two faults at one kind of site the
// first one strikes first.
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
