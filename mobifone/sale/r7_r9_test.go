package sale_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/registration"
)

func TestR7AWrongOTPThenARightOne(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: 20 * time.Second}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(21 * time.Second)
		v, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, partner.OTPInvalid)
		assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, partner.ReenterOTP, v.Action.Step)
		assert.Contains(t, v.Action.Text.VI, "Còn 2 lần nhập")
		looks := s.sb.Requests(partner.OpGet)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, looks, s.sb.Requests(partner.OpGet), "the same ids go again at once")
		kept := s.sale(id)
		assert.Equal(t, 1, kept.Attempt, "a wrong OTP raises no attempt")
		require.Len(t, kept.Sends, 2)
		assert.Equal(t, kept.Sends[0].TransID, kept.Sends[1].TransID)
		assert.Equal(t, kept.Sends[0].PartnerTransID, kept.Sends[1].PartnerTransID)
		assert.Equal(t, 1, s.sb.Executed(number("477")))
		s.replays(id)
	})
}

func TestR7AnotherOTPWaitsForTheLastAnswer(t *testing.T) {
	t.Parallel()
	const lag = 90 * time.Second
	inShop(t, sandbox.Config{LookupLag: lag, OTPTTL: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(lag + time.Second)
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, partner.OTPInvalid)
		v, err := s.RequestOTP(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, 1, v.Sale.Attempt, "an OTP resend raises no attempt")
		before := s.sale(id)
		v, err = s.Register(t.Context(), id, s.otp("477"), teller)
		_, notCleared := errors.AsType[*sale.NotClearedError](err)
		require.True(t, notCleared, "%v", err)
		assert.Equal(t, partner.WaitUntil, v.Action.Step)
		assert.Equal(t, before.Sends, s.sale(id).Sends)
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, 1, s.sb.Requests(partner.OpRegister))
		until := time.Until(v.WaitUntil)
		assert.Greater(t, until, lag-2*time.Second)
		assert.Less(t, until, lag+5*time.Second)

		pass(until - 5*time.Second)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		_, notCleared = errors.AsType[*sale.NotClearedError](err)
		require.True(t, notCleared, "too early: %v", err)
		pass(5 * time.Second) // the countdown is over, and honest
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		kept := s.sale(id)
		assert.Equal(t, 1, kept.Attempt)
		assert.NotEqual(t, kept.Sends[0].TransID, kept.Sends[1].TransID)
		assert.True(t, kept.Sends[0].Cleared)
		s.replays(id)
	})
}

// The wrong OTP was the copy's answer, and the first copy registered: with the next OTP
// the lookup finds it, and nothing is sent.
func TestR7TheLookupFindsWhatTheAnswerHid(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{OTPTTL: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.After, Code: partner.OTPInvalid}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, partner.OTPInvalid)
		pass(time.Minute)
		s.ask(id)
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		assert.Equal(t, sale.Resolving, v.Sale.State)
		s.settle(10 * time.Second)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Requests(partner.OpRegister))
		s.replays(id)
	})
}

func TestR7NoRefundBeforeItIsCleared(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: 30 * time.Second}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(31 * time.Second)
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, partner.OTPInvalid)
		v, err := s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		require.Equal(t, sale.Resolving, v.Sale.State)
		s.settle(25 * time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(20 * time.Second)
		assert.Equal(t, sale.RefundDue, s.state(id))
	})
}

func TestR7NothingLeftNothingToLookUp(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		down := onlyRegister(s, errDial)
		s.tap.onTrip = down
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Equal(t, partner.NotSent, partner.OutcomeOf(err), "%v", err)
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, 1, v.Sale.Attempt)
		looks := s.sb.Requests(partner.OpGet)
		v, err = s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.RefundDue, v.Sale.State)
		v, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunding, v.Sale.State)
		assert.Equal(t, looks, s.sb.Requests(partner.OpGet))
	})
}

