package sqlstore_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// lateEnd is a context that ends at a moment of the test's choice: while submit asks for
// its end, which is after the work is in the queue.
type lateEnd struct {
	context.Context //nolint:containedctx // it is one

	asked func()
}

func (c lateEnd) Done() <-chan struct{} {
	c.asked()
	ended := make(chan struct{})
	close(ended)
	return ended
}

func (c lateEnd) Err() error { return nil }

// Whoever is chosen to lead leads, also when its own context ends at the same moment: those
// behind it wait for nobody else. The bubble fails this test by its deadlock should nobody
// lead.
func TestAChosenLeaderLeadsAlthoughItsContextEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option())
		require.NoError(t, err)
		defer s.Close()
		// Both the wake and the end are there when the chosen one looks, and it takes either:
		// so it is done often enough.
		for round := range 30 {
			free := make(chan struct{})
			g.set(func(commit func() error) error {
				<-free
				return commit()
			})
			var all sync.WaitGroup
			results := make([]error, 4)
			apply := func(ctx context.Context, i int) {
				all.Go(func() { results[i] = s.Apply(ctx, change(round*10+i, "x")) })
				synctest.Wait()
			}
			chosen := make(chan struct{})
			apply(t.Context(), 0)
			apply(lateEnd{t.Context(), func() { <-chosen }}, 1)
			apply(t.Context(), 2)
			apply(t.Context(), 3)
			g.set(func(commit func() error) error { return commit() })
			close(free) // the first one commits and hands the lead to the second
			synctest.Wait()
			require.Equal(t, 2, s.Waiting(), "the second leads and has not begun")
			close(chosen)
			all.Wait()
			for i, err := range results {
				require.NoError(t, err, "change %d was in a batch", i)
				whole(t, s, change(round*10+i, "x").SaleID, 1)
			}
		}
	})
}

// The end of its context takes a change out of the queue, and nobody else's.
func TestAnEndedContextTakesBackItsOwnChangeAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option())
		require.NoError(t, err)
		defer s.Close()
		free := make(chan struct{})
		g.set(func(commit func() error) error {
			<-free
			return commit()
		})
		const n, ends = 5, 2
		results := make([]error, n)
		var contexts [n]context.Context
		for i := range contexts {
			contexts[i] = t.Context()
		}
		var cancel context.CancelFunc
		contexts[ends], cancel = context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { results[i] = s.Apply(contexts[i], change(i, "x")) })
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		require.ErrorIs(t, results[ends], context.Canceled, "at once, not after the commit")
		close(free)
		all.Wait()
		for i, err := range results {
			if i == ends {
				continue
			}
			require.NoError(t, err)
			whole(t, s, change(i, "x").SaleID, 1)
		}
	})
}

// Nobody in a batch is told anything before the commit has returned, and nobody else sees
// anything of it.
func TestNothingIsAcknowledgedBeforeItsCommit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option())
		require.NoError(t, err)
		defer s.Close()
		const n = 5
		var told atomic.Int64
		free := make(chan struct{})
		g.set(func(commit func() error) error {
			<-free
			before := told.Load()
			synctest.Wait() // whoever is let go too early goes
			assert.Equal(t, before, told.Load())
			err := commit()
			synctest.Wait() // nor while it is not known what the commit came to
			assert.Equal(t, before, told.Load())
			return err
		})
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				assert.NoError(t, s.Apply(t.Context(), change(i, "x")))
				told.Add(1)
			})
			synctest.Wait()
		}
		close(free)
		all.Wait()
		assert.Equal(t, int64(n), told.Load())
	})
}

// A batch has a bound, and takes those who came first.
func TestABatchHasABound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option(), sqlstore.WithBatch(3))
		require.NoError(t, err)
		defer s.Close()
		free := make(chan struct{})
		g.set(func(commit func() error) error {
			<-free
			return commit()
		})
		const n = 8
		var mu sync.Mutex
		var stored []int // how many sales there are after each commit
		g.commits.Store(0)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { assert.NoError(t, s.Apply(t.Context(), change(i, "x"))) })
			synctest.Wait()
		}
		g.set(func(commit func() error) error {
			err := commit()
			mu.Lock()
			defer mu.Unlock()
			there := 0
			for there < n {
				if _, missing := s.Load(context.Background(), change(there, "x").SaleID); missing != nil {
					break
				}
				there++
			}
			stored = append(stored, there)
			return err
		})
		close(free)
		all.Wait()
		assert.Equal(t, []int{4, 7, 8}, stored, "one alone, then three, three and the last")
		assert.Equal(t, int64(4), g.commits.Load())
	})
}

// Close waits for those who wait: what was taken on is finished.
func TestCloseFinishesWhatWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option(), sqlstore.WithBatch(2))
		require.NoError(t, err)
		free := make(chan struct{})
		g.set(func(commit func() error) error {
			<-free
			return commit()
		})
		const n = 6
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { assert.NoError(t, s.Apply(t.Context(), change(i, "x"))) })
			synctest.Wait()
		}
		var closed atomic.Bool
		all.Go(func() {
			assert.NoError(t, s.Close())
			closed.Store(true)
		})
		synctest.Wait()
		assert.False(t, closed.Load())
		require.ErrorIs(t, s.Apply(t.Context(), change(n, "x")), sqlstore.ErrClosed)
		close(free)
		all.Wait()
	})
	s := open(t, path)
	for i := range 6 {
		whole(t, s, change(i, "x").SaleID, 1)
	}
}

// A context that ended before the call stores nothing, also when nobody is in the way.
func TestAnEndedContextBeginsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "sales.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Apply(ctx, change(0, "x")), context.Canceled)
	_, err := s.Load(t.Context(), change(0, "x").SaleID)
	require.ErrorAs(t, err, new(*sale.NotFoundError))
}

// Those in the batch of a leader that panicked are told that nothing is known, and those
// behind them go on.
func TestAPanicTellsItsBatchThatNothingIsKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		s, err := sqlstore.Open(t.Context(), path, ring(), g.option(), sqlstore.WithBatch(3))
		require.NoError(t, err)
		defer s.Close()
		free := make(chan struct{})
		g.set(func(commit func() error) error {
			<-free
			return commit()
		})
		const n = 5 // the first alone, the leader that panics with two, the last
		results := make([]error, n)
		var panicked atomic.Int64
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				defer func() {
					if recover() != nil {
						panicked.Store(int64(i))
					}
				}()
				results[i] = s.Apply(t.Context(), change(i, "x"))
			})
			synctest.Wait()
		}
		g.set(func(func() error) error {
			g.set(func(commit func() error) error { return commit() })
			panic("as planted")
		})
		close(free)
		all.Wait()
		require.Equal(t, int64(1), panicked.Load())
		for _, i := range []int{2, 3} {
			require.ErrorIs(t, results[i], sqlstore.ErrUnknown)
		}
		for _, i := range []int{0, 4} {
			require.NoError(t, results[i])
			whole(t, s, change(i, "x").SaleID, 1)
		}
	})
}
