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
		w.checker.fail("I7", "the driver finds no rest")
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

// meet lets the worst worlds look a sale up at the very moment of the fence, by whichever
// of MobiFone's clocks is ahead.
func (w *world) meet(k *kept, s *sale.Sale) {
	if !w.nemesis || w.alone || s.State != sale.Resolving || w.noLookup || k.sendBy.IsZero() || w.era.kind == "F" {
		return
	}
	last := k.sendBy.Add(w.maxDelay)
	if expiry := w.expiryOf(s); (w.era.kind == "B" || w.era.kind == "D") && expiry.Before(last) {
		last = expiry
	}
	at := last.Add(clockSkewMax + lookupLagMax + time.Second - clockSkewMax/2).Sub(w.start)
	h, id := w.hosts[0], s.ID
	for d := -4 * time.Second; d <= 2*time.Second; d += 250 * time.Millisecond {
		if at+d > w.now {
			w.spawn(at+d-w.now, h, "watcher", func() { _, _ = h.desk.Resolve(context.Background(), id) })
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
