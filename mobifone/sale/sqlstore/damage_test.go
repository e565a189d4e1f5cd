package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

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
			require.ErrorAs(t, c.read(s), new(*sqlstore.CorruptError))
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
