package mobifone_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// events keeps what hooks were told.
type events struct {
	mu    sync.Mutex
	tries []telco.TryEvent
	calls []telco.CallEvent
}

type ctxKey struct{}

func (e *events) hooks(t *testing.T) mobifone.Hooks {
	t.Helper()
	return mobifone.Hooks{
		OnTry: func(ctx context.Context, ev telco.TryEvent) {
			e.mu.Lock()
			defer e.mu.Unlock()
			assert.Equal(t, "the caller's", ctx.Value(ctxKey{}))
			e.tries = append(e.tries, ev)
		},
		OnCall: func(ctx context.Context, ev telco.CallEvent) {
			e.mu.Lock()
			defer e.mu.Unlock()
			assert.Equal(t, "the caller's", ctx.Value(ctxKey{}))
			e.calls = append(e.calls, ev)
		},
	}
}

func (e *events) take() (tries []telco.TryEvent, calls []telco.CallEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tries, calls = e.tries, e.calls
	e.tries, e.calls = nil, nil
	return tries, calls
}

// OnTry is told of each request and OnCall of each call, with what the evidence says and
// the time that passed: in the limiter, and from its grant to the reply's last byte.
func TestHooksAreToldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var e events
		g := &gate{}
		g.set(func(context.Context, telco.Call) error { <-time.After(2 * time.Second); return nil })
		client := w.client(t, quick(3), mobifone.WithHooks(e.hooks(t)), mobifone.WithLimiter(g))
		ctx := context.WithValue(t.Context(), ctxKey{}, "the caller's")
		w.say(func(n int, _ arrival) (*http.Response, error) {
			<-time.After(3 * time.Second)
			switch n {
			case 0:
				return answer(503, "no"), nil
			case 1:
				return nil, errReset
			}
			return nil, nil //nolint:nilnil // says: MobiFone's own answer
		})
		require.NoError(t, eligible(ctx, client.Background()))
		tries, calls := e.take()
		require.Len(t, tries, 3)
		require.Len(t, calls, 1)
		for i, want := range []int{503, 0, 200} {
			ev := tries[i]
			assert.Equal(t, telco.OpEligible, ev.Operation)
			assert.Equal(t, telco.Background, ev.Lane)
			assert.Equal(t, i+1, ev.Try)
			assert.Equal(t, want, ev.HTTPStatus)
			assert.True(t, ev.Sent)
			assert.Equal(t, 2*time.Second, ev.LimitWait)
			assert.Equal(t, 3*time.Second, ev.Duration)
			assert.Equal(t, w.arrivals(telco.OpEligible)[i].req.Header.Get(requestIDHeader), ev.RequestID)
		}
		require.NoError(t, tries[0].Err, "a reply came")
		require.ErrorIs(t, tries[1].Err, telco.ReplyLost)
		require.NoError(t, tries[2].Err)
		assert.Equal(t, telco.Succeeded, calls[0].Outcome)
		assert.Equal(t, telco.Success, calls[0].Code)
		assert.Equal(t, "0000", calls[0].WireCode)
		assert.Equal(t, 3, calls[0].Evidence.Tries)
		assert.NoError(t, calls[0].Err)
		assert.GreaterOrEqual(t, calls[0].Duration, 15*time.Second)
	})
}

// Each end of a call is told, with the error the caller gets; what never left is told as
// not sent.
func TestHooksTellEachEnd(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var e events
		g := &gate{}
		client := w.client(t, quick(1), mobifone.WithHooks(e.hooks(t)), mobifone.WithLimiter(g))
		ctx := context.WithValue(t.Context(), ctxKey{}, "the caller's")
		require.NoError(t, eligible(ctx, client))
		e.take()
		req := aRequest(t)
		register := func() error { _, err := client.Registration.Register(ctx, req); return err }
		ask := func() error { _, err := client.OTP.Request(ctx, otpRequest()); return err }
		refuseDial := func(int, arrival) (*http.Response, error) { return nil, dialError() }
		for _, tc := range []struct {
			name    string
			call    func() error
			script  script
			limit   func(context.Context, telco.Call) error
			outcome telco.Outcome
			code    telco.Code
			sent    bool
		}{
			{"a dial that failed", func() error { return eligible(ctx, client) }, refuseDial, nil, telco.NotSent, telco.ConnectFailed, false},
			{"an empty limiter", ask, nil, func(context.Context, telco.Call) error { return comeBack(1) }, telco.NotSent, telco.LimitReached, false},
			{"an OTP refused", ask, func(int, arrival) (*http.Response, error) { return answer(200, `{"errorCode":"7005"}`), nil }, nil, telco.Rejected, telco.OTPLimitExceeded, true},
			{"a registration lost", register, func(int, arrival) (*http.Response, error) { return nil, errReset }, nil, telco.Unknown, telco.ReplyLost, true},
		} {
			w.say(tc.script)
			g.set(tc.limit)
			err := tc.call()
			tries, calls := e.take()
			require.Len(t, tries, 1, tc.name)
			require.Len(t, calls, 1, tc.name)
			assert.Equal(t, tc.sent, tries[0].Sent, tc.name)
			assert.Equal(t, tc.outcome, calls[0].Outcome, tc.name)
			assert.Equal(t, tc.code, calls[0].Code, tc.name)
			assert.Equal(t, tc.outcome, telco.OutcomeOf(err), tc.name)
			require.ErrorIs(t, calls[0].Err, tc.code, tc.name)
			assert.Equal(t, evidenceOf(t, err), calls[0].Evidence, tc.name)
		}
		require.NoError(t, client.Close(ctx))
		err := eligible(ctx, client)
		tries, calls := e.take()
		assert.Empty(t, tries, "nothing was begun")
		require.Len(t, calls, 1)
		assert.Equal(t, telco.ClientClosed, calls[0].Code)
		require.ErrorIs(t, err, telco.ClientClosed)
	})
}

