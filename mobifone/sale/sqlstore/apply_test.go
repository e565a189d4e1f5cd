package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// What an auditor reads of an event without its JSON: an outcome of those that have one,
// and a code where MobiFone said one.
func TestWhatStandsBesideAnEvent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	first := change(1, "x")
	require.NoError(t, store.Apply(t.Context(), first))
	c := after(first.State, "x", sale.Paid, sale.KeepClaim)
	at := c.State.UpdatedAt
	c.Events = []sale.Event{
		{Kind: "send-ended", At: at, Outcome: telco.Rejected, Code: telco.NotEligible},
		{Kind: "otp-refused", At: at, Outcome: telco.Unknown},
		{Kind: "overdue", At: at},
	}
	c.State.Version = c.Expected + 3
	require.NoError(t, store.Apply(t.Context(), c))
	require.NoError(t, store.Close())
	rows, err := raw(t, path).QueryContext(t.Context(), `SELECT outcome, code FROM events ORDER BY seq`)
	require.NoError(t, err)
	defer rows.Close()
	var got [][2]sql.NullString
	for rows.Next() {
		var outcome, code sql.NullString
		require.NoError(t, rows.Scan(&outcome, &code))
		got = append(got, [2]sql.NullString{outcome, code})
	}
	require.NoError(t, rows.Err())
	says := func(text string) sql.NullString { return sql.NullString{String: text, Valid: true} }
	assert.Equal(t, [][2]sql.NullString{
		{}, {says("rejected"), says(string(telco.NotEligible))}, {says("unknown"), {}}, {},
	}, got)
}

func TestDueOfANegativeLimitIsNone(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "sales.db"))
	c := change(1, "x")
	c.State.WakeAt = c.State.OpenedAt
	require.NoError(t, store.Apply(t.Context(), c))
	ids, next, err := store.Due(t.Context(), c.State.OpenedAt.Add(time.Hour), -2)
	require.NoError(t, err)
	assert.Empty(t, ids)
	assert.Equal(t, c.State.WakeAt, next)
}

// A time that cannot be read makes the list an error, and names the sale.
func TestFindNamesADamagedSale(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	c := change(1, "x")
	require.NoError(t, store.Apply(t.Context(), c))
	require.NoError(t, store.Close())
	_, err := raw(t, path).ExecContext(t.Context(), `UPDATE sales SET updated_at = 'noon'`)
	require.NoError(t, err)
	_, err = open(t, path).Find(t.Context(), sale.Filter{})
	var damaged *sqlstore.CorruptError
	require.ErrorAs(t, err, &damaged)
	assert.Contains(t, damaged.What, c.SaleID)
}

// From its very commit on claims are read with the new key.
func TestRehashIsKnownFromItsCommit(t *testing.T) {
	t.Parallel()
	var store *sqlstore.Store
	var read error
	armed := false
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithTimeout(10*time.Millisecond),
		sqlstore.WithCommit(func(commit func() error) error {
			err := commit()
			if armed {
				_, read = store.Busy(t.Context(), telco.MustParseMSISDN("0912345678"))
			}
			return err
		}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	armed = true
	require.NoError(t, store.Rehash(t.Context(), key(98)))
	require.NoError(t, read)
}

// Who gives up while somebody else writes his change waits for what becomes of it.
func TestAChangeThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	ctx, giveUp := context.WithCancel(t.Context())
	commits := -1 // not counted while it opens
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithCommit(func(commit func() error) error {
		switch commits {
		case 0:
			close(entered)
			<-release
		case 1:
			giveUp()
			for range 10_000 {
				yield()
			}
		}
		if commits >= 0 {
			commits++
		}
		return commit()
	}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	commits = 0
	errs := make(chan error, 3)
	apply := func(ctx context.Context, n int) { errs <- store.Apply(ctx, change(n, "x")) }
	go apply(t.Context(), 1)
	<-entered
	for i, each := range []context.Context{t.Context(), ctx} {
		go apply(each, i+2)
		for store.Waiting() <= i {
			yield()
		}
	}
	close(release)
	for range 3 {
		require.NoError(t, <-errs)
	}
}

func TestTheTimeoutIsTheConnections(t *testing.T) {
	t.Parallel()
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "sales.db"), ring(), sqlstore.WithTimeout(1234*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	got, err := store.Pragma(t.Context(), "busy_timeout")
	require.NoError(t, err)
	assert.Equal(t, "1234", got)
}

// Whichever statement of a change fails, the change fails, and nothing of it is stored: a
// sale without its claim would let its subscriber buy twice.
func TestAFailedStatementStoresNothing(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"INSERT ON sales", "UPDATE ON sales", "INSERT ON partner_trans_ids", "INSERT ON busy_claims",
		"DELETE ON busy_claims", "INSERT ON events",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sales.db")
			store := open(t, path)
			stored := change(1, "x")
			stored.Claim = sale.TakeClaim
			require.NoError(t, store.Apply(t.Context(), stored))
			require.NoError(t, store.Close())
			db := raw(t, path)
			_, err := db.ExecContext(t.Context(), "CREATE TRIGGER planted BEFORE "+at+" BEGIN SELECT RAISE(ABORT, 'as planted'); END")
			require.NoError(t, err)
			require.NoError(t, db.Close())
			store = open(t, path)

			fresh := change(2, "x")
			fresh.Claim = sale.TakeClaim
			next := after(stored.State, "x", sale.Paid, sale.ReleaseClaim)
			failed := 0
			for _, c := range []sale.Change{fresh, next} {
				if err := store.Apply(t.Context(), c); err != nil {
					require.ErrorContains(t, err, "as planted")
					failed++
					continue
				}
				s, err := store.Load(t.Context(), c.SaleID)
				require.NoError(t, err)
				assert.Equal(t, c.State.Version, s.Version)
			}
			assert.Positive(t, failed)
			// What failed is as it was: the one is not there, the other has its claim.
			if _, err := store.Load(t.Context(), fresh.SaleID); err != nil {
				require.ErrorAs(t, err, new(*sale.NotFoundError))
				claims, err := store.Busy(t.Context(), fresh.State.Order.MSISDN)
				require.NoError(t, err)
				assert.Empty(t, claims)
			}
			s, err := store.Load(t.Context(), stored.SaleID)
			require.NoError(t, err)
			claims, err := store.Busy(t.Context(), stored.State.Order.MSISDN)
			require.NoError(t, err)
			assert.Equal(t, s.Version == 1, len(claims) == 1)
		})
	}
}

