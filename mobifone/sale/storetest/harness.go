package storetest

import (
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// Harness is how the suite gets at a store.
type Harness struct {
	// Open returns a new and empty store. The suite does not close it; a store that must
	// be closed registers that with t.Cleanup.
	Open func(t testing.TB) sale.Store
	// Reopen closes a store of Open, as gracelessly as it can, and returns another one
	// over the same data. Nil for a store that keeps nothing.
	Reopen func(t testing.TB, s sale.Store) sale.Store
	// Dump returns every byte that a store of Open has stored, as a thief would find
	// them. The suite does not use the store afterwards. Nil for a store that stores
	// nothing outside the process.
	Dump func(t testing.TB, s sale.Store) []byte
}

// check is one promise.
type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

// checks is the suite.
func checks() []check {
	return []check{
		{"a new sale is found by its id, order and partnerTransId", createAndLoad},
		{"a change without sense is refused", senseless},
		{"every field comes back as it went in", everyField},
		{"no memory is shared with the caller", sharesNothing},
		{"a change of another version loses and changes nothing", compareAndSwap},
		{"an order belongs to one sale for ever", orderIsUnique},
		{"a partnerTransId belongs to one sale for ever", idIsUnique},
		{"of several refusals the first in order is told", precedence},
		{"a busy subscriber is refused to another sale", claimRefused},
		{"a claim that is added is never refused", claimAdded},
		{"a claim is held until it is released", claimHeld},
		{"of many at once exactly one wins", oneWinner},
		{"all of many at once that do not collide are kept", allKept},
		{"due sales come in order, up to the limit", due},
		{"postponing moves the time alone", postpone},
		{"lists filter, sort and stop", find},
		{"erasing takes the number and leaves the money", erase},
		{"an erased number does not come back", erasedStaysErased},
		{"a cancelled call does all or nothing", cancelled},
		{"everything is there after opening again", reopened},
		{"no number can be read in what is stored", nothingReadable},
		{"a random walk agrees with the simplest store", randomWalk},
	}
}

// Run checks that a store keeps the contract of [sale.Store], each promise as a parallel
// subtest with a store of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, h)
		})
	}
}
