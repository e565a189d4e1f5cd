package sale_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// The request is lost, or parked for as long as the partner promises at most: until the
// fence absence says nothing, at it the sale goes on, and the second attempt has new ids.
func TestR10Fence(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.KindA, sandbox.KindB, sandbox.KindC, sandbox.KindD} {
		t.Run(string(kind)+", lost", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind, LookupLag: 5 * time.Second}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "409")
				pass(6 * time.Second)
				_, err := s.Register(t.Context(), id, s.otp("409"), teller)
				require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				send := s.sale(id).Intents[0]
				latest := send.SendBy.Add(time.Minute)
				// B and D check the expiry at execution too; the earlier of the two counts.
				assert.Equal(t, latest, send.LastBy)
				fence := latest.Add(5*time.Second + time.Second + 10*time.Second) // lag, skew, and the read timeout
				s.settle(time.Until(fence) - time.Second)
				require.Equal(t, sale.Resolving, s.state(id), "a second before the fence")
				_, err = s.Open(t.Context(), order("DH-2", "409"), teller)
				require.Error(t, err)
				s.settle(time.Minute)
				kept := s.sale(id)
				require.Equal(t, sale.Paid, kept.State)
				want := 2
				if kind == sandbox.KindA { // dedupes: it may be asked again with the same id
					want = 1
				}
				assert.Equal(t, want, kept.Attempt)

				s.sb.SetSubscriber(number("409"), sandbox.Subscriber{})
				s.ask(id)
				pass(6 * time.Second)
				_, err = s.Register(t.Context(), id, s.otp("409"), teller)
				require.NoError(t, err)
				assert.Equal(t, 1, s.sb.Executed(number("409")))
				s.replays(id)
			})
		})
		t.Run(string(kind)+", late", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				s.script(onRegister(sandbox.Fault{Kind: sandbox.Late, Delay: durationOf("59s"), Status: 504}))
				_, err := s.Register(t.Context(), id, s.otp("477"), teller)
				require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				s.settle(58 * time.Second)
				assert.Equal(t, sale.Resolving, s.state(id))
				s.settle(15 * time.Second)
				assert.Equal(t, sale.Registered, s.state(id))
				assert.Equal(t, 1, s.sb.Executed(number("477")))
				s.replays(id)
			})
		})
	}
}

func TestR10NoFenceIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{Kind: sandbox.KindF}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		assert.True(t, s.sale(id).Intents[0].LastBy.IsZero())
		s.settle(14*time.Minute + 30*time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		assert.Zero(t, s.alarmed())
		s.settle(time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, 1, s.alarmed())
		looks := s.sb.Requests(partner.OpGet)
		s.settle(10 * time.Minute)
		assert.Greater(t, s.sb.Requests(partner.OpGet), looks, "looking up goes on")
		s.replays(id)
	})
}

func TestR10PendingForEverIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{PendingFor: 24 * time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "401")
		_, err := s.Register(t.Context(), id, s.otp("401"), teller)
		require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		s.settle(70 * time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(90 * time.Second)
		assert.Equal(t, sale.Review, s.state(id), "still pending at the fence")
		s.settle(25 * time.Hour)
		kept := s.sale(id)
		assert.Equal(t, sale.Review, kept.State, "a person decides")
		assert.Equal(t, sale.Reason("found registered"), kept.Reason, "and is told what was found")
		assert.GreaterOrEqual(t, s.alarmed(), 2, "and again while nobody comes")
		v, err := s.Decide(t.Context(), id, sale.Verdict{Ruling: sale.RuleRegistered, Evidence: "tra cứu"}, boss)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		s.replays(id)
	})
}

func TestR11RefundIsAnActWithAnIntent(t *testing.T) {
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
		looks := s.sb.Requests(partner.OpGet)
		s.script(sandbox.Fault{Operation: partner.OpGet, Kind: sandbox.Status, When: sandbox.Before, Status: 503, Times: -1})
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
		assert.Greater(t, s.sb.Requests(partner.OpGet), looks)
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

func TestR11TheLastLookFindsARegistration(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Late, Delay: durationOf("10m"), Status: 504}))
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
		assert.Equal(t, partner.GiveService, v.Action.Step)
	})
}

