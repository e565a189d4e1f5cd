package sandbox

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestStart(t *testing.T) {
	t.Parallel()
	srv, err := Start(Config{Kind: "A", Contract: contract.Default()})
	require.NoError(t, err)
	assert.Equal(t, Kind("A"), srv.Kind())
	assert.True(t, srv.Contract().Semantics().DedupeByPartnerTransID)
	assert.True(t, strings.HasPrefix(srv.URL, "http://127.0.0.1:"))
	require.NoError(t, srv.Shutdown(t.Context()))
	_, err = Start(Config{Kind: "Z"})
	require.ErrorContains(t, err, "one of A, B, C, D, E, F")
	_, err = Start(Config{LookupLag: -1})
	assert.Error(t, err)
}

// Closing with requests held back leaves no goroutine of the sandbox behind.
func TestCloseLeavesNothing(t *testing.T) {
	srv, err := Start(Config{})
	require.NoError(t, err)
	require.NoError(t, srv.Script(Fault{Kind: "silence"}, Fault{Kind: "latency", Delay: contract.Duration(time.Hour), Nth: 2}))
	transport := &http.Transport{}
	c := &caller{t: t, s: srv.Sandbox, base: srv.URL, cred: srv.Credentials(), http: &http.Client{Transport: transport}}
	done := make(chan got)
	for range 2 {
		req := c.request(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		go func() { done <- c.send(telco.OpGet, req) }()
	}
	for srv.Requests(telco.OpGet) < 2 {
		runtime.Gosched()
	}
	require.NoError(t, srv.Close())
	assert.Error(t, (<-done).err)
	assert.Error(t, (<-done).err)
	transport.CloseIdleConnections()
	for range 10_000 { // the handlers end on their own, soon
		if !strings.Contains(stacks(), "sandbox.(*Sandbox).ServeHTTP") {
			return
		}
		runtime.Gosched()
	}
	assert.NotContains(t, stacks(), "sandbox.(*Sandbox).ServeHTTP")
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
