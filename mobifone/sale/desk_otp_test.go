package sale_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// An order id that belongs to something else is told so, also while the subscriber is busy.
func TestAnOrderOfSomethingElse(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		s.lost("after")
		other := order("DH-1", "477")
		other.Price++
		_, err := s.Open(t.Context(), other, teller)
		differs, ok := errors.AsType[*sale.OrderTakenError](err)
		require.True(t, ok, "%v", err)
		assert.NotEmpty(t, differs.SaleID)
	})
}

// Only a supervisor lets a sale go beside another, and only if another is in its way; each
// gets a slot above those that are taken.
func TestSlots(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		second := s.paid("DH-2", "477")
		s.paid("DH-3", "477")
		slot := func(open func(context.Context, sale.Order, string) (sale.View, error), id, by string) int {
			v, err := open(t.Context(), order(id, "477"), by)
			require.NoError(t, err)
			return v.Sale.Slot
		}
		assert.Zero(t, slot(s.OpenBeside, "DH-2", boss), "nobody is in its way")
		s.lost("after")
		assert.Zero(t, slot(s.Open, "DH-2", teller), "nobody allowed it")
		assert.Equal(t, 1, slot(s.OpenBeside, "DH-2", boss))
		pass(time.Minute)
		s.ask(second)
		s.script(onRegister(sandbox.Fault{Kind: "drop", When: "before"}))
		_, err := s.Register(t.Context(), second, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(second))
		assert.Equal(t, 2, slot(s.OpenBeside, "DH-3", boss))
	})
}

// Another click opened the sale first: this one gets it. Any other failure is told.
func TestTwoClicksOpenOneSale(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if !after {
				return s.memory.Apply(t.Context(), c) // the other click; then this one's write is refused
			}
			return nil
		}
		v, err := s.Open(t.Context(), order("DH-1", "477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Open, v.Sale.State)
		s.tap.onApply = func(int, bool, sale.Change) error { return errFull }
		_, err = s.Open(t.Context(), order("DH-2", "477"), teller)
		require.ErrorIs(t, err, errFull)
	})
	// The other click made other ids of the order, by another key.
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if after {
				return nil
			}
			c.State.PartnerTransID = transid.Random()
			c.SaleID, c.State.ID = string(c.State.PartnerTransID), string(c.State.PartnerTransID)
			return s.memory.Apply(t.Context(), c)
		}
		v, err := s.Open(t.Context(), order("DH-1", "477"), teller)
		require.NoError(t, err)
		id, err := s.memory.ByOrder(t.Context(), "HN01", "DH-1")
		require.NoError(t, err)
		assert.Equal(t, id, v.Sale.ID)
	})
}

func TestOpenNamesAPackageThatIsNone(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		for _, code := range []telco.PackageCode{"", "c120 "} {
			o := order("DH-1", "477")
			o.Package = code
			_, err := s.Open(t.Context(), o, teller)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			require.Len(t, e.Fields, 1)
			assert.Equal(t, "Package", e.Fields[0].Field)
		}
	})
}

// What MobiFone answered to an OTP request stands in its event: the code, and how long
// to wait.
func TestWhatARefusedOTPLeaves(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.paid("DH-1", "477")
		s.script(sandbox.Fault{Operation: telco.OpOTP, Kind: "status", When: "before", Status: 429, RetryAfter: "77"})
		_, err := s.RequestOTP(t.Context(), id, teller)
		require.Error(t, err)
		events, err := s.memory.Events(t.Context(), id)
		require.NoError(t, err)
		refused := events[len(events)-1]
		assert.Equal(t, sale.OTPRefused, refused.Kind)
		assert.Equal(t, telco.RateLimited, refused.Code)
		assert.Equal(t, 77*time.Second, refused.Wait)
		assert.Equal(t, refused.At.Add(77*time.Second), s.sale(id).ResendAt)
	})
}

// A browser that closes while the OTP is requested leaves no request under way.
func TestAClosedBrowserLeavesNoOTPRequest(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.paid("DH-1", "477")
		ctx, closed := context.WithCancel(t.Context())
		s.tap.onTrip = func(_ *http.Request, after bool) error {
			if after {
				closed()
			}
			return nil
		}
		_, _ = s.RequestOTP(ctx, id, teller)
		assert.True(t, s.sale(id).OTPAskedAt.IsZero())
	})
}

// Before another OTP the open send is looked up: what that shows is stored, nothing else
// is, and while it cannot be stored nothing is asked for.
func TestLookingBeforeAnotherOTP(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{MaxDelay: time.Minute}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.Error(t, err)
		version := s.sale(id).Version
		_, err = s.RequestOTP(t.Context(), id, teller)
		wait, ok := errors.AsType[*sale.NotSettledError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, version, s.sale(id).Version, "nothing was learned")
		pass(time.Until(wait.Until) + time.Second)
		asked := s.sb.Requests(telco.OpOTP)
		s.tap.onApply = func(_ int, _ bool, c sale.Change) error {
			if c.Events[0].Kind == sale.LookedUp {
				return errFull
			}
			return nil
		}
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.ErrorIs(t, err, errFull)
		assert.Equal(t, asked, s.sb.Requests(telco.OpOTP))
		s.tap.onApply = nil
		s.ask(id)
		assert.Equal(t, sale.SettledNo, s.sale(id).Intents[0].Settled)
	})
}

// Two tills hold an OTP of one subscriber each, and one send is lost: the other till is
// told how long that keeps it waiting.
func TestABusySubscriberAtTheSend(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{MaxDelay: time.Minute}, func(t *testing.T, s *shop) {
		second := s.toOTP("DH-2", "477")
		pass(time.Minute)
		s.lost("before")
		_, err := s.Register(t.Context(), second, s.otp("477"), teller)
		busy, ok := errors.AsType[*sale.BusyError](err)
		require.True(t, ok, "%v", err)
		assert.True(t, busy.Until.After(time.Now()), "%s", busy.Until)
	})
}

// An OTP request that never left may be made again in a moment.
func TestAnOTPRequestThatNeverLeft(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.paid("DH-1", "477")
		s.tap.onTrip = func(*http.Request, bool) error { return errDial }
		v, err := s.RequestOTP(t.Context(), id, teller)
		require.Error(t, err)
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		assert.Equal(t, time.Now().Add(5*time.Second).UTC(), v.WaitUntil)
	})
}

func TestTheIDsOfASale(t *testing.T) {
	t.Parallel()
	sent := func(id telco.PartnerTransID) sale.Intent {
		return sale.Intent{SendWindow: telco.SendWindow{IDs: telco.IDs{PartnerTransID: id}}}
	}
	s := sale.Sale{PartnerTransID: "P-2", Intents: []sale.Intent{sent("P-1"), sent("P-1"), sent(""), sent("P-2")}}
	assert.Equal(t, []telco.PartnerTransID{"P-2", "P-1"}, s.PartnerTransIDs())
}

// The answer "wrong OTP" that comes once the OTP has run out asks for no further try.
func TestAWrongOTPThatHasRunOutMeanwhile(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(time.Until(s.sale(id).Ticket.ExpiresAt) - 5*time.Second)
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == telco.OpRegister {
				<-time.After(10 * time.Second)
			}
			return nil
		}
		v, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		assert.Equal(t, sale.OTPSent, v.Sale.State)
		assert.Equal(t, telco.NewOTP, v.Action.Step)
	})
}
