package sandbox

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

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
		for _, op := range telco.Operations() {
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

func TestTruth(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]struct {
		dedupe, late bool
		delay        time.Duration
	}{
		"A": {dedupe: true, delay: time.Minute},
		"B": {late: true, delay: time.Minute},
		"C": {delay: time.Minute},
		"D": {late: true, delay: time.Minute},
		"E": {delay: time.Hour + time.Minute},
		"F": {delay: -1},
	} {
		c, err := Config{Kind: kind}.Truth()
		require.NoError(t, err)
		s := c.Semantics()
		assert.Equal(t, want.dedupe, s.DedupeByPartnerTransID, kind)
		assert.Equal(t, want.late, s.OTPExpiryCheckedAtExecution, kind)
		if want.delay < 0 {
			assert.Nil(t, s.MaxExecutionDelay, kind)
		} else if assert.NotNil(t, s.MaxExecutionDelay, kind) {
			assert.Equal(t, want.delay, time.Duration(*s.MaxExecutionDelay), kind)
		}
	}
	c, err := Config{LookupLag: 7 * time.Second, OTPTTL: time.Minute}.Truth()
	require.NoError(t, err)
	assert.Equal(t, contract.Duration(7*time.Second), c.Semantics().LookupLagMax)
	assert.Equal(t, contract.Duration(time.Minute), c.Semantics().OTPTTL)
	assert.Nil(t, contract.Default().Semantics().MaxExecutionDelay, "the default stays as it was")
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

// The magic numbers that the road does not touch: timed_test.go has those that it does.
func TestMagicNumbers(t *testing.T) {
	t.Parallel()
	for last, want := range map[string]telco.Code{
		"100": telco.Success, "101": telco.Processing, "202": telco.Processing, "103": telco.NotEligible,
		"104": telco.PackageAlreadyRegistered, "105": telco.SubscriberInactive, "106": telco.OTPInvalid,
		"107": telco.OTPExpired, "018": telco.Success, "999": telco.Success,
	} {
		c := inProcessCaller(t, Config{SlowReply: 1})
		f := c.ticket(telco.MustParseMSISDN("0912345" + last))
		assert.Equal(t, want, c.do(t.Context(), telco.OpRegister, f).reply.Code(), last)
	}
	assert.Equal(t, Subscriber{lost: after, pace: slow}, magic(telco.MustParseMSISDN("0912345208")))
	assert.Equal(t, Subscriber{lost: before, pace: glacial}, magic(telco.MustParseMSISDN("0912345309")))
	assert.Equal(t, Subscriber{}, magic(telco.MSISDN{}))
}

// What a test sets replaces what the number says, at MobiFone and on the road.
func TestSetSubscriber(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{})
	n := telco.MustParseMSISDN("0912345104")
	c.s.SetSubscriber(n, Subscriber{lost: after})
	require.ErrorIs(t, c.do(t.Context(), telco.OpRegister, c.ticket(n)).err, io.EOF)
	assert.Equal(t, 1, c.s.Executed(n))

	for code, sub := range map[telco.Code]Subscriber{
		telco.SubscriberNotFound: {Unknown: true},
		telco.NotPrepaid:         {Postpaid: true},
		telco.SubscriberInactive: {Barred: true},
		telco.OTPNotDelivered:    {NoSMS: true},
	} {
		c := inProcessCaller(t, Config{})
		c.s.SetSubscriber(n, sub)
		g := c.do(t.Context(), telco.OpOTP, field.Request{MSISDN: n, Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}})
		assert.Equal(t, code, g.reply.Code())
	}
	c.s.SetSubscriber(good, Subscriber{Ineligible: map[telco.PackageCode]telco.Code{"C120": telco.CommitmentActive}})
	assert.Equal(t, telco.CommitmentActive, c.do(t.Context(), telco.OpRegister, c.ticket(good)).reply.Code())
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Kind: "G", LookupLag: -1, OTPAttempts: -1, TokenTTL: -1, MaxBody: -1})
	require.Error(t, err)
	for _, want := range []string{`kind "G": one of A, B, C, D, E, F`, "LookupLag", "OTPAttempts", "TokenTTL", "MaxBody"} {
		assert.ErrorContains(t, err, want)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		assert.True(t, strings.HasPrefix(line, "sandbox: "), line)
	}
	_, err = New(Config{Packages: []catalog.Package{{}}})
	require.ErrorContains(t, err, "sandbox: package")
}

// Whatever the config leaves open is written out, and means the same again.
func TestDefaultConfig(t *testing.T) {
	t.Parallel()
	c := Config{}.withDefaults()
	assert.Equal(t, Kind("C"), c.Kind)
	assert.Equal(t, 180*time.Second, c.OTPTTL)
	assert.Equal(t, 60*time.Second, c.MaxDelay)
	assert.Len(t, c.Packages, 3)
	assert.NotNil(t, c.Random)
	assert.Equal(t, 10, c.OTPPerDay)
	c = Config{Kind: "E", ResendAfter: -1}.withDefaults()
	assert.Equal(t, []time.Duration{time.Hour, time.Hour + time.Minute, -1}, []time.Duration{c.Queue, c.MaxDelay, c.ResendAfter})
}

// A setting of MobiFone's is one of the sandbox's, and reaches the model.
func TestEverySettingReachesTheModel(t *testing.T) {
	t.Parallel()
	full := Config{
		Kind: "E", Contract: contract.Default(), Packages: catalog.Default().All(), Random: ledger.Crypto{},
		OTPTTL: 1, ResendAfter: 2, OTPAttempts: 3, OTPPerDay: 4, VoidEarlier: true, PendingFor: 5, LookupLag: 6, Queue: 7, MaxDelay: 8,
	}
	public, plain := reflect.ValueOf(full), reflect.ValueOf(Config{Kind: "E"}.withDefaults())
	core, defaults := reflect.ValueOf(full.mobifone()), reflect.ValueOf(ledger.Config{Kind: ledger.KindE}.WithDefaults())
	for i := range core.NumField() {
		name := core.Type().Field(i).Name
		if name == "Customer" {
			continue // New sets it
		}
		assert.False(t, core.Field(i).IsZero(), name)
		if name != "Kind" && name != "Contract" {
			assert.Equal(t, core.Field(i).Interface(), public.FieldByName(name).Interface(), name)
			assert.Equal(t, defaults.Field(i).Interface(), plain.FieldByName(name).Interface(), name)
		}
	}
}
