package sale_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The request is lost, or parked for as long as MobiFone promises at most: until the
// fence absence says nothing, at it the sale goes on, and the second attempt has new ids.
func TestFence(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"A", "B", "C", "D"} {
		t.Run(kind+", lost", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind, LookupLag: 5 * time.Second}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "409")
				pass(6 * time.Second)
				_, err := s.Register(t.Context(), id, s.otp("409"), teller)
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
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
				if kind == "A" { // dedupes: it may be asked again with the same id
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
		t.Run(kind+", late", func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: kind}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				s.script(onRegister(sandbox.Fault{Kind: "late", Delay: durationOf("59s"), Status: 504}))
				_, err := s.Register(t.Context(), id, s.otp("477"), teller)
				require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
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

func TestNoFenceIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{Kind: "F"}, func(t *testing.T, s *shop) {
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
		looks := s.sb.Requests(telco.OpGet)
		s.settle(10 * time.Minute)
		assert.Greater(t, s.sb.Requests(telco.OpGet), looks, "looking up goes on")
		s.replays(id)
	})
}

func TestPendingForEverIsReview(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{PendingFor: 24 * time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "401")
		_, err := s.Register(t.Context(), id, s.otp("401"), teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		s.settle(70 * time.Second)
		assert.Equal(t, sale.Resolving, s.state(id))
		s.settle(90 * time.Second)
		assert.Equal(t, sale.Review, s.state(id), "still pending at the fence")
		s.settle(25 * time.Hour)
		kept := s.sale(id)
		assert.Equal(t, sale.Review, kept.State, "a person decides")
		assert.Equal(t, sale.Reason("found registered"), kept.Reason, "and is told what was found")
		assert.GreaterOrEqual(t, s.alarmed(), 2, "and again while nobody comes")
		v, err := s.Decide(t.Context(), id, sale.Decision{Ruling: sale.RuleRegistered, Evidence: "tra cứu"}, boss)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		s.replays(id)
	})
}

// without returns the sandbox's contract without its lookups.
func without(t *testing.T, c *contract.Contract) *contract.Contract {
	t.Helper()
	doc := c.Document()
	delete(doc.Operations, telco.OpGet)
	delete(doc.Operations, telco.OpSearch)
	made, err := contract.New(doc)
	require.NoError(t, err)
	return made
}

func TestNoLookupOperation(t *testing.T) {
	t.Parallel()
	bare := sandbox.Config{Contract: without(t, contract.Default())}
	allow := func(cfg *sale.Config) { cfg.AllowNoLookup = true }
	inShop(t, bare, func(t *testing.T, s *shop) { // the first send goes without a lookup
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.wrong(), teller)
		require.ErrorIs(t, err, telco.OTPInvalid)
		_, err = s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, s.state(id))
	}, allow)
	inShop(t, bare, func(t *testing.T, s *shop) { // every Unknown goes to Review
		id := s.toOTP("DH-1", "408")
		v, err := s.Register(t.Context(), id, s.otp("408"), teller)
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
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
		s.script(onRegister(sandbox.Fault{Kind: "code", When: "before", Code: telco.Code("SUBSCRIBER_INACTIVE")}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Review, s.state(id))
		pass(3 * time.Minute)
		_, err = s.Decide(t.Context(), id, sale.Decision{Ruling: sale.RuleRefundDue, Evidence: "BB-1"}, boss)
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
func TestALookupThatWasTaken(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "409")
		_, err := s.Register(t.Context(), id, s.otp("409"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id))
		looks := s.sb.Requests(telco.OpGet)
		s.counter = s.open(func(cfg *sale.Config) { cfg.AllowNoLookup, cfg.Rules.NoLookup = true, true })
		s.settle(20 * time.Minute)
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, looks, s.sb.Requests(telco.OpGet))
		assert.Equal(t, 1, s.alarmed())
	})
	inShop(t, sandbox.Config{Kind: "F"}, func(t *testing.T, s *shop) {
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

func TestRefusesADeskWithoutLookup(t *testing.T) {
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
		Gateway: struct{ sale.Gateway }{}, Store: sale.NewMemory(), Rules: rules,
		NewID: func(string, string, int) (telco.PartnerTransID, error) { return "P", nil },
	}
	_, err = sale.NewDesk(cfg)
	require.ErrorIs(t, err, sale.ErrNoLookup)
	assert.ErrorContains(t, err, "transactions.get")
	cfg.AllowNoLookup = true
	_, err = sale.NewDesk(cfg)
	require.NoError(t, err)
}

func TestFactsFromElsewhere(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{LookupLag: time.Hour}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		pass(time.Second)
		s.script(onRegister(sandbox.Fault{Kind: "drop"}))
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.Error(t, err)
		require.Equal(t, sale.Resolving, s.state(id), "the lookup does not show it for an hour")
		sent := s.sb.Requests(telco.OpRegister)
		row := s.sb.Ledger()[0]
		v, err := s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Registered, v.Sale.State)
		before := s.sale(id)
		_, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, before, s.sale(id), "the same row again changes nothing")
		row.State = telco.StateReversed
		v, err = s.Observe(t.Context(), row)
		require.NoError(t, err)
		assert.Equal(t, sale.Review, v.Sale.State)
		assert.Equal(t, before.Receipt, v.Sale.Receipt, "nothing is overwritten")
		row.PartnerTransID = "unheard-of"
		_, err = s.Observe(t.Context(), row)
		_, notFound := errors.AsType[*sale.NotFoundError](err)
		assert.True(t, notFound)
		assert.Equal(t, sent, s.sb.Requests(telco.OpRegister), "sends nothing")
		s.replays(id)
	})
}

// A row that proves nothing moves no sale, in no state.
func TestARowThatProvesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range sale.States() {
		for _, row := range []telco.State{telco.StateInit, telco.StatePending, telco.StateFailed, telco.StateExpired, telco.StateCancelled} {
			if state == sale.Registered && row != telco.StatePending {
				continue // a success that changed is a conflict
			}
			c := newCore(t).in(state)
			if row == telco.StatePending && len(c.s.Pairs()) == 0 {
				continue // of ids that we never sent it is a conflict
			}
			c.do(c.observe(c.row(1, row)))
			assert.Equal(t, state, c.s.State, row)
		}
	}
}

func TestAnErasedSaleIsNoAlarm(t *testing.T) {
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
