package sandbox

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
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
