package storetest

// This file checks whom a store refuses: changes without sense, other versions, the ids that belong to
// one sale for ever, and the claims that keep a subscriber to one unsettled sale. A store that fails
// here can sell one package twice.

import (
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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

// compareAndSwap: a change of another version than the stored one is a *ConflictError and changes
// nothing, also when it opens a sale that is there or continues one that is not. Two processes
// that act on one sale rely on it: one of them loses and looks again.
func compareAndSwap(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, opened(1))
	two := apply(t, s, then(one, to(sale.Paid, sale.KeepClaim)))
	apply(t, s, opened(2))

	// Opened again, changed at an old version, changed with a claim: all of them lose.
	// A store that compares the version only when it updates, and not when it inserts, takes the first.
	refused(t, s, opened(1), &sale.ConflictError{SaleID: one.ID})
	refused(t, s, then(one, wake(dawn)), &sale.ConflictError{SaleID: one.ID})
	refused(t, s, then(one, to(sale.Registering, sale.TakeClaim)), &sale.ConflictError{SaleID: one.ID})
	// A version that is not reached yet, and one of a sale that is not there, are conflicts as
	// well.
	ahead := two
	ahead.Version++
	refused(t, s, then(ahead, nil), &sale.ConflictError{SaleID: one.ID})
	absent := opened(3).State
	refused(t, s, then(absent, nil), &sale.ConflictError{SaleID: absent.ID})

	// One change may carry several events; the version counts them all. A store that adds 1 for a change
	// would take the last change below.
	both := then(two, to(sale.OTPSent, sale.KeepClaim))
	both.Events = append(both.Events, sale.Event{Kind: "otp-asked", At: both.State.UpdatedAt, By: "NV8"})
	both.State.Version++
	apply(t, s, both)
	refused(t, s, then(two, nil), &sale.ConflictError{SaleID: one.ID})
	got := look(t, s)
	same(t, "the sale after a change of two events", got.Sales[one.ID], both.State)
	same(t, "how many events", len(got.Events[one.ID]), 4)
}

// orderIsUnique: an order has one sale for ever, also after that is cancelled and erased. Another
// shop's order with the same id is another order.
func orderIsUnique(t testing.TB, h Harness) {
	s := h.Open(t)
	first := opened(1)
	apply(t, s, first)
	// The rival differs in everything but shop and order id: other sale, other subscriber, other
	// partnerTransId.
	rival := opened(2)
	rival.State.Order.ID = first.State.Order.ID
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})

	// Neither the end of the sale nor the erasing of its number frees the order.
	apply(t, s, then(first.State, to(sale.Cancelled, sale.KeepClaim)))
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})
	if _, err := s.Erase(t.Context(), dawn.Add(time.Hour), 10); err != nil {
		t.Fatalf("Erase: %v", err)
	}
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})

	// Order ids are the shops' own: two shops may use the same one.
	elsewhere := rival
	elsewhere.State.Order.Shop = "S02"
	apply(t, s, elsewhere)
	id, err := s.ByOrder(t.Context(), "S02", first.State.Order.ID)
	same(t, "ByOrder of the other shop", []any{id, told(err)}, []any{rival.SaleID, "no error"})
	id, err = s.ByOrder(t.Context(), "S01", first.State.Order.ID)
	same(t, "ByOrder of the first shop", []any{id, told(err)}, []any{first.SaleID, "no error"})
}