func TestR8LookBeforeTheFirstSend(t *testing.T) {
	t.Parallel()
	// Somebody registered with our ticket before us: with our ids, or with his own.
	for name, want := range map[string]sale.State{"ours": sale.Registered, "theirs": sale.Review} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				kept := s.sale(id)
				own := kept.PartnerTransID
				if name == "theirs" {
					other, err := s.client.NewPartnerTransID("HN01", "another", 1)
					require.NoError(t, err)
					own = other
				}
				client := newClient(t, s.sb, s.sb.RoundTripper())
				_, err := client.Registration.Register(t.Context(), registration.Request{
					MSISDN: number("477"), Package: "C120", Amount: price, TransID: kept.Ticket.TransID,
					PartnerTransID: own, OTP: s.otp("477"), Staff: clerk,
				})
				require.NoError(t, err)
				_, err = s.Register(t.Context(), id, s.otp("477"), teller)
				assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				s.settle(10 * time.Second)
				assert.Equal(t, want, s.state(id))
				assert.Equal(t, 1, s.sb.Requests(partner.OpRegister), "no send of ours")
				assert.Empty(t, s.sale(id).Sends)
				s.replays(id)
			})
		})
	}
}

func TestR8ALookupThatFailsIsNoLookup(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(sandbox.Fault{Operation: partner.OpGet, Kind: sandbox.Status, When: sandbox.Before, Status: 503, Times: -1})
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, partner.WaitUntil, v.Action.Step)
		assert.Zero(t, s.sb.Requests(partner.OpRegister))
		s.sb.ClearScript()
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
	})
}

func TestR8AnOTPThatRanOutIsNotSent(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		before := s.sale(id)
		pass(10 * time.Minute)
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, partner.OTPExpired)
		assert.Equal(t, partner.NewOTP, v.Action.Step)
		assert.Equal(t, before, s.sale(id), "the sale is unchanged")
		assert.Zero(t, s.sb.Requests(partner.OpRegister))
		s.ask(id)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, 1, s.sale(id).Attempt)
	})
}

func TestR8WhatTheRowBeforeTheSendSays(t *testing.T) {
	t.Parallel()
	mine := func(c *core, state partner.State) sale.Row { r := c.row(1, state); return r }
	for name, tc := range map[string]struct {
		row   func(c *core) sale.Row
		want  sale.State
		sends bool
	}{
		"init":            {func(c *core) sale.Row { return mine(c, partner.StateInit) }, sale.OTPSent, true},
		"pending, ours":   {func(c *core) sale.Row { return mine(c, partner.StatePending) }, sale.Resolving, false},
		"success, ours":   {func(c *core) sale.Row { return mine(c, partner.StateSuccess) }, sale.Resolving, false},
		"expired":         {func(c *core) sale.Row { return mine(c, partner.StateExpired) }, sale.OTPSent, false},
		"cancelled":       {func(c *core) sale.Row { return mine(c, partner.StateCancelled) }, sale.OTPSent, false},
		"failed":          {func(c *core) sale.Row { return mine(c, partner.StateFailed) }, sale.Review, false},
		"failed, retried": {func(c *core) sale.Row { r := mine(c, partner.StateFailed); r.MayRetrySame = true; return r }, sale.Review, false},
		"reversed":        {func(c *core) sale.Row { return mine(c, partner.StateReversed) }, sale.Review, false},
		"unlisted":        {func(c *core) sale.Row { return mine(c, partner.StateUnlisted) }, sale.Review, false},
		"pending, theirs": {func(c *core) sale.Row { r := mine(c, partner.StatePending); r.PartnerTransID = "X"; return r }, sale.Review, false},
		"success, theirs": {func(c *core) sale.Row { r := mine(c, partner.StateSuccess); r.SameSubscriber = false; return r }, sale.Review, false},
	} {
		c := newCore(t).in(sale.OTPSent)
		require.Error(t, c.try(c.plan()), "not without the lookup")
		c.do(c.looked(tc.row(c)))
		assert.Equal(t, tc.want, c.s.State, name)
		assert.Equal(t, tc.sends, c.try(c.plan()) == nil, name)
	}
}

