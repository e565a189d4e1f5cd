package sale_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var update = flag.Bool("update", false, "write the golden files and docs/state-machine.md")

func golden(t *testing.T, path, have string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with -update")
	assert.Equal(t, string(want), have, "write it with -update, and read the difference")
}

// shelf is a store with one sale that takes nothing.
type shelf struct {
	sale.Store
	s sale.Sale
}

func (k shelf) Busy(context.Context, telco.MSISDN) ([]sale.Claim, error) { return nil, nil }

func (k shelf) Load(context.Context, string) (sale.Sale, error) { return k.s, nil }

// What a teller reads in every state, and in those where it is his turn after every error.
func TestActionTexts(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	line := func(name string, v sale.View) {
		wait := ""
		if !v.WaitUntil.IsZero() {
			wait = " (wait)"
		}
		fmt.Fprintf(&out, "%s: %s%s\n  %s\n  %s\n", name, v.Action.Step, wait, v.Action.Text.VI, v.Action.Text.EN)
	}
	for _, state := range sale.States() {
		s := newCore(t).in(state).s
		line(state.String(), viewOf(t, s))
	}
	inShop(t, sandbox.Config{LookupLag: 2 * time.Minute}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		after := func(name string, v sale.View, err error) {
			t.Helper()
			require.Error(t, err, name)
			line("after "+name, v)
		}
		id := s.paid("DH-1", "477")
		v, err := s.Register(ctx, id, telco.OTP{}, teller)
		after("registering too early", v, err)
		s.script(sandbox.Fault{Operation: telco.OpOTP, Kind: "code", Code: telco.OTPNotDelivered, When: "before"})
		v, err = s.RequestOTP(ctx, id, teller)
		after("an OTP that was not delivered", v, err)
		s.ask(id)
		v, err = s.RequestOTP(ctx, id, teller)
		after("an OTP too soon", v, err)
		v, err = s.Register(ctx, id, telco.OTP{}, teller)
		after("an empty OTP", v, err)
		pass(2*time.Minute + time.Second)
		v, err = s.Register(ctx, id, s.wrong(), teller)
		after("a wrong OTP", v, err)
		v, err = s.RequestOTP(ctx, id, teller)
		after("another OTP while a wrong one is not settled", v, err)
		pass(10 * time.Minute)
		s.ask(id)
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
		lookless := s.toOTP("DH-9", "478")
		v, err = s.Register(ctx, lookless, s.otp("478"), teller)
		after("a lookup that failed", v, err)
		s.sb.ClearScript()
		s.tap.onTrip = onlyRegister(s, errDial)
		v, err = s.Register(ctx, id, s.otp("477"), teller)
		after("no connection", v, err)
		s.tap.onTrip = nil
		pass(10 * time.Minute)
		v, err = s.Register(ctx, id, s.otp("477"), teller)
		after("an OTP that ran out", v, err)

		lost := s.toOTP("DH-2", "409")
		second := s.paid("DH-3", "409")
		_, err = s.Register(ctx, lost, s.otp("409"), teller)
		require.Error(t, err)
		v, err = s.RequestOTP(ctx, second, teller)
		after("a busy subscriber", v, err)
		s.sb.SetSubscriber(number("555"), sandbox.Subscriber{Unknown: true})
		none := s.paid("DH-4", "555")
		v, err = s.RequestOTP(ctx, none, teller)
		after("an OTP for a number that does not exist", v, err)
		_, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
	})
	golden(t, filepath.Join("testdata", "actions.golden"), out.String())
}

func viewOf(t *testing.T, s sale.Sale) sale.View {
	t.Helper()
	desk, err := sale.NewDesk(sale.Config{
		Gateway: struct{ sale.Gateway }{}, Store: shelf{s: s}, Rules: fenced,
		NewID: func(string, string, int) (telco.PartnerTransID, error) { return "P", nil },
	})
	require.NoError(t, err)
	v, err := desk.Look(t.Context(), s.ID)
	require.NoError(t, err)
	return v
}

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
