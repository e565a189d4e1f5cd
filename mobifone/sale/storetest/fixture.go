package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// dawn is when the first sale of every check opens. It has nanoseconds, so that a store
// which rounds is found out.
var dawn = time.Date(2026, 3, 1, 1, 30, 0, 123456789, time.UTC)

// subscriber gives the n-th customer's number.
func subscriber(n int) telco.MSISDN {
	return telco.MustParseMSISDN(fmt.Sprintf("09%08d", 34_000_000+n*1009))
}

// transID gives the partnerTransId of the n-th order's attempt.
func transID(n, attempt int) telco.PartnerTransID {
	id, err := telco.DerivePartnerTransID(telco.NewSecret("a key of the suite"), "FPT", "S01", fmt.Sprint("DH", n), attempt)
	if err != nil {
		panic(err) // the arguments are constants of this file
	}
	return id
}

// opened is the change that opens the n-th sale, with a subscriber of its own, n seconds
// after dawn.
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

// then is the change that follows a state: one event, a second later, and what edit does.
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

// to moves the sale to a state and does something to its claim.
func to(state sale.State, claim sale.ClaimChange) func(*sale.Change) {
	return func(c *sale.Change) { c.State.State, c.Claim = state, claim }
}

// wake sets when the sale is due.
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

// refused applies a change that must be refused, for the given reason, and must leave
// the store as it was.
func refused(t testing.TB, s sale.Store, c sale.Change, want error) {
	t.Helper()
	before := look(t, s)
	err := s.Apply(t.Context(), c)
	if told(err) != told(want) {
		t.Fatalf("Apply(%s from version %d) = %s, want %s", c.SaleID, c.Expected, told(err), told(want))
	}
	same(t, "the store after a refused change", look(t, s), before)
}
