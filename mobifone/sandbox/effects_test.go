package sandbox

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// faultCase is one fault on a registration: what the client sees, and whether the
// customer was charged.
type faultCase struct {
	name     string
	fault    Fault
	cfg      Config
	executed int
	check    func(t *testing.T, g got)
}

func eof(t *testing.T, g got) {
	t.Helper()
	assert.Truef(t, errors.Is(g.err, io.EOF) || errors.Is(g.err, io.ErrUnexpectedEOF), "%v", g.err)
}

func rst(t *testing.T, g got) { t.Helper(); assert.ErrorIs(t, g.err, syscall.ECONNRESET) }

func timeout(t *testing.T, g got) { t.Helper(); assert.ErrorIs(t, g.err, context.DeadlineExceeded) }

func unreadable(t *testing.T, g got) {
	t.Helper()
	require.NoError(t, g.err)
	assert.Equal(t, 200, g.status)
	assert.Error(t, g.bad)
}

func code(want telco.Code, status int) func(*testing.T, got) {
	return func(t *testing.T, g got) {
		t.Helper()
		require.NoError(t, g.err)
		require.NoError(t, g.bad)
		assert.Equal(t, want, g.reply.Code())
		assert.Equal(t, status, g.status)
	}
}

func bareStatus(status int, header ...string) func(*testing.T, got) {
	return func(t *testing.T, g got) {
		t.Helper()
		require.NoError(t, g.err)
		assert.Equal(t, status, g.status)
		assert.Error(t, g.bad, "no envelope")
		for i := 0; i < len(header); i += 2 {
			assert.Equal(t, header[i+1], g.header.Get(header[i]))
		}
	}
}

