package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// An old send is cleared at the fence, a second one is under way, and then the answer to
// the old one arrives. Whatever it says, the second is still on the wire.
func TestALateAnswerDoesNotEndTheSendUnderWay(t *testing.T) {
	t.Parallel()
	for _, code := range []telco.Code{telco.OTPInvalid, telco.OTPExpired, telco.Code("AMOUNT_MISMATCH"), telco.NotEligible} {
		c := newCore(t).resolving().past()
		c.do(c.looked()).ticket().sent()
		require.Equal(t, sale.Registering, c.s.State)
		c.do(c.toldOf(0, telco.Rejected, code))
		assert.Equal(t, sale.Registering, c.s.State, code)
		require.Error(t, c.try(c.plan()), "no second send beside it")
		c.do(c.told(telco.Succeeded, ""))
		assert.Equal(t, sale.Registered, c.s.State)
	}
}

func TestASecondSuccessIsSeen(t *testing.T) {
	t.Parallel()
	twice := map[string]func(c *core) sale.Event{
		"told":     func(c *core) sale.Event { return c.toldOf(0, telco.Succeeded, "") },
		"looked":   func(c *core) sale.Event { return c.looked(c.row(1, telco.StateSuccess)) },
		"observed": func(c *core) sale.Event { return c.observe(c.row(1, telco.StateSuccess)) },
	}
	for name, event := range twice {
		c := newCore(t).resolving().past()
		c.do(c.looked()).ticket().sent()
		c.do(c.told(telco.Succeeded, ""))
		require.Equal(t, sale.Registered, c.s.State)
		c.do(event(c))
		assert.Equal(t, sale.Review, c.s.State, name)
		assert.Equal(t, sale.Reason("registered twice"), c.s.Reason)
		assert.True(t, c.alarmed)
	}
	// The same registration told and shown is one.
	c := newCore(t).resolving()
	c.do(c.looked(c.row(1, telco.StateSuccess))).do(c.told(telco.Succeeded, ""))
	assert.Equal(t, sale.Registered, c.s.State)
}

// MobiFone told or showed a success, and then its lookups do not show it any more: that
// is no absence.
func TestASuccessOnceSeenIsNotForgotten(t *testing.T) {
	t.Parallel()
	seen := map[string]func(c *core) sale.Event{
		"told":     func(c *core) sale.Event { return c.toldOf(0, telco.Succeeded, "") },
		"looked":   func(c *core) sale.Event { return c.looked(c.row(1, telco.StateSuccess)) },
		"observed": func(c *core) sale.Event { return c.observe(c.row(1, telco.StateSuccess)) },
	}
	for name, event := range seen {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, withOTP := range []bool{false, true} {
				c := newCore(t).resolving().past()
				c.do(c.looked())
				require.Equal(t, sale.Paid, c.s.State)
				if withOTP {
					c.ticket()
				}
				c.do(event(c))
				require.Equal(t, sale.Resolving, c.s.State)
				assert.True(t, c.alarmed)
				c.do(c.looked())
				assert.Equal(t, sale.Resolving, c.s.State, "lookups lag, replicas flip")
				c.later(fenced.Hold).do(c.looked())
				assert.Equal(t, sale.Review, c.s.State, "not shown for so long: a person")
				c.do(c.looked(c.row(1, telco.StateSuccess)))
				assert.Equal(t, sale.Review, c.s.State)
			}
		})
	}
	// Shown before the first send, and then not any more.
	c := newCore(t).paid().ticket()
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	require.Equal(t, sale.Resolving, c.s.State)
	c.do(c.looked())
	assert.Equal(t, sale.Resolving, c.s.State)
	require.NoError(t, c.try(sale.Event{Kind: sale.AbandonAsked}))
	c.do(c.looked())
	assert.Equal(t, sale.Resolving, c.s.State, "no refund of what was registered")
	twin := newCoreAt(c)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	twin.later(fenced.Hold).do(twin.looked())
	assert.Equal(t, sale.Review, twin.s.State)
}

// A late proof that nothing left does not outweigh a success that was seen.
func TestNotSentDoesNotOutweighASuccess(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	c.s.Yes = &c.s.Intents[0].IDs
	c.do(c.told(telco.NotSent, telco.ConnectFailed))
	assert.Equal(t, sale.Resolving, c.s.State)
}

// Late proof that nothing left gives the sale back as it was, with its attempt.
func TestLateProofThatNothingLeft(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	c.do(c.told(telco.NotSent, telco.ConnectFailed))
	assert.Equal(t, sale.OTPSent, c.s.State)
	assert.Equal(t, 1, c.s.Attempt)
	assert.True(t, sale.NeedsLook(c.rules, c.s), "after a fresh look")

	c = newCore(t).resolving().past()
	c.do(c.looked()).ticket().sent().overdue()
	c.do(c.told(telco.NotSent, telco.ConnectFailed)).do(c.looked())
	assert.Equal(t, sale.OTPSent, c.s.State)
	assert.Equal(t, 2, c.s.Attempt, "the attempt stays over a NotSent")
}

