package mobifone_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
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

const ok200 = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// flood writes head and then more of the same until the client hangs up; it counts what
// it could write.
func flood(head, again string, wrote *atomic.Int64) wiretest.Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, head)
		block := strings.Repeat(again, max(1, 32<<10/len(again)))
		for err == nil {
			var n int
			n, err = io.WriteString(conn, block)
			wrote.Add(int64(n))
		}
	}
}

// bomb is a small gzip of a good answer and very many spaces.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, `{"errorCode":"0000","data":{"packages":[]}}`)
	require.NoError(t, err)
	space := bytes.Repeat([]byte(" "), 1<<20)
	for range 8 {
		_, err = z.Write(space)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.Less(t, b.Len(), 1<<18)
	return b.Bytes()
}

// A reply that is too long, too deep in headers, compressed, or never ends is no answer:
// the client takes in a bounded part of it. A registration stays one request and Unknown.
func TestRepliesAreBounded(t *testing.T) {
	t.Parallel()
	const roomy = 16 << 20 // the bound of a reply, and what sockets hold in between
	packed := bomb(t)
	success := `{"errorCode":"0000","data":{"transId":"T-1","status":"SUCCESS"}}`
	for name, answer := range map[string]func(*atomic.Int64) wiretest.Handler{
		"endless body": func(n *atomic.Int64) wiretest.Handler { return flood(ok200+"\r\n{", " ", n) },
		"endless chunks": func(n *atomic.Int64) wiretest.Handler {
			return flood(ok200+"Transfer-Encoding: chunked\r\n\r\n", "4\r\n    \r\n", n)
		},
		"endless headers": func(n *atomic.Int64) wiretest.Handler { return flood(ok200, "X-More: and more\r\n", n) },
		"1xx without end": func(n *atomic.Int64) wiretest.Handler {
			return flood("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", n)
		},
		"endless chunk names": func(n *atomic.Int64) wiretest.Handler {
			return flood(ok200+"Transfer-Encoding: chunked\r\n\r\n1;", "x", n)
		},
		"huge header": func(*atomic.Int64) wiretest.Handler {
			return wiretest.Hangup(ok200 + "X-Big: " + strings.Repeat("x", 100<<10) + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(success)) + success)
		},
		"one byte too long": func(*atomic.Int64) wiretest.Handler {
			limit := int(contract.Default().Limits().ReplyBytesMax)
			return wiretest.Raw(200, "application/json", success+strings.Repeat(" ", limit+1-len(success)))
		},
		"gzip bomb": func(*atomic.Int64) wiretest.Handler {
			return func(w http.ResponseWriter, r *http.Request, _ field.Request) {
				if r.Header.Get("Accept-Encoding") != "" {
					t.Error("compression was asked for")
				}
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(packed)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, quick(1))
			req := toOTP(t, client)
			var wrote atomic.Int64
			h := answer(&wrote)
			p.On(telco.OpRegister, h)
			p.On(telco.OpEligible, h)
			_, err := client.Registration.Register(t.Context(), req)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
			assert.Equal(t, 1, evidenceOf(t, err).Sends)
			require.ErrorContains(t, err, "local.REPLY_")

			err = eligible(t.Context(), client)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
			assert.Less(t, wrote.Load(), int64(roomy))

			p.On(telco.OpEligible, p.Offers(120_000))
			require.NoError(t, eligible(t.Context(), client), "the client goes on")
		})
	}
}

// The longest reply the contract allows is read.
func TestLongestReplyIsRead(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, quick(1))
	body := `{"errorCode":"0000","data":{"packages":[]}}`
	body += strings.Repeat(" ", int(contract.Default().Limits().ReplyBytesMax)-len(body))
	p.On(telco.OpEligible, wiretest.Raw(200, "application/json", body))
	require.NoError(t, eligible(t.Context(), client))
}

// A reply that says it is compressed is not read as if it were not.
func TestCompressedReplyIsRefused(t *testing.T) {
	t.Parallel()
	for encoding, good := range map[string]bool{"": true, "identity": true, "gzip": false, "br": false, "gzip, identity": false} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p, quick(1))
		p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, f field.Request) {
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			p.Offers(120_000)(w, r, f)
		})
		err := eligible(t.Context(), client)
		if good {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, telco.ReplyUnreadable, encoding)
	}
}

// What drips ends with its try: a registration's after 30 s, a read's after 10 s each.
func TestDrippingReplyEndsWithItsTry(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(2))
		req := toOTP(t, client)
		w.say(func(_ int, a arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body, resp.ContentLength = closer{&dripping{n: -1, wait: eachSecond(a.req.Context())}}, -1
			return resp, nil
		})
		began := time.Now()
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.ErrorIs(t, err, telco.ReplyUnreadable)
		assert.Equal(t, 1, w.count(telco.OpRegister))

		began = time.Now()
		require.ErrorIs(t, eligible(t.Context(), client), telco.ReplyUnreadable)
		assert.Equal(t, 20*time.Second, time.Since(began).Truncate(time.Second))
	})
}

