package reconcile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// plant is a kind of discrepancy: it changes a matched pair, and says what has to be found.
type plant struct {
	name string
	make func(o Ours, tx telco.Transaction) ([]Ours, []telco.Transaction, []Kind)
}

// both is a pair after a change.
func both(kind Kind, change func(o *Ours, tx *telco.Transaction)) func(Ours, telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
	return func(o Ours, tx telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		change(&o, &tx)
		return []Ours{o}, []telco.Transaction{tx}, []Kind{kind}
	}
}

var plants = []plant{
	{"another amount", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.Amount++ })},
	{"another package", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.Package = "6C120" })},
	{"another subscriber", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.MSISDN = telco.MustParseMSISDN("0999999999") })},
	{"failed at MobiFone", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.State = telco.StateFailed })},
	{"another transId", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.TransID = "X" + tx.TransID })},
	{"theirs only", func(_ Ours, tx telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		return nil, []telco.Transaction{tx}, []Kind{TheirsOnly}
	}},
	{"ours only", func(o Ours, _ telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		return []Ours{o}, nil, []Kind{OursOnly}
	}},
	{"registered twice", func(o Ours, tx telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		again := tx
		again.TransID = "Z" + again.TransID
		return []Ours{o}, []telco.Transaction{tx, again}, []Kind{Matched, Duplicate}
	}},
	{"one transId, two contents", func(o Ours, tx telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		again := tx
		again.Amount *= 2
		return []Ours{o}, []telco.Transaction{again, tx}, []Kind{Matched, Duplicate}
	}},
	{"refunded", both(RefundedRegistered, func(o *Ours, _ *telco.Transaction) { o.Outcome, o.Refunded = telco.Rejected, true })},
	{"reversed", both(Reversed, func(_ *Ours, tx *telco.Transaction) { tx.State = telco.StateReversed })},
	{"undecided, registered", both(NowKnown, func(o *Ours, _ *telco.Transaction) { o.Outcome = telco.Unknown })},
	{"undecided, absent", func(o Ours, _ telco.Transaction) ([]Ours, []telco.Transaction, []Kind) {
		o.Outcome = telco.Unknown
		return []Ours{o}, nil, []Kind{StillOpen}
	}},
	{"pending", both(StillOpen, func(o *Ours, tx *telco.Transaction) { o.Outcome, tx.State = telco.Unknown, telco.StatePending })},
	{"no partnerTransId there", both(Matched, func(_ *Ours, tx *telco.Transaction) { tx.PartnerTransID = "" })},
	{"malformed partnerTransId there", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.PartnerTransID = "x" + tx.PartnerTransID[1:] })},
	{"another partnerTransId there", both(Differs, func(_ *Ours, tx *telco.Transaction) { tx.PartnerTransID = partnerID(-len(tx.TransID)) })},
	{"refused here and there", both(Unsold, func(o *Ours, tx *telco.Transaction) { o.Outcome, tx.State = telco.Rejected, telco.StateFailed })},
	{"not registered here, and registered there", both(Differs, func(o *Ours, _ *telco.Transaction) { o.Outcome = telco.Rejected })},
}

// TestPlantedDiscrepancies hides 1,000 of 19 kinds in a day, and finds each and nothing else.
func TestPlantedDiscrepancies(t *testing.T) {
	t.Parallel()
	rows := 1_000_000
	if testing.Short() || raceEnabled {
		rows = 40_000
	}
	const planted = 1_000
	var ours []Ours
	var theirs []telco.Transaction
	want := map[string]int{}
	for n := range rows {
		o, tx := sold(n + 1)
		if n%(rows/planted) != 7 {
			ours, theirs = append(ours, o), append(theirs, tx)
			continue
		}
		p := plants[n/(rows/planted)%len(plants)]
		if p.name == "another partnerTransId there" {
			tx.PartnerTransID = partnerID(rows + n + 10)
			p.make = both(Differs, func(*Ours, *telco.Transaction) {})
		}
		moreOurs, moreTheirs, kinds := p.make(o, tx)
		ours, theirs = append(ours, moreOurs...), append(theirs, moreTheirs...)
		for _, k := range kinds {
			if k != Matched {
				want[fmt.Sprintf("%s of order %d", k, n+1)]++
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	all, sum := join(t, Config{Day: noon, Memory: 8 << 20}, shuffled(r, ours), shuffled(r, theirs))
	got := map[string]int{}
	for _, f := range all {
		got[fmt.Sprintf("%s of order %s", f.Kind, orderOf(f))]++
	}
	assert.Equal(t, want, got)
	assert.False(t, sum.Balanced())
	assert.Equal(t, int64(len(ours)), sum.Read.Ours.Rows)
	assert.Equal(t, int64(len(theirs)), sum.Read.Theirs.Rows)
	assert.Equal(t, sum.Read, sum.total())
	assert.Equal(t, sum.Kinds[Matched].Ours, sum.Kinds[Matched].Theirs)
}

// orderOf is the number of the sale that a finding is about.
func orderOf(f Finding) string {
	if f.Ours != nil {
		return f.Ours.Order[3:]
	}
	id := string(f.Theirs.TransID)
	for id != "" && (id[0] < '0' || id[0] > '9') {
		id = id[1:]
	}
	return id
}

// TestEachPlant tries every kind alone, so that what fails has a name, with every field it differs in.
func TestEachPlant(t *testing.T) {
	t.Parallel()
	differs := map[string][]string{
		"another amount": {"amount"}, "another package": {"package"}, "another subscriber": {"subscriber"}, "failed at MobiFone": {"state"},
		"another transId": {"transId"}, "malformed partnerTransId there": {"partnerTransId"}, "another partnerTransId there": {"partnerTransId"},
		"not registered here, and registered there": {"state"},
	}
	for i, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o, tx := sold(i + 1)
			ours, theirs, kinds := p.make(o, tx)
			all, sum := join(t, Config{Day: noon, WithMatched: true}, ours, theirs)
			var got []Kind
			for _, f := range all {
				got = append(got, f.Kind)
				if f.Kind == Differs {
					var fields []string
					for _, d := range f.Differences {
						fields = append(fields, d.Field)
						assert.NotEqual(t, d.Ours, d.Theirs)
					}
					assert.Equal(t, differs[p.name], fields)
				}
			}
			assert.ElementsMatch(t, kinds, got)
			assert.Equal(t, sum.Read, sum.total())
			odd := slices.ContainsFunc(kinds, func(k Kind) bool { return k != Matched && k != Unsold })
			assert.Equal(t, !odd, sum.Balanced())
		})
	}
}

