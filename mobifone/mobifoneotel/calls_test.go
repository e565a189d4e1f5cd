package mobifoneotel_test

// This file tests what is told of calls and requests, over the sandbox: the tree of spans and the
// values of the metrics.

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
)

// The attributes that the trees below show.
var (
	status   = attribute.Key("http.response.status_code")
	resend   = attribute.Key("http.request.resend_count")
	problem  = attribute.Key("error.type")
	outcome  = attribute.Key("mobifone.outcome")
	code     = attribute.Key("mobifone.code")
	wireCode = attribute.Key("mobifone.wire_code")
	tries    = attribute.Key("mobifone.tries")
	sends    = attribute.Key("mobifone.sends")
	pause    = attribute.Key("mobifone.limiter.pause")
	wait     = attribute.Key("mobifone.limiter.wait")
)

// once is one retry policy without a wait of chance: all waits are those of the test.
var once = mobifone.WithRetry(mobifone.Retry{Tries: 1})

// A read that is repeated is one span with one span below for each request, in the caller's trace.
// Each begins when the limiter granted the request and ends with its reply.
func TestARetriedReadIsATree(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		s.script(
			sandbox.Fault{Operation: telco.OpEligible, Kind: "latency", Delay: contract.Duration(2 * time.Second), Times: 2},
			sandbox.Fault{Operation: telco.OpEligible, Kind: "status", Status: 503},
		)
		ctx, caller := s.tracers.Tracer("the shop's").Start(t.Context(), "sell")
		require.NoError(t, s.eligible(ctx))
		caller.End()
		assert.Equal(t, `sell [internal] Unset
  mobifone packages.eligible [internal] Unset outcome=succeeded code=SUCCESS wire_code=0000 tries=2 sends=2
    POST /partner/v1/packages [client] Error status_code=503 type=503 code=MAINTENANCE
    POST /partner/v1/packages [client] Unset status_code=200 resend_count=1 code=SUCCESS
`, s.tree(status, resend, problem, outcome, code, wireCode, tries, sends))

		spans := map[oteltrace.SpanKind]trace.ReadOnlySpan{}
		for _, span := range s.spans.Ended()[:3] {
			spans[span.SpanKind()] = span // of the two requests the later one
			assert.Equal(t, caller.SpanContext().TraceID(), span.SpanContext().TraceID())
		}
		call, try := spans[oteltrace.SpanKindInternal], spans[oteltrace.SpanKindClient]
		assert.Equal(t, 2*time.Second, try.EndTime().Sub(try.StartTime()))
		assert.Equal(t, call.EndTime(), try.EndTime())
		for key, want := range map[attribute.Key]string{
			"server.address": "sandbox.test", "url.template": "/partner/v1/packages", "http.request.method": "POST",
			"mobifone.operation": "packages.eligible", "mobifone.lane": "foreground", "mobifone.sent": "true",
		} {
			got, _ := attr(try, key)
			assert.Equal(t, want, got, key)
		}
		assert.Equal(t, []string{"packages.eligible = 2"}, s.points("mobifone.client.sends"))
		assert.Equal(t, []string{"packages.eligible succeeded = 1 of 2"}, s.points("mobifone.client.call.tries"))
		assert.Equal(t, []string{"foreground packages.eligible succeeded = 1"}, s.points("mobifone.client.calls"))
		assert.Equal(t, []string{"SUCCESS packages.eligible = 1"}, s.points("mobifone.client.codes"))
		assert.Equal(t, []string{" = 19"}, s.points("mobifone.client.retries_left"))
		assert.Equal(t, []string{
			"503 POST 503 foreground packages.eligible sandbox.test /partner/v1/packages = 1 in 2s",
			"POST 200 foreground packages.eligible sandbox.test /partner/v1/packages = 1 in 2s",
		}, s.points("http.client.request.duration"))
	})
}

// A registration whose reply is lost was sent once, and nobody knows how it ended.
func TestALostRegistrationIsUnknown(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		s.script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"})
		err := s.register(t.Context())
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, `mobifone otp.request [internal] Unset outcome=succeeded code=SUCCESS sends=1
  POST /partner/v1/otp [client] Unset status_code=200 code=SUCCESS
mobifone registration.register [internal] Error type=local.REPLY_LOST outcome=unknown code=local.REPLY_LOST sends=1
  POST /partner/v1/register [client] Error type=local.REPLY_LOST code=local.REPLY_LOST
`, s.tree(status, problem, outcome, code, sends))
		assert.Equal(t, []string{"foreground otp.request succeeded = 1", "foreground registration.register unknown = 1"}, s.points("mobifone.client.calls"))
		assert.Equal(t, []string{"otp.request = 1", "registration.register = 1"}, s.points("mobifone.client.sends"))
	})
}

