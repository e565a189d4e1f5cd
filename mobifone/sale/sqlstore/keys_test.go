package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

func ringOf(current string, keys map[string]telco.Secret) sqlstore.Keyring {
	return sqlstore.Keyring{Keys: keys, Current: current, BusyKey: key(99)}
}

func TestBadKeyring(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	_, err := sqlstore.Open(t.Context(), path, sqlstore.Keyring{
		Keys:    map[string]telco.Secret{"short": telco.NewSecret("0123456789"), "": key(4), "busy": key(5)},
		Current: "none", BusyKey: key(5),
	})
	for _, fault := range []string{`"short"`, `cipher key ""`, `Current is "none"`, "BusyKey is also"} {
		require.ErrorContains(t, err, fault)
	}
	require.NotContains(t, err.Error(), "0123456789")
	sound, err := sqlstore.Open(t.Context(), path, ringOf("k", map[string]telco.Secret{"k": key(1)}))
	require.NoError(t, err)
	require.NoError(t, sound.Close())
	_, err = sqlstore.Open(t.Context(), path, sqlstore.Keyring{Keys: map[string]telco.Secret{"k": key(1)}, Current: "k"})
	require.ErrorContains(t, err, "the BusyKey is missing")
	require.ErrorContains(t, err, "make it of exactly 32 random bytes")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", ring(), ring(), ring()), "\x01\x01\x01\x01")
}

// keyed is what both kinds of store have.
type keyed interface {
	sale.Store
	Rehash(ctx context.Context, newKey telco.Secret) error
	Reencrypt(ctx context.Context, limit int) (int, error)
	Close() error
}

