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
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/transactions"
)

const getPrefix = `{"errorCode":"0000","message":"ok","data":`

func TestGetFinds(t *testing.T) {
	t.Parallel()
	ours := partner.RandomPartnerTransID()
	full := row("T-1", ago(time.Hour), partner.StateSuccess)
	full.PartnerTransID, full.ResultCode = ours, "0000"
	early := row("T-1", ago(time.Hour), partner.StateInit) // before the registration the partner does not know our id
	for name, tt := range map[string]struct {
		row field.Row
		req transactions.GetRequest
	}{
		"by transId":                      {full, transactions.GetRequest{TransID: "T-1"}},
		"by partnerTransId":               {full, transactions.GetRequest{PartnerTransID: ours}},
		"by both":                         {full, transactions.GetRequest{TransID: "T-1", PartnerTransID: ours}},
		"by both, one not known to them":  {early, transactions.GetRequest{TransID: "T-1", PartnerTransID: ours}},
		"by transId, before registration": {early, transactions.GetRequest{TransID: "T-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			var got field.Request
			found := p.Found(tt.row)
			p.On(partner.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) { got = f; found(w, r, f) })
			res, err := client(t, p).Transactions.Get(t.Context(), tt.req)
			require.NoError(t, err)
			assert.Equal(t, field.Request{TransID: tt.req.TransID, PartnerTransID: tt.req.PartnerTransID}, got)
			assert.Equal(t, tt.row.State, res.Transaction.State)
			assert.Equal(t, partner.TransID("T-1"), res.Transaction.TransID)
			assert.Equal(t, msisdn, res.Transaction.MSISDN)
			assert.True(t, res.Transaction.CreatedAt.Equal(tt.row.CreatedAt))
			assert.WithinDuration(t, time.Now(), res.PartnerTime, time.Minute)
			assert.Equal(t, 1, res.Evidence.Sends)
		})
	}
}

func TestGetRefusesMalformedIDs(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	for name, req := range map[string]transactions.GetRequest{
		"none":                     {},
		"transId with a space":     {TransID: "T 1"},
		"partnerTransId mistyped":  {PartnerTransID: "not-ours"},
		"one good, one bad":        {TransID: "T-1", PartnerTransID: "not-ours"},
		"transId with a line feed": {TransID: "T-1\n"},
	} {
		_, err := client(t, p).Transactions.Get(t.Context(), req)
		require.ErrorIs(t, err, partner.InvalidInput, name)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), name)
		_, absent := transactions.Absent(err)
		assert.False(t, absent, name)
	}
	assert.Zero(t, p.Requests(partner.OpGet))
}

func TestGetNeverAsksWithoutAnID(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, edited(t, func(d *contract.Document) { delete(d.Operations[partner.OpGet].Request, "partnerTransId") }))
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{PartnerTransID: partner.RandomPartnerTransID()})
	require.ErrorIs(t, err, partner.InvalidInput)
	assert.Zero(t, p.Requests(partner.OpGet))
}

func TestAbsenceIsOnlyWhatAWellFormedReplySays(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	for name, tt := range map[string]struct {
		handler wiretest.Handler
		absent  bool
		code    partner.Code
	}{
		"the code":           {wiretest.Raw(200, json, `{"errorCode":"8004","message":"none","data":null}`), true, partner.TransactionNotFound},
		"the code under 404": {wiretest.Raw(404, json, `{"errorCode":"8004","message":"none","data":null}`), true, partner.TransactionNotFound},
		"the code under 502": {wiretest.Raw(502, json, `{"errorCode":"8004","message":"none","data":null}`), false, partner.TransactionNotFound},
		"no rows":            {wiretest.Raw(200, json, getPrefix+`{"transaction":[]}}`), true, partner.TransactionNotFound},
		"no place of rows":   {wiretest.Raw(200, json, getPrefix+`{}}`), false, partner.ReplyUnreadable},
		"null":               {wiretest.Raw(200, json, getPrefix+`{"transaction":null}}`), false, partner.ReplyUnreadable},
		"a bare 404":         {wiretest.Raw(404, "text/html", "<html>not here</html>"), false, partner.SystemError},
		"cut":                {wiretest.Raw(200, json, `{"errorCode":"8004","mess`), false, partner.ReplyUnreadable},
		"hang up":            {wiretest.Hangup(""), false, partner.ReplyLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			p.On(partner.OpGet, tt.handler)
			res, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
			assert.Nil(t, res)
			require.ErrorIs(t, err, tt.code)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
			at, absent := transactions.Absent(err)
			assert.Equal(t, tt.absent, absent)
			if absent {
				assert.WithinDuration(t, time.Now(), at, time.Minute)
			}
			var e *partner.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, partner.OpGet, e.Operation)
			assert.Equal(t, 1, e.Evidence.Sends)
			assert.False(t, e.Text.IsZero())
		})
	}
}

