package transactions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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

var day = time.Date(2026, time.March, 5, 0, 0, 0, 0, time.FixedZone("+07:00", 7*3600))

func sec(n int) time.Time { return day.Add(time.Duration(n) * time.Second) }

func testFail(code telco.Code, cause error) error {
	return &telco.Error{Operation: telco.OpList, Code: code, Err: cause}
}

// listing runs a walk to its end.
func listing(t *testing.T, w *walker, from, to time.Time) (rows []telco.Transaction, end error) {
	t.Helper()
	w.walk(t.Context(), from, to, to, to, func(tx telco.Transaction, err error) bool {
		require.NoError(t, end, "rows after an error")
		if err != nil {
			end = err
			return true
		}
		rows = append(rows, tx)
		return true
	})
	return rows, end
}

// assertExactly checks that the rows are those created in [from, to), each once, newest first.
func assertExactly(t *testing.T, l *ledger, rows []telco.Transaction, from, to time.Time) {
	t.Helper()
	got := map[telco.TransID]bool{}
	for i, tx := range rows {
		require.False(t, got[tx.TransID], "%s twice", tx.TransID)
		got[tx.TransID] = true
		if i > 0 {
			require.False(t, tx.CreatedAt.After(rows[i-1].CreatedAt), "not newest first")
		}
	}
	for _, r := range l.rows {
		in := !r.tx.CreatedAt.Before(from) && r.tx.CreatedAt.Before(to)
		require.Equal(t, in, got[r.tx.TransID], "%s created at %s", r.tx.TransID, r.tx.CreatedAt)
		delete(got, r.tx.TransID)
	}
	require.Empty(t, got)
}

func TestClosedWindowIsReadExactly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		l := newLedger(seed)
		from := sec(l.rng.IntN(500))
		to := from.Add(time.Duration(1+l.rng.IntN(500)) * time.Second)
		rows, err := listing(t, l.walker(5+l.rng.IntN(40)), from, to)
		require.NoError(t, err, "seed %d", seed)
		assertExactly(t, l, rows, from, to)
	}
}

func TestOpenWindowIsExactUntilWhereItSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1000) {
		l := newLedger(seed)
		l.grow, l.surprises = true, 0
		l.now = sec(1000)
		from, to := sec(l.rng.IntN(900)), sec(1000+l.rng.IntN(1000))
		rows, err := listing(t, l.walker(1000), from, to)
		open, ok := errors.AsType[*WindowOpenError](err)
		require.True(t, ok, "seed %d: %v", seed, err)
		require.False(t, open.NoTotal)
		require.True(t, open.Until.Before(to))
		require.False(t, open.Until.After(l.now.Add(-l.lag)))
		assertExactly(t, l, rows, from, open.Until)
	}
}

func TestWithoutATotalEverythingIsYieldedAndTheWindowStaysOpen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		l := newLedger(seed)
		l.noTotal, l.surprises = true, 0
		rows, err := listing(t, l.walker(1000), sec(100), sec(900))
		open, ok := errors.AsType[*WindowOpenError](err)
		require.True(t, ok, "seed %d: %v", seed, err)
		require.True(t, open.NoTotal)
		assertExactly(t, l, rows, sec(100), sec(900))
	}
}

func TestNothingToReadBeforeThePin(t *testing.T) {
	t.Parallel()
	l := newLedger(1)
	l.now, l.lag, l.surprises = sec(50), time.Minute, 0
	rows, err := listing(t, l.walker(1000), sec(0), sec(100))
	assert.Empty(t, rows)
	open, ok := errors.AsType[*WindowOpenError](err)
	require.True(t, ok)
	assert.True(t, open.Until.Equal(sec(0)), open.Until)
	assert.True(t, open.To.Equal(sec(100)))
	assert.Equal(t, 1, l.asks, "the first reply already says that nothing is closed")
}

func TestStoppingTheIterationStopsTheRequests(t *testing.T) {
	t.Parallel()
	l := newLedger(3)
	l.rows, l.surprises, l.longest = nil, 0, 10*time.Second
	for i := range 100 {
		l.add(sec(i), day)
	}
	n := 0
	l.walker(1000).walk(t.Context(), sec(0), sec(100), sec(100), sec(100), func(telco.Transaction, error) bool {
		n++
		return n < 3
	})
	assert.Equal(t, 3, n)
	assert.LessOrEqual(t, l.asks, 11, "only the newest range was read")
}

func TestWalkGivesUpOnAClockThatRunsBackwards(t *testing.T) {
	t.Parallel()
	asks := 0
	w := &walker{rangeMax: time.Hour, reader: reader{rowsMax: 10, fail: testFail, fetch: func(context.Context, time.Time, time.Time, int) (batch, error) {
		asks++
		b := counted(0)
		b.at = sec(1000 - 10*asks)
		return b, nil
	}}}
	_, err := listing(t, w, sec(0), sec(1000))
	require.ErrorIs(t, err, ErrUnstable)
	assert.Equal(t, passesMax+1, asks)
}

