package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// What the simulator found (internal/simulate), each at its smallest.

// C, exhausted-otp: the row of an OTP that was used up does not contradict the receipt of
// the next one; another state of the receipt's own row does.
func TestOnlyTheReceiptsRowContradictsIt(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	c.do(c.told(telco.Rejected, telco.OTPAttemptsExceeded)).past().do(c.looked())
	c.ticket().sent().do(c.told(telco.Succeeded, ""))
	assert.Equal(t, sale.Registered, c.s.State)
	c.do(c.observe(c.row(1, telco.StateFailed)))
	assert.Equal(t, sale.Registered, c.s.State)
	c.do(c.observe(c.row(2, telco.StateFailed)))
	assert.Equal(t, sale.Review, c.s.State)
}

// D, reversed: two rows of one statement do not take turns in saying why.
func TestASecondReconciliationSaysNothingNew(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Registered)
	c.do(c.observe(c.row(1, telco.StateReversed)))
	assert.Equal(t, sale.Review, c.s.State)
	reason := c.s.Reason
	for _, state := range []telco.State{telco.StateSuccess, telco.StateReversed, telco.StateUnlisted} {
		c.do(c.observe(c.row(1, state)))
		assert.Equal(t, reason, c.s.Reason, "%s", state)
		assert.False(t, c.alarmed, "%s", state)
	}
}

// B, no-lookup, copy-second, walk-away: what reconciliation found stays the reason where
// nothing can be looked up.
func TestWithoutLookupTheFindingIsTheReason(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.NoLookup = true
	c.rules.RefusalIsFinal = true
	c.sending().do(c.told(telco.Rejected, telco.OTPExpired))
	assert.Equal(t, sale.Paid, c.s.State)
	c.do(c.observe(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("found registered"), c.s.Reason)
	assert.True(t, c.alarmed)
	c.do(c.observe(c.row(1, telco.StateSuccess)))
	assert.False(t, c.alarmed, "a second reconciliation is no second alarm")
}

// F, clock-step: a clock that was set back by a day does not poll every two seconds for a
// day.
func TestAClockSetBackPollsSeldom(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	now := c.now.Add(-25 * time.Hour)
	assert.Equal(t, now.Add(5*time.Minute), c.rules.NextPoll(c.s, now))
}