// ofEachKind runs a test on a file and on PostgreSQL. open opens the same data again.
func ofEachKind(t *testing.T, test func(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error))) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "sales.db")
		test(t, func(ring sqlstore.Keyring) (keyed, error) { return sqlstore.Open(t.Context(), path, ring) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		pool := database(t)
		test(t, func(ring sqlstore.Keyring) (keyed, error) { return sqlstore.OnPostgres(t.Context(), pool, ring) })
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	ofEachKind(t, testRotation)
}

func testRotation(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
	with := func(current string, ids ...string) (keyed, error) {
		keys := map[string]telco.Secret{}
		for _, id := range ids {
			keys[id] = key(id[1])
		}
		return open(ringOf(current, keys))
	}
	opened := func(current string, ids ...string) keyed {
		t.Helper()
		s, err := with(current, ids...)
		require.NoError(t, err)
		return s
	}
	all := func(s keyed) {
		t.Helper()
		for n := range 6 {
			got, err := s.Load(t.Context(), change(n, "x").SaleID)
			require.NoError(t, err)
			assert.Equal(t, change(n, "x").State.Order.MSISDN, got.Order.MSISDN)
		}
	}
	s := opened("k1", "k1")
	for n := range 3 {
		require.NoError(t, s.Apply(t.Context(), change(n, "x")))
	}
	require.NoError(t, s.Close())
	s = opened("k2", "k1", "k2")
	for n := range 3 {
		require.NoError(t, s.Apply(t.Context(), change(3+n, "x")))
	}
	all(s)
	require.NoError(t, s.Close())

	_, err := with("k2", "k2")
	keys := new(sqlstore.KeyError)
	require.ErrorAs(t, err, &keys)
	assert.Equal(t, sqlstore.KeyError{KeyID: "k1", Missing: true}, *keys)
	require.ErrorContains(t, keys, "add it")
	_, err = with("k3", "k3")
	for _, id := range []string{`"k1"`, `"k2"`} {
		require.ErrorContains(t, err, id, "every missing key at once")
	}
	_, err = open(ringOf("k2", map[string]telco.Secret{"k1": key(77), "k2": key('2')}))
	require.ErrorAs(t, err, &keys)
	assert.Equal(t, sqlstore.KeyError{KeyID: "k1"}, *keys)
	require.ErrorContains(t, keys, "an id of its own")

	s = opened("k2", "k1", "k2")
	for _, want := range []int{2, 1, 0} {
		n, err := s.Reencrypt(t.Context(), 2)
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	all(s)
	require.NoError(t, s.Close())
	s = opened("k2", "k2") // the old key is not needed any more
	all(s)
	// A row that another process wrote with a key this one does not have.
	other := opened("k9", "k2", "k9")
	require.NoError(t, other.Apply(t.Context(), change(6, "x")))
	_, err = s.Load(t.Context(), change(6, "x").SaleID)
	require.ErrorAs(t, err, &keys)
	assert.Equal(t, sqlstore.KeyError{KeyID: "k9", Missing: true}, *keys)
	require.NoError(t, s.Close())
	// Erased rows need no key.
	done := change(6, "x").State
	require.NoError(t, other.Apply(t.Context(), after(done, "x", sale.Cancelled, sale.KeepClaim)))
	n, err := other.Erase(t.Context(), done.UpdatedAt.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, other.Close())
	require.NoError(t, opened("k2", "k2").Close())
}

func TestNumbersAreBoundToTheirSale(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	s := open(t, path)
	for n := range 2 {
		require.NoError(t, s.Apply(t.Context(), change(n, "x")))
	}
	require.NoError(t, s.Close())
	db := raw(t, path)
	_, err := db.ExecContext(t.Context(), `UPDATE sales SET msisdn_cipher = (SELECT msisdn_cipher FROM sales WHERE order_id = 'DH-1') WHERE order_id = 'DH-0'`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	s = open(t, path)
	_, err = s.Load(t.Context(), change(0, "x").SaleID)
	require.ErrorAs(t, err, new(*sqlstore.CorruptError))
	_, err = s.Load(t.Context(), change(1, "x").SaleID)
	require.NoError(t, err)
}

func TestRehash(t *testing.T) {
	t.Parallel()
	ofEachKind(t, testRehash)
}

func testRehash(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
	s, err := open(ring())
	require.NoError(t, err)
	stale, err := open(ring())
	require.NoError(t, err)
	take := func(s keyed, n int) error {
		c := change(n, "x")
		c.State.Order.MSISDN = change(n%10, "x").State.Order.MSISDN
		c.Claim = sale.TakeClaim
		return s.Apply(t.Context(), c)
	}
	for n := range 4 {
		require.NoError(t, take(s, n))
	}
	require.Error(t, s.Rehash(t.Context(), telco.NewSecret("short")))
	require.NoError(t, s.Rehash(t.Context(), key(50)))

	held := []sale.Claim{{SaleID: change(2, "x").SaleID}}
	number := change(2, "x").State.Order.MSISDN
	claims, err := s.Busy(t.Context(), number)
	require.NoError(t, err)
	assert.Equal(t, held, claims)
	require.ErrorAs(t, take(s, 12), new(*sale.BusyError))
	require.NoError(t, take(s, 5))

	// To the old key a busy subscriber would look free.
	otherBusyKey := func(err error) {
		t.Helper()
		keys := new(sqlstore.KeyError)
		require.ErrorAs(t, err, &keys)
		assert.Zero(t, *keys, "it is about no cipher key")
	}
	otherBusyKey(take(stale, 12))
	_, err = stale.Busy(t.Context(), number)
	otherBusyKey(err)
	otherBusyKey(stale.Rehash(t.Context(), key(51)))
	require.NoError(t, stale.Apply(t.Context(), change(7, "x")), "what needs no claim goes on")
	require.NoError(t, stale.Close())
	_, err = open(ring())
	otherBusyKey(err)
	require.NoError(t, s.Close())
	again := ring()
	again.BusyKey = key(50)
	s, err = open(again)
	require.NoError(t, err)
	claims, err = s.Busy(t.Context(), number)
	require.NoError(t, err)
	assert.Equal(t, held, claims)
	require.NoError(t, s.Close())
}

// A store that has rehashed goes on with the new key, and may do so again.
func TestRehashTwice(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
		s, err := open(ring())
		require.NoError(t, err)
		defer s.Close()
		c := change(1, "x")
		c.Claim = sale.TakeClaim
		require.NoError(t, s.Apply(t.Context(), c))
		for _, b := range []byte{50, 51} {
			require.NoError(t, s.Rehash(t.Context(), key(b)))
			claims, err := s.Busy(t.Context(), c.State.Order.MSISDN)
			require.NoError(t, err)
			assert.Equal(t, []sale.Claim{{SaleID: c.SaleID}}, claims)
			busy := change(2, "x")
			busy.State.Order.MSISDN, busy.Claim = c.State.Order.MSISDN, sale.TakeClaim
			require.ErrorAs(t, s.Apply(t.Context(), busy), new(*sale.BusyError))
		}
	})
}

// A Rehash that fails leaves the store with the key that it had, also when that one came from a
// Rehash before.
func TestAFailedRehashChangesNothing(t *testing.T) {
	t.Parallel()
	ofEachKind(t, func(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
		s, err := open(ring())
		require.NoError(t, err)
		defer s.Close()
		c := change(1, "x")
		c.Claim = sale.TakeClaim
		require.NoError(t, s.Apply(t.Context(), c))
		require.NoError(t, s.Rehash(t.Context(), key(50)))
		ended, end := context.WithCancel(t.Context())
		end()
		require.ErrorIs(t, s.Rehash(ended, key(51)), context.Canceled)
		claims, err := s.Busy(t.Context(), c.State.Order.MSISDN)
		require.NoError(t, err)
		assert.Equal(t, []sale.Claim{{SaleID: c.SaleID}}, claims)
	})
}

// What the keys are called does not matter: every number that is under another key than
// the current one is encrypted anew, or it could not be read once that key is removed.
func TestReencryptFindsEveryOtherKey(t *testing.T) {
	t.Parallel()
	ofEachKind(t, testReencrypt)
}

func testReencrypt(t *testing.T, open func(ring sqlstore.Keyring) (keyed, error)) {
	keys := map[string]telco.Secret{"a": key(1), "m": key(2), "z": key(3)}
	for n, id := range []string{"a", "z"} {
		s, err := open(sqlstore.Keyring{Keys: keys, Current: id, BusyKey: key(99)})
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), change(n, "x")))
		require.NoError(t, s.Close())
	}
	s, err := open(sqlstore.Keyring{Keys: keys, Current: "m", BusyKey: key(99)})
	require.NoError(t, err)
	n, err := s.Reencrypt(t.Context(), 10)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	require.NoError(t, s.Close())
	s, err = open(sqlstore.Keyring{Keys: map[string]telco.Secret{"m": key(2)}, Current: "m", BusyKey: key(99)})
	require.NoError(t, err)
	defer s.Close()
	for n := range 2 {
		loaded, err := s.Load(t.Context(), change(n, "x").SaleID)
		require.NoError(t, err)
		assert.Equal(t, change(n, "x").State.Order.MSISDN, loaded.Order.MSISDN)
	}
}
