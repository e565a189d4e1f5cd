package reconcile

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// world makes rows that go wrong in every way at once, few ids and many collisions.
func world(r *rand.Rand, n int) (ours []Ours, theirs []telco.Transaction, carried []telco.IDs) {
	for range n {
		o, tx := sold(r.IntN(n) + 1)
		switch r.IntN(13) {
		case 0:
			o.Outcome = telco.Outcome(r.IntN(3))
		case 1:
			tx.State = telco.State(r.IntN(8))
		case 2:
			tx.TransID = telco.TransID(fmt.Sprint("T", r.IntN(n)))
		case 3:
			tx.PartnerTransID = []telco.PartnerTransID{"", "bad", partnerID(r.IntN(n)), tx.PartnerTransID[:28] + "?"}[r.IntN(4)]
		case 4:
			tx.Amount, o.MSISDN = 1, telco.MSISDN{}
		case 5:
			o.TransID = []telco.TransID{"", "T1"}[r.IntN(2)]
		case 6:
			o.Refunded, o.Outcome = true, telco.Rejected
		case 7:
			tx.CreatedAt, tx.UpdatedAt = tx.CreatedAt.Add(24*time.Hour), tx.UpdatedAt.Add(time.Hour)
		case 8:
			o.PartnerTransID, o.At = "", o.At.Add(-24*time.Hour)
		case 10:
			tx.CreatedAt, o.At = time.Time{}, o.At.Add(time.Duration(r.IntN(3))*24*time.Hour)
		case 9:
			carried = append(carried, o.IDs)
		}
		if r.IntN(8) > 0 {
			ours = append(ours, o)
		}
		if r.IntN(8) > 0 {
			theirs = append(theirs, tx)
		}
	}
	return ours, theirs, carried
}

// simplest is the join with maps: all rows in memory, grouped by partnerTransId, what is alone by
// transId. It shares what a group is with the join under test, and nothing of how groups are made.
func simplest(t *testing.T, cfg Config, ours []Ours, theirs []telco.Transaction, carried []telco.IDs) []string {
	t.Helper()
	var said []string
	cfg.Memory = 1 << 40
	run, err := Start(cfg)
	require.NoError(t, err)
	j := &joiner{run: run, yield: func(f Finding, _ error) bool {
		said = append(said, say(f))
		return true
	}}
	j.sum.Kinds = map[Kind]Sides{}
	groups, second := map[string][]record{}, map[string][]record{}
	none := 0
	add := func(f fields) {
		valid := byPartner(f.partnerTransID)
		if !valid {
			f.flags |= flagByTransID
		}
		rec := record(run.veil.appendRecord(nil, &f))
		key := string(rec.key())
		switch {
		case valid:
			groups[key] = append(groups[key], rec)
		case key == "":
			none++
			second[fmt.Sprint("none ", none)] = []record{rec}
		default:
			second[key] = append(second[key], rec)
		}
	}
	for _, o := range ours {
		f := fields{side: sideOurs, state: byte(o.Outcome), transID: []byte(o.TransID), partnerTransID: []byte(o.PartnerTransID), pkg: []byte(o.Package), amount: int64(o.Amount), number: digits(o.MSISDN), at: seconds(o.At), updatedAt: noTime, shop: []byte(o.Shop), code: []byte(o.Order), saleID: []byte(o.SaleID)}
		if o.Refunded {
			f.flags = flagRefunded
		}
		add(f)
	}
	for _, tx := range theirs {
		add(fields{side: sideTheirs, state: byte(tx.State), transID: []byte(tx.TransID), partnerTransID: []byte(tx.PartnerTransID), pkg: []byte(tx.Package), amount: int64(tx.Amount), number: digits(tx.MSISDN), at: seconds(tx.CreatedAt), updatedAt: seconds(tx.UpdatedAt), shop: []byte(tx.Shop), code: []byte(tx.WireResultCode)})
	}
	for _, ids := range carried {
		add(fields{side: sideMark, transID: []byte(ids.TransID), partnerTransID: []byte(ids.PartnerTransID), at: noTime, updatedAt: noTime})
	}
	// What the first round leaves is caught on its way to the second.
	j.left = sink{heap: run.second}
	for _, recs := range groups {
		slices.SortFunc(recs, run.veil.compare)
		require.NoError(t, j.one(recs))
	}
	for _, b := range j.left.bufs {
		for rest := b; len(rest) > 0; {
			rec := recordAt(rest)
			rest = rest[len(rec):]
			key := string(rec.key())
			if key == "" {
				none++
				key = fmt.Sprint("none ", none)
			}
			second[key] = append(second[key], rec)
		}
	}
	j.byTransID = true
	for _, recs := range second {
		slices.SortFunc(recs, run.veil.compare)
		require.NoError(t, j.one(recs))
	}
	return sorted(said)
}

// alike compares findings, and shows the first that is another.
func alike(t *testing.T, want, got []string, what string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], what)
	}
	require.Len(t, got, len(want), what)
}

