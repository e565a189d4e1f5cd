package sale_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestFactsFromElsewhere(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(time.Second)
		s.script(onRegister(sandbox.Fault{Kind: "drop"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id), "the lookup does not show it for an hour")
		sent := s.sb.Requests(telco.OpRegister)
		row := s.sb.Ledger()[0]
		v, err := s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		before := s.sale(id)
		_, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, before, s.sale(id), "the same row again changes nothing")
		row.State = telco.StateReversed
		v, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State)
		assert.Equal(t, before.Receipt, v.Sale.Receipt, "nothing is overwritten")
		row.PartnerTransID = "unheard-of"
		_, err = s.Observe(t.Context(), row)
		_, notFound := errors.AsType[*sale.NotFoundError](err)
		assert.True(t, notFound)
		assert.Equal(t, sent, s.sb.Requests(telco.OpRegister), "sends nothing")
		s.replays(id)
	})
}

// A row that proves nothing moves no sale, in no state.
func TestARowThatProvesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range sale.States() {
		for _, row := range []telco.State{telco.StateInit, telco.StatePending, telco.StateFailed, telco.StateExpired, telco.StateCancelled} {
			if state == sale.Registered && row != telco.StatePending {
				continue // a success that changed is a conflict
			}
			c := newCore(t).in(state)
			if row == telco.StatePending && len(c.s.Pairs()) == 0 {
				continue // of ids that we never sent it is a conflict
			}
			c.do(c.observe(c.row(1, row)))
			assert.Equal(t, state, c.s.State, row)
		}
	}
}

func TestAnErasedSaleIsNoAlarm(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		pass(time.Hour)
		n, err := s.memory.Erase(t.Context(), time.Now(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		v, err := s.Observe(t.Context(), s.sb.Ledger()[0])
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.Zero(t, s.alarmed())
		row := s.sb.Ledger()[0]
		row.Amount++
		v, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State, "a real difference still is one")
		_ = id
	})
}
