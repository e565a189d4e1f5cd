package sale_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

// What attackers of the sale found, each at its smallest.

// Two gates: the copy that came through the other one is refused there, and the first
// request is let in. The refusal is not paid out on a look that comes before a lookup can
// show anything.
func TestTwoRoads(t *testing.T) {
	t.Parallel()
	for _, code := range []telco.Code{telco.AuthKey, telco.AuthSignature, telco.AuthIP, telco.CommandNotConfigured} {
		c := newCore(t).sending()
		c.do(c.told(telco.Rejected, code))
		assert.Equal(t, sale.Resolving, c.s.State, code)
		c.later(2 * time.Second).do(c.looked())
		assert.Equal(t, sale.Resolving, c.s.State, code)
		require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken, By: teller}))
		c.do(c.looked(c.row(1, telco.StateSuccess)))
		assert.Equal(t, sale.Registered, c.s.State)
	}
}

// After a wrong OTP the same ids went again and are still on the way. A FAILED row of the
// first, whatever its code, is not the failure of the second.
func TestAFailedRowOfAWrongOTP(t *testing.T) {
	t.Parallel()
	rule := func(code telco.Code) func(*sale.Row) {
		return func(r *sale.Row) {
			if code != telco.OTPInvalid {
				r.Refusal, r.Then = code, contract.Default().ThenOf(code)
			}
		}
	}
	for name, change := range map[string]func(*sale.Row){
		"no code": func(*sale.Row) {}, "7001": rule(telco.OTPInvalid), "listed": rule(telco.NotEligible),
	} {
		c := newCore(t).sending()
		c.do(c.told(telco.Rejected, telco.OTPInvalid)).do(c.plan())
		c.overdue()
		require.Equal(t, sale.Resolving, c.s.State)
		row := c.row(1, telco.StateFailed)
		change(&row)
		c.do(c.looked(row))
		assert.Equal(t, sale.Resolving, c.s.State, name)
		require.Len(t, c.s.Intents, 2)
		assert.Empty(t, c.s.Intents[0].Settled, name)
		assert.Empty(t, c.s.Intents[1].Settled, name)
		c.do(c.looked(c.row(1, telco.StateSuccess)))
		assert.Equal(t, sale.Registered, c.s.State)
	}
	// Where refusals are final a listed one counts, and only for the last send of its ids.
	c := newCore(t).sending()
	c.do(c.told(telco.Rejected, telco.OTPInvalid)).do(c.plan()).overdue()
	c.rules.RefusalIsFinal = true
	row := c.row(1, telco.StateFailed)
	rule(telco.NotEligible)(&row)
	c.do(c.looked(row))
	assert.Empty(t, c.s.Intents[0].Settled)
	assert.Equal(t, sale.SettledNo, c.s.Intents[1].Settled)
	assert.Equal(t, sale.Resolving, c.s.State)
}

// A restarted process has no time of MobiFone's, so Prepare looks up, and sees that the
// ids are registered. That is written down before anything else can happen to the sale.
func TestWhatPrepareLearnsIsWrittenDown(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		// A wrong code, told to a copy: the first request registered.
		s.script(onRegister(sandbox.Fault{Kind: "code", When: "after", Code: telco.OTPInvalid}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		require.Equal(t, 1, s.sb.Executed(number("477")))
		s.counter = s.open() // the process restarts
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
		assert.ErrorIs(t, err, telco.AlreadySent)
		assert.Equal(t, sale.Resolving, v.Sale.State)
		assert.Equal(t, sale.Resolving, s.state(id), "stored")
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.settle(10 * time.Second)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
		s.replays(id)
	})
}

// The cash is handed out, and before that is confirmed reconciliation finds the sale
// registered. That the cash left is a fact, and the books show it.
func TestCashThatLeftIsBookedInEveryState(t *testing.T) {
	t.Parallel()
	paid := sale.Event{Kind: sale.RefundPaid, By: teller}
	c := newCore(t).in(sale.Refunding)
	c.do(c.observe(c.row(1, telco.StateSuccess)))
	require.Equal(t, sale.Review, c.s.State)
	for _, ruling := range []string{sale.RuleRegistered, sale.RuleRefundDue, sale.RuleClosed} {
		require.Error(t, c.try(c.decide(ruling)), "%s while nobody has said whether the cash left", ruling)
	}
	require.Error(t, c.try(sale.Event{Kind: sale.RefundPaid, By: "GDV99"}), "only who claimed it")
	denied := newCoreAt(c)
	c.do(paid)
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, price, c.s.CashOut)
	require.Error(t, c.try(paid), "once")
	require.Error(t, c.try(c.decide(sale.RuleRegistered)), "that is a loss to book")
	c.do(c.decide(sale.RuleClosed))
	assert.Equal(t, sale.Closed, c.s.State)

	deny := sale.Event{Kind: sale.RefundDenied, By: teller, Note: "BB-3"}
	require.Error(t, denied.try(deny), "who claimed it cannot deny it")
	deny.By = boss
	denied.do(deny)
	require.Error(t, denied.try(paid), "the claim is gone")
	denied.do(denied.decide(sale.RuleRegistered))
	assert.Equal(t, sale.Registered, denied.s.State)
	assert.Zero(t, denied.s.CashOut)
}

