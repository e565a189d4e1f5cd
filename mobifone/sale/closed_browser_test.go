package sale_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestAClosedBrowserAbortsNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"as the send is stored", "as the request leaves", "as the reply comes"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				ctx, cancel := context.WithCancel(t.Context())
				s.tap.onApply = func(_ int, after bool, _ sale.Change) error {
					if after && when == "as the send is stored" {
						cancel()
					}
					return nil
				}
				s.tap.onTrip = func(req *http.Request, after bool) error {
					if s.operation(req) == telco.OpRegister && after == (when == "as the reply comes") {
						cancel()
					}
					return nil
				}
				v, err := s.Register(ctx, id, s.otp("477"), teller)
				require.NoError(t, err)
				require.Error(t, ctx.Err())
				assert.Equal(t, sale.Registered, v.Sale.State)
				assert.Equal(t, sale.Registered, s.state(id))
			})
		})
	}
}

func TestBeforeTheSendTheCallerDecides(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		before := s.sale(id)
		ctx, cancel := context.WithCancel(t.Context())
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == telco.OpGet {
				cancel() // between the lookup and the write
			}
			return nil
		}
		_, err := s.Register(ctx, id, s.otp("477"), teller)
		require.Error(t, err)
		assert.Zero(t, s.sb.Requests(telco.OpRegister))
		assert.Equal(t, before, s.sale(id))
	})
}
