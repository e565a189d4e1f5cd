package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

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
	store := open(t, filepath.Join(t.TempDir(), "sales.db"))
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
