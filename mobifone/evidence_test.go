package mobifone_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
