package mobifone_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// quick makes a client's own waits short where only the number of requests matters.
func quick(tries int) mobifone.Option {
	return mobifone.WithRetry(mobifone.Retry{Tries: tries, BackoffBase: time.Microsecond, BackoffMax: time.Millisecond})
}

// settled is how a read ends that MobiFone answered in its right mind.
func settled(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		require.ErrorIs(t, err, telco.TransactionNotFound)
	}
}

// passing are faults that another try may not meet.
func passing() map[string]wiretest.Handler {
	h := map[string]wiretest.Handler{
		"reply lost":  wiretest.Hangup(""),
		"reply begun": wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Le"),
		"200 cut":     wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n{\"errorCode\":\"0000\","),
		"garbled":     wiretest.Raw(200, "application/json", "{\"errorCode\":\"00"),
		"HTML":        wiretest.Raw(200, "text/html", "<html>Bad gateway</html>"),
		"empty":       wiretest.Raw(200, "application/json", ""),
	}
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		h[http.StatusText(status)] = wiretest.Raw(status, "text/plain", "no")
	}
	return h
}

// lasting are answers that another try would meet again.
func lasting(elsewhere string) map[string]wiretest.Handler {
	h := map[string]wiretest.Handler{"unlisted code": wiretest.Raw(200, "application/json", `{"errorCode":"7777"}`)}
	for _, status := range []int{400, 403, 404, 409, 413, 422} {
		h["bare "+http.StatusText(status)] = wiretest.Raw(status, "text/plain", "no")
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		h["redirect "+http.StatusText(status)] = func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
			w.Header().Set("Location", elsewhere)
			w.WriteHeader(status)
		}
	}
	return h
}

// once answers with h the first time and with then after that.
func once(h, then wiretest.Handler) wiretest.Handler {
	used := make(chan struct{}, 1)
	return func(w http.ResponseWriter, r *http.Request, f field.Request) {
		select {
		case used <- struct{}{}:
			h(w, r, f)
		default:
			then(w, r, f)
		}
	}
}

func healthy(p *wiretest.MobiFone, op telco.Operation) wiretest.Handler {
	switch op {
	case telco.OpEligible:
		return p.Offers(120_000)
	case telco.OpOTP:
		return p.Ticket("T-1")
	default:
		return p.Says(op, 200, wire.Answer{Code: telco.TransactionNotFound})
	}
}

// A read goes out again after what may pass, and its second answer is the call's.
func TestReadsRepeat(t *testing.T) {
	t.Parallel()
	for op, call := range reads() {
		for name, fault := range passing() {
			t.Run(string(op)+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := wiretest.New(t, contract.Default())
				client := newClient(t, p, quick(4))
				p.On(op, once(fault, healthy(p, op)))
				settled(t, call(t.Context(), client))
				assert.Equal(t, 2, p.OnWire(op))
			})
		}
	}
}

// A read does not go out again after an answer that will stay; a redirect's target is
// never asked.
func TestReadsDoNotRepeat(t *testing.T) {
	t.Parallel()
	for op, call := range reads() {
		elsewhere := wiretest.New(t, contract.Default())
		for name, answer := range lasting(elsewhere.Server.URL + "/partner/v1/packages") {
			t.Run(string(op)+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := wiretest.New(t, contract.Default())
				client := newClient(t, p, quick(4))
				p.On(op, once(answer, healthy(p, op)))
				err := call(t.Context(), client)
				require.Error(t, err)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				assert.Equal(t, 1, p.OnWire(op))
				assert.Zero(t, elsewhere.Conns(), "the redirect's target was contacted")
			})
		}
	}
}

// A refusal is an answer.
func TestRefusedReadsDoNotRepeat(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, quick(4))
	p.On(telco.OpEligible, p.Says(telco.OpEligible, 200, wire.Answer{Code: telco.Code("NOT_PREPAID")}))
	err := eligible(t.Context(), client)
	require.ErrorIs(t, err, telco.Code("NOT_PREPAID"))
	assert.Equal(t, telco.Rejected, telco.OutcomeOf(err))
	assert.Equal(t, 1, p.OnWire(telco.OpEligible))
	require.ErrorIs(t, reads()[telco.OpGet](t.Context(), client), telco.TransactionNotFound)
	assert.Equal(t, 1, p.OnWire(telco.OpGet))
}

// The number of tries is bounded, and the error tells them.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	for _, tries := range []int{1, 2, 3, 10} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p, quick(tries))
		p.On(telco.OpEligible, wiretest.Raw(503, "text/plain", "no"))
		err := eligible(t.Context(), client)
		assert.Equal(t, tries, p.OnWire(telco.OpEligible))
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		assert.Equal(t, tries, e.Evidence.Tries)
		assert.Equal(t, tries, e.Evidence.Sends)
		assert.Equal(t, 503, e.Evidence.HTTPStatus)
		require.ErrorIs(t, err, telco.Maintenance)
	}
}

