package transactions_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

// read runs a listing to its end.
func read(t *testing.T, l *transactions.List) (ids []string, end error) {
	t.Helper()
	for tx, err := range l.All(t.Context()) {
		require.NoError(t, end, "the listing went on after an error")
		if err != nil {
			end = err
			continue
		}
		ids = append(ids, string(tx.TransID))
	}
	return ids, end
}

func TestAllReadsEveryPageOfAClosedWindow(t *testing.T) {
	t.Parallel()
	eachWithLists(t, testEveryPage)
}

func testEveryPage(t *testing.T, c *contract.Contract) {
	t.Helper()
	start := ago(2 * time.Hour)
	var rows []field.Row
	var want []string
	for i := range 45 {
		rows = append(rows, row(fmt.Sprintf("T-%02d", i), start.Add(time.Duration(i)*time.Minute), telco.StateSuccess))
		want = append([]string{fmt.Sprintf("T-%02d", i)}, want...)
	}
	b := serve(t, c, rows...)
	got, err := read(t, client(t, b.p).Transactions.List(transactions.Query{From: start, To: start.Add(time.Hour), PageSize: 20}))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	asked := b.requests()
	require.Len(t, asked, 3)
	for i, f := range asked {
		assert.Equal(t, i+1, f.Page)
		assert.Equal(t, 20, f.Size)
		assert.True(t, f.From.Equal(start))
		assert.True(t, f.To.Equal(start.Add(time.Hour)))
	}
}

func TestAllIsHalfOpenAndRoundsUpToSeconds(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	b := serve(t, contract.Default(),
		row("before", from, telco.StateSuccess),
		row("first", from.Add(time.Second), telco.StateSuccess),
		row("last", from.Add(10*time.Second), telco.StateSuccess),
		row("after", from.Add(11*time.Second), telco.StateSuccess),
	)
	got, err := read(t, client(t, b.p).Transactions.List(transactions.Query{
		From: from.Add(time.Millisecond), To: from.Add(10*time.Second + time.Millisecond),
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"last", "first"}, got)
	assert.Equal(t, 100, b.requests()[0].Size, "the largest page by default")
}

func TestAllSplitsLongWindows(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	from := ago(100 * day)
	to := from.Add(70 * day)
	b := serve(t, contract.Default(),
		row("a", from, telco.StateSuccess),
		row("edge", to.Add(-31*day), telco.StateSuccess),
		row("z", to.Add(-time.Second), telco.StateSuccess),
	)
	got, err := read(t, client(t, b.p).Transactions.List(transactions.Query{From: from, To: to}))
	require.NoError(t, err)
	assert.Equal(t, []string{"z", "edge", "a"}, got)
	asked := b.requests()
	require.Len(t, asked, 3)
	for i, f := range asked {
		assert.LessOrEqual(t, f.To.Sub(f.From), 31*day)
		if i > 0 {
			assert.True(t, f.To.Equal(asked[i-1].From), "ranges touch")
		}
	}
	assert.True(t, asked[0].To.Equal(to))
	assert.True(t, asked[2].From.Equal(from))
}

func TestAnOpenWindowEndsWithAnError(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]time.Time{
		"until now": {}, "to now": time.Now(), "into the lag": ago(20 * time.Second), "into the future": time.Now().Add(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, contract.Default(),
				row("old", ago(10*time.Minute), telco.StateSuccess),
				row("fresh", ago(15*time.Second), telco.StateSuccess),
			)
			l := client(t, b.p).Transactions.List(transactions.Query{From: ago(time.Hour), To: to})
			var requests []int
			for range 2 { // the second time MobiFone's clock is known beforehand
				got, err := read(t, l)
				assert.Equal(t, []string{"old"}, got)
				open, ok := errors.AsType[*transactions.WindowOpenError](err)
				require.True(t, ok)
				assert.True(t, open.Until.Before(time.Now().Add(-time.Minute)))
				assert.WithinDuration(t, time.Now().Add(-time.Minute), open.Until, 30*time.Second)
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				asked := b.requests()
				assert.True(t, asked[len(asked)-1].To.Equal(open.Until))
				for _, f := range asked {
					assert.False(t, f.To.After(time.Now()), "MobiFone may refuse a range that ends in its future")
				}
				requests = append(requests, len(asked))
			}
			assert.Equal(t, requests[0]+1, requests[1], "with MobiFone's clock known there is nothing to find out")
		})
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	second := row("t2", from.Add(time.Second), telco.StateFailed)
	second.Shop, second.Package = "HN02", "3C120"
	rows := []field.Row{row("t1", from, telco.StateSuccess), second, row("t3", from.Add(2*time.Second), telco.StatePending)}
	carriesNone := func(d *contract.Document) {
		delete(d.Operations[telco.OpList].Request, "package")
		delete(d.Operations[telco.OpList].Request, "shop")
	}
	for name, tt := range map[string]struct {
		query transactions.Query
		want  []string
	}{
		"all":     {transactions.Query{}, []string{"t3", "t2", "t1"}},
		"state":   {transactions.Query{State: telco.StateSuccess}, []string{"t1"}},
		"shop":    {transactions.Query{Shop: "HN02"}, []string{"t2"}},
		"package": {transactions.Query{Package: "C120"}, []string{"t3", "t1"}},
		"both":    {transactions.Query{Package: "C120", Shop: "HN02"}, nil},
	} {
		for wire, c := range map[string]*contract.Contract{"sent": contract.Default(), "not carried": edited(t, carriesNone)} {
			t.Run(name+", "+wire, func(t *testing.T) {
				t.Parallel()
				b := serve(t, c, append([]field.Row(nil), rows...)...)
				q := tt.query
				q.From, q.To = from, from.Add(time.Minute)
				got, err := read(t, client(t, b.p).Transactions.List(q))
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
				f := b.requests()[0]
				assert.Equal(t, telco.StateUnlisted, f.State, "the state is never sent: rows would leave the filter while pages are read")
				if wire == "sent" {
					assert.Equal(t, q.Shop, f.Shop)
					assert.Equal(t, q.Package, f.Package)
				}
			})
		}
	}
}

