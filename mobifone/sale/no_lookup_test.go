package sale_test

import (
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
		s.script(onRegister(sandbox.Fault{Kind: "code", When: "before", Code: telco.SubscriberInactive}))
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
