package mobifone_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// executed remembers what a MobiFone carried out although its reply said nothing usable.
type executed struct {
	mu   sync.Mutex
	last field.Request
	on   bool
}

func (e *executed) record(p *wiretest.MobiFone, h wiretest.Handler) wiretest.Handler {
	return func(w http.ResponseWriter, r *http.Request, f field.Request) {
		e.mu.Lock()
		e.last, e.on = f, true
		e.mu.Unlock()
		if p.Contract.Has(telco.OpGet) {
			p.On(telco.OpGet, p.Found(wiretest.Row(f, telco.StateSuccess)))
		}
		h(w, r, f)
	}
}

// unusable are answers to a registration that prove nothing.
func unusable(p *wiretest.MobiFone) map[string]wiretest.Handler {
	html := "<html><body>Bad gateway</body></html>"
	says := func(status int, a wire.Answer) wiretest.Handler { return p.Says(telco.OpRegister, status, a) }
	h := map[string]wiretest.Handler{
		"reply lost":    wiretest.Hangup(""),
		"reply begun":   wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Le"),
		"200 cut":       wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n{\"errorCode\":\"0000\","),
		"HTML with 200": wiretest.Raw(200, "text/html", html),
		"empty 200":     wiretest.Raw(200, "application/json", ""),
		"unknown code":  says(200, wire.Answer{WireCode: "7777"}),
		"contradiction": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Contradict: true, Data: wiretest.Echo(f, telco.StateSuccess)})
		},
		"other transId": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			f.TransID = "T-999"
			p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StateSuccess)})
		},
		"other partnerTransId": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			f.PartnerTransID = transid.Random()
			p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StateSuccess)})
		},
		"refusal of another's": says(200, wire.Answer{Code: telco.Code("INVALID_ISDN"), Data: field.Data{TransID: "T-999"}}),
		"success but pending": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StatePending)})
		},
		"success but failed": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StateFailed)})
		},
		"success under 500": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			p.Write(w, telco.OpRegister, 500, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StateSuccess)})
		},
		"success under 404": func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			p.Write(w, telco.OpRegister, 404, wire.Answer{Code: telco.Success, Data: wiretest.Echo(f, telco.StateSuccess)})
		},
		"refusal under 500": says(500, wire.Answer{Code: telco.Code("INVALID_ISDN")}),
	}
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504} {
		h["bare "+http.StatusText(status)] = wiretest.Raw(status, "text/plain", "no")
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		h["redirect "+http.StatusText(status)] = func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
			w.Header().Set("Location", "/partner/v1/elsewhere")
			w.WriteHeader(status)
		}
	}
	return h
}

