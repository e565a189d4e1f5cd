package mobifone_test

// This file tests what hooks are told beside the outcome: the context that a call goes on
// with, which request a try was, how far it came, and what is left of the retries.

import (
	"context"
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

// seat is a key of a test's own; its value says which hook wrote it.
type seatKey struct{}

func seatOf(ctx context.Context) string { s, _ := ctx.Value(seatKey{}).(string); return s }

// The context that OnBegin returns reaches all that a call asks, and every call that begins
// ends, one that was refused before its first request included. Of two WithHooks the first
// is told first, and both are told.
func TestACallGoesOnWithTheContextOfOnBegin(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var mu sync.Mutex
		var seen []string
		note := func(who string, ctx context.Context) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, who+":"+seatOf(ctx))
		}
		hooks := func(name string) mobifone.Option {
			return mobifone.WithHooks(mobifone.Hooks{
				OnBegin: func(ctx context.Context, ev telco.CallEvent) context.Context {
					assert.Equal(t, telco.CallEvent{Operation: telco.OpEligible, Lane: telco.Background}, ev)
					return context.WithValue(ctx, seatKey{}, seatOf(ctx)+name)
				},
				OnTry:  func(ctx context.Context, _ telco.TryEvent) { note("try "+name, ctx) },
				OnCall: func(ctx context.Context, _ telco.CallEvent) { note("call "+name, ctx) },
			})
		}
		g := &gate{}
		g.set(func(ctx context.Context, _ telco.Call) error { note("limiter", ctx); return nil })
		client := w.client(t, quick(1), hooks("A"), hooks("B"), mobifone.WithLimiter(g),
			mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(req *http.Request) (*http.Response, error) {
					note("middleware", req.Context())
					return next.RoundTrip(req)
				})
			}))
		require.NoError(t, eligible(t.Context(), client.Background()))
		assert.Equal(t, []string{"middleware:AB", "limiter:AB", "try A:AB", "try B:AB", "call A:AB", "call B:AB"}, seen)

		seen = nil
		require.NoError(t, client.Close(t.Context()))
		require.ErrorIs(t, eligible(t.Context(), client.Background()), telco.ClientClosed)
		assert.Equal(t, []string{"call A:AB", "call B:AB"}, seen, "it began, so it ends")
	})
}

// A try says which request it was, without anything of this one call, and how far it came.
// Time spent at a limiter that refuses in the end was spent in the limiter.
func TestATryTellsItsRouteAndHowFarItCame(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var e events
		g := &gate{}
		client := w.client(t, quick(1), mobifone.WithHooks(e.hooks(t)), mobifone.WithLimiter(g))
		ctx := context.WithValue(t.Context(), ctxKey{}, "the caller's")
		w.say(func(int, arrival) (*http.Response, error) { return answer(429, "", "Retry-After", "7"), nil })
		require.Error(t, eligible(ctx, client))
		w.say(func(int, arrival) (*http.Response, error) { return nil, dialError() })
		<-time.After(8 * time.Second)
		require.Error(t, eligible(ctx, client))
		w.say(nil)
		g.set(func(context.Context, telco.Call) error { <-time.After(3 * time.Second); return comeBack(1) })
		require.Error(t, eligible(ctx, client))

		tries, _ := e.take()
		require.Len(t, tries, 3)
		sent := w.all()[0].req
		for _, ev := range tries {
			assert.Equal(t, sent.Method, ev.Method)
			assert.Equal(t, sent.URL.Path, ev.Route)
			assert.Equal(t, sent.URL.Host, ev.Host)
		}
		limited, dialed, waited := tries[0], tries[1], tries[2]
		assert.Equal(t, telco.RateLimited, limited.Code)
		assert.Equal(t, 7*time.Second, limited.Pause)
		assert.True(t, limited.OnWire)
		assert.Equal(t, telco.ConnectFailed, dialed.Code)
		assert.Zero(t, dialed.Pause)
		assert.True(t, dialed.OnWire, "a connection was asked for")
		assert.False(t, dialed.Sent)
		assert.Equal(t, telco.LimitReached, waited.Code)
		assert.False(t, waited.OnWire)
		assert.Equal(t, 3*time.Second, waited.LimitWait)
		assert.Zero(t, waited.Duration, "the limiter granted nothing")
	})
}

// A middleware that answers by itself makes a try that never came to the limiter or the wire.
func TestATryThatAMiddlewareAnsweredTookNoTime(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var e events
		client := w.client(t, quick(1), mobifone.WithHooks(e.hooks(t)), mobifone.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) { return answer(503, "no"), nil })
		}))
		require.Error(t, eligible(context.WithValue(t.Context(), ctxKey{}, "the caller's"), client))
		tries, _ := e.take()
		require.Len(t, tries, 1)
		assert.False(t, tries[0].OnWire)
		assert.Zero(t, tries[0].Duration)
	})
}

// Every retry takes one from what the budget of a client still allows, whichever lane it
// is in; at 0 nothing is repeated.
func TestACallTellsHowManyRetriesAreLeft(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var e events
		client := w.client(t, quick(3), mobifone.WithHooks(e.hooks(t)))
		ctx := context.WithValue(t.Context(), ctxKey{}, "the caller's")
		require.NoError(t, eligible(ctx, client))
		w.say(always(503))
		for i := range 12 {
			lane := client
			if i%2 == 1 {
				lane = client.Background()
			}
			require.Error(t, eligible(ctx, lane))
		}
		_, calls := e.take()
		var left, tries []int
		for _, ev := range calls {
			left, tries = append(left, ev.RetriesLeft), append(tries, ev.Evidence.Tries)
		}
		assert.Equal(t, []int{20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0, 0, 0}, left)
		assert.Equal(t, []int{1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, 1}, tries)
	})
}