// TestTheJoinIsTheSimplestJoin: whatever the rows, their order, the memory and the number of runs, the
// findings are those of a join with maps, and the sums add up.
func TestTheJoinIsTheSimplestJoin(t *testing.T) {
	t.Parallel()
	seeds := uint64(60)
	if raceEnabled {
		seeds = 12
	}
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			ours, theirs, carried := world(r, 20+int(seed)*20)
			cfg := Config{WithMatched: true}
			if seed%2 == 0 {
				cfg.Day = noon
			}
			want := simplest(t, cfg, ours, theirs, carried)
			var first []string
			for _, memory := range []int64{1, 0} {
				cfg.Memory = memory
				all, sum := join(t, cfg, shuffled(r, ours), shuffled(r, theirs), shuffled(r, carried)...)
				require.Equal(t, sum.Read, sum.total())
				if first == nil {
					first = sayAll(all)
				}
				alike(t, first, sayAll(all), "the order too")
				alike(t, want, sorted(sayAll(all)), "as the simplest")
			}
			// Rows that pages repeated change nothing but their count.
			_, before := join(t, cfg, ours, theirs, carried...)
			all, sum := join(t, cfg, append(slices.Clip(ours), ours[:len(ours)/2]...), append(slices.Clip(theirs), theirs[len(theirs)/3:]...), carried...)
			alike(t, first, sayAll(all), "with rows repeated")
			require.Equal(t, before.Kinds, sum.Kinds)
			// Without the matched ones the others are the same.
			cfg.WithMatched = false
			all, short := join(t, cfg, ours, theirs, carried...)
			first = slices.DeleteFunc(first, func(s string) bool { return s[:7] == Matched.String() })
			alike(t, first, sayAll(all), "without the matched")
			require.Equal(t, before, short, "the short way counts as the long way")
		})
	}
}

// TestManyOfOneID: more rows of one id than fit end the run with a word, not with memory.
func TestManyOfOneID(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
	require.NoError(t, err)
	defer run.Close()
	_, tx := sold(1)
	var theirs []telco.Transaction
	for n := range 5000 {
		tx.Amount = telco.VND(n + 1)
		theirs = append(theirs, tx)
	}
	require.NoError(t, run.AddTheirs(seq(theirs)))
	var end error
	for _, err := range run.Findings(t.Context()) {
		end = err
	}
	require.ErrorContains(t, end, "raise Config.Memory")
}

// TestRowsWithoutIDs: they are nobody's partners, and no group.
func TestRowsWithoutIDs(t *testing.T) {
	t.Parallel()
	var theirs []telco.Transaction
	for n := range 5000 {
		_, tx := sold(n)
		tx.TransID, tx.PartnerTransID = "", "N/A"
		theirs = append(theirs, tx)
	}
	all, _ := join(t, Config{Memory: 1}, nil, theirs)
	require.Len(t, all, 5000)
	for _, f := range all {
		require.Equal(t, TheirsOnly, f.Kind)
	}
	again, _ := join(t, Config{}, nil, theirs)
	alike(t, sayAll(again), sayAll(all), "in one order, whatever the memory")
}

// TestRowsThatLookAlikeWithoutIDs: nobody can tell that two of them are one.
func TestRowsThatLookAlikeWithoutIDs(t *testing.T) {
	t.Parallel()
	_, tx := sold(1)
	tx.TransID, tx.PartnerTransID = "", ""
	all, sum := join(t, Config{}, nil, []telco.Transaction{tx, tx})
	assert.Len(t, all, 2)
	assert.Zero(t, sum.Repeated.Theirs.Rows)
}

// TestAMalformedIDIsNoKey: a wrong check character may be another sale's id, mistyped.
func TestAMalformedIDIsNoKey(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.PartnerTransID = o.PartnerTransID[:28] + "?"
	tx.PartnerTransID, tx.TransID = o.PartnerTransID, "T2"
	all, _ := join(t, Config{}, []Ours{o}, []telco.Transaction{tx})
	require.Len(t, all, 2)
	assert.ElementsMatch(t, []Kind{OursOnly, TheirsOnly}, []Kind{all[0].Kind, all[1].Kind})
}

// TestTheOrderDoesNotHangOnTheKey: rows that differ in the number alone are told in one order in every
// run, although every run hides numbers under another key.
func TestTheOrderDoesNotHangOnTheKey(t *testing.T) {
	t.Parallel()
	_, tx := sold(1)
	other := tx
	other.MSISDN = telco.MustParseMSISDN("0999999999")
	for range 20 {
		all, _ := join(t, Config{}, nil, []telco.Transaction{other, tx})
		require.Len(t, all, 2)
		require.Equal(t, tx.MSISDN, all[0].Theirs.MSISDN)
	}
}

