package sale_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// The number of a sale at rest is erased after the configured time, the money facts stay,
// and the number of an unsettled sale stays as long as it is unsettled.
func TestRunErasesNumbersOfOldSales(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		after time.Duration
		kept  bool
	}{"after an hour": {time.Hour, false}, "never": {-1, true}, "by default after 90 days": {0, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				t.Helper()
				sold := s.toOTP("A", "100")
				_, err := s.Register(t.Context(), sold, s.otp("100"), teller)
				require.NoError(t, err)
				waiting := s.toOTP("B", "200")

				ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
				defer stop()
				require.ErrorIs(t, s.Run(ctx), context.DeadlineExceeded)
				assert.Equal(t, tc.kept, s.sale(sold).Order.MSISDN.IsValid())
				assert.Equal(t, sale.Registered, s.sale(sold).State)
				assert.Equal(t, price, s.sale(sold).CashIn)
				assert.True(t, s.sale(waiting).Order.MSISDN.IsValid(), "it is not at rest")
			}, func(c *sale.Config) { c.EraseAfter = tc.after })
		})
	}
}
