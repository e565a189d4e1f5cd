package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// raw looks into a file behind the store's back; the store must be closed.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestOnlyTheOwnerReads(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode there")
	}
	path := filepath.Join(t.TempDir(), "sales.db")
	check := func() {
		t.Helper()
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		}
	}
	store := open(t, path)
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
	check()
	require.NoError(t, store.Close())
	require.NoError(t, os.Chmod(path, 0o664))
	store = open(t, path)
	require.NoError(t, store.Apply(t.Context(), change(2, "x")))
	check()
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		wg.Go(func() {
			if i%4 == 0 {
				errs[i] = child(t, "open", path).Run()
				return
			}
			var s *sqlstore.Store
			if s, errs[i] = sqlstore.Open(t.Context(), path, ring()); errs[i] == nil {
				errs[i] = s.Apply(t.Context(), change(i, "x"))
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
	var applied int
	require.NoError(t, raw(t, path).QueryRowContext(t.Context(), `SELECT count(*) FROM goose_db_version WHERE version_id = 1`).Scan(&applied))
	assert.Equal(t, 1, applied)
	found, err := open(t, path).Find(t.Context(), sale.Filter{})
	require.NoError(t, err)
	assert.Len(t, found, 9)
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	require.NoError(t, open(t, path).Close())
	db := raw(t, path)
	_, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (77, 1)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = sqlstore.Open(t.Context(), path, ring())
	newer := new(sqlstore.NewerSchemaError)
	require.ErrorAs(t, err, &newer)
	assert.Equal(t, sqlstore.NewerSchemaError{File: 77, Known: 1}, *newer)
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	_, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithReaders(0), sqlstore.WithBusyTimeout(0))
	require.ErrorContains(t, err, "WithReaders")
	require.ErrorContains(t, err, "WithBusyTimeout")
	assert.NoFileExists(t, path)
	_, err = sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "place"), ring())
	assert.Error(t, err)
}

// Another writer that does not end does not hold the store up for ever, and nothing happened.
func TestAnotherWriterIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	hasty, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithBusyTimeout(50*time.Millisecond))
	require.NoError(t, err)
	defer hasty.Close()
	patient, g := open(t, path), &gate{}
	holder, err := sqlstore.Open(t.Context(), path, ring(), g.option())
	require.NoError(t, err)
	defer holder.Close()
	release := held(t, holder, g)
	writer := hasty.Writer()
	err = hasty.Apply(t.Context(), change(1, "x"))
	require.Error(t, err)
	assert.False(t, refusal(err))
	require.NotErrorIs(t, err, sqlstore.ErrUnknown)
	done := make(chan error, 1)
	go func() { done <- patient.Apply(t.Context(), change(2, "x")) }()
	release()
	require.NoError(t, <-done)
	require.NoError(t, hasty.Apply(t.Context(), change(1, "x")))
	require.True(t, refusal(hasty.Apply(t.Context(), change(1, "rival"))))
	assert.Same(t, writer, hasty.Writer(), "neither a wait nor a refusal is a fault of the connection")
}

// One reader is enough, beside the connection that only keeps the file open.
func TestOneReaderReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := sqlstore.Open(ctx, filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithReaders(1))
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Apply(ctx, change(1, "x")))
	whole(t, s, change(1, "x").SaleID, 1)
}

// The store's promise rests on these.
func TestTheWriterSyncs(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "sales.db"))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "trusted_schema": "0",
		"fullfsync": "1", "checkpoint_fullfsync": "1", "busy_timeout": "10000",
	} {
		got, err := s.Pragma(t.Context(), pragma)
		require.NoError(t, err)
		assert.Equal(t, want, got, pragma)
	}
}

// What an auditor reads, and nobody changes.
func TestEventsAreForTheAuditor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	c := change(1, "NV1")
	require.NoError(t, store.Apply(t.Context(), c))
	require.NoError(t, store.Apply(t.Context(), after(c.State, "NV2", sale.Paid, sale.KeepClaim)))
	require.NoError(t, store.Close())
	db := raw(t, path)
	rows, err := db.QueryContext(t.Context(), `SELECT at, shop, order_id, seq, kind, employee, coalesce(amount, 0) FROM audit`)
	require.NoError(t, err)
	defer rows.Close()
	var got [][7]any
	for rows.Next() {
		var r [7]any
		require.NoError(t, rows.Scan(&r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6]))
		got = append(got, r)
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, [][7]any{
		{"2026-03-01T02:00:01.000000000Z", "S01", "DH-1", int64(1), "opened", "NV1", int64(0)},
		{"2026-03-01T02:00:02.000000000Z", "S01", "DH-1", int64(2), "cash-taken", "NV2", int64(120_000)},
	}, got)
	for _, tamper := range []string{
		`UPDATE events SET amount = 1`, `DELETE FROM events`, `DELETE FROM sales`,
	} {
		_, err := db.ExecContext(t.Context(), tamper)
		assert.Error(t, err, tamper)
	}
}
