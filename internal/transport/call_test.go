package transport

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// over is a transport over a wire in memory.
func over(t *testing.T, wire roundTrip, change func(*Config)) *Transport {
	t.Helper()
	cfg := Config{
		Contract: contract.Default(), BaseURL: &url.URL{Scheme: "https", Host: "partner.test"}, Channel: "SHOP", HTTP: wire,
		Credentials: func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{APIKey: telco.NewSecret("a key"), Secret: telco.NewSecret("a secret")}, nil
		},
		Timeouts: Timeouts{Read: 10 * time.Second, Call: 45 * time.Second, OTP: 20 * time.Second, Register: 30 * time.Second},
		Retry:    Retry{Tries: 4, BackoffBase: time.Millisecond, BackoffMax: time.Second, RetryAfterCap: time.Minute},
	}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

// foreign is a context that package context does not know: it has its parent's end without
// being one of its own types.
type foreign struct{ context.Context } //nolint:containedctx // that is the test

func (foreign) Value(any) any { return nil }

// A try ends at the earliest of its own end, the call's and the caller's, whatever kind of
// context the caller brings, and the wire is told that end.
func TestATryEndsAtTheEarliestEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		read, call, caller time.Duration // caller: 0 for none
		tries              int
		first, last        time.Duration // when the first try ended, and the call
	}{
		"the try":                      {10 * time.Second, 45 * time.Second, 0, 1, 10 * time.Second, 10 * time.Second},
		"the try, under a caller's":    {10 * time.Second, 45 * time.Second, time.Hour, 1, 10 * time.Second, 10 * time.Second},
		"the call":                     {10 * time.Second, 4 * time.Second, 0, 1, 4 * time.Second, 4 * time.Second},
		"the call, under a caller's":   {10 * time.Second, 4 * time.Second, 5 * time.Second, 1, 4 * time.Second, 4 * time.Second},
		"the caller":                   {10 * time.Second, 45 * time.Second, 3 * time.Second, 1, 3 * time.Second, 3 * time.Second},
		"the call, in its second try":  {10 * time.Second, 15 * time.Second, 0, 4, 10 * time.Second, 15 * time.Second},
		"the caller, in the third try": {10 * time.Second, 45 * time.Second, 25 * time.Second, 4, 10 * time.Second, 25 * time.Second},
	} {
		for kind, wrap := range map[string]func(context.Context) context.Context{
			"plain": func(ctx context.Context) context.Context { return ctx },
			"value": func(ctx context.Context) context.Context { return context.WithValue(ctx, testKey{}, 1) },
			"other": func(ctx context.Context) context.Context { return foreign{ctx} },
		} {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var ends []time.Duration
				tr := over(t, func(req *http.Request) (*http.Response, error) {
					told, ok := req.Context().Deadline()
					assert.True(t, ok, name)
					<-req.Context().Done()
					ends = append(ends, time.Since(began))
					assert.Equal(t, told, time.Now(), "%s, %s: the wire was told another end", name, kind)
					return nil, req.Context().Err()
				}, func(cfg *Config) {
					cfg.Timeouts.Read, cfg.Timeouts.Call, cfg.Retry.Tries = tc.read, tc.call, tc.tries
					cfg.Seam = seam.Seam{Draw: func() uint64 { return 0 }} // no wait between tries
					cfg.OnTry = func(ctx context.Context, _ telco.TryEvent) {
						told, ok := ctx.Deadline()
						assert.Equal(t, tc.caller > 0, ok, "a hook is told the caller's end alone")
						assert.True(t, !ok || told.Equal(began.Add(tc.caller)))
					}
				})
				ctx := t.Context()
				if tc.caller > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.caller)
					defer cancel()
				}
				_, err := tr.Call(wrap(ctx), telco.OpGet, field.Request{TransID: "T-1"})
				require.ErrorIs(t, err, context.DeadlineExceeded, name)
				require.NotEmpty(t, ends, name)
				assert.Equal(t, tc.first, ends[0], "%s, %s", name, kind)
				assert.Equal(t, tc.last, time.Since(began), "%s, %s", name, kind)
			})
		}
	}
}

type testKey struct{}

// A caller who gives up ends the try at once, and a wait between tries too.
func TestACallerWhoGivesUp(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string]roundTrip{
		"in a try": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"between tries": func(*http.Request) (*http.Response, error) {
			resp := replied(503, "x")
			resp.Header.Set("Retry-After", "20")
			return resp, nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, wire, nil)
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(2*time.Second, cancel)
			_, err := tr.Call(ctx, telco.OpGet, field.Request{TransID: "T-1"})
			require.ErrorIs(t, err, context.Canceled, name)
			assert.Equal(t, 2*time.Second, time.Since(began), name)
		})
	}
}

