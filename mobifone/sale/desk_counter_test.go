package sale_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestUndisturbedSale(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"A", "B", "C", "D", "E", "F"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				v, err := s.Register(t.Context(), id, s.otp("477"), teller)
				if kind == "E" { // accepted, executed within the hour
					assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
					assert.Equal(t, sale.Resolving, v.Sale.State)
					s.settle(63 * time.Minute)
				} else {
					require.NoError(t, err)
					assert.Equal(t, telco.GiveService, v.Action.Step)
					assert.LessOrEqual(t, s.tap.applies, 6, "commits of an undisturbed sale")
				}
				assert.Equal(t, sale.Registered, s.state(id))
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
				assert.Zero(t, s.alarmed())
				claims, err := s.memory.Busy(t.Context(), number("477"))
				require.NoError(t, err)
				assert.Empty(t, claims)
				s.replays(id)
			})
		})
	}
}

func TestSameOrderSameSale(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		views := make([]sale.View, 6)
		var wg sync.WaitGroup
		for i := range views {
			c := s.open()
			wg.Go(func() {
				v, err := c.Open(t.Context(), order("DH-1", "477"), teller)
				assert.NoError(t, err)
				views[i] = v
			})
		}
		wg.Wait()
		for _, v := range views {
			assert.Equal(t, views[0].Sale.ID, v.Sale.ID)
			assert.Equal(t, views[0].Sale.PartnerTransID, v.Sale.PartnerTransID)
		}
		for name, change := range map[string]func(*sale.Order){
			"subscriber": func(o *sale.Order) { o.MSISDN = number("478") },
			"package":    func(o *sale.Order) { o.Package = "C90" },
			"price":      func(o *sale.Order) { o.Price++ },
		} {
			o := order("DH-1", "477")
			change(&o)
			_, err := s.Open(t.Context(), o, teller)
			differs, ok := errors.AsType[*sale.OrderTakenError](err)
			require.True(t, ok, "%s: %v", name, err)
			assert.Equal(t, views[0].Sale.ID, differs.SaleID)
		}
		assert.Equal(t, int64(1), s.sale(views[0].Sale.ID).Version)
	})
}

func TestBusySubscriber(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		lost := s.toOTP("DH-1", "409") // the request is lost
		code := s.otp("409")
		second := s.paid("DH-2", "409") // opened before the first became unknown
		_, err := s.Register(t.Context(), lost, code, teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		require.Equal(t, sale.Resolving, s.state(lost))

		busy := func(err error) {
			t.Helper()
			e, ok := errors.AsType[*sale.BusyError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, lost, e.SaleID)
		}
		other := s.open()
		_, err = other.Open(t.Context(), order("DH-3", "409"), teller)
		busy(err)
		before := s.sale(second)
		_, err = other.RequestOTP(t.Context(), second, teller)
		busy(err)
		_, err = other.RequestOTP(t.Context(), lost, teller)
		assert.Equal(t, sale.Resolving, refused(t, err).State, "no OTP while Resolving")
		assert.Equal(t, before, s.sale(second))

		_, err = other.OpenBeside(t.Context(), order("DH-2", "409"), "")
		require.ErrorIs(t, err, telco.InvalidInput)
		v, err := other.OpenBeside(t.Context(), order("DH-2", "409"), boss)
		require.NoError(t, err)
		assert.Equal(t, second, v.Sale.ID)
		assert.Equal(t, 1, v.Sale.Slot)
		events, err := s.memory.Events(t.Context(), second)
		require.NoError(t, err)
		assert.Equal(t, sale.Overridden, events[len(events)-1].Kind)
		assert.Equal(t, boss, events[len(events)-1].By)

		v, err = other.OpenBeside(t.Context(), order("DH-4", "409"), boss)
		require.NoError(t, err)
		assert.Equal(t, 1, v.Sale.Slot, "a new order beside is recorded as well")
	})
}

