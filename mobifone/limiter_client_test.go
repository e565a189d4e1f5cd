package mobifone_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ledger is a limiter that grants everything and notes it; a Pauser too.
type ledger struct {
	mu     sync.Mutex
	calls  []telco.Call
	pauses map[telco.Lane]time.Duration
}

func (l *ledger) Wait(_ context.Context, c telco.Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
	return nil
}

func (l *ledger) Pause(lane telco.Lane, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pauses == nil {
		l.pauses = map[telco.Lane]time.Duration{}
	}
	l.pauses[lane] = time.Until(until)
}

// One token per request on the wire, retries and logins included, each under its
// operation and lane.
func TestOneTokenPerTry(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		l := &ledger{}
		client := p.client(t, quick(3), mobifone.WithLimiter(l))
		p.answers401(telco.OpEligible, 1)
		require.NoError(t, eligible(t.Context(), client))
		_, err := client.Registration.Register(t.Context(), toOTP(t, client))
		require.NoError(t, err)
		p.say(func(n int, a arrival) (*http.Response, error) {
			if a.op == telco.OpGet {
				return answer(503, "no"), nil
			}
			return p.answer(n, a)
		})
		require.Error(t, reads()[telco.OpGet](t.Context(), client.Background()))

		whom := telco.MustParseMSISDN(canaryMSISDN)
		fore := func(op telco.Operation) telco.Call { return telco.Call{Operation: op, Try: 1, Subscriber: whom} }
		login := telco.Call{Operation: "auth.login", Try: 1}
		again := fore(telco.OpEligible)
		again.Try = 2
		get := func(n int) telco.Call { return telco.Call{Operation: telco.OpGet, Lane: telco.Background, Try: n} }
		assert.Equal(t, []telco.Call{
			fore(telco.OpEligible), login, // the token, before the first call can be signed
			again, login, // refused once: again, with a fresh one
			fore(telco.OpEligible), fore(telco.OpOTP), fore(telco.OpRegister),
			get(1), get(2), get(3),
		}, l.calls)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", l.calls, l.calls, l.calls), whom.Reveal(""), "it prints masked")
		assert.Len(t, p.all(), len(l.calls))
	})
}

// A call that the limiter refuses is not sent and not repeated, and says when to come
// back.
func TestLimiterRefusalEndsTheCall(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		g, asked := &gate{}, 0
		g.set(func(context.Context, telco.Call) error { asked++; return comeBack(7 * time.Second) })
		client := w.client(t, mobifone.WithLimiter(g))
		for _, err := range []error{
			eligible(t.Context(), client),
			func() error { _, err := client.OTP.Request(t.Context(), otpRequest()); return err }(),
		} {
			require.ErrorIs(t, err, telco.LimitReached)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, telco.NotSent, e.Outcome)
			assert.Equal(t, 7*time.Second, e.RetryAfter)
			assert.Zero(t, e.Evidence.Sends)
		}
		assert.Equal(t, 2, asked)
		assert.Empty(t, w.all())
	})
}

type comeBack time.Duration

func (c comeBack) Error() string             { return "full" }
func (c comeBack) RetryAfter() time.Duration { return time.Duration(c) }

// A limiter's wait ends with the caller's time; what it says is not MobiFone's word.
func TestCancelInTheLimiter(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		g := &gate{}
		client := w.client(t, mobifone.WithLimiter(g))
		req := toOTP(t, client)
		sent := len(w.all())
		g.set(func(ctx context.Context, _ telco.Call) error { <-ctx.Done(); return ctx.Err() })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := client.Registration.Register(ctx, req)
		require.ErrorIs(t, err, telco.Canceled)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))

		began := time.Now()
		_, err = client.Registration.Register(t.Context(), req)
		assert.Equal(t, 30*time.Second, time.Since(began), "the wait is inside the call's time")
		require.ErrorIs(t, err, telco.LimitReached)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Len(t, w.all(), sent)
	})
}

// A 429 with Retry-After holds its lane for all callers of the client, never longer than
// five minutes, tells a Pauser, and leaves the other lane alone.
func TestPause(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		after  string
		pause  time.Duration
	}{
		"3":           {429, "3", 3 * time.Second},
		"0":           {429, "0", 0},
		"garbage":     {429, "soon", 0},
		"far":         {429, "10000000000", 5 * time.Minute},
		"503 is none": {503, "3", 0},
	} {
		for _, lane := range []telco.Lane{telco.Foreground, telco.Resolving, telco.Background} {
			t.Run(name+"/"+lane.String(), func(t *testing.T) {
				t.Parallel()
				bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
					l := &ledger{}
					client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: 1}), mobifone.WithLimiter(l))
					lanes := []*mobifone.Client{client, client.Resolver(), client.Background()}
					here := lanes[lane]
					w.say(first(always(tc.status, "Retry-After", tc.after)))
					require.Error(t, eligible(t.Context(), here))
					began := time.Now()
					for other, there := range lanes {
						if telco.Lane(other) != lane {
							require.NoError(t, eligible(t.Context(), there))
						}
					}
					assert.Zero(t, time.Since(began), "the other lanes do not wait")
					if tc.pause == 0 {
						assert.Empty(t, l.pauses)
					} else {
						assert.Equal(t, map[telco.Lane]time.Duration{lane: tc.pause}, l.pauses)
					}
					err := eligible(t.Context(), here)
					switch {
					case tc.pause > 10*time.Second:
						require.ErrorIs(t, err, telco.LimitReached, "a wait beyond the deadline is not begun")
						e, _ := errors.AsType[*telco.Error](err)
						assert.Equal(t, tc.pause, e.RetryAfter)
						assert.Zero(t, time.Since(began))
						<-time.After(tc.pause)
						require.NoError(t, eligible(t.Context(), here))
					default:
						require.NoError(t, err)
						assert.Equal(t, tc.pause, time.Since(began))
					}
				})
			})
		}
	}
}

// A pause in force is not shortened by a later and shorter one.
func TestPauseOnlyGrows(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: 1}))
		w.say(func(n int, _ arrival) (*http.Response, error) {
			<-time.After(time.Duration(n+1) * time.Second)
			return answer(429, "", "Retry-After", []string{"9", "1"}[n]), nil
		})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { assert.Error(t, eligible(t.Context(), client)) })
		}
		wg.Wait() // the second answer came 1 s after the first and asked for 1 s
		w.say(nil)
		began := time.Now()
		require.NoError(t, eligible(t.Context(), client))
		assert.Equal(t, 8*time.Second, time.Since(began))
	})
}
