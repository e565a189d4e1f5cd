package storetest

// This file checks the life of the personal data, what is there after opening again, and a random
// walk over everything. A number must go when it is erased, must not come back, and must not be
// readable in what is stored.

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// eraseIs erases and compares how many were erased.
func eraseIs(t testing.TB, s sale.Store, before time.Time, limit, want int) {
	t.Helper()
	n, err := s.Erase(t.Context(), before, limit)
	if err != nil {
		t.Fatalf("Erase: %v", err)
	}
	same(t, "how many Erase erased", n, want)
}

// erase: the number goes from sales that came to rest before the given time, longest at rest
// first, up to the limit. Everything else stays: the money, the reason, the times and the last
// three digits.
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
	// Nothing rested before dawn, a limit of 0 erases nothing, and the given time itself is not
	// before it.
	eraseIs(t, s, dawn, 100, 0)
	eraseIs(t, s, dawn.Add(time.Hour), 0, 0)
	eraseIs(t, s, dawn.Add(time.Duration(resting[0])*time.Second), 100, 0) // at that time, not before it
	same(t, "the store before anything is due to be erased", look(t, s), before)
	// The limit leaves the rest for the next call, which goes on where this one stopped.
	eraseIs(t, s, dawn.Add(time.Hour), 1, 1)
	before = without(before, resting[0])
	same(t, "the store after the longest at rest was erased", look(t, s), before)
	eraseIs(t, s, dawn.Add(time.Hour), 100, len(resting)-1)
	before = without(before, resting[1:]...)
	same(t, "the store after all at rest were erased", look(t, s), before)
	eraseIs(t, s, dawn.Add(time.Hour), 100, 0)
}

// erasedStaysErased: a change from a process that still has the number in memory does not bring
// it back. The time at rest counts from when the rest began, not from the last change.
func erasedStaysErased(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, opened(1))
	one = apply(t, s, then(one, to(sale.Registered, sale.KeepClaim)))
	rested := one.UpdatedAt
	held := one // a process that loaded it before
	one = apply(t, s, then(one, to(sale.Registered, sale.KeepClaim)))
	eraseIs(t, s, rested, 10, 0)
	eraseIs(t, s, rested.Add(time.Nanosecond), 10, 1) // since it came to rest, not since it was last touched

	// The process that loaded the sale before it was erased still has the number, and writes it.
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

// reopened: everything that was acknowledged is there after the store was closed and opened
// again, claims and erasures included, and it still refuses whom it refused before.
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
	// An erased sale has to stay erased over the opening.
	late := opened(5)
	late.State.State = sale.Cancelled
	apply(t, s, late)
	eraseIs(t, s, dawn.Add(time.Hour), 10, 1)
	before := look(t, s)
	s = h.Reopen(t, s)
	same(t, "the store after it was opened again", look(t, s), before)
	// It refuses as before: versions, and claims found by a number that is only kept encrypted.
	refused(t, s, opened(2), &sale.ConflictError{SaleID: opened(2).SaleID})
	rival := opened(7)
	rival.State.Order.MSISDN = subscriber(2)
	refused(t, s, then(apply(t, s, rival), inSlot(0)), &sale.BusyError{SaleID: opened(2).SaleID})
	before = look(t, s)
	same(t, "the store after two more changes and another opening", look(t, h.Reopen(t, s)), before)
}

// nothingReadable: no subscriber's number stands in clear in what is stored. It looks for the
// nine digits that every way of writing a number has in common.
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
	// Of an erased number nothing may be left either, not even in a page that is free now.
	erased := opened(5)
	erased.State.State = sale.Registered
	apply(t, s, erased)
	eraseIs(t, s, dawn.Add(time.Hour), 10, 1)
	// The order and the employee are stored in clear: without them the dump is of something else,
	// and proves nothing.
	data := h.Dump(t, s)
	if !bytes.Contains(data, []byte("DH-0001")) || !bytes.Contains(data, []byte("NV7")) {
		t.Fatalf("the dump of %d bytes is not of this store", len(data))
	}
	for n := range scope {
		if bytes.Contains(data, []byte(subscriber(n).Reveal(""))) {
			t.Fatalf("the number of sale %d stands in what is stored", n)
		}
	}
}

// randomWalk does the same random things to a store and to the model, and compares every answer.
// It finds what no other check thought of. A failure names its seed and step, and the same seed
// fails again.
func randomWalk(t testing.TB, h Harness) {
	const seeds, steps = 6, 150
	for seed := range uint64(seeds) {
		w := walk{TB: t, r: rand.New(rand.NewPCG(seed, 99)), store: h.Open(t), model: newModel()} //nolint:gosec // the same numbers every time
		for w.step = range steps {
			w.stride(seed)
		}
		same(t, "the store at the end of the walk", look(t, w.store), look(t, w.model))
	}
}

