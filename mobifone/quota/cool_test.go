package quota

import (
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are about cool-downs whose engine has lost its way.

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
		r := refusal(t, other.Wait(t.Context(), whom))
		assert.Equal(t, CoolingDown, r.Reason)
		assert.LessOrEqual(t, r.Wait, cfg.OTPCoolDown)
		require.Eventually(t, func() bool { return other.Wait(t.Context(), whom) == nil }, 10*time.Second, 10*time.Millisecond)
	})
}

// putOff moves the ends of all cool-downs, as a clock that is set back does.
func putOff(t *testing.T, pool *pgxpool.Pool, by time.Duration) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `UPDATE mobifone_quota_otp SET until = until + $1`, by)
	require.NoError(t, err)
}
