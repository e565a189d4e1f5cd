package transactions

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func tx(id string, created int) telco.Transaction {
	return telco.Transaction{TransID: telco.TransID(id), State: telco.StateSuccess, CreatedAt: sec(created)}
}

func counted(n int, rows ...telco.Transaction) batch { return batch{rows: rows, total: &n} }

// script answers each fetch with the next batch and fails the test when it runs out.
func script(t *testing.T, batches ...batch) (*reader, *int) {
	t.Helper()
	n := 0
	return &reader{rowsMax: 1000, fail: testFail, fetch: func(_ context.Context, _, _ time.Time, page int) (batch, error) {
		require.Less(t, n, len(batches), "one request too many, for page %d", page)
		n++
		return batches[n-1], nil
	}}, &n
}

func ids(rows []telco.Transaction) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, string(r.TransID)+string(r.PartnerTransID))
	}
	return out
}

func TestSettle(t *testing.T) {
	t.Parallel()
	a, b, c, d := tx("a", 9), tx("b", 8), tx("c", 7), tx("d", 6)
	none := batch{}
	tests := []struct {
		name    string
		batches []batch
		want    []string
		checked bool
		err     error
	}{
		{name: "empty", batches: []batch{counted(0)}, want: []string{}, checked: true},
		{name: "one page", batches: []batch{counted(2, a, b)}, want: []string{"a", "b"}, checked: true},
		{
			name:    "a row arrives between pages: read again",
			batches: []batch{counted(3, b, c), counted(4, c, d), counted(4, a, b), counted(4, c, d)},
			want:    []string{"a", "b", "c", "d"}, checked: true,
		},
		{
			name:    "fewer rows than the total says: read again",
			batches: []batch{counted(3, a, b), counted(3), counted(3, a, b), counted(3, c)},
			want:    []string{"a", "b", "c"}, checked: true,
		},
		{
			name:    "a stale replica forgets a row of an earlier pass: read again",
			batches: []batch{counted(3, a, b), counted(4), counted(2, a, c), counted(3, a, b), counted(3, c)},
			want:    []string{"a", "b", "c"}, checked: true,
		},
		{
			name: "a repeated page does not stand for the rows that are missing",
			batches: []batch{
				counted(3, a, b), counted(3, a, b), counted(3, a, b), counted(3, a, b), counted(3, a, b),
				counted(3, a, b), counted(3, a, b), counted(3, a, b), counted(3, a, b), counted(3, a, b),
			},
			err: ErrUnstable,
		},
		{
			name:    "more rows than the total says",
			batches: []batch{counted(1, a, b), counted(1, a, b), counted(1, a, b), counted(1, a, b), counted(1, a, b)},
			err:     ErrUnstable,
		},
		{
			name: "a total on one page only",
			batches: []batch{
				counted(2, a), {rows: []telco.Transaction{b}}, counted(2, a), counted(2, b),
			},
			want: []string{"a", "b"}, checked: true,
		},
		{
			name: "no total: until a page without new rows", batches: []batch{{rows: []telco.Transaction{a, b}}, {rows: []telco.Transaction{c}}, none},
			want: []string{"a", "b", "c"},
		},
		{
			name: "no total and the last page for ever", batches: []batch{{rows: []telco.Transaction{a, b}}, {rows: []telco.Transaction{b}}},
			want: []string{"a", "b"},
		},
		{
			name:    "a partnerTransId stands in for a missing transId",
			batches: []batch{counted(2, telco.Transaction{PartnerTransID: "P1"}, telco.Transaction{PartnerTransID: "P2"})},
			want:    []string{"P1", "P2"}, checked: true,
		},
		{name: "a row without ids", batches: []batch{counted(1, telco.Transaction{})}, err: telco.ReplyUnreadable},
		{
			name: "two final states", batches: []batch{counted(2, a), counted(2, telco.Transaction{TransID: "a", State: telco.StateFailed, CreatedAt: sec(9)})},
			err: telco.LookupConflict,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, n := script(t, tt.batches...)
			got, err := r.settle(t.Context(), sec(0), sec(10))
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			} else {
				require.NoError(t, err)
				assert.Equal(t, tt.want, ids(got.rows))
				assert.Equal(t, tt.checked, got.checked)
			}
			assert.Equal(t, len(tt.batches), *n, "requests")
		})
	}
}

func TestSettleTakesTheFreshestReadingOfARow(t *testing.T) {
	t.Parallel()
	pending := telco.Transaction{TransID: "a", State: telco.StatePending, CreatedAt: sec(1), UpdatedAt: sec(1)}
	done := pending
	done.State, done.UpdatedAt = telco.StateSuccess, sec(2)
	r, _ := script(t, counted(2, done), counted(3), counted(1, pending))
	got, err := r.settle(t.Context(), sec(0), sec(10))
	require.NoError(t, err)
	assert.Equal(t, telco.StateSuccess, got.rows[0].State, "a lagging replica answered last")
}

