package mobifone_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A crowd that queues and gives up leaves nothing to pay for: the next caller waits for
// one token.
func TestCrowdThatLeftCostsNothing(t *testing.T) {
	t.Parallel()
	for _, call := range []telco.Call{teller, lookup, report} {
		synctest.Test(t, func(t *testing.T) {
			l := mobifone.FromRate(rate.NewLimiter(10, 1))
			require.NoError(t, l.Wait(t.Context(), call))
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 80 {
				wg.Go(func() { assert.ErrorIs(t, l.Wait(ctx, call), context.Canceled) })
			}
			synctest.Wait()
			cancel()
			wg.Wait()
			began := time.Now()
			require.NoError(t, l.Wait(t.Context(), call))
			assert.Equal(t, 100*time.Millisecond, time.Since(began))
		})
	}
}

// Whoever came, left or was refused before: a new caller waits exactly as long as a
// bucket says that was asked for the granted calls alone.
func TestOnlyGrantsAreCounted(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			perSecond, burst := rate.Limit(1+random.Float64()*50), 1+random.IntN(5)
			l := mobifone.FromRate(rate.NewLimiter(perSecond, burst))
			var g grants
			for range 5 {
				var wg sync.WaitGroup
				for range 60 {
					start := time.Duration(random.Int64N(int64(2 * time.Second)))
					patience := time.Duration(random.Int64N(int64(3 * time.Second)))
					call, saysSo := []telco.Call{teller, lookup, report}[random.IntN(3)], random.IntN(2) == 0
					wg.Go(func() {
						<-time.After(start)
						ctx, cancel := context.WithCancel(t.Context())
						if saysSo {
							ctx, cancel = context.WithTimeout(t.Context(), patience)
						}
						defer cancel()
						time.AfterFunc(patience, cancel)
						_ = g.wait(ctx, l, call)
					})
				}
				wg.Wait()
				g.check(t, float64(perSecond), burst)
				bucket := rate.NewLimiter(perSecond, burst)
				for _, at := range g.at {
					bucket.AllowN(at, 1)
				}
				now := time.Now()
				want := max(0, time.Duration((1-bucket.TokensAt(now))/float64(perSecond)*float64(time.Second)))
				require.NoError(t, g.wait(t.Context(), l, teller))
				require.InDelta(t, want, time.Since(now), float64(time.Microsecond), "seed %d", seed)
			}
		})
	}
}

// However many give up, those who stay use the whole quota.
func TestQuotaIsUsedWhileOthersLeave(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			const perSecond, lasts = 20, time.Minute
			l := mobifone.FromRate(rate.NewLimiter(perSecond, 1))
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			var g grants
			var wg sync.WaitGroup
			for i := range 6 { // who stay
				call := teller
				if i%3 == 0 {
					call = report
				}
				wg.Go(func() {
					var err error
					for err == nil {
						err = g.wait(ctx, l, call)
					}
				})
			}
			for i := range 500 { // who leave
				start, patience := time.Duration(random.Int64N(int64(lasts))), time.Duration(random.Int64N(int64(400*time.Millisecond)))
				call := teller
				if i%2 == 0 {
					call = report
				}
				wg.Go(func() {
					<-time.After(start)
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					time.AfterFunc(patience, cancel)
					_ = g.wait(ctx, l, call)
				})
			}
			wg.Wait()
			g.check(t, perSecond, 1)
			assert.GreaterOrEqual(t, float64(len(g.at)), 0.99*perSecond*lasts.Seconds())
		})
	}
}

// First come, first served, in either lane, also when some in between leave.
func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	for _, call := range []telco.Call{teller, lookup, report} {
		synctest.Test(t, func(t *testing.T) {
			l := mobifone.FromRate(rate.NewLimiter(10, 1))
			var mu sync.Mutex
			var served []int
			var wg sync.WaitGroup
			for i := range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 1 {
					time.AfterFunc(time.Duration(i)*70*time.Millisecond, cancel)
				}
				wg.Go(func() {
					defer cancel()
					if l.Wait(ctx, call) == nil {
						mu.Lock()
						defer mu.Unlock()
						served = append(served, i)
					}
				})
				synctest.Wait() // it stands in the queue
			}
			wg.Wait()
			assert.IsIncreasing(t, served)
			assert.Greater(t, len(served), 26)
		})
	}
}

