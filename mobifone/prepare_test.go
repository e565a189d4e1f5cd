package mobifone_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/registration"
)

// Ids that were sent and are not resolved stay Unknown when they are prepared again,
// whatever keeps Prepare from preparing them.
func TestPrepareOfOpenIDsIsUnknown(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
		_, err := client.Registration.Register(t.Context(), req)
		require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		<-time.After(11 * time.Minute) // the partner's time is not known any more

		faulty := req
		faulty.Amount = -1
		for name, again := range map[string]func() error{
			"no partner time":     func() error { _, err := client.Registration.Register(t.Context(), req); return err },
			"malformed":           func() error { _, err := client.Registration.Register(t.Context(), faulty); return err },
			"the background lane": func() error { _, err := client.Background().Registration.Prepare(t.Context(), req); return err },
			"after the client end": func() error {
				_ = client.Close(t.Context())
				_, err := client.Registration.Register(t.Context(), req)
				return err
			},
		} {
			err := again()
			require.Error(t, err, name)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), "%s: %v", name, err)
			assert.Equal(t, partner.Hold, partner.ActionFor(err, true).Step, name)
			e, ok := errors.AsType[*partner.Error](err)
			require.True(t, ok)
			assert.NotNil(t, e.Handle, name)
		}
		assert.Equal(t, 1, w.count(partner.OpRegister))
	})
}

// Without a partner time of the last ten minutes Prepare looks the transaction up; used
// ids, or no answer, mean no send.
func TestPrepareLooksFirst(t *testing.T) {
	t.Parallel()
	send := func(t *testing.T, c *contract.Contract, script func(*wiretest.Partner, registration.Request)) (*wiretest.Partner, error) {
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
		p, err := send(t, contract.Default(), func(*wiretest.Partner, registration.Request) {})
		require.NoError(t, err)
		assert.Positive(t, p.Requests(partner.OpGet))
	})
	t.Run("used ids", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contract.Default(), func(p *wiretest.Partner, r registration.Request) {
			p.On(partner.OpGet, p.Found(wiretest.Row(contract.Fields{
				TransID: r.TransID, PartnerTransID: r.PartnerTransID,
				MSISDN: r.MSISDN, Package: r.Package, Amount: r.Amount,
			}, partner.StateSuccess)))
		})
		require.ErrorIs(t, err, partner.AlreadySent)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		assert.Zero(t, p.OnWire(partner.OpRegister))
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contract.Default(), func(p *wiretest.Partner, _ registration.Request) {
			p.On(partner.OpGet, wiretest.Hangup(""))
		})
		requireNotSent(t, p, err, partner.ClockUnreliable)
	})
	t.Run("no lookup in the contract", func(t *testing.T) {
		t.Parallel()
		p, err := send(t, contracts(t)["second"], func(*wiretest.Partner, registration.Request) {})
		requireNotSent(t, p, err, partner.ClockUnreliable)
	})
}
