package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// The loop's time is that of real timers: a world with one actor, lived in a bubble where
// the client has nothing but its own timers and context.WithTimeout, leaves the same
// trace to the nanosecond. Only chance comes from the seed in both.
func TestTheLoopsTimeIsThatOfTimers(t *testing.T) {
	t.Parallel()
	faults := []faultKind{
		fNotSent, fRequestLost, fReplyLost, fReplyLate, fLateArrival, fParked, fCopy, fCopySecond, fCopyLate, fGarbled, f5xxBefore,
		f5xxAfter, f429Before, f429After, f401Before, f401After, fLookError, fLookLag, fOTPLost, fOTPReplyLost, fWrongOTP, fCrash, fOutage,
		fApplyFails, fApplySlow, fHanging, fCached,
	}
	ends := map[sale.State]int{}
	const worlds = 400
	traces := map[trace]bool{}
	for seed := range uint64(worlds) {
		d := dice{seed: seed}
		a := arrangements()[d.below(drawPlan, 12)]
		s := &script{kind: a.kind, nonces: a.nonces, seed: seed, given: true}
		for range d.below(drawPlan, 4) {
			k := faults[d.below(drawPlan, len(faults))]
			s.faults = append(s.faults, armedFault{kind: k, nth: 1 + d.below(drawPlan, faultTable[k].nths)})
		}
		loop := lonely(s)
		loop.until(loneEnd)
		loop.drain()
		var timers *world
		synctest.Test(t, func(*testing.T) {
			timers = lonely(s)
			b := &timerTime{w: timers, began: time.Now()}
			require.Equal(t, timers.start, b.began.UTC())
			for _, h := range timers.hosts {
				h.time = seam.Seam{Draw: h.time.Draw, Join: func(_ context.Context, f func()) error { f(); return nil }} // who dies, dies here
				h.open()
			}
			timers.bubble = b
			b.until(loneEnd)
		})
		require.Equal(t, loop.trace, timers.trace, "%s", s)
		assert.Equal(t, loop.dice, timers.dice, "%s", s)
		traces[loop.trace] = true
		ends[loop.store.records[0].state.State]++
	}
	assert.Greater(t, len(traces), worlds*9/10)
	assert.Greater(t, ends[sale.Registered], worlds/2)
	assert.Greater(t, len(ends), 2)
}

const loneEnd = 20 * time.Hour

// lonely is a world with one teller, who also resolves.
func lonely(s *script) *world {
	l := newLab(stats{})
	e, err := l.dawn(s.kind)
	if err != nil {
		panic(err)
	}
	e.start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when every bubble begins
	s.faults = slices.Clone(s.faults)
	w := l.assemble(s, e)
	w.alone = true
	w.begin()
	for _, h := range w.hosts {
		h.wallOff = 0
	}
	w.people[0].work = func(p *person) {
		for range 60 {
			v, ok := p.look()
			switch state := v.Sale.State; {
			case !ok:
				w.pause(time.Second)
			case state == sale.Registering || state == sale.Resolving || state == sale.Review:
				_, _ = p.host.desk.Resolve(context.Background(), p.order.saleID)
				w.pause(7 * time.Second)
			case p.next(v, w.pass(siteTill)):
				return
			}
		}
	}
	return w
}

// timerTime lives a world on real timers.
type timerTime struct {
	w     *world
	began time.Time
}

func (b *timerTime) until(end time.Duration) {
	w := b.w
	for h := w.agenda.soonest(); h != nil && h.at <= end; h = w.agenda.soonest() {
		b.sleepTo(h.at)
		if next := w.agenda.pop(); next.do != nil {
			next.do()
		} else {
			b.act(next.actor)
		}
	}
}

func (b *timerTime) act(a *actor) {
	a.epoch, b.w.cur = a.host.epoch, a
	defer func() {
		b.w.cur = nil
		if p := recover(); p != nil {
			if _, dead := p.(killed); !dead {
				panic(p)
			}
		}
	}()
	a.job()
}

// sleepTo lets the bubble's clock get there.
func (b *timerTime) sleepTo(at time.Duration) {
	<-time.NewTimer(at - time.Since(b.began)).C
	b.w.now = max(b.w.now, at)
	b.w.advance()
}

// sync does what became due while the client slept on a timer of its own.
func (b *timerTime) sync() {
	w, now := b.w, time.Since(b.began)
	b.befall(now)
	w.now = max(w.now, now)
	w.advance()
}

func (b *timerTime) befall(until time.Duration) {
	w := b.w
	for h := w.agenda.soonest(); h != nil && h.at <= until && h.do != nil; h = w.agenda.soonest() {
		next := w.agenda.pop()
		b.sleepTo(next.at)
		next.do()
		if w.cur.epoch != w.cur.host.epoch {
			panic(killed{})
		}
	}
}

func (b *timerTime) pause(d time.Duration) {
	at := b.w.now + d
	b.befall(at)
	b.sleepTo(at)
	if a := b.w.cur; a.epoch != a.host.epoch {
		panic(killed{})
	}
}

func (b *timerTime) rest(ctx context.Context, d time.Duration) error {
	b.sync()
	if err := ctx.Err(); err != nil {
		return err
	}
	end, ok := ctx.Deadline()
	if !ok || time.Until(end) > d {
		b.pause(d)
		return ctx.Err()
	}
	b.pause(time.Until(end))
	<-ctx.Done()
	return ctx.Err()
}

func TestAgendaKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var a agenda
	var got []string
	add := func(at time.Duration, name string) { a.add(happening{at: at, do: func() { got = append(got, name) }}) }
	add(3, "c1")
	add(1, "a")
	add(3, "c2")
	add(2, "b")
	for a.soonest() != nil {
		a.pop().do()
	}
	assert.Equal(t, "a b c1 c2", strings.Join(got, " "))
}
