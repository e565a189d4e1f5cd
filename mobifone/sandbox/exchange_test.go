package sandbox

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, c *caller, g got, want telco.Code) {
		t.Helper()
		require.NoError(t, g.err)
		require.NoError(t, g.bad)
		assert.Equal(t, http.StatusUnauthorized, g.status)
		assert.Equal(t, want, g.reply.Code())
		assert.Equal(t, 0, c.s.Executed(good))
	}
	edges(t, Config{}, func(t *testing.T, c *caller) {
		f := c.ticket(good)
		right := c.cred
		c.cred.APIKey = telco.NewSecret("other")
		refused(t, c, c.do(t.Context(), telco.OpRegister, f), telco.AuthKey)
		c.cred = right
		c.cred.Secret = telco.NewSecret("other")
		refused(t, c, c.do(t.Context(), telco.OpRegister, f), telco.AuthSignature)
		c.cred = right
		for _, off := range []time.Duration{301 * time.Second, -301 * time.Second} {
			c.skew = off
			refused(t, c, c.do(t.Context(), telco.OpRegister, f), telco.AuthTimestamp)
		}
		c.skew = 290 * time.Second
		assert.Equal(t, wire.Success, c.do(t.Context(), telco.OpRegister, f).reply.Class)
	})
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, accept := range []bool{false, true} {
		t.Run(strconv.FormatBool(accept), func(t *testing.T) {
			t.Parallel()
			edges(t, Config{Kind: "F", AcceptReplays: accept}, func(t *testing.T, c *caller) {
				f := c.ticket(good)
				c.nonce = "the-same"
				require.Equal(t, wire.Success, c.do(t.Context(), telco.OpRegister, f).reply.Class)
				g := c.do(t.Context(), telco.OpRegister, f)
				want, times := telco.AuthNonce, 1
				if accept {
					want, times = telco.Success, 2
				}
				assert.Equal(t, want, g.reply.Code())
				assert.Equal(t, times, c.s.Executed(good))
				assert.Equal(t, 2, c.s.Requests(telco.OpRegister))
			})
		})
	}
}

func TestNonceMemory(t *testing.T) {
	t.Parallel()
	n := newNonceMemory(3)
	assert.True(t, n.fresh("a", t0, time.Minute))
	assert.False(t, n.fresh("a", t0, time.Minute))
	assert.True(t, n.fresh("b", t0, time.Minute))
	assert.True(t, n.fresh("c", t0, time.Minute))
	assert.False(t, n.fresh("a", t0, time.Minute), "full, and still known")
	assert.True(t, n.fresh("d", t0, time.Minute))
	assert.True(t, n.fresh("a", t0, time.Minute), "the oldest made room")
	assert.False(t, n.fresh("d", t0.Add(time.Minute), time.Minute))
	assert.True(t, n.fresh("d", t0.Add(time.Minute+1), time.Minute), "out of the window")
	for i := range 1000 {
		n.fresh(strconv.Itoa(i), t0.Add(time.Hour), time.Minute)
	}
	assert.LessOrEqual(t, len(n.seen), 3)
	assert.LessOrEqual(t, len(n.ring), 8)
}

func TestClockAndSkew(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{Now: func() time.Time { return t0 }, Skew: time.Hour})
	g := c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
	assert.Equal(t, t0.Add(time.Hour).UTC().Format(http.TimeFormat), g.header.Get("Date"))
	assert.True(t, g.reply.Time.Equal(t0.Add(time.Hour)))
	c.s.SetSkew(-time.Minute)
	g = c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
	assert.True(t, g.reply.Time.Equal(t0.Add(-time.Minute)))
}

func TestBearer(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Auth = contract.Auth{Scheme: "bearer", Login: &contract.Login{
		Method: "POST", Path: "/login", Encoding: "json", Username: "user", Password: "pass",
		Token: "data.token", ExpiresIn: "data.ttl",
	}}
	served, err := contract.New(doc)
	require.NoError(t, err)
	edges(t, Config{Contract: served}, func(t *testing.T, c *caller) {
		logIn := func(cred telco.Credentials) (int, []byte) {
			w, err := c.s.wire.EncodeLogin(cred)
			require.NoError(t, err)
			req, err := http.NewRequestWithContext(t.Context(), w.Method, c.base+w.Path, strings.NewReader(string(w.Body)))
			require.NoError(t, err)
			req.Header.Set("Content-Type", w.ContentType)
			g := c.send(telco.OpGet, req)
			require.NoError(t, g.err)
			return g.status, g.body
		}
		bad := c.cred
		bad.Password = telco.NewSecret("wrong")
		status, _ := logIn(bad)
		assert.Equal(t, http.StatusUnauthorized, status)

		status, body := logIn(c.cred)
		require.Equal(t, http.StatusOK, status)
		token, ttl, err := c.s.wire.DecodeLogin(body)
		require.NoError(t, err)
		assert.Equal(t, time.Hour, ttl)
		assert.Equal(t, 2, c.s.Requests(opLogin))

		c.token = telco.NewSecret("guess")
		g := c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		assert.Equal(t, http.StatusUnauthorized, g.status)
		c.token = token
		g = c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		assert.Equal(t, http.StatusOK, g.status)
		c.s.RevokeTokens()
		g = c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		assert.Equal(t, http.StatusUnauthorized, g.status)
		require.NoError(t, c.s.Script(Fault{Operation: opLogin, Kind: "status", When: "before", Status: 503}))
		status, _ = logIn(c.cred)
		assert.Equal(t, http.StatusServiceUnavailable, status)
	})
}