// An OTP request that may have been carried out is never repeated: a second SMS may
// void the first.
func TestOTPIsNotRepeatedOnceSent(t *testing.T) {
	t.Parallel()
	faults := passing()
	faults["401"] = wiretest.Raw(401, "text/plain", "no")
	faults["404"] = wiretest.Raw(404, "text/plain", "no")
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, quick(4))
			p.On(telco.OpOTP, once(fault, p.Ticket("T-2")))
			_, err := client.OTP.Request(t.Context(), otpRequest())
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
			assert.Equal(t, 1, p.OnWire(telco.OpOTP))
		})
	}
}

// An OTP request that never left goes out again, within its tries.
func TestOTPIsRepeatedWhileNotSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ fails, tries int }{"passes": {2, 3}, "lasts": {9, 4}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			dials := 0
			client := newClient(t, p, quick(4), mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{
				DisableKeepAlives: true,
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if dials++; dials <= tc.fails {
						return nil, &net.OpError{Op: "dial", Err: io.ErrClosedPipe}
					}
					return (&net.Dialer{}).DialContext(ctx, network, addr)
				},
			}}))
			_, err := client.OTP.Request(t.Context(), otpRequest())
			assert.Equal(t, tc.tries, dials)
			if tc.fails < tc.tries {
				require.NoError(t, err)
				assert.Equal(t, 1, p.OnWire(telco.OpOTP))
				return
			}
			e := requireNotSent(t, p, err, telco.ConnectFailed)
			assert.Equal(t, tc.tries, e.Evidence.Tries)
			assert.Zero(t, p.OnWire(telco.OpOTP))
		})
	}
}

// An outage is not answered with a storm: beyond a reserve of twenty, a client's
// retries are a tenth of its calls. The reserve is shared by all callers and lanes, and
// comes back with answers, refusals included.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	const reserve, callers, tries = 20, 50, 4
	for name, healing := range map[string]script{
		"successes": nil,
		"refusals": func(int, arrival) (*http.Response, error) {
			return answer(200, `{"errorCode":"8020","message":"no"}`), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: tries, BackoffBase: time.Second, BackoffMax: time.Second}))
				w.say(always(500))
				var wg sync.WaitGroup
				for i := range callers {
					lane := client
					if i%2 == 1 {
						lane = client.Background()
					}
					wg.Go(func() { assert.Error(t, eligible(t.Context(), lane)) })
				}
				wg.Wait()
				sent := w.count(telco.OpEligible)
				assert.Equal(t, callers+reserve, sent)

				w.say(healing)
				for range 10 * 3 {
					_ = eligible(t.Context(), client)
				}
				assert.Equal(t, sent+30, w.count(telco.OpEligible))

				w.say(always(500))
				for range 5 {
					require.Error(t, eligible(t.Context(), client))
				}
				assert.Equal(t, sent+30+5+3, w.count(telco.OpEligible), "thirty answers earn three retries")
			})
		})
	}
}

// A spent budget refuses retries; it never makes them come sooner.
func TestSpentBudgetShortensNoWait(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: 10, BackoffBase: time.Microsecond}))
		w.say(always(503, "Retry-After", "2"))
		for range 6 {
			require.Error(t, eligible(t.Context(), client))
		}
		got := w.arrivals(telco.OpEligible)
		require.Len(t, got, 6+20)
		calls := 1
		for i := 1; i < len(got); i++ {
			switch gap := got[i].at.Sub(got[i-1].at); {
			case gap == 0:
				calls++ // the next call begins at once
			default:
				assert.Equal(t, 2*time.Second, gap)
			}
		}
		assert.Equal(t, 6, calls)
	})
}

// What never left costs no MobiFone anything, but the client's own limiter is no sign of
// health: its refusals earn no retries.
func TestOwnRefusalsEarnNothing(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		g := &gate{}
		client := w.client(t, quick(4), mobifone.WithLimiter(g))
		w.say(always(500))
		for range 10 {
			require.Error(t, eligible(t.Context(), client))
		}
		sent := w.count(telco.OpEligible)
		require.Equal(t, 10+20, sent)
		g.set(mobifone.FromRate(noRate()).Wait)
		for range 100 {
			require.ErrorIs(t, eligible(t.Context(), client), telco.LimitReached)
		}
		g.set(nil)
		require.Error(t, eligible(t.Context(), client))
		assert.Equal(t, sent+1, w.count(telco.OpEligible))
	})
}
