package transactions_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

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
		"MobiFone says no":       {`null`, telco.PackageInvalid},
		"the same, with no code": {``, telco.ReplyUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			body := getPrefix + tt.data + `}`
			if tt.code == telco.PackageInvalid {
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