func TestAFilterThatNobodyCanApplyIsAnError(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	b := serve(t, edited(t, func(d *contract.Document) {
		delete(d.Operations[telco.OpList].Request, "shop")
		delete(d.Operations[telco.OpList].Rows.Fields, "shop")
	}), row("t1", from, telco.StateSuccess))
	got, err := read(t, client(t, b.p).Transactions.List(transactions.Query{From: from, To: from.Add(time.Minute), Shop: "HN01"}))
	assert.Empty(t, got)
	require.ErrorIs(t, err, telco.ReplyUnreadable)
	assert.ErrorContains(t, err, "shop")
}

func TestSearchIsForOneSubscriber(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	theirs := row("t2", from, telco.StateSuccess)
	theirs.MSISDN = other
	b := serve(t, contract.Default(), row("t1", from, telco.StateSuccess), theirs)
	q := transactions.Query{From: from, To: from.Add(time.Minute)}
	c := client(t, b.p)
	got, err := read(t, c.Transactions.Search(transactions.SearchQuery{MSISDN: msisdn, Query: q}))
	require.NoError(t, err)
	assert.Equal(t, []string{"t1"}, got)
	assert.Equal(t, msisdn, b.requests()[0].MSISDN)

	_, err = read(t, c.Transactions.Search(transactions.SearchQuery{Query: q}))
	require.ErrorIs(t, err, telco.InvalidInput)
	assert.Len(t, b.requests(), 1)

	one := 1
	b.p.On(telco.OpSearch, b.p.Says(telco.OpSearch, http.StatusOK, wire.Answer{
		Code: telco.Success, Data: field.Data{HasRows: true, Total: &one, Rows: []field.Row{theirs}},
	}))
	got, err = read(t, c.Transactions.Search(transactions.SearchQuery{MSISDN: msisdn, Query: q}))
	assert.Empty(t, got)
	require.ErrorIs(t, err, telco.ReplyUnreadable)
	assert.NotContains(t, err.Error(), "8123457")
}

func TestQueryFaultsComeAllAtOnce(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	c := client(t, p)
	now := time.Now()
	for name, tt := range map[string]struct {
		query transactions.Query
		want  []string
	}{
		"everything wrong": {transactions.Query{Package: "c 1", Shop: "a b", PageSize: 101}, []string{"From", "Package", "Shop", "PageSize"}},
		"backwards":        {transactions.Query{From: now, To: now.Add(-time.Hour), PageSize: -1}, []string{"To", "PageSize"}},
		"empty":            {transactions.Query{From: now, To: now}, []string{"To"}},
		"a mistyped year":  {transactions.Query{From: now.AddDate(-20, 0, 0), To: now}, []string{"To"}},
	} {
		_, err := read(t, c.Transactions.List(tt.query))
		require.ErrorIs(t, err, telco.InvalidInput, name)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), name)
		var e *telco.Error
		require.ErrorAs(t, err, &e)
		var fields []string
		for _, f := range e.Fields {
			fields = append(fields, f.Field)
		}
		assert.Equal(t, tt.want, fields, name)
	}
	assert.Zero(t, p.Requests(telco.OpList))
}

