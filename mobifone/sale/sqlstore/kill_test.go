package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// roleVariable makes the test binary another process of the test that starts it.
const roleVariable = "SQLSTORE_TEST_ROLE"

// roles are what such a process does; what they return is its exit code.
var roles = map[string]func(args []string) int{
	"cat":    cat,
	"copy":   copyFiles,
	"race":   racer,
	"seller": seller,
	"open":   opener,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVariable); name != "" {
		os.Exit(roles[name](os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// child prepares another process in a role.
func child(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// cat writes files to standard output.
func cat(names []string) int {
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // the test names it
		if err == nil {
			_, err = os.Stdout.Write(data)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// copyFiles copies a store's files into a directory, while the store is open in the
// process that asks.
func copyFiles(args []string) int {
	into, names := args[0], args[1:]
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // the test names it
		if err == nil {
			err = os.WriteFile(filepath.Join(into, filepath.Base(name)), data, 0o600) //nolint:gosec // the test names it
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// opener opens a store and closes it again.
func opener(args []string) int {
	store, err := sqlstore.Open(context.Background(), args[0], ring())
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// seller sells in a few goroutines until it is killed, and prints each change that the
// store acknowledged, after it did.
func seller(args []string) int {
	path, first := args[0], args[1]
	from, _ := strconv.Atoi(first)
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, path, ring())
	if err != nil {
		fmt.Fprintln(os.Stdout, "failed", err)
		return 1
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := from + g; ; n += 4 {
				c := change(n, "x")
				for {
					if err := store.Apply(ctx, c); err != nil {
						fmt.Fprintln(os.Stdout, "failed", err)
						os.Exit(1)
					}
					fmt.Fprintf(os.Stdout, "ack %s %d\n", c.SaleID, c.State.Version)
					switch c.State.Version {
					case 1:
						c = after(c.State, "x", sale.Registering, sale.TakeClaim)
						continue
					case 2:
						c = after(c.State, "x", sale.Registered, sale.ReleaseClaim)
						continue
					}
					break
				}
			}
		})
	}
	wg.Wait()
	return 0
}

// kills is how many processes the ordinary test run kills; SQLSTORE_KILLS sets another
// number.
func kills(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("SQLSTORE_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	return 200
}

// Whatever was acknowledged is there after a kill, and nothing else is half there. A kill
// leaves the system's page cache alone, so this shows what a killed process leaves, not
// what a loss of power does; that rests on the syncs, see TestTheWriterSyncs.
func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	r := rand.New(rand.NewPCG(1, 1))
	acknowledged := map[string]int64{}
	rounds := kills(t)
	for round := range rounds {
		cmd := child(t, "seller", path, strconv.Itoa(round*1000))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range r.IntN(25) {
			if !lines.Scan() {
				break
			}
			keep(t, acknowledged, lines.Text())
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // acknowledged before the kill
			keep(t, acknowledged, lines.Text())
		}
		_ = cmd.Wait()
		if round%20 == 19 || round == rounds-1 {
			verify(t, path, acknowledged)
		}
	}
	assert.Greater(t, len(acknowledged), rounds)
	t.Logf("%d kills, %d sales acknowledged", rounds, len(acknowledged))
}

func keep(t *testing.T, acknowledged map[string]int64, line string) {
	t.Helper()
	f := strings.Fields(line)
	require.NotEmpty(t, f)
	require.NotEqual(t, "failed", f[0], line)
	if len(f) != 3 {
		return // cut by the kill
	}
	version, err := strconv.ParseInt(f[2], 10, 64)
	require.NoError(t, err)
	acknowledged[f[1]] = max(acknowledged[f[1]], version)
}

func verify(t *testing.T, path string, acknowledged map[string]int64) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), path, ring())
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Check(t.Context()))
	for id, version := range acknowledged {
		whole(t, store, id, version)
	}
}

// whole checks that a sale is there in the version, or a later one, with everything that
// belongs to it.
func whole(t *testing.T, store *sqlstore.Store, id string, version int64) {
	t.Helper()
	s, err := store.Load(t.Context(), id)
	require.NoError(t, err, id)
	require.GreaterOrEqual(t, s.Version, version, id)
	events, err := store.Events(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, events, int(s.Version))
	owner, err := store.ByPartnerTransID(t.Context(), s.PartnerTransID)
	require.NoError(t, err)
	require.Equal(t, id, owner)
	claims, err := store.Busy(t.Context(), s.Order.MSISDN)
	require.NoError(t, err)
	if s.State == sale.Registering {
		require.Equal(t, []sale.Claim{{SaleID: id}}, claims)
	} else {
		require.Empty(t, claims)
	}
}

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