// A claim on a refund that is denied: another teller may claim it, after another look.
func TestADeniedClaim(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Refunding)
	require.Error(t, c.try(sale.Event{Kind: sale.RefundDenied, By: boss}), "with evidence")
	c.do(sale.Event{Kind: sale.RefundDenied, By: boss, Note: "BB-3"})
	assert.Equal(t, sale.RefundDue, c.s.State)
	require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken, By: teller}), "not without another look")
	c.do(c.looked()).do(sale.Event{Kind: sale.RefundTaken, By: "GDV99"})
	require.Error(t, c.try(sale.Event{Kind: sale.RefundPaid, By: teller}))
	c.do(sale.Event{Kind: sale.RefundPaid, By: "GDV99"})
	assert.Equal(t, sale.Refunded, c.s.State)
}

// A verdict is not taken while a send may still be carried out, but for what it shows.
func TestNoVerdictBeforeTheFence(t *testing.T) {
	t.Parallel()
	for _, ruling := range []string{sale.RuleRefundDue, sale.RuleRefunded, sale.RuleClosed} {
		c := newCore(t).in(sale.Review)
		require.Error(t, c.try(c.decide(ruling)), "%s early", ruling)
		assert.True(t, c.s.HoldsSubscriber())
		c.past().do(c.decide(ruling))
		assert.False(t, c.s.HoldsSubscriber(), ruling)
	}
	c := newCore(t).in(sale.Review)
	c.do(c.decide(sale.RuleRegistered))
	assert.Equal(t, sale.Registered, c.s.State)

	c = newCore(t)
	c.bounded = false // no fence is known: nothing to wait for but the person
	c.in(sale.Review)
	c.do(c.decide(sale.RuleRefundDue))
	assert.Equal(t, sale.RefundDue, c.s.State)
}

// 7001 frees nobody: while the first send is open no other sale of the subscriber begins.
func TestAWrongOTPKeepsTheSubscriberBusy(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first, second := s.toOTP("DH-1", "477"), s.paid("DH-2", "477")
		_, err := s.Register(t.Context(), first, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		require.Equal(t, sale.OTPSent, s.state(first))
		_, err = s.Open(t.Context(), order("DH-3", "477"), teller)
		busy, ok := errors.AsType[*sale.BusyError](err)
		require.True(t, ok, "%v", err)
		assert.True(t, busy.Until.After(time.Now()), "and says until when")
		v, err := s.RequestOTP(t.Context(), second, teller)
		require.Error(t, err)
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		assert.True(t, v.WaitUntil.After(time.Now()), "a wait has a time")
		pass(time.Until(v.WaitUntil))
		s.settle(time.Second)
		_, err = s.RequestOTP(t.Context(), second, teller)
		require.NoError(t, err, "and the time is true")
	})
}

// A MobiFone that answers 8002 to the same partnerTransId for ever: the attempt rises,
// deduping or not.
func TestADuplicateIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	for _, code := range []telco.Code{telco.DuplicateTransaction, telco.Code("TRANSACTION_CONFLICT")} {
		c := newCore(t)
		c.rules.Dedupes = true
		c.sending()
		c.do(c.told(telco.Rejected, code)).past().do(c.looked())
		assert.Equal(t, sale.Paid, c.s.State)
		assert.Equal(t, 2, c.s.Attempt, code)
	}
	c := newCore(t)
	c.rules.Dedupes = true
	c.resolving().past().do(c.looked())
	assert.Equal(t, 1, c.s.Attempt, "absent: asked again with the same id it registers once")
}

