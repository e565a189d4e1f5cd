package sqlstore_test

import (
	"context"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// These tests give the store pools that a caller has set up for other work.

// pools are settings of a caller's pool, by name.
var pools = map[string]func(*pgxpool.Config){
	"one connection":  func(c *pgxpool.Config) { c.MaxConns = 1 },
	"exec":            func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec },
	"simple protocol": func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol },
	"serializable": func(c *pgxpool.Config) {
		c.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
		c.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	},
	"repeatable read": func(c *pgxpool.Config) {
		c.ConnConfig.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	},
}

func TestPoolsOfAllKinds(t *testing.T) {
	t.Parallel()
	server(t)
	for name, set := range pools {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, storetest.Harness{
				Open:   func(t testing.TB) sale.Store { return openPostgres(t, databaseWith(t, set)) },
				Beside: func(t testing.TB, s sale.Store) sale.Store { return openPostgres(t, s.(onPostgres).pool) },
			})
		})
	}
}

// inEachIsolation runs a test on pools whose transactions see other things, if the store lets them.
func inEachIsolation(t *testing.T, test func(t *testing.T, pool *pgxpool.Pool)) {
	t.Helper()
	for _, isolation := range []string{"read committed", "repeatable read", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			test(t, databaseWith(t, func(c *pgxpool.Config) {
				c.ConnConfig.RuntimeParams["default_transaction_isolation"] = isolation
			}))
		})
	}
}

// A host that stops in the middle of a Rehash or a Reencrypt holds up others for seconds only, and
// what these acknowledge is on the disk, whatever the pool says.
func TestTransactionsOfAllKindsHaveTheSettings(t *testing.T) {
	t.Parallel()
	pool := databaseWith(t, pools["serializable"])
	store := openPostgres(t, pool)
	require.NoError(t, store.Within(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		for setting, want := range map[string]string{
			"transaction_isolation": "read committed", "synchronous_commit": "on", "idle_in_transaction_session_timeout": "5s",
		} {
			var says string
			if err := tx.QueryRow(ctx, `SELECT current_setting($1)`, setting).Scan(&says); err != nil {
				return err
			}
			assert.Equal(t, want, says, setting)
		}
		return nil
	}))
	var after string // and they end with the transaction
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT current_setting('synchronous_commit') || current_setting('enable_seqscan')`).Scan(&after))
	assert.Equal(t, "offon", after)
}

// inSchemas is a test's pool whose search path has other schemas before or behind its own.
func inSchemas(t *testing.T, pool *pgxpool.Pool, path string) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	config.ConnConfig.RuntimeParams["search_path"] = path
	other, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(other.Close)
	return other
}

// A store that stands in a later schema of the search path is not begun anew in the first one: to
// the new one every busy subscriber would look free.
func TestASecondStoreIsNotBegunInFrontOfTheFirst(t *testing.T) {
	t.Parallel()
	first, empty := database(t), database(t)
	openPostgres(t, first)
	schema := func(pool *pgxpool.Pool) string { return pool.Config().ConnConfig.RuntimeParams["search_path"] }
	_, err := sqlstore.OnPostgres(t.Context(), inSchemas(t, first, schema(empty)+", "+schema(first)), ring())
	require.ErrorContains(t, err, schema(first))
	require.ErrorContains(t, err, "search_path")
	openPostgres(t, inSchemas(t, first, schema(first)+", "+schema(empty)))
	_, err = sqlstore.OnPostgres(t.Context(), inSchemas(t, first, "nowhere"), ring())
	require.ErrorContains(t, err, "no schema")
}

// Tables of another program, in a later schema of the search path, are not taken for the store's.
func TestTablesOfAnotherProgram(t *testing.T) {
	t.Parallel()
	theirs, ours := database(t), database(t)
	_, err := theirs.Exec(t.Context(), `CREATE TABLE settings (key text); CREATE TABLE events (id bigint); CREATE TABLE due (id bigint);
		CREATE TABLE goose_db_version (id serial, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (7, true)`)
	require.NoError(t, err)
	schema := func(pool *pgxpool.Pool) string { return pool.Config().ConnConfig.RuntimeParams["search_path"] }
	store := openPostgres(t, inSchemas(t, ours, schema(ours)+", "+schema(theirs)))
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
}
