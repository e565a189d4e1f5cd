package sale_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A proxy delivers twice and we see the answer to the copy. The MobiFones that refuse a
// second use of the ids, or of the nonce, register once, and the sale finds out.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"A", "B", "C", "D", "E", "F"} {
		for _, replays := range []bool{false, true} {
			if replays && (kind == "D" || kind == "F") {
				continue // beyond any client: they carry a replay out
			}
			name := kind
			if replays {
				name += ", no nonce check"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inShop(t, sandbox.Config{Kind: kind, AcceptReplays: replays, Queue: queueOf(kind)}, func(t *testing.T, s *shop) {
					id := s.toOTP("DH-1", "477")
					s.script(onRegister(sandbox.Fault{Kind: "duplicate", Second: true}))
					v, err := s.Register(t.Context(), id, s.otp("477"), teller)
					assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
					assert.Equal(t, sale.Resolving, v.Sale.State)
					s.settle(15 * time.Minute)
					assert.Equal(t, sale.Registered, s.state(id))
					assert.Equal(t, 1, s.sb.Executed(number("477")))
					assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
					s.replays(id)
				})
			})
		}
	}
}

func queueOf(kind string) time.Duration {
	if kind == "E" {
		return 5 * time.Minute
	}
	return 0
}

// A replica that flips back within the lag MobiFone admits to.
func TestAReplicaThatFlips(t *testing.T) {
	t.Parallel()
	for _, every := range []int{2, 3} {
		inShop(t, sandbox.Config{LookupLag: 20 * time.Second, OTPTTL: time.Hour}, func(t *testing.T, s *shop) {
			id := s.toOTP("DH-1", "402") // pending, then failed
			pass(21 * time.Second)
			s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "stale", Delay: durationOf("15s"), Every: every, Times: -1})
			_, err := s.Register(t.Context(), id, s.otp("402"), teller)
			require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			s.settle(5 * time.Minute)
			assert.Equal(t, sale.RefundDue, s.state(id))
			s.replays(id)
		})
	}
}

// The operator takes a registration back long after; the cash is not returned unless a
// person says so.
func TestReversedLater(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		pass(24 * time.Hour)
		require.True(t, s.sb.Reverse(s.sale(id).Receipt.TransID))
		v, err := s.Observe(t.Context(), s.sb.Ledger()[0])
		require.NoError(t, err)
		require.Equal(t, sale.Review, v.Sale.State)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		refused(t, err)
		_, err = s.Decide(t.Context(), id, sale.Decision{Ruling: sale.RuleRefundDue, Evidence: "CV-9"}, boss)
		require.NoError(t, err)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		v, err = s.ConfirmRefund(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunded, v.Sale.State)
		s.replays(id)
	})
}

// timeless is the default contract of a MobiFone without a clock.
func timeless(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.Clock = "none" })
	require.NoError(t, err)
	return c
}

// A MobiFone without a clock has no fence and clears nothing by absence: what is unknown
// ends with a person, what is shown still counts.
func TestAMobiFoneWithoutAClock(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{Contract: timeless(t), OTPTTL: time.Hour}
	inShop(t, cfg, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
		assert.True(t, s.sale(id).Intents[0].LastBy.IsZero())
		s.settle(14 * time.Minute)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
	})
	inShop(t, cfg, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "408")
		_, err := s.Register(t.Context(), id, s.otp("408"), teller)
		require.Error(t, err)
		s.settle(10 * time.Second)
		assert.Equal(t, sale.Registered, s.state(id))
	})
	inShop(t, cfg, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		pass(10 * time.Minute)
		v, err := s.RequestOTP(t.Context(), id, teller)
		_, waits := errors.AsType[*sale.NotSettledError](err)
		require.True(t, waits, "%v", err)
		assert.Equal(t, telco.ReenterOTP, v.Action.Step, "the code in hand is still good")
		v, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
	})
}

// The clock of the till jumps while a send is unknown.
func TestTheTillsClockJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{-time.Hour, time.Hour} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			id := s.toOTP("DH-1", "477")
			s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("50s"), Status: 504}))
			_, err := s.Register(t.Context(), id, s.otp("477"), teller)
			require.Error(t, err)
			s.counter = s.open(func(cfg *sale.Config) { cfg.Now = func() time.Time { return time.Now().Add(jump) } })
			for range 20 {
				_, err := s.Resolve(t.Context(), id)
				require.NoError(t, err)
				pass(3 * time.Second)
			}
			kept := s.sale(id)
			assert.Equal(t, 1, s.sb.Executed(number("477")))
			assert.Contains(t, []sale.State{sale.Registered, sale.Review}, kept.State, "%s", jump)
			assert.Equal(t, 1, kept.Attempt)
		})
	}
}

// Registered twice at MobiFone, by a fence that did not hold: it shows as Review at the
// next reconciliation, and never silently.
func TestABrokenFenceShows(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{OTPTTL: 2 * time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("30m"), Status: 504}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.settle(5 * time.Minute)
		require.Equal(t, sale.Paid, s.state(id), "MobiFone promised that a minute is the longest")
		s.ask(id)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		pass(time.Hour)
		require.Equal(t, 2, s.sb.Executed(number("477")))
		for _, tx := range s.sb.Ledger() {
			_, err := s.Observe(t.Context(), tx)
			require.NoError(t, err)
		}
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, 1, s.alarmed())
		s.replays(id)
	})
}
