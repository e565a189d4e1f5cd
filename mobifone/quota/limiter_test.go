package quota

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/limittest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
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

// refused returns the refusal that an error must be.
func refused(t *testing.T, err error) *refusal {
	t.Helper()
	r, ok := errors.AsType[*refusal](err)
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
			assert.Equal(t, closed, refused(t, <-ended).why)
		}
		assert.Equal(t, closed, refused(t, l.Wait(t.Context(), teller)).why)
		l.Close()
	})
}

// An engine that is not there: the host says so once, and does what it was told to.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{0, 2} {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true, MaxRetries: -1})
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		changes := make(chan error, 9)
		l, err := OnRedis(client, Config{
			Name: "n", PerSecond: 50, Burst: 5, SplitWhenDown: parts, Timeout: 50 * time.Millisecond, OnChange: func(down error) { changes <- down },
		})
		require.NoError(t, err)
		t.Cleanup(l.Close)
		for range 3 {
			err := l.Wait(t.Context(), teller)
			if parts > 0 {
				require.NoError(t, err)
				continue
			}
			r := refused(t, err)
			assert.Equal(t, engineDown, r.why)
			require.Error(t, r.err)
		}
		require.Error(t, <-changes)
		assert.Empty(t, changes)
	}
}

// A subscriber cools down over all hosts, and no number is in the engine.
func TestCoolDownIsShared(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		cfg := Config{
			Name: quotaName(), PerSecond: 50, Burst: 5, OTPCoolDown: 1200 * time.Millisecond, SubscriberKey: telco.NewSecret("0123456789abcdef"),
		}
		one, other := on.open(t, cfg), on.open(t, cfg)
		require.NoError(t, one.Wait(t.Context(), teller)) // the first use takes a second
		whom := telco.Call{Operation: telco.OpOTP, Try: 1, Subscriber: telco.MustParseMSISDN("0908123477")}
		require.NoError(t, one.Wait(t.Context(), whom))
		for _, l := range []*Limiter{one, other} {
			r := refused(t, l.Wait(t.Context(), whom))
			assert.Equal(t, coolingDown, r.why)
			assert.Positive(t, r.wait)
			assert.LessOrEqual(t, r.wait, cfg.OTPCoolDown)
		}
		second := whom
		second.Subscriber = telco.MustParseMSISDN("0908123478")
		require.NoError(t, other.Wait(t.Context(), second))
		held := on.contents(t, cfg.Name)
		assert.Contains(t, held, one.hashed(whom.Subscriber), "the test must see what is stored")
		assert.NotContains(t, held, whom.Subscriber.Reveal(""))

		hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		third := whom
		third.Subscriber = telco.MustParseMSISDN("0908123479")
		other.Pause(telco.Foreground, time.Now().Add(time.Second))
		assert.Equal(t, noSlot, refused(t, other.Wait(hurried, third)).why)
		assert.NotContains(t, on.contents(t, cfg.Name), one.hashed(third.Subscriber), "it is given back")

		left := refused(t, other.Wait(t.Context(), whom)).wait
		<-time.After(left + 20*time.Millisecond)
		require.NoError(t, other.Wait(t.Context(), whom), "when it is over, another OTP may be asked for")
	})
}

// A cool-down that was begun while the engine's clock was ahead ends in time all the same.
func TestCoolDownAfterAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		cfg := Config{
			Name: quotaName(), PerSecond: 50, Burst: 5, OTPCoolDown: 300 * time.Millisecond, SubscriberKey: telco.NewSecret("0123456789abcdef"),
		}
		one, other := on.open(t, cfg), on.open(t, cfg)
		require.NoError(t, one.Wait(t.Context(), teller)) // the first use takes a second
		whom := telco.Call{Operation: telco.OpOTP, Try: 1, Subscriber: telco.MustParseMSISDN("0908123477")}
		require.NoError(t, one.Wait(t.Context(), whom))
		switch e := one.engine.(type) {
		case *redisEngine:
			require.NoError(t, e.client.PExpire(t.Context(), e.otp(one.hashed(whom.Subscriber)), time.Hour).Err())
		case *postgresEngine:
			putOff(t, e.pool, time.Hour)
		}
		r := refused(t, other.Wait(t.Context(), whom))
		assert.Equal(t, coolingDown, r.why)
		assert.LessOrEqual(t, r.wait, cfg.OTPCoolDown)
		require.Eventually(t, func() bool { return other.Wait(t.Context(), whom) == nil }, 10*time.Second, 10*time.Millisecond)
	})
}

// putOff moves the ends of all cool-downs, as a clock that is set back does.
func putOff(t *testing.T, pool *pgxpool.Pool, by time.Duration) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `UPDATE mobifone_quota_otp SET until = until + $1`, by)
	require.NoError(t, err)
}