// Events hold nothing personal, also where MobiFone or the wire repeats all it was
// given.
func TestEventsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var l leaks
		client := w.client(t, quick(2), mobifone.WithHooks(l.hooks()))
		req := toOTP(t, client)
		for _, s := range []script{
			func(_ int, a arrival) (*http.Response, error) { return nil, wireError(a.body) },
			func(_ int, a arrival) (*http.Response, error) {
				return nil, errors.New(a.req.URL.String() + string(a.body))
			},
			func(_ int, a arrival) (*http.Response, error) { return answer(200, string(a.body)), nil },
			func(_ int, a arrival) (*http.Response, error) {
				return answer(200, fmt.Sprintf(`{"errorCode":"7 %s","message":%q}`, given(a), a.body)), nil
			},
			func(_ int, a arrival) (*http.Response, error) {
				return answer(302, "", "Location", "https://elsewhere.test/%zz?"+given(a)), nil
			},
		} {
			w.say(s)
			require.Error(t, eligible(t.Context(), client))
			again := req
			again.PartnerTransID = transid.Random()
			again.TransID = telco.TransID("T-" + string(again.PartnerTransID))
			_, err := client.Registration.Register(t.Context(), again)
			require.Error(t, err)
		}
		l.check(t)
	})
}

// given is what of personal data a request carried.
func given(a arrival) string {
	if a.op == telco.OpRegister {
		return canaryMSISDN + " " + canaryOTP
	}
	return canaryMSISDN
}

// A hook may hand an error on to another goroutine: what the caller gets is not written
// to after that.
func TestHooksMayKeepErrors(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var kept sync.WaitGroup
	read := func(err error) {
		if err != nil {
			kept.Go(func() { _ = fmt.Sprint(err) })
		}
	}
	client := newClient(t, p, mobifone.WithHooks(mobifone.Hooks{
		OnTry:  func(_ context.Context, e telco.TryEvent) { read(e.Err) },
		OnCall: func(_ context.Context, e telco.CallEvent) { read(e.Err) },
	}), mobifone.WithRetry(mobifone.Retry{Tries: 1}))
	req := toOTP(t, client)
	p.On(telco.OpRegister, wiretest.Hangup(""))
	p.On(telco.OpGet, wiretest.Hangup(""))
	for range 20 {
		req.PartnerTransID = transid.Random()
		req.TransID = telco.TransID("T-" + string(req.PartnerTransID))
		_, err := client.Registration.Register(t.Context(), req)
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		require.NotNil(t, e.Handle)
		_, err = client.Registration.Resolve(t.Context(), *e.Handle)
		e, ok = errors.AsType[*telco.Error](err)
		require.True(t, ok)
		require.NotNil(t, e.Handle)
	}
	kept.Wait()
}

// The log and the hooks are told of the same tries and calls, each with or without the
// other.
func TestLogAndHooksAreBothTold(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]struct{ log, hooks bool }{
		"neither": {}, "log": {log: true}, "hooks": {hooks: true}, "both": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				var e events
				var out bytes.Buffer
				opts := []mobifone.Option{quick(2)}
				if on.hooks {
					opts = append(opts, mobifone.WithHooks(e.hooks(t)))
				}
				if on.log {
					opts = append(opts, mobifone.WithLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				}
				client := w.client(t, opts...)
				w.say(first(func(int, arrival) (*http.Response, error) { return answer(503, "no"), nil }))
				require.NoError(t, eligible(context.WithValue(t.Context(), ctxKey{}, "the caller's"), client))

				tries, calls := e.take()
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				if !on.hooks {
					assert.Empty(t, tries)
					assert.Empty(t, calls)
				} else {
					assert.Len(t, tries, 2)
					assert.Len(t, calls, 1)
				}
				if !on.log {
					assert.Empty(t, out.String())
					return
				}
				require.Len(t, lines, 3)
				id := w.all()[1].req.Header.Get(requestIDHeader)
				for i, want := range []string{
					`level=DEBUG msg="mobifone try" operation=packages.eligible lane=foreground try=1 request_id=`,
					`level=DEBUG msg="mobifone try" operation=packages.eligible lane=foreground try=2 request_id=` + id + ` http_status=200 sent=true `,
					`level=DEBUG msg="mobifone call" operation=packages.eligible lane=foreground outcome=succeeded code=SUCCESS wire_code=0000 tries=2 sends=2 http_status=200 request_id=` + id + ` took=`,
				} {
					assert.Contains(t, lines[i], want)
				}
			})
		})
	}
}

// A call whose end is not known is a warning.
func TestUnknownIsLoggedAsAWarning(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var out bytes.Buffer
		client := w.client(t, quick(1), mobifone.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		req := toOTP(t, client)
		w.say(always(500))
		_, err := client.Registration.Register(t.Context(), req)
		require.Error(t, err)
		assert.Contains(t, out.String(), `level=WARN msg="mobifone call" operation=registration.register lane=foreground outcome=unknown`)
	})
}
