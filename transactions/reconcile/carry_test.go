package reconcile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestWhatWasOpenIsGivenAgain(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.Outcome, tx.State = telco.Unknown, telco.StatePending
	all, _ := join(t, Config{Day: noon}, []Ours{o}, []telco.Transaction{tx})
	require.Len(t, all, 1)
	require.Equal(t, StillOpen, all[0].Kind)
	open := all[0].IDs()

	// The next day MobiFone shows it done.
	tx.State, tx.UpdatedAt = telco.StateSuccess, day.Add(25*time.Hour)
	next := Config{Day: noon.Add(24 * time.Hour)}
	all, _ = join(t, next, []Ours{o}, []telco.Transaction{tx})
	assert.Empty(t, all, "of another day")
	all, sum := join(t, next, []Ours{o}, []telco.Transaction{tx}, open)
	require.Len(t, all, 1)
	assert.Equal(t, NowKnown, all[0].Kind)
	assert.True(t, all[0].Carried)
	assert.Zero(t, sum.CarriedGone)
	// And known here by now, it is counted among the matched.
	o.Outcome = telco.Succeeded
	_, sum = join(t, next, []Ours{o}, []telco.Transaction{tx}, open)
	assert.Equal(t, int64(1), sum.Kinds[Matched].Theirs.Rows)
	assert.True(t, sum.Balanced())
	// Of one side alone, and of none.
	all, sum = join(t, next, nil, []telco.Transaction{tx}, open)
	require.Equal(t, []string{"THEIRS_ONLY"}, kindsOf(all))
	assert.True(t, all[0].Carried)
	assert.Zero(t, sum.OtherDays)
	_, sum = join(t, next, nil, []telco.Transaction{tx})
	assert.Equal(t, int64(1), sum.OtherDays.Theirs.Rows)
	all, _ = join(t, next, []Ours{o}, nil, open)
	require.Len(t, all, 1)
	assert.Equal(t, OursOnly, all[0].Kind)
	all, sum = join(t, next, nil, nil, open)
	require.Len(t, all, 1)
	assert.Equal(t, Finding{Kind: Gone, Carried: true, gone: o.IDs}, all[0])
	assert.Equal(t, o.IDs, all[0].IDs())
	assert.Equal(t, int64(1), sum.CarriedGone)
	assert.False(t, sum.Balanced())
	assert.NotContains(t, sum.Kinds, Gone, "it is no row")
}

// TestWhatWasOpenIsFoundUnderOtherIDs: MobiFone may tell our id one day and not the other.
func TestWhatWasOpenIsFoundUnderOtherIDs(t *testing.T) {
	t.Parallel()
	next := Config{Day: noon.Add(24 * time.Hour), WithMatched: true}
	open := func(ours []Ours, theirs []telco.Transaction) (ids []telco.IDs) {
		all, _ := join(t, Config{Day: noon}, ours, theirs)
		var lines bytes.Buffer
		for _, f := range all {
			require.NoError(t, json.NewEncoder(&lines).Encode(f))
		}
		run, err := Start(Config{})
		require.NoError(t, err)
		require.NoError(t, run.CarryFile(bytes.NewReader(lines.Bytes())))
		require.ErrorContains(t, run.CarryFile(strings.NewReader("{")), "finding 1")
		require.NoError(t, run.Close())
		for one, err := range stillOpen(&lines) {
			require.NoError(t, err)
			ids = append(ids, one)
		}
		return ids
	}
	// Yesterday's row had no partnerTransId, today's has one.
	o, tx := sold(1)
	o.Outcome, tx.State, tx.PartnerTransID = telco.Unknown, telco.StatePending, ""
	ids := open([]Ours{o}, []telco.Transaction{tx})
	require.Equal(t, []telco.IDs{o.IDs}, ids)
	tx.State, tx.PartnerTransID = telco.StateSuccess, o.PartnerTransID
	all, sum := join(t, next, []Ours{o}, []telco.Transaction{tx}, ids...)
	require.Equal(t, []string{"NOW_KNOWN"}, kindsOf(all))
	assert.Zero(t, sum.CarriedGone)
	// Its row had another transId than ours: both are waited for.
	tx.State, tx.TransID = telco.StatePending, "T9"
	ids = open([]Ours{o}, []telco.Transaction{tx})
	require.Len(t, ids, 2)
	all, sum = join(t, next, []Ours{o}, nil, ids...)
	require.Equal(t, []string{"GONE", "STILL_OPEN"}, kindsOf(all))
	assert.Equal(t, telco.IDs{TransID: "T9", PartnerTransID: o.PartnerTransID}, all[0].IDs(), "MobiFone's is")
	assert.Equal(t, int64(1), sum.CarriedGone)
	// It had our id yesterday and has none today, beside another OTP's row that has it.
	done, doneTx := o, tx
	done.TransID, done.Outcome, doneTx.TransID, doneTx.State = "T8", telco.Succeeded, "T8", telco.StateSuccess
	tx.TransID, tx.PartnerTransID, tx.State = "T7", "", telco.StateSuccess
	all, sum = join(t, next, []Ours{done}, []telco.Transaction{doneTx, tx}, telco.IDs{TransID: "T7", PartnerTransID: o.PartnerTransID})
	require.Equal(t, []string{"THEIRS_ONLY"}, kindsOf(all))
	assert.True(t, all[0].Carried)
	assert.Zero(t, sum.CarriedGone)
}

// kindsOf are the words of the kinds, in order.
func kindsOf(all []Finding) (kinds []string) {
	for _, f := range all {
		kinds = append(kinds, f.Kind.String())
	}
	return kinds
}

// TestWhatIsGoneIsToldOnce, each of many, and a caller may stop there; the next day does not wait for it.
func TestWhatIsGoneIsToldOnce(t *testing.T) {
	t.Parallel()
	var carried, gone []telco.IDs
	for n := range 2000 {
		o, _ := sold(n + 1)
		if n%2 == 0 {
			o.PartnerTransID = ""
		}
		carried = append(carried, o.IDs, o.IDs)
	}
	all, sum := join(t, Config{Memory: 1}, nil, nil, carried...)
	var lines bytes.Buffer
	for _, f := range all {
		gone = append(gone, f.IDs())
		require.NoError(t, json.NewEncoder(&lines).Encode(f))
	}
	assert.ElementsMatch(t, slices.Compact(carried), gone)
	assert.Equal(t, int64(2000), sum.CarriedGone)
	// Two of one sale are two.
	both := []telco.IDs{{TransID: "T1", PartnerTransID: partnerID(1)}, {TransID: "T2", PartnerTransID: partnerID(1)}}
	_, sum = join(t, Config{}, nil, nil, both...)
	assert.Equal(t, int64(2), sum.CarriedGone)
	for ids, err := range stillOpen(&lines) {
		t.Fatal(ids, err)
	}
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.Carry(seq(carried)))
	for f, err := range run.Findings(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, Gone, f.Kind)
		break
	}
}
