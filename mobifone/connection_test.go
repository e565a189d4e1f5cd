package mobifone_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// held is a reply's body that says nothing until it is closed, as the connection behind
// a 101 does.
type held struct {
	once   sync.Once
	closed chan struct{}
}

func hold() *held { return &held{closed: make(chan struct{})} }

func (h *held) Read([]byte) (int, error) { <-h.closed; return 0, io.EOF }

func (h *held) Close() error { h.once.Do(func() { close(h.closed) }); return nil }

// Behind a 101 net/http hands over the bare connection, which no context ends: reading
// it would hold the call for ever.
func TestSwitchingProtocolsEnds(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = body
			return resp, nil
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.ErrorIs(t, err, telco.ReplyUnreadable)
		<-body.closed
		assert.Equal(t, 1, w.count(telco.OpRegister))
	})
}

// A wire that breaks its contract and gives reply and error together loses no
// connection by it.
func TestReplyBesideAnErrorIsClosed(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = body
			return resp, errReset
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		<-body.closed
	})
}

// A login answered by a 101 ends too, or no call would ever get a token again.
func TestSwitchingProtocolsAtTheLoginEnds(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		p.login = first(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = hold()
			return resp, nil
		})
		client := p.client(t, quick(1))
		require.ErrorIs(t, eligible(t.Context(), client), telco.CredentialsFailed)
		p.login = nil
		require.NoError(t, eligible(t.Context(), client))
		require.NoError(t, client.Close(t.Context()))
	})
}

// A registration that is given up resets its connection, so that no byte which waits in
// the kernel leaves later; over every way to dial. A read just ends its own.
func TestGivenUpRegistrationResets(t *testing.T) {
	t.Parallel()
	dialer := &net.Dialer{}
	for name, tc := range map[string]struct {
		secure    bool
		transport func(*tls.Config) http.RoundTripper
	}{
		"the client's own": {false, func(*tls.Config) http.RoundTripper { return nil }},
		"caller's":         {false, func(*tls.Config) http.RoundTripper { return &http.Transport{} }},
		"own dialer":       {false, func(*tls.Config) http.RoundTripper { return &http.Transport{DialContext: dialer.DialContext} }},
		"old dialer": {false, func(*tls.Config) http.RoundTripper {
			//lint:ignore SA1019 some still set it
			return &http.Transport{Dial: dialer.Dial} //nolint:staticcheck // some still set it
		}},
		"TLS": {true, func(trust *tls.Config) http.RoundTripper { return &http.Transport{TLSClientConfig: trust} }},
		"own TLS dialer": {true, func(trust *tls.Config) http.RoundTripper {
			return &http.Transport{DialTLSContext: (&tls.Dialer{Config: trust}).DialContext}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := wiretest.New
			if tc.secure {
				start = wiretest.NewTLS
			}
			p := start(t, contract.Default())
			trust := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
			if tc.secure {
				trust.RootCAs.AddCert(p.Server.Certificate())
			}
			client := newClient(t, p, quick(1), mobifone.WithHTTPClient(&http.Client{Transport: tc.transport(trust)}))
			req := toOTP(t, client)
			got, ended := make(chan struct{}), make(chan error)
			silent := func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					ended <- err
					return
				}
				defer conn.Close()
				if secured, ok := conn.(*tls.Conn); ok {
					conn = secured.NetConn()
				}
				got <- struct{}{}
				_, err = io.Copy(io.Discard, conn)
				ended <- err
			}
			p.On(telco.OpRegister, silent)
			p.On(telco.OpList, silent)
			giveUp := func(call func(context.Context) error) error {
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-got; cancel() }()
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(call(ctx)))
				return <-ended
			}
			require.ErrorIs(t, giveUp(func(ctx context.Context) error {
				_, err := client.Registration.Register(ctx, req)
				return err
			}), syscall.ECONNRESET)
			assert.NoError(t, giveUp(func(ctx context.Context) error { return reads()[telco.OpList](ctx, client) }))
		})
	}
}

