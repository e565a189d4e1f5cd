package sale_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestNewDeskNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := sale.NewDesk(sale.Config{Rules: sale.Rules{NoLookup: true}})
	require.ErrorIs(t, err, sale.ErrNoLookup)
	assert.ErrorContains(t, err, "Config.Store")
	assert.ErrorContains(t, err, "Config.Client")
	assert.ErrorContains(t, err, "Config.Rules")
}

// A client and a store are all a shop gives. The desk sells, and takes up a sale whose
// answer was lost: the lookups of the driver go in the resolver's lane.
func TestADeskFromAClientAlone(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var lanes lanes
		desk, err := sale.NewDesk(sale.Config{Client: newClient(t, s.sb, s.sb.RoundTripper(), mobifone.WithLimiter(&lanes)), Store: s.memory})
		require.NoError(t, err)
		s.counter = &counter{Desk: desk}

		sold := s.toOTP("DH-1", "477")
		v, err := s.Register(t.Context(), sold, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		ids := s.sale(sold).PartnerTransID

		id := s.toOTP("DH-2", "478")
		s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123478", Kind: "drop", When: "after"})
		_, err = s.Register(t.Context(), id, s.otp("478"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id))
		assert.Zero(t, lanes.behind(), "a teller never waits in the resolver's lane")
		s.settle(time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Executed(number("478")))
		assert.NotZero(t, lanes.behind(), "the driver looks up behind the tellers")

		again, err := newClient(t, s.sb, s.sb.RoundTripper()).NewPartnerTransID("HN01", "DH-1", 1)
		require.NoError(t, err)
		assert.Equal(t, again, ids, "the ids are the client's, the same for every process")
	})
}

// What is given beside the client overrides what the client would fill in. A gateway of
// the caller's own answers the driver's lookups too.
func TestWhatIsGivenBesideTheClientCounts(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		client := newClient(t, s.sb, s.sb.RoundTripper())
		rules := sale.RulesOf(client)
		rules.OpenFor = time.Hour
		own := &counted{Gateway: sale.ClientGateway(client)}
		desk, err := sale.NewDesk(sale.Config{
			Client: client, Store: s.memory, Gateway: own, Rules: rules,
			NewID: func(shop, order string, attempt int) (telco.PartnerTransID, error) {
				return client.NewPartnerTransID(shop, order+"-own", attempt)
			},
		})
		require.NoError(t, err)
		s.counter = &counter{Desk: desk}
		v, err := s.Open(t.Context(), order("DH-2", "478"), teller)
		require.NoError(t, err)
		pass(time.Hour)
		s.settle(time.Minute)
		assert.Equal(t, sale.Cancelled, s.state(v.Sale.ID), "the rules given, not the client's day")
		want, err := client.NewPartnerTransID("HN01", "DH-2-own", 1)
		require.NoError(t, err)
		assert.Equal(t, want, v.Sale.PartnerTransID)

		id := s.lost("after")
		before := own.n
		s.settle(time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Greater(t, own.n, before, "the driver asks the gateway given")
	})
}

// One change may hold several events. An alarm of the first is raised although the second
// raises none, and once.
func TestAnAlarmOfAnyEventIsRaised(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		alarms := 0
		desk, err := sale.NewDesk(sale.Config{
			Client: newClient(t, s.sb, s.sb.RoundTripper()), Store: s.memory,
			OnAlarm: func(context.Context, sale.Sale) { alarms++ },
		})
		require.NoError(t, err)
		s.counter = &counter{Desk: desk}
		paid := s.sale(s.paid("DH-1", "477"))
		require.Zero(t, alarms)
		pass(2 * time.Hour)
		_, err = sale.Apply(t.Context(), desk, paid,
			sale.Event{Kind: sale.Overdue, At: time.Now()}, sale.Event{Kind: sale.AbandonAsked, At: time.Now(), By: teller})
		require.NoError(t, err)
		assert.Equal(t, 1, alarms)
	})
}

// The client remembers a send whose intent is open, and refuses the same ids whatever the
// caller's sale says: the core's own rule is not the only one between a lost reply and a
// second request.
func TestTheClientKeepsAnOpenIntent(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		gateway := sale.ClientGateway(newClient(t, s.sb, s.sb.RoundTripper()))
		kept := s.sale(s.toOTP("DH-1", "477"))
		s.script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop", When: "before"})
		first, err := gateway.Prepare(t.Context(), kept, s.otp("477"))
		require.NoError(t, err)
		require.Equal(t, telco.Unknown, first.Send(t.Context()).Outcome)

		kept.Intents = append(kept.Intents, first.Plan()) // open: nothing has settled it
		second, err := gateway.Prepare(t.Context(), kept, s.otp("477"))
		require.NoError(t, err)
		result := second.Send(t.Context())
		require.ErrorIs(t, result.Err, telco.AlreadySent)
		assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))

		kept.Intents[0].Settled = sale.SettledNo // proven: the ids may go again
		third, err := gateway.Prepare(t.Context(), kept, s.otp("477"))
		require.NoError(t, err)
		assert.Equal(t, telco.Succeeded, third.Send(t.Context()).Outcome)
	})
}

// lanes counts the calls that come in the resolver's lane.
type lanes struct{ n atomic.Int64 }

func (l *lanes) Wait(_ context.Context, info telco.Call) error {
	if info.Lane == telco.Resolving {
		l.n.Add(1)
	}
	return nil
}

func (l *lanes) behind() int64 { return l.n.Load() }

