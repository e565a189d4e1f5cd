package sale_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Two hundred sales whose lookups hang do not delay one whose lookup works.
func TestSlowLookupsHoldUpNobody(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		hanging := map[string]bool{}
		for i := range 200 {
			last3 := string([]byte{'4' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
			s.sb.SetSubscriber(number(last3), sandbox.Subscriber{})
			id := s.toOTP("DH-"+last3, last3)
			s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123" + last3, Kind: "drop", When: "before"})
			_, err := s.Register(t.Context(), id, s.otp(last3), teller)
			require.Error(t, err)
			hanging[string(s.sale(id).Ticket.TransID)] = true
		}
		one := s.toOTP("DH-1", "808")
		_, err := s.Register(t.Context(), one, s.otp("808"), teller)
		require.Error(t, err)
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if !after && s.operation(req) == telco.OpGet && hanging[req.URL.Query().Get("transId")] {
				<-req.Context().Done()
				return req.Context().Err()
			}
			return nil
		}
		stop := s.run(t.Context())
		pass(time.Minute)
		assert.Equal(t, sale.Registered, s.state(one))
		stop()
	})
}

// A full disk: what cannot be stored is asked for ever more seldom.
func TestAFullDiskBacksOff(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{MaxDelay: time.Hour, OTPTTL: 2 * time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		full := fullDisk{s.memory}
		c := s.open(func(cfg *sale.Config) { cfg.Store = full })
		before := s.sb.Requests(telco.OpGet)
		stop := c.run(t.Context())
		pass(10 * time.Minute)
		stop()
		assert.LessOrEqual(t, s.sb.Requests(telco.OpGet)-before, 2*40)
	})
}

type fullDisk struct{ sale.Store }

var errFull = errors.New("no space left on device")

func (fullDisk) Apply(context.Context, sale.Change) error { return errFull }
func (fullDisk) Postpone(context.Context, string, int64, time.Time) error {
	return errFull
}

// A till's clock was a day ahead and is set right: nothing waits for the day to come.
func TestATillsClockThatWasADayAhead(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ahead := 24 * time.Hour
		s.counter = s.open(func(cfg *sale.Config) { cfg.Now = func() time.Time { return time.Now().Add(ahead) } })
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("30s"), Status: 504}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.settle(5 * time.Second) // lookups are noted by the wrong clock
		s.counter = s.open()
		s.settle(3 * time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		s.replays(id)

		// And while no lookup works a person is told within the hold.
		ahead = 0
		other := s.toOTP("DH-2", "409")
		s.counter = s.open(func(cfg *sale.Config) { cfg.Now = func() time.Time { return time.Now().Add(24 * time.Hour) } })
		_, err = s.Register(t.Context(), other, s.otp("409"), teller)
		require.Error(t, err)
		s.settle(5 * time.Second)
		s.counter = s.open()
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
		s.settle(30 * time.Minute)
		assert.Equal(t, sale.Review, s.state(other))
		assert.Equal(t, 1, s.alarmed())
	})
}

// The store hangs on the outcome: the teller is told in time that nothing is known.
func TestAStoreThatHangs(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		release := make(chan struct{})
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if !after && c.Events[len(c.Events)-1].Kind == sale.SendEnded {
				<-release
			}
			return nil
		}
		began := time.Now()
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.Equal(t, telco.Hold, v.Action.Step)
		assert.LessOrEqual(t, time.Since(began), 2*time.Minute)
		close(release)
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Executed(number("477")))
	})
}

