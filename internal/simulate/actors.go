package main

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// drive has the host's process resolve, by [sale.Desk.Run].
func (h *host) drive() {
	w := h.w
	if w.alone || h.n == 1 && !w.wanted(fTwoResolvers) {
		return
	}
	if h.n == 1 {
		w.strikeOnce(fTwoResolvers)
	}
	h.idleSince = 0
	desk := h.desk
	h.driver = w.spawn(0, h, "driver", func() { _ = desk.Run(context.Background()) })
}

// start runs f beside the present actor, in the same process.
func (h *host) start(f func()) {
	epoch := h.epoch
	h.w.spawn(0, h, h.w.cur.what+"'s", func() {
		if h.epoch == epoch {
			f()
		}
	})
}

// join runs f beside the present actor, who waits for its end, or for ctx's.
func (h *host) join(ctx context.Context, f func()) error {
	w, done := h.w, false
	waiting := w.cur
	h.start(func() {
		f()
		done = true
		if waiting != nil {
			w.wake(waiting, w.now)
		}
	})
	defer func() { waiting = nil }()
	for !done {
		if err := ctx.Err(); err != nil {
			return err
		}
		by, _ := ctx.Deadline()
		_, mono := h.time.Read()
		w.sit(w.now + max(by.Sub(seam.Deadline(mono)), time.Nanosecond))
	}
	return nil
}

// idle is the pause of a driver. Rounds that would find nothing due are left out.
func (h *host) idle(d time.Duration) {
	w := h.w
	w.resolves++
	if w.resolves > 20_000 {
		w.checker.fail("rest", "the driver finds no rest")
	}
	if d < time.Second && h.frozen == 0 {
		w.pause(d)
		return
	}
	h.idleSince = max(w.now, 1)
	w.sit(h.nextRound())
	h.idleSince = 0
}

// nextRound is when an idling driver, which wakes each second, finds something to do: a
// sale is due by its wall clock, or its look for what a wrong clock put off is.
func (h *host) nextRound() time.Duration {
	w, wall, at := h.w, h.wall(), never
	for _, r := range w.store.records {
		s := &r.state
		due := s.WakeAt
		if s.State == sale.Review && w.reviewed > 3 {
			due = s.AlarmAt // reviews are looked up for ever
		}
		if due.IsZero() {
			continue
		}
		in := due.Sub(wall)
		if in > time.Minute && (s.State == sale.Registering || s.State == sale.Resolving || s.UpdatedAt.Sub(wall) > time.Minute) {
			in = time.Minute
		}
		at = min(at, w.now+in)
	}
	if h.frozen > 0 && !w.quiet {
		at = max(at, w.now+time.Minute) // it looks, and time does not pass
	}
	return max(at, w.now+time.Second-(w.now-h.idleSince)%time.Second)
}

// dueChanged has the idling drivers look again when something is due.
func (w *world) dueChanged() {
	for _, h := range w.hosts {
		if h.idleSince > 0 {
			w.wake(h.driver, h.nextRound())
		}
	}
}

// expiryOf is when the newest OTP of a sale runs out.
func (w *world) expiryOf(s *sale.Sale) time.Time {
	if m, ok := w.messageOf(*s); ok {
		return m.At.Add(otpTTL)
	}
	return time.Time{}
}

// point is a labelled place of the protocol: another actor can come between there, and
// the process can die there.
type point uint8

const (
	ptStoreRead point = iota
	ptBeforeWrite
	ptWritten
	ptSynced
	ptClock
	ptBeforeOTP
	ptOTPReply
	ptBeforeLook
	ptLookReply
	ptBeforeSend
	ptLeft
	ptReply
	ptAnswered
	pointKinds
)

// pointNames is read only.
var pointNames = [pointKinds]string{
	"store read", "before write", "written, not synced", "synced, not acknowledged", "clock reading",
	"before OTP request", "OTP reply", "before lookup", "lookup reply",
	"before send", "sent", "reply to send", "reply to caller",
}

// String returns the label.
func (p point) String() string { return pointNames[p] }