func TestAStatusThatTheContractReadsAsNotFoundIsNoAbsence(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, edited(t, func(d *contract.Document) {
		for i := range d.Codes {
			if d.Codes[i].Name == partner.TransactionNotFound {
				d.Codes[i].HTTPStatus = []int{http.StatusNotFound}
			}
		}
	}))
	p.On(partner.OpGet, wiretest.Raw(http.StatusNotFound, "text/html", "<html>not here</html>"))
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, partner.TransactionNotFound)
	_, absent := transactions.Absent(err)
	assert.False(t, absent, "no envelope said it: a gateway may have")
}

func TestGetTakesNoOtherTransaction(t *testing.T) {
	t.Parallel()
	ours, theirs := partner.RandomPartnerTransID(), partner.RandomPartnerTransID()
	with := func(id partner.TransID, pid partner.PartnerTransID) field.Row {
		r := row(string(id), ago(time.Hour), partner.StateSuccess)
		r.PartnerTransID = pid
		return r
	}
	for name, tt := range map[string]struct {
		req  transactions.GetRequest
		rows []field.Row
	}{
		"another transId":            {transactions.GetRequest{TransID: "T-1"}, []field.Row{with("T-2", ours)}},
		"another partnerTransId":     {transactions.GetRequest{PartnerTransID: ours}, []field.Row{with("T-1", theirs)}},
		"one right, the other wrong": {transactions.GetRequest{TransID: "T-1", PartnerTransID: ours}, []field.Row{with("T-1", theirs)}},
		"the other one wrong":        {transactions.GetRequest{TransID: "T-1", PartnerTransID: ours}, []field.Row{with("T-2", ours)}},
		"the id asked for is empty":  {transactions.GetRequest{PartnerTransID: ours}, []field.Row{with("T-1", "")}},
		"no ids":                     {transactions.GetRequest{TransID: "T-1", PartnerTransID: ours}, []field.Row{with("", "")}},
		"two rows":                   {transactions.GetRequest{TransID: "T-1"}, []field.Row{with("T-1", ours), with("T-1", ours)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			p.On(partner.OpGet, p.Says(partner.OpGet, 200, wire.Answer{
				Code: partner.Success, Data: field.Data{HasRows: true, Rows: tt.rows},
			}))
			res, err := client(t, p).Transactions.Get(t.Context(), tt.req)
			assert.Nil(t, res)
			require.ErrorIs(t, err, partner.ReplyUnreadable)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
			_, absent := transactions.Absent(err)
			assert.False(t, absent)
		})
	}
}

func TestWithoutLookupsEveryCallSaysSo(t *testing.T) {
	t.Parallel()
	for name, wire := range contracts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if wire.Has(partner.OpGet) {
				t.Skip("the contract has lookups")
			}
			testNoLookups(t, client(t, wiretest.New(t, wire)))
		})
	}
}

func testNoLookups(t *testing.T, c *mobifone.Client) {
	t.Helper()
	_, err := c.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, partner.OperationAbsent)
	q := transactions.Query{From: ago(time.Hour), To: ago(time.Minute)}
	for name, l := range map[string]*transactions.List{
		"list": c.Transactions.List(q), "search": c.Transactions.Search(transactions.SearchQuery{MSISDN: msisdn, Query: q}),
	} {
		n := 0
		for _, err := range l.All(t.Context()) {
			n++
			require.ErrorIs(t, err, partner.OperationAbsent, name)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		}
		assert.Equal(t, 1, n, name)
		_, err := l.Page(t.Context(), 1)
		require.ErrorIs(t, err, partner.OperationAbsent, name)
	}
}

// A row's code is the registration's: what the same string means of a lookup is another
// matter.
func TestRowsCodeIsTheRegistrations(t *testing.T) {
	t.Parallel()
	signed := contracts(t)["signed"]
	p := wiretest.New(t, signed)
	failed := row("T-1", ago(time.Hour), partner.StateFailed)
	failed.ResultCode = "10"
	p.On(partner.OpGet, p.Found(failed))
	res, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.NoError(t, err)
	assert.Equal(t, "10", res.Transaction.WireResultCode)
	assert.Equal(t, partner.OTPInvalid, res.Transaction.ResultCode)

	p.On(partner.OpGet, p.Says(partner.OpGet, 200, wire.Answer{WireCode: "10"}))
	_, err = client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, partner.TransactionNotFound)
}