// twice is a middleware that sends each request twice at once.
func twice(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		var wg sync.WaitGroup
		var replies [2]*http.Response
		var errs [2]error
		for i := range 2 {
			wg.Go(func() { replies[i], errs[i] = next.RoundTrip(req) }) //nolint:bodyclose // the caller does
		}
		wg.Wait()
		if errs[0] == nil {
			return replies[0], nil
		}
		return replies[1], errs[1]
	})
}

// sentTo keeps what came to a wire, read as a wire reads it.
type sentTo struct {
	mu   sync.Mutex
	reqs []*http.Request
	body []string
}

func (s *sentTo) take(req *http.Request) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reqs, s.body = append(s.reqs, req), append(s.body, string(body))
}

// A middleware may send a read twice at once: each has an id, a nonce, a signature and a
// body of its own, and none is written over while the other is read.
func TestAMiddlewareThatSendsTwiceAtOnce(t *testing.T) {
	t.Parallel()
	for _, op := range []telco.Operation{telco.OpGet, telco.OpSearch} { // without and with a body
		var got sentTo
		tr := over(t, func(req *http.Request) (*http.Response, error) {
			got.take(req)
			return replied(200, `{"errorCode":"8004"}`), nil
		}, func(cfg *Config) { cfg.Middleware = []Middleware{twice} })
		f := field.Request{TransID: "T-1"}
		if op == telco.OpSearch {
			f = field.Request{MSISDN: telco.MustParseMSISDN("0908123477")}
		}
		_, err := tr.Call(t.Context(), op, f)
		require.ErrorIs(t, err, telco.TransactionNotFound)
		e, _ := errors.AsType[*telco.Error](err)
		assert.Equal(t, 2, e.Evidence.Tries)
		assert.Equal(t, 2, e.Evidence.Sends)
		require.Len(t, got.reqs, 2)
		assert.Equal(t, got.body[0], got.body[1])
		assert.Equal(t, op == telco.OpSearch, got.body[0] != "")
		a, b := got.reqs[0].Header, got.reqs[1].Header
		for _, own := range []string{"X-Request-Id", "X-Nonce", "X-Signature"} {
			assert.NotEmpty(t, a.Get(own), own)
			assert.NotEqual(t, a.Get(own), b.Get(own), own)
		}
		assert.NotSame(t, got.reqs[0].URL, got.reqs[1].URL)
		for header := range maps.Values(map[string]http.Header{"a": a, "b": b}) {
			assert.Equal(t, []string{"no-cache, no-store"}, header["Cache-Control"])
		}
	}
}

// A registration that a middleware sends twice at once leaves once.
func TestARegistrationThatIsSentTwiceAtOnce(t *testing.T) {
	t.Parallel()
	for range 50 {
		var got sentTo
		tr := over(t, func(req *http.Request) (*http.Response, error) {
			got.take(req)
			return replied(200, `{"errorCode":"0000","data":{"transId":"T-1","partnerTransId":"P-1","status":"SUCCESS"}}`), nil
		}, func(cfg *Config) { cfg.Middleware = []Middleware{twice} })
		require.True(t, tr.clock.observe(time.Now(), tr.local.read(), tr.local.read()))
		reply, err := tr.Send(t.Context(), field.Request{TransID: "T-1", PartnerTransID: "P-1"}, time.Now().Add(time.Minute))
		require.NoError(t, err)
		assert.Len(t, got.reqs, 1)
		assert.Equal(t, 1, reply.Evidence.Sends)
		assert.Equal(t, got.reqs[0].Header.Get("X-Request-Id"), reply.Evidence.RequestID, "the id is that of the one that left")
	}
}

// net/http may read a request after the try was given up: the next try leaves it alone.
func TestAnEarlierRequestStaysAsItWas(t *testing.T) {
	t.Parallel()
	for _, op := range []telco.Operation{telco.OpSearch, telco.OpOTP} {
		var got sentTo
		var late sync.WaitGroup
		next := make(chan struct{})
		n := 0
		tr := over(t, func(req *http.Request) (*http.Response, error) {
			n++
			if n == 1 {
				where, header, length := *req.URL, req.Header.Clone(), req.ContentLength
				late.Go(func() {
					<-next
					assert.Equal(t, where, *req.URL)
					assert.Equal(t, header, req.Header)
					assert.Equal(t, length, req.ContentLength)
					body, err := io.ReadAll(req.Body)
					if op == telco.OpOTP {
						assert.ErrorIs(t, err, errShotClosed, "what was not sent stays")
					} else {
						assert.Len(t, body, int(length))
					}
				})
				return nil, errGone
			}
			close(next)
			late.Wait()
			got.take(req)
			return replied(200, `{"errorCode":"0000","data":{"transId":"T-1"}}`), nil
		}, nil)
		_, err := tr.Call(t.Context(), op, field.Request{MSISDN: telco.MustParseMSISDN("0908123477"), Package: "C120"})
		if op == telco.OpOTP {
			require.NoError(t, err)
		}
		require.Len(t, got.reqs, 1)
		assert.Contains(t, got.body[0], "84908123477")
	}
}

