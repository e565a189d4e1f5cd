package quota

// These tests are about the check of a configuration, and the numbers that follow from it.

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every fault of a configuration is told, and all at once.
func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer func() { require.NoError(t, client.Close()) }()
	good := Config{Name: "fpt.50-a_B", PerSecond: 50, Burst: 5, SplitWhenDown: 16}
	_, err := OnRedis(client, good)
	require.NoError(t, err)
	for want, spoil := range map[string]func(*Config){
		"Name":            func(c *Config) { c.Name = "số một" },
		"PerSecond":       func(c *Config) { c.PerSecond = 0 },
		"Burst":           func(c *Config) { c.Burst = 0 },
		"ResolverShare":   func(c *Config) { c.ResolverShare = 0.45 },
		"BackgroundShare": func(c *Config) { c.BackgroundShare = -0.1 },
		"BackgroundMost":  func(c *Config) { c.BackgroundMost = 1.1 },
		"less than":       func(c *Config) { c.BackgroundMost = 0.05 },
		"OTPCoolDown":     func(c *Config) { c.OTPCoolDown = 25 * time.Hour },
		"SubscriberKey":   func(c *Config) { c.OTPCoolDown, c.SubscriberKey = time.Minute, telco.NewSecret("short") },
		"Timeout":         func(c *Config) { c.Timeout = -1 },
		"Down is -1":      func(c *Config) { c.SplitWhenDown = -1 },
		"Down is so":      func(c *Config) { c.SplitWhenDown = 60 },
	} {
		bad := good
		spoil(&bad)
		_, err := OnRedis(client, bad)
		require.ErrorContains(t, err, want)
	}
	_, err = OnRedis(nil, Config{})
	for _, want := range []string{"Name", "PerSecond", "Burst", "no client"} {
		require.ErrorContains(t, err, want)
	}
	_, err = OnPostgres(nil, good)
	require.ErrorContains(t, err, "no pool")
	deaf := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { require.NoError(t, deaf.Close()) }()
	_, err = OnRedis(deaf, good)
	require.ErrorContains(t, err, "ContextTimeoutEnabled")
}

// The parts of all hosts are within the whole, in the rate and in any second.
func TestPartsAreWithinTheWhole(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.5, 1, 3, 10, 50, 200, 5000} {
		for _, burst := range []int{1, 2, 5, 20, 300} {
			for hosts := 1; hosts <= 80; hosts++ {
				cfg := Config{Name: "n", PerSecond: perSecond, Burst: burst, SplitWhenDown: hosts}
				if cfg.check() != nil {
					continue
				}
				p := cfg.part()
				rate := float64(hosts) * 1e6 / float64(p.slot)
				assert.LessOrEqual(t, rate, perSecond+1e-6, "%+v", cfg)
				assert.LessOrEqual(t, rate+float64(hosts)*float64(p.depth), perSecond+float64(burst)+1e-6, "%+v", cfg)
				assert.GreaterOrEqual(t, p.horizon, cfg.whole().horizon)
			}
		}
	}
}

// Whatever passes the check has terms that mean something: no number is too large for a time.
func TestTermsOfEveryConfig(t *testing.T) {
	t.Parallel()
	pick := func(of ...float64) float64 { return of[rand.IntN(len(of))] }
	passed := 0
	for range 200_000 {
		cfg := Config{
			Name: "n", PerSecond: pick(0.01, 0.3, 1, 50, 100_000, math.Pow(10, rand.Float64()*7-2)), Burst: int(pick(1, 2, 3, 5, 1_000_000, 1+rand.Float64()*100)),
			ResolverShare: pick(0, 0.1, 1e-300, 1e-15, 1e-9), BackgroundShare: pick(0, 0.1, 1e-300, 1e-15, 1e-9),
			BackgroundMost: pick(0, 1, 1e-14), SplitWhenDown: int(pick(1, 2, 3, 4, 16, 1000, 1e9)),
			Timeout: time.Duration(pick(0, 1, math.MaxInt64/2, 1e9)),
		}
		if rand.IntN(2) == 0 { // so near to nothing as numbers can be
			cfg.PerSecond = math.Nextafter(cfg.PerSecond, 1e9)
			cfg.SplitWhenDown = max(1, int(cfg.PerSecond+float64(cfg.Burst-min(1, cfg.margin()))))
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
			cfg := Config{Name: "n", PerSecond: perSecond, Burst: burst, SplitWhenDown: 1}
			assert.NoError(t, cfg.check(), "%v %v", perSecond, burst)
		}
	}
}