// idIsUnique: a partnerTransId belongs to one sale for ever: that of the present attempt, of past
// attempts, and of intents. By it reconciliation finds the sale of a row of MobiFone's.
func idIsUnique(t testing.TB, h Harness) {
	s := h.Open(t)
	first := apply(t, s, opened(1))
	second := apply(t, s, opened(2))
	// attempt moves a sale to the partnerTransId of the n-th order's attempt.
	attempt := func(s sale.Sale, n, attempt int) sale.Change {
		return then(s, func(c *sale.Change) { c.State.Attempt, c.State.PartnerTransID = attempt, transID(n, attempt) })
	}
	// An id is taken both from a sale that is opened with it and from one that goes on with it.
	rival := opened(3)
	rival.State.PartnerTransID = transID(1, 1)
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID})
	refused(t, s, attempt(second, 1, 1), &sale.IDTakenError{SaleID: first.ID})

	// The second attempt has an id of its own; that of the first stays owned.
	first = apply(t, s, attempt(first, 1, 2))
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID}) // also that of an attempt long past
	rival.State.PartnerTransID = transID(1, 2)
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID})
	// Both ids lead to the sale: a row of MobiFone's may be of an attempt long past.
	for _, n := range []int{1, 2} {
		id, err := s.ByPartnerTransID(t.Context(), transID(1, n))
		same(t, "ByPartnerTransID", []any{id, told(err)}, []any{first.ID, "no error"})
	}
	first = apply(t, s, attempt(first, 1, 1)) // its own it may use again

	// An id that only an intent carries is owned as well, and one that was refused is not.
	first = apply(t, s, then(first, func(c *sale.Change) {
		c.State.Intents = []sale.Intent{{SendWindow: telco.SendWindow{IDs: telco.IDs{PartnerTransID: transID(1, 3)}}}}
	}))
	rival.State.PartnerTransID = transID(1, 3)
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID})
	// All the refusals above have given the rival nothing and taken nothing from it.
	rival.State.PartnerTransID = transID(3, 1)
	apply(t, s, rival)
}

// precedence: when a change deserves several refusals, it is told the conflict first, then the
// order, the id and the claim. The desk reads the first as "look again" and the last as "wait",
// so the order matters.
func precedence(t testing.TB, h Harness) {
	s := h.Open(t)
	first := opened(1)
	first.Claim = sale.TakeClaim
	apply(t, s, first)
	id := apply(t, s, opened(2))

	// From here on the change collects reasons to be refused, the later ones told first. It keeps them
	// all, so the last one is refused for four reasons and is told the version.
	c := opened(3)
	c.Claim, c.State.Order.MSISDN = sale.TakeClaim, subscriber(1)
	refused(t, s, c, &sale.BusyError{SaleID: first.SaleID})
	c.State.PartnerTransID = id.PartnerTransID
	refused(t, s, c, &sale.IDTakenError{SaleID: id.ID})
	c.State.Order.ID = first.State.Order.ID
	refused(t, s, c, &sale.OrderTakenError{SaleID: first.SaleID})
	c.SaleID, c.State.ID = id.ID, id.ID
	refused(t, s, c, &sale.ConflictError{SaleID: id.ID})
}

// openedFor is the change that opens the n-th sale, for the subscriber of sale 1.
func openedFor(n int) sale.Change {
	c := opened(n)
	c.State.Order.MSISDN = subscriber(1)
	c.Events[0].Order.MSISDN = subscriber(1)
	return c
}

// inSlot moves a sale to Registering and takes a claim in a slot, as the desk does before it
// sends.
func inSlot(slot int) func(*sale.Change) {
	return func(c *sale.Change) {
		c.State.State, c.State.Slot, c.Claim = sale.Registering, slot, sale.TakeClaim
	}
}

// claims compares who holds a claim on the subscriber of sale 1, by slot.
func claims(t testing.TB, s sale.Store, want ...sale.Claim) {
	t.Helper()
	got, err := s.Busy(t.Context(), subscriber(1))
	if err != nil {
		t.Fatalf("Busy: %v", err)
	}
	same(t, "Busy", append([]sale.Claim{}, got...), append([]sale.Claim{}, want...))
}

// claimRefused: while one sale holds the subscriber, another one cannot take the claim, and
// nothing of its change is stored. A higher slot, a supervisor's decision, goes beside it.
func claimRefused(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, openedFor(1))
	two := apply(t, s, openedFor(2))
	// The same last three digits are another subscriber. A store that finds claims by the digits that it
	// keeps for the lists would refuse this one below.
	other := opened(3)
	other.State.Order.MSISDN = telco.MustParseMSISDN("0787654" + subscriber(1).LastThree())
	apply(t, s, other)
	// Opening a sale claims nobody.
	claims(t, s)

	// Who holds the subscriber may take the claim again: the desk does so for a second send of the sale.
	one = apply(t, s, then(one, inSlot(0)))
	claims(t, s, sale.Claim{SaleID: one.ID})
	refused(t, s, then(two, inSlot(0)), &sale.BusyError{SaleID: one.ID})
	apply(t, s, then(other.State, inSlot(0)))
	one = apply(t, s, then(one, inSlot(0))) // its own again
	claims(t, s, sale.Claim{SaleID: one.ID})

	// The number is the subscriber, however it was written: 84… and 0… are hashed alike.
	four := opened(4)
	four.State.Order.MSISDN = telco.MustParseMSISDN(subscriber(1).Reveal("84"))
	refused(t, s, then(apply(t, s, four), inSlot(0)), &sale.BusyError{SaleID: one.ID})

	// Slots above 0 are beside each other, and each is one sale's.
	two = apply(t, s, then(two, inSlot(1))) // a supervisor's override
	claims(t, s, sale.Claim{SaleID: one.ID}, sale.Claim{SaleID: two.ID, Slot: 1})
	refused(t, s, then(four.State, inSlot(1)), &sale.BusyError{SaleID: two.ID})

	// Whoever has no override waits for all, also for those in a higher slot: the claim in slot 0 may have
	// ended before the one that was added beside it.
	one = apply(t, s, then(one, to(sale.Registered, sale.ReleaseClaim)))
	claims(t, s, sale.Claim{SaleID: two.ID, Slot: 1})
	refused(t, s, then(four.State, inSlot(0)), &sale.BusyError{SaleID: two.ID})
	apply(t, s, then(two, to(sale.Registered, sale.ReleaseClaim)))
	apply(t, s, then(four.State, inSlot(0)))
	claims(t, s, sale.Claim{SaleID: four.SaleID})
	_ = one
}

