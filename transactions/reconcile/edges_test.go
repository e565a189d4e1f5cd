package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// TestRefundedAndInReview: the sale stands as registered and its cash is out. It never matches, also where
// every field does.
func TestRefundedAndInReview(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.Refunded = true
	for _, with := range []bool{true, false} {
		all, sum := join(t, Config{WithMatched: with}, []Ours{o}, []telco.Transaction{tx})
		require.Equal(t, []string{"REFUNDED_REGISTERED"}, kindsOf(all))
		assert.False(t, sum.Balanced())
		assert.Equal(t, int64(1), sum.Off().Rows)
	}
}

// TestTakenBackInALaterStatement: the later row takes the place of the earlier one, if both say when.
func TestTakenBackInALaterStatement(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	back := tx
	back.State, back.UpdatedAt = telco.StateReversed, tx.UpdatedAt.Add(time.Hour)
	all, sum := join(t, Config{}, []Ours{o}, []telco.Transaction{back, tx})
	assert.Equal(t, []string{"REVERSED"}, kindsOf(all))
	assert.Equal(t, int64(1), sum.Repeated.Theirs.Rows)
	assert.Zero(t, sum.Sold.Theirs.Rows)
	// Taken back first and registered after it: nobody knows what holds.
	back.UpdatedAt = tx.UpdatedAt.Add(-time.Hour)
	all, sum = join(t, Config{WithMatched: true}, []Ours{o}, []telco.Transaction{back, tx})
	assert.Equal(t, []string{"MATCHED", "DUPLICATE"}, kindsOf(all))
	assert.Zero(t, sum.Repeated.Theirs.Rows)
	// A row that does not say when it was is not the earlier one.
	pending := tx
	pending.State, pending.UpdatedAt = telco.StatePending, time.Time{}
	all, _ = join(t, Config{WithMatched: true}, []Ours{o}, []telco.Transaction{pending, tx})
	assert.Equal(t, []string{"MATCHED", "DUPLICATE"}, kindsOf(all))
}

// TestAnOTPBesideADuplicate: what MobiFone has too much is not what a used-up OTP of ours was.
func TestAnOTPBesideADuplicate(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	earlier, twice := o, tx
	earlier.TransID, earlier.Outcome, twice.TransID = "T0", telco.Rejected, "T9"
	all, sum := join(t, Config{WithMatched: true}, []Ours{earlier, o}, []telco.Transaction{tx, twice})
	assert.Equal(t, []string{"MATCHED", "UNSOLD", "DUPLICATE"}, kindsOf(all))
	assert.Nil(t, all[2].Ours)
	assert.Equal(t, int64(1), sum.Kinds[Unsold].Ours.Rows)
}

// TestNotSentIsRejected: whoever gives a row of ours, it is one row.
func TestNotSentIsRejected(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.Outcome, tx.State = telco.NotSent, telco.StateFailed
	again := o
	again.Outcome = telco.Rejected
	all, sum := join(t, Config{}, []Ours{o, again}, []telco.Transaction{tx})
	require.Equal(t, []string{"UNSOLD"}, kindsOf(all))
	assert.Equal(t, telco.Rejected, all[0].Ours.Outcome)
	assert.Equal(t, int64(1), sum.Repeated.Ours.Rows)
}

// TestTheRowThatAgreesIsTheMatch: of two contents of one transId, whichever is the larger.
func TestTheRowThatAgreesIsTheMatch(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	for _, amount := range []telco.VND{o.Amount - 1, o.Amount + 1} {
		again := tx
		again.Amount = amount
		all, sum := join(t, Config{}, []Ours{o}, []telco.Transaction{again, tx})
		require.Equal(t, []string{"DUPLICATE"}, kindsOf(all))
		assert.Equal(t, amount, all[0].Theirs.Amount)
		assert.Equal(t, o.Amount, sum.Kinds[Matched].Theirs.VND)
	}
}

// TestMalformedOnBothSides: a pair that agrees in every field is matched, and another row with its transId
// is in the same category whether matches are told or not.
func TestMalformedOnBothSides(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.PartnerTransID = o.PartnerTransID[:28] + "?"
	tx.PartnerTransID = o.PartnerTransID
	other, _ := sold(2)
	other.TransID = o.TransID
	for _, with := range []bool{true, false} {
		_, sum := join(t, Config{WithMatched: with}, []Ours{o, other}, []telco.Transaction{tx, tx})
		assert.Equal(t, int64(1), sum.Kinds[Matched].Ours.Rows)
		assert.Equal(t, int64(1), sum.Kinds[OursOnly].Ours.Rows)
	}
}

// TestTheDayOfAMoment: the day is that of +07:00, in whatever zone the moment is told, to the second.
func TestTheDayOfAMoment(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	for _, moment := range []time.Time{day, day.UTC(), day.Add(24*time.Hour - 1).In(time.FixedZone("", -11*60*60))} {
		for at, want := range map[time.Time]int64{day: 1, day.Add(-time.Second): 0, day.Add(24*time.Hour - time.Second): 1, day.Add(24 * time.Hour): 0} {
			tx.CreatedAt = at
			_, sum := join(t, Config{Day: moment}, []Ours{o}, []telco.Transaction{tx})
			assert.Equal(t, want, sum.Kinds[Matched].Theirs.Rows, "%v in the day of %v", at, moment)
		}
	}
}

