package storetest

// This file checks what a store keeps and what it forgets: a sale and its events field by field, and the
// life of the personal data. What a store loses here, a teller or an accountant never sees again; a
// number must go when it is erased, must not come back, and must not be readable in what is stored.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// createAndLoad: what was applied is found by its id, its order and its partnerTransId, and
// nothing else is. Absence must be a *NotFoundError: the desk opens a sale when it is told so,
// and any other answer would be a second sale of the same order.
func createAndLoad(t testing.TB, h Harness) {
	s, ctx := h.Open(t), t.Context()
	// A new store shows nothing at all: what it showed here would be another store's.
	same(t, "an empty store", look(t, s), sight{
		Sales: map[string]sale.Sale{}, Numbers: map[string]string{}, Events: map[string][]sale.Event{},
		Owners: map[string]string{}, Claims: map[string][]sale.Claim{},
	})
	// There are two, so that a store which returns any sale it has is found out.
	apply(t, s, opened(1))
	c := opened(2)
	apply(t, s, c)

	got, err := s.Load(ctx, c.SaleID)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	same(t, "Load", got, c.State)
	events, err := s.Events(ctx, c.SaleID)
	if err != nil {
		t.Fatalf("Events: %v", err)
	}
	same(t, "Events", events, c.Events)
	// The two ways into a sale besides its id: from the shop's order, and from MobiFone's
	// statement.
	id, err := s.ByOrder(ctx, "S01", "DH-0002")
	same(t, "ByOrder", []any{id, told(err)}, []any{c.SaleID, "no error"})
	id, err = s.ByPartnerTransID(ctx, transID(2, 1))
	same(t, "ByPartnerTransID", []any{id, told(err)}, []any{c.SaleID, "no error"})

	// Absence has a type of its own. A store that answers with a zero sale would let the desk go
	// on with an order that nobody gave.
	_, err = s.Load(ctx, "SALE-0003")
	same(t, "Load of no sale", told(err), "not found")
	_, err = s.Events(ctx, "SALE-0003")
	same(t, "Events of no sale", told(err), "not found")
	// An order is the shop and the id together; neither of them alone finds a sale.
	for _, order := range [][2]string{{"S01", "DH-0003"}, {"S02", "DH-0002"}, {"", ""}} {
		_, err = s.ByOrder(ctx, order[0], order[1])
		same(t, "ByOrder of no sale", told(err), "not found")
	}
	_, err = s.ByPartnerTransID(ctx, transID(2, 2))
	same(t, "ByPartnerTransID of no sale", told(err), "not found")
}

// fill sets every field that v points to, at any depth, to something other than its zero value,
// so that a field which a store forgets is found out, also one that is added later. The same r
// gives the same values.
func fill(r *rand.Rand, v any) { fillValue(r, reflect.ValueOf(v).Elem()) }

// fillValue fills one value. Types with rules of their own come first, because a store may parse
// them; what is left is filled by its kind. Strings hold quotes, a backslash, a line break and letters
// of several bytes, on which hand-written SQL or JSON breaks. Slices get two elements, so that a store
// which keeps only the first or the last one is found out.
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
		v.SetBool(true) // false is what a forgotten field has
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(3)) // the enumerations of package telco have at least four values
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<min(50, v.Type().Bits()-2))) // an int has 32 bits on some machines
	default:
		panic("storetest: nothing to fill a " + v.Type().String() + " with; teach fill")
	}
}

// full is a change of two events with every field set, random but for what the contract ties
// together: ids, version and order stay those of the sale.
func full(r *rand.Rand, base sale.Change) sale.Change {
	c := sale.Change{SaleID: base.SaleID, Expected: base.State.Version, Events: make([]sale.Event, 2)}
	fill(r, &c.State)
	fill(r, &c.Events)
	// The number in an event's order is not stored with the event: a store gives back the sale's.
	for i := range c.Events {
		fill(r, &c.Events[i])
		c.Events[i].Order.MSISDN = base.State.Order.MSISDN
	}
	// Shop, order id and opening stay, as in every sale. Package and price change, although no desk would
	// do so: the columns beside the state must be those of the last change.
	order, id := base.State.Order, base.State.PartnerTransID
	c.State.ID, c.State.Version, c.State.OpenedAt = base.SaleID, base.State.Version+2, base.State.OpenedAt
	c.State.Order, c.State.Order.Package, c.State.Order.Price = order, "3C120", 360_000
	c.State.PartnerTransID = id
	for i := range c.State.Intents {
		c.State.Intents[i].PartnerTransID = id
	}
	return c
}

