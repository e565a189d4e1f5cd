package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

func noEnv(string) string { return "" }

func TestServesUntilStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	file := filepath.Join(t.TempDir(), "contract.json")
	env := func(name string) string { return map[string]string{"MOBIFONE_API_KEY": "key-of-mine"}[name] }
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		defer w.Close()
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-kind", "A", "-write-contract", file}, env, w)
	}()
	lines := bufio.NewScanner(r)
	var url string
	var said strings.Builder
	for lines.Scan() && lines.Text() != "Ctrl-C stops it." {
		said.WriteString(lines.Text() + "\n")
		if u, ok := strings.CutPrefix(lines.Text(), "  export MOBIFONE_URL="); ok {
			url = u
		}
	}
	assert.Contains(t, said.String(), "MOBIFONE_API_KEY=key-of-mine\n")
	assert.Regexp(t, `MOBIFONE_SECRET=[A-Z2-7]{32}\n`, said.String())
	status, err := get(t, url+"/_sandbox/inbox")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status)

	written, err := os.ReadFile(file)
	require.NoError(t, err)
	c, err := contract.Load(written)
	require.NoError(t, err)
	assert.True(t, c.Semantics().DedupeByPartnerTransID)

	stop()
	go func() { _, _ = io.Copy(io.Discard, r) }()
	require.NoError(t, <-done)
	_, err = get(t, url)
	assert.Error(t, err, "the port is free")
}

// get asks over a connection of its own and gives the status.
func get(t *testing.T, url string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	wire := &http.Transport{DisableKeepAlives: true}
	res, err := wire.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func TestRefusesBadFlags(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{}`), 0o600))
	for _, args := range [][]string{
		{"-kind", "Q"}, {"-contract", bad}, {"-contract", bad + ".none"}, {"word"}, {"-addr", "nowhere:1:1"}, {"-lag", "-1s"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		assert.Error(t, run(ctx, args, noEnv, io.Discard), args)
		cancel()
	}
}
