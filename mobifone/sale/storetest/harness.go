// Package storetest is the conformance suite of sale.Store: what a store must keep so that
// the promise of a sale rests on it. A store's tests call [Run]:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open: func(t testing.TB) sale.Store { return open(t, filepath.Join(t.TempDir(), "sales")) },
//		})
//	}
//
// Each check is proved to be able to fail by a store broken in just that way; see the package's tests.
//
// # Writing a store
//
// Begin with [sale.Memory], which passes, and replace its maps by what lasts:
//   - state and events as JSON, in one transaction with everything else that the change brings;
//   - orders, partnerTransIds and the slots of claims as rows with a unique key each, so that the
//     database refuses what another host stores at the same moment;
//   - the number encrypted, written when the sale is opened and never again; the claim under a hash
//     of the number with a secret key;
//   - WakeAt, the time since when the sale rests, and what a list shows, in columns of their own with
//     an index, so that Due and Erase do not read all sales at rest.
//
// In Apply call [sale.Change.Validate] first, then ask for the four refusals in the order that
// [sale.Store] gives, and write last. [sale.Sale.BlockedBy] and [sale.Change.ClaimSlot] decide about
// claims.
//
// # What the suite does not see
//
// It asks nothing of a store but its methods. So it cannot cut the power: that an acknowledged change
// survives a crash is for the store's own tests, with real processes that are really killed. It uses a
// dozen sales, so it does not see what Due costs beside a million of them. And it does not make a
// commit fail: the error of a change that may or may not be stored must be none of the typed refusals.
package storetest

// This file holds the suite and what its checks are made of: changes, and looks at a store through its
// methods. look takes in everything the store shows of the few sales that a check uses; a check that
// compares two looks notices also what it did not think of.

import (
	"encoding/json"
	"errors"
	"fmt"
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

// check is one promise of the contract. Its name is the name of the subtest, and says what a store that
// fails it does not keep. A check takes a testing.TB and not a *testing.T: the package's tests run each
// check against broken stores, and see whether it fails.
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

// subscriber gives the n-th customer's number. No two of the first thousand share their last three
// digits, so a store that knows a subscriber by these alone is found out only where a check makes two
// numbers that share them.
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
	// The event has an order of its own: the state's is edited by the checks.
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
// that the store shows as it was.
func refused(t testing.TB, s sale.Store, c sale.Change, want error) {
	t.Helper()
	before := look(t, s)
	// The error is compared by type and sale, never by its text.
	err := s.Apply(t.Context(), c)
	if told(err) != told(want) {
		t.Fatalf("Apply(%s from version %d) = %s, want %s", c.SaleID, c.Expected, told(err), told(want))
	}
	same(t, "the store after a refused change", look(t, s), before)
}

// hosts returns the stores over which a race is run: the one given, and one beside it if there can be
// one. What only a lock of the process guards is then not guarded.
func (h Harness) hosts(t testing.TB, s sale.Store) []sale.Store {
	t.Helper()
	if h.Beside == nil {
		return []sale.Store{s}
	}
	return []sale.Store{s, h.Beside(t, s)}
}

// same compares what a store gives with what it should give, and shows both. It compares deeply and
// exactly: a time in another zone, or an empty slice in place of nil, is a difference, so callers bring
// both sides to one form where the contract does not care.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %s\nwant %s", what, shown(got), shown(want))
	}
}

// shown is a value as a failed test prints it. JSON shows what is behind pointers; the numbers
// are masked in it.
func shown(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(data)
}

// told names a store's typed refusal and the sale in it, however it is wrapped. Two errors of one type
// and sale are the same to the contract; their texts are the store's own, and so is BusyError.Until,
// which the desk fills in.
func told(err error) string {
	if err == nil {
		return "no error"
	}
	if e, ok := errors.AsType[*sale.ConflictError](err); ok {
		return "conflict over " + e.SaleID
	}
	if e, ok := errors.AsType[*sale.OrderTakenError](err); ok {
		return "order taken by " + e.SaleID
	}
	if e, ok := errors.AsType[*sale.IDTakenError](err); ok {
		return "id taken by " + e.SaleID
	}
	if e, ok := errors.AsType[*sale.BusyError](err); ok {
		return "busy with " + e.SaleID
	}
	if _, ok := errors.AsType[*sale.NotFoundError](err); ok {
		return "not found"
	}
	return "an error of no type of the contract"
}

// sight is everything a store shows of a few sales, in maps by id so that two of them can be compared. Its
// fields are exported for JSON, by which a failed test shows them.
type sight struct {
	Sales map[string]sale.Sale
	// By sale, in clear: the numbers in Sales print masked and would hide a difference.
	Numbers map[string]string
	Events  map[string][]sale.Event
	// By order id and by partnerTransId: the sale that the store says owns it.
	Owners map[string]string
	// By number, in clear.
	Claims map[string][]sale.Claim
	// Every sale that is ever due, the longest overdue first.
	Due []string
	// What an empty filter finds, the sale opened first at the top.
	Found []sale.Summary
}

// scope is how many sales and subscribers a check uses at most. look asks for all of them, so a
// few are enough to see whether a change touched a sale that it should not have touched.
const scope = 12

// look takes in everything a store shows. An absent sale is left out; any error but a
// *NotFoundError fails the test.
func look(t testing.TB, s sale.Store) sight {
	t.Helper()
	ctx := t.Context()
	all := sight{
		Sales: map[string]sale.Sale{}, Numbers: map[string]string{}, Events: map[string][]sale.Event{},
		Owners: map[string]string{}, Claims: map[string][]sale.Claim{},
	}
	must := func(err error) {
		t.Helper()
		if err != nil && told(err) != "not found" {
			t.Fatalf("reading: %v", err)
		}
	}
	own := func(key, id string, err error) {
		must(err)
		if err == nil {
			all.Owners[key] = id
		}
	}
	// Everything the contract lets one ask of the n-th sale, order, subscriber, and three
	// attempts.
	for n := range scope {
		c := opened(n)
		got, err := s.Load(ctx, c.SaleID)
		must(err)
		if err == nil {
			all.Sales[c.SaleID], all.Numbers[c.SaleID] = got, got.Order.MSISDN.Reveal("0")
		}
		events, err := s.Events(ctx, c.SaleID)
		must(err)
		if err == nil {
			all.Events[c.SaleID] = events
		}
		id, err := s.ByOrder(ctx, "S01", c.State.Order.ID)
		own(c.State.Order.ID, id, err)
		for attempt := 1; attempt <= 3; attempt++ {
			id, err := s.ByPartnerTransID(ctx, transID(n, attempt))
			own(string(transID(n, attempt)), id, err)
		}
		claims, err := s.Busy(ctx, subscriber(n))
		must(err)
		if len(claims) > 0 {
			all.Claims[subscriber(n).Reveal("0")] = claims
		}
	}
	var err error
	all.Due, _, err = s.Due(ctx, dawn.Add(1000*time.Hour), 1000)
	must(err)
	all.Found, err = s.Find(ctx, sale.Filter{})
	must(err)
	// An empty list and none are the same to the contract, but not to DeepEqual.
	if len(all.Due) == 0 {
		all.Due = nil
	}
	if len(all.Found) == 0 {
		all.Found = nil
	}
	return all
}