// TestWhoIsTheEarlierRow: only a row that was surely changed later takes another one's place.
func TestWhoIsTheEarlierRow(t *testing.T) {
	t.Parallel()
	type at struct {
		state telco.State
		after int
	}
	for name, tt := range map[string]struct {
		rows []at
		want string
	}{
		"the last of three":        {[]at{{telco.StateInit, 0}, {telco.StatePending, 1}, {telco.StateSuccess, 2}}, "MATCHED"},
		"whatever the states are":  {[]at{{telco.StateInit, 2}, {telco.StatePending, 1}}, "DIFFERS"},
		"in one second":            {[]at{{telco.StatePending, 0}, {telco.StateSuccess, 0}}, "MATCHED DUPLICATE"},
		"two that came in one":     {[]at{{telco.StateSuccess, 0}, {telco.StateFailed, 1}, {telco.StateReversed, 1}}, "MATCHED DUPLICATE UNSOLD"},
		"success is not withdrawn": {[]at{{telco.StateSuccess, 0}, {telco.StatePending, 1}}, "MATCHED DUPLICATE"},
	} {
		o, tx := sold(1)
		var theirs []telco.Transaction
		for _, row := range tt.rows {
			tx.State, tx.UpdatedAt = row.state, noon.Add(time.Duration(row.after)*time.Second)
			theirs = append(theirs, tx)
		}
		all, sum := join(t, Config{WithMatched: true}, []Ours{o}, theirs)
		assert.Equal(t, tt.want, strings.Join(kindsOf(all), " "), name)
		assert.Equal(t, int64(len(theirs)-len(all)), sum.Repeated.Theirs.Rows, name)
		// Without a transId nobody can tell that they are one.
		for i := range theirs {
			theirs[i].TransID = ""
		}
		_, sum = join(t, Config{}, []Ours{o}, theirs)
		assert.Zero(t, sum.Repeated.Theirs.Rows, name)
	}
}

// TestTheFirstOfTwoRegistrations of an id that nobody here knows is not the one too many, whatever its ids.
func TestTheFirstOfTwoRegistrations(t *testing.T) {
	t.Parallel()
	for _, first := range []telco.TransID{"T1", "T2"} {
		_, tx := sold(1)
		other := tx
		tx.TransID, other.TransID = "T1", "T2"
		early, late := &tx, &other
		if first == "T2" {
			early, late = late, early
		}
		early.CreatedAt, late.CreatedAt = noon, noon.Add(time.Second)
		all, _ := join(t, Config{}, nil, []telco.Transaction{tx, other})
		kinds := map[telco.TransID]Kind{}
		for _, f := range all {
			kinds[f.Theirs.TransID] = f.Kind
		}
		assert.Equal(t, map[telco.TransID]Kind{early.TransID: TheirsOnly, late.TransID: Duplicate}, kinds)
	}
}

// TestAMalformedIDMakesNoDuplicate: it may be in the place of any id, so another registration with it is
// not one too many of this sale.
func TestAMalformedIDMakesNoDuplicate(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.PartnerTransID = o.PartnerTransID[:28] + "?"
	tx.PartnerTransID = o.PartnerTransID
	other := tx
	other.TransID = "T9"
	all, sum := join(t, Config{}, []Ours{o}, []telco.Transaction{tx, other})
	assert.Equal(t, []string{"THEIRS_ONLY"}, kindsOf(all))
	assert.Equal(t, int64(1), sum.Kinds[Matched].Theirs.Rows)
}

// TestWhatIsCarriedByOneIDAlone names every row that has it.
func TestWhatIsCarriedByOneIDAlone(t *testing.T) {
	t.Parallel()
	next := Config{Day: noon.Add(24 * time.Hour)}
	o, tx := sold(1)
	o.Outcome, tx.State = telco.Unknown, telco.StatePending
	without := func(o Ours, tx telco.Transaction) (Ours, telco.Transaction) {
		o.TransID, tx.TransID = "", ""
		return o, tx
	}
	bare, bareTx := without(o, tx)
	for name, tt := range map[string]struct {
		o    Ours
		tx   telco.Transaction
		told telco.IDs
		want bool
	}{
		"both":                      {o, tx, o.IDs, true},
		"partnerTransId":            {o, tx, telco.IDs{PartnerTransID: o.PartnerTransID}, true},
		"another transId":           {o, tx, telco.IDs{TransID: "T2", PartnerTransID: o.PartnerTransID}, false},
		"rows without one":          {bare, bareTx, o.IDs, true},
		"another partnerTransId":    {o, tx, telco.IDs{TransID: "T1", PartnerTransID: partnerID(2)}, false},
		"none at all, and the rows": {bare, bareTx, telco.IDs{PartnerTransID: o.PartnerTransID}, true},
	} {
		all, sum := join(t, next, []Ours{tt.o}, []telco.Transaction{tt.tx}, tt.told)
		want := []string{"GONE"}
		if tt.want {
			want = []string{"STILL_OPEN"}
		}
		assert.Equal(t, want, kindsOf(all), name)
		assert.Equal(t, tt.want, sum.CarriedGone == 0, name)
	}
}

// TestWhatIsMissingOnBothSides does not agree, be the pair counted or told.
func TestWhatIsMissingOnBothSides(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(o *Ours, tx *telco.Transaction){
		"package":    func(o *Ours, tx *telco.Transaction) { o.Package, tx.Package = "", "" },
		"amount":     func(o *Ours, tx *telco.Transaction) { o.Amount, tx.Amount = 0, 0 },
		"subscriber": func(o *Ours, tx *telco.Transaction) { o.MSISDN, tx.MSISDN = telco.MSISDN{}, telco.MSISDN{} },
	} {
		for _, with := range []bool{true, false} {
			o, tx := sold(1)
			change(&o, &tx)
			all, _ := join(t, Config{WithMatched: with}, []Ours{o}, []telco.Transaction{tx})
			require.Equal(t, []string{"DIFFERS"}, kindsOf(all), name)
			require.Len(t, all[0].Differences, 1)
			assert.Equal(t, name, all[0].Differences[0].Field)
		}
	}
}
