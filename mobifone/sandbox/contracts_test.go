package sandbox

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// secondContract is quite unlike the default one: other names, forms, a number for a
// code with a success flag, an API key alone, no lookups.
func secondContract(t *testing.T) *contract.Contract {
	t.Helper()
	text, err := os.ReadFile("../contract/testdata/second.json")
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	return c
}

func TestAnotherContract(t *testing.T) {
	t.Parallel()
	edges(t, Config{Contract: secondContract(t), Kind: KindB}, func(t *testing.T, c *caller) {
		g := c.do(t.Context(), partner.OpEligible, field.Request{MSISDN: good, Channel: "FPT", Shop: "FPT001", Employee: "E01"})
		require.NoError(t, g.bad)
		assert.Len(t, g.reply.Data.Rows, 3)
		f := c.ticket(good)
		g = c.do(t.Context(), partner.OpRegister, f)
		require.NoError(t, g.bad)
		assert.Equal(t, wire.Success, g.reply.Class)
		assert.Equal(t, "200", g.reply.WireCode)
		assert.Equal(t, f.PartnerTransID, g.reply.Data.PartnerTransID)

		g = c.do(t.Context(), partner.OpRegister, f)
		require.NoError(t, g.bad)
		assert.Equal(t, partner.TransactionExpired, g.reply.Code())
		assert.Equal(t, 1, c.s.Executed(good))

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/partner/v1/transaction?transId=T1", http.NoBody)
		require.NoError(t, err)
		assert.Equal(t, http.StatusNotFound, c.send(partner.OpRegister, req).status, "this partner has no lookup")
	})
}

func TestContradictionNeedsAFlag(t *testing.T) {
	t.Parallel()
	c := inProcessCaller(t, Config{Contract: secondContract(t)})
	f := c.ticket(good)
	require.NoError(t, c.s.Script(Fault{Kind: Contradict, Operation: partner.OpRegister}))
	g := c.do(t.Context(), partner.OpRegister, f)
	assert.Contains(t, string(g.body), `"success":false`)
	assert.Error(t, g.bad)
	assert.Equal(t, 1, c.s.Executed(good))
}

// A code that the contract does not list is said all the same; no client can know it.
func TestUnlistedCode(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	kept := doc.Codes[:0]
	for _, rule := range doc.Codes {
		if rule.Name != partner.AmountMismatch {
			kept = append(kept, rule)
		}
	}
	doc.Codes = kept
	served, err := contract.New(doc)
	require.NoError(t, err)
	c := inProcessCaller(t, Config{Contract: served})
	f := c.ticket(good)
	f.Amount--
	g := c.do(t.Context(), partner.OpRegister, f)
	require.NoError(t, g.bad)
	assert.Equal(t, string(partner.AmountMismatch), g.reply.WireCode)
	assert.Equal(t, wire.Unknown, g.reply.Class)
}

func TestDedupeNeedsThePartnerTransID(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	register := doc.Operations[partner.OpRegister]
	delete(register.Request, "partnerTransId")
	register.Echo = []string{"transId"}
	served, err := contract.New(doc)
	require.NoError(t, err)
	_, err = New(Config{Kind: KindA, Contract: served})
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "sandbox: "), err)
}
