package quota

import (
	"context"
	"errors"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/limittest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A limiter on either engine keeps the contract of mobifone.Limiter, for one host and for several.
func TestTheContract(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		limittest.Run(t, limittest.Harness{
			Open: func(t testing.TB, perSecond float64, burst, hosts int) []mobifone.Limiter {
				cfg := Config{Name: quotaName(), PerSecond: perSecond, Burst: burst}
				var all []mobifone.Limiter
				for range hosts {
					all = append(all, on.open(t, cfg))
				}
				return all
			},
		})
	})
}

// refusal is the refusal that an error is.
func refusal(t *testing.T, err error) *Refusal {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	require.True(t, ok, "%v", err)
	return r
}

// After Close nobody is served, whoever waits leaves, and no goroutine stays.
func TestClose(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		l := on.open(t, Config{Name: quotaName(), PerSecond: 1, Burst: 1})
		ended := make(chan error)
		for range 3 {
			go func() { ended <- l.Wait(context.Background(), report) }()
		}
		l.Close()
		for range 3 {
			assert.Equal(t, Closed, refusal(t, <-ended).Reason)
		}
		assert.Equal(t, Closed, refusal(t, l.Wait(t.Context(), teller)).Reason)
		l.Close()
	})
}
