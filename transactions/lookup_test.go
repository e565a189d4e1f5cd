package transactions_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
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
		p.On(partner.OpGet, func(w http.ResponseWriter, r *http.Request, f contract.Fields) {
			asked = append(asked, string(f.TransID)+string(f.PartnerTransID))
			if aged != "" && f.TransID == aged {
				w.Header().Set("Age", "9")
			}
			p.Says(partner.OpGet, 200, contract.Answer{Code: partner.TransactionNotFound})(w, r, f)
		})
		found, err := client(t, p).Transactions.LookUp(t.Context(), pairs)
		require.NoError(t, err)
		assert.Equal(t, []string{"T-1", string(own), "T-2"}, asked)
		assert.Empty(t, found.Rows)
		assert.Equal(t, aged != "", found.Cached, aged)
	}
}
