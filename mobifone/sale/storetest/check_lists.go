package storetest

// This file checks the lists: which sales are due and to whom they are given, and what the screens show.
// A store that fails here leaves sales waiting, or has all hosts look up the same ones.

import (
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// dueAre compares the answer of Due with the sales wanted, in order, and the time wanted for the next one;
// the zero time means that none is due after them.
func dueAre(t testing.TB, s sale.Store, now time.Time, limit int, next time.Time, want ...string) {
	t.Helper()
	ids, at, err := s.Due(t.Context(), now, limit)
	if err != nil {
		t.Fatalf("Due: %v", err)
	}
	same(t, "Due", append([]string{}, ids...), append([]string{}, want...))
	if !at.Equal(next) {
		t.Fatalf("Due: the next is due at %v, want %v", at, next)
	}
}

// due: the sales whose time has come are told longest overdue first, then by id, up to the limit,
// with the time of the next one. The driver works through them in this order; a sale that is
// never told is never looked up again.
func due(t testing.TB, h Harness) {
	s := h.Open(t)
	// In an empty store nothing is due, now or ever.
	dueAre(t, s, dawn, 10, time.Time{})
	// Two sales have the same time, and one is due more than a month later: a store that sorts times as
	// texts of several lengths, or cuts them to seconds, puts them in another order.
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
	// The limit cuts the list, and the next time is then that of the first sale that was cut off: the
	// driver comes back at once. A limit of 0 asks for the time alone.
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
	// It is called from many goroutines, so it does not end the test.
	take := func(host sale.Taker, now, until time.Time, limit int) []string {
		ids, _, err := host.TakeDue(t.Context(), now, until, limit)
		if err != nil {
			t.Errorf("TakeDue: %v", err)
		}
		return ids
	}
	// Sale n is due n minutes before the last one, so the order of the times is not that of the ids.
	states := map[string]sale.Sale{}
	for n := range scope {
		c := opened(n)
		c.State.WakeAt = at(scope - n)
		states[c.SaleID] = apply(t, s, c)
	}
	// What is not due is not taken, and neither is what there is no room for: a sale that is taken and
	// not worked on waits for nothing until its time comes again.
	same(t, "nothing is due yet", len(take(hosts[0], at(1).Add(-time.Nanosecond), at(100), 10)), 0)
	same(t, "no room", len(take(hosts[0], at(50), at(100), 0)), 0)
	same(t, "the longest overdue", take(hosts[0], at(50), at(100), 2), []string{opened(scope - 1).SaleID, opened(scope - 2).SaleID})

	// All at once: everybody gets others, and together they get the rest. There are more who ask than sales,
	// so some must come back with none. got counts how often each sale was given to somebody.
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
	// WakeAt is all that taking has changed: the version is the old one, and no event was made.
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
	// The second sale is due a minute after the first and is never moved: what is done to the one must not
	// reach the other.
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

	// The zero time takes the sale off the list until its next change, which brings a WakeAt of its own: a
	// store that keeps the postponed time beside the state must forget it then.
	move(one.ID, 2, time.Time{})
	dueAre(t, s, late, 10, time.Time{}, two.SaleID)
	one = apply(t, s, then(one, wake(dawn))) // the version is still 2
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute), one.ID)
}

// find: lists filter by state, shop and time of opening, are sorted by opening and stop at the
// limit. The sales are stored in another order than they opened in.
func find(t testing.TB, h Harness) {
	s := h.Open(t)
	// all becomes what an empty filter must find: each sale stored was opened before those stored earlier,
	// so it goes to the front.
	var all []sale.Summary
	for n := range scope {
		c := opened(scope - 1 - n) // stored in another order than opened
		if n%2 == 0 {
			c.State.Order.Shop = "S02"
		}
		// Shops and states alternate at other rates, so each pair of them occurs, and a store that filters by
		// one of the two alone finds too many.
		c.State.State = sale.States()[n%3]
		c.State.CashIn, c.State.CashOut, c.State.Reason = 120_000, 20_000, "because"
		c.State.WakeAt = dawn.Add(time.Hour)
		apply(t, s, c)
		o := c.State.Order
		all = append([]sale.Summary{{
			ID: c.SaleID, Shop: o.Shop, Order: o.ID, State: c.State.State, Package: "C120", Price: 120_000,
			CashIn: 120_000, CashOut: 20_000, LastThree: o.MSISDN.LastThree(), Reason: "because",
			OpenedAt: c.State.OpenedAt, UpdatedAt: c.State.UpdatedAt, WakeAt: c.State.WakeAt,
		}}, all...)
	}
	// Each field of the filter alone, at its bounds, and some together.
	for _, q := range []sale.Filter{
		{},
		{States: []sale.State{sale.Open}},
		{States: []sale.State{sale.Paid, sale.OTPSent}},
		{States: []sale.State{sale.Closed}},
		{Shop: "S02"},
		{Shop: "S03"},
		{From: all[3].OpenedAt},
		{To: all[3].OpenedAt},
		{From: all[2].OpenedAt, To: all[9].OpenedAt, Shop: "S01", States: []sale.State{sale.Open, sale.Paid}},
		{From: all[2].OpenedAt.Add(time.Nanosecond), Limit: 2},
		{Limit: 5},
	} {
		// The filter once more, written out. The list is not nil, as that of a store may be.
		want := []sale.Summary{}
		for _, sum := range all {
			in := len(q.States) == 0
			for _, state := range q.States {
				in = in || state == sum.State
			}
			if in && (q.Shop == "" || q.Shop == sum.Shop) && (q.From.IsZero() || !sum.OpenedAt.Before(q.From)) &&
				(q.To.IsZero() || sum.OpenedAt.Before(q.To)) && (q.Limit == 0 || len(want) < q.Limit) {
				want = append(want, sum)
			}
		}
		got, err := s.Find(t.Context(), q)
		if err != nil {
			t.Fatalf("Find: %v", err)
		}
		same(t, "Find "+shown(q), append([]sale.Summary{}, got...), want)
	}
}