func TestR11TheLastLookIsFresh(t *testing.T) {
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

// without returns the sandbox's contract without its lookups.
func without(t *testing.T, c *contract.Contract) *contract.Contract {
	t.Helper()
	doc := c.Document()
	delete(doc.Operations, partner.OpGet)
	made, err := contract.New(doc)
	require.NoError(t, err)
	return made
}

func TestR12NoLookupOperation(t *testing.T) {
	t.Parallel()
	bare := sandbox.Config{Contract: without(t, contract.Default())}
	allow := func(cfg *sale.Config) { cfg.AllowNoLookup = true }
	inShop(t, bare, func(t *testing.T, s *shop) { // the first send goes without a lookup
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, partner.OTPInvalid)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, s.state(id))
	}, allow)
	inShop(t, bare, func(t *testing.T, s *shop) { // every Unknown goes to Review
		id := s.toOTP("DH-1", "408")
		v, err := s.Register(t.Context(), id, s.otp("408"), teller)
		require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		assert.Equal(t, sale.Review, v.Sale.State)
		assert.Equal(t, 1, s.alarmed())
		s.replays(id)
	}, allow)
	inShop(t, bare, func(t *testing.T, s *shop) { // also that of a process that died
		id := s.toOTP("DH-1", "477")
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if after && c.State.State == sale.Registering {
				s.tap.die()
				return errDied
			}
			return nil
		}
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		s.counter = s.open(allow)
		s.settle(2 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
	}, allow)
	inShop(t, bare, func(t *testing.T, s *shop) { // a refusal that is not promised to be final is a person's
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Override, When: sandbox.Before, Code: partner.SubscriberInactive}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Review, s.state(id))
		pass(3 * time.Minute)
		_, err = s.Decide(t.Context(), id, sale.Verdict{Ruling: sale.RuleRefundDue, Evidence: "BB-1"}, boss)
		require.NoError(t, err)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
		v, err := s.ConfirmRefund(t.Context(), id, teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Refunded, v.Sale.State)
		s.replays(id)
	}, allow)
	inShop(t, bare, func(t *testing.T, s *shop) { // nothing left: no lookup is missed
		id := s.toOTP("DH-1", "477")
		_, err := s.Abandon(t.Context(), id, teller)
		require.NoError(t, err)
		_, err = s.ClaimRefund(t.Context(), id, teller)
		require.NoError(t, err)
	}, allow)
}

// The contract loses its lookup while a sale is unknown: it does not stay so for ever.
func TestR12ALookupThatWasTaken(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id))
		looks := s.sb.Requests(partner.OpGet)
		s.counter = s.open(func(cfg *sale.Config) { cfg.AllowNoLookup, cfg.Rules.NoLookup = true, true })
		s.settle(20 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, looks, s.sb.Requests(partner.OpGet))
		assert.Equal(t, 1, s.alarmed())
	})
	inShop(t, sandbox.Config{Kind: sandbox.KindF}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		s.settle(16 * time.Minute)
		require.Equal(t, sale.Review, s.state(id))
		s.counter = s.open(func(cfg *sale.Config) { cfg.AllowNoLookup, cfg.Rules.NoLookup = true, true })
		pass(2 * time.Hour)
		next, err := s.Resolve(t.Context(), id)
		require.NoError(t, err)
		assert.True(t, next.After(time.Now()), "it does not wake the driver over and over")
		assert.Equal(t, next, s.sale(id).WakeAt)
	})
}

