package transactions_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

// A complete lookup asks for every pair, each by its transId, and once for a
// partnerTransId that two of them share. One reply from a cache makes it one.
func TestLookUpAsksForEveryPair(t *testing.T) {
	t.Parallel()
	own := transid.Random()
	pairs := []telco.IDs{{TransID: "T-1", PartnerTransID: own}, {TransID: "T-2", PartnerTransID: own}}
	for _, aged := range []telco.TransID{"", "T-1", "T-2"} {
		p := wiretest.New(t, contract.Default())
		var asked []string
		p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
			asked = append(asked, string(f.TransID)+string(f.PartnerTransID))
			if aged != "" && f.TransID == aged {
				w.Header().Set("Age", "9")
			}
			p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
		})
		found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: pairs})
		require.NoError(t, err)
		assert.Equal(t, []string{"T-1", string(own), "T-2"}, asked)
		assert.Empty(t, found.Rows)
		assert.Equal(t, aged != "", found.Cached, aged)
	}
}

// A "not found" that a cache may have given is no absence. It is still MobiFone's word.
func TestACacheProvesNothingAbsent(t *testing.T) {
	t.Parallel()
	for _, age := range []string{"", "0", "9"} {
		p := wiretest.New(t, contract.Default())
		p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
			if age != "" {
				w.Header().Set("Age", age)
			}
			p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
		})
		_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
		require.ErrorIs(t, err, telco.TransactionNotFound)
		at, absent := absence(err)
		assert.Equal(t, age != "9", absent, age)
		assert.Equal(t, age == "9", at.IsZero(), age)
	}
}

// A row that two questions show is one. A row that stands twice in one answer is two,
// however alike: MobiFone carried one request out twice.
func TestLookUpCountsRows(t *testing.T) {
	t.Parallel()
	own := transid.Random()
	row := wiretest.Row(field.Request{TransID: "T-1", PartnerTransID: own, Package: "C120", Amount: 120_000}, telco.StateSuccess)
	for want, rows := range map[int][]field.Row{1: {row}, 2: {row, row}} {
		p := wiretest.New(t, contract.Default())
		p.On(telco.OpGet, p.Says(telco.OpGet, 200, wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Rows: rows}}))
		found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: []telco.IDs{{TransID: "T-1", PartnerTransID: own}}})
		require.NoError(t, err)
		assert.Len(t, found.Rows, want)
	}
}

// An absence holds for when the ledger was read, not for when the reply came.
func TestAbsenceHoldsForWhenTheLedgerWasRead(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var date time.Time
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		<-time.After(1200 * time.Millisecond)
		date = time.Now().Truncate(time.Second)
		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
	})
	_, err := client(t, p).Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
	at, absent := absence(err)
	require.True(t, absent)
	assert.False(t, at.After(date.Add(-1200*time.Millisecond)), "%s, said at %s", at, date)
	assert.ErrorContains(t, err, at.UTC().Format(time.RFC3339))
}

// What a question showed stands although the next one failed, as from a cache: it proves
// nothing absent.
func TestLookUpKeepsWhatItSawBeforeItFailed(t *testing.T) {
	t.Parallel()
	own := transid.Random()
	row := wiretest.Row(field.Request{TransID: "T-1", PartnerTransID: own, Package: "C120", Amount: 120_000}, telco.StateSuccess)
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if f.TransID == "" {
			wiretest.Raw(400, "text/plain", "")(w, r, f)
			return
		}
		p.Found(row)(w, r, f)
	})
	found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{IDs: []telco.IDs{{TransID: "T-1", PartnerTransID: own}}})
	require.Error(t, err)
	assert.Len(t, found.Rows, 1)
	assert.True(t, found.Cached)
}

// searching is the default contract of a MobiFone without a lookup by id.
func searching(t *testing.T, change func(*contract.Document)) *contract.Contract {
	t.Helper()
	doc := contract.Default().Document()
	delete(doc.Operations, telco.OpGet)
	if change != nil {
		change(&doc)
	}
	c, err := contract.New(doc)
	require.NoError(t, err)
	return c
}