func TestADecisionKeepsTheBooks(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Refunded)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	require.Equal(t, sale.Review, c.s.State)
	require.Error(t, c.try(c.decide(sale.RuleRegistered)), "the cash is out: that is a loss to book")
	require.Error(t, c.try(c.decide(sale.RuleRefundDue)), "not a second time")
	c.do(c.decide(sale.RuleClosed))
	assert.Equal(t, -price, c.s.Booked)
}

// A refund that a person booked is a refund: it is not paid out again.
func TestADecidedRefundIsNotPaidTwice(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Review).past()
	c.do(c.decide(sale.RuleRefunded))
	c.do(c.looked(c.row(1, telco.StateReversed)))
	require.Equal(t, sale.Review, c.s.State)
	require.Error(t, c.try(c.decide(sale.RuleRefundDue)))
}

func TestAReversedRegistrationCanBeRefunded(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Registered)
	reversed := c.row(1, telco.StateReversed)
	c.do(c.observe(reversed))
	require.Equal(t, sale.Review, c.s.State)
	c.do(c.decide(sale.RuleRefundDue)).do(c.looked(reversed))
	assert.Equal(t, sale.RefundDue, c.s.State, "the person knew")
	c.do(sale.Event{Kind: sale.RefundTaken, By: teller})
	assert.Equal(t, sale.Refunding, c.s.State)

	// What the person did not know stops it.
	for _, other := range []sale.Row{c.row(1, telco.StateSuccess), c.row(1, telco.StatePending), c.row(1, telco.StateUnlisted)} {
		other.TransID = "T-1"
		for _, rows := range [][]sale.Row{{reversed, other}, {other, reversed}} {
			c := newCore(t).in(sale.Registered)
			c.do(c.observe(reversed)).do(c.decide(sale.RuleRefundDue)).do(c.looked(rows...))
			assert.Equal(t, sale.Review, c.s.State, "%v", rows)
		}
	}
}

// A fence that is known, and no lookup that could ever reach it.
func TestALookupThatNeverComesEndsInReview(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(c *core) sale.Event{
		"fails":    func(*core) sale.Event { return sale.Event{Kind: sale.Overdue} },
		"timeless": func(*core) sale.Event { return sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{}, NextID: "P-2"} },
		"stands": func(*core) sale.Event {
			return sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: noon}, NextID: "P-2"}
		},
		"pends": func(c *core) sale.Event {
			return sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{Rows: []sale.Row{c.row(1, telco.StatePending)}}}
		},
		"succeeded": func(*core) sale.Event { return sale.Event{Kind: sale.Overdue} },
	} {
		c := newCore(t).resolving()
		send := c.s.Intents[0]
		fence := send.LastBy.Add(22 * time.Second)
		if name == "succeeded" {
			c.s.Yes = &c.s.Intents[0].IDs
		}
		c.now = fence.Add(fenced.Hold - time.Second)
		_ = c.try(look(c))
		assert.Equal(t, sale.Resolving, c.s.State, name)
		c.now = fence.Add(fenced.Hold)
		c.do(look(c))
		assert.Equal(t, sale.Review, c.s.State, name)
		assert.True(t, c.alarmed)
	}
}

// The clock of the desk steps: nothing is concluded from it but that a person must look.
func TestLocalClockStepsDecideNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{-time.Hour, time.Hour, 24 * time.Hour} {
		c := newCore(t).resolving()
		early := sale.Event{Kind: sale.LookedUp, At: c.now.Add(step), Lookup: &sale.Lookup{At: c.now}, NextID: "P-2"}
		_ = c.try(early)
		assert.Contains(t, []sale.State{sale.Resolving, sale.Review}, c.s.State, step)
		assert.Equal(t, 1, c.s.Attempt)
		assert.Empty(t, c.s.Intents[0].Settled)
	}
}

// The fence itself, to the second.
func TestTheFenceToTheSecond(t *testing.T) {
	t.Parallel()
	for _, before := range []time.Duration{time.Second, time.Nanosecond, 0} {
		c := newCore(t).resolving()
		c.now = c.s.Intents[0].SendBy.Add(time.Minute + 20*time.Second - before)
		_ = c.try(c.looked())
		if before > 0 {
			assert.Equal(t, sale.Resolving, c.s.State, before)
		} else {
			assert.Equal(t, sale.Paid, c.s.State)
			assert.Equal(t, 2, c.s.Attempt)
			assert.Nil(t, c.s.Ticket)
		}
	}
}
