package storetest

import (
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

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

func due(t testing.TB, h Harness) {
	s := h.Open(t)
	dueAre(t, s, dawn, 10, time.Time{})
	at := func(n int) time.Time { return dawn.Add(time.Duration(n)*time.Minute + time.Nanosecond) }
	states := map[int]sale.Sale{}
	for n, minute := range map[int]int{1: 30, 2: 10, 3: 20, 4: 10, 5: 1440 * 40} {
		c := opened(n)
		c.State.WakeAt = at(minute)
		states[n] = apply(t, s, c)
	}
	apply(t, s, opened(6)) // never due

	dueAre(t, s, at(10).Add(-time.Nanosecond), 10, at(10))
	dueAre(t, s, at(10), 10, at(20), "SALE-0002", "SALE-0004")
	dueAre(t, s, at(40), 10, at(1440*40), "SALE-0002", "SALE-0004", "SALE-0003", "SALE-0001")
	dueAre(t, s, at(40), 3, at(30), "SALE-0002", "SALE-0004", "SALE-0003")
	dueAre(t, s, at(40), 1, at(10), "SALE-0002")
	dueAre(t, s, at(40), 0, at(10))
	dueAre(t, s, at(1440*41), 10, time.Time{}, "SALE-0002", "SALE-0004", "SALE-0003", "SALE-0001", "SALE-0005")

	apply(t, s, then(states[2], wake(time.Time{})))
	apply(t, s, then(states[3], wake(at(5))))
	dueAre(t, s, at(10), 10, at(30), "SALE-0003", "SALE-0004")
}

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
	late, events := dawn.Add(time.Hour+time.Nanosecond), look(t, s).Events
	for _, wrong := range []int64{0, 1, 3} {
		move(one.ID, wrong, late)
	}
	move("SALE-0009", 1, late)
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute), one.ID)

	move(one.ID, 2, late)
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute))
	dueAre(t, s, late, 10, time.Time{}, two.SaleID, one.ID)
	want := one
	want.WakeAt = late
	got := look(t, s)
	same(t, "the sale after Postpone", got.Sales[one.ID], want)
	same(t, "the list after Postpone", got.Found[0].WakeAt.Equal(late), true)
	same(t, "the events after Postpone", got.Events, events)

	move(one.ID, 2, time.Time{})
	dueAre(t, s, late, 10, time.Time{}, two.SaleID)
	one = apply(t, s, then(one, wake(dawn))) // the version is still 2
	dueAre(t, s, dawn, 10, dawn.Add(time.Minute), one.ID)
}

func find(t testing.TB, h Harness) {
	s := h.Open(t)
	var all []sale.Summary
	for n := range scope {
		c := opened(scope - 1 - n) // stored in another order than opened
		if n%2 == 0 {
			c.State.Order.Shop = "S02"
		}
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