func TestRegisterOfABusySubscriberIsRefused(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first, second := s.toOTP("DH-1", "409"), s.paid("DH-2", "409")
		code := s.otp("409")
		pass(61e9) // MobiFone's resend wait
		s.ask(second)
		_, err := s.Register(t.Context(), first, code, teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(first))
		sent := s.sb.Requests(telco.OpRegister)
		before := s.sale(second)
		_, err = s.Register(t.Context(), second, s.otp("409"), teller)
		busy, ok := errors.AsType[*sale.BusyError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, first, busy.SaleID)
		assert.Equal(t, sent, s.sb.Requests(telco.OpRegister))
		assert.Equal(t, before, s.sale(second))

		// The claim is kept through Review, and gone when the first is settled.
		s.sb.SetSubscriber(number("409"), sandbox.Subscriber{})
		s.settle(120e9)
		require.Equal(t, sale.Paid, s.state(first), "proven not registered")
		_, err = s.Open(t.Context(), order("DH-5", "409"), teller)
		require.NoError(t, err)
	})
}

// unchanged runs f, which must refuse with a *RefusedError and leave the sale as it is.
func (s *shop) unchanged(t *testing.T, id, what string, f func() error) {
	t.Helper()
	before, sent := s.sale(id), s.sb.Requests(telco.OpRegister)
	err := f()
	e := refused(t, err)
	assert.Equal(t, before.State, e.State, what)
	assert.NotEmpty(t, e.Reason, what)
	assert.NotEqual(t, telco.Rejected, telco.OutcomeOf(err), "nobody may take it for MobiFone's refusal")
	assert.Equal(t, before, s.sale(id), what)
	assert.Equal(t, sent, s.sb.Requests(telco.OpRegister), what)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		code, err := telco.ParseOTP("123456")
		require.NoError(t, err)
		v, err := s.Open(ctx, order("DH-1", "477"), teller)
		require.NoError(t, err)
		id := v.Sale.ID
		register := func() error { _, err := s.Register(ctx, id, code, teller); return err }
		cash := func(n telco.VND) func() error {
			return func() error { _, err := s.TakeCash(ctx, id, n, teller); return err }
		}
		cancel := func() error { _, err := s.Cancel(ctx, id, teller); return err }
		abandon := func() error { _, err := s.Abandon(ctx, id, teller); return err }
		claim := func() error { _, err := s.ClaimRefund(ctx, id, teller); return err }
		confirm := func() error { _, err := s.ConfirmRefund(ctx, id, teller); return err }
		ask := func() error { _, err := s.RequestOTP(ctx, id, teller); return err }
		decide := func() error {
			_, err := s.Decide(ctx, id, sale.Decision{Ruling: sale.RuleRefundDue, Evidence: "x"}, boss)
			return err
		}

		s.unchanged(t, id, "registering before cash", register)
		s.unchanged(t, id, "an OTP before cash", ask)
		for _, n := range []telco.VND{price - 1, price + 1, 0, -price} {
			s.unchanged(t, id, "an amount that differs from the price", cash(n))
		}
		s.unchanged(t, id, "giving up before cash", abandon)
		s.unchanged(t, id, "a refund before cash", claim)
		require.NoError(t, cash(price)())
		s.unchanged(t, id, "cash twice", cash(price))
		s.unchanged(t, id, "cancelling after cash", cancel)
		s.unchanged(t, id, "registering before an OTP", register)
		s.unchanged(t, id, "confirming what nobody claimed", confirm)
		s.unchanged(t, id, "deciding what is not in review", decide)
		s.ask(id)
		s.unchanged(t, id, "an OTP too soon", ask)

		// A second register while one is open.
		s.script(onRegister(sandbox.Fault{Kind: "latency", Delay: durationOf("5s")}))
		right := s.otp("477")
		done := make(chan error, 1)
		go func() { _, err := s.Register(ctx, id, right, teller); done <- err }()
		pass(time.Second)
		s.unchanged(t, id, "a second register while one is open", register)
		s.unchanged(t, id, "an OTP while registering", ask)
		require.NoError(t, <-done)
		for what, f := range map[string]func() error{
			"a refund of a registered sale": claim, "giving it up": abandon, "cancelling it": cancel,
			"paying it again": cash(price), "registering it again": register, "another OTP": ask, "a decision": decide,
		} {
			s.unchanged(t, id, what, f)
		}
		assert.Equal(t, 1, s.sb.Executed(number("477")))

		_, err = s.Look(ctx, "no such sale")
		_, notFound := errors.AsType[*sale.NotFoundError](err)
		assert.True(t, notFound)
	})
}