func TestSettleBounds(t *testing.T) {
	t.Parallel()
	r, _ := script(t, counted(1001))
	got, err := r.settle(t.Context(), sec(0), sec(10))
	require.NoError(t, err)
	assert.True(t, got.tooMany)

	r, _ = script(t, batch{rows: []telco.Transaction{tx("a", 1), tx("b", 2)}})
	r.rowsMax = 1
	got, err = r.settle(t.Context(), sec(0), sec(10))
	require.NoError(t, err)
	assert.True(t, got.tooMany)
}

func TestSettleSaysFromWhereRowsMayStillAppear(t *testing.T) {
	t.Parallel()
	b := counted(0)
	for _, tt := range []struct {
		at   time.Time
		open bool
	}{
		{sec(70), false}, {sec(71), false}, {sec(69), true}, {sec(70).Add(-time.Millisecond), true}, {sec(60).Add(500 * time.Millisecond), true},
	} {
		b.at = tt.at
		r, _ := script(t, b)
		r.lag = time.Minute
		got, err := r.settle(t.Context(), sec(0), sec(10))
		require.NoError(t, err)
		assert.Equal(t, tt.open, !got.openAt.IsZero(), tt.at)
		if tt.open {
			assert.True(t, got.openAt.Equal(tt.at.Add(-time.Minute).Truncate(time.Second)), "%s: MobiFone reads whole seconds", tt.at)
		}
	}
}

func TestSettleStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	n := 0
	r := &reader{rowsMax: 10, fail: testFail, fetch: func(context.Context, time.Time, time.Time, int) (batch, error) {
		n++
		return batch{}, lost
	}}
	_, err := r.settle(t.Context(), sec(0), sec(10))
	require.ErrorIs(t, err, lost)
	assert.Equal(t, 1, n)
}

func TestMerge(t *testing.T) {
	t.Parallel()
	base := telco.Transaction{
		TransID: "T", PartnerTransID: "P", Package: "C120", Amount: 120_000,
		MSISDN: telco.MustParseMSISDN("0901234567"), State: telco.StatePending, CreatedAt: sec(1), UpdatedAt: sec(1),
	}
	with := func(f func(*telco.Transaction)) telco.Transaction { c := base; f(&c); return c }
	tests := []struct {
		name     string
		a, b     telco.Transaction
		conflict string
		second   bool // the later reading is taken
	}{
		{"the same", base, base, "", true},
		{"goes on", base, with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateSuccess, sec(2) }), "", true},
		{
			"goes on, without times", with(func(x *telco.Transaction) { x.UpdatedAt = time.Time{} }),
			with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateFailed, time.Time{} }), "", true,
		},
		{
			"goes back, without times", with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateSuccess, time.Time{} }),
			with(func(x *telco.Transaction) { x.UpdatedAt = time.Time{} }), "", false,
		},
		{
			"reversed", with(func(x *telco.Transaction) { x.State = telco.StateSuccess }),
			with(func(x *telco.Transaction) { x.State = telco.StateReversed }), "", true,
		},
		{
			"reversed, then read stale", with(func(x *telco.Transaction) { x.State = telco.StateReversed }),
			with(func(x *telco.Transaction) { x.State = telco.StateSuccess }), "", false,
		},
		{"learns its partnerTransId", with(func(x *telco.Transaction) { x.PartnerTransID = "" }), base, "", true},
		{
			"two final states", with(func(x *telco.Transaction) { x.State = telco.StateSuccess }),
			with(func(x *telco.Transaction) { x.State = telco.StateFailed }), "final states", false,
		},
		{"two partnerTransIds", base, with(func(x *telco.Transaction) { x.PartnerTransID = "Q" }), "partnerTransIds", false},
		{"two subscribers", base, with(func(x *telco.Transaction) { x.MSISDN = telco.MustParseMSISDN("0901234568") }), "subscribers", false},
		{"two packages", base, with(func(x *telco.Transaction) { x.Package = "3C120" }), "packages", false},
		{"two amounts", base, with(func(x *telco.Transaction) { x.Amount = 1 }), "amounts", false},
		{"two creations", base, with(func(x *telco.Transaction) { x.CreatedAt = sec(2) }), "creation times", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, conflict := merge(tt.a, tt.b)
			if tt.conflict != "" {
				assert.Contains(t, conflict, tt.conflict)
				assert.NotContains(t, conflict, "901234")
				return
			}
			require.Empty(t, conflict)
			want := tt.a
			if tt.second {
				want = tt.b
			}
			assert.Equal(t, want, got)
		})
	}
}
