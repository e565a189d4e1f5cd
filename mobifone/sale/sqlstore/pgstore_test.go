package sqlstore_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// server is the URL of the PostgreSQL that the tests use. Without one they do not run, which is a
// failure where everything has to be tested.
func server(t testing.TB) string {
	t.Helper()
	url := os.Getenv("MOBIFONE_POSTGRES")
	if url == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MOBIFONE_POSTGRES is not set; scripts/services sets it")
		}
		t.Skip("not run: MOBIFONE_POSTGRES is not set; scripts/services sets it")
	}
	return url
}

// database makes a schema of its own for a test, and returns a pool whose connections use it.
func database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return databaseWith(t, func(*pgxpool.Config) {})
}

// databaseOver is database over connections of the test's own making.
func databaseOver(t testing.TB, dial pgconn.DialFunc) *pgxpool.Pool {
	t.Helper()
	return databaseWith(t, func(config *pgxpool.Config) { config.ConnConfig.DialFunc = dial })
}

// databaseWith is database with a pool as the test wants it.
func databaseWith(t testing.TB, set func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(server(t))
	require.NoError(t, err)
	name := "t" + strings.ToLower(rand.Text())
	config.ConnConfig.RuntimeParams["search_path"] = name
	config.ConnConfig.RuntimeParams["application_name"] = name // for those who end connections
	config.MaxConns = 8
	set(config)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "CREATE SCHEMA "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		pool.Close() // its connections may be dead
		conn, err := pgx.Connect(context.Background(), server(t))
		require.NoError(t, err)
		_, err = conn.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
	})
	return pool
}

// onPostgres is a store and the pool that it is on.
type onPostgres struct {
	*sqlstore.Postgres

	pool *pgxpool.Pool
}

func openPostgres(t testing.TB, pool *pgxpool.Pool, opts ...sqlstore.Option) onPostgres {
	t.Helper()
	s, err := sqlstore.OnPostgres(t.Context(), pool, ring(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return onPostgres{s, pool}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	server(t)
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB) sale.Store { return openPostgres(t, database(t)) },
		Reopen: func(t testing.TB, s sale.Store) sale.Store {
			old := s.(onPostgres)
			require.NoError(t, old.Close())
			return openPostgres(t, old.pool)
		},
		Beside: func(t testing.TB, s sale.Store) sale.Store { return openPostgres(t, s.(onPostgres).pool) },
		Dump: func(t testing.TB, s sale.Store) []byte {
			return dumpPostgres(t, s.(onPostgres).pool)
		},
	})
}

// dumpPostgres is everything that the test's schema holds, as a backup would.
func dumpPostgres(t testing.TB, pool *pgxpool.Pool) []byte {
	t.Helper()
	schema := pool.Config().ConnConfig.RuntimeParams["search_path"]
	out, err := exec.CommandContext(t.Context(), "pg_dump", "--schema", schema, server(t)).Output() //nolint:gosec // both are the test's own
	require.NoError(t, err)
	require.Contains(t, string(out), "CREATE TABLE")
	// Blobs stand in it as \\x and digits: what they hold is to be seen as well.
	for _, blob := range regexp.MustCompile(`\\\\x[0-9a-f]+`).FindAll(out, -1) {
		raw, err := hex.DecodeString(string(blob[3:]))
		require.NoError(t, err)
		out = append(append(out, '\n'), raw...)
	}
	return out
}
