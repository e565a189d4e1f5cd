package sale_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// reconciled compares the shop's sales with MobiFone's statement, and tells the sales what is found.
func (s *shop) reconciled(edit func([]byte) []byte) ([]reconcile.Finding, reconcile.Summary) {
	s.t.Helper()
	statement := edit(s.sb.Statement(time.Now()))
	run, err := reconcile.Start(reconcile.Config{Day: time.Now(), WithMatched: true, Dir: s.t.TempDir()})
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, run.Close()) }()
	ctx := s.t.Context()
	require.NoError(s.t, run.AddOurs(sale.Reconcilable(ctx, s.memory, time.Time{}, time.Time{})))
	require.NoError(s.t, run.AddTheirsFile(ctx, bytes.NewReader(statement), reconcile.FileOptions{}))
	var all []reconcile.Finding
	for f, err := range run.Findings(ctx) {
		require.NoError(s.t, err)
		all = append(all, f)
		_, err := s.ObserveFinding(ctx, f)
		require.NoError(s.t, err)
	}
	return all, run.Summary()
}

// kinds are the kinds of a sale's findings.
func kinds(all []reconcile.Finding, saleID string) []reconcile.Kind {
	var found []reconcile.Kind
	for _, f := range all {
		if f.SaleID == saleID {
			found = append(found, f.Kind)
		}
	}
	return found
}

// A whole day at the counter: what the statement shows reaches the sales, and the second pass finds
// the same and changes nothing.
func TestADayIsReconciled(t *testing.T) {
	t.Parallel()
	wire, err := contract.Default().WithSemantics(func(sem *contract.Semantics) { sem.RefusalIsFinal = true })
	require.NoError(t, err)
	inShop(t, sandbox.Config{Contract: wire}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		done := s.toOTP("DH-1", "477")
		_, err := s.Register(ctx, done, s.otp("477"), teller)
		require.NoError(t, err)

		// The reply is lost, and nobody looks it up.
		lost := s.toOTP("DH-2", "478")
		s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123478", Kind: "drop", When: "after"})
		_, err = s.Register(ctx, lost, s.otp("478"), teller)
		require.Error(t, err)

		// Refused and paid back; but the statement says that it is registered.
		refunded := s.toOTP("DH-3", "403")
		_, err = s.Register(ctx, refunded, s.otp("403"), teller)
		require.Error(t, err)
		_, err = s.ClaimRefund(ctx, refunded, teller)
		require.NoError(t, err)
		_, err = s.ConfirmRefund(ctx, refunded, teller)
		require.NoError(t, err)
		turned := func(statement []byte) []byte { return bytes.Replace(statement, []byte("FAILED"), []byte("SUCCESS"), 1) }
		s.mu.Lock()
		s.alarms = nil
		s.mu.Unlock()

		paid := s.paid("DH-4", "480") // no OTP yet: no row

		all, sum := s.reconciled(turned)
		assert.Equal(t, []reconcile.Kind{reconcile.Matched}, kinds(all, done))
		assert.Equal(t, []reconcile.Kind{reconcile.NowKnown}, kinds(all, lost))
		assert.Equal(t, []reconcile.Kind{reconcile.RefundedRegistered}, kinds(all, refunded))
		assert.Len(t, all, 3)
		assert.False(t, sum.Balanced())
		assert.Equal(t, sale.Registered, s.state(lost))
		assert.Equal(t, s.sale(lost).Yes.PartnerTransID, s.sale(lost).PartnerTransID)
		assert.Equal(t, sale.Review, s.state(refunded))
		assert.Equal(t, 1, s.alarmed(), "of the refunded one")
		assert.Equal(t, sale.Paid, s.state(paid))

		versions := func() string {
			return fmt.Sprint(s.sale(done).Version, s.sale(lost).Version, s.sale(refunded).Version, s.alarmed())
		}
		before, registrations := versions(), s.sb.Executed(number("478"))
		again, sum := s.reconciled(turned)
		assert.Equal(t, before, versions(), "the second pass changes nothing")
		assert.Equal(t, []reconcile.Kind{reconcile.Matched}, kinds(again, lost))
		assert.Equal(t, []reconcile.Kind{reconcile.RefundedRegistered}, kinds(again, refunded))
		assert.Equal(t, registrations, s.sb.Executed(number("478")), "nothing is sent")
		assert.Equal(t, int64(3), sum.Read.Theirs.Rows)
	})
}