func TestBadOrders(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		for field, spoil := range map[string]func(*sale.Order){
			"MSISDN":  func(o *sale.Order) { o.MSISDN = telco.MSISDN{} },
			"Package": func(o *sale.Order) { o.Package = "not a code!" },
			"Price":   func(o *sale.Order) { o.Price = 0 },
			"ID":      func(o *sale.Order) { o.ID = "" },
			"Shop":    func(o *sale.Order) { o.Shop = "HN02" },
		} {
			o := order("DH-1", "477")
			spoil(&o)
			_, err := s.Open(t.Context(), o, teller)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok, field)
			assert.Equal(t, telco.NotSent, e.Outcome)
			require.NotEmpty(t, e.Fields)
			assert.Equal(t, field, e.Fields[0].Field)
		}
		found, err := s.memory.Find(t.Context(), sale.Filter{})
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

// The price rose between the offer and the register: MobiFone refuses our amount, and
// the cash is due back.
func TestTheAmountSentIsTheCashTaken(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		o := order("DH-1", "477")
		o.Price = price - 1_000
		v, err := s.Open(t.Context(), o, teller)
		require.NoError(t, err)
		_, err = s.TakeCash(t.Context(), v.Sale.ID, o.Price, teller)
		require.NoError(t, err)
		s.ask(v.Sale.ID)
		v, err = s.Register(t.Context(), v.Sale.ID, s.otp("477"), teller)
		require.ErrorIs(t, err, telco.Code("AMOUNT_MISMATCH"))
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "it may be the answer to a copy")
		assert.Equal(t, sale.Resolving, v.Sale.State)
		assert.Equal(t, telco.Hold, v.Action.Step)
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.RefundDue, s.state(v.Sale.ID))
		assert.Zero(t, s.sb.Executed(number("477")))
	})
}

// An OTP that runs out between the lookup and the registration: MobiFone says so.
func TestAnOTPThatRunsOutOnTheWay(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "407")
		v, err := s.Register(t.Context(), id, s.otp("407"), teller)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, sale.Resolving, v.Sale.State)
		assert.Equal(t, telco.Hold, v.Action.Step)
		pass(time.Until(v.WaitUntil)) // the countdown is honest
		s.settle(time.Second)
		kept := s.sale(id)
		assert.Equal(t, sale.Paid, kept.State)
		assert.Nil(t, kept.Ticket)
		assert.Equal(t, 1, kept.Attempt)
		assert.Equal(t, price, kept.CashIn)
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.NoError(t, err)
	})
}

// The refusal of a later send beside an earlier one that is not cleared is no refusal of
// the sale: nobody who reads the error alone may return the cash.
func TestARefusalBesideAnOpenSendIsUnknown(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: time.Minute}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(61 * time.Second)
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		s.script(onRegister(sandbox.Fault{Kind: "code", When: "before", Code: telco.Code("SUBSCRIBER_INACTIVE")}))
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
		assert.Equal(t, sale.Resolving, v.Sale.State)
		assert.Equal(t, telco.Hold, v.Action.Step)
		s.settle(4 * time.Minute)
		assert.Equal(t, sale.RefundDue, s.state(id))
	})
}

func TestTwoClicksTakeTheCashOnce(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		v, err := s.Open(t.Context(), order("DH-1", "477"), teller)
		require.NoError(t, err)
		var wg sync.WaitGroup
		errs := make([]error, 5)
		for i := range errs {
			c := s.open()
			wg.Go(func() { _, errs[i] = c.TakeCash(t.Context(), v.Sale.ID, price, teller) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			}
		}
		assert.Equal(t, 1, won)
		assert.Equal(t, price, s.sale(v.Sale.ID).CashIn)
	})
}
