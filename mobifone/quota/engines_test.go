package quota

// These tests are about the two engines. Each test has a quota of its own name, and in PostgreSQL
// tables in a schema of its own.

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	teller = telco.Call{Operation: telco.OpRegister, Lane: telco.Foreground}
	lookup = telco.Call{Operation: telco.OpGet, Lane: telco.Resolving}
	report = telco.Call{Operation: telco.OpList, Lane: telco.Background}
)

var names atomic.Int64

// quotaName is one that no other test has, of this run or an earlier one.
func quotaName() string {
	return "t" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(names.Add(1), 36)
}

// needed is the address of an engine; without it the test does not run, and fails in CI.
func needed(t testing.TB, variable string) string {
	t.Helper()
	at := os.Getenv(variable)
	if at == "" {
		const why = " not run: %s is not set; scripts/services sets it"
		if os.Getenv("CI") == "true" {
			t.Fatalf(t.Name()+why, variable)
		}
		t.Skipf(t.Name()+why, variable)
	}
	return at
}

// backend is a real engine.
type backend struct {
	name string
	// open makes another connection to it, for a host of its own.
	open func(t testing.TB, cfg Config) *Limiter
	// read returns the state of a quota, and lose makes the engine forget who wrote it, or all of it.
	read func(t testing.TB, name string) state
	lose func(t testing.TB, name string, all bool)
	// contents returns everything that it holds of a quota, as text.
	contents func(t testing.TB, name string) string
}

func onRedis(t testing.TB) backend {
	t.Helper()
	options, err := redis.ParseURL(needed(t, "MOBIFONE_REDIS"))
	require.NoError(t, err)
	options.ContextTimeoutEnabled = true
	connect := func(t testing.TB) *redis.Client {
		t.Helper()
		c := redis.NewClient(options)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		return c
	}
	own := connect(t)
	key := func(name string) string { return "mobifone:quota:{" + name + "}" }
	return backend{
		name: "redis",
		open: func(t testing.TB, cfg Config) *Limiter {
			l, err := OnRedis(connect(t), cfg)
			require.NoError(t, err)
			t.Cleanup(l.Close)
			return l
		},
		read: func(t testing.TB, name string) state {
			t.Helper()
			h, err := own.HGetAll(t.Context(), key(name)).Result()
			require.NoError(t, err)
			n := func(field string) int64 {
				v, err := strconv.ParseInt(h[field], 10, 64)
				require.NoError(t, err, field)
				return v
			}
			s := state{run: h["run"], next: n("next"), low: n("low"), fore: n("fore"), cap: n("cap"), last: n("last"), settle: n("settle")}
			for i := range s.ask {
				d := strconv.Itoa(i)
				s.ask[i], s.due[i], s.pause[i] = n("ask"+d), n("due"+d), n("pause"+d)
			}
			return s
		},
		lose: func(t testing.TB, name string, all bool) {
			t.Helper()
			if all {
				require.NoError(t, own.Del(t.Context(), key(name)).Err())
				return
			}
			require.NoError(t, own.HSet(t.Context(), key(name), "run", "another").Err())
		},
		contents: func(t testing.TB, name string) string {
			t.Helper()
			var all []string
			keys, err := own.Keys(t.Context(), key(name)+"*").Result()
			require.NoError(t, err)
			for _, k := range keys {
				all = append(all, k, own.Get(t.Context(), k).Val())
			}
			return strings.Join(all, "\n")
		},
	}
}

func onPostgres(t testing.TB) backend {
	t.Helper()
	at := needed(t, "MOBIFONE_POSTGRES")
	schema := strings.ReplaceAll(quotaName(), "-", "_")
	admin, err := pgxpool.New(t.Context(), at)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.Exec(context.Background(), "DROP SCHEMA "+schema+" CASCADE")
		require.NoError(t, err)
		admin.Close()
	})
	connect := func(t testing.TB) *pgxpool.Pool {
		t.Helper()
		cfg, err := pgxpool.ParseConfig(at)
		require.NoError(t, err)
		cfg.ConnConfig.RuntimeParams["search_path"] = schema
		cfg.MaxConns = 4
		pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	own := connect(t)
	require.NoError(t, CreateTables(t.Context(), own))
	return backend{
		name: "postgres",
		open: func(t testing.TB, cfg Config) *Limiter {
			l, err := OnPostgres(connect(t), cfg)
			require.NoError(t, err)
			t.Cleanup(l.Close)
			return l
		},
		read: func(t testing.TB, name string) (s state) {
			t.Helper()
			var ask, due, pause []int64
			require.NoError(t, own.QueryRow(t.Context(),
				`SELECT run, next, low, fore, cap, last, settle, ask, due, pause FROM mobifone_quota WHERE name = $1`, name,
			).Scan(&s.run, &s.next, &s.low, &s.fore, &s.cap, &s.last, &s.settle, &ask, &due, &pause))
			copy(s.ask[:], ask)
			copy(s.due[:], due)
			copy(s.pause[:], pause)
			return s
		},
		lose: func(t testing.TB, name string, all bool) {
			t.Helper()
			change := `UPDATE mobifone_quota SET run = 'another' WHERE name = $1`
			if all {
				change = `DELETE FROM mobifone_quota WHERE name = $1`
			}
			_, err := own.Exec(t.Context(), change, name)
			require.NoError(t, err)
		},
		contents: func(t testing.TB, name string) string {
			t.Helper()
			var all string
			require.NoError(t, own.QueryRow(t.Context(), `SELECT coalesce(string_agg(o::text, chr(10)), '') || chr(10) ||
				(SELECT coalesce(string_agg(q::text, chr(10)), '') FROM mobifone_quota q WHERE name = $1)
				FROM mobifone_quota_otp o WHERE name = $1`, name).Scan(&all))
			return all
		},
	}
}