// A no that turns yes: while the cash is here the sale is registered, and alarms.
func TestANoThatTurnsYes(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.RefundDue)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	assert.True(t, c.alarmed)
	c = newCore(t).in(sale.Refunded)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.True(t, c.alarmed)
}

// A cache answers: what it shows was there, what it lacks settles nothing, at no fence.
func TestACachedAbsenceSettlesNothing(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	cached := c.looked()
	cached.Lookup.Cached = true
	c.do(cached)
	assert.Equal(t, sale.Resolving, c.s.State)
	assert.Empty(t, c.s.Intents[0].Settled)
	found := c.looked(c.row(1, telco.StateSuccess))
	found.Lookup.Cached = true
	c.do(found)
	assert.Equal(t, sale.Registered, c.s.State)

	c = newCore(t).in(sale.OTPSent)
	cached = c.looked()
	cached.Lookup.Cached = true
	c.do(cached)
	require.Error(t, c.try(c.plan()), "nor is it the look before the first send")
	c = newCore(t).in(sale.RefundDue)
	c.s.LookedRefund = time.Time{}
	cached = c.looked()
	cached.Lookup.Cached = true
	c.do(cached)
	require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken, By: teller}), "nor the last look before cash leaves")
}

// The same over a wire with a cache on it, which answers the old "not found" with a Date
// of its own.
func TestACacheOnTheWay(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("50s"), Status: 504}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.tap.next = ageing{s.tap.next}
		s.settle(5 * time.Minute)
		assert.NotEqual(t, sale.Paid, s.state(id), "no cached absence settles")
		assert.Equal(t, sale.Registered, s.state(id), "and a cached row is a row")
	})
}

// ageing says of each reply that it has been in a cache.
type ageing struct{ http.RoundTripper }

func (a ageing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(req)
	if resp != nil {
		resp.Header.Set("Age", "40")
	}
	return resp, err
}

// Without a lookup a shop has a working till where refusals are final, and no screen that
// says what will be refused where they are not.
func TestATillWithoutALookup(t *testing.T) {
	t.Parallel()
	allow := func(cfg *sale.Config) { cfg.AllowNoLookup = true }
	final := sandbox.Config{Contract: without(t, promising(t, true))}
	inShop(t, final, func(t *testing.T, s *shop) { // an OTP that has expired: another one
		id := s.toOTP("DH-1", "407")
		v, err := s.Register(t.Context(), id, s.otp("407"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, sale.Paid, v.Sale.State)
		assert.Equal(t, telco.NewOTP, v.Action.Step)
		s.sb.SetSubscriber(number("407"), sandbox.Subscriber{})
		pass(time.Until(v.Sale.ResendAt))
		s.ask(id)
		_, err = s.Register(t.Context(), id, s.otp("407"), teller)
		require.NoError(t, err)
	}, allow)
	inShop(t, final, func(t *testing.T, s *shop) { // refused: the refund is paid out
		id := s.toOTP("DH-1", "403")
		v, err := s.Register(t.Context(), id, s.otp("403"), teller)
		require.Error(t, err)
		assert.Equal(t, sale.RefundDue, v.Sale.State)
		assert.Equal(t, telco.ReturnCash, v.Action.Step)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		_, err = s.ConfirmRefund(t.Context(), id, teller)
		require.NoError(t, err)
		s.replays(id)
	}, allow)
	inShop(t, sandbox.Config{Contract: without(t, contract.Default())}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "407")
		v, err := s.Register(t.Context(), id, s.otp("407"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, sale.Review, v.Sale.State, "a person's, and no OTP that could never be used")
		assert.Equal(t, telco.Hold, v.Action.Step)
	}, allow)
	inShop(t, sandbox.Config{Contract: without(t, contract.Default())}, func(t *testing.T, s *shop) { // a wrong OTP, and then nothing
		id := s.toOTP("DH-1", "477")
		v, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		assert.Equal(t, telco.ReenterOTP, v.Action.Step)
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.Error(t, err)
		s.settle(4 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id), "once the OTP has run out")
	}, allow)
}

// An OTP without an expiry, and 7002 after an earlier 7001: the screen names a time, and
// at it the next step is taken.
func TestTheCountdownAfterAnExpiredOTPIsHonest(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: 20 * time.Second}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(21 * time.Second)
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		s.script(onRegister(sandbox.Fault{Kind: "code", When: "before", Code: telco.OTPExpired}))
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, sale.Resolving, v.Sale.State)
		require.True(t, v.WaitUntil.After(time.Now()))
		assert.LessOrEqual(t, time.Until(v.WaitUntil), 4*time.Minute)
		stop := s.run(t.Context())
		pass(time.Until(v.WaitUntil))
		stop()
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.NoError(t, err)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		s.replays(id)
	})
}

