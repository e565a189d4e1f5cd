package quota

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every fault of a configuration is told, and all at once.
func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer func() { require.NoError(t, client.Close()) }()
	good := Config{Name: "fpt.50-a_B", PerSecond: 50, Burst: 5, Hosts: 16, WhenDown: Degrade}
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
		"WhenDown":        func(c *Config) { c.WhenDown = 7 },
		"Hosts is 0":      func(c *Config) { c.Hosts = 0 },
		"Hosts is so":     func(c *Config) { c.Hosts = 60 },
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
				cfg := Config{Name: "n", PerSecond: perSecond, Burst: burst, WhenDown: Degrade, Hosts: hosts}
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

// Many hosts may create the tables at once, and again.
func TestTablesAreCreatedByMany(t *testing.T) {
	t.Parallel()
	on := onPostgres(t)
	var pools []*pgxpool.Pool
	for range 8 {
		pools = append(pools, on.open(t, Config{Name: "n", PerSecond: 1, Burst: 1}).engine.(*postgresEngine).pool)
	}
	for range 3 {
		_, err := pools[0].Exec(t.Context(), `DROP TABLE mobifone_quota, mobifone_quota_otp CASCADE;
			DROP FUNCTION mobifone_quota_take; DROP FUNCTION mobifone_quota_cool`)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for _, p := range pools {
			wg.Go(func() { assert.NoError(t, CreateTables(t.Context(), p)) })
		}
		wg.Wait()
	}
}

// A session's time zone, and what it thinks of commits, change nothing.
func TestSessionsDiffer(t *testing.T) {
	t.Parallel()
	on := onPostgres(t)
	e := on.open(t, Config{Name: quotaName(), PerSecond: 50, Burst: 5}).engine.(*postgresEngine)
	_, err := e.take(t.Context(), question{})
	require.NoError(t, err)
	run := on.read(t, e.name).run
	conn, err := e.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `SET TIME ZONE 'Asia/Ho_Chi_Minh'; SET DateStyle = 'SQL, DMY'; SET synchronous_commit = off`)
	require.NoError(t, err)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	var kind int
	var commit string
	_, err = tx.Exec(t.Context(), `UPDATE mobifone_quota SET next = 0`)
	require.NoError(t, err)
	require.NoError(t, tx.QueryRow(t.Context(), `SELECT kind FROM mobifone_quota_take($1, 0, false, true, 1, 0, 20000, 2, 1000000, 0, '{0,0,0}', 0, NULL)`,
		e.name).Scan(&kind))
	require.NoError(t, tx.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&commit))
	require.NoError(t, tx.Commit(t.Context()))
	assert.Zero(t, kind)
	assert.Equal(t, "on", commit, "a slot is on disk before it is held")
	assert.Equal(t, run, on.read(t, e.name).run)
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
			r := refusal(t, l.Wait(t.Context(), whom))
			assert.Equal(t, CoolingDown, r.Reason)
			assert.Positive(t, r.Wait)
			assert.LessOrEqual(t, r.Wait, cfg.OTPCoolDown)
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
		assert.Equal(t, QueueTooLong, refusal(t, other.Wait(hurried, third)).Reason)
		assert.NotContains(t, on.contents(t, cfg.Name), one.hashed(third.Subscriber), "it is given back")

		left := refusal(t, other.Wait(t.Context(), whom)).Wait
		<-time.After(left + 20*time.Millisecond)
		require.NoError(t, other.Wait(t.Context(), whom), "when it is over, another OTP may be asked for")
	})
}

// An engine that is not there: the host says so once, and does what it was told to.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	for _, when := range []WhenDown{FailClosed, Degrade} {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true, MaxRetries: -1})
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		changes := make(chan Change, 9)
		l, err := OnRedis(client, Config{
			Name: "n", PerSecond: 50, Burst: 5, WhenDown: when, Hosts: 2, Timeout: 50 * time.Millisecond, OnChange: func(c Change) { changes <- c },
		})
		require.NoError(t, err)
		t.Cleanup(l.Close)
		for range 3 {
			err := l.Wait(t.Context(), teller)
			if when == Degrade {
				require.NoError(t, err)
				continue
			}
			r := refusal(t, err)
			assert.Equal(t, EngineDown, r.Reason)
			require.Error(t, r.Err)
		}
		first := <-changes
		assert.False(t, first.Up)
		require.Error(t, first.Err)
		assert.Empty(t, changes)
	}
}

// The clock keeps the best bound of the last seconds, and notices a clock that was set back.
func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Now()
	ms := func(n int64) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	c := clock{start: start}
	c.learn(1_000_000, ms(0), ms(10)) // between 0 and 10 the engine's clock showed 1 s
	assert.Equal(t, ms(10), c.at(1_000_000))
	c.learn(1_021_000, ms(20), ms(22))
	assert.Equal(t, ms(1), c.at(1_000_000), "a faster answer says more")
	c.learn(1_100_000, ms(100), ms(200))
	assert.Equal(t, ms(1), c.at(1_000_000), "a slow one changes nothing")
	c.learn(900_000, ms(300), ms(310))
	assert.Equal(t, ms(310), c.at(900_000), "set back")
	c.learn(6_590_000, ms(6000), ms(6010))
	assert.Equal(t, ms(310), c.at(900_000), "both are as good")
	c.learn(12_570_000, ms(12_000), ms(12_020))
	c.learn(18_560_000, ms(18_000), ms(18_030))
	assert.Equal(t, ms(350), c.at(900_000), "the old bounds are forgotten")
}
