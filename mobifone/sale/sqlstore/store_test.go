package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

func key(b byte) telco.Secret {
	return telco.NewSecret(string(bytes.Repeat([]byte{b}, 32)))
}

func ring() sqlstore.Keyring {
	return sqlstore.Keyring{Keys: map[string]telco.Secret{"k1": key(1)}, Current: "k1", BusyKey: key(99)}
}

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), path, ring())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB) sale.Store {
			path := filepath.Join(t.TempDir(), "sales ?#%.db")
			return placed{open(t, path), path}
		},
		Reopen: func(t testing.TB, s sale.Store) sale.Store {
			old := s.(placed)
			require.NoError(t, old.Close())
			return placed{open(t, old.path), old.path}
		},
		Beside: func(t testing.TB, s sale.Store) sale.Store { return placed{open(t, s.(placed).path), s.(placed).path} },
		Dump:   func(t testing.TB, s sale.Store) []byte { return dump(t, s.(placed).path) },
	})
}

type placed struct {
	*sqlstore.Store

	path string
}

// dump reads the file and those beside it through another process: in this one, closing
// them would drop the store's locks.
func dump(t testing.TB, path string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Dir(path) + "/*")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	out, err := child(t, "cat", names...).Output()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(out), "SQLite format 3"))
	return out
}

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
	_, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithTimeout(10*time.Millisecond-1))
	require.ErrorContains(t, err, "WithTimeout")
	assert.NoFileExists(t, path)
	_, err = sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "place"), ring())
	assert.Error(t, err)
}

// Another writer that does not end does not hold the store up for ever, and nothing happened.
func TestAnotherWriterIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	hasty, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithTimeout(50*time.Millisecond))
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

// SQLite finds pages that are damaged. Rows that contradict each other, as a repair by hand
// leaves them, are told where they are read: what they say of a sale is not believed.
func TestRowsThatContradictAreTold(t *testing.T) {
	t.Parallel()
	one, two := change(1, "x"), change(2, "x")
	one.Claim = sale.TakeClaim
	for name, c := range map[string]struct {
		repair string
		read   func(s *sqlstore.Store) error
	}{
		"a sale with the state of another one": {
			`UPDATE sales SET state_json = (SELECT state_json FROM sales WHERE order_id = 'DH-2') WHERE order_id = 'DH-1'`,
			func(s *sqlstore.Store) error {
				_, err := s.Load(t.Context(), one.SaleID)
				return err
			},
		},
		"a state that is no state": {
			`UPDATE sales SET state_json = '{' WHERE order_id = 'DH-1'`,
			func(s *sqlstore.Store) error {
				_, err := s.Load(t.Context(), one.SaleID)
				return err
			},
		},
		"a claim of a number that is erased": {
			`UPDATE sales SET msisdn_cipher = NULL, msisdn_key_id = NULL WHERE order_id = 'DH-1'`,
			func(s *sqlstore.Store) error { return s.Rehash(t.Context(), key(50)) },
		},
		"a partnerTransId of no sale": {
			`INSERT INTO partner_trans_ids (partner_trans_id, sale_id) VALUES ('ID', 'none')`,
			func(s *sqlstore.Store) error { return s.Check(t.Context()) },
		},
		"a wake-up that is no time": {
			`UPDATE sales SET wake_at = 'soon' WHERE order_id = 'DH-1'`,
			func(s *sqlstore.Store) error {
				_, _, err := s.Due(t.Context(), one.State.OpenedAt, 10)
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sales.db")
			s := open(t, path)
			require.NoError(t, s.Apply(t.Context(), one))
			require.NoError(t, s.Apply(t.Context(), two))
			require.NoError(t, s.Close())
			db := raw(t, path)
			_, err := db.ExecContext(t.Context(), c.repair)
			require.NoError(t, err)
			require.NoError(t, db.Close())
			s = open(t, path)
			err = c.read(s)
			require.ErrorAs(t, err, new(*sqlstore.CorruptError))
			require.ErrorContains(t, err, "restore a copy", "it says what to do")
			_, err = s.Load(t.Context(), two.SaleID)
			require.NoError(t, err, "the other sale is as it was")
		})
	}
}

// To SQLite a negative limit is none; to a caller it is nothing.
func TestANegativeLimitErasesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "sales.db"))
	c := change(1, "x")
	c.State.State = sale.Cancelled
	require.NoError(t, s.Apply(t.Context(), c))
	n, err := s.Erase(t.Context(), c.State.UpdatedAt.AddDate(1, 0, 0), -1)
	require.NoError(t, err)
	require.Zero(t, n)
	whole(t, s, c.SaleID, 1)
}
