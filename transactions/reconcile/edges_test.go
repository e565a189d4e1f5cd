package reconcile

import (
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
	earlier.TransID, earlier.Standing, twice.TransID = "T0", NotRegistered, "T9"
	all, sum := join(t, Config{WithMatched: true}, []Ours{earlier, o}, []telco.Transaction{tx, twice})
	assert.Equal(t, []string{"MATCHED", "UNSOLD", "DUPLICATE"}, kindsOf(all))
	assert.Nil(t, all[2].Ours)
	assert.Equal(t, int64(1), sum.Kinds[Unsold].Ours.Rows)
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
