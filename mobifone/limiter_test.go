package mobifone_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
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

var (
	teller = telco.Call{Operation: telco.OpRegister, Lane: telco.Foreground}
	lookup = telco.Call{Operation: telco.OpGet, Lane: telco.Resolving}
	report = telco.Call{Operation: telco.OpList, Lane: telco.Background}
)

// noRate grants nothing.
func noRate() *rate.Limiter { return rate.NewLimiter(1, 0) }

// grants collects when a limiter let calls through.
type grants struct {
	mu sync.Mutex
	at []time.Time
}

func (g *grants) wait(ctx context.Context, l mobifone.Limiter, c telco.Call) error {
	err := l.Wait(ctx, c)
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.at = append(g.at, time.Now())
	}
	return err
}

// check fails when any window of time holds more grants than rate·t + burst.
func (g *grants) check(t *testing.T, perSecond float64, burst int) {
	t.Helper()
	slices.SortFunc(g.at, time.Time.Compare)
	for i := range g.at {
		for j := i; j < len(g.at); j++ {
			window := g.at[j].Sub(g.at[i]).Seconds()
			if n := float64(j - i + 1); n > perSecond*window+float64(burst)+1e-6 {
				t.Fatalf("%v grants in %v s, the bound is %v·t + %d", n, window, perSecond, burst)
			}
		}
	}
}

// Never above rate·t + burst in any window, whoever comes, in whichever lane, with
// whichever deadline, and whoever leaves the queue.
func TestFromRateNeverGrantsMore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			perSecond, burst := 1+random.Float64()*50, 1+random.IntN(5)
			l := mobifone.FromRate(rate.NewLimiter(rate.Limit(perSecond), burst))
			var g grants
			var wg sync.WaitGroup
			for range 300 {
				start := time.Duration(random.Int64N(int64(5 * time.Second)))
				patience := time.Duration(random.Int64N(int64(20 * time.Second)))
				call, leaves := []telco.Call{teller, lookup, report}[random.IntN(3)], random.IntN(4) == 0
				wg.Go(func() {
					<-time.After(start)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					if leaves { // without having said so before
						ctx, cancel = context.WithCancel(t.Context())
						defer cancel()
						time.AfterFunc(patience/10, cancel)
					}
					began := time.Now()
					err := g.wait(ctx, l, call)
					assert.LessOrEqual(t, time.Since(began), patience)
					if err != nil && leaves {
						assert.ErrorIs(t, err, context.Canceled)
					}
				})
			}
			wg.Wait()
			assert.NotEmpty(t, g.at)
			g.check(t, perSecond, burst)
		})
	}
}

// Without disturbance the whole quota is used, by either lane alone.
func TestFromRateUsesTheQuota(t *testing.T) {
	t.Parallel()
	for _, call := range []telco.Call{teller, lookup, report} {
		synctest.Test(t, func(t *testing.T) {
			l := mobifone.FromRate(rate.NewLimiter(20, 1))
			began := time.Now()
			var wg sync.WaitGroup
			for range 201 {
				wg.Go(func() { assert.NoError(t, l.Wait(t.Context(), call)) })
			}
			wg.Wait()
			assert.InDelta(t, 10*time.Second, time.Since(began), float64(time.Millisecond))
		})
	}
}

// Ten thousand calls of the other lanes in the queue: a teller waits two slots at most.
func TestTellerOvertakesTheOthers(t *testing.T) {
	t.Parallel()
	const slot = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		l := mobifone.FromRate(rate.NewLimiter(rate.Every(slot), 1))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var done grants
		for i := range 10_000 {
			wg.Go(func() { _ = done.wait(ctx, l, []telco.Call{lookup, report}[i%2]) })
		}
		synctest.Wait()
		for range 50 {
			began := time.Now()
			require.NoError(t, l.Wait(ctx, teller))
			assert.LessOrEqual(t, time.Since(began), 2*slot)
			<-time.After(37 * time.Millisecond)
		}
		cancel()
		wg.Wait() // a goroutine that stayed would end the bubble with a deadlock
		assert.Greater(t, len(done.at), 20, "and the others go on")
	})
}

// Tellers without end starve neither of the other lanes, and the resolver comes before the
// background.
func TestNoLaneIsStarved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mobifone.FromRate(rate.NewLimiter(10, 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				var err error
				for err == nil {
					err = l.Wait(ctx, teller)
				}
			})
		}
		var looked, reported grants
		for range 3 { // more of each than get a place
			for call, g := range map[telco.Call]*grants{lookup: &looked, report: &reported} {
				wg.Go(func() {
					var err error
					for err == nil {
						err = g.wait(ctx, l, call)
					}
				})
			}
		}
		wg.Wait()
		assert.GreaterOrEqual(t, len(looked.at)+len(reported.at), 58, "one in ten of 600")
		assert.InDelta(t, 3, float64(len(looked.at))/float64(len(reported.at)), 0.3)
	})
}

// A wait that cannot end before the deadline fails at once and says how long it would be.
func TestLimiterRefusesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, call := range []telco.Call{teller, lookup, report} {
			l := mobifone.FromRate(rate.NewLimiter(1, 1))
			var wg sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			for range 10 {
				wg.Go(func() { _ = l.Wait(ctx, call) })
			}
			synctest.Wait()
			began := time.Now()
			late, stop := context.WithTimeout(t.Context(), 5*time.Second)
			err := l.Wait(late, call)
			stop()
			assert.Zero(t, time.Since(began))
			require.Error(t, err)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			wait, ok := errors.AsType[interface {
				error
				RetryAfter() time.Duration
			}](err)
			require.True(t, ok)
			assert.InDelta(t, 10*time.Second, wait.RetryAfter(), float64(2*time.Second))
			cancel()
			wg.Wait()
		}
	})
}

// Burst 0 grants nothing to anybody, at once.
func TestBurstZeroRefusesAll(t *testing.T) {
	t.Parallel()
	for _, call := range []telco.Call{teller, lookup, report} {
		require.Error(t, mobifone.FromRate(noRate()).Wait(t.Context(), call))
	}
}

// A place that is left is the next caller's.
func TestLeftPlaceIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, call := range []telco.Call{teller, lookup, report} {
		synctest.Test(t, func(t *testing.T) {
			l := mobifone.FromRate(rate.NewLimiter(rate.Every(time.Minute), 1))
			require.NoError(t, l.Wait(t.Context(), call))
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Millisecond, cancel)
				require.ErrorIs(t, l.Wait(ctx, call), context.Canceled)
			}
			began := time.Now()
			require.NoError(t, l.Wait(t.Context(), call))
			assert.Equal(t, 59*time.Second, time.Since(began).Round(time.Millisecond))
		})
	}
}

// Whoever has left already is not served.
func TestEndedContextIsNotServed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []telco.Call{teller, lookup, report} {
		require.ErrorIs(t, mobifone.FromRate(rate.NewLimiter(rate.Inf, 1)).Wait(ctx, call), context.Canceled)
	}
}
