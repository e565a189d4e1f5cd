package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var (
	t0   = time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("+07:00", 7*3600))
	good = telco.MustParseMSISDN("0912345678")
)

// caller is the least client there can be: encode, sign, send once, read.
type caller struct {
	t     testing.TB
	s     *Sandbox
	base  string
	http  *http.Client
	cred  telco.Credentials
	token telco.Secret
	seq   int
	nonce string // fixed when set
	skew  time.Duration
}

type got struct {
	status int
	header http.Header
	body   []byte
	err    error // of the exchange or of reading the body
	reply  *wire.Reply
	bad    error // of decoding
}

func (c *caller) request(ctx context.Context, op telco.Operation, f field.Request) *http.Request {
	c.t.Helper()
	try := c.try()
	w, err := c.s.wire.Encode(op, &f, try, nil)
	require.NoError(c.t, err)
	target := c.base + w.Path
	if w.RawQuery != "" {
		target += "?" + w.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, w.Method, target, bytes.NewReader(w.Body))
	require.NoError(c.t, err)
	req.GetBody = nil
	if w.ContentType != "" {
		req.Header.Set("Content-Type", w.ContentType)
	}
	require.NoError(c.t, c.s.wire.Sign(req, w.Body, try, nil))
	return req
}

// try is what the next request authenticates with.
func (c *caller) try() *wire.Try {
	c.seq++
	stamp := contract.Stamp{Time: c.s.Now().Add(c.skew), Nonce: fmt.Sprintf("nonce-%d", c.seq), RequestID: fmt.Sprintf("req-%d", c.seq), Token: c.token}
	if c.nonce != "" {
		stamp.Nonce = c.nonce
	}
	return &wire.Try{Key: c.s.wire.NewKey(c.cred), Stamp: stamp}
}

// logIn fetches a token where the contract wants one.
func (c *caller) logIn() {
	c.t.Helper()
	if c.s.contract.Scheme() != "bearer" {
		return
	}
	w, err := c.s.wire.EncodeLogin(c.cred)
	require.NoError(c.t, err)
	req, err := http.NewRequestWithContext(context.Background(), w.Method, c.base+w.Path, bytes.NewReader(w.Body))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", w.ContentType)
	g := c.send(telco.OpOTP, req)
	require.Equal(c.t, http.StatusOK, g.status)
	c.token, _, err = c.s.wire.DecodeLogin(g.body)
	require.NoError(c.t, err)
}

func (c *caller) do(ctx context.Context, op telco.Operation, f field.Request) got {
	c.t.Helper()
	return c.send(op, c.request(ctx, op, f))
}

func (c *caller) send(op telco.Operation, req *http.Request) got {
	res, err := c.http.Do(req)
	if err != nil {
		return got{err: err}
	}
	defer res.Body.Close()
	g := got{status: res.StatusCode, header: res.Header}
	g.body, g.err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if g.err == nil {
		g.reply = &wire.Reply{}
		g.bad = c.s.wire.Decode(op, g.header, g.body, &wire.Try{Key: c.s.wire.NewKey(c.cred)}, g.reply)
	}
	return g
}

// edges runs a test against the real server and in-process.
func edges(t *testing.T, cfg Config, f func(t *testing.T, c *caller)) {
	t.Helper()
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		srv, err := Start(cfg)
		require.NoError(t, err)
		transport := &http.Transport{}
		t.Cleanup(func() {
			transport.CloseIdleConnections()
			require.NoError(t, srv.Close())
		})
		f(t, &caller{
			t: t, s: srv.Sandbox, base: srv.URL, cred: srv.Credentials(),
			http: &http.Client{Transport: transport, CheckRedirect: noRedirect},
		})
	})
	t.Run("in-process", func(t *testing.T) {
		t.Parallel()
		f(t, inProcessCaller(t, cfg))
	})
}

