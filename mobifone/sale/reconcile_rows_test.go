package sale

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// What an intent was settled as is what the sale believes of its ids, from when it was prepared.
func TestWhatASaleBelievesOfItsIDs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ids := telco.IDs{TransID: "T1", PartnerTransID: "P1"}
	intent := Intent{At: at.Add(time.Minute), Settled: settledYes}
	intent.IDs = ids
	outcome, when := Sale{State: Registered, Intents: []Intent{intent}}.outcome(ids)
	assert.Equal(t, telco.Succeeded, outcome)
	assert.Equal(t, at.Add(time.Minute), when, "it was never prepared")
	for _, state := range []State{RefundDue, Refunding, Refunded} { // taken back, by a proof or a person
		outcome, _ = Sale{State: state, Intents: []Intent{intent}, Yes: &ids}.outcome(ids)
		assert.Equal(t, telco.Rejected, outcome, state)
	}
	intent.PreparedAt = at
	_, when = Sale{State: Registered, Intents: []Intent{intent}}.outcome(ids)
	assert.Equal(t, at, when)
}

// counted is a store of sales that were opened at given times, and remembers how many it was asked for.
type counted struct {
	*Memory

	all    []Summary
	limits []int
}

func (c *counted) Find(_ context.Context, q Filter) (found []Summary, err error) {
	c.limits = append(c.limits, q.Limit)
	for _, s := range c.all {
		if q.matches(s) && len(found) < q.Limit {
			found = append(found, s)
		}
	}
	return found, nil
}

var errAway = errors.New("the store is away")

func (*counted) ByPartnerTransID(context.Context, telco.PartnerTransID) (string, error) {
	return "", errAway
}

// Each sale is read once, however many were opened at one moment, and a page is large only there.
func TestEachSaleIsReadOnce(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	store := &counted{Memory: NewMemory()}
	for n := range 6*pageOfSales + 7 {
		moment := at.Add(time.Duration(max(0, n-3*pageOfSales)/2) * time.Second)
		store.all = append(store.all, Summary{ID: strconv.Itoa(n), OpenedAt: moment})
	}
	n := 0
	for id, err := range opened(t.Context(), store, at, time.Time{}) {
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(n), id)
		n++
	}
	assert.Equal(t, len(store.all), n)
	assert.Equal(t, pageOfSales, store.limits[len(store.limits)-1])
	assert.LessOrEqual(t, len(store.limits), 10)
}

// A row gets the id that it lacks from the only pair that it can be, or from the registration.
func TestARowThatLacksAnID(t *testing.T) {
	t.Parallel()
	first, second, other := telco.IDs{TransID: "T1", PartnerTransID: "P1"}, telco.IDs{TransID: "T2", PartnerTransID: "P1"}, telco.IDs{TransID: "T3", PartnerTransID: "P2"}
	var s Sale
	for _, ids := range []telco.IDs{first, second, other} {
		s.Intents = append(s.Intents, Intent{SendWindow: telco.SendWindow{IDs: ids}})
	}
	registered := s
	registered.Yes = &second
	for _, tt := range []struct {
		s         Sale
		row, want telco.IDs
	}{
		{s, telco.IDs{TransID: "T2"}, second},
		{s, telco.IDs{PartnerTransID: "P2"}, other},
		{s, telco.IDs{PartnerTransID: "P1"}, telco.IDs{PartnerTransID: "P1"}}, // of two, nobody knows which
		{registered, telco.IDs{PartnerTransID: "P1"}, second},
		{registered, telco.IDs{PartnerTransID: "P2"}, other},
		{registered, telco.IDs{}, telco.IDs{}},
		{registered, telco.IDs{TransID: "T9"}, telco.IDs{TransID: "T9"}},
		{registered, telco.IDs{TransID: "T9", PartnerTransID: "P1"}, telco.IDs{TransID: "T9", PartnerTransID: "P1"}},
	} {
		got := tt.s.completed(telco.Transaction{TransID: tt.row.TransID, PartnerTransID: tt.row.PartnerTransID, Amount: 1})
		assert.Equal(t, telco.Transaction{TransID: tt.want.TransID, PartnerTransID: tt.want.PartnerTransID, Amount: 1}, got)
	}
}

// A store that is away is no sale that is not there.
func TestAFindingThatCannotBeToldIsAnError(t *testing.T) {
	t.Parallel()
	d := &Desk{cfg: Config{Store: &counted{Memory: NewMemory()}, Now: time.Now}}
	_, err := d.ObserveFinding(t.Context(), reconcile.Finding{Theirs: &telco.Transaction{PartnerTransID: "P1"}})
	require.ErrorIs(t, err, errAway)
}

// halfAway is a store of which one sale cannot be read.
type halfAway struct{ *Memory }

func (h halfAway) ByPartnerTransID(context.Context, telco.PartnerTransID) (string, error) {
	return "S1", nil
}

func (h halfAway) Load(ctx context.Context, id string) (Sale, error) {
	if id == "S1" {
		return Sale{}, errAway
	}
	return h.Memory.Load(ctx, id)
}

// Of two sales that a row belongs to, one that could not be told is an error, whatever the other is.
func TestAFindingThatReachesOneOfTwoIsAnError(t *testing.T) {
	t.Parallel()
	d := &Desk{cfg: Config{Store: halfAway{NewMemory()}, Now: time.Now}}
	_, err := d.ObserveFinding(t.Context(), reconcile.Finding{SaleID: "S2", Theirs: &telco.Transaction{PartnerTransID: "P1"}})
	require.ErrorIs(t, err, errAway)
}
