package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

func durationOf(text string) contract.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return contract.Duration(d)
}

// notOurs is R5's list, written out from the design.
var notOurs = map[string]bool{
	"2001": true, "2010": true, "355": true, "2021": true, "8020": true, "2063": true, "2067": true, "2018": true,
	"2019": true, "8010": true, "9999": true, "6001": true, "6002": true, "6005": true,
}

// Every code of the contract, said of a registration that was carried out: our own success
// must never end as a refund, and nobody may be told that it failed.
func TestR5MayBeOurs(t *testing.T) {
	t.Parallel()
	for _, rule := range contract.Default().Document().Codes {
		for _, wire := range rule.Wire {
			if rule.Name == partner.Success {
				continue
			}
			t.Run(wire, func(t *testing.T) {
				t.Parallel()
				inShop(t, sandbox.Config{LookupLag: 10 * time.Second}, func(t *testing.T, s *shop) {
					id := s.toOTP("DH-1", "477")
					pass(11 * time.Second)
					s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.After, WireCode: wire}))
					v, err := s.Register(t.Context(), id, s.otp("477"), teller)
					require.Error(t, err)
					require.Equal(t, 1, s.sb.Executed(number("477")))
					switch {
					case notOurs[wire]:
						assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
						assert.Equal(t, sale.RefundDue, v.Sale.State)
						return // beyond any client: a partner that says so has lied
					case wire == "7001":
						assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
						assert.Equal(t, sale.OTPSent, v.Sale.State)
					case wire == "7002", wire == "7003":
						assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
						assert.Equal(t, sale.Paid, v.Sale.State)
					default:
						assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
						assert.Equal(t, sale.Resolving, v.Sale.State)
						assert.Equal(t, partner.Hold, v.Action.Step)
					}
					if v.Sale.State != sale.Resolving {
						v, err = s.Abandon(t.Context(), id, teller)
						require.NoError(t, err)
						require.Equal(t, sale.Resolving, v.Sale.State, "given up, and not refunded before it is cleared")
					}
					s.settle(2 * time.Minute)
					assert.Equal(t, sale.Registered, s.state(id))
					assert.Equal(t, 1, s.sb.Requests(partner.OpRegister))
					s.replays(id)
				})
			})
		}
	}
}

// The same codes of a registration that was not carried out: each is cleared by a lookup
// and goes where the design says.
func TestR6Cleared(t *testing.T) {
	t.Parallel()
	const lag = 30 * time.Second
	for wire, want := range map[string]struct {
		early, late sale.State // before and after the reply's Date + lag + skew
		fence       sale.State
		attempt     int
	}{
		"8021": {sale.Resolving, sale.RefundDue, sale.RefundDue, 1},
		"2064": {sale.Resolving, sale.RefundDue, sale.RefundDue, 1},
		"3040": {sale.Resolving, sale.RefundDue, sale.RefundDue, 1},
		"2059": {sale.Resolving, sale.RefundDue, sale.RefundDue, 1},
		"8011": {sale.Resolving, sale.RefundDue, sale.RefundDue, 1},
		"8003": {sale.Resolving, sale.Paid, sale.Paid, 2},
		"6003": {sale.Resolving, sale.Resolving, sale.Paid, 1}, // a copy may have been let in before
		"6004": {sale.Resolving, sale.Resolving, sale.Paid, 1},
		"8002": {sale.Resolving, sale.Resolving, sale.Paid, 2}, // an earlier request exists
		"8005": {sale.Resolving, sale.Resolving, sale.Paid, 2},
		"9001": {sale.Resolving, sale.Resolving, sale.Paid, 2}, // no promise that it was not carried out
		"1049": {sale.Resolving, sale.Resolving, sale.Paid, 2},
		"7777": {sale.Resolving, sale.Resolving, sale.Paid, 2},
	} {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{LookupLag: lag, OTPTTL: time.Hour}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				pass(lag + time.Second)
				s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.Before, WireCode: wire}))
				_, err := s.Register(t.Context(), id, s.otp("477"), teller)
				require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				s.settle(lag - time.Second)
				assert.Equal(t, want.early, s.state(id), "before the reply's Date + lag + skew")
				s.settle(20 * time.Second)
				assert.Equal(t, want.late, s.state(id), "after it, before the fence")
				s.settle(2 * time.Minute)
				kept := s.sale(id)
				assert.Equal(t, want.fence, kept.State, "after the fence")
				assert.Equal(t, want.attempt, kept.Attempt)
				assert.Zero(t, s.sb.Executed(number("477")))
				assert.Equal(t, 1, s.sb.Requests(partner.OpRegister))
				s.replays(id)
			})
		})
	}
}

func TestR6ExpiredClears8005(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{OTPTTL: 40 * time.Second, MaxDelay: 10 * time.Minute}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.Before, Code: partner.TransactionExpired}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.settle(30 * time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(30 * time.Second) // long before the fence
		assert.Equal(t, sale.Paid, s.state(id))
		assert.Equal(t, 2, s.sale(id).Attempt, "after 8005 the ids are new")
	})
}

// A refusal in a reply without the partner's time is not cleared by any lookup before the
// fence.
func TestR6NeedsTheRepliesTime(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{OTPTTL: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.tap.onTrip = nil
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.Before, Code: partner.NotEligible}))
		s.tap.next = dropDate{s.tap.next}
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.settle(time.Minute)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(30 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id), "without a lookup whose time is known a person decides (R10)")
		assert.Equal(t, 1, s.alarmed())
	})
}

// The same to the second, in the core: what a reply says of its own time decides.
func TestR6ToTheSecond(t *testing.T) {
	t.Parallel()
	refusal := func(c *core, code partner.Code) sale.Event {
		e := c.told(partner.Unknown, code)
		e.Refusal = true
		return e
	}
	const after = 15 * time.Second // lag and skew of the core's rules
	for _, code := range []partner.Code{partner.NotEligible, partner.TransactionConflict, partner.DuplicateTransaction, partner.TransactionExpired, partner.AuthNonce} {
		clears := code == partner.NotEligible || code == partner.TransactionConflict
		c := newCore(t).sending()
		c.do(refusal(c, code)).later(after - time.Second).do(c.looked())
		assert.False(t, c.s.Sends[0].Cleared, "%s too early", code)
		c.later(time.Second).do(c.looked())
		assert.Equal(t, clears, c.s.Sends[0].Cleared, code)

		c = newCore(t).sending()
		timeless := refusal(c, code)
		timeless.PartnerTime = time.Time{}
		c.do(timeless).later(after).do(c.looked())
		assert.False(t, c.s.Sends[0].Cleared, "%s in a reply without a time", code)

		c = newCore(t).sending()
		c.do(refusal(c, code)).later(after)
		blind := c.looked()
		blind.Lookup.PartnerTime = time.Time{}
		c.do(blind)
		assert.False(t, c.s.Sends[0].Cleared, "%s by a lookup without a time", code)
	}
}