// onBoth runs a test on each engine.
func onBoth(t *testing.T, test func(t *testing.T, on backend)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) backend{"redis": onRedis, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// The three spellings of the rule give the same answers to the same questions, and keep the same
// state, whatever comes: all lanes, tickets kept and dropped, pauses, losses, other terms.
func TestEnginesFollowTheRule(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 7))
			cfg := Config{
				Name: quotaName(), PerSecond: 200 + 2000*r.Float64(), Burst: 1 + r.IntN(60), SplitWhenDown: (1 + r.IntN(3)) * int(seed%2),
				ResolverShare: 0.05 + 0.2*r.Float64(), BackgroundShare: 0.05 + 0.1*r.Float64(), BackgroundMost: float64(seed%3) * 0.3,
			}
			l := on.open(t, cfg)
			follow(t, r, on, l)
		}
	})
}

// follow asks an engine at random and compares it with the rule.
func follow(t *testing.T, r *rand.Rand, on backend, l *Limiter) {
	t.Helper()
	// Else the test would wait for a second at the beginning and after each loss.
	short := l.terms
	short.horizon, short.settle = 3*short.slot, min(short.settle, 5000)
	useTerms(l, short)
	var model state
	seen := map[kind]int{}
	tickets := [telco.Lanes][]int64{}
	few := 4 * r.IntN(2) // half of the quotas have mostly other lanes, and rests between questions
	for i := range 400 {
		if few > 0 && r.IntN(3) == 0 {
			<-time.After(time.Duration(r.Int64N(3*l.terms.slot)) * time.Microsecond)
		}
		switch r.IntN(60) {
		case 0, 1:
			<-time.After(time.Duration(r.IntN(20)) * time.Millisecond)
		case 2: // part of a pause
			lane, long := telco.Lane(r.IntN(telco.Lanes)), time.Duration(r.IntN(30))*time.Millisecond
			require.NoError(t, l.engine.pause(t.Context(), lane, long))
			after := on.read(t, l.cfg.Name)
			model.hold(after.run, after.last, lane, long.Microseconds(), l.terms)
		case 3:
			if r.IntN(4) == 0 {
				all := r.IntN(2) == 0
				on.lose(t, l.cfg.Name, all)
				if model.run = "another"; all {
					model = state{}
				}
			}
		}
		q := question{lane: telco.Lane(r.IntN(telco.Lanes)), hello: r.IntN(40) == 0, known: r.IntN(5) > 0}
		if few > 0 && q.lane == telco.Foreground {
			q.lane = telco.Lane(r.IntN(telco.Lanes))
		}
		if had := tickets[q.lane]; len(had) > 0 && r.IntN(3) > 0 {
			q.ticket, tickets[q.lane] = had[0], had[1:]
		}
		if r.IntN(50) == 0 {
			q.down = 1 + r.Int64N(3000)
		}
		got, err := l.engine.take(t.Context(), q)
		require.NoError(t, err)
		state := on.read(t, l.cfg.Name)
		want := model.take(state.run, got.now, q, l.terms)
		require.Equal(t, want, got, "%d: %+v", i, q)
		require.Equal(t, model, state, "%d: %+v", i, q)
		seen[got.kind]++
		if got.kind == later {
			tickets[q.lane] = append(tickets[q.lane], got.at)
		}
	}
	require.NotZero(t, seen[granted])
	require.NotZero(t, seen[later])
}

// useTerms changes what a limiter's engine is told.
func useTerms(l *Limiter, t terms) {
	l.terms = t
	switch e := l.engine.(type) {
	case *redisEngine:
		e.terms = t
	case *postgresEngine:
		e.terms = t
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