// A statement that lacks one of the ids, or spells ours in another way, reaches the sales all the same:
// the finding names them.
func TestAStatementWithoutAnIDReachesTheSales(t *testing.T) {
	t.Parallel()
	cell := func(column int, change func([]byte) []byte) func([]byte) []byte {
		return func(statement []byte) []byte {
			lines := bytes.Split(bytes.TrimSpace(statement), []byte("\n"))
			for i := range lines[1:] {
				cells := bytes.Split(lines[1+i], []byte(","))
				cells[column] = change(cells[column])
				lines[1+i] = bytes.Join(cells, []byte(","))
			}
			return append(bytes.Join(lines, []byte("\n")), '\n')
		}
	}
	missing := func([]byte) []byte { return nil }
	known := []sale.State{sale.Registered, sale.Registered, sale.Review}
	for name, tt := range map[string]struct {
		edit func([]byte) []byte
		want []sale.State
	}{
		"without transId":           {cell(0, missing), known},
		"without partnerTransId":    {cell(1, missing), known},
		"partnerTransId is another": {cell(1, bytes.ToLower), []sale.State{sale.Review, sale.Review, sale.Review}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, err := contract.Default().WithSemantics(func(sem *contract.Semantics) { sem.RefusalIsFinal = true })
			require.NoError(t, err)
			inShop(t, sandbox.Config{Contract: wire}, func(t *testing.T, s *shop) {
				done := s.toOTP("DH-2", "478")
				_, err := s.Register(t.Context(), done, s.otp("478"), teller)
				require.NoError(t, err)
				lost := s.lost("after") // and nobody looks it up
				refunded := s.toOTP("DH-3", "403")
				_, err = s.Register(t.Context(), refunded, s.otp("403"), teller)
				require.Error(t, err)
				_, err = s.ClaimRefund(t.Context(), refunded, teller)
				require.NoError(t, err)
				_, err = s.ConfirmRefund(t.Context(), refunded, teller)
				require.NoError(t, err)
				edit := func(statement []byte) []byte {
					return tt.edit(bytes.ReplaceAll(statement, []byte("FAILED"), []byte("SUCCESS")))
				}
				var versions [2][3]int64
				for pass := range versions {
					all, _ := s.reconciled(edit)
					require.Len(t, all, 3)
					for i, id := range []string{done, lost, refunded} {
						assert.Equal(t, tt.want[i], s.state(id), i)
						versions[pass][i] = s.sale(id).Version
					}
				}
				assert.Equal(t, versions[0], versions[1], "the second pass changes nothing")
			})
		})
	}
}

// Two rows of one transId without our id are two registrations of the sale that they were found for.
func TestTwoRegistrationsWithoutOurIDReachTheSale(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		own := []byte("," + s.sale(id).Yes.PartnerTransID + ",")
		s.reconciled(func(statement []byte) []byte {
			statement = bytes.ReplaceAll(statement, own, []byte(",,"))
			lines := bytes.SplitAfter(statement, []byte("\n"))
			return append(statement, bytes.Replace(lines[1], []byte(",HN01,"), []byte(",HN02,"), 1)...)
		})
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, 1, s.alarmed())
	})
}

// A row with the id of one sale and the transId of another one is a question to both.
func TestARowOfTwoSalesReachesBoth(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var ids [2]telco.IDs
		for i, last := range []string{"477", "478"} {
			id := s.toOTP("DH-"+last, last)
			_, err := s.Register(t.Context(), id, s.otp(last), teller)
			require.NoError(t, err)
			ids[i] = *s.sale(id).Yes
		}
		first, second := string(ids[0].PartnerTransID), string(ids[1].PartnerTransID)
		tx := telco.Transaction{
			TransID: ids[0].TransID, PartnerTransID: ids[1].PartnerTransID, MSISDN: number("477"), Package: s.sale(first).Order.Package,
			Amount: price, State: telco.StateSuccess,
		}
		v, err := s.ObserveFinding(t.Context(), reconcile.Finding{Kind: reconcile.Differs, SaleID: first, Ours: &reconcile.Ours{SaleID: first, IDs: ids[0]}, Theirs: &tx})
		require.NoError(t, err)
		assert.Equal(t, first, v.Sale.ID)
		assert.Equal(t, sale.Review, s.state(first))
		assert.Equal(t, sale.Review, s.state(second))

		// So is what MobiFone lists twice under an id that the reconciliation was given no sale of.
		third := s.toOTP("DH-479", "479")
		_, err = s.Register(t.Context(), third, s.otp("479"), teller)
		require.NoError(t, err)
		twice := tx
		twice.TransID, twice.PartnerTransID, twice.MSISDN = s.sale(third).Yes.TransID, s.sale(third).PartnerTransID, number("479")
		_, err = s.ObserveFinding(t.Context(), reconcile.Finding{Kind: reconcile.TheirsOnly, Theirs: &twice, Others: []telco.Transaction{twice}})
		require.NoError(t, err)
		assert.Equal(t, sale.Review, s.state(third))

		// Ids that nobody here has are passed over.
		tx.PartnerTransID = "P"
		v, err = s.ObserveFinding(t.Context(), reconcile.Finding{SaleID: "another store's", Theirs: &tx})
		require.NoError(t, err)
		assert.Zero(t, v)
		// A row of a file of ours without sale ids is found by its partnerTransId.
		v, err = s.ObserveFinding(t.Context(), reconcile.Finding{Ours: &reconcile.Ours{IDs: ids[0]}, Theirs: &tx})
		require.NoError(t, err)
		assert.Equal(t, first, v.Sale.ID)
	})
}

