package quota

// These tests are about the numbers that follow from a configuration.

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whatever passes the check has terms that mean something: no number is too large for a time.
func TestTermsOfEveryConfig(t *testing.T) {
	t.Parallel()
	pick := func(of ...float64) float64 { return of[rand.IntN(len(of))] }
	passed := 0
	for range 200_000 {
		cfg := Config{
			Name: "n", PerSecond: pick(0.01, 0.3, 1, 50, 100_000, math.Pow(10, rand.Float64()*7-2)), Burst: int(pick(1, 2, 3, 5, 1_000_000, 1+rand.Float64()*100)),
			ResolverShare: pick(0, 0.1, 1e-300, 1e-15, 1e-9), BackgroundShare: pick(0, 0.1, 1e-300, 1e-15, 1e-9),
			BackgroundMost: pick(0, 1, 1e-14), WhenDown: Degrade, Hosts: int(pick(1, 2, 3, 4, 16, 1000, 1e9)),
			Timeout: time.Duration(pick(0, 1, math.MaxInt64/2, 1e9)),
		}
		if rand.IntN(2) == 0 { // so near to nothing as numbers can be
			cfg.PerSecond = math.Nextafter(cfg.PerSecond, 1e9)
			cfg.Hosts = max(1, int(cfg.PerSecond+float64(cfg.Burst-min(1, cfg.margin()))))
		}
		if cfg.check() != nil {
			continue
		}
		passed++
		for _, terms := range []terms{cfg.whole(), cfg.part()} {
			for what, n := range map[string]int64{
				"slot": terms.slot, "depth": terms.depth, "horizon": terms.horizon, "resolver": terms.share[1], "background": terms.share[2],
				"reach": terms.reach(), "most": terms.most + 1, "settle": terms.settle + 1,
			} {
				if !assert.Positive(t, n, "%s of %+v", what, cfg) || !assert.Less(t, n, int64(4e15), "%s of %+v", what, cfg) {
					return
				}
			}
		}
	}
	assert.Positive(t, passed)
}

// One process alone may have any quota.
func TestOneHostNeedsNoQuotaOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.01, 0.3, 1, 2, 50} {
		for _, burst := range []int{1, 2, 5, 50} {
			cfg := Config{Name: "n", PerSecond: perSecond, Burst: burst, WhenDown: Degrade, Hosts: 1}
			assert.NoError(t, cfg.check(), "%v %v", perSecond, burst)
		}
	}
}
