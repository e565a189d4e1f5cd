package main

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/ledger"
)

// A few thousand sales over all models keep every invariant, and reach what they are
// meant to reach.
func TestRandomMix(t *testing.T) {
	t.Parallel()
	const worlds = 3000
	s := sweep{total: stats{}}
	all := arrangements()
	n := uint64(0)
	s.each(1, func(l *lab) bool {
		a := all[n%uint64(len(all))]
		n++
		s.live(l, seededScript(a.kind, a.nonces, n))
		return n < worlds
	})
	for _, f := range s.found {
		t.Errorf("%s\n  go run ./internal/simulate -replay %s", f.broken, f.script)
	}
	assert.EqualValues(t, worlds, s.total["worlds"])
	assert.Greater(t, s.total["register requests"], uint64(worlds/2))
	for k := range faultKinds() {
		assert.NotZero(t, s.total["fault: "+k.String()], "fault %s never struck", k)
	}
	for p := range pointKinds {
		if p != ptClock && p != ptReply { // a death at a reply is one in thousands; -exhaustive dies there
			assert.NotZero(t, s.total["dies: "+p.String()], "no death at %q", p)
		}
	}
}

// Where MobiFone has no lookup by id, searching the subscriber's transactions is as safe.
func TestSearchOnly(t *testing.T) {
	t.Parallel()
	all := arrangements()
	l := newLab(stats{})
	l.searches = true
	for n := range uint64(1500) {
		a := all[n%uint64(len(all))]
		s := seededScript(a.kind, a.nonces, 100_000+n)
		broken, _ := l.live(s)
		require.Nil(t, broken, "%s: %v", s, broken)
	}
	assert.Greater(t, l.stats["fault: search-only"], uint64(1400))
}

// Every model alone, with and without the nonce check, sells when nothing goes wrong.
func TestUndisturbed(t *testing.T) {
	t.Parallel()
	for _, a := range arrangements() {
		st := stats{}
		l := newLab(st)
		for seed := range uint64(20) {
			s := &script{kind: a.kind, nonces: a.nonces, seed: seed, given: true}
			broken, _ := l.live(s)
			require.Nil(t, broken, "%s: %v", s, broken)
		}
		assert.EqualValues(t, 20, st["register requests"], "one request for one sale, %v", a)
		assert.Zero(t, st["alarms"])
	}
}

// I21: the same seed gives the same trace, in a fresh MobiFone and in one that has seen
// other worlds.
func TestSameSeedSameTrace(t *testing.T) {
	t.Parallel()
	used := newLab(stats{})
	hashes := map[trace]bool{}
	const worlds = 400
	for n := range uint64(worlds) {
		a := arrangements()[n%12]
		s := seededScript(a.kind, a.nonces, n)
		_, first := used.live(s)
		_, again := newLab(stats{}).live(seededScript(a.kind, a.nonces, n))
		require.Equal(t, first, again, "%s", s)
		hashes[first] = true
	}
	assert.Greater(t, len(hashes), worlds*9/10, "the trace tells worlds apart")
}

func TestScriptsReadWhatTheyWrite(t *testing.T) {
	t.Parallel()
	for n := range uint64(200) {
		a := arrangements()[n%12]
		s := seededScript(a.kind, a.nonces, n)
		read, err := parseScript(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, read)
		s.given = true
		read, err = parseScript(s.String())
		require.NoError(t, err)
		assert.Equal(t, s.String(), read.String())
	}
	for _, bad := range []string{"", "E", "X:1", "E+nonce:x", "E:1:no-such@1", "E:1:crash", "E:1:crash@x"} {
		_, err := parseScript(bad)
		assert.Error(t, err, bad)
	}
	s, err := parseScript("E+nonce:7:reply-lost@1,crash@12")
	require.NoError(t, err)
	assert.Equal(t, ledger.KindE, s.kind)
	assert.True(t, s.nonces)
	assert.Equal(t, []armedFault{{kind: fReplyLost, nth: 1}, {kind: fCrash, nth: 12}}, s.faults)
}

func TestPrintNamesEverything(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	stats{}.print(&b)
	for k := range faultKinds() {
		assert.Contains(t, b.String(), "fault: "+k.String()+" ")
	}
	assert.Contains(t, b.String(), "NEVER")
	s := sweep{total: stats{}}
	assert.True(t, s.verdict(io.Discard))
}

// The faults that found something once, with other small choices.
func TestFoundBefore(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"E+nonce:0:copy-second@1", "E:0:otp-expires-in-flight@3,copy-second@1", "F+nonce:0:parked@1,copy-second@1",
		"C:0:exhausted-otp@1", "D:0:reversed@1", "F:0:clock-step@54,429-before@1", "B:0:clock-frozen@17,suspend@55",
		"E+nonce:0:beyond-fence@1,walk-away@5", "F:0:same-order-twice@1,suspend@21", "C:0:two-orders@1,override@1", "B:0:walk-away@4,no-lookup@1,copy-second@1",
		"E:0:apply-unknown@2,misuse@2", "E:0:misuse@2,canceled@15",
	} {
		s, err := parseScript(text)
		require.NoError(t, err)
		l := newLab(stats{})
		for s.seed = range uint64(150) {
			broken, _ := l.live(s)
			require.Nil(t, broken, "%s: %v", s, broken)
		}
	}
}

func TestShrink(t *testing.T) {
	t.Parallel()
	bugs := plantedBugs()
	for i := range bugs {
		if bugs[i].name != "a lost reply is not sent" {
			continue
		}
		s, err := parseScript("C+nonce:5:reply-lost@1,lookup-lag@2,apply-slow@3")
		require.NoError(t, err)
		l := newLab(stats{})
		l.bug = &bugs[i]
		broken, _ := l.live(s)
		require.NotNil(t, broken)
		small := shrink(s, broken, &bugs[i])
		assert.Equal(t, "C+nonce:5:reply-lost@1", small.String())
		return
	}
	t.Fatal("no such bug")
}

func TestReverseGivesAnotherCode(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		code := strconv.Itoa(100_000 + n*899)
		assert.NotEqual(t, code, reverse(code))
		assert.Len(t, reverse(code), 6)
	}
}
