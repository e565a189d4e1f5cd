package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// What the simulator found (internal/simulate), each at its smallest.

const lagAndSkew = 15 * time.Second // of the core's rules

// E, copy-second: the first request waits in the partner's queue, its copy is refused for
// its nonce. No lookup shows the queue, so only the fence clears such a refusal.
func TestRefusalsThatACopyCanMeetWaitForTheFence(t *testing.T) {
	t.Parallel()
	for code, early := range map[partner.Code]bool{
		partner.AuthNonce: false, partner.AuthTimestamp: false, partner.RateLimited: false, partner.DuplicateTransaction: false,
		partner.NotEligible: true, partner.PackageAlreadyRegistered: true, partner.PartnerLimit: true,
	} {
		c := newCore(t).sending()
		e := c.told(partner.Unknown, code)
		e.Refusal = true
		c.do(e).later(lagAndSkew).do(c.looked())
		assert.Equal(t, early, c.s.Sends[0].Cleared, "%s before the fence", code)
		c.past().do(c.looked())
		assert.True(t, c.s.Sends[0].Cleared, "%s at the fence", code)
	}
}

// E without a nonce check, otp-expires-in-flight and copy-second: the first request came
// while the OTP was alive, the copy after it.
func TestAnOTPThatMayHaveBeenAliveWaitsForTheFence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		expiry time.Duration // after the send was prepared; 0: the partner does not say
		early  bool
	}{
		"ran out on the way":               {10 * time.Second, false},
		"ran out at the last look":         {-time.Second, false}, // the partner's clocks may differ so much
		"had run out":                      {-5 * time.Second, true},
		"the partner does not say when":    {0, false},
		"alive long after it was prepared": {time.Hour, false},
	} {
		c := newCore(t).paid().ticket()
		if tc.expiry != 0 {
			c.s.Ticket.PartnerExpiresAt = c.now.Add(tc.expiry)
		}
		c.sent().do(c.told(partner.Rejected, partner.OTPExpired))
		assert.Equal(t, sale.Paid, c.s.State)
		c.ticket().later(lagAndSkew)
		c.now = c.s.Sends[0].ReplyAt.Add(lagAndSkew)
		c.do(c.looked())
		assert.Equal(t, tc.early, c.s.Sends[0].Cleared, name)
		c.past().do(c.looked())
		assert.True(t, c.s.Sends[0].Cleared, "%s: at the fence", name)
	}
}

// C, exhausted-otp: the row of an OTP that was used up does not contradict the receipt of
// the next one; another state of the receipt's own row does.
func TestOnlyTheReceiptsRowContradictsIt(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending().do(newCore(t).sending().told(partner.Rejected, partner.OTPAttemptsExceeded))
	c.ticket().past().sent().do(c.told(partner.Succeeded, ""))
	assert.Equal(t, sale.Registered, c.s.State)
	c.do(c.observe(c.row(1, partner.StateFailed)))
	assert.Equal(t, sale.Registered, c.s.State)
	c.do(c.observe(c.row(2, partner.StateFailed)))
	assert.Equal(t, sale.Review, c.s.State)
}

// D, reversed: two rows of one statement do not take turns in saying why.
func TestASecondReconciliationSaysNothingNew(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Registered)
	c.do(c.observe(c.row(1, partner.StateReversed)))
	assert.Equal(t, sale.Review, c.s.State)
	reason := c.s.Reason
	for _, state := range []partner.State{partner.StateSuccess, partner.StateReversed, partner.StateUnlisted} {
		c.do(c.observe(c.row(1, state)))
		assert.Equal(t, reason, c.s.Reason, "%s", state)
		assert.NotContains(t, c.commands, sale.RaiseAlarm, "%s", state)
	}
}

// B, no-lookup, copy-second, walk-away: what reconciliation found stays the reason where
// nothing can be looked up.
func TestWithoutLookupTheFindingIsTheReason(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.NoLookup = true
	c.sending().do(c.told(partner.Rejected, partner.OTPExpired))
	assert.Equal(t, sale.Paid, c.s.State)
	c.do(c.observe(c.row(1, partner.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("found registered"), c.s.Reason)
	assert.Contains(t, c.commands, sale.RaiseAlarm)
	c.do(c.observe(c.row(1, partner.StateSuccess)))
	assert.NotContains(t, c.commands, sale.RaiseAlarm, "a second reconciliation is no second alarm")
}

// F, clock-step: a clock that was set back by a day does not poll every two seconds for a
// day.
func TestAClockSetBackPollsSeldom(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	now := c.now.Add(-25 * time.Hour)
	assert.Equal(t, now.Add(time.Minute), c.rules.NextPoll(c.s, now))
}