// claimAdded: AddClaim takes the lowest free slot and cannot be refused. A sale that goes to
// Review has happened already; refusing it would lose the fact.
func claimAdded(t testing.TB, h Harness) {
	s := h.Open(t)
	var all []sale.Sale
	for n := 1; n <= 4; n++ {
		all = append(all, apply(t, s, openedFor(n)))
	}
	// The first sale holds slot 0, so the others get the next ones, although their own slot says 0 too.
	review := to(sale.Review, sale.AddClaim)
	all[0] = apply(t, s, then(all[0], inSlot(0)))
	all[1] = apply(t, s, then(all[1], review))
	all[2] = apply(t, s, then(all[2], review))
	claims(t, s, sale.Claim{SaleID: all[0].ID}, sale.Claim{SaleID: all[1].ID, Slot: 1}, sale.Claim{SaleID: all[2].ID, Slot: 2})

	all[1] = apply(t, s, then(all[1], review)) // who holds one gets no second
	claims(t, s, sale.Claim{SaleID: all[0].ID}, sale.Claim{SaleID: all[1].ID, Slot: 1}, sale.Claim{SaleID: all[2].ID, Slot: 2})

	all[1] = apply(t, s, then(all[1], to(sale.Closed, sale.ReleaseClaim)))
	all[3] = apply(t, s, then(all[3], review)) // the free one between
	claims(t, s, sale.Claim{SaleID: all[0].ID}, sale.Claim{SaleID: all[3].ID, Slot: 1}, sale.Claim{SaleID: all[2].ID, Slot: 2})
}

// claimHeld: a claim stays until its own sale releases it, and a sale has at most one.
func claimHeld(t testing.TB, h Harness) {
	s := h.Open(t)
	one, two := apply(t, s, openedFor(1)), apply(t, s, openedFor(2))
	one = apply(t, s, then(one, inSlot(0)))
	// Another state by itself changes no claim: the change says what becomes of it.
	one = apply(t, s, then(one, to(sale.Resolving, sale.KeepClaim)))
	claims(t, s, sale.Claim{SaleID: one.ID})
	two = apply(t, s, then(two, to(sale.Paid, sale.ReleaseClaim))) // releases nobody else's
	claims(t, s, sale.Claim{SaleID: one.ID})
	two = apply(t, s, then(two, inSlot(3)))
	two = apply(t, s, then(two, inSlot(2))) // moves: a sale holds one claim
	claims(t, s, sale.Claim{SaleID: one.ID}, sale.Claim{SaleID: two.ID, Slot: 2})
	one = apply(t, s, then(one, to(sale.RefundDue, sale.ReleaseClaim)))
	claims(t, s, sale.Claim{SaleID: two.ID, Slot: 2})
	two = apply(t, s, then(two, to(sale.Paid, sale.ReleaseClaim)))
	claims(t, s)
	apply(t, s, then(two, inSlot(0)))
	claims(t, s, sale.Claim{SaleID: two.ID})
	// The zero number is that of every erased sale. It is nobody, and nobody holds it.
	got, err := s.Busy(t.Context(), telco.MSISDN{})
	same(t, "Busy of no number", []any{len(got), told(err)}, []any{0, "no error"})
	_ = one
}
