package quota

// This file gives tests the two engines, each test a quota of its own name, and in PostgreSQL
// tables of its own schema.

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
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
