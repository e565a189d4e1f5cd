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
		require.ErrorIs(t, err, ErrWindowOpen)
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