// One partnerTransId covers two OTPs, and an honest MobiFone lists both rows under it: that
// is a complete lookup, not an unreadable one.
func TestTwoRowsOfOnePartnerTransID(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.RefusalIsFinal = true
	c.sending().do(c.told(telco.Rejected, telco.OTPExpired))
	c.ticket().sent().overdue()
	require.Equal(t, []telco.IDs{{TransID: "T-1", PartnerTransID: "P-1"}, {TransID: "T-2", PartnerTransID: "P-1"}}, c.s.Pairs())
	c.do(c.looked(c.row(1, telco.StateFailed), c.row(2, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	assert.Equal(t, telco.TransID("T-2"), c.s.Receipt.TransID)
}

// Order ids that look alike on the screen and are other bytes: one order would be sold
// twice. The id is refused, with what to do, and nothing is stored.
func TestOrdersThatLookAlike(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		plain := order("ĐƠN-1", "477")
		_, err := s.Open(t.Context(), plain, teller)
		require.NoError(t, err)
		for name, id := range map[string]string{
			"decomposed": "ĐO\u031bN-1", "zero width": "ĐƠN\u200b-1", "BOM": "\ufeffĐƠN-1", "direction": "ĐƠN-1\u200e",
			"soft hyphen": "ĐƠN\u00ad-1", "no-break hyphen": "ĐƠN\u20111", "no-break space": "ĐƠN\u00a0-1",
		} {
			_, err := s.Open(t.Context(), order(id, "478"), teller)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok, "%s: %v", name, err)
			assert.Equal(t, telco.NotSent, e.Outcome)
			require.NotEmpty(t, e.Fields, name)
			assert.Equal(t, "ID", e.Fields[0].Field)
		}
	})
}

// MobiFone registered the first OTP after all, later than it promised, and the second
// send is still open: the sale is registered, and the open intent is settled at its fence
// although every lookup shows the registration.
func TestAnOpenIntentBesideARegistration(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.Dedupes = true
	c.resolving().past().do(c.looked())
	c.ticket().sent()
	c.do(c.told(telco.Rejected, telco.DuplicateTransaction))
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	require.Equal(t, sale.Registered, c.s.State)
	assert.True(t, c.s.HoldsSubscriber(), "the second may still be carried out")
	assert.False(t, c.s.WakeAt.IsZero())
	c.past().do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	assert.False(t, c.s.HoldsSubscriber())
	assert.True(t, c.s.WakeAt.IsZero(), "at rest")
}

// Something of ours in work stops the refund at the last look before cash leaves.
func TestAPendingRowStopsTheRefund(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.RefundDue)
	c.do(c.looked(c.row(1, telco.StatePending)))
	assert.Equal(t, sale.Review, c.s.State)
	require.Error(t, c.try(sale.Event{Kind: sale.RefundTaken, By: teller}))
}

// An answer that calls itself final settles nothing for a desk whose rules do not promise it.
func TestFinalIsThePromiseOfTheRules(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	e := c.told(telco.Rejected, telco.NotEligible)
	e.Final = true
	c.do(e)
	assert.Equal(t, sale.Resolving, c.s.State)
	assert.Empty(t, c.s.Intents[0].Settled)
}

// After a wrong OTP a FAILED row of a copy changes nothing before the fence: the right code
// is still taken, as the screen says.
func TestAFailedRowLeavesTheSameIDsFree(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	c.do(c.told(telco.Rejected, telco.OTPInvalid))
	row := c.row(1, telco.StateFailed)
	row.Refusal, row.Then = telco.NotEligible, telco.ThenRefund
	c.do(c.looked(row))
	assert.Equal(t, sale.OTPSent, c.s.State)
	assert.Equal(t, telco.OTPInvalid, c.s.Intents[0].Code)
	require.NoError(t, c.try(c.plan()))
}

