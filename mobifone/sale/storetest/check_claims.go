package storetest

import (
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// openedFor opens the n-th sale for the subscriber of sale 1.
func openedFor(n int) sale.Change {
	c := opened(n)
	c.State.Order.MSISDN = subscriber(1)
	c.Events[0].Order.MSISDN = subscriber(1)
	return c
}

// inSlot takes a claim in a slot.
func inSlot(slot int) func(*sale.Change) {
	return func(c *sale.Change) {
		c.State.State, c.State.Slot, c.Claim = sale.Registering, slot, sale.TakeClaim
	}
}

func claims(t testing.TB, s sale.Store, want ...sale.Claim) {
	t.Helper()
	got, err := s.Busy(t.Context(), subscriber(1))
	if err != nil {
		t.Fatalf("Busy: %v", err)
	}
	same(t, "Busy", append([]sale.Claim{}, got...), append([]sale.Claim{}, want...))
}

func claimRefused(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, openedFor(1))
	two := apply(t, s, openedFor(2))
	// The same last three digits are another subscriber.
	other := opened(3)
	other.State.Order.MSISDN = telco.MustParseMSISDN("0787654" + subscriber(1).LastThree())
	apply(t, s, other)
	claims(t, s)

	one = apply(t, s, then(one, inSlot(0)))
	claims(t, s, sale.Claim{SaleID: one.ID})
	refused(t, s, then(two, inSlot(0)), &sale.BusyError{SaleID: one.ID})
	apply(t, s, then(other.State, inSlot(0)))
	one = apply(t, s, then(one, inSlot(0))) // its own again
	claims(t, s, sale.Claim{SaleID: one.ID})

	// The number is the subscriber, however it was written.
	four := opened(4)
	four.State.Order.MSISDN = telco.MustParseMSISDN(subscriber(1).Reveal(telco.Form84))
	refused(t, s, then(apply(t, s, four), inSlot(0)), &sale.BusyError{SaleID: one.ID})

	two = apply(t, s, then(two, inSlot(1))) // a supervisor's override
	claims(t, s, sale.Claim{SaleID: one.ID}, sale.Claim{SaleID: two.ID, Slot: 1})
	refused(t, s, then(four.State, inSlot(1)), &sale.BusyError{SaleID: two.ID})

	// Whoever has no override waits for all, also for those in a higher slot.
	one = apply(t, s, then(one, to(sale.Registered, sale.ReleaseClaim)))
	claims(t, s, sale.Claim{SaleID: two.ID, Slot: 1})
	refused(t, s, then(four.State, inSlot(0)), &sale.BusyError{SaleID: two.ID})
	apply(t, s, then(two, to(sale.Registered, sale.ReleaseClaim)))
	apply(t, s, then(four.State, inSlot(0)))
	claims(t, s, sale.Claim{SaleID: four.SaleID})
	_ = one
}

func claimAdded(t testing.TB, h Harness) {
	s := h.Open(t)
	var all []sale.Sale
	for n := 1; n <= 4; n++ {
		all = append(all, apply(t, s, openedFor(n)))
	}
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

func claimHeld(t testing.TB, h Harness) {
	s := h.Open(t)
	one, two := apply(t, s, openedFor(1)), apply(t, s, openedFor(2))
	one = apply(t, s, then(one, inSlot(0)))
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
	got, err := s.Busy(t.Context(), telco.MSISDN{})
	same(t, "Busy of no number", []any{len(got), told(err)}, []any{0, "no error"})
	_ = one
}
