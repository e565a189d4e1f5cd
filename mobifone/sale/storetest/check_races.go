package storetest

// This file checks what holds whatever happens: many changes at once, a call that is cancelled, a store
// that is closed and opened again, and a random walk over everything, which finds what no other check
// thought of.

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// race applies all changes at once, dealt out to the stores in turn, and returns what became of each, in
// the order of the changes. All goroutines wait for one start, so that they collide.
func race(t testing.TB, stores []sale.Store, all []sale.Change) (results []error) {
	t.Helper()
	results = make([]error, len(all))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range all {
		wg.Go(func() {
			<-start
			results[i] = stores[i%len(stores)].Apply(t.Context(), all[i])
		})
	}
	close(start)
	wg.Wait()
	return results
}

// oneWon finds the one change that was accepted. Every other one must have been refused, with the
// error that refusal makes of the winner's id.
func oneWon(t testing.TB, all []sale.Change, results []error, refusal func(winner string) error) int {
	t.Helper()
	// Two winners are the failure that matters: two desks would both go on, and both send.
	won := -1
	for i, err := range results {
		if err == nil {
			if won >= 0 {
				t.Fatalf("changes %d and %d were both accepted", won, i)
			}
			won = i
		}
	}
	if won < 0 {
		t.Fatalf("nobody won: %v", errors.Join(results...))
	}
	// A loser must learn who won: the desk goes on with that sale, or tells the teller to wait for it.
	for i, err := range results {
		if want := told(refusal(all[won].SaleID)); i != won && told(err) != want {
			t.Fatalf("a loser was told %s (%v), want %s", told(err), err, want)
		}
	}
	return won
}

// oneWinner: of many changes at once that exclude each other, exactly one is accepted, and the
// losers are told why. It races for a version, for an order, for a partnerTransId and for a
// claim.
func oneWinner(t testing.TB, h Harness) {
	const rivals = 8 // fewer than scope, so that look sees all of them
	s := h.Open(t)
	// For a version: all change one sale from the same state, each to a time of its own, so that one sees
	// whose change is stored. The winner of a round is where the next round begins.
	base := apply(t, s, opened(0))
	for round := range 4 {
		var all []sale.Change
		for n := range rivals {
			all = append(all, then(base, wake(dawn.Add(time.Duration(n)*time.Hour+time.Hour))))
		}
		won := oneWon(t, all, race(t, h.hosts(t, s), all), func(string) error { return &sale.ConflictError{SaleID: base.ID} })
		base = all[won].State
		got := look(t, s)
		same(t, "the sale after a race for its version", got.Sales[base.ID], base)
		same(t, "the events after a race", len(got.Events[base.ID]), round+2)
	}

	// For an order: a double click that opens two sales, each with an id and a partnerTransId of its own.
	var all []sale.Change
	for n := range rivals {
		c := opened(1 + n)
		c.State.Order.ID = "DH-0001"
		all = append(all, c)
	}
	oneWon(t, all, race(t, h.hosts(t, s), all), func(id string) error { return &sale.OrderTakenError{SaleID: id} })

	// For a partnerTransId: other orders, one id. What both sent under it nobody could tell apart.
	s = h.Open(t)
	all = nil
	for n := range rivals {
		c := opened(1 + n)
		c.State.PartnerTransID = transID(1, 1)
		all = append(all, c)
	}
	oneWon(t, all, race(t, h.hosts(t, s), all), func(id string) error { return &sale.IDTakenError{SaleID: id} })

	// For a claim: all sales are stored before, and go to Registering at once. A store that asks who holds
	// the subscriber before its transaction lets two of them through, and both would send.
	s = h.Open(t)
	all = nil
	for n := range rivals {
		all = append(all, then(apply(t, s, openedFor(1+n)), inSlot(0)))
	}
	won := oneWon(t, all, race(t, h.hosts(t, s), all), func(id string) error { return &sale.BusyError{SaleID: id} })
	claims(t, s, sale.Claim{SaleID: all[won].SaleID})
}

// allKept: of many changes at once that do not collide, none is lost and none refused. A store that
// commits many together must tell each what became of its own.
func allKept(t testing.TB, h Harness) {
	s := h.Open(t)
	want := map[string]sale.Sale{} // what was acknowledged, by sale
	var all []sale.Change
	for n := range scope {
		all = append(all, opened(n))
	}
	// Three sales are opened once more, in every round. So some are refused among those that are kept: a
	// refusal takes back nothing but itself.
	all = append(all, opened(0), opened(1), opened(2))
	for round := range 3 {
		for i, err := range race(t, h.hosts(t, s), all) {
			if err == nil {
				want[all[i].SaleID] = all[i].State
			} else if i < scope && round > 0 {
				t.Fatalf("a change that collided with none was refused: %v", err)
			}
		}
		same(t, "the sales after a race of all", look(t, s).Sales, want)
		for n := range scope {
			all[n] = then(want[opened(n).SaleID], nil)
		}
	}
}

