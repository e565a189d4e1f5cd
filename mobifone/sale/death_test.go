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

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// point is a place in a sale: before or after its n-th write, or its n-th request.
type point struct {
	n       int
	after   bool
	request bool
}

func (p point) String() string {
	what, when := "write", "before"
	if p.request {
		what = "request"
	}
	if p.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, what, p.n)
}

// points are all places of a sale with a wrong OTP first: every write, every request.
func points() []point {
	var all []point
	for n := 1; n <= 8; n++ {
		for _, after := range []bool{false, true} {
			all = append(all, point{n, after, false}, point{n, after, true})
		}
	}
	return all
}

// at runs f when the process comes to a point.
func (k *tap) at(p point, f func() error) {
	trips := 0
	if p.request {
		k.onTrip = func(_ *http.Request, after bool) error {
			if !after {
				trips++
			}
			if trips == p.n && after == p.after {
				return f()
			}
			return nil
		}
		return
	}
	k.onApply = func(n int, after bool, _ sale.Change) error {
		if n == p.n && after == p.after {
			return f()
		}
		return nil
	}
}

// sell is a teller who sells, and goes on with what the process says until it dies.
func (s *shop) sell(ctx context.Context) error {
	const last3 = "477"
	v, err := s.Open(ctx, order("DH-1", last3), teller)
	if err != nil {
		return err
	}
	id := v.Sale.ID
	if _, err = s.TakeCash(ctx, id, price, teller); err != nil {
		return err
	}
	if _, err = s.RequestOTP(ctx, id, teller); err != nil {
		return err
	}
	_, err = s.Register(ctx, id, s.wrong(), teller)
	if s.state(id) != sale.OTPSent { //nolint:contextcheck // it looks at the memory, whatever became of ctx
		return err
	}
	_, err = s.Register(ctx, id, s.otp(last3), teller)
	return err
}

// finish is a teller of the next process: whatever state the sale is in, he follows it to
// its end.
func (s *shop) finish(t *testing.T, last3 string) sale.Sale {
	t.Helper()
	ctx := t.Context()
	v, err := s.Open(ctx, order("DH-1", last3), teller)
	require.NoError(t, err)
	id := v.Sale.ID
	for range 8 {
		switch state := s.state(id); state {
		case sale.Open:
			_, err = s.TakeCash(ctx, id, price, teller)
			require.NoError(t, err)
		case sale.Paid:
			pass(time.Until(s.sale(id).ResendAt) + time.Minute)
			s.ask(id)
		case sale.OTPSent:
			_, err = s.Register(ctx, id, s.otp(last3), teller)
			switch {
			case errors.Is(err, telco.OTPExpired):
				s.ask(id)
			case err != nil:
				pass(time.Minute)
			}
		case sale.Registering, sale.Resolving:
			t.Fatalf("%s does not come to rest", state)
		default:
			return s.sale(id)
		}
	}
	return s.sale(id)
}

// The process dies at every point of a sale, with the reply to a registration lost or not;
// the next process brings it to rest by itself in time, and it can be sold to its end,
// registered once.
func TestDeathAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, p := range points() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				s.tap.at(p, func() error { s.tap.die(); return errDied })
				_ = s.sell(t.Context())
				s.tap.die()
				s.counter = s.open()
				id, err := s.memory.ByOrder(t.Context(), "HN01", "DH-1")
				if err == nil {
					s.restsInTime(t, id)
				}
				stop := s.run(t.Context())
				kept := s.finish(t, "477")
				stop()
				assert.Equal(t, sale.Registered, kept.State)
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				s.replays(kept.ID)
			})
		})
	}
}

// restsInTime runs the driver until fence + lookup lag + 60 s are over, or until the
// longest a send may take where that is later, and looks whether the machine is done.
func (s *shop) restsInTime(t *testing.T, id string) {
	t.Helper()
	kept := s.sale(id)
	var bound time.Time
	for _, send := range kept.Intents {
		fence := send.LastBy.Add(13 * time.Second) // skew, the read timeout, what the local clock adds; no lag
		for _, at := range []time.Time{fence, send.WakeAt} {
			if at.After(bound) {
				bound = at
			}
		}
	}
	if at := kept.OTPAskedAt; !at.IsZero() && at.Add(time.Minute).After(bound) {
		bound = at.Add(time.Minute)
	}
	s.settle(time.Until(bound.Add(time.Minute)))
	state := s.state(id)
	assert.NotContains(t, []sale.State{sale.Registering, sale.Resolving}, state)
	if at := s.sale(id).WakeAt; !at.IsZero() {
		assert.Greater(t, time.Until(at), time.Hour, "nothing left for the machine in %s but an alarm", state)
	}
}

// The process dies again while it recovers, three deep.
func TestDeathWhileRecovering(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"408", "409"} { // the reply is lost; the request is lost
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after the write: %v", first, after), func(t *testing.T) {
				t.Parallel()
				inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
					id := s.toOTP("DH-1", first)
					s.tap.at(point{s.tap.applies + 2, false, false}, func() error { s.tap.die(); return errDied })
					_, err := s.Register(t.Context(), id, s.otp(first), teller)
					require.Error(t, err)
					require.Equal(t, sale.Registering, s.state(id))
					for range 3 {
						s.counter = s.open()
						s.tap.at(point{1, after, false}, func() error { s.tap.die(); return errDied })
						s.settle(40 * time.Second)
					}
					s.counter = s.open()
					s.settle(3 * time.Minute)
					want := map[string]sale.State{"408": sale.Registered, "409": sale.Paid}[first]
					assert.Equal(t, want, s.state(id))
					assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
					s.replays(id)
				})
			})
		}
	}
}

// The customer gives up at every point; the cash comes back exactly when nothing was
// registered.
func TestAbandonAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, p := range points() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				other := s.open()
				s.tap.at(p, func() error {
					if id, err := s.memory.ByOrder(t.Context(), "HN01", "DH-1"); err == nil {
						_, _ = other.Abandon(t.Context(), id, boss)
						_, _ = other.Cancel(t.Context(), id, boss)
					}
					return nil
				})
				_ = s.sell(t.Context())
				id, err := s.memory.ByOrder(t.Context(), "HN01", "DH-1")
				require.NoError(t, err)
				s.settle(3 * time.Minute)
				kept := s.sale(id)
				registered := s.sb.Executed(number("477"))
				switch kept.State {
				case sale.Registered:
					assert.Equal(t, 1, registered)
				case sale.RefundDue:
					assert.Zero(t, registered)
					_, err := s.ClaimRefund(t.Context(), id, teller)
					require.NoError(t, err)
				case sale.Cancelled:
					assert.Zero(t, kept.CashIn)
				case sale.Paid, sale.Open: // the other desk lost its race, and was told
					assert.Zero(t, registered)
				default:
					t.Errorf("left in %s", kept.State)
				}
				s.replays(id)
			})
		})
	}
}

// The caller goes away at every point.
func TestCancelledContextAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, p := range points() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s.tap.at(p, func() error { cancel(); return nil })
				_ = s.sell(ctx)
				if id, err := s.memory.ByOrder(t.Context(), "HN01", "DH-1"); err == nil {
					kept := s.sale(id)
					for _, send := range kept.Intents {
						assert.True(t, send.Answered, "a durable send runs to its end and is recorded")
					}
					s.restsInTime(t, id)
				}
				stop := s.run(t.Context())
				kept := s.finish(t, "477")
				stop()
				assert.Equal(t, sale.Registered, kept.State)
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				s.replays(kept.ID)
			})
		})
	}
}