func inProcessCaller(t testing.TB, cfg Config) *caller {
	t.Helper()
	s, err := New(cfg)
	require.NoError(t, err)
	return &caller{t: t, s: s, base: "https://sandbox.test", cred: s.Credentials(), http: &http.Client{
		Transport:     s.RoundTripper(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ticket asks for an OTP and reads it from the phone.
func (c *caller) ticket(n telco.MSISDN) field.Request {
	c.t.Helper()
	f := field.Request{MSISDN: n, Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}}
	g := c.do(context.Background(), telco.OpOTP, f)
	require.NoError(c.t, g.err)
	require.NoError(c.t, g.bad)
	require.Equal(c.t, wire.Success, g.reply.Class, g.reply.WireCode)
	code, ok := c.s.Code(n)
	require.True(c.t, ok)
	f.OTP, f.TransID, f.Amount = code, g.reply.Data.TransID, 120_000
	f.PartnerTransID = transid.Random()
	return f
}

// wrong is another code of the same length.
func wrong(otp telco.OTP) telco.OTP {
	digits := []byte(otp.Reveal())
	digits[0] = '0' + (digits[0]-'0'+1)%10
	other, err := telco.ParseOTP(string(digits))
	if err != nil {
		panic(err)
	}
	return other
}

func TestFourSteps(t *testing.T) {
	t.Parallel()
	edges(t, Config{}, func(t *testing.T, c *caller) {
		ctx := t.Context()
		g := c.do(ctx, telco.OpEligible, field.Request{MSISDN: good, Channel: "FPT", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}})
		require.NoError(t, g.bad)
		require.Len(t, g.reply.Data.Rows, 3)
		assert.Equal(t, telco.VND(720_000), g.reply.Data.Rows[2].Price)

		f := c.ticket(good)
		g = c.do(ctx, telco.OpRegister, f)
		require.NoError(t, g.err)
		require.NoError(t, g.bad)
		assert.Equal(t, http.StatusOK, g.status)
		assert.Equal(t, wire.Success, g.reply.Class)
		assert.Equal(t, f.TransID, g.reply.Data.TransID)
		assert.Equal(t, f.PartnerTransID, g.reply.Data.PartnerTransID)
		assert.Equal(t, 30*24*time.Hour, g.reply.Data.ExpiresAt.Sub(g.reply.Data.EffectiveFrom))
		assert.Equal(t, "req-3", g.reply.RequestID)

		now := c.s.Now()
		for op, f := range map[telco.Operation]field.Request{
			telco.OpGet:    {TransID: f.TransID, PartnerTransID: f.PartnerTransID},
			telco.OpList:   {From: now.Add(-time.Hour), To: now.Add(time.Hour), Page: 1, Size: 20},
			telco.OpSearch: {MSISDN: good, From: now.Add(-time.Hour), To: now.Add(time.Hour), Page: 1, Size: 20},
		} {
			g = c.do(ctx, op, f)
			require.NoError(t, g.bad, op)
			require.Len(t, g.reply.Data.Rows, 1, op)
			assert.Equal(t, telco.StateSuccess, g.reply.Data.Rows[0].State, op)
			assert.Equal(t, good, g.reply.Data.Rows[0].MSISDN, op)
		}
		assert.Equal(t, 1, c.s.Executed(good))
		assert.Equal(t, 1, c.s.ExecutedFor(f.PartnerTransID))
		for _, op := range field.Operations() {
			assert.Equal(t, 1, c.s.Requests(op), op)
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := t0
	c := inProcessCaller(t, Config{RateLimit: 0.5, RateBurst: 2, Now: func() time.Time { return now }})
	ask := func() got { return c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"}) }
	assert.Equal(t, http.StatusOK, ask().status)
	assert.Equal(t, http.StatusOK, ask().status)
	g := ask()
	assert.Equal(t, http.StatusTooManyRequests, g.status)
	assert.Equal(t, "2", g.header.Get("Retry-After"))
	assert.Equal(t, telco.RateLimited, g.reply.Code())
	now = now.Add(2 * time.Second)
	assert.Equal(t, http.StatusOK, ask().status)
	assert.Equal(t, http.StatusTooManyRequests, ask().status)
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	edges(t, Config{MaxBody: 1000}, func(t *testing.T, c *caller) {
		for _, tt := range []struct {
			method, path, body string
			want               int
		}{
			{"GET", "/", "", 404},
			{"POST", "/partner/v1/nothing", "{}", 404},
			{"GET", "/partner/v1/register", "", 405},
			{"POST", "/partner/v1/register", strings.Repeat("x", 1001), 413},
			{"POST", "/partner/v1/register", "{}", 401},
		} {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, c.base+tt.path, strings.NewReader(tt.body))
			require.NoError(t, err)
			res, err := c.http.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, tt.want, res.StatusCode, tt.path)
		}
		c.base += "/gateway/mobifone"
		g := c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		assert.NotEqual(t, http.StatusNotFound, g.status, "below a base path")
	})
}

// A body that breaks off was never received.
func TestBrokenRequestIsNotExecuted(t *testing.T) {
	t.Parallel()
	edges(t, Config{}, func(t *testing.T, c *caller) {
		f := c.ticket(good)
		req := c.request(context.Background(), telco.OpRegister, f)
		req.Body = &breaking{left: 10}
		g := c.send(telco.OpRegister, req)
		require.Error(t, g.err)
		assert.Equal(t, 0, c.s.Requests(telco.OpRegister))
		assert.Equal(t, 0, c.s.Executed(good))
	})
}

type breaking struct{ left int }

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, assert.AnError
	}
	n := min(len(p), b.left)
	b.left -= n
	for i := range n {
		p[i] = '{'
	}
	return n, nil
}

func (b *breaking) Close() error { return nil }
