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