// everyField: every field of a sale and of its events comes back as it went in, to the
// nanosecond. A field that a later version of the package adds is checked as well, because fill
// finds it.
func everyField(t testing.TB, h Harness) {
	s := h.Open(t)
	for n := range 8 {
		r := rand.New(rand.NewPCG(uint64(n), 1)) //nolint:gosec // the same numbers every time
		first := opened(n)
		apply(t, s, first)
		// Every field is set at random, so that two fields which a store mixes up differ.
		second := full(r, first)
		apply(t, s, second)
		got, err := s.Load(t.Context(), first.SaleID)
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		// The state holds the number too, but would show both numbers masked.
		same(t, "Load", got, second.State)
		same(t, "the number", got.Order.MSISDN.Reveal("0"), subscriber(n).Reveal("0"))
		events, err := s.Events(t.Context(), first.SaleID)
		if err != nil {
			t.Fatalf("Events: %v", err)
		}
		same(t, "Events", events, append(first.Events, second.Events...))
	}
	// Another zone is another way to write the same instant. Which zone comes back is the store's choice;
	// the instant must be the same to the nanosecond.
	c := opened(9)
	here := time.FixedZone("+07", 7*3600)
	c.State.WakeAt = c.State.OpenedAt.In(here)
	c.State.UpdatedAt, c.Events[0].At = c.State.OpenedAt.In(here), c.State.OpenedAt.In(here)
	apply(t, s, c)
	got, err := s.Load(t.Context(), c.SaleID)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	events, err := s.Events(t.Context(), c.SaleID)
	if err != nil {
		t.Fatalf("Events: %v", err)
	}
	same(t, "instants of another zone", []bool{
		got.WakeAt.Equal(c.State.WakeAt), got.UpdatedAt.Equal(c.State.UpdatedAt), events[0].At.Equal(c.State.OpenedAt),
	}, []bool{true, true, true})
}

// sharesNothing: a store keeps copies. What the caller does to a change after Apply, or to a sale
// that it loaded, must not reach what the store keeps.
func sharesNothing(t testing.TB, h Harness) {
	s := h.Open(t)
	first := opened(1)
	apply(t, s, first)
	c := full(rand.New(rand.NewPCG(7, 7)), first) //nolint:gosec // the same numbers every time
	apply(t, s, c)
	before := shown(look(t, s)) // as text: what is shared would change with it
	spoil(reflect.ValueOf(&c.State))
	spoil(reflect.ValueOf(&c.Events))
	same(t, "the store after the caller changed what it had applied", shown(look(t, s)), before)

	// The other direction: what a caller does to what it has read must not change the store
	// either.
	again := look(t, s)
	spoil(reflect.ValueOf(again.Found))
	for _, got := range again.Sales {
		spoil(reflect.ValueOf(&got))
	}
	for _, events := range again.Events {
		spoil(reflect.ValueOf(events))
	}
	same(t, "the store after the caller changed what it had read", shown(look(t, s)), before)
}

// spoil writes over whatever v reaches through pointers and slices, in the types of package sale. Only
// what is reached so can be shared; the value itself is the caller's own copy.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().CanSet() {
			spoil(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[sale.Sale]().PkgPath() {
			return
		}
		for _, field := range v.Fields() {
			spoil(field)
		}
	default:
	}
}

// eraseIs erases up to limit numbers of sales that rested before the time, and compares how many were
// erased.
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
	// without is a look at the store with the numbers of these sales gone, and nothing else: in the sale,
	// in what is compared in clear, and in the order of the first event. The lists keep three digits.
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
	// Written out here: a mistake in State.Resting would otherwise be in the check as well.
	var resting []int
	for n, state := range states[:scope] {
		if state == sale.Registered || state == sale.Refunded || state == sale.Cancelled || state == sale.Closed {
			resting = append(resting, n)
		}
	}
	// Registered, refunded, cancelled and closed sales are at rest, each since another second. The others
	// keep their numbers however old they are: somebody still needs them.
	//
	// Nothing rested before dawn, a limit of 0 erases nothing, and the given time itself is not
	// before it.
	eraseIs(t, s, dawn, 100, 0)
	eraseIs(t, s, dawn.Add(time.Hour), 0, 0)
	eraseIs(t, s, dawn.Add(time.Duration(resting[0])*time.Second), 100, 0) // at that time, not before it
	same(t, "the store before anything is due to be erased", look(t, s), before)
	// The limit leaves the rest for the next call, which goes on where this one stopped.
	// Of those that are due the one that has rested longest goes first.
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
	// It goes to Review and adds a claim, for which the store needs a number: there is none to claim.
	review := apply(t, s, stale)
	got := look(t, s)
	review.Order.MSISDN = telco.MSISDN{}
	same(t, "an erased sale after a change that still has the number", got.Sales[one.ID], review)
	same(t, "its number", got.Numbers[one.ID], "")
	same(t, "its last three digits", got.Found[0].LastThree, subscriber(1).LastThree())

	// Without its number a sale still goes to Review, and two of them are not in each other's way. A store
	// that claims the hash of no number would make all erased sales one subscriber.
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

// nothingReadable: no subscriber's number can be read in what is stored. It looks for the
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
	data := h.Dump(t, s) // last: the store is not used any more
	if !bytes.Contains(data, []byte("DH-0001")) || !bytes.Contains(data, []byte("NV7")) {
		t.Fatalf("the dump of %d bytes is not of this store", len(data))
	}
	for n := range scope {
		if bytes.Contains(data, []byte(subscriber(n).Reveal(""))) {
			t.Fatalf("the number of sale %d can be read in what is stored", n)
		}
	}
}
