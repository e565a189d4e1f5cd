package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestStart(t *testing.T) {
	t.Parallel()
	srv, err := Start(Config{Kind: "A", Contract: contract.Default()})
	require.NoError(t, err)
	assert.Equal(t, "A", srv.Kind())
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

// admin sends one admin request to the sandbox's handler.
func admin(t *testing.T, s *Sandbox, method, path, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:54321"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, string(text)
}

func TestInboxEndpoint(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	f := c.ticket(good)
	status, body := admin(t, c.s, "POST", "/_sandbox/inbox", `{"msisdn":"0912345678"}`)
	require.Equal(t, 200, status)
	var box []struct{ OTP, TransID, PackageCode string }
	require.NoError(t, json.Unmarshal([]byte(body), &box))
	require.Len(t, box, 1)
	assert.Equal(t, f.OTP.Reveal(), box[0].OTP)
	assert.Equal(t, string(f.TransID), box[0].TransID)

	status, body = admin(t, c.s, "POST", "/_sandbox/inbox", `{"msisdn":"0912345679"}`)
	assert.Equal(t, 200, status)
	assert.Equal(t, "[]\n", body)

	status, page := admin(t, c.s, "GET", "/_sandbox/inbox", "")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, f.OTP.Reveal())
	assert.Contains(t, page, good.String())
	assert.NotContains(t, page, "912345678", "numbers are masked")
}

func TestExecutedAndStatementEndpoints(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	f := c.ticket(good)
	require.NoError(t, c.do(t.Context(), telco.OpRegister, f).bad)
	_, body := admin(t, c.s, "POST", "/_sandbox/executed", `{"msisdn":"84912345678"}`)
	assert.JSONEq(t, `{"executed":1}`, body)
	_, body = admin(t, c.s, "POST", "/_sandbox/executed", `{"partnerTransId":"`+string(f.PartnerTransID)+`"}`)
	assert.JSONEq(t, `{"executed":1}`, body)
	day := c.s.Now().In(ledger.Vietnam).Format("20060102")
	status, body := admin(t, c.s, "GET", "/_sandbox/statement?day="+day, "")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, string(f.TransID)+","+string(f.PartnerTransID)+",84912345678,C120,120000,SUCCESS")
	status, _ = admin(t, c.s, "GET", "/_sandbox/statement?day=2026-01-01", "")
	assert.Equal(t, 400, status)
}

func TestFaultsEndpoint(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	f := c.ticket(good)
	status, body := admin(t, c.s, "POST", "/_sandbox/faults", `{"kind":"status","status":502,"operation":"registration.register","delay":"1s"}`)
	require.Equal(t, 204, status, body)
	assert.Equal(t, 502, c.do(t.Context(), telco.OpRegister, f).status)
	assert.Equal(t, 1, c.s.Executed(good))

	status, _ = admin(t, c.s, "POST", "/_sandbox/faults", "\n "+`[{"kind":"drop"},{"kind":"silence","times":-1}]`)
	require.Equal(t, 204, status)
	_, body = admin(t, c.s, "GET", "/_sandbox/faults", "")
	assert.JSONEq(t, `[{"kind":"drop"},{"kind":"silence","times":-1}]`, body)
	status, _ = admin(t, c.s, "DELETE", "/_sandbox/faults", "")
	require.Equal(t, 204, status)
	assert.Equal(t, 200, c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"}).status)

	status, body = admin(t, c.s, "POST", "/_sandbox/faults", `{"kind":"drop","side":"before"}`)
	assert.Equal(t, 400, status, "a member left out silently would make another fault of it")
	assert.Contains(t, body, `"side"`)
	for _, bad := range []string{`{"kind":"nothing"}`, `7`, `{"kind":"drop"} {}`, `{`} {
		status, _ = admin(t, c.s, "POST", "/_sandbox/faults", bad)
		assert.Equal(t, 400, status, bad)
	}
	status, _ = admin(t, c.s, "POST", "/_sandbox/faults", `{"kind":"drop"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	assert.Equal(t, 415, status, "what a page's form can send")
	assert.Empty(t, c.s.Scripted())
}

func TestAdminOnlyFromHere(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	require.NoError(t, err)
	for name, change := range map[string]func(*http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"another name":    func(r *http.Request) { r.Host = "rebound.test" },
	} {
		status, _ := admin(t, s, "GET", "/_sandbox/inbox", "", change)
		assert.Equal(t, 404, status, name)
	}
	for _, host := range []string{"localhost:80", "[::1]:80", "127.0.0.1"} {
		status, _ := admin(t, s, "GET", "/_sandbox/inbox", "", func(r *http.Request) { r.Host = host })
		assert.Equal(t, 200, status, host)
	}
	off, err := New(Config{DisableAdmin: true})
	require.NoError(t, err)
	status, _ := admin(t, off, "GET", "/_sandbox/inbox", "")
	assert.Equal(t, 404, status)
}

func TestTheStatementsPageTakesAVietnameseDay(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Time.Zone = "+09:00"
	c, err := contract.New(doc)
	require.NoError(t, err)
	s, err := New(Config{Contract: c})
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/_sandbox/statement?day=20260302", nil)
	r.RemoteAddr = "127.0.0.1:54321"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	assert.Contains(t, w.Header().Get("Content-Disposition"), "partner_20260302.csv")
}
