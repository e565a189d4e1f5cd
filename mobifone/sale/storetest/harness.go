// Package storetest is the conformance suite of sale.Store: what a store must keep so that
// the promise of a sale rests on it. A store's tests call [Run]:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open: func(t testing.TB) sale.Store { return open(t, filepath.Join(t.TempDir(), "sales")) },
//		})
//	}
//
// The suite asks nothing of a store but its methods, so it cannot cut the power: that an
// acknowledged change survives a crash is for the store's own tests, with real processes
// that are really killed. Each check is proved to be able to fail by a store broken in
// just that way; see the package's tests.
package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Harness is how the suite gets at a store. Open is needed; a check whose function is nil is
// skipped. The functions are called from parallel tests, so each call must make a store of its
// own.
type Harness struct {
	// Open returns a new and empty store. The suite does not close it; a store that must be
	// closed registers that with t.Cleanup.
	Open func(t testing.TB) sale.Store
	// Reopen closes a store of Open, as gracelessly as it can, and returns another one over the
	// same data. Everything that was acknowledged must be there. Nil for a store that keeps
	// nothing.
	Reopen func(t testing.TB, s sale.Store) sale.Store
	// Beside returns another store over the same data, open at the same time: what another host
	// has. The races are then run over both. Nil for a store that only one process can have.
	Beside func(t testing.TB, s sale.Store) sale.Store
	// Dump returns every byte that a store of Open has stored, as a thief would find them: its
	// file, its log, its temporary files. The suite does not use the store afterwards. Nil for a
	// store that stores nothing outside the process.
	Dump func(t testing.TB, s sale.Store) []byte
}

// check is one promise of the contract. Its name is the name of the subtest, and says what a
// store that fails it does not keep.
type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

// checks is the suite, in the order in which a store is best written: first what it keeps, then
// whom it refuses, then races, lists, erasing and crashes.
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
		{"due sales are taken by one at a time", takeDue},
		{"lists filter, sort and stop", find},
		{"erasing takes the number and leaves the money", erase},
		{"an erased number does not come back", erasedStaysErased},
		{"a cancelled call does all or nothing", cancelled},
		{"everything is there after opening again", reopened},
		{"no number can be read in what is stored", nothingReadable},
		{"a random walk agrees with the simplest store", randomWalk},
	}
}

// Run checks that a store keeps the contract of [sale.Store], each promise as a parallel subtest
// with a store of its own. A subtest stops at its first failure. Run it also with the race
// detector: the races of the suite are made for it.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, h)
		})
	}
}

// dawn is when the first sale of every check opens. It has nanoseconds, so that a store which
// rounds is found out. It lies in the past and never moves: the suite does not read the clock.
var dawn = time.Date(2026, 3, 1, 1, 30, 0, 123456789, time.UTC)

// subscriber gives the n-th customer's number. No two of the first thousand share their last
// three digits by chance.
func subscriber(n int) telco.MSISDN {
	return telco.MustParseMSISDN(fmt.Sprintf("09%08d", 34_000_000+n*1009))
}

// transID gives the partnerTransId of the n-th order's attempt, made as the client makes it.
func transID(n, attempt int) telco.PartnerTransID {
	id, err := transid.New(telco.NewSecret("a key of the suite"), "FPT").ID("S01", fmt.Sprint("DH", n), attempt)
	if err != nil {
		panic(err) // the arguments are constants of this file
	}
	return id
}

// opened is the change that opens the n-th sale, with a subscriber and an order of its own, n
// seconds after dawn. Checks edit it before they apply it.
func opened(n int) sale.Change {
	at := dawn.Add(time.Duration(n) * time.Second)
	order := sale.Order{
		Shop: "S01", ID: fmt.Sprintf("DH-%04d", n), MSISDN: subscriber(n), Package: "C120", Price: 120_000,
		Staff: telco.Staff{Shop: "S01", Employee: "NV7", POS: "Q2"},
	}
	s := sale.Sale{
		ID: fmt.Sprintf("SALE-%04d", n), Version: 1, State: sale.Open, Order: order,
		OpenedAt: at, UpdatedAt: at, Attempt: 1, PartnerTransID: transID(n, 1),
	}
	recorded := order
	return sale.Change{
		SaleID: s.ID, State: s,
		Events: []sale.Event{{Kind: "opened", At: at, By: "NV7", Order: &recorded, PartnerTransID: s.PartnerTransID}},
	}
}

