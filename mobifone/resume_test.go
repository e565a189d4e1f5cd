package mobifone_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const earlyData = 42 // the TLS extension by which a client sends before the handshake has ended

// Registrations resume the TLS session of an earlier one, and each has a connection of its
// own still; none sends anything before its handshake has ended.
func TestRegistrationsResumeTheirSession(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		version uint16
		change  func(*tls.Config)
		resumed []bool
	}{
		"TLS 1.2": {tls.VersionTLS12, func(*tls.Config) {}, []bool{false, true, true}},
		"TLS 1.3": {tls.VersionTLS13, func(*tls.Config) {}, []bool{false, true, true}},
		// It would not be asked about a resumed session.
		"a check of the caller's": {tls.VersionTLS13, func(c *tls.Config) {
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return nil } //nolint:gosec // that it is not bypassed is the case
		}, []bool{false, false, false}},
		"tickets forbidden": {tls.VersionTLS13, func(c *tls.Config) { c.SessionTicketsDisabled = true }, []bool{false, false, false}},
		// The reads have left a session in it.
		"a cache of the caller's": {tls.VersionTLS13, func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(1) }, []bool{true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			var (
				mu         sync.Mutex
				resumed    []bool
				from       = map[string]bool{}
				extensions []uint16
			)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == p.Contract.Document().Operations[telco.OpRegister].Path {
					mu.Lock()
					resumed = append(resumed, r.TLS.DidResume)
					from[r.RemoteAddr] = true
					mu.Unlock()
				}
				p.ServeHTTP(w, r)
			}))
			server.Config.ErrorLog = log.New(t.Output(), "", 0)
			server.TLS = &tls.Config{MinVersion: tc.version, MaxVersion: tc.version}
			server.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				mu.Lock()
				defer mu.Unlock()
				extensions = append(extensions, hello.Extensions...)
				return nil, nil //nolint:nilnil // as crypto/tls has it: no other
			}
			server.StartTLS()
			t.Cleanup(server.Close)

			trust := trusting(server)
			tc.change(trust)
			client, err := mobifone.New(config(server.URL), mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: trust}}))
			require.NoError(t, err)
			for range tc.resumed {
				p.On(telco.OpOTP, p.Ticket("T-"+telco.TransID(transid.Random())))
				req := toOTP(t, client)
				req.PartnerTransID = transid.Random()
				_, err := client.Registration.Register(t.Context(), req)
				require.NoError(t, err)
			}
			require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, tc.resumed, resumed)
			assert.Len(t, from, len(tc.resumed), "each dials")
			assert.NotEmpty(t, extensions)
			assert.NotContains(t, extensions, uint16(earlyData))
		})
	}
}
