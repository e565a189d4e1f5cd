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

// Each thing a desk cannot do without is missed by itself.
func TestNewDeskNeedsEachPart(t *testing.T) {
	t.Parallel()
	whole := sale.Config{
		Gateway: struct{ sale.Gateway }{}, Store: sale.NewMemory(), Rules: fenced,
		NewID: func(string, string, int) (telco.PartnerTransID, error) { return "P", nil },
	}
	_, err := sale.NewDesk(whole)
	require.NoError(t, err)
	for name, spoil := range map[string]func(c *sale.Config){
		"partner":  func(c *sale.Config) { c.Gateway = nil },
		"store":    func(c *sale.Config) { c.Store = nil },
		"ids":      func(c *sale.Config) { c.NewID = nil },
		"hold":     func(c *sale.Config) { c.Rules.Hold = 0 },
		"patience": func(c *sale.Config) { c.Rules.OTPPatience = 0 },
		"alarm":    func(c *sale.Config) { c.Rules.AlarmAfter = 0 },
		"open":     func(c *sale.Config) { c.Rules.OpenFor = 0 },
	} {
		cfg := whole
		spoil(&cfg)
		_, err := sale.NewDesk(cfg)
		require.Error(t, err, name)
	}
}

// lost is a sale whose reply was lost, after MobiFone carried it out or before.
func (s *shop) lost(when string) string {
	s.t.Helper()
	saleID := s.toOTP("DH-1", "477")
	s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123477", Kind: "drop", When: when})
	_, err := s.Register(s.t.Context(), saleID, s.otp("477"), teller)
	require.Error(s.t, err)
	require.Equal(s.t, sale.Resolving, s.state(saleID))
	return saleID
}

// counted counts the lookups of an edge.
type counted struct {
	sale.Gateway
	n int
}

func (c *counted) LookUp(ctx context.Context, o sale.Sale) (sale.Lookup, error) {
	c.n++
	return c.Gateway.LookUp(ctx, o)
}

// Resolve looks up by the resolver, or else by MobiFone, and says when it comes again:
// never, once the sale is at rest.
func TestWhoLooksUp(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			var asked, resolver *counted
			id := s.lost("after")
			pass(time.Minute)
			desk := s.open(func(cfg *sale.Config) {
				asked, resolver = &counted{Gateway: cfg.Gateway}, &counted{Gateway: cfg.Resolver}
				cfg.Gateway, cfg.Resolver = asked, nil
				if own {
					cfg.Resolver = resolver
				}
			})
			next, err := desk.Resolve(t.Context(), id)
			require.NoError(t, err)
			assert.True(t, next.IsZero(), "%s", next)
			assert.Equal(t, sale.Registered, s.state(id))
			assert.Equal(t, own, resolver.n == 1 && asked.n == 0)
			assert.Equal(t, !own, resolver.n == 0 && asked.n == 1)
			next, err = desk.Resolve(t.Context(), id)
			require.NoError(t, err)
			assert.True(t, next.IsZero())
			assert.Equal(t, 1, resolver.n+asked.n)
		})
	}
}

// An alarm that nobody is told of is no panic.
func TestADeskWithoutAnAlarm(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.paid("DH-1", "477")
		pass(3 * time.Hour)
		_, err := s.open(func(cfg *sale.Config) { cfg.OnAlarm = nil }).Resolve(t.Context(), id)
		require.NoError(t, err)
	})
}

// What a store refuses, a resolve says, and a lost race is no failure.
func TestResolveSaysWhatTheStoreSaid(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.lost("after")
		pass(time.Minute)
		var refusal error
		s.tap.onApply = func(_ int, after bool, _ sale.Change) error {
			if after {
				return nil
			}
			return refusal
		}
		refusal = errFull
		next, err := s.Resolve(t.Context(), id)
		require.ErrorIs(t, err, errFull)
		assert.Equal(t, time.Now().Add(time.Second).UTC(), next)
		refusal = &sale.ConflictError{SaleID: id}
		next, err = s.Resolve(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC(), next, "somebody was faster; look again")
		s.tap.die()
		_, err = s.Resolve(t.Context(), id)
		require.ErrorIs(t, err, errDied)
	})
}

// An outcome is a fact: it is applied to the newer sale until it is stored, however often somebody
// else is faster.
func TestAnOutcomeThatLosesIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id, lost := s.toOTP("DH-1", "477"), 0
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if !after && c.Events[0].Kind == "send-ended" && lost < 7 {
				lost++
				return &sale.ConflictError{SaleID: id}
			}
			return nil
		}
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, 7, lost)
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Executed(number("477")))
	})
}

