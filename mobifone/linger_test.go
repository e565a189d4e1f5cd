package mobifone_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
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
