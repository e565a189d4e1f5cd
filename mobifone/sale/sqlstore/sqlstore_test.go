package sqlstore_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/require"

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
		Dump: func(t testing.TB, s sale.Store) []byte { return dump(t, s.(placed).path) },
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