// Every state that waits for a person is listed with its age and alarms, at first after
// AlarmAfter and then more seldom.
func TestWhoWaitsForAPersonAlarms(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		s.paid("DH-1", "477")
		s.toOTP("DH-2", "478")
		due := s.paid("DH-3", "479")
		_, err := s.Abandon(t.Context(), due, teller)
		require.NoError(t, err)
		claimed := s.paid("DH-4", "480")
		_, err = s.Abandon(t.Context(), claimed, teller)
		require.NoError(t, err)
		_, err = s.ClaimRefund(t.Context(), claimed, teller)
		require.NoError(t, err)
		_, err = s.Open(t.Context(), order("DH-5", "481"), teller)
		require.NoError(t, err)
		s.settle(time.Hour)
		assert.Zero(t, s.alarmed())
		waiting, err := s.Waiting(t.Context(), "HN01")
		require.NoError(t, err)
		require.Len(t, waiting, 5)
		assert.GreaterOrEqual(t, time.Since(waiting[0].OpenedAt), time.Hour)
		s.settle(90 * time.Minute)
		assert.Equal(t, 4, s.alarmed(), "cash in hand: each of them")
		s.settle(7 * 24 * time.Hour)
		n := s.alarmed()
		assert.Greater(t, n, 4*3)
		assert.Less(t, n, 4*10, "more and more seldom")
		waiting, err = s.Waiting(t.Context(), "HN01")
		require.NoError(t, err)
		assert.Len(t, waiting, 4, "an order without cash is cancelled after a day")
		for _, w := range waiting {
			assert.GreaterOrEqual(t, time.Since(w.OpenedAt), 7*24*time.Hour, "an alarm makes none of them young")
		}
	})
}

// Hundreds of sales that are due at once, and whose lookups work, are looked up at once,
// not some each second.
func TestManyAreResolvedAtOnce(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var ids []string
		for i := range 320 {
			last3 := string([]byte{'4' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
			s.sb.SetSubscriber(number(last3), sandbox.Subscriber{})
			id := s.toOTP("DH-"+last3, last3)
			s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123" + last3, Kind: "drop"})
			_, err := s.Register(t.Context(), id, s.otp(last3), teller)
			require.Error(t, err)
			ids = append(ids, id)
		}
		pass(10 * time.Second)
		s.settle(time.Second)
		for _, id := range ids {
			assert.Equal(t, sale.Registered, s.state(id))
		}
	})
}

// What the screen says is accepted: a look before a refund that may come from a cache says
// "try again", a subscriber whom another sale holds shows on every look, and the time named
// for the fence is one at which a lookup settles whichever of MobiFone's clocks tells its time.
func TestTheScreenSaysOnlyWhatIsAccepted(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		_, err = s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		s.settle(10 * time.Minute)
		require.Equal(t, sale.RefundDue, s.state(id))
		wire := s.tap.next
		s.tap.next = ageing{wire}
		v, err := s.ClaimRefund(t.Context(), id, teller)
		require.ErrorContains(t, err, "cache")
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		require.True(t, v.WaitUntil.After(time.Now()))
		s.tap.next = wire
		pass(time.Until(v.WaitUntil))
		v, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, telco.ReturnCash, v.Action.Step)
	})
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first, second := s.toOTP("DH-1", "477"), s.paid("DH-2", "477")
		_, err := s.Register(t.Context(), first, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		v, err := s.Look(t.Context(), second)
		require.NoError(t, err)
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		assert.True(t, v.WaitUntil.After(time.Now()))
	})
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		sem := s.sb.Contract().Semantics()
		sem.ClockSkewMax = contract.Duration(30 * time.Second)
		s.promises = &sem
		s.counter = s.open()
		id := s.toOTP("DH-1", "477")
		pass(150 * time.Second)
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		pass(40 * time.Second)
		v, err := s.Look(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, telco.NewOTP, v.Action.Step)
		pass(time.Until(v.WaitUntil))
		s.tap.next = late{s.tap.next, sale.RulesOf(s.client).ClockSkewMax}
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.NoError(t, err)
	})
}

// late is a door of MobiFone's whose clock is behind.
type late struct {
	http.RoundTripper

	by time.Duration
}

func (l late) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(req)
	if resp != nil {
		resp.Header.Set("Date", time.Now().Add(-l.by).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

// At the named time a cache answers the lookup: nothing is settled, and the screen says to
// try again in a moment rather than refuse what it has just said.
func TestACacheAtTheNamedTime(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		pass(4 * time.Minute)
		wire := s.tap.next
		s.tap.next = ageing{wire}
		v, err := s.RequestOTP(t.Context(), id, teller)
		require.ErrorContains(t, err, "cache")
		assert.Equal(t, telco.WaitUntil, v.Action.Step)
		s.tap.next = wire
		pass(time.Until(v.WaitUntil))
		_, err = s.RequestOTP(t.Context(), id, teller)
		require.NoError(t, err)
	})
}
