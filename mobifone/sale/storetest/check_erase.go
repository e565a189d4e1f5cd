package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func eraseIs(t testing.TB, s sale.Store, before time.Time, limit, want int) {
	t.Helper()
	n, err := s.Erase(t.Context(), before, limit)
	if err != nil {
		t.Fatalf("Erase: %v", err)
	}
	same(t, "how many Erase erased", n, want)
}

func erase(t testing.TB, h Harness) {
	s := h.Open(t)
	// Sale n is in the n-th state since the n-th second after dawn.
	states := sale.States()
	for n := range states[:scope] {
		c := opened(n)
		c.State.State, c.State.CashIn, c.State.CashOut = states[n], 120_000, 1000
		c.State.Reason, c.State.WakeAt = "as it is", dawn.Add(time.Duration(n)*time.Hour)
		apply(t, s, c)
	}
	before := look(t, s)
	without := func(s sight, gone ...int) sight {
		for _, n := range gone {
			id := opened(n).SaleID
			c := s.Sales[id]
			c.Order.MSISDN = telco.MSISDN{}
			s.Sales[id], s.Numbers[id] = c, ""
			s.Events[id][0].Order.MSISDN = telco.MSISDN{}
		}
		return s
	}
	var resting []int
	for n, state := range states[:scope] {
		if state == sale.Registered || state == sale.Refunded || state == sale.Cancelled || state == sale.Closed {
			resting = append(resting, n)
		}
	}
	eraseIs(t, s, dawn, 100, 0)
	eraseIs(t, s, dawn.Add(time.Hour), 0, 0)
	eraseIs(t, s, dawn.Add(time.Duration(resting[0])*time.Second), 100, 0) // at that time, not before it
	same(t, "the store before anything is due to be erased", look(t, s), before)
	eraseIs(t, s, dawn.Add(time.Hour), 1, 1)
	before = without(before, resting[0])
	same(t, "the store after the longest at rest was erased", look(t, s), before)
	eraseIs(t, s, dawn.Add(time.Hour), 100, len(resting)-1)
	before = without(before, resting[1:]...)
	same(t, "the store after all at rest were erased", look(t, s), before)
	eraseIs(t, s, dawn.Add(time.Hour), 100, 0)
}

func erasedStaysErased(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, opened(1))
	one = apply(t, s, then(one, to(sale.Registered, sale.KeepClaim)))
	rested := one.UpdatedAt
	held := one // a process that loaded it before
	one = apply(t, s, then(one, to(sale.Registered, sale.KeepClaim)))
	eraseIs(t, s, rested, 10, 0)
	eraseIs(t, s, rested.Add(time.Nanosecond), 10, 1) // since it came to rest, not since it was last touched

	stale := then(held, nil)
	stale.Expected, stale.State.Version = one.Version, one.Version+1
	stale.State.State, stale.Claim = sale.Review, sale.AddClaim
	review := apply(t, s, stale)
	got := look(t, s)
	review.Order.MSISDN = telco.MSISDN{}
	same(t, "an erased sale after a change that still has the number", got.Sales[one.ID], review)
	same(t, "its number", got.Numbers[one.ID], "")
	same(t, "its last three digits", got.Found[0].LastThree, subscriber(1).LastThree())

	// Without its number a sale still goes to Review, and two of them are not in each
	// other's way.
	two := opened(2)
	two.State.State = sale.Registered
	apply(t, s, two)
	eraseIs(t, s, dawn.Add(time.Hour), 10, 1)
	for _, state := range []sale.Sale{review, two.State} {
		state.Order.MSISDN = telco.MSISDN{}
		apply(t, s, then(state, to(sale.Review, sale.AddClaim)))
	}

	// A sale that left its rest is not erased, and its rest begins anew.
	three := opened(3)
	three.State.State = sale.Refunded
	again := apply(t, s, three)
	again = apply(t, s, then(again, to(sale.Review, sale.AddClaim)))
	eraseIs(t, s, dawn.Add(time.Hour), 10, 0)
	again = apply(t, s, then(again, to(sale.Closed, sale.ReleaseClaim)))
	eraseIs(t, s, again.UpdatedAt, 10, 0)
	eraseIs(t, s, again.UpdatedAt.Add(time.Nanosecond), 10, 1)
}

func reopened(t testing.TB, h Harness) {
	if h.Reopen == nil {
		t.Skip("the store keeps nothing")
	}
	s := h.Open(t)
	for n := range 4 {
		c := opened(n)
		c.State.WakeAt = dawn.Add(time.Duration(10-n) * time.Minute)
		state := apply(t, s, c)
		apply(t, s, then(state, inSlot(n)))
	}
	late := opened(5)
	late.State.State = sale.Cancelled
	apply(t, s, late)
	eraseIs(t, s, dawn.Add(time.Hour), 10, 1)
	before := look(t, s)
	s = h.Reopen(t, s)
	same(t, "the store after it was opened again", look(t, s), before)
	refused(t, s, opened(2), &sale.ConflictError{SaleID: opened(2).SaleID})
	rival := opened(7)
	rival.State.Order.MSISDN = subscriber(2)
	refused(t, s, then(apply(t, s, rival), inSlot(0)), &sale.BusyError{SaleID: opened(2).SaleID})
	before = look(t, s)
	same(t, "the store after two more changes and another opening", look(t, h.Reopen(t, s)), before)
}

func nothingReadable(t testing.TB, h Harness) {
	if h.Dump == nil {
		t.Skip("the store stores nothing outside the process")
	}
	s := h.Open(t)
	for n := range 4 {
		c := opened(n)
		c.State.State = sale.Paid
		state := apply(t, s, c)
		apply(t, s, then(state, inSlot(0)))
	}
	erased := opened(5)
	erased.State.State = sale.Registered
	apply(t, s, erased)
	eraseIs(t, s, dawn.Add(time.Hour), 10, 1)
	data := h.Dump(t, s)
	if !bytes.Contains(data, []byte("DH-0001")) || !bytes.Contains(data, []byte("NV7")) {
		t.Fatalf("the dump of %d bytes is not of this store", len(data))
	}
	for n := range scope {
		if bytes.Contains(data, []byte(subscriber(n).Reveal(telco.Form9))) {
			t.Fatalf("the number of sale %d stands in what is stored", n)
		}
	}
}