// cancelled: an Apply whose context has ended either happened in full and said so, or did nothing
// and returned an error.
func cancelled(t testing.TB, h Harness) {
	s := h.Open(t)
	base := apply(t, s, opened(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := then(base, wake(dawn))
	err := s.Apply(ctx, c)
	got := look(t, s)
	// The events say what the store did. A store may also have done it and returned the error of ctx.
	switch events := len(got.Events[base.ID]); {
	case err == nil || events == 2:
		same(t, "the sale after a cancelled Apply that happened", got.Sales[base.ID], c.State)
		same(t, "its events", events, 2)
	default:
		same(t, "the sale after a cancelled Apply that did not happen", got.Sales[base.ID], base)
		same(t, "what the caller is told", told(err), "an error of no type of the contract")
	}
	// The store goes on.
	apply(t, s, then(got.Sales[base.ID], to(sale.Paid, sale.KeepClaim)))
}

// reopened: everything that was acknowledged is there after the store was closed and opened
// again, claims and erasures included, and it still refuses whom it refused before.
func reopened(t testing.TB, h Harness) {
	if h.Reopen == nil {
		t.Skip("the store keeps nothing")
	}
	// Sales of every slot, each due at another time: claims and times are kept beside the sale, and may be
	// forgotten apart from it.
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
	// A store that was opened again writes as durably as a new one.
	before = look(t, s)
	same(t, "the store after two more changes and another opening", look(t, h.Reopen(t, s)), before)
}

// randomWalk does the same random things to a store and to the model, and compares every answer.
// It finds what no other check thought of. A failure names its seed and step, and the same seed
// fails again.
func randomWalk(t testing.TB, h Harness) {
	const seeds, steps = 6, 150
	for seed := range uint64(seeds) {
		// Each seed has a store of its own, so the first step that differs is the first mistake.
		w := walk{TB: t, r: rand.New(rand.NewPCG(seed, 99)), store: h.Open(t), model: newModel()} //nolint:gosec // the same numbers every time
		for w.step = range steps {
			w.stride(seed)
		}
		same(t, "the store at the end of the walk", look(t, w.store), look(t, w.model))
	}
}

// walk is one random walk of a store and the model, side by side.
type walk struct {
	testing.TB

	// The source of everything that is random in the walk.
	r     *rand.Rand
	store sale.Store
	model *model
	// How many steps were made before this one; the time of a change grows with it.
	step int
}

// stride does one random thing: mostly a change, now and then a question, a postponement or an
// erasing.
func (w *walk) stride(seed uint64) {
	w.Helper()
	ctx := w.Context()
	r := w.r
	// Answers are compared as JSON. Lists are copied into empty ones first: nil and an empty list are the
	// same to the contract, and null and [] are not.
	agree := func(what string, got, want any) {
		w.Helper()
		if shown(got) != shown(want) {
			w.Fatalf("seed %d, step %d: %s gives %s, want %s", seed, w.step, what, shown(got), shown(want))
		}
	}
	// Times are drawn close together, so that limits and bounds are hit.
	at := dawn.Add(time.Duration(r.IntN(40)) * time.Second)
	// Answers are compared here, and every 25 steps everything that the store shows.
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
	// Mostly it goes on with the sale as it is; one time in ten it opens a sale that is there already.
	if last := w.model.last(c.SaleID); last != nil && r.IntN(10) > 0 {
		state := clone(*last).State
		state.Order.MSISDN = w.model.number(c.SaleID)
		c = then(state, nil)
	}
	// State, slot and claim are drawn apart: which go together is the desk's business, and a store that
	// guesses the one from the other is found out. Slot 0 is the most frequent one.
	states := sale.States()
	c.State.State = states[r.IntN(len(states))]
	c.State.Slot = max(0, r.IntN(5)-2)
	c.Claim = sale.ClaimChange(r.IntN(4))
	// An erased sale cannot take a claim, as Change.Validate says, but may add one.
	if c.Claim == sale.TakeClaim && !c.State.Order.MSISDN.IsValid() {
		c.Claim = sale.AddClaim
	}
	// Four steps to the second: sales come to rest close together, and Erase has bounds to get wrong.
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
