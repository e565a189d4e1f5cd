package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// reason is why an event is refused.
func (c *core) reason(e sale.Event) string {
	c.t.Helper()
	return refused(c.t, c.try(e)).Reason
}

func TestAnOrderIsWhole(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(e *sale.Event){
		"no order": func(e *sale.Event) { e.Order = nil },
		"no id":    func(e *sale.Event) { e.PartnerTransID = "" },
		"free":     func(e *sale.Event) { e.Order.Price = 0 },
		"no shop":  func(e *sale.Event) { e.Order.Shop = "" },
		"no order id": func(e *sale.Event) {
			e.Order.ID = ""
		},
	} {
		o := coreOrder
		e := sale.Event{Kind: sale.Opened, By: teller, Order: &o, PartnerTransID: "P-1"}
		spoil(&e)
		assert.Contains(t, newCore(t).reason(e), "an order has a shop", name)
	}
}

// A clock that goes back by more than a minute moves the sale's times with it, a smaller
// step does not.
func TestHowFarAClockMayGoBack(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	c := newCore(t).paid()
	alarm := c.s.AlarmAt
	assert.Equal(t, "nothing is overdue", c.reason(sale.Event{Kind: sale.Overdue, At: c.now.Add(-minute)}))
	c.do(sale.Event{Kind: sale.OTPAsked, At: c.now.Add(-minute)})
	assert.Equal(t, alarm, c.s.AlarmAt)

	c = newCore(t).paid()
	c.do(sale.Event{Kind: sale.Overdue, At: c.now.Add(-minute - 1)})
	assert.Equal(t, alarm.Add(-minute-1), c.s.AlarmAt)

	c = newCore(t).in(sale.OTPSent)
	before := c.s
	expires := before.Ticket.ExpiresAt
	c.do(sale.Event{Kind: sale.Overdue, At: c.now.Add(-time.Hour)})
	assert.Equal(t, expires.Add(-time.Hour), c.s.Ticket.ExpiresAt)
	assert.Equal(t, expires, before.Ticket.ExpiresAt, "what the core is given it does not change")
}

func TestFoldNamesTheEvent(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid()
	_, err := fenced.Fold(append(c.history, c.history[1]))
	assert.ErrorContains(t, err, "event 3: ")
}

func TestTheStateAfterTheLast(t *testing.T) {
	t.Parallel()
	last := sale.States()[len(sale.States())-1]
	assert.Equal(t, "State(13)", (last + 1).String())
}

// An OTP request that is not answered keeps others, and a send, back for its patience, and
// wakes the machine at the end of it.
func TestAnOTPRequestUnderWay(t *testing.T) {
	t.Parallel()
	const underWay = "an OTP request is under way; wait for its answer"
	ask := sale.Event{Kind: sale.OTPAsked, By: teller}
	c := newCore(t).paid().do(ask)
	assert.Equal(t, c.now.Add(fenced.OTPPatience), c.s.WakeAt)
	assert.Equal(t, underWay, c.later(fenced.OTPPatience-1).reason(ask))
	assert.Equal(t, "nothing is overdue", c.reason(sale.Event{Kind: sale.Overdue}))
	twin := newCoreAt(c)
	c.later(1).do(ask)
	twin.later(1).do(sale.Event{Kind: sale.Overdue})
	assert.True(t, twin.s.OTPAskedAt.IsZero())
	assert.Equal(t, twin.now.Add(fenced.ResendAfter), twin.s.ResendAt, "an SMS may be on its way")

	c = newCore(t).paid().ticket()
	c.do(c.looked()).later(time.Minute).do(ask)
	assert.Equal(t, c.now.Add(fenced.OTPPatience), c.s.WakeAt)
	assert.Equal(t, underWay, c.later(fenced.OTPPatience-1).reason(c.plan()))
	c.later(1).do(c.plan())
}

func TestWhenToAskForAnOTPAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outcome    telco.Outcome
		wait, want time.Duration
	}{
		"unknown":         {telco.Unknown, 0, fenced.ResendAfter},
		"unknown, told":   {telco.Unknown, 10 * time.Second, 10 * time.Second},
		"not sent":        {telco.NotSent, 0, 0},
		"not sent, told":  {telco.NotSent, time.Hour, time.Hour},
		"refused at once": {telco.Rejected, 0, 0},
	} {
		c := newCore(t).paid().do(sale.Event{Kind: sale.OTPAsked, By: teller})
		c.do(sale.Event{Kind: sale.OTPRefused, Outcome: tc.outcome, Wait: tc.wait})
		assert.Equal(t, c.now.Add(tc.want), c.s.ResendAt, name)
	}
}