// A person rules that the sale is registered while a send of other ids may still be carried
// out: that one stays open, and a second registration is seen.
func TestAVerdictOfRegisteredLeavesOthersOpen(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.rules.Dedupes = true
	c.resolving().past().do(c.looked())
	c.ticket().sent()
	c.do(c.told(telco.Rejected, telco.DuplicateTransaction))
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	c.do(c.observe(c.row(1, telco.StateReversed)))
	require.Equal(t, sale.Review, c.s.State)
	c.do(c.decide(sale.RuleRegistered))
	assert.Equal(t, sale.SettledYes, c.s.Intents[0].Settled)
	assert.Empty(t, c.s.Intents[1].Settled, "not before its fence")
	assert.True(t, c.s.HoldsSubscriber())
	twin := newCoreAt(c)
	twin.do(twin.looked(c.row(2, telco.StateSuccess)))
	assert.Equal(t, sale.Review, twin.s.State, "registered twice")
	c.past().do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	assert.False(t, c.s.HoldsSubscriber())
}

// A person rules that nothing is registered, and the last look shows a registration: that
// is a no that turns yes.
func TestAVerdictOfRefundThatTurnsYes(t *testing.T) {
	t.Parallel()
	c := newCore(t).in(sale.Registered)
	c.do(c.observe(c.row(1, telco.StateReversed))).past().do(c.decide(sale.RuleRefundDue))
	require.Equal(t, sale.SettledNo, c.s.Intents[0].Settled)
	c.do(c.looked(c.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, c.s.State)
	assert.True(t, c.alarmed)
}

// The countdown goes by the till's clock. Where MobiFone's says that the OTP has run out,
// the screen asks for another one, and not for the code that is refused here.
func TestTheScreenFollowsMobiFonesClock(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		pass(4 * time.Minute)
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "the first is not settled")
		assert.Equal(t, telco.NewOTP, v.Action.Step)
		assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
	}, func(cfg *sale.Config) { // the till's clock is an hour behind that of the client
		cfg.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	})
}

// What a lookup showed is a fact: it is written down although somebody else changed the
// sale meanwhile, and although a later question of the same lookup failed. The next lookup
// may show less.
func TestWhatALookupShowsIsNotLost(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "drop"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if c.Events[0].Kind == sale.LookedUp && !after && c.Events[0].Lookup.Rows != nil && !c.Events[0].Lookup.Cached {
				_, err := s.open().Abandon(t.Context(), id, teller) // somebody is faster
				require.NoError(t, err)
			}
			return nil
		}
		pass(time.Minute)
		_, err = s.Resolve(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.True(t, s.sale(id).Abandoned, "and the other's change stands")
		s.replays(id)
	})
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "drop"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if !after && s.operation(req) == telco.OpGet && req.URL.Query().Get("partnerTransId") != "" {
				return errDial
			}
			return nil
		}
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		intent := s.sale(id).Intents[0]
		order := s.sale(id).Order
		receipt, err := s.client.Registration.Resolve(t.Context(), telco.Handle{
			SendWindow: intent.SendWindow, MSISDN: order.MSISDN, Package: order.Package, Amount: order.Price,
		})
		require.NoError(t, err, "the plain client says the same")
		assert.Equal(t, intent.TransID, receipt.TransID)
	})
}

// A FAILED row of a refused copy in the statement, beside the success of the same ids,
// changes nothing; alone, or beside anything else, it contradicts the success.
func TestAStatementWithARefusedCopy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		beside func(*telco.Transaction)
		want   sale.State
	}{
		"the success":     {func(*telco.Transaction) {}, sale.Registered},
		"another failure": {func(tx *telco.Transaction) { tx.State = telco.StateFailed }, sale.Review},
		"another transId": {func(tx *telco.Transaction) { tx.TransID = "T-OTHER" }, sale.Review},
		"another sale's":  {func(tx *telco.Transaction) { tx.PartnerTransID = "P-OTHER" }, sale.Review},
	} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			id := s.toOTP("DH-1", "477")
			_, err := s.Register(t.Context(), id, s.otp("477"), teller)
			require.NoError(t, err)
			found, err := s.client.Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: s.sale(id).Pairs()})
			require.NoError(t, err)
			copied, beside := found.Rows[0], found.Rows[0]
			copied.State, copied.ResultCode = telco.StateFailed, telco.NotEligible
			tc.beside(&beside)
			_, err = s.Observe(t.Context(), copied, beside)
			require.NoError(t, err)
			assert.Equal(t, tc.want, s.state(id), name)
		})
	}
}