// What a caller keeps of a call, its reply and evidence or its error, keeps neither the call
// nor the OTP and the signed request in it.
func TestWhatACallerKeepsHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func() (*http.Response, error){
		"a reply": func() (*http.Response, error) {
			return replied(200, `{"errorCode":"0000","requestId":"Q-1","data":{"transId":"T-1","partnerTransId":"P-1","status":"SUCCESS"}}`), nil
		},
		"a refusal": func() (*http.Response, error) { return replied(200, `{"errorCode":"7001","message":"no"}`), nil },
		"an error":  func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	} {
		var ofCall weak.Pointer[call]
		var ofHeader weak.Pointer[http.Request]
		tr := over(t, func(req *http.Request) (*http.Response, error) {
			ofCall, ofHeader = weak.Make(callOf(req.Context())), weak.Make(req)
			_, _ = io.ReadAll(req.Body)
			return answer()
		}, nil)
		require.True(t, tr.clock.observe(time.Now(), tr.local.read(), tr.local.read()))
		code, err := telco.ParseOTP("730194")
		require.NoError(t, err)
		reply, err := tr.Send(t.Context(), field.Request{TransID: "T-1", PartnerTransID: "P-1", OTP: code}, time.Now().Add(time.Minute))
		for range 100 {
			if runtime.GC(); ofCall.Value() == nil && ofHeader.Value() == nil {
				break
			}
			runtime.Gosched()
		}
		assert.Nil(t, ofCall.Value(), name)
		assert.Nil(t, ofHeader.Value(), name)
		runtime.KeepAlive(&reply)
		runtime.KeepAlive(err)
	}
}

// A call that succeeded in its second try names no deadline: the one that ended the first
// stands with that try.
func TestADeadlineOfAnEarlierTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tr := over(t, func(req *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return replied(200, `{"errorCode":"0000","data":{"transaction":{"transId":"T-1","status":"SUCCESS"}}}`), nil
		}, nil)
		reply, err := tr.Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
		require.NoError(t, err)
		assert.Empty(t, reply.Evidence.Deadline)
		require.Len(t, reply.Evidence.Earlier, 1)
		assert.Equal(t, deadlineFirstByte, reply.Evidence.Earlier[0].Deadline)
	})
}

// A call whose own time ended says so, whatever its last try came to; of a caller who gave
// up no deadline is told.
func TestACallWhoseTimeEnded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		giveUp   bool
		cause    error
		deadline string
	}{"its time ended": {false, context.DeadlineExceeded, deadlineWhole}, "given up": {true, context.Canceled, ""}} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, io.ErrUnexpectedEOF
			}, func(cfg *Config) { cfg.Timeouts.Call = 4 * time.Second })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.giveUp {
				time.AfterFunc(time.Second, cancel)
			}
			_, err := tr.Call(ctx, telco.OpGet, field.Request{TransID: "T-1"})
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
			require.ErrorIs(t, err, tc.cause, name)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, tc.deadline, e.Evidence.Deadline, name)
			assert.Equal(t, 1, e.Evidence.Tries, name)
		})
	}
}

// A wait that takes all the time a call has is not begun; one that leaves some is.
func TestAWaitAsLongAsTheCall(t *testing.T) {
	t.Parallel()
	for call, tries := range map[time.Duration]int{20 * time.Second: 1, 20*time.Second + 1: 2} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, func(*http.Request) (*http.Response, error) {
				resp := replied(503, "x")
				resp.Header.Set("Retry-After", "20")
				return resp, nil
			}, func(cfg *Config) { cfg.Timeouts.Call = call })
			began := time.Now()
			_, err := tr.Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, tries, e.Evidence.Tries)
			assert.Equal(t, deadlineWhole, e.Evidence.Deadline)
			assert.Equal(t, time.Duration(tries-1)*20*time.Second, time.Since(began))
		})
	}
}

// Beside an error stands the refusal of the last try, and none of an earlier one.
func TestTheReplyOfAnEarlierTry(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func() (*http.Response, error){
		"no reply":         func() (*http.Response, error) { return nil, errGone },
		"an unreadable":    func() (*http.Response, error) { return replied(200, "x"), nil },
		"one of a gateway": func() (*http.Response, error) { return replied(404, ""), nil },
	} {
		n := 0
		tr := over(t, func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return replied(200, `{"errorCode":"9002","requestId":"Q-1","message":"later"}`), nil
			}
			return last()
		}, func(cfg *Config) { cfg.Retry.Tries = 2 })
		reply, err := tr.Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
		require.Error(t, err, name)
		assert.Equal(t, Reply{}, reply, name)
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		require.Len(t, e.Evidence.Earlier, 1)
		assert.Equal(t, "Q-1", e.Evidence.Earlier[0].TelcoRequestID, name)
	}
}
