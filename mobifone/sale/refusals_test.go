package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func durationOf(text string) contract.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return contract.Duration(d)
}

// eachCode runs f for every wire code of the contract but success.
func eachCode(t *testing.T, f func(t *testing.T, wire string, name telco.Code)) {
	t.Helper()
	for _, rule := range contract.Default().Document().Codes {
		for _, wire := range rule.Wire {
			if rule.Name != telco.Success {
				t.Run(wire, func(t *testing.T) {
					t.Parallel()
					f(t, wire, rule.Name)
				})
			}
		}
	}
}

// Every code of the contract, said of a registration that was carried out, because the
// answer was that to a copy: our own success never ends as a refund, and nobody is told
// that it failed.
func TestARefusalMayAnswerACopy(t *testing.T) {
	t.Parallel()
	eachCode(t, func(t *testing.T, wire string, name telco.Code) {
		inShop(t, sandbox.Config{LookupLag: 10 * time.Second}, func(t *testing.T, s *shop) {
			id := s.toOTP("DH-1", "477")
			pass(11 * time.Second)
			s.script(onRegister(sandbox.Fault{Kind: "code", When: "after", WireCode: wire}))
			v, err := s.Register(t.Context(), id, s.otp("477"), teller)
			require.Error(t, err)
			require.Equal(t, 1, s.sb.Executed(number("477")))
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			if name == telco.OTPInvalid {
				assert.Equal(t, sale.OTPSent, v.Sale.State)
				assert.Equal(t, telco.ReenterOTP, v.Action.Step)
				v, err = s.Abandon(t.Context(), id, teller)
				require.NoError(t, err)
			} else {
				assert.Equal(t, telco.Hold, v.Action.Step)
			}
			require.Equal(t, sale.Resolving, v.Sale.State, "not refunded before it is settled")
			s.settle(2 * time.Minute)
			assert.Equal(t, sale.Registered, s.state(id))
			assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
			s.replays(id)
		})
	})
}

// Every code of the contract, said to a copy while the first request, its OTP used up on
// arrival, waits in MobiFone's queue for most of an hour: no lookup shows anything, and
// nothing may be refunded or sent anew before the fence.
func TestARefusalOfACopyWhileTheFirstWaits(t *testing.T) {
	t.Parallel()
	eachCode(t, func(t *testing.T, wire string, name telco.Code) {
		c := newCore(t)
		c.rules.LookupLagMax, c.rules.ClockSkewMax, c.rules.SettleMargin = 30*time.Second, 30*time.Second, 30*time.Second
		c.sending()
		c.s.Intents[0].LastBy = c.s.Intents[0].SendBy.Add(time.Hour)
		c.do(c.told(telco.Rejected, name))
		if name == telco.OTPInvalid {
			require.Equal(t, sale.OTPSent, c.s.State)
			require.Error(t, c.try(sale.Event{Kind: sale.OTPAsked, At: c.now.Add(5 * time.Minute)}), "no second OTP")
			c.do(sale.Event{Kind: sale.AbandonAsked})
		}
		for _, after := range []time.Duration{2 * time.Second, 91 * time.Second, 5 * time.Minute, 50 * time.Minute} {
			c.now = noon.Add(after + 2*time.Minute)
			if err := c.try(c.looked()); err == nil {
				require.Equal(t, sale.Resolving, c.s.State, "%s after %s", wire, after)
				require.True(t, c.s.HoldsSubscriber())
			}
		}
		c.do(c.looked(c.row(1, telco.StateSuccess)))
		assert.Equal(t, sale.Registered, c.s.State)
	})
}

// The same codes of a registration that was not carried out: each is settled at the fence
// and goes where its row says.
func TestWhereASettledRefusalLeads(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		state   sale.State
		attempt int
	}{
		"8021": {sale.RefundDue, 1}, "2064": {sale.RefundDue, 1}, "3040": {sale.RefundDue, 1}, "2059": {sale.RefundDue, 1},
		"8011": {sale.RefundDue, 1}, "2001": {sale.RefundDue, 1}, "6001": {sale.RefundDue, 1}, "9999": {sale.RefundDue, 1},
		"7002": {sale.Paid, 1}, "7003": {sale.Paid, 1},
		"8003": {sale.Paid, 2}, "6003": {sale.Paid, 2}, "6004": {sale.Paid, 2}, "8002": {sale.Paid, 2}, "8005": {sale.Paid, 2}, "9001": {sale.Paid, 2},
		"1049": {sale.Paid, 2}, "7777": {sale.Paid, 2}, "8001": {sale.Paid, 2}, // told nothing: absence
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			for _, final := range []bool{false, true} {
				inShop(t, sandbox.Config{LookupLag: 30 * time.Second, OTPTTL: time.Hour, Contract: promising(t, final)}, func(t *testing.T, s *shop) {
					id := s.toOTP("DH-1", "477")
					pass(31 * time.Second)
					s.script(onRegister(sandbox.Fault{Kind: "code", When: "before", WireCode: code}))
					_, err := s.Register(t.Context(), id, s.otp("477"), teller)
					require.Error(t, err)
					doc := s.sb.Contract().Document()
					rule := wire.Of(s.sb.Contract()).Rule(telco.OpRegister, code)
					if final && rule != nil && doc.ClassOf(telco.OpRegister, rule) == "rejected" {
						assert.Equal(t, want.state, s.state(id), "at once, as promised")
						assert.Equal(t, telco.Rejected, telco.OutcomeOf(err))
					} else {
						require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
						s.settle(50 * time.Second)
						assert.Equal(t, sale.Resolving, s.state(id), "before the fence")
					}
					s.settle(3 * time.Minute)
					kept := s.sale(id)
					assert.Equal(t, want.state, kept.State, "after the fence")
					assert.Equal(t, want.attempt, kept.Attempt)
					assert.Zero(t, s.sb.Executed(number("477")))
					assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
					s.replays(id)
				})
			}
		})
	}
}

// promising is the default contract that promises final refusals, or does not.
func promising(t *testing.T, final bool) *contract.Contract {
	t.Helper()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = final })
	require.NoError(t, err)
	return c
}
