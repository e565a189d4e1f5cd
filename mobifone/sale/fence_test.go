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

// The request is lost, or parked for as long as MobiFone promises at most: until the
// fence absence says nothing, at it the sale goes on, and the second attempt has new ids.
func TestFence(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{"A", "B", "C", "D"} {
		t.Run(string(kind)+", lost", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind, LookupLag: 5 * time.Second}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "409")
				pass(6 * time.Second)
				_, err := s.Register(t.Context(), id, s.otp("409"), teller)
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				send := s.sale(id).Intents[0]
				latest := send.SendBy.Add(time.Minute)
				// B and D check the expiry at execution too; the earlier of the two counts.
				assert.Equal(t, latest, send.LastBy)
				fence := latest.Add(5*time.Second + time.Second + 10*time.Second) // lag, skew, and the read timeout
				s.settle(time.Until(fence) - time.Second)
				require.Equal(t, sale.Resolving, s.state(id), "a second before the fence")
				_, err = s.Open(t.Context(), order("DH-2", "409"), teller)
				require.Error(t, err)
				s.settle(time.Minute)
				kept := s.sale(id)
				require.Equal(t, sale.Paid, kept.State)
				want := 2
				if kind == "A" { // dedupes: it may be asked again with the same id
					want = 1
				}
				assert.Equal(t, want, kept.Attempt)

				s.sb.SetSubscriber(number("409"), sandbox.Subscriber{})
				s.ask(id)
				pass(6 * time.Second)
				_, err = s.Register(t.Context(), id, s.otp("409"), teller)
				require.NoError(t, err)
				assert.Equal(t, 1, s.sb.Executed(number("409")))
				s.replays(id)
			})
		})
		t.Run(string(kind)+", late", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("59s"), Status: 504}))
				_, err := s.Register(t.Context(), id, s.otp("477"), teller)
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				s.settle(58 * time.Second)
				assert.Equal(t, sale.Resolving, s.state(id))
				s.settle(15 * time.Second)
				assert.Equal(t, sale.Registered, s.state(id))
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				s.replays(id)
			})
		})
	}
}

func TestNoFenceIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{Kind: "F"}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		assert.True(t, s.sale(id).Intents[0].LastBy.IsZero())
		s.settle(14*time.Minute + 30*time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		assert.Zero(t, s.alarmed())
		s.settle(time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, 1, s.alarmed())
		looks := s.sb.Requests(telco.OpGet)
		s.settle(10 * time.Minute)
		assert.Greater(t, s.sb.Requests(telco.OpGet), looks, "looking up goes on")
		s.replays(id)
	})
}

func TestPendingForEverIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{PendingFor: 24 * time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "401")
		_, err := s.Register(t.Context(), id, s.otp("401"), teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		s.settle(70 * time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(90 * time.Second)
		assert.Equal(t, sale.Review, s.state(id), "still pending at the fence")
		s.settle(25 * time.Hour)
		kept := s.sale(id)
		assert.Equal(t, sale.Review, kept.State, "a person decides")
		assert.Equal(t, sale.Reason("found registered"), kept.Reason, "and is told what was found")
		assert.GreaterOrEqual(t, s.alarmed(), 2, "and again while nobody comes")
		v, err := s.Decide(t.Context(), id, sale.Decision{Ruling: sale.RuleRegistered, Evidence: "tra cứu"}, boss)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		s.replays(id)
	})
}
