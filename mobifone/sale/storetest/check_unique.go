package storetest

import (
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func compareAndSwap(t testing.TB, h Harness) {
	s := h.Open(t)
	one := apply(t, s, opened(1))
	two := apply(t, s, then(one, to(sale.Paid, sale.KeepClaim)))
	apply(t, s, opened(2))

	refused(t, s, opened(1), &sale.ConflictError{SaleID: one.ID})
	refused(t, s, then(one, wake(dawn)), &sale.ConflictError{SaleID: one.ID})
	refused(t, s, then(one, to(sale.Registering, sale.TakeClaim)), &sale.ConflictError{SaleID: one.ID})
	ahead := two
	ahead.Version++
	refused(t, s, then(ahead, nil), &sale.ConflictError{SaleID: one.ID})
	absent := opened(3).State
	refused(t, s, then(absent, nil), &sale.ConflictError{SaleID: absent.ID})

	both := then(two, to(sale.OTPSent, sale.KeepClaim))
	both.Events = append(both.Events, sale.Event{Kind: "otp-asked", At: both.State.UpdatedAt, By: "NV8"})
	both.State.Version++
	apply(t, s, both)
	refused(t, s, then(two, nil), &sale.ConflictError{SaleID: one.ID})
	got := look(t, s)
	same(t, "the sale after a change of two events", got.Sales[one.ID], both.State)
	same(t, "how many events", len(got.Events[one.ID]), 4)
}

func orderIsUnique(t testing.TB, h Harness) {
	s := h.Open(t)
	first := opened(1)
	apply(t, s, first)
	rival := opened(2)
	rival.State.Order.ID = first.State.Order.ID
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})

	apply(t, s, then(first.State, to(sale.Cancelled, sale.KeepClaim)))
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})
	if _, err := s.Erase(t.Context(), dawn.Add(time.Hour), 10); err != nil {
		t.Fatalf("Erase: %v", err)
	}
	refused(t, s, rival, &sale.OrderTakenError{SaleID: first.SaleID})

	elsewhere := rival
	elsewhere.State.Order.Shop = "S02"
	apply(t, s, elsewhere)
	id, err := s.ByOrder(t.Context(), "S02", first.State.Order.ID)
	same(t, "ByOrder of the other shop", []any{id, told(err)}, []any{rival.SaleID, "no error"})
	id, err = s.ByOrder(t.Context(), "S01", first.State.Order.ID)
	same(t, "ByOrder of the first shop", []any{id, told(err)}, []any{first.SaleID, "no error"})
}

func idIsUnique(t testing.TB, h Harness) {
	s := h.Open(t)
	first := apply(t, s, opened(1))
	second := apply(t, s, opened(2))
	attempt := func(s sale.Sale, n, attempt int) sale.Change {
		return then(s, func(c *sale.Change) { c.State.Attempt, c.State.PartnerTransID = attempt, transID(n, attempt) })
	}
	rival := opened(3)
	rival.State.PartnerTransID = transID(1, 1)
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID})
	refused(t, s, attempt(second, 1, 1), &sale.IDTakenError{SaleID: first.ID})

	first = apply(t, s, attempt(first, 1, 2))
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID}) // also that of an attempt long past
	rival.State.PartnerTransID = transID(1, 2)
	refused(t, s, rival, &sale.IDTakenError{SaleID: first.ID})
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
	rival.State.PartnerTransID = transID(3, 1)
	apply(t, s, rival)
}

func precedence(t testing.TB, h Harness) {
	s := h.Open(t)
	first := opened(1)
	first.Claim = sale.TakeClaim
	apply(t, s, first)
	id := apply(t, s, opened(2))

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