func TestWalkRefusesASecondThatCannotBeHeld(t *testing.T) {
	t.Parallel()
	asks := 0
	w := &walker{rangeMax: time.Hour, reader: reader{rowsMax: 10, fail: testFail, fetch: func(_ context.Context, _, _ time.Time, _ int) (batch, error) {
		asks++
		return counted(11), nil
	}}}
	_, err := listing(t, w, sec(0), sec(64))
	require.ErrorIs(t, err, telco.ReplyUnreadable)
	assert.Equal(t, 7, asks, "64 s halved down to 1 s")
}

// ledger is a MobiFone whose rows come, change and become visible late while it is read.
type ledger struct {
	rng       *rand.Rand
	rows      []ledgerRow
	now       time.Time
	size      int
	lag       time.Duration
	noTotal   bool
	inclusive bool // toTime counts as inside
	overlap   bool // each page begins with the last row of the one before
	surprises int  // rows that still turn up too late, between two pages
	grow      bool // rows are created at now, as in a shop
	asks      int
	longest   time.Duration
}

type ledgerRow struct {
	tx      telco.Transaction
	visible time.Time
}

func (l *ledger) add(created, visible time.Time) {
	id := fmt.Sprintf("T%d", len(l.rows))
	l.rows = append(l.rows, ledgerRow{
		tx:      telco.Transaction{TransID: telco.TransID(id), Amount: 120_000, State: telco.StatePending, CreatedAt: created, UpdatedAt: created},
		visible: visible,
	})
}

// churn changes states, as a MobiFone at work does, and plays the surprises.
func (l *ledger) churn(from, to time.Time, page int) {
	for i := range l.rows {
		if tx := &l.rows[i].tx; tx.State == telco.StatePending && l.rng.IntN(20) == 0 {
			tx.State = []telco.State{telco.StateSuccess, telco.StateFailed, telco.StateExpired}[l.rng.IntN(3)]
			tx.UpdatedAt = l.now
		}
	}
	if l.surprises > 0 && page > 1 && l.rng.IntN(3) == 0 {
		l.surprises--
		l.add(from.Add(time.Duration(l.rng.IntN(int(to.Sub(from)/time.Second)))*time.Second), l.now)
	}
	if l.grow && l.rng.IntN(2) == 0 {
		l.add(l.now, l.now.Add(time.Duration(l.rng.Int64N(int64(l.lag)+1)/int64(time.Second))*time.Second))
	}
}

func (l *ledger) fetch(_ context.Context, from, to time.Time, page int) (batch, error) {
	if page < 1 {
		return batch{}, errors.New("pages count from 1")
	}
	if to.Sub(from) > l.longest {
		return batch{}, fmt.Errorf("a range of %s", to.Sub(from))
	}
	l.asks++
	l.now = l.now.Add(time.Duration(l.rng.IntN(3)) * time.Second)
	l.churn(from, to, page)
	var in []telco.Transaction
	for _, r := range l.rows {
		inside := !r.tx.CreatedAt.Before(from) && (r.tx.CreatedAt.Before(to) || l.inclusive && r.tx.CreatedAt.Equal(to))
		if inside && !r.visible.After(l.now) {
			in = append(in, r.tx)
		}
	}
	slices.SortStableFunc(in, func(a, b telco.Transaction) int { return b.CreatedAt.Compare(a.CreatedAt) })
	total := len(in)
	lo := min((page-1)*l.size, len(in))
	hi := min(lo+l.size, len(in))
	if l.overlap && page > 1 {
		lo = max(0, lo-1)
		if lo == len(in)-1 {
			lo = len(in)
		}
	}
	b := batch{rows: slices.Clone(in[lo:hi]), total: &total, at: l.now}
	if l.noTotal {
		b.total = nil
	}
	return b, nil
}

func (l *ledger) walker(rowsMax int) *walker {
	return &walker{
		reader:   reader{fetch: l.fetch, fail: testFail, lag: l.lag, rowsMax: rowsMax},
		rangeMax: l.longest,
		keep:     func(telco.Transaction) (bool, error) { return true, nil },
	}
}

func newLedger(seed uint64) *ledger {
	rng := rand.New(rand.NewPCG(seed, 7))
	l := &ledger{
		rng: rng, now: sec(5000), size: 1 + rng.IntN(7), lag: time.Duration(rng.IntN(61)) * time.Second,
		inclusive: rng.IntN(3) == 0, overlap: rng.IntN(4) == 0, surprises: rng.IntN(5),
		longest: time.Duration(30+rng.IntN(2000)) * time.Second,
	}
	for range rng.IntN(60) {
		l.add(sec(rng.IntN(1000)), day)
	}
	return l
}