// A wrong OTP is an answer of MobiFone's and no error; what MobiFone called it is on the span.
func TestARefusalIsNoError(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		s.script(sandbox.Fault{Operation: telco.OpOTP, Kind: "code", Code: telco.OTPLimitExceeded})
		_, err := s.request(t.Context())
		require.Equal(t, telco.Rejected, telco.OutcomeOf(err))
		assert.Equal(t, `mobifone otp.request [internal] Unset outcome=rejected code=OTP_LIMIT_EXCEEDED wire_code=7005 sends=1
  POST /partner/v1/otp [client] Unset status_code=200 code=OTP_LIMIT_EXCEEDED
`, s.tree(status, problem, outcome, code, wireCode, sends))
	})
}

// full is a limiter that grants nothing after a while.
type full struct{ after time.Duration }

func (f full) Wait(ctx context.Context, _ telco.Call) error {
	select {
	case <-time.After(f.after):
		return errFull{}
	case <-ctx.Done():
		return ctx.Err()
	}
}

type errFull struct{}

func (errFull) Error() string             { return "full" }
func (errFull) RetryAfter() time.Duration { return time.Second }

// A request that the limiter refused asked MobiFone nothing: it has no span, and counts neither as
// sent nor in the duration of requests. Its wait counts as one that was refused.
func TestARequestThatTheLimiterRefusedHasNoSpan(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		_, err := s.request(t.Context())
		require.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Equal(t, "mobifone otp.request [internal] Error type=local.LIMIT_REACHED outcome=not sent code=local.LIMIT_REACHED tries=1 sends=0 !mobifone.stopped\n",
			s.tree(problem, outcome, code, tries, sends))
		assert.Equal(t, []string{"foreground refused otp.request = 1 in 4s"}, s.points("mobifone.client.limiter.wait"))
		assert.Empty(t, s.points("http.client.request.duration"))
		assert.Empty(t, s.points("mobifone.client.sends"))
		assert.Equal(t, []string{"foreground otp.request not sent = 1"}, s.points("mobifone.client.calls"))
	}, mobifone.WithLimiter(full{after: 4 * time.Second}), once)
}

// A 429 with a Retry-After is one pause of its lane, and the next request waits for its end.
func TestA429PausesALane(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		s.script(sandbox.Fault{Operation: telco.OpEligible, Kind: "status", Status: http.StatusTooManyRequests, RetryAfter: "7"})
		require.Error(t, s.eligible(t.Context()))
		require.NoError(t, s.eligible(t.Context()))
		assert.Equal(t, `mobifone packages.eligible [internal] Error
  POST /partner/v1/packages [client] Error status_code=429 pause=7 wait=0
mobifone packages.eligible [internal] Unset
  POST /partner/v1/packages [client] Unset status_code=200 wait=7
`, s.tree(status, pause, wait))
		assert.Equal(t, []string{"foreground = 1"}, s.points("mobifone.client.limiter.pauses"))
		assert.Equal(t, []string{"foreground granted packages.eligible = 2 in 7s"}, s.points("mobifone.client.limiter.wait"))
	}, once)
}

// Limiter, middleware and whatever else a call asks see the span of the call as the current one.
func TestWhatACallAsksIsBelowItsSpan(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(ctx context.Context) {
		span, ok := oteltrace.SpanFromContext(ctx).(trace.ReadOnlySpan)
		if ok {
			seen = append(seen, span.Name())
		}
	}
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		require.NoError(t, s.eligible(t.Context()))
		assert.Equal(t, []string{"mobifone packages.eligible", "mobifone packages.eligible"}, seen)
	}, mobifone.WithLimiter(watched(note)), mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) { note(req.Context()); return next.RoundTrip(req) })
	}))
}

type watched func(context.Context)

func (w watched) Wait(ctx context.Context, _ telco.Call) error { w(ctx); return nil }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A hook of the user's may begin a span of its own inside ours: each ends its own.
func TestASpanOfTheUsersInsideOursStaysTheirs(t *testing.T) {
	t.Parallel()
	var theirs oteltrace.Span
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		client := connect(t, s.sandbox, "https://sandbox.test", mobifone.WithHTTPClient(&http.Client{Transport: s.sandbox.RoundTripper()}),
			mobifone.WithHooks(s.telemetry.Hooks()), mobifone.WithHooks(mobifone.Hooks{
				OnBegin: func(ctx context.Context, _ telco.CallEvent) context.Context {
					ctx, theirs = s.tracers.Tracer("theirs").Start(ctx, "theirs")
					return ctx
				},
			}))
		s.client = client
		require.NoError(t, s.eligible(t.Context()))
		require.True(t, theirs.IsRecording())
		theirs.End()
		assert.Equal(t, `mobifone packages.eligible [internal] Unset
  POST /partner/v1/packages [client] Unset
  theirs [internal] Unset
`, s.sorted())
	})
}

// sorted is the tree with the children of a span in the order of their names.
func (s *stage) sorted() string {
	lines := strings.SplitAfter(s.tree(), "\n")
	if len(lines) > 2 && lines[1] > lines[2] {
		lines[1], lines[2] = lines[2], lines[1]
	}
	return strings.Join(lines, "")
}

