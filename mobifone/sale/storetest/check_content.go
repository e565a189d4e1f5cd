package storetest

// This file checks what a store keeps and shows: a sale and its events field by field, and
// the lists of the screens. What a store loses here, a teller or an accountant never
// sees again.

import (
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

// senseless: a change that cannot be right is an error and leaves no trace. Change.Validate finds
// all of these; a store that calls it first passes.
func senseless(t testing.TB, h Harness) {
	s := h.Open(t)
	apply(t, s, opened(1))
	before := look(t, s)
	// Each edit breaks one line of Change.Validate and nothing else.
	for _, edit := range []func(*sale.Change){
		func(c *sale.Change) { c.SaleID, c.State.ID = "", "" },
		func(c *sale.Change) { c.State.ID = "SALE-0001" },
		func(c *sale.Change) { c.Events = nil },
		func(c *sale.Change) { c.Expected, c.State.Version = -1, 0 },
		func(c *sale.Change) { c.State.Version = 2 },
		func(c *sale.Change) { c.State.State = sale.None },
		func(c *sale.Change) { c.State.Order.ID = "" },
		func(c *sale.Change) { c.State.PartnerTransID = "" },
		func(c *sale.Change) { c.State.Slot = -1 },
		func(c *sale.Change) { c.Claim = sale.ReleaseClaim + 1 },
		func(c *sale.Change) { c.Claim, c.State.Order.MSISDN = sale.TakeClaim, telco.MSISDN{} },
	} {
		c := opened(2)
		edit(&c)
		if err := s.Apply(t.Context(), c); err == nil {
			t.Fatalf("Apply took %s", shown(c))
		}
		same(t, "the store after a senseless change", look(t, s), before)
	}
}

// full is a change of two events with every field set, random but for what the contract ties
// together: ids, version and order stay those of the sale.
func full(r *rand.Rand, base sale.Change) sale.Change {
	c := sale.Change{SaleID: base.SaleID, Expected: base.State.Version, Events: make([]sale.Event, 2)}
	fill(r, &c.State)
	fill(r, &c.Events)
	for i := range c.Events {
		fill(r, &c.Events[i])
		c.Events[i].Order.MSISDN = base.State.Order.MSISDN
	}
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
		same(t, "Load", got, second.State)
		same(t, "the number", got.Order.MSISDN.Reveal("0"), subscriber(n).Reveal("0"))
		events, err := s.Events(t.Context(), first.SaleID)
		if err != nil {
			t.Fatalf("Events: %v", err)
		}
		same(t, "Events", events, append(first.Events, second.Events...))
	}
	// Another zone is another way to write the same instant: nothing of it is lost.
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

// spoil writes over whatever v reaches through pointers and slices, in the types of package sale.
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

// dueAre compares the answer of Due with the sales and the next time wanted.
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

// find: lists filter by state, shop and time of opening, are sorted by opening and stop at the
// limit. The sales are stored in another order than they opened in.
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
		// The filter once more, written out.
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
