package mobifone_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
			requireNotSent(t, p, err, telco.ConnectFailed)

			_, err = client.OTP.Request(t.Context(), otpRequest())
			e := requireNotSent(t, p, err, telco.ConnectFailed)
			assert.Equal(t, 4, e.Evidence.Tries, "an OTP request that was not sent is repeated")

			f.fail(nil)
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 1, p.Requests(telco.OpRegister))
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

// protocols starts a MobiFone over TLS who speaks HTTP/2 and HTTP/1.1, and tells by which
// each path was last asked for.
func protocols(t *testing.T) (p *wiretest.MobiFone, server *httptest.Server, asked func(telco.Operation) string) {
	t.Helper()
	p = wiretest.New(t, contract.Default())
	var mu sync.Mutex
	by := map[string]string{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		by[r.URL.Path] = r.Proto
		mu.Unlock()
		p.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = p.Server.Config.ErrorLog
	server.StartTLS()
	t.Cleanup(server.Close)
	return p, server, func(op telco.Operation) string {
		mu.Lock()
		defer mu.Unlock()
		return by[p.Contract.Document().Operations[op].Path]
	}
}

// trusting is a TLS configuration for a server of protocols, agreeing on one of these.
func trusting(server *httptest.Server, agreeOn ...string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: agreeOn}
}

// Reads speak HTTP/2 where the transport may; a registration never does.
func TestReadsSpeakHTTP2(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		transport func(server *httptest.Server) *http.Transport
		reads     string
	}{
		"allowed": {func(server *httptest.Server) *http.Transport {
			return &http.Transport{TLSClientConfig: trusting(server), ForceAttemptHTTP2: true}
		}, "HTTP/2.0"},
		"not allowed": {func(server *httptest.Server) *http.Transport {
			return &http.Transport{TLSClientConfig: trusting(server)}
		}, "HTTP/1.1"},
		"own dialer, HTTP/1.1": {func(server *httptest.Server) *http.Transport {
			return &http.Transport{DialTLSContext: (&tls.Dialer{Config: trusting(server, "http/1.1")}).DialContext, ForceAttemptHTTP2: true}
		}, "HTTP/1.1"},
		"own dialer, nothing agreed": {func(server *httptest.Server) *http.Transport {
			return &http.Transport{DialTLSContext: (&tls.Dialer{Config: trusting(server)}).DialContext}
		}, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server, asked := protocols(t)
			client, err := mobifone.New(config(server.URL), mobifone.WithHTTPClient(&http.Client{Transport: tc.transport(server)}))
			require.NoError(t, err)
			_, err = client.Registration.Register(t.Context(), toOTP(t, client))
			require.NoError(t, err)
			assert.Equal(t, tc.reads, asked(telco.OpEligible))
			assert.Equal(t, tc.reads, asked(telco.OpOTP))
			assert.Equal(t, "HTTP/1.1", asked(telco.OpRegister))
			require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
		})
	}
}

// shownConn hides the TLS connection and tells its state, as other TLS libraries do.
type shownConn struct {
	net.Conn

	state func() tls.ConnectionState
}

func (c shownConn) ConnectionState() tls.ConnectionState { return c.state() }

// wrappedConn shows what it wraps.
type wrappedConn struct {
	net.Conn

	inner net.Conn
}

func (c wrappedConn) NetConn() net.Conn { return c.inner }

// A dialer that agrees on h2 for a connection on which HTTP/1.1 is spoken would let every
// registration leave and end Unknown. Nothing is written there, and the error says what
// to set.
func TestDialerThatAgreesOnHTTP2(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*tls.Conn) net.Conn{
		"bare":    func(c *tls.Conn) net.Conn { return c },
		"shown":   func(c *tls.Conn) net.Conn { return shownConn{c, c.ConnectionState} },
		"wrapped": func(c *tls.Conn) net.Conn { return wrappedConn{c, c} },
	} {
		for _, may := range []bool{true, false} {
			t.Run(name+"/reads may="+yes(may), func(t *testing.T) {
				t.Parallel()
				p, server, asked := protocols(t)
				agreeOn := []string{"http/1.1"}
				dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := (&tls.Dialer{Config: trusting(server, agreeOn...)}).DialContext(ctx, network, addr)
					if err != nil {
						return nil, err
					}
					return wrap(conn.(*tls.Conn)), nil
				}
				client, err := mobifone.New(config(server.URL), quick(1),
					mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{DialTLSContext: dial, ForceAttemptHTTP2: may, DisableKeepAlives: true}}))
				require.NoError(t, err)
				req := toOTP(t, client)

				agreeOn = []string{"h2", "http/1.1"}
				_, err = client.Registration.Register(t.Context(), req)
				requireNotSent(t, p, err, telco.ConnectFailed)
				require.ErrorContains(t, err, "NextProtos")
				assert.Zero(t, p.Requests(telco.OpRegister))

				err = eligible(t.Context(), client)
				if may && name == "bare" {
					require.NoError(t, err)
					assert.Equal(t, "HTTP/2.0", asked(telco.OpEligible))
				} else {
					assert.Equal(t, telco.NotSent, telco.OutcomeOf(err), "%v", err)
					require.ErrorContains(t, err, "NextProtos")
				}

				agreeOn = []string{"http/1.1"}
				_, err = client.Registration.Register(t.Context(), req)
				require.NoError(t, err, "the same ids go again")
				require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
			})
		}
	}
}

// A middleware sees the TLS of a reply, as without us.
func TestMiddlewareSeesTLS(t *testing.T) {
	t.Parallel()
	_, server, _ := protocols(t)
	var mu sync.Mutex
	seen := map[string]bool{}
	client, err := mobifone.New(config(server.URL), mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: trusting(server)}}),
		mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				mu.Lock()
				defer mu.Unlock()
				seen[r.URL.Path] = resp != nil && resp.TLS != nil && len(resp.TLS.VerifiedChains) > 0
				return resp, err
			})
		}))
	require.NoError(t, err)
	_, err = client.Registration.Register(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	assert.Len(t, seen, 3)
	for path, ok := range seen {
		assert.True(t, ok, path)
	}
	require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
}
