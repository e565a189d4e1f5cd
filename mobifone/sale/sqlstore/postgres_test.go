package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

var errPlanted = errors.New("as planted")

// A commit of which nobody knows what became is unknown: to those whose changes were in it, and to
// nobody else. The store goes on.
func TestAFailedCommitOnPostgresIsUnknown(t *testing.T) {
	t.Parallel()
	for name, happened := range map[string]bool{"it happened": true, "nobody heard the answer": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := database(t)
			var armed atomic.Bool
			store := openPostgres(t, pool, sqlstore.WithCommit(func(commit func() error) error {
				if !armed.CompareAndSwap(true, false) {
					return commit()
				}
				if happened {
					return errors.Join(commit(), errPlanted)
				}
				return errPlanted
			}))
			armed.Store(true)
			first := change(1, "x")
			err := store.Apply(t.Context(), first)
			require.ErrorIs(t, err, sqlstore.ErrUnknown)
			require.ErrorIs(t, err, errPlanted)
			require.NoError(t, store.Apply(t.Context(), change(2, "x")))
			got, err := store.Load(t.Context(), first.SaleID)
			if happened || err == nil {
				require.NoError(t, err)
				assert.Equal(t, first.State, got)
			}
		})
	}
}

// Connections that die in the middle of anything cost their callers an error, and nobody else a
// change: what was acknowledged is there, what was refused or failed before the commit is not.
func TestConnectionsThatDie(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hosts := []sale.Store{openPostgres(t, pool), openPostgres(t, pool)}
	killer, err := pgxpool.New(t.Context(), server(t))
	require.NoError(t, err)
	defer killer.Close()
	ctx, stop := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	var killed atomic.Int64
	killing.Go(func() {
		for ctx.Err() == nil {
			n, _ := killer.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE pid = ANY($1)`, pids(ctx, pool))
			killed.Add(n.RowsAffected())
			<-time.After(20 * time.Millisecond)
		}
	})
	type seen struct {
		c   sale.Change
		err error
	}
	var mu sync.Mutex
	var all []seen
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 40 {
				c := change(1000*w+i, "x")
				err := hosts[w%2].Apply(t.Context(), c)
				mu.Lock()
				all = append(all, seen{c, err})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stop()
	killing.Wait()
	require.Positive(t, killed.Load())
	failed := 0
	for _, s := range all {
		var got sale.Sale
		require.Eventually(t, func() bool {
			var err error
			got, err = hosts[0].Load(t.Context(), s.c.SaleID)
			return err == nil || errors.As(err, new(*sale.NotFoundError))
		}, 10*time.Second, time.Millisecond)
		there := got.ID != ""
		switch {
		case s.err == nil:
			assert.True(t, there, "acknowledged and lost")
		case errors.Is(s.err, sqlstore.ErrUnknown):
			failed++
		default:
			failed++
			assert.False(t, there, "told that nothing happened: %v", s.err)
		}
	}
	t.Logf("%d connections killed, %d of %d changes failed", killed.Load(), failed, len(all))
}

// pids are the server's processes behind a pool's connections that are at work.
func pids(ctx context.Context, pool *pgxpool.Pool) (pids []int32) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state <> 'idle'
		AND application_name = current_setting('application_name')`)
	if err != nil {
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var pid int32
		if rows.Scan(&pid) == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// later are the steps of a later program: the present ones, and one more.
func later(t *testing.T, step string) fs.FS {
	t.Helper()
	now, err := fs.ReadFile(sqlstore.Migrations(), "00001_sales.sql")
	require.NoError(t, err)
	return fstest.MapFS{
		"00001_sales.sql": {Data: now},
		"00002_later.sql": {Data: []byte("-- +goose Up\n" + step)},
	}
}

// While the shops get a new program one after the other, both work on one database: the new one
// adds to it what the old one does not know, and the old one goes on, on what was there and on
// what the new one has written.
func TestAnOldProgramReadsANewSchema(t *testing.T) {
	t.Parallel()
	step := `ALTER TABLE sales ADD COLUMN later text NOT NULL DEFAULT 'new'; CREATE TABLE later (id text);
		ALTER TABLE events ADD COLUMN later text; CREATE INDEX sales_later ON sales (later);`
	upgraded := func(t testing.TB) *pgxpool.Pool {
		pool := database(t)
		openPostgres(t, pool) // the old one was there first
		require.NoError(t, sqlstore.MigrateWith(t.Context(), pool, later(t.(*testing.T), step)))
		return pool
	}
	storetest.Run(t, storetest.Harness{
		Open:   func(t testing.TB) sale.Store { return openPostgres(t, upgraded(t)) },
		Beside: func(t testing.TB, s sale.Store) sale.Store { return openPostgres(t, s.(onPostgres).pool) },
	})
	t.Run("and the new one goes on with what the old one wrote", func(t *testing.T) {
		t.Parallel()
		pool := upgraded(t)
		require.NoError(t, openPostgres(t, pool).Apply(t.Context(), change(1, "old")))
		require.NoError(t, sqlstore.MigrateWith(t.Context(), pool, later(t, step)))
		var says string
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT later FROM sales`).Scan(&says))
		assert.Equal(t, "new", says)
	})
}

// A step that old programs cannot live with says so, and they are refused before they write.
func TestAnOldProgramIsRefusedByABreakingSchema(t *testing.T) {
	t.Parallel()
	pool := database(t)
	openPostgres(t, pool)
	require.NoError(t, sqlstore.MigrateWith(t.Context(), pool, later(t, `UPDATE settings SET value = '2' WHERE name = 'oldest-program';`)))
	_, err := sqlstore.OnPostgres(t.Context(), pool, ring())
	var newer *sqlstore.NewerSchemaError
	require.ErrorAs(t, err, &newer)
	assert.Equal(t, sqlstore.NewerSchemaError{File: 2, Known: 1}, *newer)
}

func TestManyHostsOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = sqlstore.OnPostgres(t.Context(), pool, ring())
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

// The auditor's role reads the audit view, and nothing else; the grants are those of the docs.
func TestAnAuditorReadsTheAuditAlone(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	require.NoError(t, store.Apply(t.Context(), change(1, "NV7")))
	schema := pool.Config().ConnConfig.RuntimeParams["search_path"]
	role := "auditor_" + schema
	for _, grant := range []string{
		"CREATE ROLE " + role,
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
		"GRANT SELECT ON " + schema + ".audit TO " + role,
	} {
		_, err := pool.Exec(t.Context(), grant)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		_, err := pool.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role)
		require.NoError(t, err)
	})
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET ROLE "+role)
	require.NoError(t, err)
	defer func() { _, _ = conn.Exec(context.Background(), "RESET ROLE") }()
	var shop, order, employee string
	var at time.Time
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT at, shop, order_id, employee FROM audit`).Scan(&at, &shop, &order, &employee))
	assert.Equal(t, []any{"S01", "DH-1", "NV7"}, []any{shop, order, employee})
	assert.True(t, at.Equal(change(1, "NV7").Events[0].At))
	for _, forbidden := range []string{
		"SELECT 1 FROM sales", "SELECT 1 FROM events", "SELECT 1 FROM cipher_keys", "SELECT 1 FROM settings", "SELECT 1 FROM busy_claims",
		"INSERT INTO due VALUES ('x', 'y')", "DELETE FROM events", "DELETE FROM audit",
	} {
		_, err := conn.Exec(t.Context(), forbidden)
		require.Error(t, err, forbidden)
	}
}

// What happened stays, for whoever owns the tables too.
func TestEventsOnPostgresStay(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
	for _, forbidden := range []string{
		"UPDATE events SET kind = 'other'", "DELETE FROM events", "TRUNCATE events", "TRUNCATE sales CASCADE", "DELETE FROM sales",
	} {
		_, err := pool.Exec(t.Context(), forbidden)
		require.ErrorContains(t, err, "never changed or deleted", forbidden)
	}
}

// What the machine asks again and again is found by an index, however many sales are at rest.
func TestPlansOnPostgresDoNotTouchSalesAtRest(t *testing.T) {
	t.Parallel()
	pool := database(t)
	openPostgres(t, pool)
	_, err := pool.Exec(t.Context(), `INSERT INTO sales (id, version, state, shop, order_id, package, price, cash_in, cash_out, last_three, reason,
			opened_at, updated_at, rested_at, state_json)
		SELECT 'S' || n, 1, 'registered', 'S01', 'DH-' || n, 'C120', 1, 1, 0, '678', '', 'a' || n, 'a' || n,
			CASE WHEN n % 1000 > 0 THEN 'a' || n END, '{}' FROM generate_series(1, 20000) n`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `INSERT INTO due SELECT 'S' || n, 'a' || n FROM generate_series(1, 20000) n; ANALYZE sales; ANALYZE due`)
	require.NoError(t, err)
	unsettled, args := sqlstore.PostgresSearch(sale.Filter{States: []sale.State{sale.Resolving, sale.Review}})
	shop, shopArgs := sqlstore.PostgresSearch(sale.Filter{Shop: "S02", From: time.Now()})
	for _, q := range []struct {
		index, text string
		args        []any
	}{
		{"due_wake", sqlstore.FirstDue, []any{256}},
		{"due_wake", sqlstore.TakeText, []any{"a1", 64, "b"}},
		{"sales_unsettled", unsettled, args},
		{"sales_shop", shop, shopArgs},
		{"sales_erasable", sqlstore.EraseChoice, []any{"a1", 64}},
	} {
		rows, err := pool.Query(t.Context(), "EXPLAIN "+q.text, q.args...)
		require.NoError(t, err)
		var plan strings.Builder
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			fmt.Fprintln(&plan, line)
		}
		require.NoError(t, rows.Err())
		assert.Contains(t, plan.String(), q.index)
		assert.NotContains(t, plan.String(), "Seq Scan on sales")
		assert.NotContains(t, plan.String(), "Seq Scan on due")
	}
}

// What fails before the store is open is told at once.
func TestPostgresOptions(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.OnPostgres(t.Context(), nil, sqlstore.Keyring{}, sqlstore.WithTimeout(time.Millisecond))
	for _, problem := range []string{"the pool is missing", "at least 10 ms", `Current is ""`, "BusyKey is missing"} {
		require.ErrorContains(t, err, problem)
	}
}

func TestTheTimeoutIsTheTransactions(t *testing.T) {
	t.Parallel()
	store := openPostgres(t, database(t), sqlstore.WithTimeout(1234*time.Millisecond))
	assert.Equal(t, 1234*time.Millisecond, store.Patience())
}

// A step that fails is told, and nothing of it stays.
func TestAStepThatFailsIsTold(t *testing.T) {
	t.Parallel()
	pool := database(t)
	require.ErrorContains(t, sqlstore.MigrateWith(t.Context(), pool, later(t, "CREATE TABLE half (id text); SELECT nothing;")), "nothing")
	var there bool
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT to_regclass('half') IS NOT NULL`).Scan(&there))
	assert.False(t, there)
	_, err := pool.Exec(t.Context(), `UPDATE settings SET value = 'soon' WHERE name = 'oldest-program'`)
	require.NoError(t, err)
	require.ErrorAs(t, sqlstore.MigrateWith(t.Context(), pool, later(t, "SELECT 1;")), new(*sqlstore.CorruptError))
}

// Times and ids are text: a database that does not know its letters is refused.
func TestADatabaseInAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	main := database(t)
	name := main.Config().ConnConfig.RuntimeParams["search_path"] + "_ascii"
	_, err := main.Exec(t.Context(), "CREATE DATABASE "+name+" ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	require.NoError(t, err)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), server(t))
		require.NoError(t, err)
		_, err = conn.Exec(context.Background(), "DROP DATABASE "+name)
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
	})
	config, err := pgxpool.ParseConfig(server(t))
	require.NoError(t, err)
	config.ConnConfig.Database = name
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	_, err = sqlstore.OnPostgres(t.Context(), pool, ring())
	require.ErrorContains(t, err, "the database is in SQL_ASCII; make one in UTF8")
}

// A server that cannot be asked is no sound one.
func TestAServerThatCannotBeAskedIsAnError(t *testing.T) {
	t.Parallel()
	pool := database(t)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := sqlstore.OnPostgres(ended, pool, ring())
	require.ErrorIs(t, err, context.Canceled)
}

// What an auditor reads of an event without its JSON.
func TestWhatStandsBesideAnEventOnPostgres(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	first := change(1, "NV7")
	require.NoError(t, store.Apply(t.Context(), first))
	c := after(first.State, "x", sale.Paid, sale.KeepClaim)
	at := c.State.UpdatedAt
	c.Events = []sale.Event{
		{Kind: "send-ended", At: at, Outcome: telco.Rejected, Code: telco.NotEligible}, {Kind: "cash-taken", At: at, By: "NV8", Amount: 120_000},
	}
	c.State.Version = c.Expected + 2
	require.NoError(t, store.Apply(t.Context(), c))
	rows, err := pool.Query(t.Context(), `SELECT seq, kind, employee, amount, outcome, code FROM audit ORDER BY seq`)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return strings.TrimSpace(fmt.Sprintln(values...)), err
	})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"1 opened NV7 <nil> <nil> <nil>", "2 send-ended <nil> <nil> rejected " + string(telco.NotEligible), "3 cash-taken NV8 120000 <nil> <nil>",
	}, got)
}

// A closed store refuses, and leaves the pool to its owner.
func TestAClosedPostgresRefuses(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	require.ErrorIs(t, store.Apply(t.Context(), change(1, "x")), sqlstore.ErrClosed)
	require.NoError(t, pool.Ping(t.Context()))
}

// A server that does not answer is waited for as long as WithTimeout says, whatever the caller's
// own patience.
func TestAHangingServerIsGivenUp(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store, hurried := openPostgres(t, pool), openPostgres(t, pool, sqlstore.WithTimeout(50*time.Millisecond))
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM sales FOR UPDATE`)
	require.NoError(t, err)
	err = hurried.Apply(t.Context(), after(change(1, "x").State, "x", sale.Paid, sale.KeepClaim))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, sqlstore.ErrUnknown, "it had not begun to write")
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, store.Apply(t.Context(), after(change(1, "x").State, "x", sale.Paid, sale.KeepClaim)))
}

// Damage that the server finds is told as such, and nothing else is.
func TestWhatTheServerSaysIsDamage(t *testing.T) {
	t.Parallel()
	for code, damaged := range map[string]bool{"XX001": true, "XX002": true, "53100": false} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			pool := database(t)
			store := openPostgres(t, pool)
			_, err := pool.Exec(t.Context(), `CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'as planted' USING ERRCODE = '`+code+`'; END $$;
				CREATE TRIGGER planted BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION planted()`)
			require.NoError(t, err)
			err = store.Apply(t.Context(), change(1, "x"))
			require.ErrorContains(t, err, "as planted")
			assert.Equal(t, damaged, errors.As(err, new(*sqlstore.CorruptError)))
			assert.NotErrorIs(t, err, sqlstore.ErrUnknown)
			_, err = store.Load(t.Context(), change(1, "x").SaleID)
			require.ErrorAs(t, err, new(*sale.NotFoundError))
		})
	}
}