func TestR9ReadingALookup(t *testing.T) {
	t.Parallel()
	with := func(state partner.State, change func(*sale.Row)) func(c *core) sale.Row {
		return func(c *core) sale.Row {
			r := c.row(1, state)
			if change != nil {
				change(&r)
			}
			return r
		}
	}
	prepared := noon.Add(2 * time.Minute) // of the core's first send
	for name, tc := range map[string]struct {
		row   func(c *core) sale.Row
		early sale.State
		fence sale.State
	}{
		"success":                 {with(partner.StateSuccess, nil), sale.Registered, sale.Registered},
		"success, subscriber":     {with(partner.StateSuccess, func(r *sale.Row) { r.SameSubscriber = false }), sale.Review, sale.Review},
		"success, package":        {with(partner.StateSuccess, func(r *sale.Row) { r.Package = "C90" }), sale.Review, sale.Review},
		"success, amount":         {with(partner.StateSuccess, func(r *sale.Row) { r.Amount-- }), sale.Review, sale.Review},
		"success, transId":        {with(partner.StateSuccess, func(r *sale.Row) { r.TransID = "T-9" }), sale.Review, sale.Review},
		"success, partnerTransId": {with(partner.StateSuccess, func(r *sale.Row) { r.PartnerTransID = "P-9" }), sale.Review, sale.Review},
		"reversed":                {with(partner.StateReversed, nil), sale.Review, sale.Review},
		"unlisted":                {with(partner.StateUnlisted, nil), sale.Review, sale.Review},
		"pending":                 {with(partner.StatePending, nil), sale.Resolving, sale.Review},
		"failed":                  {with(partner.StateFailed, nil), sale.RefundDue, sale.RefundDue},
		"failed at the skew":      {with(partner.StateFailed, func(r *sale.Row) { r.UpdatedAt = prepared.Add(-5 * time.Second) }), sale.RefundDue, sale.RefundDue},
		"failed before the skew":  {with(partner.StateFailed, func(r *sale.Row) { r.UpdatedAt = prepared.Add(-5*time.Second - 1) }), sale.Resolving, sale.Paid},
		"failed, no time":         {with(partner.StateFailed, func(r *sale.Row) { r.UpdatedAt = time.Time{} }), sale.Resolving, sale.Paid},
		"failed, other transId":   {with(partner.StateFailed, func(r *sale.Row) { r.TransID = "T-9" }), sale.Resolving, sale.Paid},
		"failed, no partner id":   {with(partner.StateFailed, func(r *sale.Row) { r.PartnerTransID = "" }), sale.Resolving, sale.Paid},
		"failed, may be retried":  {with(partner.StateFailed, func(r *sale.Row) { r.MayRetrySame = true }), sale.Resolving, sale.Paid},
		"init":                    {with(partner.StateInit, nil), sale.Resolving, sale.Paid},
		"expired":                 {with(partner.StateExpired, nil), sale.Resolving, sale.Paid},
		"cancelled":               {with(partner.StateCancelled, nil), sale.Resolving, sale.Paid},
	} {
		for _, past := range []bool{false, true} {
			c := newCore(t).resolving()
			require.Equal(t, prepared, c.s.Sends[0].PreparedAt)
			want := tc.early
			if past {
				c.past()
				want = tc.fence
			}
			c.do(c.looked(tc.row(c)))
			assert.Equal(t, want, c.s.State, "%s, past the fence: %v", name, past)
		}
	}
	// A final state that changes is a person's matter.
	c := newCore(t).resolving()
	c.do(c.looked(c.row(1, partner.StateFailed)))
	require.Equal(t, sale.RefundDue, c.s.State)
	c.do(c.looked(c.row(1, partner.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	c = newCore(t).in(sale.Registered)
	c.do(c.looked(c.row(1, partner.StateFailed)))
	assert.Equal(t, sale.Review, c.s.State)
}

// Every pair ever sent is looked up, and each success counts.
func TestR9EveryPairIsLookedUp(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked()).ticket().sent().overdue()
	assert.Equal(t, []sale.Pair{{TransID: "T-1", PartnerTransID: "P-1"}, {TransID: "T-2", PartnerTransID: "P-2"}}, c.s.Pairs())
	both := c.looked(c.row(1, partner.StateSuccess), c.row(2, partner.StateSuccess))
	assert.Equal(t, sale.Review, newCoreAt(c).do(both).s.State, "registered twice")
	assert.Equal(t, sale.Registered, newCoreAt(c).do(c.looked(c.row(1, partner.StateSuccess))).s.State)
}

// newCoreAt copies a core.
func newCoreAt(c *core) *core { twin := *c; return &twin }
