package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

func TestAWrongOTPThenARightOne(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: 20 * time.Second}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(21 * time.Second)
		v, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, telco.ReenterOTP, v.Action.Step)
		assert.Contains(t, v.Action.Text.VI, "Còn 2 lần nhập")
		looks := s.sb.Requests(telco.OpGet)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, looks, s.sb.Requests(telco.OpGet), "the same ids go again at once")
		kept := s.sale(id)
		assert.Equal(t, 1, kept.Attempt, "a wrong OTP raises no attempt")
		require.Len(t, kept.Intents, 2)
		assert.Equal(t, kept.Intents[0].TransID, kept.Intents[1].TransID)
		assert.Equal(t, kept.Intents[0].PartnerTransID, kept.Intents[1].PartnerTransID)
		assert.Equal(t, 1, s.sb.Executed(number("477")))
		s.replays(id)
	})
}

func TestNothingLeftNothingToLookUp(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		down := onlyRegister(s, errDial)
		s.tap.onTrip = down
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Equal(t, telco.NotSent, telco.OutcomeOf(err), "%v", err)
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, 1, v.Sale.Attempt)
		looks := s.sb.Requests(telco.OpGet)
		v, err = s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.RefundDue, v.Sale.State)
		v, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunding, v.Sale.State)
		assert.Equal(t, looks, s.sb.Requests(telco.OpGet))
	})
}

func TestLookBeforeTheFirstSend(t *testing.T) {
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
				s.tap.onApply = func(int, bool, sale.Change) error { return errFull }
				_, err = s.Register(t.Context(), id, s.otp("477"), teller)
				require.ErrorIs(t, err, errFull, "what was shown cannot be stored")
				s.tap.onApply = nil
				v, err := s.Register(t.Context(), id, s.otp("477"), teller)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				require.ErrorContains(t, err, "the sale is ", "what became of it, and no conflict")
				assert.Equal(t, map[string]sale.State{"ours": sale.Resolving, "theirs": sale.Review}[name], v.Sale.State)
				s.settle(10 * time.Second)
				assert.Equal(t, want, s.state(id))
				assert.Equal(t, 1, s.sb.Requests(telco.OpRegister), "no send of ours")
				assert.Empty(t, s.sale(id).Intents)
				s.replays(id)
			})
		})
	}
}

func TestALookupThatFailsIsNoLookup(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 503, Times: -1})
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		assert.Zero(t, s.sb.Requests(telco.OpRegister))
		s.sb.ClearScript()
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
	})
}

func TestAnOTPThatRanOutIsNotSent(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(10 * time.Minute)
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Equal(t, telco.NewOTP, v.Action.Step)
		assert.True(t, s.sale(id).Ticket.RunOut, "what was seen is written down")
		assert.Zero(t, s.sb.Requests(telco.OpRegister))
		s.ask(id)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, 1, s.sale(id).Attempt)
	})
}

func TestWhatTheRowBeforeTheSendSays(t *testing.T) {
	t.Parallel()
	mine := func(c *core, state telco.State) sale.Row { r := c.row(1, state); return r }
	for name, tc := range map[string]struct {
		row   func(c *core) sale.Row
		want  sale.State
		sends bool
	}{
		"init":            {func(c *core) sale.Row { return mine(c, telco.StateInit) }, sale.OTPSent, true},
		"pending, ours":   {func(c *core) sale.Row { return mine(c, telco.StatePending) }, sale.Resolving, false},
		"success, ours":   {func(c *core) sale.Row { return mine(c, telco.StateSuccess) }, sale.Resolving, false},
		"expired":         {func(c *core) sale.Row { return mine(c, telco.StateExpired) }, sale.OTPSent, false},
		"cancelled":       {func(c *core) sale.Row { return mine(c, telco.StateCancelled) }, sale.OTPSent, false},
		"failed":          {func(c *core) sale.Row { return mine(c, telco.StateFailed) }, sale.Review, false},
		"reversed":        {func(c *core) sale.Row { return mine(c, telco.StateReversed) }, sale.Review, false},
		"unlisted":        {func(c *core) sale.Row { return mine(c, telco.StateUnlisted) }, sale.Review, false},
		"pending, theirs": {func(c *core) sale.Row { r := mine(c, telco.StatePending); r.PartnerTransID = "X"; return r }, sale.Review, false},
		"success, theirs": {func(c *core) sale.Row { r := mine(c, telco.StateSuccess); r.Differs = "another subscriber"; return r }, sale.Review, false},
	} {
		c := newCore(t).in(sale.OTPSent)
		require.Error(t, c.try(c.plan()), "not without the lookup")
		c.do(c.looked(tc.row(c)))
		assert.Equal(t, tc.want, c.s.State, name)
		assert.Equal(t, tc.sends, c.try(c.plan()) == nil, name)
	}
}

