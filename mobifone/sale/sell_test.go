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

func TestUndisturbedSale(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{"A", "B", "C", "D", "E", "F"} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				v, err := s.Register(t.Context(), id, s.otp("477"), teller)
				if kind == "E" { // accepted, executed within the hour
					assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
					assert.Equal(t, sale.Resolving, v.Sale.State)
					s.settle(63 * time.Minute)
				} else {
					require.NoError(t, err)
					assert.Equal(t, telco.GiveService, v.Action.Step)
					assert.LessOrEqual(t, s.tap.applies, 6, "commits of an undisturbed sale")
				}
				assert.Equal(t, sale.Registered, s.state(id))
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
				assert.Zero(t, s.alarmed())
				claims, err := s.memory.Busy(t.Context(), number("477"))
				require.NoError(t, err)
				assert.Empty(t, claims)
				s.replays(id)
			})
		})
	}
}