// A sale that is due too early, or far too late, is put where it belongs; one that waits as
// it should is left alone. None of it asks MobiFone.
func TestResolvePutsAWakeUpRight(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.paid("DH-1", "477")
		alarm := s.sale(id).AlarmAt
		for name, tc := range map[string]struct{ noted, want time.Time }{
			"as it should": {alarm, alarm},
			"earlier":      {time.Now().Add(time.Minute).UTC(), time.Now().Add(time.Minute).UTC()},
			"now":          {time.Now().UTC(), alarm},
			"past":         {time.Now().Add(-time.Minute).UTC(), alarm},
			"too late":     {alarm.Add(time.Hour), alarm},
		} {
			require.NoError(t, s.memory.Postpone(t.Context(), id, s.sale(id).Version, tc.noted))
			next, err := s.Resolve(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, tc.want, next, name)
			assert.Equal(t, tc.want, s.sale(id).WakeAt, name)
		}
		assert.Zero(t, s.sb.Requests(telco.OpGet))
	})
}

// While a person can go on, an open send is looked up at its fence and not before.
func TestAWrongOTPIsLookedUpAtItsFence(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{MaxDelay: time.Minute}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.Error(t, err)
		require.Equal(t, sale.OTPSent, s.state(id))
		fence := s.sale(id).WakeAt
		asked := s.sb.Requests(telco.OpGet)
		pass(time.Until(fence) - 3*time.Second)
		_, err = s.Resolve(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, asked, s.sb.Requests(telco.OpGet))
		pass(time.Second)
		_, err = s.Resolve(t.Context(), id)
		require.NoError(t, err)
		assert.Greater(t, s.sb.Requests(telco.OpGet), asked, "a Date is cut to the second: from two seconds before")
	})
}

// A contract that lost its lookup, or a lookup that fails, is never read as an absence.
func TestNoLookupIsNoAbsence(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.lost("before")
		pass(time.Minute)
		blind := s.open(func(cfg *sale.Config) { cfg.Rules.NoLookup, cfg.AllowNoLookup = true, true })
		_, err := blind.Resolve(t.Context(), id)
		require.ErrorIs(t, err, sale.ErrNoLookup)
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
		s.settle(time.Hour)
		assert.Equal(t, sale.Review, s.state(id))
		events, err := s.memory.Events(t.Context(), id)
		require.NoError(t, err)
		for i, e := range events {
			assert.True(t, e.Kind != sale.LookedUp || i < 5, "event %d: nobody answered", i)
		}
	})
}

// An intent waits by the desk's clock, for the send window, the client's own wait and a
// margin.
func TestHowLongAnIntentWaits(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ahead := time.Now().Add(30 * time.Minute)
		s.counter = s.open(func(cfg *sale.Config) { cfg.Now = func() time.Time { return ahead } })
		intent := s.sale(s.lost("after")).Intents[0]
		assert.Equal(t, ahead.UTC(), intent.At)
		assert.Equal(t, 20*time.Second+time.Second+30*time.Second+5*time.Second, intent.WakeAt.Sub(intent.At), "MobiFone's second, cut off in its Date, included")
	})
}

// The last look before a refund and the claim after it are one moment, however long the
// look took.
func TestARefundIsClaimedWhenItWasLookedUp(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{Contract: promising(t, true)}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "code", Code: telco.NotEligible, When: "before"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.RefundDue, s.state(id))
		s.tap.onTrip = func(*http.Request, bool) error { pass(time.Second); return nil }
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		events, err := s.memory.Events(t.Context(), id)
		require.NoError(t, err)
		look, claim := events[len(events)-2], events[len(events)-1]
		assert.Equal(t, sale.LookedUp, look.Kind)
		assert.Equal(t, look.At, claim.At)
	})
}

// Observe compares the subscriber as long as it is known, folds again what lost a race,
// and takes only a second success of the same id for a second registration.
func TestWhatObserveCompares(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		row := s.sb.Ledger()[0]
		other, failed := row, row
		other.PartnerTransID, failed.State = transid.Random(), telco.StateFailed
		v, err := s.Observe(t.Context(), row, other, failed)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		theirs := row
		theirs.MSISDN = number("478")
		lost := 1
		s.tap.onApply = func(_ int, after bool, _ sale.Change) error {
			if lost--; !after && lost >= 0 {
				return &sale.ConflictError{SaleID: id}
			}
			return nil
		}
		v, err = s.Observe(t.Context(), theirs)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State)
		assert.Equal(t, sale.Reason("registered, but not as it was sold"), v.Sale.Reason)
	})
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		row := s.sb.Ledger()[0]
		failed := row
		failed.State = telco.StateFailed
		v, err := s.Observe(t.Context(), failed, row)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State, "a refused copy beside it, and no second one")
	})
}

// The sale opened first stands first, whatever was done to it since.
func TestWaitingIsSortedByAge(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		first := s.paid("DH-1", "477")
		pass(time.Minute)
		second := s.paid("DH-2", "478")
		pass(time.Minute)
		s.ask(first)
		waiting, err := s.Waiting(t.Context(), "HN01")
		require.NoError(t, err)
		require.Len(t, waiting, 2)
		assert.Equal(t, []string{first, second}, []string{waiting[0].ID, waiting[1].ID})
	})
}

// What is said of a sale that somebody else has moved on.
func TestRegisterNamesTheState(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == telco.OpRegister {
				s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
				return errors.New("lost")
			}
			return nil
		}
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		assert.ErrorContains(t, err, "sale is Resolving")
	})
}