// point passes a labelled place.
func (w *world) point(p point) {
	if w.bubble != nil {
		w.bubble.sync()
	}
	w.trace.note("at", uint64(p), uint64(w.now))
	w.points++
	if faults := w.pass(sitePoint); !faults.none() {
		w.upset(p, faults)
	}
	if w.script.deadly && p == w.script.death {
		w.dieOnce(p)
	}
	var d time.Duration
	switch p {
	case ptStoreRead, ptBeforeWrite, ptSynced:
		d = w.between(drawStore, 0, 2*time.Millisecond)
	case ptWritten:
		d = w.between(drawStore, time.Millisecond, 8*time.Millisecond)
	case ptClock:
		d = time.Microsecond
	case ptBeforeOTP, ptBeforeLook, ptBeforeSend, ptAnswered:
		d = w.between(drawStore, 0, time.Millisecond)
	}
	w.pause(d)
}

// upset lets faults strike at a point. The dice is asked before anything can end here.
func (w *world) upset(p point, faults faultSet) {
	h := w.cur.host
	if w.hit(faults, fOutage) {
		w.outage = w.now + [...]time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour}[w.below(drawPerson, 3)]
	}
	if w.hit(faults, fStoreSplit) {
		w.splitHost, w.splitTo = h, w.now+w.between(drawPerson, time.Second, 5*time.Minute)
	}
	if w.hit(faults, fClockStep) {
		h.wallOff += [...]time.Duration{time.Hour, -time.Hour, 5 * time.Second, -5 * time.Second, 1900 * time.Millisecond, -25 * time.Hour}[w.below(drawClock, 6)]
		w.dueChanged()
	}
	if w.hit(faults, fClockFrozen) {
		h.frozen = w.now
		w.later(w.between(drawClock, 5*time.Second, time.Hour), func() { h.frozen = 0 })
	}
	if w.hit(faults, fClockDrift) {
		h.drift = [...]int64{200, -200, 20_000, -20_000}[w.below(drawClock, 4)]
	}
	if w.hit(faults, fSuspend) {
		d := [...]time.Duration{3 * time.Second, 25 * time.Second, 10 * time.Minute, 2 * time.Hour}[w.below(drawClock, 4)]
		h.monoOff += d
		h.asleepUntil = max(h.asleepUntil, w.now+d)
	}
	if ctx := w.cur.ctx; faults.has(fCanceled) && ctx != nil {
		w.strike(fCanceled)
		ctx.canceled = true
	}
	if power := faults.has(fPowerCut); power || faults.has(fCrash) {
		if power {
			w.strike(fPowerCut)
		} else {
			w.strike(fCrash)
		}
		w.stats["dies: "+p.String()]++
		w.lab.died[p] = true
		w.kill(h, power)
		panic(killed{})
	}
}

// dieOnce is the death that an exhaustive run wants at one kind of point: at a passage
// that the seed chooses among the first few.
func (w *world) dieOnce(p point) {
	w.passages++
	if w.quiet || w.lab.died[p] || w.passages != 1+int(mix(w.seed)%4) {
		return
	}
	w.stats["dies: "+p.String()]++
	w.lab.died[p] = true
	w.log("! dies %s", p)
	w.kill(w.cur.host, false)
	panic(killed{})
}

// kill ends a host's process; it starts again after a while, and its people go on.
func (w *world) kill(h *host, power bool) {
	h.epoch++
	h.down = true
	h.driver, h.idleSince = nil, 0
	w.store.hostDied(h, power)
	w.later(w.between(drawCrash, 500*time.Millisecond, 20*time.Second), func() {
		h.down = false
		h.open()
		for _, p := range w.people {
			if p.host == h && p.busy {
				p.begin(0)
			}
		}
	})
}

// callContext is the caller's context of one act; a closed browser cancels it. Nobody waits
// for its Done in the loop, everybody asks Err.
type callContext struct {
	context.Context //nolint:containedctx // it is one

	canceled bool
}

// Err says whether the caller is gone.
func (c *callContext) Err() error {
	if c.canceled {
		return context.Canceled
	}
	return nil
}
