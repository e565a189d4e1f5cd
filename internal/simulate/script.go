package main

import (
	"errors"
	"fmt"
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
	kind   ledger.Kind
	nonces bool // MobiFone refuses a replayed nonce
	seed   uint64
	faults []armedFault
	given  bool // the faults were written out, not drawn from the seed
	deadly bool // a process dies at a passage of the point death
	death  point
}

func (s *script) cell(f faultKind) cell { return cellOf(f, s.kind, s.nonces) }

// String writes the script as -replay reads it.
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

// rare faults change what a world can show at all, so most worlds go without.
var rare = []faultKind{fForgotten, fBeyondFence, fPausedSend, fCashNotEntered, fNoLookup, fSearch, fIDsUsed, fReversed, fForeignRow}

// draw chooses the faults: none in a fifth of the worlds, up to six in some.
func (s *script) draw() {
	d := dice{seed: s.seed}
	if d.percent(drawPlan, 6) {
		s.theme(&d)
	} else {
		s.mix(&d)
	}
}

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

func (s *script) theme(d *dice) {
	for _, f := range themes[d.below(drawPlan, len(themes))] {
		if f.nth == 0 {
			f.nth = 1 + d.below(drawPlan, faultTable[f.kind].nths)
		}
		s.faults = append(s.faults, f)
	}
}

// without returns the script less one fault, written out.
func (s *script) without(i int) *script {
	c := *s
	c.given = true
	c.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
	return &c
}

// cell is what is promised for one fault and one MobiFone.
type cell struct {
	flagged bool
	reason  string // of flagged: why no client can do better
}

// beyond is one row of what no client can prevent: in these cells the money can be wrong,
// and the promise is that it is never silent.
type beyond struct {
	fault    faultKind
	kinds    string // of MobiFones
	noNonces bool   // only where MobiFone takes a replayed nonce
	reason   string
}

const (
	twoCopies   = "MobiFone carries out each copy of one request; the copy is made behind the client's back"
	tooLate     = "MobiFone carries out a request later than its contract says it can; nothing but waiting for ever would help"
	lateWrite   = "the process slept between its last look at the clock and the write; no check can come after the last check"
	tookBack    = "the operator takes a registration back by hand; only MobiFone's ledger tells"
	notInSystem = "what nobody enters no program knows; the count of the till shows it"
	notOurs     = "the row is of another system; the statement shows it"
	usedByOther = "another system uses our ids; the row is in the ledger, and no client could have kept it out"
)

// flaggedCells is read only; every cell that is not in it is safe.
var flaggedCells = []beyond{
	{fCopy, "DF", true, twoCopies},
	{fCopySecond, "DF", true, twoCopies},
	{fCopyLate, "DF", true, twoCopies},
	{fBeyondFence, "ACE", false, tooLate},
	{fPausedSend, "ACE", false, lateWrite},
	{fReversed, "ABCDEF", false, tookBack},
	{fCashNotEntered, "ABCDEF", false, notInSystem},
	{fForeignRow, "ABCDEF", false, notOurs},
	{fIDsUsed, "ABCDEF", false, usedByOther},
}

// cellOf returns what is promised.
func cellOf(f faultKind, k ledger.Kind, nonces bool) cell {
	for _, b := range flaggedCells {
		if b.fault == f && strings.Contains(b.kinds, string(k)) && (!b.noNonces || !nonces) {
			return cell{flagged: true, reason: b.reason}
		}
	}
	return cell{}
}

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

// modelDice is the model's source. Pinned, it draws the largest number: the longest
// wait in MobiFone's queue. Short, it draws small ones: most queues are.
type modelDice struct {
	dice   *dice
	pinned bool
	short  bool
}

// Uint64 draws.
func (m *modelDice) Uint64() uint64 {
	switch {
	case m.pinned:
		return 1<<64 - 1
	case m.short:
		return m.dice.next(drawModel) >> 2
	}
	return m.dice.next(drawModel)
}
