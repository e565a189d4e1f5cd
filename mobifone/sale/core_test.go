package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var (
	noon      = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
	fenced    = sale.Rules{LookupLagMax: 10 * time.Second, ClockSkewMax: 5 * time.Second, SettleMargin: 5 * time.Second, Hold: 15 * time.Minute, ResendAfter: time.Minute, OTPPatience: time.Minute, AlarmAfter: 2 * time.Hour, OpenFor: 24 * time.Hour}
	coreOrder = sale.Order{Shop: "HN01", ID: "DH-1", Package: "C120", Price: price, Staff: clerk}
)

// core drives the decision core alone. MobiFone's and the local clock are the same here.
type core struct {
	t       *testing.T
	rules   sale.Rules
	s       sale.Sale
	now     time.Time
	tickets int
	bounded bool // sends have a known latest execution
	alarmed bool
	history []sale.Event
}

func newCore(t *testing.T) *core {
	t.Helper()
	return &core{t: t, rules: fenced, now: noon, bounded: true}
}

// do applies an event that must be taken.
func (c *core) do(e sale.Event) *core {
	c.t.Helper()
	require.NoError(c.t, c.try(e))
	return c
}

func (c *core) try(e sale.Event) error {
	if e.At.IsZero() {
		e.At = c.now
	}
	next, alarmed, err := c.rules.Step(c.s, e)
	if err == nil {
		c.s, c.alarmed, c.history = next, alarmed, append(c.history, e)
	}
	return err
}

func (c *core) later(d time.Duration) *core { c.now = c.now.Add(d); return c }

func (c *core) opened() *core {
	o := coreOrder
	return c.do(sale.Event{Kind: sale.Opened, By: teller, Order: &o, PartnerTransID: "P-1"})
}

func (c *core) paid() *core {
	return c.opened().do(sale.Event{Kind: sale.CashTaken, By: teller, Amount: price})
}

func (c *core) ticket() *core {
	c.later(2 * time.Minute).do(sale.Event{Kind: sale.OTPAsked, By: teller})
	return c.do(c.otpSent())
}

func (c *core) otpSent() sale.Event {
	c.tickets++
	return sale.Event{Kind: sale.OTPSentEvent, Ticket: &sale.HeldOTP{TransID: transID(c.tickets), ExpiresAt: c.now.Add(3 * time.Minute)}, Wait: time.Minute}
}

func transID(n int) telco.TransID { return telco.TransID("T-" + string(rune('0'+n))) }

func nextID(s sale.Sale) telco.PartnerTransID {
	return telco.PartnerTransID("P-" + string(rune('0'+s.Attempt+1)))
}

// looked is a lookup of now with these rows.
func (c *core) looked(rows ...sale.Row) sale.Event {
	return sale.Event{Kind: sale.LookedUp, Lookup: &sale.Lookup{At: c.now, Rows: rows}, NextID: nextID(c.s)}
}

// row is MobiFone's row of a send or ticket.
func (c *core) row(n int, state telco.State) sale.Row {
	id := telco.PartnerTransID("P-1")
	for _, send := range c.s.Intents {
		if send.TransID == transID(n) {
			id = send.PartnerTransID
		}
	}
	return sale.Row{IDs: telco.IDs{TransID: transID(n), PartnerTransID: id}, State: state, UpdatedAt: c.now}
}

func (c *core) plan() sale.Event {
	ticket := telco.TransID("")
	if c.s.Ticket != nil {
		ticket = c.s.Ticket.TransID
	}
	intent := sale.Intent{
		Attempt: c.s.Attempt, At: c.now, WakeAt: c.now.Add(55 * time.Second), Fingerprint: []byte{1},
		SendWindow: telco.SendWindow{
			IDs:        telco.IDs{TransID: ticket, PartnerTransID: c.s.PartnerTransID},
			PreparedAt: c.now, SendBy: c.now.Add(20 * time.Second),
		},
	}
	if c.bounded {
		intent.LastBy = intent.SendBy.Add(time.Minute)
	}
	return sale.Event{Kind: sale.SendPlanned, By: teller, Intent: &intent}
}

// sent plans a send, with the lookup that goes before it.
func (c *core) sent() *core {
	if sale.NeedsLook(c.rules, c.s) {
		c.do(c.looked())
	}
	return c.do(c.plan())
}

// sending is a sale with its first send under way.
func (c *core) sending() *core { return c.paid().ticket().sent() }

// told is MobiFone's answer to the last send.
func (c *core) told(outcome telco.Outcome, code telco.Code) sale.Event {
	return c.toldOf(len(c.s.Intents)-1, outcome, code)
}