// Two tills open one order, and one is through to the registration before the other asks
// who holds the subscriber: it is their own sale, not another one in the way.
func TestTheSameOrderIsNotInItsOwnWay(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		slow := s.open(func(cfg *sale.Config) {
			cfg.Store = &overtaken{Store: cfg.Store, meanwhile: func() {
				id := s.toOTP("DH-1", "477")
				s.script(onRegister(sandbox.Fault{Kind: "drop"}))
				_, err := s.Register(t.Context(), id, s.otp("477"), teller)
				require.Error(t, err)
			}}
		})
		v, err := slow.Open(t.Context(), order("DH-1", "477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Resolving, v.Sale.State)
		_, err = slow.Open(t.Context(), order("DH-2", "477"), teller)
		require.Error(t, err, "another order is")
	})
}

// overtaken is a store that is asked for claims after something else has happened.
type overtaken struct {
	sale.Store

	meanwhile func()
}

func (o *overtaken) Busy(ctx context.Context, who telco.MSISDN) ([]sale.Claim, error) {
	if do := o.meanwhile; do != nil {
		o.meanwhile = nil
		do()
	}
	return o.Store.Busy(ctx, who)
}

// Without a fence the hold ends by the clock, also while a cache answers every lookup; what
// the cache shows is a fact all the same, and only a sale that is resolved goes to Review.
func TestACacheDoesNotStopTheHold(t *testing.T) {
	t.Parallel()
	cached := func(c *core, rows ...sale.Row) sale.Event {
		e := c.looked(rows...)
		e.Lookup.Cached = true
		return e
	}
	unbounded := func() *core { c := newCore(t); c.bounded = false; return c }
	c := unbounded().resolving()
	c.do(cached(c))
	assert.Equal(t, sale.Resolving, c.s.State, "before its end")
	c.later(fenced.Hold)
	shown := newCoreAt(c)
	c.do(cached(c))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Equal(t, sale.Reason("not decided within the hold"), c.s.Reason)
	shown.do(cached(shown, shown.row(1, telco.StateSuccess)))
	assert.Equal(t, sale.Registered, shown.s.State)
	for _, state := range []sale.State{sale.RefundDue, sale.Registered} {
		c = newCore(t).in(state).later(10 * fenced.Hold)
		c.do(cached(c))
		assert.Equal(t, state, c.s.State)
	}
}

// A pending row at the fence is a person's, and settles nothing.
func TestAPendingRowAtTheFenceSettlesNothing(t *testing.T) {
	t.Parallel()
	c := newCore(t).resolving().past()
	c.do(c.looked(c.row(1, telco.StatePending)))
	assert.Equal(t, sale.Review, c.s.State)
	assert.Empty(t, c.s.Intents[0].Settled)
}

// A supervisor's "beside" counts although the order was opened meanwhile.
func TestBesideCountsForAnOrderOpenedMeanwhile(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first := s.toOTP("DH-1", "477")
		slow := s.open(func(cfg *sale.Config) {
			cfg.Store = &overtaken{Store: cfg.Store, meanwhile: func() {
				_, err := s.Open(t.Context(), order("DH-2", "477"), teller)
				require.NoError(t, err)
				s.script(onRegister(sandbox.Fault{Kind: "drop"}))
				_, err = s.Register(t.Context(), first, s.otp("477"), teller)
				require.Error(t, err)
			}}
		})
		v, err := slow.OpenBeside(t.Context(), order("DH-2", "477"), boss)
		require.NoError(t, err)
		assert.Positive(t, v.Sale.Slot)
	})
}

// The list of what waits is whole, however long it is.
func TestWaitingLeavesNothingOut(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		for i := range 1001 {
			_, err := s.Open(t.Context(), order(fmt.Sprintf("DH-%d", i), "477"), teller)
			require.NoError(t, err)
		}
		list, err := s.Waiting(t.Context(), "")
		require.NoError(t, err)
		assert.Len(t, list, 1001)
	})
}

// A sale that a person has to decide is not said to resolve by itself.
func TestASaleInReviewIsAPersons(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		ids := s.sale(id).Pairs()[0]
		s.counter = s.open(func(cfg *sale.Config) { cfg.Gateway = takenBack{cfg.Gateway, ids} })
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Equal(t, sale.Review, v.Sale.State)
		require.ErrorContains(t, err, "supervisor")
	})
}

// takenBack is a MobiFone whose ledger says that the ids were registered and taken back.
type takenBack struct {
	sale.Gateway

	ids telco.IDs
}

func (p takenBack) LookUp(context.Context, sale.Sale) (sale.Lookup, error) {
	return sale.Lookup{At: time.Now(), Rows: []sale.Row{{IDs: p.ids, State: telco.StateReversed}}}, nil
}