func TestListingRefusesAnswersItCannotTrust(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	written := func(created time.Time) string {
		return fmt.Sprintf(`{"transId":"T-1","status":"SUCCESS","createdAt":%q}`,
			created.In(time.FixedZone("", 7*3600)).Format("20060102150405"))
	}
	for name, tt := range map[string]struct {
		data string
		code telco.Code
	}{
		"no list":                {`{"total":0}`, telco.ReplyUnreadable},
		"null list, a total":     {`{"items":null,"total":1}`, telco.ReplyUnreadable},
		"null list, no total":    {`{"items":null}`, telco.ReplyUnreadable},
		"another page":           {`{"items":[],"page":2,"total":0}`, telco.ReplyUnreadable},
		"a total never reached":  {`{"items":[` + written(from) + `],"total":3}`, telco.ReplyUnreadable},
		"a row from elsewhen":    {`{"items":[` + written(from.Add(-7*time.Hour)) + `],"total":1}`, telco.ReplyUnreadable},
		"a row without any id":   {`{"items":[{"status":"SUCCESS"}],"total":1}`, telco.ReplyUnreadable},
		"MobiFone says no":       {`null`, telco.Code("PACKAGE_INVALID")},
		"the same, with no code": {``, telco.ReplyUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			body := getPrefix + tt.data + `}`
			if tt.code == telco.Code("PACKAGE_INVALID") {
				body = `{"errorCode":"2063","message":"no","data":null}`
			}
			p.On(telco.OpList, wiretest.Raw(http.StatusOK, "application/json", body))
			got, err := read(t, client(t, p).Transactions.List(transactions.Query{From: from, To: from.Add(time.Minute)}))
			assert.Empty(t, got)
			require.ErrorIs(t, err, tt.code)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			var e *telco.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, telco.OpList, e.Operation)
		})
	}
}

// Some serializers write an empty list as null; the total says that it is one.
func TestANullListWithATotalOfNoneIsEmpty(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpList, wiretest.Raw(http.StatusOK, "application/json", getPrefix+`{"items":null,"total":0}}`))
	got, err := read(t, client(t, p).Transactions.List(transactions.Query{From: from, To: from.Add(time.Minute)}))
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestPagesAreReachable(t *testing.T) {
	t.Parallel()
	from := ago(time.Hour)
	var rows []field.Row
	for i := range 25 {
		state := telco.StateSuccess
		if i%2 == 1 {
			state = telco.StateFailed
		}
		rows = append(rows, row(fmt.Sprintf("T-%02d", i), from.Add(time.Duration(i)*time.Second), state))
	}
	b := serve(t, contract.Default(), rows...)
	c := client(t, b.p)
	l := c.Transactions.List(transactions.Query{From: from, PageSize: 10, State: telco.StateSuccess})
	p, err := l.Page(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, 3, p.Number)
	assert.Equal(t, 25, *p.Total)
	require.Len(t, p.Rows, 3, "of the last five, T-04, T-02 and T-00 succeeded")
	assert.Equal(t, telco.TransID("T-04"), p.Rows[0].TransID)
	assert.False(t, p.MobiFoneTime.IsZero())

	var numbers, kept []int
	for p, err := range l.Pages(t.Context()) {
		require.NoError(t, err)
		numbers, kept = append(numbers, p.Number), append(kept, len(p.Rows))
	}
	assert.Equal(t, []int{1, 2, 3}, numbers)
	assert.Equal(t, []int{5, 5, 3}, kept)

	n := len(b.requests())
	_, err = l.Page(t.Context(), 0)
	require.ErrorIs(t, err, telco.InvalidInput)
	_, err = c.Transactions.List(transactions.Query{From: ago(40 * 24 * time.Hour)}).Page(t.Context(), 1)
	require.ErrorIs(t, err, telco.InvalidInput)
	require.ErrorContains(t, err, "From: pages reach over at most", "the field is named as Go does")
	assert.Len(t, b.requests(), n)
}

func TestPagesYieldsAnEmptyFirstPage(t *testing.T) {
	t.Parallel()
	b := serve(t, contract.Default())
	n := 0
	for p, err := range client(t, b.p).Transactions.List(transactions.Query{From: ago(time.Hour)}).Pages(t.Context()) {
		require.NoError(t, err)
		assert.Empty(t, p.Rows)
		n++
	}
	assert.Equal(t, 1, n)
}
