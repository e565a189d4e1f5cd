package mobifone_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// An outage is not answered with a storm: beyond a reserve of twenty, a client's
// retries are a tenth of its calls. The reserve is shared by all callers and lanes, and
// comes back with answers, refusals included.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	const reserve, callers, tries = 20, 50, 4
	for name, healing := range map[string]script{
		"successes": nil,
		"refusals": func(int, arrival) (*http.Response, error) {
			return answer(200, `{"errorCode":"8020","message":"no"}`), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: tries, BackoffBase: time.Second, BackoffMax: time.Second}))
				w.say(always(500))
				var wg sync.WaitGroup
				for i := range callers {
					lane := client
					if i%2 == 1 {
						lane = client.Background()
					}
					wg.Go(func() { assert.Error(t, eligible(t.Context(), lane)) })
				}
				wg.Wait()
				sent := w.count(telco.OpEligible)
				assert.Equal(t, callers+reserve, sent)

				w.say(healing)
				for range 10 * 3 {
					_ = eligible(t.Context(), client)
				}
				assert.Equal(t, sent+30, w.count(telco.OpEligible))

				w.say(always(500))
				for range 5 {
					require.Error(t, eligible(t.Context(), client))
				}
				assert.Equal(t, sent+30+5+3, w.count(telco.OpEligible), "thirty answers earn three retries")
			})
		})
	}
}

// A spent budget refuses retries; it never makes them come sooner.
func TestSpentBudgetShortensNoWait(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: 10, BackoffBase: time.Microsecond}))
		w.say(always(503, "Retry-After", "2"))
		for range 6 {
			require.Error(t, eligible(t.Context(), client))
		}
		got := w.arrivals(telco.OpEligible)
		require.Len(t, got, 6+20)
		calls := 1
		for i := 1; i < len(got); i++ {
			switch gap := got[i].at.Sub(got[i-1].at); {
			case gap == 0:
				calls++ // the next call begins at once
			default:
				assert.Equal(t, 2*time.Second, gap)
			}
		}
		assert.Equal(t, 6, calls)
	})
}

// What never left costs no MobiFone anything, but the client's own limiter is no sign of
// health: its refusals earn no retries.
func TestOwnRefusalsEarnNothing(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		g := &gate{}
		client := w.client(t, quick(4), mobifone.WithLimiter(g))
		w.say(always(500))
		for range 10 {
			require.Error(t, eligible(t.Context(), client))
		}
		sent := w.count(telco.OpEligible)
		require.Equal(t, 10+20, sent)
		g.set(mobifone.FromRate(noRate()).Wait)
		for range 100 {
			require.ErrorIs(t, eligible(t.Context(), client), telco.LimitReached)
		}
		g.set(nil)
		require.Error(t, eligible(t.Context(), client))
		assert.Equal(t, sent+1, w.count(telco.OpEligible))
	})
}
