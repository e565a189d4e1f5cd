package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// wild makes rows of few ids whose every field may be anything: edges of the day, sums, ids that are
// missing, doubled, of somebody else or in another case, and states in any order.
func wild(r *rand.Rand, n int) (ours []Ours, theirs []telco.Transaction, carried []telco.IDs) {
	pick := func(most int) bool { return r.IntN(most) == 0 }
	partner := func(is telco.PartnerTransID) telco.PartnerTransID {
		switch r.IntN(24) {
		case 0:
			return ""
		case 1:
			return telco.PartnerTransID(strings.ToLower(string(is)))
		case 2:
			return " " + is
		case 3:
			return is[:20]
		case 4:
			return partnerID(r.IntN(n) + 1)
		case 5:
			return telco.PartnerTransID("T" + strconv.Itoa(r.IntN(n)+1))
		}
		return is
	}
	trans := func(is telco.TransID) telco.TransID {
		switch r.IntN(20) {
		case 0:
			return ""
		case 1:
			return telco.TransID("T" + strconv.Itoa(r.IntN(n)+1))
		case 2:
			return telco.TransID(partnerID(r.IntN(n) + 1))
		case 3:
			return "N/A"
		}
		return is
	}
	amount := func(is telco.VND) telco.VND {
		if pick(10) {
			return []telco.VND{0, -is, is + 1, 1 << 40}[r.IntN(4)]
		}
		return is
	}
	moment := func() time.Time {
		return []time.Time{
			noon, noon, noon, day, day.Add(-time.Second), day.Add(24*time.Hour - time.Second), day.Add(24 * time.Hour), {},
		}[r.IntN(8)]
	}
	for range n {
		for range r.IntN(3) {
			o, _ := sold(r.IntN(n) + 1)
			o.TransID, o.PartnerTransID, o.Amount, o.At = trans(o.TransID), partner(o.PartnerTransID), amount(o.Amount), moment()
			if pick(3) {
				o.Outcome, o.Refunded = telco.Outcome(r.IntN(3)), pick(3)
			}
			if pick(12) {
				o.MSISDN = telco.MSISDN{}
			}
			ours = append(ours, o)
		}
		for range r.IntN(4) {
			_, tx := sold(r.IntN(n) + 1)
			tx.TransID, tx.PartnerTransID, tx.Amount, tx.CreatedAt = trans(tx.TransID), partner(tx.PartnerTransID), amount(tx.Amount), moment()
			tx.UpdatedAt = []time.Time{{}, noon, noon.Add(time.Second), noon.Add(time.Hour)}[r.IntN(4)]
			if pick(2) {
				tx.State = telco.State(r.IntN(9))
			}
			if pick(12) {
				tx.MSISDN = telco.MSISDN{}
			}
			if pick(12) {
				tx.Package, tx.Shop, tx.WireResultCode = "", strings.Repeat("x", 255), "="
			}
			theirs = append(theirs, tx)
		}
		if pick(5) {
			ids := telco.IDs{TransID: telco.TransID("T" + strconv.Itoa(r.IntN(n)+1)), PartnerTransID: partnerID(r.IntN(n) + 1)}
			if len(ours) > 0 && pick(2) {
				ids = ours[r.IntN(len(ours))].IDs
			}
			carried = append(carried, ids, telco.IDs{TransID: trans(ids.TransID), PartnerTransID: partner(ids.PartnerTransID)})
		}
	}
	return ours, theirs, carried
}

// agree reports whether a row of either side are one registration: every field the same, and no id
// another one. It is written without package reading, for comparison with it.
func agree(o *Ours, tx *telco.Transaction) bool {
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return tx.State == telco.StateSuccess && tx.Amount != 0 && tx.Amount == o.Amount && tx.Package != "" && tx.Package == o.Package &&
		tx.MSISDN.IsValid() && (!o.MSISDN.IsValid() || tx.MSISDN == o.MSISDN) &&
		same(string(o.TransID), string(tx.TransID)) && same(string(o.PartnerTransID), string(tx.PartnerTransID))
}

