package mobifone_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/registration"
)

// faultyWire is an *http.Transport whose next dials fail as told.
type faultyWire struct {
	mu   sync.Mutex
	dial func(context.Context, string, string) (net.Conn, error)
}

func (f *faultyWire) fail(dial func(context.Context, string, string) (net.Conn, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dial = dial
}

func (f *faultyWire) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		f.mu.Lock()
		dial := f.dial
		f.mu.Unlock()
		if dial == nil {
			dial = (&net.Dialer{}).DialContext
		}
		return dial(ctx, network, addr)
	}}}
}

func requireNotSent(t *testing.T, p *wiretest.Partner, err error, code partner.Code) *partner.Error {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, partner.NotSent, partner.OutcomeOf(err), "%v", err)
	assert.Equal(t, 0, p.OnWire(partner.OpRegister), "requests at the socket")
	e, ok := errors.AsType[*partner.Error](err)
	require.True(t, ok)
	assert.Equal(t, code, e.Code, "%v", err)
	assert.Zero(t, e.Evidence.Sends)
	assert.True(t, e.Evidence.FirstSend.IsZero())
	return e
}

// What fails before the wire is NotSent, and the same ids may be sent again.
func TestNothingLeftIsNotSent(t *testing.T) {
	t.Parallel()
	refused := func(ctx context.Context, network, _ string) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_ = l.Close()
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
	noName := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "partner.invalid", IsNotFound: true}}
	}
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"refused": refused, "DNS": noName} {
		for wire, c := range contracts(t) {
			for _, careless := range []bool{false, true} {
				t.Run(wire+"/"+name+"/retrying="+yes(careless), func(t *testing.T) {
					t.Parallel()
					var f faultyWire
					p := wiretest.New(t, c)
					opts := []mobifone.Option{mobifone.WithHTTPClient(f.client())}
					if careless {
						opts = append(opts, mobifone.WithMiddleware(retrying))
					}
					client := newClient(t, p, opts...)
					req := toOTP(t, client)
					f.fail(dial)
					_, err := client.Registration.Register(t.Context(), req)
					requireNotSent(t, p, err, partner.ConnectFailed)

					f.fail(nil)
					receipt, err := client.Registration.Register(t.Context(), req)
					require.NoError(t, err, "the same ids go again")
					assert.Equal(t, req.TransID, receipt.TransID)
					assert.Equal(t, 1, p.OnWire(partner.OpRegister))
				})
			}
		}
	}
}

// The handshake fails at the send, after steps 1 and 2 went well.
func TestTLSFailureIsNotSent(t *testing.T) {
	t.Parallel()
	for name, stranger := range map[string]func(*testing.T) string{
		"unknown authority": func(t *testing.T) string {
			t.Helper()
			return tlsListener(t, &tls.Config{Certificates: []tls.Certificate{selfSigned(t, time.Now().Add(time.Hour))}})
		},
		"too old a version": func(t *testing.T) string {
			t.Helper()
			return tlsListener(t, &tls.Config{MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{selfSigned(t, time.Now().Add(time.Hour))}}) //nolint:gosec // a server for the client to refuse
		},
		"reset in the handshake": func(t *testing.T) string {
			t.Helper()
			return listener(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 16))
				_ = conn.(*net.TCPConn).SetLinger(0)
			})
		},
		"plain HTTP": func(t *testing.T) string {
			t.Helper()
			return listener(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 16))
				_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := stranger(t)
			p := wiretest.NewTLS(t, contract.Default())
			roots := x509.NewCertPool()
			roots.AddCert(p.Server.Certificate())
			var f faultyWire
			careless := f.client()
			careless.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10} //nolint:gosec // raised by the client
			client := newClient(t, p, mobifone.WithHTTPClient(careless))
			req := toOTP(t, client)
			f.fail(func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			})
			_, err := client.Registration.Register(t.Context(), req)
			requireNotSent(t, p, err, partner.ConnectFailed)

			_, err = client.OTP.Request(t.Context(), otpRequest())
			e := requireNotSent(t, p, err, partner.ConnectFailed)
			assert.Equal(t, 4, e.Evidence.Tries, "an OTP request that was not sent is repeated")

			f.fail(nil)
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 1, p.Requests(partner.OpRegister))
		})
	}
}

func listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// tlsListener fails the test when a request comes through.
func tlsListener(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	return listener(t, func(conn net.Conn) {
		n, _ := tls.Server(conn, cfg).Read(make([]byte, 1))
		assert.Zero(t, n, "a byte of the request came through")
	})
}

func selfSigned(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestLimiterRefusalIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	gate := &gate{}
	client := newClient(t, p, mobifone.WithLimiter(gate))
	req := toOTP(t, client)
	gate.set(mobifone.FromRate(rate.NewLimiter(rate.Every(time.Hour), 0)).Wait)
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, partner.LimitReached)

	slow := mobifone.FromRate(rate.NewLimiter(rate.Every(time.Hour), 1))
	require.NoError(t, slow.Wait(t.Context(), partner.Call{}))
	gate.set(slow.Wait)
	_, err = client.Registration.Register(t.Context(), req)
	e := requireNotSent(t, p, err, partner.LimitReached)
	assert.Greater(t, e.RetryAfter, time.Minute, "it says when to come back")
}

