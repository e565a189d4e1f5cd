package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// What an auditor reads of an event without its JSON: an outcome of those that have one,
// and a code where MobiFone said one.
func TestWhatStandsBesideAnEvent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	first := change(1, "x")
	require.NoError(t, store.Apply(t.Context(), first))
	c := after(first.State, "x", sale.Paid, sale.KeepClaim)
	at := c.State.UpdatedAt
	c.Events = []sale.Event{
		{Kind: "send-ended", At: at, Outcome: telco.Rejected, Code: telco.NotEligible},
		{Kind: "otp-refused", At: at, Outcome: telco.Unknown},
		{Kind: "overdue", At: at},
	}
	c.State.Version = c.Expected + 3
	require.NoError(t, store.Apply(t.Context(), c))
	require.NoError(t, store.Close())
	rows, err := raw(t, path).QueryContext(t.Context(), `SELECT outcome, code FROM events ORDER BY seq`)
	require.NoError(t, err)
	defer rows.Close()
	var got [][2]sql.NullString
	for rows.Next() {
		var outcome, code sql.NullString
		require.NoError(t, rows.Scan(&outcome, &code))
		got = append(got, [2]sql.NullString{outcome, code})
	}
	require.NoError(t, rows.Err())
	says := func(text string) sql.NullString { return sql.NullString{String: text, Valid: true} }
	assert.Equal(t, [][2]sql.NullString{
		{}, {says("rejected"), says(string(telco.NotEligible))}, {says("unknown"), {}}, {},
	}, got)
}

func TestDueOfANegativeLimitIsNone(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "sales.db"))
	c := change(1, "x")
	c.State.WakeAt = c.State.OpenedAt
	require.NoError(t, store.Apply(t.Context(), c))
	ids, next, err := store.Due(t.Context(), c.State.OpenedAt.Add(time.Hour), -2)
	require.NoError(t, err)
	assert.Empty(t, ids)
	assert.Equal(t, c.State.WakeAt, next)
}

// A time that cannot be read makes the list an error, and names the sale.
func TestFindNamesADamagedSale(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	c := change(1, "x")
	require.NoError(t, store.Apply(t.Context(), c))
	require.NoError(t, store.Close())
	_, err := raw(t, path).ExecContext(t.Context(), `UPDATE sales SET updated_at = 'noon'`)
	require.NoError(t, err)
	_, err = open(t, path).Find(t.Context(), sale.Filter{})
	var damaged *sqlstore.CorruptError
	require.ErrorAs(t, err, &damaged)
	assert.Contains(t, damaged.What, c.SaleID)
}

// From its very commit on claims are read with the new key.
func TestRehashIsKnownFromItsCommit(t *testing.T) {
	t.Parallel()
	var store *sqlstore.Store
	var read error
	armed := false
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithBusyTimeout(time.Millisecond),
		sqlstore.WithCommit(func(commit func() error) error {
			err := commit()
			if armed {
				_, read = store.Busy(t.Context(), telco.MustParseMSISDN("0912345678"))
			}
			return err
		}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	armed = true
	require.NoError(t, store.Rehash(t.Context(), key(98)))
	require.NoError(t, read)
}

// Who gives up while somebody else writes his change waits for what becomes of it.
func TestAChangeThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	ctx, giveUp := context.WithCancel(t.Context())
	commits := -1 // not counted while it opens
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithCommit(func(commit func() error) error {
		switch commits {
		case 0:
			close(entered)
			<-release
		case 1:
			giveUp()
			for range 10_000 {
				yield()
			}
		}
		if commits >= 0 {
			commits++
		}
		return commit()
	}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	commits = 0
	errs := make(chan error, 3)
	apply := func(ctx context.Context, n int) { errs <- store.Apply(ctx, change(n, "x")) }
	go apply(t.Context(), 1)
	<-entered
	for i, each := range []context.Context{t.Context(), ctx} {
		go apply(each, i+2)
		for store.Waiting() <= i {
			yield()
		}
	}
	close(release)
	for range 3 {
		require.NoError(t, <-errs)
	}
}

func TestTheBusyTimeoutIsTheConnections(t *testing.T) {
	t.Parallel()
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithBusyTimeout(1234*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	got, err := store.Pragma(t.Context(), "busy_timeout")
	require.NoError(t, err)
	assert.Equal(t, "1234", got)
}