// then is the change that follows a state: one event, a second later, and what edit does. The
// event says cash-taken whatever edit does: a store must not read the events to learn the state.
func then(s sale.Sale, edit func(*sale.Change)) sale.Change {
	expected := s.Version
	s.Version++
	s.UpdatedAt = s.UpdatedAt.Add(time.Second)
	c := sale.Change{
		SaleID: s.ID, Expected: expected, State: s,
		Events: []sale.Event{{Kind: "cash-taken", At: s.UpdatedAt, By: "NV7", Amount: 120_000}},
	}
	if edit != nil {
		edit(&c)
	}
	return c
}

// to moves the sale to a state and does something to its claim. Which states follow which is not
// the store's business, so checks jump as they like.
func to(state sale.State, claim sale.ClaimChange) func(*sale.Change) {
	return func(c *sale.Change) { c.State.State, c.Claim = state, claim }
}

// wake sets when the sale is due; the zero time means never.
func wake(at time.Time) func(*sale.Change) {
	return func(c *sale.Change) { c.State.WakeAt = at }
}

// apply applies a change that must be accepted, and returns the state after it.
func apply(t testing.TB, s sale.Store, c sale.Change) sale.Sale {
	t.Helper()
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatalf("Apply(%s from version %d): %v", c.SaleID, c.Expected, err)
	}
	return c.State
}

// refused applies a change that must be refused, for the given reason, and must leave everything
// that the store shows as it was: a refused change is none.
func refused(t testing.TB, s sale.Store, c sale.Change, want error) {
	t.Helper()
	before := look(t, s)
	err := s.Apply(t.Context(), c)
	if told(err) != told(want) {
		t.Fatalf("Apply(%s from version %d) = %s, want %s", c.SaleID, c.Expected, told(err), told(want))
	}
	same(t, "the store after a refused change", look(t, s), before)
}

// fill sets every field that v points to, at any depth, to something other than its zero value,
// so that a field which a store forgets is found out, also one that is added later. The same r
// gives the same values.
func fill(r *rand.Rand, v any) { fillValue(r, reflect.ValueOf(v).Elem()) }

// fillValue fills one value. Types with rules of their own come first; what is left is filled by
// its kind. Strings hold quotes, a backslash, a line break and letters of several bytes, on which
// hand-written SQL or JSON breaks.
func fillValue(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(dawn.Add(time.Duration(r.Int64N(int64(1000 * time.Hour))))))
		return
	case telco.MSISDN:
		v.Set(reflect.ValueOf(subscriber(r.IntN(scope))))
		return
	case sale.State:
		all := sale.States()
		v.Set(reflect.ValueOf(all[r.IntN(len(all))]))
		return
	case telco.PartnerTransID:
		v.Set(reflect.ValueOf(transID(r.IntN(scope), 1+r.IntN(3))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fillValue(r, field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(r, v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("%s “%d” \\ ₫\n", v.Type().Name(), r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(3)) // enumerations of MobiFone package have at least four values
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<min(50, v.Type().Bits()-2))) // an int has 32 bits on some machines
	default:
		panic("storetest: nothing to fill a " + v.Type().String() + " with; teach fill")
	}
}

// hosts are the stores over which a race is run: the one given, and one beside it if there can be.
func (h Harness) hosts(t testing.TB, s sale.Store) []sale.Store {
	t.Helper()
	if h.Beside == nil {
		return []sale.Store{s}
	}
	return []sale.Store{s, h.Beside(t, s)}
}