// An erased subscriber is nobody: a sale of his that is taken up again claims nobody, and
// is in nobody's way.
func TestAnErasedSaleClaimsNobody(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
		store, err := open(ring())
		require.NoError(t, err)
		defer store.Close()
		var rested [2]sale.Sale
		for n := range rested {
			c := change(n, "x")
			require.NoError(t, store.Apply(t.Context(), c))
			next := after(c.State, "x", sale.Registered, sale.KeepClaim)
			require.NoError(t, store.Apply(t.Context(), next))
			rested[n] = next.State
		}
		erased, err := store.Erase(t.Context(), rested[1].UpdatedAt.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 2, erased)
		for n, claim := range []sale.ClaimChange{sale.AddClaim, sale.TakeClaim} {
			require.NoError(t, store.Apply(t.Context(), after(rested[n], "x", sale.Review, claim)))
		}
		require.NoError(t, store.Rehash(t.Context(), key(50)), "there is no claim whose number is gone")
	})
}

// What SQLite finds sound may still be no store: a row that holds another sale, a claim of
// a sale that is not there.
func TestRowsThatDoNotBelongTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	one, two := change(1, "x"), change(2, "x")
	require.NoError(t, store.Apply(t.Context(), one))
	require.NoError(t, store.Apply(t.Context(), two))
	require.NoError(t, store.Close())
	db := raw(t, path)
	_, err := db.ExecContext(t.Context(), `UPDATE sales SET state_json = (SELECT state_json FROM sales WHERE id = ?)`, two.SaleID)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (x'00', 0, 'nobody')`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	store = open(t, path)
	_, err = store.Load(t.Context(), one.SaleID)
	require.ErrorAs(t, err, new(*sqlstore.CorruptError))
	_, err = store.Load(t.Context(), two.SaleID)
	require.NoError(t, err)
	require.ErrorAs(t, store.Check(t.Context()), new(*sqlstore.CorruptError))
}

// inTurn asks two stores on one file by turns, so that each sees what the other wrote.
type inTurn struct {
	stores [2]sale.Store
	turn   *atomic.Uint64
}

func (s inTurn) next() sale.Store { return s.stores[s.turn.Add(1)%2] }

func (s inTurn) Apply(ctx context.Context, c sale.Change) error { return s.next().Apply(ctx, c) }

func (s inTurn) Load(ctx context.Context, id string) (sale.Sale, error) {
	return s.next().Load(ctx, id)
}

func (s inTurn) ByOrder(ctx context.Context, shop, order string) (string, error) {
	return s.next().ByOrder(ctx, shop, order)
}

func (s inTurn) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (string, error) {
	return s.next().ByPartnerTransID(ctx, id)
}

func (s inTurn) Busy(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error) {
	return s.next().Busy(ctx, m)
}

func (s inTurn) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	return s.next().Due(ctx, now, limit)
}

func (s inTurn) Postpone(ctx context.Context, id string, version int64, at time.Time) error {
	return s.next().Postpone(ctx, id, version, at)
}

func (s inTurn) Find(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
	return s.next().Find(ctx, q)
}

func (s inTurn) Events(ctx context.Context, id string) ([]sale.Event, error) {
	return s.next().Events(ctx, id)
}

func (s inTurn) Erase(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.next().Erase(ctx, before, limit)
}

func TestTwoStoresOnOneFile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB) sale.Store {
			path := filepath.Join(t.TempDir(), "sales.db")
			return inTurn{stores: [2]sale.Store{open(t, path), open(t, path)}, turn: new(atomic.Uint64)}
		},
	})
}
