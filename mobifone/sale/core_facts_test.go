package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// answered is a sale whose only send was told a code that leads there.
func (c *core) answered(code telco.Code, then telco.Then) *core {
	e := c.sending().told(telco.Unknown, code)
	e.Then = then
	return c.do(e)
}

// refusal is a FAILED row that refuses.
func (c *core) refusal(n int, then telco.Then) sale.Row {
	row := c.row(n, telco.StateFailed)
	row.Refusal, row.Then = telco.NotEligible, then
	return row
}

// What a lookup shows late is no absence, however late.
func TestASuccessShownLateIsNoAbsence(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked())
	require.Equal(t, sale.Paid, c.s.State)
	c.later(fenced.Hold).do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Resolving, c.s.State)
	assert.Equal(t, sale.Reason("found registered"), c.s.Reason)
}

// The first word of the ledger on a sale in Review becomes its reason, and alarms; the
// second does neither.
func TestTheLedgerIsTheBetterReason(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	fence := c.s.Intents[0].LastBy.Add(22 * time.Second)
	c.now = fence.Add(fenced.Hold)
	c.do(sale.Event{Kind: sale.Overdue})
	require.Equal(t, sale.Review, c.s.State)
	require.Equal(t, sale.Reason("not decided within the hold"), c.s.Reason)
	twin := newCoreAt(c)
	c.do(sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: noon, Rows: []sale.Row{c.row(1, telco.StateReversed)}}})
	assert.Equal(t, sale.Reason("taken back by the operator"), c.s.Reason)
	assert.True(t, c.alarmed)
	c.do(c.looked(c.row(1, telco.StateUnlisted)))
	assert.Equal(t, sale.Reason("taken back by the operator"), c.s.Reason)
	assert.False(t, c.alarmed)
	c.do(c.looked())
	assert.Equal(t, sale.Reason("taken back by the operator"), c.s.Reason, "the ledger's word stands beside a proof")

	twin.do(twin.looked())
	assert.Equal(t, sale.Review, twin.s.State)
	assert.Equal(t, sale.Reason("proven not registered"), twin.s.Reason)
}

func TestAPendingNamesItself(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving()
	c.do(c.looked(c.row(1, telco.StatePending)))
	assert.Equal(t, sale.Resolving, c.s.State)
	assert.Equal(t, sale.Reason("pending"), c.s.Reason)
}

// Pending before the first send, and then not shown any more: a person, once the hold is
// over, and not before.
func TestAPendingBeforeTheFirstSend(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid().ticket()
	c.do(c.looked(c.row(1, telco.StatePending)))
	require.Equal(t, sale.Resolving, c.s.State)
	c.do(c.looked())
	assert.Equal(t, sale.Resolving, c.s.State)
	c.later(fenced.Hold).do(c.looked())
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("a registration that succeeded is not shown"), c.s.Reason)
}

// What an earlier send was settled by is not settled again by later lookups: a success of
// what failed is a contradiction.
func TestASettledSendStaysAsItWasSettled(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked(c.refusal(1, telco.ThenNewOTP)))
	require.Equal(t, sale.Paid, c.s.State)
	require.True(t, c.s.Intents[0].Failed)
	c.ticket().sent().overdue().past()
	c.do(c.looked())
	require.Equal(t, sale.SettledNo, c.s.Intents[1].Settled)
	assert.True(t, c.s.Intents[0].Failed)
	c.do(c.observe(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("a registration that failed shows success"), c.s.Reason)
}

// A second entry of the code that never left does not make a FAILED row speak of it; one
// that may have left does.
func TestWhichSendAFailedRowSpeaksOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outcome telco.Outcome
		failed  bool
	}{"never left": {telco.NotSent, true}, "may have left": {telco.Unknown, false}} {
		c := newCore(t).answered(telco.OTPInvalid, telco.ThenSameIDs)
		c.do(c.plan())
		c.do(c.told(tc.outcome, telco.ReplyLost)).past()
		c.do(c.looked(c.refusal(1, telco.ThenRefund)))
		assert.Equal(t, sale.SettledNo, c.s.Intents[0].Settled, name)
		assert.Equal(t, tc.failed, c.s.Intents[0].Failed, name)
	}
}

// With the hold over, a sale that nothing keeps open is not for a person.
func TestTheHoldIsForWhatIsOpen(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked()).ticket().later(time.Hour)
	c.do(c.looked())
	assert.Equal(t, sale.OTPSent, c.s.State)
}

// Without a fence MobiFone's own time ends the hold, where a lookup tells it.
func TestMobiFonesTimeEndsTheHold(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.bounded = false
	c.resolving()
	end := c.s.Intents[0].SendBy.Add(fenced.Hold)
	twin := newCoreAt(c)
	c.do(sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: end.Add(-1)}})
	assert.Equal(t, sale.Resolving, c.s.State)
	twin.do(sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: end}})
	assert.Equal(t, sale.Review, twin.s.State)
}

// Where a settled send leads the OTP in hand goes, and the next needs its look.
func TestWhereTheOTPGoes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dedupes bool
		then    telco.Then
		attempt int
	}{
		"absent, and MobiFone dedupes": {true, "", 1},
		"absent":                       {false, "", 2},
		"another attempt":              {false, telco.ThenNewAttempt, 2},
		"another OTP":                  {false, telco.ThenNewOTP, 1},
	} {
		c := newCore(t)
		c.rules.Dedupes = tc.dedupes
		c.answered(telco.NotEligible, tc.then).past()
		c.do(c.looked())
		assert.Equal(t, sale.Paid, c.s.State, name)
		assert.Nil(t, c.s.Ticket, name)
		assert.False(t, c.s.Looked, name)
		assert.Equal(t, tc.attempt, c.s.Attempt, name)
		c.ticket()
		assert.Equal(t, tc.attempt == 2, sale.NeedsLook(c.rules, c.s), "%s: a partnerTransId that was sent needs no look", name)
	}
}

// A send that, as it turns out late, never left leaves no OTP in hand that was put away
// meanwhile.
func TestALateNotSentBringsNoOTPBack(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked()).do(c.toldOf(0, telco.NotSent, telco.ConnectFailed))
	require.Equal(t, sale.Paid, c.s.State)
	c.do(c.looked(c.row(1, telco.StatePending)))
	require.Equal(t, sale.Resolving, c.s.State)
	c.do(c.looked())
	assert.Equal(t, sale.Paid, c.s.State)
	assert.Equal(t, 2, c.s.Attempt)
}