// MobiFone carried one request out twice, and only the statement shows it: the sale goes to a person.
func TestTwoRegistrationsReachTheSale(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		twice := func(statement []byte) []byte {
			lines := bytes.SplitAfter(statement, []byte("\n"))
			again := bytes.Replace(lines[1], []byte(",HN01,"), []byte(",HN02,"), 1) // the same ids, another content
			return append(append(lines[0], lines[1]...), again...)
		}
		all, sum := s.reconciled(twice)
		assert.ElementsMatch(t, []reconcile.Kind{reconcile.Matched, reconcile.Duplicate}, kinds(all, id))
		assert.Equal(t, sale.Review, s.state(id))
		assert.Equal(t, 1, s.alarmed())
		assert.Equal(t, price, sum.Kinds[reconcile.Duplicate].Theirs.VND)
		version := s.sale(id).Version
		s.reconciled(twice)
		assert.Equal(t, version, s.sale(id).Version)
		assert.Equal(t, 1, s.alarmed())
	})
}

// Sales are paged by the time at which they were opened, also where many were opened at one moment.
func TestReconcilablePages(t *testing.T) {
	t.Parallel()
	c := newCore(t).sending()
	store := &manySales{Store: sale.NewMemory(), one: c.s}
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for n := range 5000 {
		at := start.Add(time.Duration(n) * time.Second)
		if n >= 1500 {
			at = start.Add(1500 * time.Second) // 3,500 at one moment
		}
		store.all = append(store.all, sale.Summary{ID: fmt.Sprintf("S%04d", n), OpenedAt: at})
	}
	seen := map[string]int{}
	for row, err := range sale.Reconcilable(t.Context(), store, start, time.Time{}) {
		require.NoError(t, err)
		seen[row.SaleID]++
	}
	assert.Len(t, seen, 5000)
	for id, n := range seen {
		assert.Equal(t, 1, n, id)
	}
	assert.LessOrEqual(t, store.most, 8000)
}

// manySales is a store with many sales, all alike.
type manySales struct {
	sale.Store
	one  sale.Sale
	all  []sale.Summary
	most int
}

func (m *manySales) Find(_ context.Context, q sale.Filter) ([]sale.Summary, error) {
	m.most = max(m.most, q.Limit)
	var page []sale.Summary
	for _, s := range m.all {
		if !s.OpenedAt.Before(q.From) && len(page) < q.Limit {
			page = append(page, s)
		}
	}
	return page, nil
}

func (m *manySales) Load(_ context.Context, id string) (sale.Sale, error) {
	s := m.one
	s.ID = id
	return s, nil
}

// What a sale knows of its pairs of ids, state by state.
func TestOutcomesOfPairs(t *testing.T) {
	t.Parallel()
	yes, no := telco.IDs{TransID: "T2", PartnerTransID: "P"}, telco.IDs{TransID: "T1", PartnerTransID: "P"}
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	intent := func(ids telco.IDs, settled string) sale.Intent {
		return sale.Intent{SendWindow: telco.SendWindow{IDs: ids, PreparedAt: at}, Settled: settled}
	}
	for name, tt := range map[string]struct {
		s    sale.Sale
		want []telco.Outcome
	}{
		"open":            {sale.Sale{State: sale.Resolving, Intents: []sale.Intent{intent(yes, "")}}, []telco.Outcome{telco.Unknown}},
		"registered":      {sale.Sale{State: sale.Registered, Yes: &yes, Intents: []sale.Intent{intent(no, "no"), intent(yes, "yes")}}, []telco.Outcome{telco.Rejected, telco.Succeeded}},
		"beside an open":  {sale.Sale{State: sale.Registered, Yes: &yes, Intents: []sale.Intent{intent(no, ""), intent(yes, "yes")}}, []telco.Outcome{telco.Unknown, telco.Succeeded}},
		"refunded":        {sale.Sale{State: sale.Refunded, CashOut: price, Yes: &yes, Intents: []sale.Intent{intent(yes, "yes")}}, []telco.Outcome{telco.Rejected}},
		"refund due":      {sale.Sale{State: sale.RefundDue, Intents: []sale.Intent{intent(yes, "no")}}, []telco.Outcome{telco.Rejected}},
		"one pair, twice": {sale.Sale{State: sale.Resolving, Intents: []sale.Intent{intent(yes, "no"), intent(yes, "")}}, []telco.Outcome{telco.Unknown}},
		"an OTP in hand":  {sale.Sale{State: sale.OTPSent, PartnerTransID: "P", Ticket: &sale.HeldOTP{TransID: "T9"}}, []telco.Outcome{telco.Rejected}},
		"no OTP yet":      {sale.Sale{State: sale.Paid}, nil},
	} {
		store := &manySales{Store: sale.NewMemory(), one: tt.s, all: []sale.Summary{{ID: "S"}}}
		var got []telco.Outcome
		for row, err := range sale.Reconcilable(t.Context(), store, time.Time{}, time.Time{}) {
			require.NoError(t, err)
			got = append(got, row.Outcome)
			assert.Equal(t, tt.s.CashOut > 0, row.Refunded, name)
		}
		assert.Equal(t, tt.want, got, name)
	}
}
