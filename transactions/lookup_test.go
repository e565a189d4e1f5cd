package transactions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/transactions"
)

// A complete lookup asks for every pair, each by its transId, and once for a
// partnerTransId that two of them share. One reply from a cache makes it one.
func TestLookUpAsksForEveryPair(t *testing.T) {
	t.Parallel()
	own := partner.RandomPartnerTransID()
	pairs := []partner.IDs{{TransID: "T-1", PartnerTransID: own}, {TransID: "T-2", PartnerTransID: own}}
	for _, aged := range []partner.TransID{"", "T-1", "T-2"} {
		p := wiretest.New(t, contract.Default())
		var asked []string
		p.On(partner.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
			asked = append(asked, string(f.TransID)+string(f.PartnerTransID))
			if aged != "" && f.TransID == aged {
				w.Header().Set("Age", "9")
			}
			p.Says(partner.OpGet, 200, wire.Answer{Code: partner.TransactionNotFound})(w, r, f)
		})
		found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: pairs})
		require.NoError(t, err)
		assert.Equal(t, []string{"T-1", string(own), "T-2"}, asked)
		assert.Empty(t, found.Rows)
		assert.Equal(t, aged != "", found.Cached, aged)
	}
}

// A row that two questions show is one. A row that stands twice in one answer is two,
// however alike: MobiFone carried one request out twice.
func TestLookUpCountsRows(t *testing.T) {
	t.Parallel()
	own := partner.RandomPartnerTransID()
	row := wiretest.Row(field.Request{TransID: "T-1", PartnerTransID: own, Package: "C120", Amount: 120_000}, partner.StateSuccess)
	for want, rows := range map[int][]field.Row{1: {row}, 2: {row, row}} {
		p := wiretest.New(t, contract.Default())
		p.On(partner.OpGet, p.Says(partner.OpGet, 200, wire.Answer{Code: partner.Success, Data: field.Data{HasRows: true, Rows: rows}}))
		found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: []partner.IDs{{TransID: "T-1", PartnerTransID: own}}})
		require.NoError(t, err)
		assert.Len(t, found.Rows, want)
	}
}

// An absence holds for when the ledger was read, not for when the reply came.
func TestAbsenceHoldsForWhenTheLedgerWasRead(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var date time.Time
	p.On(partner.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		<-time.After(1200 * time.Millisecond)
		date = time.Now().Truncate(time.Second)
		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		p.Says(partner.OpGet, 200, wire.Answer{Code: partner.TransactionNotFound})(w, r, f)
	})
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	at, absent := transactions.Absent(err)
	require.True(t, absent)
	assert.False(t, at.After(date.Add(-1200*time.Millisecond)), "%s, said at %s", at, date)
	assert.ErrorContains(t, err, at.UTC().Format(time.RFC3339))
}

// What a question showed stands although the next one failed, as from a cache: it proves
// nothing absent.
func TestLookUpKeepsWhatItSawBeforeItFailed(t *testing.T) {
	t.Parallel()
	own := partner.RandomPartnerTransID()
	row := wiretest.Row(field.Request{TransID: "T-1", PartnerTransID: own, Package: "C120", Amount: 120_000}, partner.StateSuccess)
	p := wiretest.New(t, contract.Default())
	p.On(partner.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if f.TransID == "" {
			wiretest.Raw(400, "text/plain", "")(w, r, f)
			return
		}
		p.Found(row)(w, r, f)
	})
	found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: []partner.IDs{{TransID: "T-1", PartnerTransID: own}}})
	require.Error(t, err)
	assert.Len(t, found.Rows, 1)
	assert.True(t, found.Cached)
}