func TestAnUnpaidSaleIsCancelledAfterItsTime(t *testing.T) {
	t.Parallel()
	c := newCore(t).opened().later(fenced.OpenFor - 1)
	require.Error(t, c.try(sale.Event{Kind: sale.Overdue}))
	c.later(1).do(sale.Event{Kind: sale.Overdue})
	assert.Equal(t, sale.Cancelled, c.s.State)
}

func TestAnOverrideTakesASlotAndAName(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid()
	require.Error(t, c.try(sale.Event{Kind: sale.Overridden, By: boss}))
	require.Error(t, c.try(sale.Event{Kind: sale.Overridden, Slot: 1}))
	c.do(sale.Event{Kind: sale.Overridden, Slot: 1, By: boss})
	assert.Equal(t, 1, c.s.Slot)
}

// Without a lookup a person must look, at the alarm alone: nothing polls.
func TestWithoutALookupNothingPolls(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.NoLookup = true
	c.sending().do(c.told(telco.Unknown, telco.ReplyLost))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("no lookup operation"), c.s.Reason)
	assert.Equal(t, c.now.Add(fenced.AlarmAfter), c.s.WakeAt)

	// Nor where nothing ever left.
	c = newCore(t).paid().ticket()
	c.do(c.looked(c.row(1, telco.StateFailed)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.False(t, c.s.Looked)
	assert.Equal(t, c.now.Add(fenced.AlarmAfter), c.s.WakeAt)
	c.do(c.looked())
	assert.Equal(t, sale.Reason("the ids were used by somebody else"), c.s.Reason, "nothing was open, so nothing is proven")
}

// An open send while a person can go on is looked up at its fence; without one, or at it,
// like any other.
func TestWhenAWrongOTPIsLookedUp(t *testing.T) {
	t.Parallel()
	wrong := func(bounded bool) *core {
		c := newCore(t)
		c.bounded = bounded
		c.sending()
		e := c.told(telco.Unknown, telco.OTPInvalid)
		e.Then = telco.ThenSameIDs
		return c.do(e)
	}
	c := wrong(true)
	require.Equal(t, sale.OTPSent, c.s.State)
	fence := c.s.Intents[0].LastBy.Add(22 * time.Second)
	assert.Equal(t, fence, c.s.WakeAt)
	c.now = fence
	c.do(sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{}})
	assert.Equal(t, fence.Add(2*time.Second), c.s.WakeAt)

	c = wrong(false)
	assert.Equal(t, c.now.Add(2*time.Second), c.s.WakeAt)
	end := c.s.Intents[0].At.Add(fenced.Hold)
	assert.Equal(t, end.Add(time.Minute), c.rules.NextPoll(c.s, end), "after the end, not at it again")

	// And when the hold is over a person must look.
	c.now = end
	c.do(c.looked())
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("not decided within the hold"), c.s.Reason)
	assert.Equal(t, c.now.Add(time.Minute), c.rules.NextPoll(c.s, c.now), "Review is looked up more seldom")
	assert.Equal(t, c.now.Add(101*time.Hour), c.rules.NextPoll(c.s, c.now.Add(100*time.Hour)))
}

// Whatever is open counts for the fence, and nothing else: a second entry that never left
// moves it no further.
func TestOnlyOpenSendsMoveTheFence(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	e := c.told(telco.Unknown, telco.OTPInvalid)
	e.Then = telco.ThenSameIDs
	c.do(e)
	fence := c.s.WakeAt
	c.later(10 * time.Second).do(c.plan())
	c.s.Intents[1].At = c.now.Add(time.Hour)
	c.do(c.told(telco.NotSent, telco.ConnectFailed))
	assert.Equal(t, sale.OTPSent, c.s.State)
	assert.Equal(t, fence, c.s.WakeAt)
}

// A time in a refusal is read at the counter, from the clock on the shop's wall.
func TestARefusalTellsVietnamesTime(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid().ticket()
	c.s.ResendAt = noon.Add(3 * time.Minute)
	assert.ErrorContains(t, c.try(sale.Event{Kind: sale.OTPAsked, By: teller}), "wait until 12:03:00 before requesting another OTP")
}
