package mobifone_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

var update = flag.Bool("update", false, "write the golden files anew")

// anew are the headers that no two requests share.
var anew = []string{"X-Timestamp", "X-Nonce", "X-Request-Id", "X-Signature", "Content-Length"}

// The head of each request as MobiFone's socket has it: the reads ask that no cache
// answers, and nothing else stands there that the contract does not name.
func TestRequestHeads(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var mu sync.Mutex
	heads := map[string]string{}
	server := p.Server.Config.Handler
	p.Server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var head strings.Builder
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			value := strings.Join(r.Header.Values(name), " | ")
			if slices.Contains(anew, name) {
				value = "…"
			}
			fmt.Fprintf(&head, "%s: %s\n", name, value)
		}
		mu.Lock()
		heads[r.Method+" "+r.URL.Path] = head.String()
		mu.Unlock()
		server.ServeHTTP(w, r)
	})
	client := newClient(t, p, mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				r.Header.Set("Cache-Control", "max-stale=600") // a middleware's wish does not count
			}
			return next.RoundTrip(r)
		})
	}))
	_, err := client.Registration.Register(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	for _, read := range reads() {
		_ = read(t.Context(), client)
	}
	_, _ = client.Transactions.Search(transactions.SearchQuery{
		MSISDN: telco.MustParseMSISDN(canaryMSISDN), Query: transactions.Query{From: time.Now().Add(-time.Hour), To: time.Now()},
	}).Page(t.Context(), 1)
	for op, ep := range p.Contract.Document().Operations {
		assert.Contains(t, heads, ep.Method+" "+ep.Path, op)
	}
	var got strings.Builder
	for _, line := range slices.Sorted(maps.Keys(heads)) {
		fmt.Fprintf(&got, "%s\n%s\n", line, heads[line])
	}
	golden := filepath.Join("testdata", "heads.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), strings.ReplaceAll(got.String(), "mobifone-go/"+telco.Version, "mobifone-go/…"))
}
