package mobifone_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// minutely is the default contract of a MobiFone who executes within a minute and answers
// a bare 404 to what it does not know.
func minutely(t *testing.T) *contract.Contract {
	t.Helper()
	doc := contract.Default().Document()
	delay := contract.Duration(time.Minute)
	doc.Semantics.MaxExecutionDelay = &delay
	for i := range doc.Codes {
		if doc.Codes[i].Name == telco.TransactionNotFound {
			doc.Codes[i].HTTPStatus = []int{http.StatusNotFound}
		}
	}
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	c, err := contract.Load(raw)
	require.NoError(t, err)
	return c
}

// "Not found" counts as absence only in a reply that is whole and not a failure itself.
func TestAbsenceNeedsAWellFormedReply(t *testing.T) {
	t.Parallel()
	c := minutely(t)
	for name, tc := range map[string]struct {
		status int
		body   string
		absent bool
	}{
		"200":               {200, `{"errorCode":"8004"}`, true},
		"404 with envelope": {404, `{"errorCode":"8004"}`, true},
		"bare 404":          {404, "no such page", false},
		"500 with envelope": {500, `{"errorCode":"8004"}`, false},
		"503 with envelope": {503, `{"errorCode":"8004"}`, false},
		"408 with envelope": {408, `{"errorCode":"8004"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, c, func(t *testing.T, w *inProcess) {
				client := w.client(t, quick(1))
				req := toOTP(t, client)
				draft, err := client.Registration.Prepare(t.Context(), req)
				require.NoError(t, err)
				w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
				_, err = draft.Send(t.Context())
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				<-time.After(time.Hour)
				w.say(func(int, arrival) (*http.Response, error) { return answer(tc.status, tc.body), nil })
				_, err = client.Registration.Resolve(t.Context(), draft.Handle())
				want := telco.Unknown
				if tc.absent { // an hour later, and a minute is the longest
					want = telco.Rejected
				}
				assert.Equal(t, want, telco.OutcomeOf(err), "%v", err)
				assert.Equal(t, tc.absent, errors.Is(err, telco.TransactionNotFound) && want == telco.Rejected, "%v", err)
			})
		})
	}
}

// One reply with a date from elsewhere is neither a fence passed nor a time to send by.
func TestOneWrongDateIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		bubble(t, minutely(t), func(t *testing.T, w *inProcess) {
			client := w.client(t, quick(1))
			req := toOTP(t, client)
			date := func(d time.Duration, status int, body string) *http.Response {
				return answer(status, body, "Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
			}
			draft, err := client.Registration.Prepare(t.Context(), req)
			require.NoError(t, err)
			w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
			_, err = draft.Send(t.Context())
			require.Equal(t, telco.Unknown, telco.OutcomeOf(err))

			w.say(func(n int, _ arrival) (*http.Response, error) {
				if n == 0 {
					return date(off, 200, `{"errorCode":"8004"}`), nil
				}
				return date(0, 200, `{"errorCode":"8004"}`), nil
			})
			_, err = client.Registration.Resolve(t.Context(), draft.Handle())
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, telco.Unknown, e.Outcome, "the fence is minutes away")

			w.say(func(int, arrival) (*http.Response, error) { return date(off, 200, `{"errorCode":"9003"}`), nil })
			require.Error(t, eligible(t.Context(), client))
			w.say(nil)
			next := req
			next.TransID, next.PartnerTransID = "T-2", transid.Random()
			draft, err = client.Registration.Prepare(t.Context(), next)
			require.NoError(t, err, "a lookup tells which time is right")
			assert.WithinDuration(t, time.Now(), draft.Handle().SendBy, time.Minute)
			assert.WithinDuration(t, time.Now(), draft.Handle().LastBy, 10*time.Minute)
			_, err = draft.Send(t.Context())
			require.NoError(t, err)
		})
	}
}

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
