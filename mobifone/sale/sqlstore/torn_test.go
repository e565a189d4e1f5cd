package sqlstore_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// A log whose end was not synced when the power went may come back cut, zeroed or
// garbled. The store then opens with everything before the damage: a prefix of what was
// applied, each sale of it whole. (What was acknowledged had been synced, so the damage
// lies behind it; a disk that lies about its sync is beyond any store.)
func TestATornLogOpensWithAPrefix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sales.db")
	store := open(t, path)
	const sales = 40
	for n := range sales {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
	}
	image := t.TempDir()
	require.NoError(t, child(t, "copy", image, path, path+"-wal").Run())
	db, err := os.ReadFile(filepath.Join(image, "sales.db"))
	require.NoError(t, err)
	log, err := os.ReadFile(filepath.Join(image, "sales.db-wal"))
	require.NoError(t, err)

	assert.Equal(t, sales, prefix(t, db, log), "the log as it is")
	r := rand.New(rand.NewPCG(3, 3))
	shorter := map[int]bool{}
	for range 40 {
		at := 32 + r.IntN(len(log)-32)
		cut := log[:at]
		zeroed := append(append([]byte{}, cut...), make([]byte, len(log)-at)...)
		garbled := append([]byte{}, log...)
		for i := at; i < len(garbled); i++ {
			garbled[i] ^= byte(1 + r.IntN(255))
		}
		want := prefix(t, db, cut)
		shorter[want] = true
		assert.Equal(t, want, prefix(t, db, zeroed), "zeroed from %d", at)
		assert.Equal(t, want, prefix(t, db, garbled), "garbled from %d", at)
	}
	assert.Greater(t, len(shorter), 10, "the damage hit different places")
}

// prefix opens an image and returns how many sales it has; they must be the first ones.
func prefix(t *testing.T, db, log []byte) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sales.db")
	require.NoError(t, os.WriteFile(path, db, 0o600))         //nolint:gosec // in a directory of the test
	require.NoError(t, os.WriteFile(path+"-wal", log, 0o600)) //nolint:gosec // in a directory of the test
	store, err := sqlstore.Open(t.Context(), path, ring())
	require.NoError(t, err)
	defer store.Close()
	require.NoError(t, store.Check(t.Context()))
	n := 0
	for ; n < 1000; n++ {
		if _, err := store.Load(t.Context(), change(n, "x").SaleID); err != nil {
			break
		}
		whole(t, store, change(n, "x").SaleID, 1)
	}
	for later := n; later < n+40; later++ {
		_, err := store.Load(t.Context(), change(later, "x").SaleID)
		require.Error(t, err, "a sale behind a missing one")
	}
	require.NoError(t, store.Apply(t.Context(), change(n, "x")), "it goes on")
	return n
}

func TestADamagedFileIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	for n := range 200 {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
	}
	require.NoError(t, store.Check(t.Context()))
	require.NoError(t, store.Close())
	sound, err := os.ReadFile(path)
	require.NoError(t, err)
	write := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "sales.db")
		require.NoError(t, os.WriteFile(path, data, 0o600)) //nolint:gosec // in a directory of the test
		return path
	}
	refused := func(name string, data []byte) {
		t.Helper()
		_, err := sqlstore.Open(t.Context(), write(data), ring())
		assert.ErrorAs(t, err, new(*sqlstore.CorruptError), name)
	}
	refused("not a database", []byte("this is a shopping list, and not a short one: "+string(make([]byte, 4096))))
	header := append([]byte{}, sound...)
	copy(header[100:], make([]byte, 400))
	refused("the schema is gone", header)
	refused("only the first page is left", sound[:4096])

	// Damage further in is found by Check, or where it is read.
	r := rand.New(rand.NewPCG(5, 5))
	found := 0
	for range 20 {
		spoilt := append([]byte{}, sound...)
		page := 4096 * (2 + r.IntN(len(sound)/4096-2))
		for i := range 64 {
			spoilt[page+i] ^= 0xff
		}
		store, err := sqlstore.Open(t.Context(), write(spoilt), ring())
		if err == nil {
			err = store.Check(t.Context())
			assert.NoError(t, store.Close())
		}
		if err != nil {
			assert.ErrorAs(t, err, new(*sqlstore.CorruptError))
			found++
		}
	}
	assert.Equal(t, 20, found)
}