func TestR12RefusesADeskWithoutLookup(t *testing.T) {
	t.Parallel()
	second, err := os.ReadFile(filepath.Join("..", "contract", "testdata", "second.json"))
	require.NoError(t, err)
	c, err := contract.Load(second)
	require.NoError(t, err)
	sb, err := sandbox.New(sandbox.Config{Contract: c})
	require.NoError(t, err)
	rules := sale.RulesOf(newClient(t, sb, sb.RoundTripper()))
	require.True(t, rules.NoLookup)
	cfg := sale.Config{
		Partner: struct{ sale.Partner }{}, Store: sale.NewMemory(), Rules: rules,
		NewID: func(string, string, int) (partner.PartnerTransID, error) { return "P", nil },
	}
	_, err = sale.NewDesk(cfg)
	require.ErrorIs(t, err, sale.ErrNoLookup)
	assert.ErrorContains(t, err, "transactions.get")
	cfg.AllowNoLookup = true
	_, err = sale.NewDesk(cfg)
	require.NoError(t, err)
}

func TestR13FactsFromElsewhere(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(time.Second)
		s.script(onRegister(sandbox.Fault{Kind: sandbox.Drop}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id), "the lookup does not show it for an hour")
		sent := s.sb.Requests(partner.OpRegister)
		row := s.sb.Ledger()[0]
		v, err := s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		before := s.sale(id)
		_, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, before, s.sale(id), "the same row again changes nothing")
		row.State = partner.StateReversed
		v, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State)
		assert.Equal(t, before.Receipt, v.Sale.Receipt, "nothing is overwritten")
		row.PartnerTransID = "unheard-of"
		_, err = s.Observe(t.Context(), row)
		_, notFound := errors.AsType[*sale.NotFoundError](err)
		assert.True(t, notFound)
		assert.Equal(t, sent, s.sb.Requests(partner.OpRegister), "sends nothing")
		s.replays(id)
	})
}

// A row that proves nothing moves no sale, in no state.
func TestR13ARowThatProvesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range sale.States() {
		for _, row := range []partner.State{partner.StateInit, partner.StatePending, partner.StateFailed, partner.StateExpired, partner.StateCancelled} {
			if state == sale.Registered && row != partner.StatePending {
				continue // a success that changed is a conflict
			}
			c := newCore(t).in(state)
			if row == partner.StatePending && len(c.s.Pairs()) == 0 {
				continue // of ids that we never sent it is a conflict
			}
			c.do(c.observe(c.row(1, row)))
			assert.Equal(t, state, c.s.State, row)
		}
	}
}

func TestR13AnErasedSaleIsNoAlarm(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		pass(time.Hour)
		n, err := s.memory.Erase(t.Context(), time.Now(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		v, err := s.Observe(t.Context(), s.sb.Ledger()[0])
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.Zero(t, s.alarmed())
		row := s.sb.Ledger()[0]
		row.Amount++
		v, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State, "a real difference still is one")
		_ = id
	})
}

func TestR14AClosedBrowserAbortsNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"as the send is stored", "as the request leaves", "as the reply comes"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				ctx, cancel := context.WithCancel(t.Context())
				s.tap.onApply = func(_ int, after bool, _ sale.Change) error {
					if after && when == "as the send is stored" {
						cancel()
					}
					return nil
				}
				s.tap.onTrip = func(req *http.Request, after bool) error {
					if s.operation(req) == partner.OpRegister && after == (when == "as the reply comes") {
						cancel()
					}
					return nil
				}
				v, err := s.Register(ctx, id, s.otp("477"), teller)
				require.NoError(t, err)
				require.Error(t, ctx.Err())
				assert.Equal(t, sale.Registered, v.Sale.State)
				assert.Equal(t, sale.Registered, s.state(id))
			})
		})
	}
}

func TestR14BeforeTheSendTheCallerDecides(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		before := s.sale(id)
		ctx, cancel := context.WithCancel(t.Context())
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == partner.OpGet {
				cancel() // between the lookup and the write
			}
			return nil
		}
		_, err := s.Register(ctx, id, s.otp("477"), teller)
		require.Error(t, err)
		assert.Zero(t, s.sb.Requests(partner.OpRegister))
		assert.Equal(t, before, s.sale(id))
	})
}