func faultCases() []faultCase {
	replays := Config{Kind: "F", AcceptReplays: true}
	d := func(v time.Duration) contract.Duration { return contract.Duration(v) }
	cases := []faultCase{
		{"latency before", Fault{Kind: "latency", When: "before", Delay: d(time.Millisecond)}, Config{}, 1, code(telco.Success, 200)},
		{"latency after", Fault{Kind: "latency", Delay: d(time.Millisecond)}, Config{}, 1, code(telco.Success, 200)},
		{"latency past the client", Fault{Kind: "latency", Delay: d(time.Hour)}, Config{}, 1, timeout},
		{"drop before", Fault{Kind: "drop", When: "before"}, Config{}, 0, eof},
		{"drop after", Fault{Kind: "drop"}, Config{}, 1, eof},
		{"reset before", Fault{Kind: "drop", When: "before", Reset: true}, Config{}, 0, rst},
		{"reset after", Fault{Kind: "drop", Reset: true}, Config{}, 1, rst},
		{"silence before", Fault{Kind: "silence", When: "before"}, Config{}, 0, timeout},
		{"silence after", Fault{Kind: "silence"}, Config{}, 1, timeout},
		{"cut at 0", Fault{Kind: "cut"}, Config{}, 1, eof},
		{"cut at 20", Fault{Kind: "cut", Bytes: 20}, Config{}, 1, eof},
		{"cut by one", Fault{Kind: "cut", Bytes: 1 << 20}, Config{}, 1, eof},
		{"length too long", Fault{Kind: "length", Bytes: 5}, Config{}, 1, eof},
		{"length too short", Fault{Kind: "length", Bytes: -5}, Config{}, 1, unreadable},
		{"contradiction", Fault{Kind: "contradict"}, Config{}, 1, func(t *testing.T, g got) {
			if strings.Contains(string(g.body), `"success"`) {
				unreadable(t, g)
			} else {
				code(telco.Success, 200)(t, g) // the contract has no flag to contradict
			}
		}},
		{"status 500 before", Fault{Kind: "status", When: "before", Status: 500}, Config{}, 0, bareStatus(500)},
		{"status 502 after", Fault{Kind: "status", Status: 502}, Config{}, 1, bareStatus(502)},
		{"status 408", Fault{Kind: "status", Status: 408}, Config{}, 1, bareStatus(408)},
		{"status 401", Fault{Kind: "status", Status: 401}, Config{}, 1, bareStatus(401)},
		{"status 204", Fault{Kind: "status", Status: 204}, Config{}, 1, bareStatus(204)},
		{"status 429", Fault{Kind: "status", Status: 429, RetryAfter: "-1"}, Config{}, 1, bareStatus(429, "Retry-After", "-1")},
		{
			"status 307",
			Fault{Kind: "status", When: "before", Status: 307, Location: "https://elsewhere.test/"},
			Config{},
			0,
			bareStatus(307, "Location", "https://elsewhere.test/"),
		},
		{"code before", Fault{Kind: "code", When: "before", Code: telco.Maintenance}, Config{}, 0, code(telco.Maintenance, 200)},
		{"code after", Fault{Kind: "code", Code: telco.SystemError, Status: 500}, Config{}, 1, code(telco.SystemError, 500)},
		{"unlisted code", Fault{Kind: "code", WireCode: "4711"}, Config{}, 1, func(t *testing.T, g got) {
			require.NoError(t, g.bad)
			assert.Equal(t, "4711", g.reply.WireCode)
			assert.Empty(t, g.reply.Code())
		}},
		{"late, silent", Fault{Kind: "late", Delay: d(time.Hour)}, Config{}, 0, timeout},
		{"late, 504", Fault{Kind: "late", Delay: d(time.Hour), Status: 504}, Config{}, 0, bareStatus(504)},
		{"late, at once", Fault{Kind: "late", Status: 504}, Config{}, 1, bareStatus(504)},
		{"duplicate", Fault{Kind: "duplicate"}, Config{Kind: "F"}, 1, code(telco.Success, 200)},
		{"duplicate, the copy's reply", Fault{Kind: "duplicate", Second: true}, Config{Kind: "F"}, 1, code(telco.AuthNonce, 401)},
		{"duplicate without nonces", Fault{Kind: "duplicate"}, replays, 2, code(telco.Success, 200)},
		{"duplicate, used", Fault{Kind: "duplicate", Second: true}, Config{AcceptReplays: true}, 1, code(field.TransactionExpired, 200)},
		{"duplicate, later", Fault{Kind: "duplicate", Delay: d(time.Hour)}, replays, 1, code(telco.Success, 200)},
		{"wrong ids", Fault{Kind: "wrong-ids"}, Config{}, 1, code(telco.Success, 200)},
		{"another sale", Fault{Kind: "other-sale"}, Config{}, 1, code(telco.Success, 200)},
		{"drip", Fault{Kind: "drip", Delay: d(time.Hour)}, Config{}, 1, timeout},
		{"slow drip", Fault{Kind: "drip", Delay: 1}, Config{}, 1, code(telco.Success, 200)},
		{"big header", Fault{Kind: "big-header"}, Config{}, 1, func(t *testing.T, g got) { assert.ErrorContains(t, g.err, "headers exceeded") }},
		{"large header", Fault{Kind: "big-header", Bytes: 1000}, Config{}, 1, func(t *testing.T, g got) { assert.Len(t, g.header.Get("X-Padding"), 1000) }},
		{"interim", Fault{Kind: "interim", Bytes: 3}, Config{}, 1, code(telco.Success, 200)},
		{"endless", Fault{Kind: "endless"}, Config{}, 1, func(t *testing.T, g got) { assert.Len(t, g.body, 1<<20) }},
		{"gzip bomb", Fault{Kind: "gzip-bomb", Bytes: 8 << 20}, Config{}, 1, func(t *testing.T, g got) { assert.Len(t, g.body, 1<<20) }},
	}
	for _, g := range shapes {
		cases = append(cases, faultCase{"garbled: " + g.shape, Fault{Kind: "garble", Shape: g.shape}, Config{}, 1, unreadable})
	}
	return cases
}

func TestFaultsOnRegister(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{"absent": true, "stale": true} // of lookups: below
	for _, tt := range faultCases() {
		tested[tt.fault.Kind] = true
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edges(t, tt.cfg, func(t *testing.T, c *caller) {
				f := c.ticket(good)
				fault := tt.fault
				fault.Operation = telco.OpRegister
				require.NoError(t, c.s.Script(fault))
				// A deadline for those that never answer; the others are done long before.
				wait := 30 * time.Second
				if g := tt.fault; g.Kind == "silence" || time.Duration(g.Delay) == time.Hour && g.Status == 0 && g.Kind != "duplicate" {
					wait = 100 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				g := c.do(ctx, telco.OpRegister, f)
				tt.check(t, g)
				assert.Equal(t, tt.executed, c.s.Executed(good))
				assert.Equal(t, 1, c.s.Requests(telco.OpRegister))
				assert.Empty(t, c.s.Scripted(), "met once")
				if tt.fault.Kind == "wrong-ids" || tt.fault.Kind == "other-sale" {
					assert.NotEqual(t, f.TransID, g.reply.Data.TransID)
					assert.NotEqual(t, f.PartnerTransID, g.reply.Data.PartnerTransID)
				}
			})
		})
	}
	for _, e := range effects {
		assert.True(t, tested[e.kind], "no case for %s", e.kind)
	}
}