// All tries together end with the call's time, whatever the number of tries left.
func TestCallTimeBoundsAllTries(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(10), mobifone.WithTimeouts(mobifone.Timeouts{Read: 4 * time.Second, Call: 10 * time.Second}))
		w.say(silence)
		began := time.Now()
		err := eligible(t.Context(), client)
		assert.Equal(t, 10*time.Second, time.Since(began))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3, evidenceOf(t, err).Tries)
	})
}

// A head that drips over a real connection ends with the try as well.
func TestDrippingHeadEndsWithItsTry(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, quick(1), mobifone.WithTimeouts(mobifone.Timeouts{Register: 300 * time.Millisecond}))
	req := toOTP(t, client)
	gone := make(chan struct{})
	p.On(telco.OpRegister, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
		defer close(gone)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, ok200)
		_, _ = conn.Read(make([]byte, 1)) // until the client hangs up
	})
	_, err := client.Registration.Register(t.Context(), req)
	<-gone
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}

// A redirect of a registration is not followed, wherever it points.
func TestRedirectedRegistrationStaysHere(t *testing.T) {
	t.Parallel()
	elsewhere := wiretest.New(t, contract.Default())
	for _, target := range []string{elsewhere.Server.URL + "/partner/v1/register", "/partner/v1/register", "//%zz", ""} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p)
			req := toOTP(t, client)
			p.On(telco.OpRegister, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
				w.Header()["Location"] = []string{target}
				w.WriteHeader(status)
			})
			_, err := client.Registration.Register(t.Context(), req)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			require.ErrorIs(t, err, telco.RedirectRefused, "%d %s", status, target)
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
		}
	}
	assert.Zero(t, elsewhere.Conns())
}

// A reply that any Content-Encoding line calls encoded is not read, whatever its bytes
// look like: a registration is Unknown then, though the body says success or refusal.
func TestEncodedReplyIsNotRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lines []string
		read  bool
	}{
		"none":                 {nil, true},
		"empty":                {[]string{""}, true},
		"identity":             {[]string{"identity"}, true},
		"identity, loud":       {[]string{"IDENTITY", " identity , "}, true},
		"gzip":                 {[]string{"gzip"}, false},
		"the second line":      {[]string{"identity", "gzip"}, false},
		"behind an empty one":  {[]string{"", "br"}, false},
		"two in one line":      {[]string{"identity, gzip"}, false},
		"twice":                {[]string{"gzip", "gzip"}, false},
		"of nobody's knowing":  {[]string{"x-custom"}, false},
		"begins like identity": {[]string{"identity2"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, finalRefusals(t))
			client := newClient(t, p, quick(1))
			req := toOTP(t, client)
			refused := p.Says(telco.OpRegister, 200, wire.Answer{Code: telco.Code("INVALID_ISDN")})
			for kind, answer := range map[string]wiretest.Handler{"success": p.Registered(), "refusal": refused} {
				p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
					if tc.lines != nil {
						w.Header()["Content-Encoding"] = tc.lines
					}
					answer(w, r, f)
				})
				req.PartnerTransID = transid.Random()
				req.TransID = telco.TransID("T-" + kind)
				_, err := client.Registration.Register(t.Context(), req)
				switch {
				case !tc.read:
					assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%s: %v", kind, err)
					require.ErrorIs(t, err, telco.ReplyUnreadable)
				case kind == "success":
					require.NoError(t, err)
				default:
					assert.Equal(t, telco.Rejected, telco.OutcomeOf(err), "%v", err)
				}
			}
			offers := p.Offers(120_000)
			p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				if tc.lines != nil {
					w.Header()["Content-Encoding"] = tc.lines
				}
				offers(w, r, f)
			})
			if err := eligible(t.Context(), client); tc.read {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, telco.ReplyUnreadable)
			}
		})
	}
}

// Two lengths of one reply: net/http does not choose, and neither do we.
func TestTwoLengthsAreUnknown(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, finalRefusals(t))
	client := newClient(t, p, quick(1))
	req := toOTP(t, client)
	success := `{"errorCode":"0000","data":{"transId":"T-1","status":"SUCCESS"}}`
	p.On(telco.OpRegister, wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Length: 64\r\nContent-Length: 9999\r\n\r\n"+success+strings.Repeat(" ", 99)))
	_, err := client.Registration.Register(t.Context(), req)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}