func (c *core) toldOf(i int, outcome telco.Outcome, code telco.Code) sale.Event {
	e := sale.Event{Kind: sale.SendEnded, Index: i, Outcome: outcome, Code: code, NextID: nextID(c.s)}
	switch {
	case outcome == telco.Succeeded && i >= 0 && i < len(c.s.Intents):
		ids := c.s.Intents[i].IDs
		e.Receipt = &sale.Registration{TransID: ids.TransID, PartnerTransID: ids.PartnerTransID, RegisteredAt: c.now}
	case outcome == telco.Rejected:
		e.Then = contract.Default().ThenOf(code)
		if e.Final = c.rules.RefusalIsFinal; !e.Final {
			e.Outcome = telco.Unknown // as the client says it
		}
	}
	return e
}

func (c *core) overdue() *core {
	return c.later(time.Minute).do(sale.Event{Kind: sale.Overdue})
}

// resolving is a sale whose only send was never answered.
func (c *core) resolving() *core { return c.sending().overdue() }

// past goes to the time from which absence counts.
func (c *core) past() *core { return c.later(5 * time.Minute) }

func (c *core) refundDue() *core {
	c.sending().do(c.told(telco.Rejected, telco.Code("AMOUNT_MISMATCH"))).past()
	return c.do(c.looked())
}

func (c *core) claim() *core {
	return c.do(c.looked()).do(sale.Event{Kind: sale.RefundTaken, By: teller})
}

func (c *core) decide(r string) sale.Event {
	return sale.Event{Kind: sale.Decided, By: boss, Verdict: &sale.Decision{Ruling: r, Evidence: "BB-17", Booked: -price}}
}

func (c *core) observe(row sale.Row) sale.Event { return sale.Event{Kind: sale.Observed, Row: &row} }

// in brings a sale into a state by the shortest way.
func (c *core) in(state sale.State) *core {
	switch state {
	case sale.None:
		return c
	case sale.Open:
		return c.opened()
	case sale.Paid:
		return c.paid()
	case sale.OTPSent:
		return c.paid().ticket()
	case sale.Registering:
		return c.sending()
	case sale.Resolving:
		return c.resolving()
	case sale.Registered:
		c.sending()
		return c.do(c.told(telco.Succeeded, ""))
	case sale.RefundDue:
		return c.refundDue()
	case sale.Refunding:
		return c.refundDue().claim()
	case sale.Refunded:
		return c.refundDue().claim().do(sale.Event{Kind: sale.RefundPaid, By: teller})
	case sale.Review:
		c.resolving()
		return c.do(c.looked(c.row(1, telco.StateReversed)))
	case sale.Cancelled:
		return c.opened().do(sale.Event{Kind: sale.CancelAsked, By: teller})
	case sale.Closed:
		c.in(sale.Review).past()
		return c.do(c.decide(sale.RuleClosed))
	}
	c.t.Fatalf("no way to %s", state)
	return c
}

// What the simulator found (internal/simulate), each at its smallest.

// C, exhausted-otp: the row of an OTP that was used up does not contradict the receipt of
// the next one; another state of the receipt's own row does.
func TestOnlyTheReceiptsRowContradictsIt(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	c.do(c.told(telco.Rejected, telco.Code("OTP_ATTEMPTS_EXCEEDED"))).past().do(c.looked())
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

// Each thing that no store may take is named.
func TestValidateNamesEachFault(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid()
	whole := sale.Change{SaleID: "P-1", Expected: 1, Events: c.history[1:], State: c.s}
	require.NoError(t, whole.Validate())
	for want, spoil := range map[string]func(c *sale.Change){
		"sale: change has no SaleID\nsale: change has a state of another sale": func(c *sale.Change) { c.SaleID = "" },
		"sale: change expects a version below 0":                               func(c *sale.Change) { c.Expected, c.State.Version = -1, 0 },
		"sale: change has no events":                                           func(c *sale.Change) { c.Expected, c.Events = 2, nil },
		"sale: change has a state whose version does not count its events":     func(c *sale.Change) { c.Expected = 2 },
		"sale: change has no state":                                            func(c *sale.Change) { c.State.State = sale.None },
		"sale: change has an order without shop or id":                         func(c *sale.Change) { c.State.Order.Shop = "" },
		"sale: change has no partnerTransId":                                   func(c *sale.Change) { c.State.PartnerTransID = "" },
		"sale: change has a slot below 0":                                      func(c *sale.Change) { c.State.Slot = -1 },
		"sale: change changes the claim in an unknown way":                     func(c *sale.Change) { c.Claim = sale.ReleaseClaim + 1 },
		"sale: change takes a claim without a subscriber": func(c *sale.Change) {
			c.Claim, c.State.Order.MSISDN = sale.TakeClaim, telco.MSISDN{}
		},
	} {
		change := whole
		spoil(&change)
		assert.EqualError(t, change.Validate(), want)
	}
}

// TestARefusedStepAlarmsNobody: a refusal leaves the sale as it was and wakes no operator.
func TestARefusedStepAlarmsNobody(t *testing.T) {
	t.Parallel()
	before := sale.Sale{ID: "S", State: sale.Review, Version: 3}
	after, alarm, err := sale.Rules{}.Step(before, sale.Event{Kind: "cash-taken"})
	var refused *sale.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.False(t, alarm)
	assert.Equal(t, before, after)
}
