package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own host.
func TestMain(m *testing.M) {
	if text := os.Getenv(hostEnv); text != "" {
		if err := beHost(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every way resolves every sale; whoever takes what is due looks each up once.
func TestEveryWayResolvesAll(t *testing.T) {
	t.Parallel()
	at := os.Getenv("MOBIFONE_POSTGRES")
	if at == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MOBIFONE_POSTGRES is not set; scripts/services sets it")
		}
		t.Skip("not run: MOBIFONE_POSTGRES is not set; scripts/services sets it")
	}
	var out bytes.Buffer
	s := settings{server: at, sales: 300, processes: []int{3}, out: &out, patience: time.Minute}
	server, err := openServer(t.Context(), at)
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.close()) }()
	require.NoError(t, server.fill(t.Context(), s.sales))
	for _, way := range []string{plainDue, takeDue, riverJobs} {
		r, err := s.measure(t.Context(), server, way, 3)
		require.NoError(t, err, way)
		assert.Len(t, r.seen.each, 3, way)
		assert.Positive(t, r.commits, way)
		if way == plainDue {
			assert.GreaterOrEqual(t, r.seen.lookups, s.sales)
			continue
		}
		assert.Equal(t, s.sales, r.seen.lookups, way)
		assert.Zero(t, r.seen.twice, way)
		assert.Equal(t, 1, r.seen.most, way)
	}
}

// What the logs say is counted by sale and by host, and a sale that nobody looked up is told.
func TestLookCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for host, lookups := range [][]uint32{{0, 1, 1, 2}, {0, 2}} {
		var log []byte
		for _, n := range lookups {
			log = binary.LittleEndian.AppendUint32(log, n)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, string(rune('0'+host))), log, 0o600))
	}
	s, err := look(dir, 2, 3)
	require.NoError(t, err)
	assert.Equal(t, seen{lookups: 6, shared: 2, twice: 3, most: 2, each: []int{4, 2}}, s)
	_, err = look(dir, 2, 4)
	require.ErrorContains(t, err, "sale 3 was not looked up")
}

// The page for those who have River shows the worker that is measured here.
func TestTheDocumentShowsThisWorker(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("host.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../../../docs/many-hosts.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(code), "// resolveSale is the job")
	require.True(t, found)
	worker, _, found := strings.Cut("// resolveSale is the job"+rest, "\n// runRiver")
	require.True(t, found)
	assert.Contains(t, string(page), worker)
}
