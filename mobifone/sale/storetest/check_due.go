package storetest

// This file checks when a store says that a sale is due, and to whom it gives it. A store that
// fails here leaves sales waiting, or has all hosts look up the same ones.

import (
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// due: the sales whose time has come are told longest overdue first, then by id, up to the limit,
// with the time of the next one. The driver works through them in this order; a sale that is
// never told is never looked up again.
func due(t testing.TB, h Harness) {
	s := h.Open(t)
	// In an empty store nothing is due, now or ever.
	dueAre(t, s, dawn, 10, time.Time{})
	at := func(n int) time.Time { return dawn.Add(time.Duration(n)*time.Minute + time.Nanosecond) }
	states := map[int]sale.Sale{}
	for n, minute := range map[int]int{1: 30, 2: 10, 3: 20, 4: 10, 5: 1440 * 40} {
		c := opened(n)
		c.State.WakeAt = at(minute)
		states[n] = apply(t, s, c)
	}
	apply(t, s, opened(6)) // never due

	// A sale is due at its time, not a nanosecond before it; two of the same time come by id.
	dueAre(t, s, at(10).Add(-time.Nanosecond), 10, at(10))
	dueAre(t, s, at(10), 10, at(20), "SALE-0002", "SALE-0004")
	dueAre(t, s, at(40), 10, at(1440*40), "SALE-0002", "SALE-0004", "SALE-0003", "SALE-0001")
	dueAre(t, s, at(40), 3, at(30), "SALE-0002", "SALE-0004", "SALE-0003")
	dueAre(t, s, at(40), 1, at(10), "SALE-0002")
	dueAre(t, s, at(40), 0, at(10))
	dueAre(t, s, at(1440*41), 10, time.Time{}, "SALE-0002", "SALE-0004", "SALE-0003", "SALE-0001", "SALE-0005")

	// A change that clears the time takes the sale off the list; one that moves it moves it
	// there.
	apply(t, s, then(states[2], wake(time.Time{})))
	apply(t, s, then(states[3], wake(at(5))))
	dueAre(t, s, at(10), 10, at(30), "SALE-0003", "SALE-0004")
}

// takeDue: a store that hosts share gives each due sale to one of those who ask at once, the
// longest overdue first, and to nobody else until the given time.
func takeDue(t testing.TB, h Harness) {
	s := h.Open(t)
	var hosts []sale.Taker
	for _, host := range h.hosts(t, s) {
		taker, ok := host.(sale.Taker)
		if !ok {
			t.Skip("the store is no sale.Taker")
		}
		hosts = append(hosts, taker)
	}
	at := func(n int) time.Time { return dawn.Add(time.Duration(n)*time.Minute + time.Nanosecond) }
	take := func(host sale.Taker, now, until time.Time, limit int) []string {
		ids, _, err := host.TakeDue(t.Context(), now, until, limit)
		if err != nil {
			t.Errorf("TakeDue: %v", err)
		}
		return ids
	}
	states := map[string]sale.Sale{}
	for n := range scope {
		c := opened(n)
		c.State.WakeAt = at(scope - n)
		states[c.SaleID] = apply(t, s, c)
	}
	same(t, "nothing is due yet", len(take(hosts[0], at(1).Add(-time.Nanosecond), at(100), 10)), 0)
	same(t, "no room", len(take(hosts[0], at(50), at(100), 0)), 0)
	same(t, "the longest overdue", take(hosts[0], at(50), at(100), 2), []string{opened(scope - 1).SaleID, opened(scope - 2).SaleID})

	// All at once: everybody gets others, and together they get the rest.
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[string]int{}
	for i := range 2 * scope {
		wg.Go(func() {
			ids := take(hosts[i%len(hosts)], at(50), at(100), 1)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				got[id]++
			}
		})
	}
	wg.Wait()
	for id, times := range got {
		same(t, "how often "+id+" was taken", times, 1)
	}
	for _, id := range take(hosts[0], at(50), at(100), scope) { // one that was held at that moment may have been passed over
		got[id]++
	}
	same(t, "what was taken", len(got), scope-2)

	// Taken is put off, not gone; nothing else has changed.
	dueAre(t, s, at(50), 10, at(100))
	_, next, err := hosts[0].TakeDue(t.Context(), at(50), at(100), scope)
	same(t, "when the next one is due", []any{next.Equal(at(100)), told(err)}, []any{true, "no error"})
	same(t, "due again", len(take(hosts[0], at(100), at(200), scope)), scope)
	for id, was := range states {
		was.WakeAt = at(200)
		kept, err := s.Load(t.Context(), id)
		same(t, "a sale that was taken", []any{kept, told(err)}, []any{was, "no error"})
	}
}

// postpone: moving WakeAt changes nothing else, makes no event, and does nothing at another
// version. The next change overwrites it.
func postpone(t testing.TB, h Harness) {
	s, ctx := h.Open(t), t.Context()
	one := apply(t, s, opened(1))
	one = apply(t, s, then(one, wake(dawn)))
	two := opened(2)
	two.State.WakeAt = dawn.Add(time.Minute)
	apply(t, s, two)
	move := func(id string, version int64, to time.Time) {
		t.Helper()
		if err := s.Postpone(ctx, id, version, to); err != nil {
			t.Fatalf("Postpone: %v", err)
		}
	}
	// Another version, or no such sale: nothing moves, and it is no error.
	late, events := dawn.Add(time.Hour+time.Nanosecond), look(t, s).Events
	for _, wrong := range []int64{0, 1, 3} {
		move(one.ID, wrong, late)
	}
	move("SALE-0009", 1, late)
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute), one.ID)

	// At its version the time moves, in Due, in Load and in the lists; the version and the events
	// stay.
	move(one.ID, 2, late)
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute))
	dueAre(t, s, late, 10, time.Time{}, two.SaleID, one.ID)
	want := one
	want.WakeAt = late
	got := look(t, s)
	same(t, "the sale after Postpone", got.Sales[one.ID], want)
	same(t, "the list after Postpone", got.Found[0].WakeAt.Equal(late), true)
	same(t, "the events after Postpone", got.Events, events)

	// The zero time takes the sale off the list until its next change.
	move(one.ID, 2, time.Time{})
	dueAre(t, s, late, 10, time.Time{}, two.SaleID)
	one = apply(t, s, then(one, wake(dawn))) // the version is still 2
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute), one.ID)
}