// Register answered by something that proves nothing: one wire request, Unknown, the
// evidence and the handle in the error; Resolve finds it where it was executed, else it
// stays Unknown. The same under a middleware that retries, and under every contract.
func TestUnusableReplyIsUnknown(t *testing.T) {
	t.Parallel()
	for wire, c := range contracts(t) {
		for name := range unusable(&wiretest.MobiFone{Contract: c}) {
			if strings.Contains(name, "partnerTransId") && !c.Echoes(telco.OpRegister, "partnerTransId") {
				continue // this wire does not send it back, so there is nothing to differ
			}
			for _, carriedOut := range []bool{true, false} {
				for _, careless := range []bool{false, true} {
					t.Run(wire+"/"+name+"/executed="+yes(carriedOut)+"/retrying="+yes(careless), func(t *testing.T) {
						t.Parallel()
						testUnusable(t, c, name, carriedOut, careless)
					})
				}
			}
		}
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func testUnusable(t *testing.T, c *contract.Contract, name string, carriedOut, careless bool) {
	t.Helper()
	p := wiretest.New(t, c)
	var opts []mobifone.Option
	if careless {
		opts = append(opts, mobifone.WithMiddleware(retrying))
	}
	client := newClient(t, p, opts...)
	req := toOTP(t, client)
	h := unusable(p)[name]
	if carriedOut {
		h = new(executed).record(p, h)
	}
	p.On(telco.OpRegister, h)

	receipt, err := client.Registration.Register(t.Context(), req)

	require.Error(t, err)
	assert.Nil(t, receipt)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister), "requests at the socket")
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	require.NotNil(t, e.Handle)
	assert.Equal(t, 1, e.Evidence.Sends)
	assert.False(t, e.Evidence.FirstSend.IsZero())
	assert.NotEmpty(t, e.Evidence.RequestID)
	assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)

	again, err := client.Registration.Register(t.Context(), req)
	assert.Nil(t, again)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
	require.ErrorIs(t, err, telco.AlreadySent)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister), "a blind retry in the caller's code stays here")

	receipt, err = client.Registration.Resolve(t.Context(), *e.Handle)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister), "resolving sends nothing")
	switch {
	case !c.Has(telco.OpGet):
		require.ErrorIs(t, err, telco.OperationAbsent)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)
	case carriedOut:
		require.NoError(t, err)
		assert.True(t, receipt.Resolved)
		assert.Equal(t, req.TransID, receipt.TransID)
	default:
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		assert.True(t, e.Absent)
		assert.True(t, e.DecidesAt.IsZero(), "the pessimistic contract knows no fence")
		assert.NotNil(t, e.Handle)
	}
}

// The caller's context ends while MobiFone holds the request.
func TestCancelInFlightIsUnknown(t *testing.T) {
	t.Parallel()
	for wire, c := range contracts(t) {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, c)
			client := newClient(t, p)
			req := toOTP(t, client)
			arrived, gone := make(chan struct{}), make(chan struct{})
			p.On(telco.OpRegister, func(_ http.ResponseWriter, r *http.Request, _ field.Request) {
				close(arrived)
				<-r.Context().Done()
				close(gone)
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			_, err := client.Registration.Register(ctx, req)
			<-gone
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
		})
	}
}

const requestIDHeader = "X-Request-Id"

// Every try has an id of its own, as MobiFone saw it; the error names the last one.
func TestEachTryHasItsOwnRequestID(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(5))
		w.say(always(500))
		ev := evidenceOf(t, eligible(t.Context(), client))
		got := w.arrivals(telco.OpEligible)
		require.Len(t, got, 5)
		seen := map[string]bool{}
		for _, a := range got {
			seen[a.req.Header.Get(requestIDHeader)] = true
		}
		assert.Len(t, seen, 5)
		assert.NotContains(t, seen, "")
		assert.Equal(t, got[4].req.Header.Get(requestIDHeader), ev.RequestID)
	})
}

// Sends count what left, tries what was begun, and times are those of leaving, not of
// the answer.
func TestEvidenceCountsWhatLeft(t *testing.T) {
	t.Parallel()
	slow := func(status int) script {
		return func(int, arrival) (*http.Response, error) {
			<-time.After(3 * time.Second)
			return answer(status, "no"), nil
		}
	}
	refusedDial := func(int, arrival) (*http.Response, error) { return nil, dialError() }
	lost := func(int, arrival) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	for name, tc := range map[string]struct {
		tries         []script
		sends, status int
		code          telco.Code
		first, last   time.Duration
	}{
		"never connected":       {[]script{refusedDial, refusedDial}, 0, 0, telco.ConnectFailed, 0, 0},
		"connected at last":     {[]script{refusedDial, slow(500)}, 1, 500, telco.SystemError, 0, 0},
		"twice answered":        {[]script{slow(503), slow(502)}, 2, 502, telco.SystemError, 0, 3 * time.Second},
		"answered, then lost":   {[]script{slow(503), lost}, 2, 503, telco.ReplyLost, 0, 3 * time.Second},
		"answered, then no one": {[]script{slow(503), refusedDial}, 1, 503, telco.ConnectFailed, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				client := w.client(t, quick(len(tc.tries)))
				w.say(func(n int, a arrival) (*http.Response, error) { return tc.tries[n](n, a) })
				began := time.Now()
				err := eligible(t.Context(), client)
				require.ErrorIs(t, err, tc.code)
				ev := evidenceOf(t, err)
				assert.Equal(t, tc.sends == 0, telco.OutcomeOf(err) == telco.NotSent, "%v", err)
				assert.Equal(t, len(tc.tries), ev.Tries)
				assert.Equal(t, tc.sends, ev.Sends)
				assert.Equal(t, tc.status, ev.HTTPStatus)
				if tc.sends == 0 {
					assert.True(t, ev.FirstSend.IsZero() && ev.LastSend.IsZero())
					return
				}
				const backoff = 2 * time.Millisecond
				assert.WithinRange(t, ev.FirstSend, began.Add(tc.first), began.Add(tc.first+backoff))
				assert.WithinRange(t, ev.LastSend, began.Add(tc.last), began.Add(tc.last+backoff))
			})
		})
	}
}

