package sandbox

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// In a bubble time is exact, and a goroutine left behind fails the test.

func TestMagicNumbersOnTheWire(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		last     string
		takes    time.Duration
		err      error
		executed int
	}{
		{"000", 0, nil, 1},
		{"100", 0, nil, 1},
		{"200", 3 * time.Second, nil, 1},
		{"300", 30 * time.Second, context.DeadlineExceeded, 1},
		{"108", 0, io.EOF, 1},
		{"109", 0, io.EOF, 0},
		{"208", 3 * time.Second, io.EOF, 1},
		{"209", 3 * time.Second, io.EOF, 0},
	} {
		t.Run(tt.last, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := inProcessCaller(t, Config{})
				n := telco.MustParseMSISDN("0912345" + tt.last)
				f := c.ticket(n)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				g := c.do(ctx, telco.OpRegister, f)
				assert.Equal(t, tt.takes, time.Since(began))
				if tt.err != nil {
					require.ErrorIs(t, g.err, tt.err)
				} else {
					require.NoError(t, g.bad)
				}
				assert.Equal(t, tt.executed, c.s.Executed(n))
			})
		})
	}
}

// A request on its way is executed whether or not anybody still waits for the reply.
func TestClientGoneBeforeTheExecution(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := inProcessCaller(t, Config{Kind: "C"})
		f := c.ticket(good)
		require.NoError(t, c.s.Script(Fault{Kind: "latency", When: "before", Operation: telco.OpRegister, Delay: contract.Duration(time.Hour)}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.ErrorIs(t, c.do(ctx, telco.OpRegister, f).err, context.DeadlineExceeded)
		time.Sleep(time.Hour - 11*time.Second)
		assert.Equal(t, 0, c.s.Executed(good))
		time.Sleep(time.Second)
		assert.Equal(t, 1, c.s.Executed(good))
	})
}

func TestLateExecution(t *testing.T) {
	t.Parallel()
	for kind, executed := range map[string]int{"A": 1, "B": 0, "C": 1, "D": 0, "F": 1} {
		synctest.Test(t, func(t *testing.T) {
			c := inProcessCaller(t, Config{Kind: kind})
			f := c.ticket(good)
			require.NoError(t, c.s.Script(Fault{Kind: "late", Status: 504, Delay: contract.Duration(time.Hour)}))
			assert.Equal(t, 504, c.do(t.Context(), telco.OpRegister, f).status)
			g := c.do(t.Context(), telco.OpGet, field.Request{TransID: f.TransID, PartnerTransID: f.PartnerTransID})
			assert.Equal(t, telco.StateInit, g.reply.Data.Rows[0].State, "nothing to be seen of it")
			time.Sleep(time.Hour)
			assert.Equal(t, executed, c.s.Executed(good), kind)
		})
	}
}

func TestDuplicateMuchLater(t *testing.T) {
	t.Parallel()
	for _, accept := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := inProcessCaller(t, Config{Kind: "F", AcceptReplays: accept})
			f := c.ticket(good)
			require.NoError(t, c.s.Script(Fault{Kind: "duplicate", Delay: contract.Duration(time.Hour)}))
			require.NoError(t, c.do(t.Context(), telco.OpRegister, f).bad)
			assert.Equal(t, 1, c.s.Executed(good))
			time.Sleep(time.Hour)
			if accept {
				assert.Equal(t, 2, c.s.Executed(good))
			} else {
				assert.Equal(t, 1, c.s.Executed(good), "refused at the door")
			}
		})
	}
}

func TestDripTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := inProcessCaller(t, Config{})
		require.NoError(t, c.s.Script(Fault{Kind: "drip", Delay: contract.Duration(time.Second)}))
		began := time.Now()
		g := c.do(t.Context(), telco.OpGet, field.Request{TransID: "T1"})
		require.NoError(t, g.err)
		assert.Equal(t, time.Duration(len(g.body)+1)*time.Second, time.Since(began), "a second a byte, and one for the end")
	})
}

// Close must let go of everybody who waits.
func TestCloseLetsGo(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{
		{Kind: "silence"},
		{Kind: "latency", Delay: contract.Duration(time.Hour)},
		{Kind: "latency", When: "before", Delay: contract.Duration(time.Hour)},
		{Kind: "drip", Delay: contract.Duration(time.Hour)},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := inProcessCaller(t, Config{})
			require.NoError(t, c.s.Script(f))
			began := time.Now()
			done := make(chan got)
			go func() { done <- c.do(context.Background(), telco.OpGet, field.Request{TransID: "T1"}) }()
			time.Sleep(time.Minute)
			c.s.Close()
			assert.Error(t, (<-done).err)
			assert.Equal(t, time.Minute, time.Since(began))
			c.s.Close()
		})
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	f := c.ticket(good)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := c.request(ctx, telco.OpRegister, f)
	res, err := c.s.RoundTripper().RoundTrip(req)
	if res != nil {
		_ = res.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 0, c.s.Requests(telco.OpRegister))
}

func TestParallelRegistersOnce(t *testing.T) {
	t.Parallel()
	edges(t, Config{Kind: "B"}, func(t *testing.T, c *caller) {
		f := c.ticket(good)
		const n = 16
		codes := make(chan int, n)
		for range n {
			req := c.request(t.Context(), telco.OpRegister, f)
			go func() {
				res, err := c.http.Do(req)
				if err != nil {
					codes <- 0
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				codes <- res.StatusCode
			}()
		}
		for range n {
			assert.Equal(t, http.StatusOK, <-codes)
		}
		assert.Equal(t, 1, c.s.Executed(good))
		assert.Equal(t, n, c.s.Requests(telco.OpRegister))
	})
}

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
