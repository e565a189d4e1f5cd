package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestRefundIsAnActWithAnIntent(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "403") // NOT_ELIGIBLE
		_, err := s.Register(t.Context(), id, s.otp("403"), teller)
		require.Error(t, err)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		refused(t, err)
		s.settle(2 * time.Minute)
		require.Equal(t, sale.RefundDue, s.state(id))
		_, err = s.ConfirmRefund(t.Context(), id, teller)
		refused(t, err)
		looks := s.sb.Requests(telco.OpGet)
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 503, Times: -1})
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.Error(t, err)
		assert.Equal(t, sale.RefundDue, s.state(id), "no claim without the last look")
		s.sb.ClearScript()

		// Two tellers at once: one pays.
		errs := make(chan error, 2)
		for _, who := range []string{"GDV01", "GDV02"} {
			c := s.open()
			go func() { _, err := c.ClaimRefund(t.Context(), id, who); errs <- err }()
		}
		first, second := <-errs, <-errs
		assert.NotEqual(t, first == nil, second == nil, "%v, %v", first, second)
		assert.Greater(t, s.sb.Requests(telco.OpGet), looks)
		kept := s.sale(id)
		assert.Equal(t, sale.Refunding, kept.State)
		other := map[string]string{"GDV01": "GDV02", "GDV02": "GDV01"}[kept.RefundBy]
		_, err = s.ConfirmRefund(t.Context(), id, other)
		refused(t, err)
		_, err = s.ClaimRefund(t.Context(), id, other)
		refused(t, err)
		v, err := s.ConfirmRefund(t.Context(), id, kept.RefundBy)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunded, v.Sale.State)
		assert.Equal(t, price, v.Sale.CashOut)
		s.replays(id)
	})
}

func TestTheLastLookFindsARegistration(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("10m"), Status: 504}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		_, err = s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		s.settle(3 * time.Minute)
		require.Equal(t, sale.RefundDue, s.state(id), "MobiFone promised a minute, and took ten")
		pass(10 * time.Minute)
		v, err := s.ClaimRefund(t.Context(), id, teller)
		refused(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.Equal(t, telco.GiveService, v.Action.Step)
	})
}

func TestTheLastLookIsFresh(t *testing.T) {
	t.Parallel()
	c := newCore(t).refundDue()
	take := sale.Event{Kind: sale.RefundTaken, By: teller}
	require.Error(t, c.try(take))
	c.do(c.looked())
	c.later(time.Minute + 1)
	require.Error(t, c.try(take), "an old look does not count")
	c.do(c.looked())
	require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken}), "say who")
	c.do(take)
}

// The last look before a refund counts for a minute.
func TestHowLongTheLastLookCounts(t *testing.T) {
	t.Parallel()
	claim := sale.Event{Kind: sale.RefundTaken, By: teller}
	c := newCore(t).refundDue()
	c.do(c.looked()).later(time.Minute + 1)
	assert.Equal(t, "look the transaction up first", c.reason(claim))
	c.later(-1).do(claim)
}

func TestARefundIsConfirmedOnce(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Refunded)
	assert.Equal(t, "the cash is recorded as paid out already; pay nothing more", c.reason(sale.Event{Kind: sale.RefundPaid, By: teller}))
	assert.Equal(t, "claim the refund first", c.reason(sale.Event{Kind: sale.RefundPaid, By: boss}))
}

func TestAVerdictHasEvidenceAndAName(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Review).past()
	for name, spoil := range map[string]func(e *sale.Event){
		"no verdict":  func(e *sale.Event) { e.Verdict = nil },
		"no evidence": func(e *sale.Event) { e.Verdict.Evidence = "" },
		"no name":     func(e *sale.Event) { e.By = "" },
	} {
		e := c.decide(sale.RuleClosed)
		spoil(&e)
		assert.Equal(t, "a decision needs a ruling, a name, and where the evidence is", c.reason(e), name)
	}
}

// A verdict that nothing is registered waits for the fence, to the instant.
func TestAVerdictAtTheFence(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Review)
	c.now = c.s.Intents[0].LastBy.Add(22*time.Second - 1)
	assert.Contains(t, c.reason(c.decide(sale.RuleRefundDue)), "it may still be registered")
	c.later(1).do(c.decide(sale.RuleRefundDue))
	assert.Equal(t, sale.RefundDue, c.s.State)
}

// A verdict settles the sends: the registration that was shown, or else the last, is the
// one; what else is open is settled no, but before the fence it stays open.
func TestWhatAVerdictSettles(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Review).past()
	c.do(c.decide(sale.RuleRegistered))
	assert.Equal(t, &c.s.Intents[0].IDs, c.s.Yes)
	assert.Equal(t, sale.SettledYes, c.s.Intents[0].Settled)

	for _, early := range []bool{true, false} {
		c := newCore(t).resolving().past()
		c.do(c.looked()).ticket().sent().overdue()
		c.do(c.looked(c.row(1, telco.StateSuccess)))
		c.do(c.looked(c.row(1, telco.StateReversed)))
		require.Equal(t, sale.Review, c.s.State)
		require.Empty(t, c.s.Intents[1].Settled)
		if !early {
			c.past()
		}
		c.do(c.decide(sale.RuleRegistered))
		assert.Equal(t, transID(1), c.s.Yes.TransID)
		assert.Equal(t, sale.SettledYes, c.s.Intents[0].Settled)
		want := sale.SettledNo
		if early {
			want = ""
		}
		assert.Equal(t, want, c.s.Intents[1].Settled, "early: %v", early)
	}

	// Who rules that nothing is registered takes back what was shown.
	c = newCore(t).in(sale.Registered)
	c.do(c.observe(c.row(1, telco.StateReversed))).do(c.decide(sale.RuleRefundDue))
	assert.Nil(t, c.s.Yes)
	c.do(c.looked(c.row(1, telco.StateCancelled)))
	assert.Equal(t, sale.RefundDue, c.s.State, "nothing succeeded that could show another state now")
}
