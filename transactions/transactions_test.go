package transactions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

const getPrefix = `{"errorCode":"0000","message":"ok","data":`

func TestGetFinds(t *testing.T) {
	t.Parallel()
	ours := transid.Random()
	full := row("T-1", ago(time.Hour), telco.StateSuccess)
	full.PartnerTransID, full.ResultCode = ours, "0000"
	early := row("T-1", ago(time.Hour), telco.StateInit) // before the registration MobiFone does not know our id
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
			p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) { got = f; found(w, r, f) })
			res, err := client(t, p).Transactions.Get(t.Context(), tt.req)
			require.NoError(t, err)
			assert.Equal(t, field.Request{TransID: tt.req.TransID, PartnerTransID: tt.req.PartnerTransID}, got)
			assert.Equal(t, tt.row.State, res.Transaction.State)
			assert.Equal(t, telco.TransID("T-1"), res.Transaction.TransID)
			assert.Equal(t, msisdn, res.Transaction.MSISDN)
			assert.True(t, res.Transaction.CreatedAt.Equal(tt.row.CreatedAt))
			assert.WithinDuration(t, time.Now(), res.MobiFoneTime, time.Minute)
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
		require.ErrorIs(t, err, telco.InvalidInput, name)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), name)
		_, absent := absence(err)
		assert.False(t, absent, name)
	}
	assert.Zero(t, p.Requests(telco.OpGet))
}

func TestGetNeverAsksWithoutAnID(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, edited(t, func(d *contract.Document) { delete(d.Operations[telco.OpGet].Request, "partnerTransId") }))
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{PartnerTransID: transid.Random()})
	require.ErrorIs(t, err, telco.InvalidInput)
	assert.Zero(t, p.Requests(telco.OpGet))
}

func TestAbsenceIsOnlyWhatAWellFormedReplySays(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	for name, tt := range map[string]struct {
		handler wiretest.Handler
		absent  bool
		code    telco.Code
	}{
		"the code":           {wiretest.Raw(200, json, `{"errorCode":"8004","message":"none","data":null}`), true, telco.TransactionNotFound},
		"the code under 404": {wiretest.Raw(404, json, `{"errorCode":"8004","message":"none","data":null}`), true, telco.TransactionNotFound},
		"the code under 502": {wiretest.Raw(502, json, `{"errorCode":"8004","message":"none","data":null}`), false, telco.TransactionNotFound},
		"no rows":            {wiretest.Raw(200, json, getPrefix+`{"transaction":[]}}`), true, telco.TransactionNotFound},
		"no place of rows":   {wiretest.Raw(200, json, getPrefix+`{}}`), false, telco.ReplyUnreadable},
		"null":               {wiretest.Raw(200, json, getPrefix+`{"transaction":null}}`), false, telco.ReplyUnreadable},
		"a bare 404":         {wiretest.Raw(404, "text/html", "<html>not here</html>"), false, telco.SystemError},
		"cut":                {wiretest.Raw(200, json, `{"errorCode":"8004","mess`), false, telco.ReplyUnreadable},
		"hang up":            {wiretest.Hangup(""), false, telco.ReplyLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			p.On(telco.OpGet, tt.handler)
			res, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
			assert.Nil(t, res)
			require.ErrorIs(t, err, tt.code)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			at, absent := absence(err)
			assert.Equal(t, tt.absent, absent)
			if absent {
				assert.WithinDuration(t, time.Now(), at, time.Minute)
			}
			var e *telco.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, telco.OpGet, e.Operation)
			assert.Equal(t, 1, e.Evidence.Sends)
			assert.False(t, e.Text.IsZero())
		})
	}
}

func TestAStatusThatTheContractReadsAsNotFoundIsNoAbsence(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, edited(t, func(d *contract.Document) {
		for i := range d.Codes {
			if d.Codes[i].Name == telco.TransactionNotFound {
				d.Codes[i].HTTPStatus = []int{http.StatusNotFound}
			}
		}
	}))
	p.On(telco.OpGet, wiretest.Raw(http.StatusNotFound, "text/html", "<html>not here</html>"))
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, telco.TransactionNotFound)
	_, absent := absence(err)
	assert.False(t, absent, "no envelope said it: a gateway may have")
}

func TestGetTakesNoOtherTransaction(t *testing.T) {
	t.Parallel()
	ours, theirs := transid.Random(), transid.Random()
	with := func(id telco.TransID, pid telco.PartnerTransID) field.Row {
		r := row(string(id), ago(time.Hour), telco.StateSuccess)
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
			p.On(telco.OpGet, p.Says(telco.OpGet, 200, wire.Answer{
				Code: telco.Success, Data: field.Data{HasRows: true, Rows: tt.rows},
			}))
			res, err := client(t, p).Transactions.Get(t.Context(), tt.req)
			assert.Nil(t, res)
			require.ErrorIs(t, err, telco.ReplyUnreadable)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			_, absent := absence(err)
			assert.False(t, absent)
		})
	}
}

func TestWithoutLookupsEveryCallSaysSo(t *testing.T) {
	t.Parallel()
	for name, wire := range contracts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if wire.Has(telco.OpGet) {
				t.Skip("the contract has lookups")
			}
			testNoLookups(t, client(t, wiretest.New(t, wire)))
		})
	}
}

func testNoLookups(t *testing.T, c *mobifone.Client) {
	t.Helper()
	_, err := c.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, telco.OperationAbsent)
	q := transactions.Query{From: ago(time.Hour), To: ago(time.Minute)}
	for name, l := range map[string]*transactions.List{
		"list": c.Transactions.List(q), "search": c.Transactions.Search(transactions.SearchQuery{MSISDN: msisdn, Query: q}),
	} {
		n := 0
		for _, err := range l.All(t.Context()) {
			n++
			require.ErrorIs(t, err, telco.OperationAbsent, name)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		}
		assert.Equal(t, 1, n, name)
		_, err := l.Page(t.Context(), 1)
		require.ErrorIs(t, err, telco.OperationAbsent, name)
	}
}

// A row's code is the registration's: what the same string means of a lookup is another
// matter.
func TestRowsCodeIsTheRegistrations(t *testing.T) {
	t.Parallel()
	signed := contracts(t)["signed"]
	p := wiretest.New(t, signed)
	failed := row("T-1", ago(time.Hour), telco.StateFailed)
	failed.ResultCode = "10"
	p.On(telco.OpGet, p.Found(failed))
	res, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.NoError(t, err)
	assert.Equal(t, "10", res.Transaction.WireResultCode)
	assert.Equal(t, telco.OTPInvalid, res.Transaction.ResultCode)

	p.On(telco.OpGet, p.Says(telco.OpGet, 200, wire.Answer{WireCode: "10"}))
	_, err = client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	require.ErrorIs(t, err, telco.TransactionNotFound)
}
