package sale_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestSameOrderSameSale(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		views := make([]sale.View, 6)
		var wg sync.WaitGroup
		for i := range views {
			c := s.open()
			wg.Go(func() {
				v, err := c.Open(t.Context(), order("DH-1", "477"), teller)
				assert.NoError(t, err)
				views[i] = v
			})
		}
		wg.Wait()
		for _, v := range views {
			assert.Equal(t, views[0].Sale.ID, v.Sale.ID)
			assert.Equal(t, views[0].Sale.PartnerTransID, v.Sale.PartnerTransID)
		}
		for name, change := range map[string]func(*sale.Order){
			"subscriber": func(o *sale.Order) { o.MSISDN = number("478") },
			"package":    func(o *sale.Order) { o.Package = "C90" },
			"price":      func(o *sale.Order) { o.Price++ },
		} {
			o := order("DH-1", "477")
			change(&o)
			_, err := s.Open(t.Context(), o, teller)
			differs, ok := errors.AsType[*sale.OrderDiffersError](err)
			require.True(t, ok, "%s: %v", name, err)
			assert.Equal(t, views[0].Sale.ID, differs.SaleID)
		}
		assert.Equal(t, int64(1), s.sale(views[0].Sale.ID).Version)
	})
}

func TestBusySubscriber(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		lost := s.toOTP("DH-1", "409") // the request is lost
		code := s.otp("409")
		second := s.paid("DH-2", "409") // opened before the first became unknown
		_, err := s.Register(t.Context(), lost, code, teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.Equal(t, sale.Resolving, s.state(lost))

		busy := func(err error) {
			t.Helper()
			e, ok := errors.AsType[*sale.BusyError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, lost, e.SaleID)
		}
		other := s.open()
		_, err = other.Open(t.Context(), order("DH-3", "409"), teller)
		busy(err)
		before := s.sale(second)
		_, err = other.RequestOTP(t.Context(), second, teller)
		busy(err)
		_, err = other.RequestOTP(t.Context(), lost, teller)
		assert.Equal(t, sale.Resolving, refused(t, err).State, "no OTP while Resolving")
		assert.Equal(t, before, s.sale(second))

		_, err = other.OpenBeside(t.Context(), order("DH-2", "409"), "")
		require.ErrorIs(t, err, telco.InvalidInput)
		v, err := other.OpenBeside(t.Context(), order("DH-2", "409"), boss)
		require.NoError(t, err)
		assert.Equal(t, second, v.Sale.ID)
		assert.Equal(t, 1, v.Sale.Slot)
		events, err := s.memory.Events(t.Context(), second)
		require.NoError(t, err)
		assert.Equal(t, sale.Overridden, events[len(events)-1].Kind)
		assert.Equal(t, boss, events[len(events)-1].By)

		v, err = other.OpenBeside(t.Context(), order("DH-4", "409"), boss)
		require.NoError(t, err)
		assert.Equal(t, 1, v.Sale.Slot, "a new order beside is recorded as well")
	})
}

func TestRegisterOfABusySubscriberIsRefused(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first, second := s.toOTP("DH-1", "409"), s.paid("DH-2", "409")
		code := s.otp("409")
		pass(61e9) // MobiFone's resend wait
		s.ask(second)
		_, err := s.Register(t.Context(), first, code, teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(first))
		sent := s.sb.Requests(telco.OpRegister)
		before := s.sale(second)
		_, err = s.Register(t.Context(), second, s.otp("409"), teller)
		busy, ok := errors.AsType[*sale.BusyError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, first, busy.SaleID)
		assert.Equal(t, sent, s.sb.Requests(telco.OpRegister))
		assert.Equal(t, before, s.sale(second))

		// The claim is kept through Review, and gone when the first is settled.
		s.sb.SetSubscriber(number("409"), sandbox.Subscriber{})
		s.settle(120e9)
		require.Equal(t, sale.Paid, s.state(first), "proven not registered")
		_, err = s.Open(t.Context(), order("DH-5", "409"), teller)
		require.NoError(t, err)
	})
}