// A middleware that sends a money call or an OTP request again neither gets a token for
// it nor spoils the evidence: the id is the one MobiFone has.
func TestRefusedSecondRequestLeavesNoTrace(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var tokens atomic.Int32
	g := &gate{}
	client := newClient(t, p, mobifone.WithMiddleware(retrying), mobifone.WithLimiter(g))
	req := toOTP(t, client)
	for op, call := range map[telco.Operation]func() error{
		telco.OpRegister: func() error { _, err := client.Registration.Register(t.Context(), req); return err },
		telco.OpOTP:      func() error { _, err := client.OTP.Request(t.Context(), otpRequest()); return err },
	} {
		var got string
		p.On(op, func(w http.ResponseWriter, r *http.Request, _ field.Request) {
			got = r.Header.Get(requestIDHeader)
			http.Error(w, "no", http.StatusInternalServerError)
		})
		tokens.Store(0)
		g.set(func(context.Context, telco.Call) error { tokens.Add(1); return nil })
		err := call()
		before := p.OnWire(op)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		ev := evidenceOf(t, err)
		assert.Equal(t, got, ev.RequestID)
		assert.Equal(t, 1, ev.Tries)
		assert.Equal(t, 1, ev.Sends)
		assert.Equal(t, int32(1), tokens.Load())
		assert.Equal(t, before, p.OnWire(op))
	}
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}

// A registration waits for its reply 30 s and no longer; then it is Unknown, with the
// moment its body left.
func TestSilenceAfterARegistration(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		req := toOTP(t, client)
		w.say(func(n int, a arrival) (*http.Response, error) {
			if a.op != telco.OpRegister {
				return nil, nil //nolint:nilnil // says: MobiFone's own answer
			}
			return silence(n, a)
		})
		<-time.After(5 * time.Second)
		began := time.Now()
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.ErrorIs(t, err, telco.ReplyLost)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		ev := evidenceOf(t, err)
		assert.Equal(t, 1, ev.Sends)
		assert.Equal(t, began, ev.FirstSend)
		assert.Equal(t, began, ev.LastSend)
		assert.Equal(t, 1, w.count(telco.OpRegister))
	})
}

// What an earlier try sent is not taken back by a local failure of a later one.
func TestLocalFailureAfterASendIsUnknown(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		g, asked := &gate{}, 0
		g.set(func(context.Context, telco.Call) error {
			if asked++; asked > 1 {
				return comeBack(time.Second)
			}
			return nil
		})
		client := w.client(t, quick(4), mobifone.WithLimiter(g))
		w.say(always(503))
		err := eligible(t.Context(), client)
		require.ErrorIs(t, err, telco.LimitReached)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		ev := evidenceOf(t, err)
		assert.Equal(t, 2, ev.Tries)
		assert.Equal(t, 1, ev.Sends)
		assert.Equal(t, 503, ev.HTTPStatus)
	})
}
