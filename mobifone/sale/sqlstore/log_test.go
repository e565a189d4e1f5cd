package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	return info.Size()
}

// As long as somebody reads, the log cannot begin anew and grows; once nobody does it is
// cut, and does not keep its largest size for ever.
func TestALongLogIsCut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	const most = 200 << 10
	store, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithLog(most))
	require.NoError(t, err)
	defer store.Close()
	reading, err := raw(t, path).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var n int
	require.NoError(t, reading.QueryRowContext(t.Context(), `SELECT count(*) FROM sales`).Scan(&n))
	for n < 100 {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
		n++
	}
	long := logSize(t, path)
	require.Greater(t, long, 3*int64(most))
	writer := store.Writer()
	require.NoError(t, reading.Rollback())
	cut := long
	for range 100 {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
		n++
		cut = min(cut, logSize(t, path))
		require.LessOrEqual(t, cut, int64(most), "at the first commit that nobody is in the way of")
	}
	assert.Less(t, logSize(t, path), 2*int64(most), "and stays short")
	assert.Zero(t, store.WaitsAt(), "a log that was cut is waited for as at first")
	assert.Same(t, writer, store.Writer(), "nothing failed")
	timeout, err := store.Pragma(t.Context(), "busy_timeout")
	require.NoError(t, err)
	assert.Equal(t, "10000", timeout, "changes are as patient as before")
	for i := range n {
		whole(t, store, change(i, "x").SaleID, 1)
	}
}

// Where at every moment somebody reads, though nobody for long, the log is cut all the same.
func TestALogIsCutUnderReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	const most = 200 << 10
	store, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithLog(most))
	require.NoError(t, err)
	defer store.Close()
	other := open(t, path)
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { // each snapshot is taken before the last one is given back
		release := func() {}
		for {
			last := release
			var err error
			release, err = other.HoldSnapshot(context.Background())
			last()
			if !assert.NoError(t, err) {
				return
			}
			select {
			case <-stop:
				release()
				return
			default:
			}
		}
	})
	var largest int64
	cut := false
	for n := 0; n < 2000 && !cut; n++ {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
		now := logSize(t, path)
		cut, largest = now < largest, max(largest, now)
	}
	close(stop)
	reading.Wait()
	assert.True(t, cut, "it grew to %d bytes", largest)
	assert.Greater(t, largest, int64(most/2), "a short log is left alone")
}

// One who reads for long, such as Check, holds up the changes seldom: once for each size
// that the log grows by.
func TestALongReaderHoldsUpFewCommits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	const most = 1 << 20
	store, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithLog(most))
	require.NoError(t, err)
	defer store.Close()
	release, err := store.HoldSnapshot(t.Context())
	require.NoError(t, err)
	defer release()
	waits, next := int64(0), store.WaitsAt()
	for n := range 300 {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
		if at := store.WaitsAt(); at != next {
			waits, next = waits+1, at
		}
	}
	grown := logSize(t, path) / most
	require.Greater(t, grown, int64(3))
	assert.Positive(t, waits)
	assert.LessOrEqual(t, waits, grown)
}
