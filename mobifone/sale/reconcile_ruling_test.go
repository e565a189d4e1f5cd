package sale_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// sold is a registered sale past its fence.
func (s *shop) sold() string {
	s.t.Helper()
	id := s.toOTP("DH-1", "477")
	_, err := s.Register(s.t.Context(), id, s.otp("477"), teller)
	require.NoError(s.t, err)
	<-time.After(time.Hour)
	return id
}

// dearer is a statement with another amount.
func dearer(statement []byte) []byte {
	return bytes.Replace(statement, []byte("120000"), []byte("130000"), 1)
}

// A person ruled on a row. The same day reconciled again asks nobody a second time; a row that says
// something else does.
func TestARulingIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, ruling := range []string{sale.RuleRegistered, sale.RuleRefundDue} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			ctx, id := t.Context(), s.sold()
			reversed := func(statement []byte) []byte {
				return bytes.Replace(statement, []byte("SUCCESS"), []byte("REVERSED"), 1)
			}
			all, _ := s.reconciled(dearer)
			assert.Equal(t, []reconcile.Kind{reconcile.Differs}, kinds(all, id))
			require.Equal(t, sale.Review, s.state(id))
			ruled, err := s.Decide(ctx, id, sale.Decision{Ruling: ruling, Evidence: "MobiFone's letter"}, boss)
			require.NoError(t, err)
			alarms := s.alarmed()
			for range 2 {
				all, _ = s.reconciled(dearer)
				assert.Len(t, kinds(all, id), 1, "the report shows it as before")
				assert.Equal(t, ruled.Sale.State, s.state(id))
				assert.Equal(t, ruled.Sale.Version, s.sale(id).Version)
				assert.Equal(t, alarms, s.alarmed())
			}
			s.reconciled(reversed)
			assert.Equal(t, sale.Review, s.state(id), "this nobody has ruled on")
		})
	}
}

// Once the cash is out, a row that shows anything is told again after each ruling.
func TestARowAfterTheCashIsOutIsToldAgain(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ctx, id := t.Context(), s.sold()
		for range 2 {
			s.reconciled(dearer)
			require.Equal(t, sale.Review, s.state(id))
			_, err := s.Decide(ctx, id, sale.Decision{Ruling: sale.RuleRefunded, Evidence: "MobiFone's letter"}, boss)
			require.NoError(t, err)
		}
	})
}

// A state that is no word of the contract may hide anything: once it is ruled on, the row has to stand
// unchanged, and to say so, or it is told again.
func TestAnUnknownStateIsToldAgainOnceItChanged(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(ctx, id, s.otp("477"), teller)
		require.NoError(t, err)
		said := func(updatedAt string) func([]byte) []byte {
			return func(statement []byte) []byte {
				cut := bytes.LastIndexByte(statement, ',')
				return append(bytes.Replace(statement[:cut+1], []byte("SUCCESS"), []byte("SUSPENDED"), 1), updatedAt+"\n"...)
			}
		}
		rule := func() { // only a sale in Review is ruled on
			t.Helper()
			_, err := s.Decide(ctx, id, sale.Decision{Ruling: sale.RuleRegistered, Evidence: "MobiFone's letter"}, boss)
			require.NoError(t, err)
		}
		s.reconciled(said("20261125000000"))
		rule()
		s.reconciled(said("20261125000000"))
		require.Equal(t, sale.Registered, s.state(id), "unchanged since the ruling")
		s.reconciled(said("20261125000001"))
		rule()
		s.reconciled(said(""))
		rule()
		s.reconciled(said(""))
		rule() // nobody can say whether it changed
	})
}

// A person ruled that the cash goes back, though MobiFone had shown the registration. It shows it again
// before the cash is out: then the sale is registered, and the cash stays.
func TestARulingDoesNotHideARegistration(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "drop", When: "after"}))
		_, err := s.Register(ctx, id, s.otp("477"), teller)
		require.Error(t, err)
		<-time.After(time.Hour) // past the fence
		asItIs := func(statement []byte) []byte { return statement }
		s.reconciled(dearer)
		s.reconciled(asItIs)
		require.Equal(t, sale.Review, s.state(id))
		_, err = s.Decide(ctx, id, sale.Decision{Ruling: sale.RuleRefundDue, Evidence: "a mistake"}, boss)
		require.NoError(t, err)
		s.reconciled(asItIs)
		assert.Equal(t, sale.Registered, s.state(id))
	})
}