// Without a lookup by id the subscriber's transactions are read, page by page, and those of
// the ids are kept.
func TestLookUpSearchesWhereThereIsNoLookupByID(t *testing.T) {
	t.Parallel()
	own := transid.Random()
	since := ago(time.Hour)
	rows := []field.Row{row("T-1", since.Add(time.Minute), telco.StateFailed)}
	for n := range 250 { // strangers: the same subscriber bought other things
		rows = append(rows, row("X-"+strconv.Itoa(n), since.Add(-time.Duration(n)*time.Second), telco.StateSuccess))
	}
	ours := row("T-OTHER-OTP", since.Add(-2*time.Hour), telco.StatePending)
	ours.PartnerTransID = own
	b := serve(t, searching(t, nil), append(rows, ours)...)
	found, err := client(t, b.p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
		IDs: []telco.IDs{{TransID: "T-1", PartnerTransID: own}}, MSISDN: msisdn, Since: since,
	})
	require.NoError(t, err)
	require.Len(t, found.Rows, 2)
	assert.False(t, found.Cached)
	assert.False(t, found.ReadAt.IsZero())
	asked := b.requests()
	require.Len(t, asked, 4, "once more at first, because one reply alone does not tell the time")
	for _, f := range asked {
		assert.Equal(t, msisdn, f.MSISDN)
		assert.True(t, f.From.Equal(since.Add(-24*time.Hour)) && f.To.After(time.Now().Add(23*time.Hour)), "%v to %v", f.From, f.To)
	}
}

// What is not counted, and a row that might be ours, prove no absence.
func TestASearchThatIsNotCompleteProvesNothingAbsent(t *testing.T) {
	t.Parallel()
	req := transactions.LookUpRequest{IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: ago(time.Hour)}
	zero, one, two := 0, 1, 2
	stranger := row("X-1", ago(time.Minute), telco.StateSuccess)
	nameless := stranger
	nameless.TransID = ""
	for name, tc := range map[string]struct {
		data   field.Data
		cached bool
	}{
		"counted":             {field.Data{HasRows: true, Total: &zero}, false},
		"pages counted":       {field.Data{HasRows: true, Pages: &zero}, false},
		"not counted":         {field.Data{HasRows: true}, true},
		"fewer than counted":  {field.Data{HasRows: true, Total: &two}, true},
		"a stranger's":        {field.Data{HasRows: true, Total: &one, Rows: []field.Row{stranger}}, false},
		"a row without an id": {field.Data{HasRows: true, Total: &one, Rows: []field.Row{nameless}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, searching(t, func(d *contract.Document) { d.Operations[telco.OpSearch].Response["pages"] = "pages" }))
			p.On(telco.OpSearch, p.Says(telco.OpSearch, 200, wire.Answer{Code: telco.Success, Data: tc.data}))
			found, err := client(t, p).Transactions.LookUp(t.Context(), req)
			require.NoError(t, err)
			assert.Empty(t, found.Rows)
			assert.Equal(t, tc.cached, found.Cached)
		})
	}
	p := wiretest.New(t, searching(t, nil))
	p.On(telco.OpSearch, wiretest.Raw(200, "application/json", `{"errorCode":"0000","data":{"items":null}}`))
	_, err := client(t, p).Transactions.LookUp(t.Context(), req)
	require.ErrorIs(t, err, telco.ReplyUnreadable, "a success without the list says nothing")
	for _, r := range []transactions.LookUpRequest{{IDs: req.IDs, Since: req.Since}, {IDs: req.IDs, MSISDN: req.MSISDN}} {
		_, err = client(t, p).Transactions.LookUp(t.Context(), r)
		require.ErrorIs(t, err, telco.InvalidInput)
		assert.ErrorContains(t, err, "MSISDN")
	}
}

// Whatever the till's clock says, the time in which the intents can show is searched.
func TestASearchCoversTheIntents(t *testing.T) {
	t.Parallel()
	since := ago(100 * 24 * time.Hour)
	b := serve(t, searching(t, nil), row("T-1", since.Add(2*time.Hour), telco.StateSuccess))
	found, err := client(t, b.p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
		IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: since, Until: since.Add(time.Hour),
	})
	require.NoError(t, err)
	assert.Len(t, found.Rows, 1)
	for _, f := range b.requests() {
		assert.LessOrEqual(t, f.To.Sub(f.From), 31*24*time.Hour)
	}
	assert.Greater(t, len(b.requests()), 3)
}

