package mobifone_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

// Ids that were sent and are not resolved stay Unknown when they are prepared again,
// whatever keeps Prepare from preparing them.
func TestPrepareOfOpenIDsIsUnknown(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
		_, err := client.Registration.Register(t.Context(), req)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		<-time.After(11 * time.Minute) // MobiFone's time is not known any more

		faulty := req
		faulty.Amount = -1
		for name, again := range map[string]func() error{
			"no MobiFone time":    func() error { _, err := client.Registration.Register(t.Context(), req); return err },
			"malformed":           func() error { _, err := client.Registration.Register(t.Context(), faulty); return err },
			"the background lane": func() error { _, err := client.Background().Registration.Prepare(t.Context(), req); return err },
			"the resolver lane":   func() error { _, err := client.Resolver().Registration.Prepare(t.Context(), req); return err },
			"after the client end": func() error {
				_ = client.Close(t.Context())
				_, err := client.Registration.Register(t.Context(), req)
				return err
			},
		} {
			err := again()
			require.Error(t, err, name)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%s: %v", name, err)
			assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step, name)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.NotNil(t, e.Handle, name)
			assert.Equal(t, name == "malformed", len(e.Fields) == 1 && e.Fields[0].Field == "Amount", name)
		}
		assert.Equal(t, 1, w.count(telco.OpRegister))
	})
}

// Without a MobiFone time of the last ten minutes Prepare looks the transaction up; used
// ids, or no answer, mean no send.
func TestPrepareLooksFirst(t *testing.T) {
	t.Parallel()
	send := func(t *testing.T, c *contract.Contract, script func(*wiretest.MobiFone, registration.Request)) (*wiretest.MobiFone, error) {
		t.Helper()
		p := wiretest.New(t, c)
		req := aRequest(t)
		script(p, req)
		client := newClient(t, p, mobifone.WithRetry(mobifone.Retry{Tries: 1}))
		_, err := client.Registration.Register(t.Context(), req)
		return p, err
	}
	t.Run("fresh ids", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contract.Default(), func(*wiretest.MobiFone, registration.Request) {})
		require.NoError(t, err)
		assert.Positive(t, p.Requests(telco.OpGet))
	})
	t.Run("used ids", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contract.Default(), func(p *wiretest.MobiFone, r registration.Request) {
			p.On(telco.OpGet, p.Found(wiretest.Row(field.Request{
				TransID: r.TransID, PartnerTransID: r.PartnerTransID,
				MSISDN: r.MSISDN, Package: r.Package, Amount: r.Amount,
			}, telco.StateSuccess)))
		})
		require.ErrorIs(t, err, telco.AlreadySent)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Zero(t, p.OnWire(telco.OpRegister))
		assert.Positive(t, p.Requests(telco.OpGet), "it was looked up, and is there")
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contract.Default(), func(p *wiretest.MobiFone, _ registration.Request) {
			p.On(telco.OpGet, wiretest.Hangup(""))
		})
		requireNotSent(t, p, err, telco.ReplyLost)
	})
	t.Run("no lookup in the contract", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contracts(t)["second"], func(*wiretest.MobiFone, registration.Request) {})
		e := requireNotSent(t, p, err, telco.ClockUnreliable)
		_, twice := errors.AsType[*telco.Error](e.Err)
		assert.False(t, twice, "the cause is said once")
	})
}

// The first registration of a client has to ask for MobiFone's time. When it gets no
// answer, the error says what really is wrong, not that a clock is unreliable.
func TestFirstRegisterNamesTheCause(t *testing.T) {
	t.Parallel()
	sealed := errors.New("vault sealed")
	refused := wiretest.Raw(401, "text/plain", "no")
	for name, tc := range map[string]struct {
		client func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client
		code   telco.Code
		cause  func(error) bool
	}{
		"connection refused": {
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				p.Server.Close()
				return newClient(t, p, quick(1))
			},
			code: telco.ConnectFailed, cause: func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		},
		"a certificate of nobody": {
			client: func(t *testing.T, _ *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				return newClient(t, wiretest.NewTLS(t, contract.Default()), quick(1))
			},
			code: telco.ConnectFailed,
			cause: func(err error) bool {
				_, ok := errors.AsType[x509.UnknownAuthorityError](err)
				return ok
			},
		},
		"no such name": {
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				var f faultyWire
				f.fail(func(context.Context, string, string) (net.Conn, error) {
					return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "partner.invalid", IsNotFound: true}}
				})
				return newClient(t, p, quick(1), mobifone.WithHTTPClient(f.client()))
			},
			code: telco.ConnectFailed,
			cause: func(err error) bool {
				_, ok := errors.AsType[*net.DNSError](err)
				return ok
			},
		},
		"a wrong key": {
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
					w.Header()["Date"] = nil // a gateway without a clock
					p.Says(telco.OpGet, 401, wire.Answer{Code: telco.AuthKey})(w, r, f)
				})
				return newClient(t, p, quick(1))
			},
			code: telco.AuthKey,
		},
		"a bare 401": {
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				p.On(telco.OpGet, refused)
				return newClient(t, p, quick(1))
			},
			code: telco.SystemError,
		},
		"the vault is down": {
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				cfg := config(p.Server.URL)
				cfg.Credentials = func(context.Context) (telco.Credentials, error) {
					return telco.Credentials{}, sealed
				}
				client, err := mobifone.New(cfg, quick(1))
				require.NoError(t, err)
				return client
			},
			code: telco.CredentialsFailed, cause: func(err error) bool { return errors.Is(err, sealed) },
		},
		"a cache answers": { // the lookup went well, and told no time
			client: func(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
				t.Helper()
				p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
					w.Header().Set("Age", "60")
					p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
				})
				return newClient(t, p, quick(1))
			},
			code: telco.ClockUnreliable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := tc.client(t, p)
			_, err := client.Registration.Register(t.Context(), aRequest(t))
			e := requireNotSent(t, p, err, tc.code)
			assert.Equal(t, telco.OpRegister, e.Operation)
			if tc.cause != nil {
				assert.True(t, tc.cause(err), "%v", err)
			}
			if tc.code != telco.ClockUnreliable {
				assert.NotContains(t, err.Error(), string(telco.ClockUnreliable))
				assert.NotContains(t, err.Error(), "clock")
			}
			assert.NotEqual(t, telco.Hold, telco.ActionFor(err, true).Step, "nothing is open")
		})
	}
}