// Two calls in a hundred fail, and the others keep their connections: a library that
// empties the pool after a final error would dial many hundred times here.
func TestConnectionsAreKeptUnderFailures(t *testing.T) {
	t.Parallel()
	const callers, each = 64, 75
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, quick(1))
	var n atomic.Int64
	refuse, hangUp, good := wiretest.Raw(500, "text/plain", "no"), wiretest.Hangup(""), p.Offers(120_000)
	p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		switch n.Add(1) % 100 {
		case 0:
			refuse(w, r, f)
		case 50:
			hangUp(w, r, f)
		default:
			good(w, r, f)
		}
	})
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range callers {
		wg.Go(func() {
			for range each {
				if eligible(t.Context(), client) != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	const hungUp = callers * each / 100
	assert.Equal(t, int64(2*hungUp), failed.Load())
	// net/http dials ahead when all callers come at once, so some are never needed.
	assert.LessOrEqual(t, p.Conns(), 3*callers+hungUp)
}

// Calls one after another share one connection, whatever the answers; money has its own.
func TestOneConnectionInSequence(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, quick(1))
	for _, h := range []wiretest.Handler{
		p.Offers(120_000), wiretest.Raw(500, "text/plain", "no"), wiretest.Raw(404, "text/html", "<p>no</p>"),
		wiretest.Raw(429, "", ""), wiretest.Raw(302, "", "moved"), wiretest.Raw(200, "text/html", "<html>"), p.Offers(120_000),
	} {
		p.On(telco.OpEligible, h)
		_ = eligible(t.Context(), client)
	}
	assert.Equal(t, 1, p.Conns())
	_, err := client.Registration.Register(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	assert.Equal(t, 2, p.Conns())
}

// exported reads the exported fields of a struct, funcs by address.
func exported(v any) map[string]any {
	out := map[string]any{}
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		f := s.Type().Field(i)
		switch {
		case !f.IsExported():
		case f.Name == "TLSNextProto": // funcs that no two of are equal
			out[f.Name] = s.Field(i).Len()
		case f.Type.Kind() == reflect.Func:
			out[f.Name] = s.Field(i).Pointer()
		case f.Name == "TLSClientConfig" && !s.Field(i).IsNil():
			out[f.Name] = exported(s.Field(i).Interface())
		default:
			out[f.Name] = s.Field(i).Interface()
		}
	}
	return out
}

// The caller's client and transport are copied, not changed: not by New, by calls that go
// well or badly, or by Close. What net/http's own Clone sets up at its first use is all
// that may differ.
func TestCallersClientIsNotChanged(t *testing.T) {
	t.Parallel()
	dial := (&net.Dialer{}).DialContext
	for name, build := range map[string]func() *http.Transport{
		"zero":   func() *http.Transport { return &http.Transport{} },
		"HTTP/2": func() *http.Transport { return &http.Transport{ForceAttemptHTTP2: true, DialContext: dial} },
		"with TLS": func() *http.Transport {
			return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			u, err := url.Parse(p.Server.URL)
			require.NoError(t, err)
			jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: canarySecret}}) //nolint:gosec // never sent
			followed := 0
			mine := &http.Client{Transport: build(), Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { followed++; return nil }}
			twin := build()
			twin.Clone()
			want, wantClient := exported(twin), exported(mine)

			client := newClient(t, p, quick(1), mobifone.WithHTTPClient(mine))
			assert.Equal(t, want, exported(mine.Transport))
			p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, _ field.Request) {
				assert.Empty(t, r.Header.Get("Cookie"))
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			})
			require.Error(t, eligible(t.Context(), client))
			p.On(telco.OpEligible, p.Offers(120_000))
			_, err = client.Registration.Register(t.Context(), toOTP(t, client))
			require.NoError(t, err)
			require.NoError(t, client.Close(t.Context()))
			assert.Equal(t, want, exported(mine.Transport))
			assert.Equal(t, wantClient, exported(mine))
			assert.Zero(t, followed)
		})
	}
}

// The caller's own idle connections outlive our failures and our Close.
func TestCallersConnectionsAreNotClosed(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	mine := &http.Client{Transport: &http.Transport{}}
	visit := func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Server.URL+"/nothing", http.NoBody)
		require.NoError(t, err)
		resp, err := mine.Do(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	visit()
	client := newClient(t, p, quick(2), mobifone.WithHTTPClient(mine))
	p.On(telco.OpEligible, wiretest.Raw(500, "text/plain", "no"))
	require.Error(t, eligible(t.Context(), client))
	require.NoError(t, client.Close(t.Context()))
	before := p.Conns()
	visit()
	assert.Equal(t, before, p.Conns(), "the caller's connection was there still")
	mine.CloseIdleConnections()
}

// closable is a RoundTripper whose idle connections belong to everybody.
type closable struct {
	roundTripper

	closed atomic.Int32
}

func (c *closable) CloseIdleConnections() { c.closed.Add(1) }

// A RoundTripper that is no *http.Transport is used as it is and never emptied, nor is a
// middleware's.
func TestForeignRoundTripperIsNotEmptied(t *testing.T) {
	t.Parallel()
	foreign := &closable{roundTripper: func(*http.Request) (*http.Response, error) { return nil, errReset }}
	between := &closable{}
	client, err := mobifone.New(config("https://partner.test"), quick(2), mobifone.WithHTTPClient(&http.Client{Transport: foreign}),
		mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			between.roundTripper = next.RoundTrip
			return between
		}))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, eligible(ctx, client))
	_, err = client.OTP.Request(ctx, otpRequest())
	require.Error(t, err)
	cancel()
	require.Error(t, eligible(ctx, client))
	require.NoError(t, client.Close(t.Context()))
	assert.Zero(t, foreign.closed.Load())
	assert.Zero(t, between.closed.Load())
}

// net/http sends a request again by itself when a kept connection turns out dead and the
// request has an idempotency key, of a middleware say (a contract may not name such a
// header). A registration and an OTP request stay one request.
func TestDeadConnectionSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p, mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				r.Header.Set(header, "1")
				r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
				return next.RoundTrip(r)
			})
		}))
		_, err := client.Registration.Register(t.Context(), toOTP(t, client))
		require.NoError(t, err)
		req := aRequest(t)
		req.TransID = "T-2"
		asked := p.OnWire(telco.OpOTP)
		p.On(telco.OpRegister, wiretest.Hangup(""))
		p.On(telco.OpOTP, wiretest.Hangup(""))

		before := p.Conns()
		_, err = client.Registration.Register(t.Context(), req)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, before+1, p.Conns(), "a registration dials anew")
		before = p.Conns()
		_, err = client.OTP.Request(t.Context(), otpRequest())
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, before, p.Conns(), "the kept connection was used")
		assert.Equal(t, 2, p.OnWire(telco.OpRegister))
		assert.Equal(t, asked+1, p.OnWire(telco.OpOTP))
	}
}