// Without a provider nothing of its kind is made; a trace that is not sampled has no spans.
func TestNothingIsMadeThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
		never := trace.NewTracerProvider(trace.WithSpanProcessor(recorder), trace.WithSampler(trace.NeverSample()))
		meters := metric.NewMeterProvider(metric.WithReader(reader))
		for _, tc := range []struct {
			tp oteltrace.TracerProvider
			mp otelmetric.MeterProvider
		}{{nil, nil}, {nil, meters}, {never, nil}, {s.tracers, nil}} {
			telemetry, err := mobifoneotel.New(tc.tp, tc.mp)
			require.NoError(t, err)
			telemetry.LimiterDown(errors.New("no engine"))
			stop, err := telemetry.WatchSales(sale.NewMemory())
			require.NoError(t, err)
			require.NoError(t, stop())
			s.client = connect(t, s.sandbox, "https://sandbox.test", mobifone.WithHTTPClient(&http.Client{Transport: s.sandbox.RoundTripper()}),
				mobifone.WithHooks(telemetry.Hooks()))
			require.NoError(t, s.eligible(t.Context()))
		}
		assert.Empty(t, recorder.Ended())
		assert.Len(t, s.spans.Ended(), 2, "of the last one")
		assert.Empty(t, s.points("mobifone.client.sends"))
	})
}

// Many calls at once, in both lanes, are all told.
func TestCallsAtOnceAreAllTold(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { assert.NoError(t, s.eligible(t.Context())) })
			all.Go(func() { _, _ = s.collect() })
		}
		all.Wait()
		assert.Equal(t, []string{"foreground packages.eligible succeeded = 50"}, s.points("mobifone.client.calls"))
		assert.Len(t, s.spans.Ended(), 100)
	})
}

// The gauge of the limiter's engine is there from the beginning, or nobody could tell "up" from
// "not told".
func TestTheLimitersEngineIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		assert.Equal(t, []string{" = 0"}, s.points("mobifone.limiter.down"))
		s.telemetry.LimiterDown(errors.New("no engine"))
		assert.Equal(t, []string{" = 1"}, s.points("mobifone.limiter.down"))
		s.telemetry.LimiterDown(nil)
		assert.Equal(t, []string{" = 0"}, s.points("mobifone.limiter.down"))
	})
}

// A lookup that finds nothing has an unknown outcome, as for the SDK, and is no error: a resolver
// hears it all the time.
func TestALookupThatFindsNothingIsNoError(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		_, err := s.client.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T1", PartnerTransID: s.id()})
		require.ErrorIs(t, err, telco.TransactionNotFound)
		assert.Equal(t, `mobifone transactions.get [internal] Unset outcome=unknown code=TRANSACTION_NOT_FOUND
  GET /partner/v1/transaction [client] Unset code=TRANSACTION_NOT_FOUND
`, s.tree(problem, outcome, code))
	})
}

// A request that was given up on the wire was granted by the limiter, whatever its code.
func TestOnlyTheLimitersOwnRefusalCountsAsOne(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		hooks := s.telemetry.Hooks()
		for _, onWire := range []bool{true, false} {
			hooks.OnTry(t.Context(), telco.TryEvent{Operation: telco.OpOTP, Code: telco.Canceled, OnWire: onWire})
		}
		hooks.OnTry(t.Context(), telco.TryEvent{Operation: telco.OpOTP, Code: telco.CredentialsFailed})
		assert.Equal(t, []string{"foreground granted otp.request = 2 in 0s", "foreground refused otp.request = 1 in 0s"},
			s.points("mobifone.client.limiter.wait"))
	})
}

// What an alert looks for an increase in is there before it first happens.
func TestCountersBehindAlertsBeginAtZero(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		all, err := s.collect()
		require.NoError(t, err)
		assert.Contains(t, everyPoint(all, "mobifone.client.calls"), "foreground registration.register unknown = 0")
		assert.Contains(t, everyPoint(all, "mobifone.client.limiter.pauses"), "foreground = 0")
		assert.Contains(t, everyPoint(all, "mobifone.sale.alarms"), "Review = 0")
	})
}

// Once a kind of call was seen, metrics allocate nothing for it.
func TestMetricsAllocateNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	telemetry, err := mobifoneotel.New(nil, metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())))
	require.NoError(t, err)
	hooks, ctx := telemetry.Hooks(), t.Context()
	try := telco.TryEvent{
		Operation: telco.OpEligible, Method: http.MethodPost, Route: "/packages", Host: "sandbox.test:443", Try: 1, HTTPStatus: 200,
		Code: telco.Success, OnWire: true, Sent: true, Duration: time.Second, Pause: time.Second,
	}
	end := telco.CallEvent{Operation: telco.OpEligible, Outcome: telco.Succeeded, Code: telco.Success, RetriesLeft: 20}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		hooks.OnTry(ctx, try)
		hooks.OnCall(ctx, end)
	}))
}