// The rules are the contract's promises and the client's timeouts: the settle margin is at
// least the time a lookup's reply may take.
func TestRulesAreTheContracts(t *testing.T) {
	t.Parallel()
	sb, err := sandbox.New(sandbox.Config{Kind: "A", LookupLag: 7 * time.Second, Contract: promising(t, true)})
	require.NoError(t, err)
	rules := sale.RulesOf(newClient(t, sb, sb.RoundTripper()))
	assert.True(t, rules.Dedupes)
	assert.True(t, rules.RefusalIsFinal)
	assert.False(t, rules.NoLookup)
	assert.Equal(t, 7*time.Second, rules.LookupLagMax)
	assert.Equal(t, time.Second, rules.ClockSkewMax)
	assert.Equal(t, 10*time.Second, rules.SettleMargin, "the read timeout, above the contract's second")
	assert.Equal(t, 15*time.Minute, rules.Hold)
	assert.Equal(t, time.Minute, rules.ResendAfter)
	assert.Equal(t, 50*time.Second, rules.OTPPatience, "what an OTP request may take, and a margin")
	assert.Equal(t, 2*time.Hour, rules.AlarmAfter)
	assert.Equal(t, 24*time.Hour, rules.OpenFor)
}

// Each stored event is told once, with the sale after it, and nothing that was not stored.
func TestOnEventTellsWhatIsStored(t *testing.T) {
	t.Parallel()
	var told []sale.Event
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.TakeCash(t.Context(), id, price, teller)
		require.Error(t, err)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		stored, err := s.memory.Events(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, stored, roundTripEvents(t, told, number("477")))
	}, func(cfg *sale.Config) {
		cfg.OnEvent = func(_ context.Context, sold sale.Sale, e sale.Event) {
			assert.NotEmpty(t, sold.ID)
			told = append(told, e)
		}
	})
}

// roundTripEvents is what a store makes of events; the number is kept apart.
func roundTripEvents(t *testing.T, events []sale.Event, n telco.MSISDN) []sale.Event {
	t.Helper()
	back := roundTrip(t, events)
	for _, e := range back {
		if e.Order != nil {
			e.Order.MSISDN = n
		}
	}
	return back
}

// MobiFone registered, and the store fails before the outcome is written: the caller is
// told that nothing is known, and the driver finds out.
func TestAnOutcomeThatCannotBeStored(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		full := errors.New("the disk is full")
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if !after && c.Events[0].Kind == sale.SendEnded {
				return full
			}
			return nil
		}
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, full)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		s.tap.onApply = nil
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.Registered, s.state(id))
		assert.Equal(t, 1, s.sb.Requests(telco.OpRegister))
		s.replays(id)
	})
}

// The write happened and its acknowledgement was lost.
func TestAWriteWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []sale.Kind{sale.Opened, sale.CashTaken, sale.OTPAsked, sale.OTPSentEvent, sale.LookedUp, sale.SendEnded} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			lost := errors.New("the answer was lost")
			s.tap.onApply = func(_ int, after bool, c sale.Change) error {
				if after && c.Events[0].Kind == kind {
					return lost
				}
				return nil
			}
			_ = s.sell(t.Context())
			s.tap.onApply = nil
			stop := s.run(t.Context())
			pass(3 * time.Minute)
			kept := s.finish(t, "477")
			stop()
			assert.Equal(t, sale.Registered, kept.State, kind)
			assert.Equal(t, 1, s.sb.Executed(number("477")), kind)
			s.replays(kept.ID)
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		&sale.RefusedError{State: sale.Paid, Kind: sale.SendPlanned, Reason: "request an OTP first"}: "cannot register the package: request an OTP first (the sale is Paid)",
		&sale.NotSettledError{SaleID: "S"}: "sale S: what became of the last registration is not settled yet; wait, then request another OTP",
		&sale.OrderTakenError{SaleID: "S"}: "the order id is taken by sale S of something else; use a new order id",
		&sale.BusyError{SaleID: "S"}:       "the subscriber has another sale that is not settled, S; wait for it, or have a supervisor allow this one",
		&sale.ConflictError{SaleID: "S"}:   "sale S was changed by somebody else meanwhile, and nothing was done; look at it again",
	} {
		assert.EqualError(t, err, want)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "none of them says what became of a registration")
	}
}

// A refusal speaks of what somebody wanted to do, not of the word that is stored for it; a
// word that only a newer program knows is told as it is.
func TestARefusalNamesTheDeed(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, kind := range allKinds[:len(allKinds)-1] {
		text := (&sale.RefusedError{State: sale.Open, Kind: kind, Reason: "R"}).Error()
		assert.NotContains(t, text, "record "+string(kind)+":", kind)
		assert.False(t, said[text], text)
		said[text] = true
	}
	assert.EqualError(t, &sale.RefusedError{State: sale.Open, Kind: "mended", Reason: "R"}, "cannot record mended: R (the sale is Open)")
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	for _, s := range append(sale.States(), sale.None) {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back sale.State
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	var s sale.State
	require.Error(t, s.UnmarshalText([]byte("registered")))
	assert.Equal(t, "State(99)", sale.State(99).String())
}

// A MobiFone that carries one request out twice lists two rows with the same ids.
func TestObserveSeesTwoRowsOfOneID(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{Kind: "D", AcceptReplays: true}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "duplicate"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		rows := s.sb.Ledger()
		require.Len(t, rows, 2)
		v, err := s.Observe(t.Context(), rows[0], rows[1])
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State)
		before := s.sale(id)
		_, err = s.Observe(t.Context(), rows[1], rows[0])
		require.NoError(t, err)
		assert.Equal(t, before, s.sale(id), "the second row says nothing new")
	})
}