// A search of several ranges holds for when the first one was read: what came into the ledger
// in between may lie in a range that was read before.
func TestASearchHoldsForWhenItBegan(t *testing.T) {
	t.Parallel()
	since, asked := ago(100*24*time.Hour), 0
	p := wiretest.New(t, searching(t, nil))
	zero, began := 0, time.Now().Truncate(time.Second)
	p.On(telco.OpSearch, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		w.Header().Set("Date", began.Add(time.Duration(asked)*2*time.Second).UTC().Format(http.TimeFormat))
		asked++
		p.Says(telco.OpSearch, 200, wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Total: &zero}})(w, r, f)
	})
	found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
		IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: since,
	})
	require.NoError(t, err)
	require.Greater(t, asked, 3)
	require.False(t, found.ReadAt.IsZero())
	assert.False(t, found.ReadAt.After(began.Add(2*time.Second)), "read at %s, began at %s", found.ReadAt, began)
}

// What one range showed stands although the next one failed, as from a cache.
func TestASearchKeepsWhatItSawBeforeItFailed(t *testing.T) {
	t.Parallel()
	since, asked := ago(100*24*time.Hour), 0
	p := wiretest.New(t, searching(t, nil))
	one := 1
	p.On(telco.OpSearch, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if asked++; asked > 2 {
			wiretest.Raw(400, "text/plain", "")(w, r, f)
			return
		}
		p.Says(telco.OpSearch, 200, wire.Answer{Code: telco.Success, Data: field.Data{
			HasRows: true, Total: &one, Rows: []field.Row{row("T-1", since.Add(time.Hour), telco.StateSuccess)},
		}})(w, r, f)
	})
	found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
		IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: since,
	})
	require.Error(t, err)
	assert.Len(t, found.Rows, 1)
	assert.True(t, found.Cached)
}

// The last of the counted pages is the last that is asked for.
func TestASearchAsksForNoPageBehindTheLast(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, searching(t, func(d *contract.Document) { d.Operations[telco.OpSearch].Response["pages"] = "pages" }))
	one := 1
	p.On(telco.OpSearch, p.Says(telco.OpSearch, 200, wire.Answer{Code: telco.Success, Data: field.Data{
		HasRows: true, Pages: &one, Rows: []field.Row{row("T-1", ago(time.Minute), telco.StateSuccess)},
	}}))
	found, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
		IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: ago(time.Hour),
	})
	require.NoError(t, err)
	assert.Len(t, found.Rows, 1)
	assert.Equal(t, 2, p.Requests(telco.OpSearch), "one of them to learn the time")
}

// A search ends behind MobiFone's present and behind the last intent, whichever is later,
// whatever the till's clock says.
func TestASearchEndsBehindWhatCanShow(t *testing.T) {
	t.Parallel()
	zero := 0
	for name, tc := range map[string]struct {
		ahead time.Duration // of MobiFone's clock
		until time.Duration // of the last intent, from now
		end   time.Duration
	}{
		"MobiFone is ahead":        {72 * time.Hour, 0, 95 * time.Hour},
		"an intent in some days":   {0, 72 * time.Hour, 96 * time.Hour},
		"the intent's end is past": {0, -time.Hour, 23 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, now, last := wiretest.New(t, searching(t, nil)), time.Now(), time.Time{}
			p.On(telco.OpSearch, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				last = f.To
				w.Header().Set("Date", time.Now().Add(tc.ahead).UTC().Format(http.TimeFormat))
				p.Says(telco.OpSearch, 200, wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Total: &zero}})(w, r, f)
			})
			_, err := client(t, p).Transactions.LookUp(t.Context(), transactions.LookUpRequest{
				IDs: []telco.IDs{{TransID: "T-1"}}, MSISDN: msisdn, Since: now.Add(-2 * time.Hour), Until: now.Add(tc.until),
			})
			require.NoError(t, err)
			assert.False(t, last.Before(now.Add(tc.end).Truncate(time.Second)), "ends at %s, now is %s", last, now)
		})
	}
}