// A background call whose turn to queue comes too late for it is refused then, not left
// to sleep, and the one behind it moves up.
func TestBackgroundIsRefusedWhenTellersCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mobifone.FromRate(rate.NewLimiter(1, 1))
		require.NoError(t, l.Wait(t.Context(), teller))
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, l.Wait(t.Context(), report)) }) // served after 1 s
		synctest.Wait()
		wg.Go(func() { // could be served after 2 s
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			err := l.Wait(ctx, report)
			assert.Error(t, err)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(began), "as soon as it is known")
		})
		synctest.Wait()
		wg.Go(func() { // behind it, and patient
			assert.NoError(t, l.Wait(t.Context(), report))
			assert.Equal(t, 7*time.Second, time.Since(began))
		})
		for range 5 {
			wg.Go(func() { assert.NoError(t, l.Wait(t.Context(), teller)) })
		}
		wg.Wait()
	})
}

// With so many ahead, and some served already, the wait that is refused or begun is the
// true one.
func TestRefusedWaitIsTheTrueOne(t *testing.T) {
	t.Parallel()
	const slot = 100 * time.Millisecond
	for served := range 4 {
		synctest.Test(t, func(t *testing.T) {
			l := mobifone.FromRate(rate.NewLimiter(rate.Every(slot), 1))
			require.NoError(t, l.Wait(t.Context(), teller))
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() { assert.NoError(t, l.Wait(t.Context(), teller)) })
			}
			<-time.After(time.Duration(served)*slot + slot/2)
			wait := time.Duration(6-served)*slot + slot/2
			short, cancel := context.WithTimeout(t.Context(), wait-time.Millisecond)
			defer cancel()
			began := time.Now()
			err := l.Wait(short, teller)
			assert.Zero(t, time.Since(began))
			refusal, ok := errors.AsType[interface {
				error
				RetryAfter() time.Duration
			}](err)
			require.True(t, ok, "%v", err)
			assert.InDelta(t, wait, refusal.RetryAfter(), float64(time.Microsecond))
			long, cancel := context.WithTimeout(t.Context(), wait+time.Millisecond)
			defer cancel()
			require.NoError(t, l.Wait(long, teller))
			assert.InDelta(t, wait, time.Since(began), float64(time.Microsecond))
			wg.Wait()
		})
	}
}

// Where both other lanes wait, the refusal of a new call counts whoever comes before it, and no
// more: with the time that it names, the call is served.
func TestRefusedWaitCountsBothLanes(t *testing.T) {
	t.Parallel()
	const slot = 100 * time.Millisecond
	for seed := range uint64(40) {
		for _, call := range []telco.Call{lookup, report} {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 4))
				l := mobifone.FromRate(rate.NewLimiter(rate.Every(slot), 1))
				require.NoError(t, l.Wait(t.Context(), teller))
				var wg sync.WaitGroup
				for range random.IntN(20) {
					other := []telco.Call{teller, lookup, report}[random.IntN(3)]
					wg.Go(func() { assert.NoError(t, l.Wait(t.Context(), other)) })
					synctest.Wait()
				}
				<-time.After(time.Duration(random.IntN(8))*slot + slot/2)
				hurried, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
				defer cancel()
				err := l.Wait(hurried, call)
				refusal, ok := errors.AsType[interface {
					error
					RetryAfter() time.Duration
				}](err)
				if ok {
					began := time.Now()
					require.NoError(t, l.Wait(t.Context(), call))
					assert.InDelta(t, refusal.RetryAfter(), time.Since(began), float64(time.Microsecond), "seed %d", seed)
				}
				wg.Wait()
			})
		}
	}
}

// A rate of nothing grants what the bucket holds and then refuses at once.
func TestRateZeroRefuses(t *testing.T) {
	t.Parallel()
	l := mobifone.FromRate(rate.NewLimiter(0, 3))
	for _, call := range []telco.Call{teller, lookup, report} {
		require.NoError(t, l.Wait(t.Context(), call))
	}
	for _, call := range []telco.Call{teller, lookup, report} {
		require.Error(t, l.Wait(t.Context(), call))
	}
}

// A call that need not wait costs no memory.
//
//nolint:paralleltest // it counts the process's allocations
func TestFreeTokenAllocatesNothing(t *testing.T) {
	l := mobifone.FromRate(rate.NewLimiter(1e9, 1e9))
	for _, call := range []telco.Call{teller, lookup, report} {
		assert.Zero(t, testing.AllocsPerRun(1000, func() { assert.NoError(t, l.Wait(t.Context(), call)) }))
	}
}