func TestReadingALookup(t *testing.T) {
	t.Parallel()
	with := func(state telco.State, change func(*sale.Row)) func(c *core) sale.Row {
		return func(c *core) sale.Row {
			r := c.row(1, state)
			if change != nil {
				change(&r)
			}
			return r
		}
	}
	refused := func(r *sale.Row) { r.Refusal, r.Then = telco.NotEligible, telco.ThenRefund }
	for name, tc := range map[string]struct {
		row                 func(c *core) sale.Row
		early, final, fence sale.State // before the fence, there with final refusals, at it
	}{
		"success":                  {with(telco.StateSuccess, nil), sale.Registered, sale.Registered, sale.Registered},
		"success, not as sold":     {with(telco.StateSuccess, func(r *sale.Row) { r.Differs = "another amount" }), sale.Review, sale.Review, sale.Review},
		"success, transId":         {with(telco.StateSuccess, func(r *sale.Row) { r.TransID = "T-9" }), sale.Review, sale.Review, sale.Review},
		"success, partnerTransId":  {with(telco.StateSuccess, func(r *sale.Row) { r.PartnerTransID = "P-9" }), sale.Review, sale.Review, sale.Review},
		"reversed":                 {with(telco.StateReversed, nil), sale.Review, sale.Review, sale.Review},
		"unlisted":                 {with(telco.StateUnlisted, nil), sale.Review, sale.Review, sale.Review},
		"pending":                  {with(telco.StatePending, nil), sale.Resolving, sale.Resolving, sale.Review},
		"pending, not as sold":     {with(telco.StatePending, func(r *sale.Row) { r.Differs = "another amount" }), sale.Review, sale.Review, sale.Review},
		"failed":                   {with(telco.StateFailed, refused), sale.Resolving, sale.RefundDue, sale.RefundDue},
		"failed, other transId":    {with(telco.StateFailed, func(r *sale.Row) { refused(r); r.TransID = "T-9" }), sale.Resolving, sale.Resolving, sale.Paid},
		"failed, no MobiFone id":   {with(telco.StateFailed, func(r *sale.Row) { refused(r); r.PartnerTransID = "" }), sale.Resolving, sale.Resolving, sale.Paid},
		"failed, no or other code": {with(telco.StateFailed, nil), sale.Resolving, sale.Resolving, sale.Paid},
		"init":                     {with(telco.StateInit, nil), sale.Resolving, sale.Resolving, sale.Paid},
		"expired":                  {with(telco.StateExpired, nil), sale.Resolving, sale.Resolving, sale.Paid},
		"cancelled":                {with(telco.StateCancelled, nil), sale.Resolving, sale.Resolving, sale.Paid},
	} {
		for _, final := range []bool{false, true} {
			for _, past := range []bool{false, true} {
				c := newCore(t)
				c.rules.RefusalIsFinal = final
				c.resolving()
				want := tc.early
				if final {
					want = tc.final
				}
				if past {
					c.past()
					want = tc.fence
				}
				c.do(c.looked(tc.row(c)))
				assert.Equal(t, want, c.s.State, "%s, past the fence: %v, final refusals: %v", name, past, final)
			}
		}
	}
	// A final state that changes is a person's matter.
	c := newCore(t)
	c.rules.RefusalIsFinal = true
	c.resolving()
	failed := c.row(1, telco.StateFailed)
	refused(&failed)
	c.do(c.looked(failed))
	require.Equal(t, sale.RefundDue, c.s.State)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	c = newCore(t).in(sale.Registered)
	c.do(c.looked(c.row(1, telco.StateFailed)))
	assert.Equal(t, sale.Review, c.s.State)
}

// Every pair ever sent is looked up, and each success counts.
func TestEveryPairIsLookedUp(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked()).ticket().sent().overdue()
	assert.Equal(t, []telco.IDs{{TransID: "T-1", PartnerTransID: "P-1"}, {TransID: "T-2", PartnerTransID: "P-2"}}, c.s.Pairs())
	both := c.looked(c.row(1, telco.StateSuccess), c.row(2, telco.StateSuccess))
	assert.Equal(t, sale.Review, newCoreAt(c).do(both).s.State, "registered twice")
	assert.Equal(t, sale.Registered, newCoreAt(c).do(c.looked(c.row(1, telco.StateSuccess))).s.State)
}

// newCoreAt copies a core.
func newCoreAt(c *core) *core { twin := *c; return &twin }
