package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestRefundIsAnActWithAnIntent(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "403") // NOT_ELIGIBLE
		_, err := s.Register(t.Context(), id, s.otp("403"), teller)
		require.Error(t, err)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		refused(t, err)
		s.settle(2 * time.Minute)
		require.Equal(t, sale.RefundDue, s.state(id))
		_, err = s.ConfirmRefund(t.Context(), id, teller)
		refused(t, err)
		looks := s.sb.Requests(telco.OpGet)
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 503, Times: -1})
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.Error(t, err)
		assert.Equal(t, sale.RefundDue, s.state(id), "no claim without the last look")
		s.sb.ClearScript()

		// Two tellers at once: one pays.
		errs := make(chan error, 2)
		for _, who := range []string{"GDV01", "GDV02"} {
			c := s.open()
			go func() { _, err := c.ClaimRefund(t.Context(), id, who); errs <- err }()
		}
		first, second := <-errs, <-errs
		assert.NotEqual(t, first == nil, second == nil, "%v, %v", first, second)
		assert.Greater(t, s.sb.Requests(telco.OpGet), looks)
		kept := s.sale(id)
		assert.Equal(t, sale.Refunding, kept.State)
		other := map[string]string{"GDV01": "GDV02", "GDV02": "GDV01"}[kept.RefundBy]
		_, err = s.ConfirmRefund(t.Context(), id, other)
		refused(t, err)
		_, err = s.ClaimRefund(t.Context(), id, other)
		refused(t, err)
		v, err := s.ConfirmRefund(t.Context(), id, kept.RefundBy)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunded, v.Sale.State)
		assert.Equal(t, price, v.Sale.CashOut)
		s.replays(id)
	})
}

func TestTheLastLookFindsARegistration(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("10m"), Status: 504}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		_, err = s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		s.settle(3 * time.Minute)
		require.Equal(t, sale.RefundDue, s.state(id), "MobiFone promised a minute, and took ten")
		pass(10 * time.Minute)
		v, err := s.ClaimRefund(t.Context(), id, teller)
		refused(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.Equal(t, telco.GiveService, v.Action.Step)
	})
}

func TestTheLastLookIsFresh(t *testing.T) {
	t.Parallel()
	c := newCore(t).refundDue()
	take := sale.Event{Kind: sale.RefundTaken, By: teller}
	require.Error(t, c.try(take))
	c.do(c.looked())
	c.later(time.Minute + 1)
	require.Error(t, c.try(take), "an old look does not count")
	c.do(c.looked())
	require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken}), "say who")
	c.do(take)
}