// TestSumsThatDoNotClose end the run: nothing is booked by figures that lost a row.
func TestSumsThatDoNotClose(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddOurs(seq([]Ours{o})))
	require.NoError(t, run.AddTheirs(seq([]telco.Transaction{tx})))
	run.summary.Read.Theirs.VND++
	var end error
	for _, err := range run.Findings(t.Context()) {
		end = err
	}
	require.ErrorContains(t, end, "book nothing by it")
}

// TestSumsThatOverflow end the adding: a sum that wrapped would close, and be wrong.
func TestSumsThatOverflow(t *testing.T) {
	t.Parallel()
	const most = telco.VND(math.MaxInt64)
	for name, tt := range map[string]struct {
		ours, theirs []telco.VND
		want         error
	}{
		"the most":          {[]telco.VND{most}, nil, nil},
		"one row more":      {nil, []telco.VND{most - 1, 1, 1}, errWeight},
		"of both sides":     {[]telco.VND{most}, []telco.VND{1}, errWeight},
		"below zero":        {nil, []telco.VND{-most, -1}, errWeight},
		"the least":         {nil, []telco.VND{-most - 1}, errWeight},
		"signs do not help": {nil, []telco.VND{most, -most}, errWeight},
	} {
		var ours []Ours
		var theirs []telco.Transaction
		for n, amount := range tt.ours {
			o, _ := sold(n)
			o.Amount = amount
			ours = append(ours, o)
		}
		for n, amount := range tt.theirs {
			_, tx := sold(n)
			tx.Amount = amount
			theirs = append(theirs, tx)
		}
		run, err := Start(Config{})
		require.NoError(t, err)
		err = errors.Join(run.AddOurs(seq(ours)), run.AddTheirs(seq(theirs)))
		require.ErrorIs(t, err, tt.want, name)
		require.NoError(t, run.Close())
	}
	// So does a file, whose amounts have at most 15 digits.
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	line := strings.Replace(good(1), "120000", strings.Repeat("9", 15), 1)
	require.ErrorIs(t, run.AddTheirsFile(t.Context(), strings.NewReader(head+strings.Repeat(line, 10_000)), FileOptions{}), errWeight)
}

// TestTheTemporaryFile is private, holds no number, and is gone in the end, also after an error.
func TestTheTemporaryFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run, err := Start(Config{Memory: 1, Dir: dir})
	require.NoError(t, err)
	var ours []Ours
	for n := range 5000 {
		o, _ := sold(n)
		ours = append(ours, o)
	}
	require.NoError(t, run.AddOurs(seq(ours)))
	require.NotNil(t, run.file.file, "it spilled")
	info, err := run.file.file.Stat()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	content := make([]byte, info.Size())
	_, err = run.file.file.ReadAt(content, 0)
	require.NoError(t, err)
	for _, form := range []string{"", "0", "84"} {
		assert.NotContains(t, string(content), ours[7].MSISDN.Reveal(form))
	}
	assert.Contains(t, string(content), ours[7].Order)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(left), 1)
	require.NoError(t, run.Close())
	require.NoError(t, run.Close(), "again")
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	require.ErrorIs(t, run.AddOurs(seq(ours)), errSpent)

	run, err = Start(Config{Memory: 1, Dir: dir + "/none"})
	require.NoError(t, err)
	require.ErrorContains(t, run.AddOurs(seq(ours)), "Config.Dir")
	require.NoError(t, run.Close())
}

// TestAnErrorOfASource ends the adding and is what the caller gets.
func TestAnErrorOfASource(t *testing.T) {
	t.Parallel()
	broken := errors.New("the window is open")
	o, tx := sold(1)
	fails := func(yield func(telco.Transaction, error) bool) { _ = yield(tx, nil) && yield(tx, broken) }
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.ErrorIs(t, run.AddTheirs(fails), broken)
	require.ErrorIs(t, run.Carry(iter.Seq2[telco.IDs, error](func(yield func(telco.IDs, error) bool) { yield(telco.IDs{}, broken) })), broken)
	require.NoError(t, run.AddOurs(seq([]Ours{o})))
	for range run.Findings(t.Context()) {
		t.Error("matched")
	}
	assert.Equal(t, int64(1), run.Summary().Kinds[Matched].Theirs.Rows, "what came before counts")
	run.Summary().Kinds[Gone] = Sides{}
	assert.NotContains(t, run.Summary().Kinds, Gone, "what a caller does with it is the caller's")
	var again []error
	for _, err := range run.Findings(t.Context()) {
		again = append(again, err)
	}
	assert.Equal(t, []error{errSpent}, again)
	_, err = Start(Config{Memory: -1})
	require.Error(t, err)
}

// TestStoppingEarly: a caller that has seen enough leaves nothing running.
func TestStoppingEarly(t *testing.T) {
	t.Parallel()
	var ours []Ours
	for n := range 3000 {
		o, _ := sold(n + 1)
		ours = append(ours, o)
	}
	run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
	require.NoError(t, err)
	require.NoError(t, run.AddOurs(seq(ours)))
	for f, err := range run.Findings(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, OursOnly, f.Kind)
		break
	}
	require.NoError(t, run.Close())
}
