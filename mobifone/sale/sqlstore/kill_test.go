package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

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
