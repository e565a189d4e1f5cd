package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// race applies all changes at once and returns what became of each.
func race(t testing.TB, s sale.Store, all []sale.Change) (results []error) {
	t.Helper()
	results = make([]error, len(all))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range all {
		wg.Go(func() {
			<-start
			results[i] = s.Apply(t.Context(), all[i])
		})
	}
	close(start)
	wg.Wait()
	return results
}

// oneWon finds the one change that was accepted; every other must have been refused with
// what refusal makes of the winner.
func oneWon(t testing.TB, all []sale.Change, results []error, refusal func(winner string) error) int {
	t.Helper()
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
	for i, err := range results {
		if want := told(refusal(all[won].SaleID)); i != won && told(err) != want {
			t.Fatalf("a loser was told %s (%v), want %s", told(err), err, want)
		}
	}
	return won
}

func oneWinner(t testing.TB, h Harness) {
	const rivals = 8 // fewer than scope, so that look sees all of them
	s := h.Open(t)
	base := apply(t, s, opened(0))
	for round := range 4 {
		var all []sale.Change
		for n := range rivals {
			all = append(all, then(base, wake(dawn.Add(time.Duration(n)*time.Hour+time.Hour))))
		}
		won := oneWon(t, all, race(t, s, all), func(string) error { return &sale.ConflictError{SaleID: base.ID} })
		base = all[won].State
		got := look(t, s)
		same(t, "the sale after a race for its version", got.Sales[base.ID], base)
		same(t, "the events after a race", len(got.Events[base.ID]), round+2)
	}

	var all []sale.Change
	for n := range rivals {
		c := opened(1 + n)
		c.State.Order.ID = "DH-0001"
		all = append(all, c)
	}
	oneWon(t, all, race(t, s, all), func(id string) error { return &sale.OrderTakenError{SaleID: id} })

	s = h.Open(t)
	all = nil
	for n := range rivals {
		c := opened(1 + n)
		c.State.PartnerTransID = transID(1, 1)
		all = append(all, c)
	}
	oneWon(t, all, race(t, s, all), func(id string) error { return &sale.IDTakenError{SaleID: id} })

	s = h.Open(t)
	all = nil
	for n := range rivals {
		all = append(all, then(apply(t, s, openedFor(1+n)), inSlot(0)))
	}
	won := oneWon(t, all, race(t, s, all), func(id string) error { return &sale.BusyError{SaleID: id} })
	claims(t, s, sale.Claim{SaleID: all[won].SaleID})
}

func allKept(t testing.TB, h Harness) {
	s := h.Open(t)
	want := map[string]sale.Sale{}
	var all []sale.Change
	for n := range scope {
		all = append(all, opened(n))
	}
	all = append(all, opened(0), opened(1), opened(2)) // refused in between
	for round := range 3 {
		for i, err := range race(t, s, all) {
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

func cancelled(t testing.TB, h Harness) {
	s := h.Open(t)
	base := apply(t, s, opened(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := then(base, wake(dawn))
	err := s.Apply(ctx, c)
	got := look(t, s)
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