func TestABalancedDay(t *testing.T) {
	t.Parallel()
	var ours []Ours
	var theirs []telco.Transaction
	for n := range 50 {
		o, tx := sold(n + 1)
		ours, theirs = append(ours, o), append(theirs, tx)
	}
	all, sum := join(t, Config{Day: noon}, ours, theirs)
	assert.Empty(t, all)
	assert.True(t, sum.Balanced())
	assert.Zero(t, sum.Off())
	assert.Equal(t, int64(50), sum.Sold.Theirs.Rows)
	assert.Contains(t, sum.String(), "Cân: khớp cả hai bên.")

	// Two mistakes that cancel out are still two mistakes.
	all, sum = join(t, Config{Day: noon}, ours[1:], append(theirs[:1:1], theirs[2:]...))
	assert.Len(t, all, 2)
	assert.Zero(t, sum.Off().Rows)
	assert.False(t, sum.Balanced())
}

func TestTheBusinessDay(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	before, after := day.Add(-time.Second), day.Add(24*time.Hour)
	for name, tt := range map[string]struct {
		ours, theirs time.Time
		want         []string
	}{
		"in the day":                  {noon, noon, []string{"MATCHED"}},
		"MobiFone's time counts":      {before, day, []string{"MATCHED"}},
		"ours lies in, theirs behind": {noon, after, nil},
		"both before":                 {before, before, nil},
		"the last second":             {after, after.Add(-time.Second), []string{"MATCHED"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, tx := o, tx
			o.At, tx.CreatedAt = tt.ours, tt.theirs
			for _, with := range []bool{true, false} {
				all, sum := join(t, Config{Day: noon, WithMatched: with}, []Ours{o}, []telco.Transaction{tx})
				assert.Equal(t, int64(len(tt.want)), sum.Kinds[Matched].Ours.Rows)
				assert.Equal(t, int64(1-len(tt.want)), sum.OtherDays.Ours.Rows)
				if with {
					assert.Len(t, all, len(tt.want))
				}
			}
			all, sum := join(t, Config{Day: noon}, []Ours{o}, nil)
			in := !tt.ours.Before(day) && tt.ours.Before(after)
			assert.Equal(t, in, len(all) == 1, "alone, our time counts")
			assert.Equal(t, !in, sum.OtherDays.Ours.Rows == 1)
		})
	}
	o.At = time.Time{}
	all, _ := join(t, Config{Day: noon}, []Ours{o}, nil)
	assert.Len(t, all, 1, "a row without a time is not lost")
}

