package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// look is what a screen shows of the sale now.
func (c *core) look() sale.View {
	c.t.Helper()
	desk, err := sale.NewDesk(sale.Config{
		Gateway: struct{ sale.Gateway }{}, Store: shelf{s: c.s}, Rules: c.rules, AllowNoLookup: true,
		Now:   func() time.Time { return c.now },
		NewID: func(string, string, int) (telco.PartnerTransID, error) { return "P", nil },
	})
	require.NoError(c.t, err)
	v, err := desk.Look(c.t.Context(), c.s.ID)
	require.NoError(c.t, err)
	return v
}

// How long a screen says to wait, and for what: to the instant, and never for a time that
// has passed.
func TestHowLongAScreenSaysToWait(t *testing.T) {
	t.Parallel()
	wrong := func(c *core) *core {
		e := c.sending().told(telco.Unknown, telco.OTPInvalid)
		e.Then = telco.ThenSameIDs
		return c.do(e)
	}
	blind := func(c *core) *core { c.rules.NoLookup = true; return c }
	unbounded := func(c *core) *core { c.bounded = false; return c }
	ticketEnds := func(c *core) time.Time { return c.s.Ticket.ExpiresAt }
	fence := func(c *core) time.Time { return c.s.Intents[0].LastBy.Add(22 * time.Second) }
	settled := func(c *core) time.Time { return fence(c).Add(c.rules.ClockSkewMax) } // whichever of MobiFone's clocks tells
	wakes := func(c *core) time.Time { return c.s.WakeAt }
	resend := func(c *core) time.Time { return c.s.ResendAt }
	for name, tc := range map[string]struct {
		sale func(c *core) *core
		at   func(c *core) time.Time // the screen's time; nil: as the sale left it
		step telco.Step
		want func(c *core) time.Time // nil: nothing to wait for
	}{
		"registering": {func(c *core) *core { return c.sending() }, nil, telco.Hold, settled},
		"resolving":   {func(c *core) *core { return c.resolving() }, nil, telco.Hold, settled},
		"resolving, just before the fence": {
			func(c *core) *core { return c.resolving() },
			func(c *core) time.Time { return settled(c).Add(-1) }, telco.Hold, settled,
		},
		"resolving, at the fence": {
			func(c *core) *core { c.resolving().s.WakeAt = settled(c).Add(time.Minute); return c },
			settled, telco.Hold, wakes,
		},
		"registering, no fence": {func(c *core) *core { return unbounded(c).sending() }, nil, telco.Hold, wakes},
		"resolving, no fence":   {func(c *core) *core { return unbounded(c).resolving() }, nil, telco.Hold, wakes},
		"review":                {func(c *core) *core { return c.in(sale.Review) }, nil, telco.Hold, fence},
		"review, at the fence":  {func(c *core) *core { return c.in(sale.Review) }, fence, telco.Hold, nil},
		"review, no fence": {func(c *core) *core {
			unbounded(c).resolving()
			return c.do(c.looked(c.row(1, telco.StateReversed)))
		}, nil, telco.Hold, nil},
		"OTP in hand": {func(c *core) *core { return c.in(sale.OTPSent) }, nil, telco.ReenterOTP, nil},
		"OTP in hand, its last moment": {
			func(c *core) *core { return c.in(sale.OTPSent) },
			func(c *core) time.Time { return ticketEnds(c).Add(-1) }, telco.ReenterOTP, nil,
		},
		"OTP run out":                   {func(c *core) *core { return c.in(sale.OTPSent) }, ticketEnds, telco.NewOTP, nil},
		"wrong OTP":                     {wrong, nil, telco.ReenterOTP, nil},
		"wrong OTP run out":             {wrong, ticketEnds, telco.NewOTP, nil},
		"wrong OTP run out, no fence":   {func(c *core) *core { return wrong(unbounded(c)) }, ticketEnds, telco.Hold, nil},
		"paid":                          {func(c *core) *core { return c.in(sale.Paid) }, nil, telco.NewOTP, nil},
		"paid, asked a moment ago":      {func(c *core) *core { return c.paid().do(sale.Event{Kind: sale.OTPAsked}) }, nil, telco.WaitUntil, wakes},
		"paid, asked the patience ago":  {func(c *core) *core { return c.paid().do(sale.Event{Kind: sale.OTPAsked}) }, wakes, telco.NewOTP, nil},
		"paid, refused for a while":     {refusedOTP, nil, telco.NewOTP, resend},
		"refund due":                    {func(c *core) *core { return c.in(sale.RefundDue) }, nil, telco.ReturnCash, nil},
		"wrong OTP run out by MobiFone": {func(c *core) *core { wrong(c).s.Ticket.RunOut = true; return c }, nil, telco.NewOTP, settled},
		"the same, without a lookup":    {func(c *core) *core { wrong(blind(c)).s.Ticket.RunOut = true; return c }, nil, telco.Hold, wakes},
	} {
		c := tc.sale(newCore(t))
		if tc.at != nil {
			c.now = tc.at(c)
		}
		v := c.look()
		assert.Equal(t, tc.step, v.Action.Step, name)
		want := time.Time{}
		if tc.want != nil {
			want = tc.want(c)
			require.True(t, want.After(c.now), name)
		}
		assert.Equal(t, want, v.WaitUntil, name)
		wait := time.Duration(0)
		if !want.IsZero() && (tc.step == telco.Hold || tc.step == telco.WaitUntil) {
			wait = want.Sub(c.now)
		}
		assert.Equal(t, wait, v.Action.Wait, name)
	}
}

func refusedOTP(c *core) *core {
	c.paid().do(sale.Event{Kind: sale.OTPAsked})
	return c.do(sale.Event{Kind: sale.OTPRefused, Outcome: telco.Rejected, Wait: time.Hour})
}
