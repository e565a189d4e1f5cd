package storetest

// This file looks at a store through its methods and compares what it shows. look takes in
// everything the store shows of the few sales that a check uses; a check that compares two looks
// notices also what it did not think of.

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// same compares what a store gives with what it should give, and shows both.
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

// told is a store's typed refusal and the sale it names, however it is wrapped. Two errors of one
// type and sale are the same to the contract; their texts are the store's own.
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

// sight is everything a store shows of a few sales, in maps by id so that two of them can be
// compared.
type sight struct {
	Sales map[string]sale.Sale
	// By sale, in clear: the numbers in Sales print masked and would hide a difference.
	Numbers map[string]string
	Events  map[string][]sale.Event
	// By order id and by partnerTransId: the sale that the store says owns it.
	Owners map[string]string
	Claims map[string][]sale.Claim
	Due    []string
	Found  []sale.Summary
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