// gate is a limiter that a test exchanges.
type gate struct {
	mu   sync.Mutex
	wait func(context.Context, partner.Call) error
}

func (g *gate) set(wait func(context.Context, partner.Call) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait = wait
}

func (g *gate) Wait(ctx context.Context, c partner.Call) error {
	g.mu.Lock()
	wait := g.wait
	g.mu.Unlock()
	if wait == nil {
		return nil
	}
	return wait(ctx, c)
}

func TestFailedCredentialsAreNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var fail error
	cfg := config(p.Server.URL)
	cfg.Credentials = mobifone.CredentialsFunc(func(context.Context) (partner.Credentials, error) {
		if fail != nil {
			return partner.Credentials{}, fail
		}
		c := credentials()
		c.ExpiresAt = time.Now() // asked again each time
		return c, nil
	})
	client, err := mobifone.New(cfg)
	require.NoError(t, err)
	req := toOTP(t, client)
	fail = errors.New("vault sealed")
	_, err = client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, partner.CredentialsFailed)
	require.ErrorContains(t, err, "vault sealed")
}

func TestCancelledBeforeTheSendIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Registration.Register(ctx, req)
	requireNotSent(t, p, err, partner.Canceled)
}

func TestClosedClientIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	require.NoError(t, client.Close(t.Context()))
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, partner.ClientClosed)
}

// clocks are the two clocks of a test's machine.
type clocks struct {
	mu         sync.Mutex
	wall, mono time.Duration
}

func (c *clocks) read() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.wall), time.Since(began) + c.mono
}

func (c *clocks) step(wall, mono time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall += wall
	c.mono += mono
}

var began = time.Now()

// Past send-by, or with clocks that disagree, the body stays here: the guard asks at the
// last moment.
func TestGuardRefusesLateAndClockSteps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wall, mono time.Duration
		code       partner.Code
	}{
		"past send-by":           {21 * time.Second, 21 * time.Second, partner.PastSendBy},
		"wall stepped ahead":     {3 * time.Second, 0, partner.ClockUnreliable},
		"wall stepped back":      {-3 * time.Second, 0, partner.ClockUnreliable},
		"suspended":              {0, 3 * time.Second, partner.ClockUnreliable},
		"reply too old to trust": {11 * time.Minute, 11 * time.Minute, partner.ClockUnreliable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			clock := &clocks{}
			client := newClient(t, p, mobifone.WithClock(clock.read))
			draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
			require.NoError(t, err)
			clock.step(tc.wall, tc.mono)
			_, err = draft.Send(t.Context())
			requireNotSent(t, p, err, tc.code)

			_, err = draft.Send(t.Context())
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), "a second Send is never NotSent")
			require.ErrorIs(t, err, partner.AlreadySent)
			assert.Equal(t, 0, p.OnWire(partner.OpRegister))
		})
	}
}

// In time and with steady clocks the same draft goes out.
func TestGuardLetsThroughInTime(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	clock := &clocks{}
	client := newClient(t, p, mobifone.WithClock(clock.read))
	draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	clock.step(19*time.Second, 18*time.Second)
	_, err = draft.Send(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, p.OnWire(partner.OpRegister))
}

// A middleware that keeps the body to itself, or answers for the partner, leaves no
// proof that nothing was sent.
func TestBypassedGuardIsUnknown(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]func(http.RoundTripper) http.RoundTripper{
		"takes the body": func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				_, _ = io.ReadAll(req.Body)
				return nil, errors.New("sent elsewhere, perhaps")
			})
		},
		"answers itself": func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Header: http.Header{}}, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, mobifone.WithMiddleware(onlyRegister(m)))
			_, err := client.Registration.Register(t.Context(), toOTP(t, client))
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), "%v", err)
			assert.Equal(t, 0, p.OnWire(partner.OpRegister))
		})
	}
}

// A middleware that reads the body and passes the request on changes nothing.
func TestReadingMiddlewareChangesNothing(t *testing.T) {
	t.Parallel()
	var f faultyWire
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, mobifone.WithHTTPClient(f.client()), mobifone.WithMiddleware(onlyRegister(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(req.Body)
			return next.RoundTrip(req)
		})
	})))
	req := toOTP(t, client)
	f.fail(func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("unreachable")}
	})
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, partner.ConnectFailed)
	f.fail(nil)
	_, err = client.Registration.Register(t.Context(), req)
	require.NoError(t, err)
}

func onlyRegister(m func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		special := m(next)
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/partner/v1/register" {
				return special.RoundTrip(req)
			}
			return next.RoundTrip(req)
		})
	}
}

// aRequest is a registration request that no OTP step went before.
func aRequest(t *testing.T) registration.Request {
	t.Helper()
	code, err := partner.ParseOTP(canaryOTP)
	require.NoError(t, err)
	return registration.Request{
		MSISDN: partner.MustParseMSISDN(canaryMSISDN), Package: "C120", Amount: 120_000,
		TransID: "T-1", PartnerTransID: partner.RandomPartnerTransID(), OTP: code, Staff: staff,
	}
}