// TestNoCategoryLies: whatever the rows, the categories that ask nothing of anybody hold nothing that
// somebody has to see, and nothing that is said to agree differs.
func TestNoCategoryLies(t *testing.T) {
	t.Parallel()
	seeds := uint64(400)
	if raceEnabled || testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		ours, theirs, carried := wild(r, 3+int(seed)%40)
		cfg := Config{WithMatched: true, Memory: []int64{1, 0}[seed%2]}
		if seed%3 > 0 {
			cfg.Day = noon
		}
		all, sum := join(t, cfg, shuffled(r, ours), shuffled(r, theirs), shuffled(r, carried)...)
		alike(t, simplest(t, cfg, ours, theirs, carried), sorted(sayAll(all)), fmt.Sprint("seed ", seed))
		again, same := join(t, cfg, shuffled(r, ours), shuffled(r, theirs), shuffled(r, carried)...)
		alike(t, sayAll(all), sayAll(again), "in another order")
		require.Equal(t, sum, same)
		told := map[Kind]Sides{}
		var soldHere Sides
		gone := int64(0)
		for i := range all {
			f := &all[i]
			honest(t, cfg, f)
			if f.Kind == Gone {
				gone++
				continue
			}
			sides := told[f.Kind]
			if f.Ours != nil {
				sides.Ours.add(f.Ours.Amount)
				if f.Ours.Outcome == telco.Succeeded && !f.Ours.Refunded {
					soldHere.Ours.add(f.Ours.Amount)
				}
			}
			if f.Theirs != nil {
				sides.Theirs.add(f.Theirs.Amount)
				if f.Theirs.State == telco.StateSuccess {
					soldHere.Theirs.add(f.Theirs.Amount)
				}
			}
			told[f.Kind] = sides
		}
		require.Equal(t, sum.Kinds, told, "the figures are those of the findings")
		require.Equal(t, sum.Sold, soldHere)
		require.Equal(t, sum.CarriedGone, gone)
		require.Equal(t, sum.Read, sum.total())
		if sum.Balanced() {
			require.Zero(t, sum.Off(), "seed %d", seed)
		}
		cfg.WithMatched = false
		_, short := join(t, cfg, ours, theirs, carried...)
		require.Equal(t, sum, short)
	}
}

// honest judges one finding by itself.
func honest(t *testing.T, cfg Config, f *Finding) {
	t.Helper()
	said := say(*f)
	outcome := telco.Outcome(99)
	if f.Ours != nil {
		outcome = f.Ours.Outcome
	}
	state := telco.State(99)
	if f.Theirs != nil {
		state = f.Theirs.State
	}
	switch f.Kind {
	case Matched:
		require.True(t, f.Ours != nil && f.Theirs != nil && agree(f.Ours, f.Theirs) && outcome == telco.Succeeded && !f.Ours.Refunded, said)
		require.Empty(t, f.Differences)
	case NowKnown:
		require.True(t, f.Ours != nil && f.Theirs != nil && agree(f.Ours, f.Theirs) && outcome == telco.Unknown && !f.Ours.Refunded, said)
	case Unsold:
		require.Contains(t, []telco.Outcome{telco.Rejected, 99}, outcome, said)
		require.Contains(t, []telco.State{telco.StateInit, telco.StateFailed, telco.StateExpired, telco.StateCancelled, 99}, state, said)
	case StillOpen:
		require.NotContains(t, []telco.State{telco.StateSuccess, telco.StateReversed, telco.StateUnlisted, 8}, state, said)
		require.True(t, state == telco.StatePending || outcome == telco.Unknown, said)
	case RefundedRegistered:
		require.True(t, f.Ours.Refunded && state == telco.StateSuccess, said)
	case TheirsOnly:
		require.Nil(t, f.Ours, said)
		require.Contains(t, []telco.State{telco.StateSuccess, telco.StateUnlisted, 8}, state, said) // 8 is no state
	case OursOnly:
		require.True(t, f.Theirs == nil && outcome == telco.Succeeded, said)
	case Reversed:
		require.Equal(t, telco.StateReversed, state, said)
	case Differs:
		require.NotEmpty(t, f.Differences, said)
		require.True(t, f.Ours != nil && f.Theirs != nil, said)
	case Gone:
		require.True(t, f.Ours == nil && f.Theirs == nil && f.SaleID == "" && f.Carried, said)
	case Duplicate:
		require.False(t, f.Theirs == nil && f.Ours == nil)
	default:
		t.Fatal(said)
	}
	if cfg.Day.IsZero() || f.Carried {
		return
	}
	at := time.Time{}
	if f.Ours != nil {
		at = f.Ours.At
	}
	if f.Theirs != nil && !f.Theirs.CreatedAt.IsZero() {
		at = f.Theirs.CreatedAt
	}
	if !at.IsZero() {
		require.Equal(t, day.Format(time.DateOnly), at.In(vietnam).Format(time.DateOnly), said)
	}
}