// walk is one random walk.
type walk struct {
	testing.TB

	r     *rand.Rand
	store sale.Store
	model *model
	step  int
}

// stride does one random thing: mostly a change, now and then a question, a postponement or an
// erasing.
func (w *walk) stride(seed uint64) {
	w.Helper()
	ctx := w.Context()
	r := w.r
	agree := func(what string, got, want any) {
		w.Helper()
		if shown(got) != shown(want) {
			w.Fatalf("seed %d, step %d: %s gives %s, want %s", seed, w.step, what, shown(got), shown(want))
		}
	}
	// Times are drawn close together, so that limits and bounds are hit.
	at := dawn.Add(time.Duration(r.IntN(40)) * time.Second)
	switch n := r.IntN(100); {
	case n < 75:
		c := w.change()
		agree("Apply of "+shown(c), told(w.store.Apply(ctx, c)), told(w.model.Apply(ctx, c)))
	case n < 85:
		limit := r.IntN(6)
		ids, next, err := w.store.Due(ctx, at, limit)
		wantIDs, wantNext, _ := w.model.Due(ctx, at, limit)
		agree("Due", []any{len(ids), append([]string{}, ids...), next, told(err)}, []any{len(wantIDs), append([]string{}, wantIDs...), wantNext, told(nil)})
	case n < 90:
		id, version := opened(r.IntN(scope)).SaleID, int64(r.IntN(6))
		agree("Postpone", told(w.store.Postpone(ctx, id, version, at)), told(w.model.Postpone(ctx, id, version, at)))
	case n < 95:
		limit := r.IntN(3)
		got, err := w.store.Erase(ctx, at, limit)
		want, _ := w.model.Erase(ctx, at, limit)
		agree("Erase", []any{got, told(err)}, []any{want, told(nil)})
	default:
		q := sale.Filter{Limit: r.IntN(5), From: at.Add(-30 * time.Second), To: at}
		got, err := w.store.Find(ctx, q)
		want, _ := w.model.Find(ctx, q)
		agree("Find", []any{append([]sale.Summary{}, got...), told(err)}, []any{append([]sale.Summary{}, want...), told(nil)})
	}
	if w.step%25 == 0 {
		same(w.TB, "the store during the walk", look(w.TB, w.store), look(w.TB, w.model))
	}
}

// change makes a change that is right more often than not: a walk of refusals alone would see
// little.
func (w *walk) change() sale.Change {
	r := w.r
	n := r.IntN(scope)
	c := opened(n)
	c.State.Order.MSISDN = subscriber(n % 3) // few subscribers, so that they are busy
	c.Events[0].Order.MSISDN = c.State.Order.MSISDN
	if last := w.model.last(c.SaleID); last != nil && r.IntN(10) > 0 {
		state := clone(*last).State
		state.Order.MSISDN = w.model.number(c.SaleID)
		c = then(state, nil)
	}
	states := sale.States()
	c.State.State = states[r.IntN(len(states))]
	c.State.Slot = max(0, r.IntN(5)-2)
	c.Claim = sale.ClaimChange(r.IntN(4))
	if c.Claim == sale.TakeClaim && !c.State.Order.MSISDN.IsValid() {
		c.Claim = sale.AddClaim
	}
	c.State.UpdatedAt = dawn.Add(time.Duration(w.step) * time.Second / 4)
	if r.IntN(3) > 0 {
		c.State.WakeAt = dawn.Add(time.Duration(r.IntN(40)) * time.Second)
	} else {
		c.State.WakeAt = time.Time{}
	}
	c.State.CashIn = telco.VND(r.IntN(1000))
	// Now and then it may break a rule: with an id of another attempt or sale, the order of
	// another sale, or a version that is not reached. Some changes have two events.
	switch r.IntN(12) {
	case 0:
		c.State.PartnerTransID = transID(r.IntN(scope), 1+r.IntN(3))
	case 1:
		c.State.PartnerTransID = transID(n, 2)
	case 2, 5:
		if c.Expected > 0 {
			break // an order never changes
		}
		c.State.Order.ID = opened(r.IntN(scope)).State.Order.ID
	case 3:
		c.Expected++
		c.State.Version++
	case 4:
		c.Events = append(c.Events, sale.Event{Kind: "overdue", At: c.State.UpdatedAt})
		c.State.Version++
	}
	return c
}
