package main

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// armResolver has the resolvers of the hosts wake when the next sale is due by their own
// wall clock: sale.Desk.Run without its second of idling.
func (w *world) armResolver() {
	for _, h := range w.hosts {
		if h.n == 1 && !w.wanted(fTwoResolvers) {
			continue
		}
		if h.n == 1 {
			w.strikeOnce(fTwoResolvers)
		}
		w.armHost(h)
	}
}

func (w *world) armHost(h *host) {
	if h.down || w.alone {
		return
	}
	var soonest time.Time
	for _, r := range w.store.records {
		if at := r.state.WakeAt; !at.IsZero() && w.watched(&r.state) && (soonest.IsZero() || at.Before(soonest)) {
			soonest = at
		}
	}
	if soonest.IsZero() || soonest.Sub(h.wall()) > never/2 { // an alarm that no world lives to hear
		return
	}
	at := max(w.now+soonest.Sub(h.wall())+h.jitter(), h.restUntil, w.now)
	if h.frozen > 0 && !w.quiet {
		at = max(at, w.now+time.Minute) // it looks, and time does not pass
	}
	if h.resolverAt != 0 && h.resolverAt <= at {
		return
	}
	h.resolverAt = at
	h.resolverSeq++
	seq := h.resolverSeq
	w.spawn(at-w.now, h, "resolver", func() {
		if h.resolverSeq == seq {
			h.resolverAt = 0
			w.resolve(h)
		}
	})
}

// jitter is the driver's idling; in an extreme world it wakes to the moment.
func (h *host) jitter() time.Duration {
	if h.w.extreme {
		return 0
	}
	return h.w.between(drawResolver, 0, time.Second)
}

// watched leaves reviews to people after a few looks: they are looked up for ever.
func (w *world) watched(s *sale.Sale) bool {
	return s.State != sale.Review || w.reviewed < 3
}

// resolve is one round of the driver.
func (w *world) resolve(h *host) {
	w.resolves++
	h.restUntil = w.now + time.Second
	if w.resolves > 4000 {
		w.checker.fail("I7", "the resolver finds no rest")
		return
	}
	ctx := context.Background()
	ids, _, err := w.store.Due(ctx, h.wall(), 256)
	if err != nil {
		h.restUntil = w.now + 5*time.Second
	}
	for _, id := range ids {
		if r := w.store.find(id); r != nil && r.state.State == sale.Review {
			w.reviewed++
		}
		if _, err := h.desk.Resolve(ctx, id); err != nil {
			h.restUntil = w.now + 10*time.Second
			w.log("resolve: %v", err)
		}
	}
	w.armHost(h)
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