func TestAnotherSalesReply(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	first := c.ticket(telco.MustParseMSISDN("0912345100"))
	require.Equal(t, wire.Success, c.do(t.Context(), telco.OpRegister, first).reply.Class)
	f := c.ticket(good)
	require.NoError(t, c.s.Script(Fault{Kind: "other-sale", Operation: telco.OpRegister}, Fault{Kind: "other-sale", Operation: telco.OpGet}))
	assert.Equal(t, first.TransID, c.do(t.Context(), telco.OpRegister, f).reply.Data.TransID)
	g := c.do(t.Context(), telco.OpGet, field.Request{TransID: f.TransID})
	assert.NotEqual(t, f.TransID, g.reply.Data.Rows[0].TransID)
}

func TestLookupsLie(t *testing.T) {
	t.Parallel()
	now := t0
	c := inProcessCaller(t, Config{Now: func() time.Time { return now }})
	f := c.ticket(good)
	now = now.Add(10 * time.Second)
	require.Equal(t, wire.Success, c.do(t.Context(), telco.OpRegister, f).reply.Class)
	now = now.Add(10 * time.Second)
	ids := field.Request{TransID: f.TransID}
	see := func() string {
		g := c.do(t.Context(), telco.OpGet, ids)
		require.NoError(t, g.bad)
		if g.reply.Code() != telco.Success {
			return string(g.reply.Code())
		}
		return g.reply.Data.Rows[0].State.String()
	}
	require.NoError(t, c.s.Script(Fault{Kind: "absent", Operation: telco.OpGet}))
	assert.Equal(t, []string{"TRANSACTION_NOT_FOUND", "SUCCESS"}, []string{see(), see()})

	require.NoError(t, c.s.Script(Fault{Kind: "stale", Delay: contract.Duration(15 * time.Second), Every: 2, Times: 2}))
	assert.Equal(t, []string{"INIT", "SUCCESS", "INIT", "SUCCESS"}, []string{see(), see(), see(), see()}, "flip-flop")

	require.NoError(t, c.s.Script(Fault{Kind: "absent", Operation: telco.OpList}))
	list := field.Request{From: t0.Add(-time.Hour), To: t0.Add(time.Hour), Page: 1, Size: 10}
	g := c.do(t.Context(), telco.OpList, list)
	require.NoError(t, g.bad)
	assert.Empty(t, g.reply.Data.Rows)
	assert.Equal(t, 0, *g.reply.Data.Total)
	assert.Len(t, c.do(t.Context(), telco.OpList, list).reply.Data.Rows, 1)

	require.NoError(t, c.s.Script(
		Fault{Kind: "absent", Operation: telco.OpGet}, Fault{Kind: "code", Code: telco.Maintenance, Operation: telco.OpGet},
	))
	assert.Equal(t, []string{"MAINTENANCE", "SUCCESS"}, []string{see(), see()}, "faults of one request work together")
}

// Faults that meet on one lookup all count, also those that keep MobiFone from being asked:
// the answer is taken from the past, and then it is changed.
func TestFaultsOfLookupsWorkTogether(t *testing.T) {
	t.Parallel()
	now := t0
	c := inProcessCaller(t, Config{Now: func() time.Time { return now }})
	f := c.ticket(good)
	now = now.Add(10 * time.Second)
	require.Equal(t, wire.Success, c.do(t.Context(), telco.OpRegister, f).reply.Class)
	ids := field.Request{TransID: f.TransID}

	stale := Fault{Kind: "stale", Operation: telco.OpGet, Delay: contract.Duration(5 * time.Second)}
	require.NoError(t, c.s.Script(stale, Fault{Kind: "wrong-ids", Operation: telco.OpGet}))
	row := c.do(t.Context(), telco.OpGet, ids).reply.Data.Rows[0]
	assert.Equal(t, telco.StateInit, row.State)
	assert.NotEqual(t, f.TransID, row.TransID)

	require.NoError(t, c.s.Script(Fault{Kind: "absent", Operation: telco.OpGet}, Fault{Kind: "code", Operation: telco.OpGet, Code: telco.Maintenance}))
	assert.Equal(t, telco.Maintenance, c.do(t.Context(), telco.OpGet, ids).reply.Code())
}
