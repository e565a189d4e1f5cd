package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// gate is a commit that tests hold, count and spoil.
type gate struct {
	commits atomic.Int64
	around  atomic.Pointer[func(commit func() error) error]
}

func (g *gate) set(around func(commit func() error) error) { g.around.Store(&around) }

func (g *gate) option() sqlstore.Option {
	return sqlstore.WithCommit(func(commit func() error) error {
		g.commits.Add(1)
		if around := g.around.Load(); around != nil {
			return (*around)(commit)
		}
		return commit()
	})
}

func openGated(t *testing.T) (*sqlstore.Store, *gate) {
	t.Helper()
	g := &gate{}
	s, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), g.option())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	g.commits.Store(0)
	return s, g
}

// held stops the first commit until release is called; n more changes wait meanwhile.
func held(t *testing.T, s *sqlstore.Store, g *gate) (release func()) {
	t.Helper()
	reached, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.set(func(commit func() error) error {
		once.Do(func() {
			close(reached)
			<-free
		})
		return commit()
	})
	done := make(chan error, 1)
	go func() { done <- s.Apply(context.Background(), change(0, "first")) }()
	<-reached
	return func() {
		close(free)
		assert.NoError(t, <-done)
	}
}

func awaitWaiting(s *sqlstore.Store, n int) {
	for s.Waiting() < n {
		yield()
	}
}

func TestChangesShareACommit(t *testing.T) {
	t.Parallel()
	s, g := openGated(t)
	release := held(t, s, g)
	const n = 64
	results := make([]error, n+2)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { results[i] = s.Apply(t.Context(), change(1+i, "x")) })
	}
	awaitWaiting(s, n)
	// Two more are refused: one by what is stored, one by what stands in the same batch.
	for i, other := range []int{0, 1} {
		wg.Go(func() { results[n+i] = s.Apply(t.Context(), change(other, "rival")) })
	}
	awaitWaiting(s, n+2)
	release()
	wg.Wait()
	assert.Equal(t, int64(2), g.commits.Load(), "one for the first, one for all who came meanwhile")
	for i := range n {
		require.NoError(t, results[i])
		_, err := s.Load(t.Context(), change(1+i, "x").SaleID)
		require.NoError(t, err)
	}
	for i, owner := range []string{change(0, "first").SaleID, change(1, "x").SaleID} {
		taken, ok := errors.AsType[*sale.OrderTakenError](results[n+i])
		require.True(t, ok, results[n+i])
		assert.Equal(t, owner, taken.SaleID)
	}
}

// Whoever fails after it has begun to write takes back what it wrote, and nothing else.
func TestAFailureTakesBackItself(t *testing.T) {
	t.Parallel()
	reason := errors.New("as planted")
	alone, _ := openGated(t)
	require.ErrorIs(t, alone.FailHalfway(t.Context(), reason), reason)
	set, err := alone.Setting(t.Context(), "half")
	require.NoError(t, err)
	require.False(t, set)
	for _, n := range []int{2, 6} {
		s, g := openGated(t)
		release := held(t, s, g)
		results := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				if i%2 == 0 {
					results[i] = s.FailHalfway(t.Context(), reason)
					return
				}
				results[i] = s.Apply(t.Context(), change(1+i, "x"))
			})
		}
		awaitWaiting(s, n)
		release()
		wg.Wait()
		set, err := s.Setting(t.Context(), "half")
		require.NoError(t, err)
		require.False(t, set, "in a batch of %d", n)
		for i, err := range results {
			if i%2 == 0 {
				require.ErrorIs(t, err, reason)
				continue
			}
			require.NoError(t, err)
			whole(t, s, change(1+i, "x").SaleID, 1)
		}
	}
}

func TestAChangeNotBegunIsCancelled(t *testing.T) {
	t.Parallel()
	s, g := openGated(t)
	release := held(t, s, g)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Apply(ctx, change(1, "x")) }()
	awaitWaiting(s, 1)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	release()
	_, err := s.Load(t.Context(), change(1, "x").SaleID)
	assert.ErrorAs(t, err, new(*sale.NotFoundError))
	require.NoError(t, s.Apply(t.Context(), change(1, "x")))
}

// A commit that fails, before or after it took effect, is unknown to everybody in it, and
// the connection that saw it is not used again.
func TestAFailedCommitIsUnknown(t *testing.T) {
	t.Parallel()
	for name, happened := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := openGated(t)
			release := held(t, s, g)
			const n = 8
			results := make([]error, n)
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() { results[i] = s.Apply(t.Context(), change(1+i/2, "x")) }) // every second one is refused
			}
			awaitWaiting(s, n)
			old := s.Writer()
			g.set(func(commit func() error) error {
				g.set(func(commit func() error) error { return commit() })
				if happened {
					_ = commit()
				}
				return errors.New("the disk said no")
			})
			release()
			wg.Wait()
			for i := range n {
				require.ErrorIs(t, results[i], sqlstore.ErrUnknown)
				require.False(t, refusal(results[i]), "what refused it may be gone")
				_, err := s.Load(t.Context(), change(1+i/2, "x").SaleID)
				assert.Equal(t, happened, err == nil)
			}
			err := s.Apply(t.Context(), change(1, "x"))
			assert.Equal(t, happened, isConflict(err), "it is loaded again and goes on: %v", err)
			assert.NotSame(t, old, s.Writer())
		})
	}
}

func TestAPanicBlocksNobody(t *testing.T) {
	t.Parallel()
	s, g := openGated(t)
	g.set(func(func() error) error { panic("as planted") })
	assert.Panics(t, func() { _ = s.Apply(t.Context(), change(1, "x")) })
	g.set(func(commit func() error) error { return commit() })
	_, err := s.Load(t.Context(), change(1, "x").SaleID)
	require.ErrorAs(t, err, new(*sale.NotFoundError))
	require.NoError(t, s.Apply(t.Context(), change(1, "x")))
}

func TestAClosedStoreRefuses(t *testing.T) {
	t.Parallel()
	s, _ := openGated(t)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Apply(t.Context(), change(1, "x")), sqlstore.ErrClosed)
	require.NoError(t, s.Close())
}

// A full disk refuses what does not fit, keeps what was acknowledged, and goes on when
// there is room again.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	open(t, path)
	small, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithPragma("max_page_count(60)"))
	require.NoError(t, err)
	defer small.Close()
	const n = 256
	results := make([]error, n)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := g; i < n; i += 16 {
				results[i] = small.Apply(t.Context(), change(i, "x"))
			}
		})
	}
	wg.Wait()
	roomy := open(t, path)
	stored, failed := 0, 0
	for i, result := range results {
		_, err := roomy.Load(t.Context(), change(i, "x").SaleID)
		if result == nil {
			require.NoError(t, err, "acknowledged, and gone")
			whole(t, roomy, change(i, "x").SaleID, 1)
			stored++
		} else {
			require.False(t, refusal(result))
			require.ErrorContains(t, result, "database or disk is full (13); make room")
			require.ErrorAs(t, err, new(*sale.NotFoundError), "%v", result)
			failed++
		}
	}
	assert.Positive(t, stored)
	assert.Positive(t, failed)
	require.NoError(t, roomy.Check(t.Context()))
	require.NoError(t, roomy.Apply(t.Context(), change(n, "x")))
}

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