func TestSeveralOTPsAndAttempts(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	first, firstTx := o, tx
	first.TransID, first.Outcome = "T0", telco.Rejected
	firstTx.TransID, firstTx.State = "T0", telco.StateExpired
	never := firstTx // an OTP that was asked for and never used
	never.TransID = "T9"
	all, sum := join(t, Config{WithMatched: true}, []Ours{first, o}, []telco.Transaction{tx, never, firstTx})
	assert.ElementsMatch(t, []string{
		"MATCHED ours T1/REGISTERED/120.000 ₫ theirs T1/SUCCESS/120.000 ₫ []",
		"UNSOLD ours T0/NOT_REGISTERED/120.000 ₫ theirs T0/EXPIRED/120.000 ₫ []",
		"UNSOLD ours - theirs T9/EXPIRED/120.000 ₫ []",
	}, sayAll(all))
	assert.True(t, sum.Balanced())

	// The earlier OTP turns out to be registered too.
	firstTx.State = telco.StateSuccess
	all, _ = join(t, Config{WithMatched: true}, []Ours{first, o}, []telco.Transaction{tx, firstTx})
	assert.Equal(t, []string{
		"MATCHED ours T1/REGISTERED/120.000 ₫ theirs T1/SUCCESS/120.000 ₫ []",
		"DUPLICATE ours T0/NOT_REGISTERED/120.000 ₫ theirs T0/SUCCESS/120.000 ₫ [{state NOT_REGISTERED SUCCESS}]",
	}, sayAll(all))
	require.Len(t, all[0].Others, 1)
	assert.Equal(t, telco.TransID("T0"), all[0].Others[0].TransID)

	// An OTP that ran out is not the registration that MobiFone lacks.
	all, _ = join(t, Config{}, []Ours{o}, []telco.Transaction{never})
	assert.ElementsMatch(t, []Kind{OursOnly, Unsold}, []Kind{all[0].Kind, all[1].Kind})

	// A registration under our id that we know nothing of, beside one that went back.
	first.Refunded = true
	tx.TransID = "T7"
	all, _ = join(t, Config{}, []Ours{first}, []telco.Transaction{tx})
	assert.Equal(t, []string{
		"REFUNDED_REGISTERED ours T0/REFUNDED/120.000 ₫ theirs T7/SUCCESS/120.000 ₫ [{transId T0 T7} {state REFUNDED SUCCESS}]",
	}, sayAll(all))

	// Two of an id that nobody here knows.
	firstTx.TransID, firstTx.State = "T8", telco.StateSuccess
	all, _ = join(t, Config{}, nil, []telco.Transaction{tx, firstTx})
	assert.ElementsMatch(t, []Kind{TheirsOnly, Duplicate}, []Kind{all[0].Kind, all[1].Kind})
}

// TestStrangersOfOneTransID: a word such as N/A in place of a transId makes no row another one's sister,
// which would hold as many pairs of rows as there are.
func TestStrangersOfOneTransID(t *testing.T) {
	t.Parallel()
	var theirs []telco.Transaction
	for n := range 3000 {
		_, tx := sold(n + 1)
		tx.TransID, tx.PartnerTransID, tx.State = "N/A", []telco.PartnerTransID{"", "N/A"}[n%2], telco.StateFailed
		theirs = append(theirs, tx)
	}
	all, _ := join(t, Config{}, nil, theirs)
	require.Len(t, all, 3000)
	for _, f := range all {
		require.Empty(t, f.Others)
	}
	// A sale of ours under it is told of all of them.
	o, _ := sold(1)
	o.TransID, o.PartnerTransID = "N/A", ""
	all, _ = join(t, Config{}, []Ours{o}, theirs[:3])
	require.Len(t, all, 3)
	assert.Len(t, all[0].Others, 1)
}

func TestRowsThatAreListedAgain(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	pending := tx
	pending.State, pending.UpdatedAt = telco.StatePending, tx.UpdatedAt.Add(-time.Second)
	all, sum := join(t, Config{}, []Ours{o, o}, []telco.Transaction{tx, pending, tx})
	assert.Empty(t, all)
	assert.Equal(t, int64(1), sum.Repeated.Ours.Rows)
	assert.Equal(t, int64(2), sum.Repeated.Theirs.Rows)
	assert.True(t, sum.Balanced())

	// A final state does not go back to another one: both rows are told.
	failed := tx
	failed.State, failed.UpdatedAt = telco.StateFailed, tx.UpdatedAt.Add(time.Second)
	all, sum = join(t, Config{WithMatched: true}, []Ours{o}, []telco.Transaction{tx, failed})
	assert.Len(t, all, 2)
	assert.Zero(t, sum.Repeated.Theirs.Rows)
	// Two successes of one transaction at two times are two: it may have been carried out twice.
	later := tx
	later.UpdatedAt = tx.UpdatedAt.Add(time.Second)
	all, _ = join(t, Config{}, []Ours{o}, []telco.Transaction{tx, later})
	require.Len(t, all, 1)
	assert.Equal(t, Duplicate, all[0].Kind)
	// Refunded or not is a content of ours.
	refunded := o
	refunded.Refunded = true
	all, _ = join(t, Config{WithMatched: true}, []Ours{o, refunded}, []telco.Transaction{tx})
	assert.Len(t, all, 2)
}

func TestAnErasedNumberIsNotCompared(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.MSISDN = telco.MSISDN{}
	all, _ := join(t, Config{WithMatched: true}, []Ours{o}, []telco.Transaction{tx})
	assert.Equal(t, Matched, all[0].Kind)
	tx.MSISDN = telco.MSISDN{}
	all, _ = join(t, Config{}, []Ours{o}, []telco.Transaction{tx})
	assert.Equal(t, Differs, all[0].Kind, "a number that MobiFone masks proves nothing")
}
