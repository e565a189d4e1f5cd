package reconcile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// crowded makes n registrations whose ids all go into one partition, by so many bits of their checksums.
func crowded(n int, bits uint, byTransID bool) (ours []Ours, theirs []telco.Transaction) {
	for i := 1; len(ours) < n; i++ {
		if byTransID {
			if id := fmt.Appendf(nil, "T%d", i); sum(id)>>(32-bits) != 7 {
				continue
			}
		} else if id := partnerID(i); sum([]byte(id))>>(32-bits) != 7 {
			continue
		}
		o, tx := sold(i)
		if byTransID {
			o.PartnerTransID, tx.PartnerTransID = "", ""
		}
		tx.Amount += telco.VND(i % 2) // each other one is told
		o.Shop, o.Order, tx.Shop = strings.Repeat("s", textMax), strings.Repeat("o", textMax), strings.Repeat("t", textMax)
		ours, theirs = append(ours, o), append(theirs, tx)
	}
	return ours, theirs
}

// TestAPartitionThatDoesNotFit is split, and again where that is not enough: the findings are the same, in
// the same order.
func TestAPartitionThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		n         int
		bits      uint
		byTransID bool
	}{
		"by 8 bits":            {200, 8, false},
		"transIds, by 8 bits":  {200, 8, true},
		"transIds, by 16 bits": {40, 16, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := crowded(tt.n, tt.bits, tt.byTransID)
			want, sum := join(t, Config{Memory: 1 << 30}, ours, theirs)
			require.Greater(t, len(want), tt.n/3)
			r := rand.New(rand.NewPCG(1, 5))
			all, same := join(t, Config{Memory: 1}, shuffled(r, ours), shuffled(r, theirs))
			alike(t, sayAll(want), sayAll(all), "split")
			assert.Equal(t, sum, same)
		})
	}
}

func TestWhatFits(t *testing.T) {
	t.Parallel()
	for given, want := range map[int64]int64{0: 16 << 20, 1: 64 << 10, 64 << 10: 64 << 10, 80_000: 80_000} {
		run, err := Start(Config{Memory: given})
		require.NoError(t, err)
		assert.Equal(t, []int64{want, want / 4, want / 8}, []int64{run.cfg.Memory, run.first.limit, run.second.limit})
	}
	j := &joiner{run: &Run{cfg: Config{Memory: 3000}}}
	h := newHeap(&spill{}, 0, 0)
	h.sizes[1], h.sizes[2] = 1000, 1001
	assert.False(t, j.tooLarge(h, 1))
	assert.True(t, j.tooLarge(h, 2))
}

// TestTheIndexIsSorted by the checksum, and then in the order of the rows, whatever its length.
func TestTheIndexIsSorted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 6))
	var pg page
	for _, n := range []int{0, 1, 4095, 4096, 4097, 20_000, 5000} {
		pg.index = pg.index[:0]
		for at := range n {
			crc := 0xA7000000 | r.Uint64N(1<<24)
			if at%3 == 0 {
				crc = 0xA7FFFFFF & r.Uint64()
				crc |= 0xA7000000
				crc &= 0xA7F00F0F
			}
			pg.index = append(pg.index, crc<<32|uint64(at))
		}
		want := slices.Sorted(slices.Values(pg.index))
		pg.sort()
		require.True(t, slices.Equal(want, pg.index), n)
	}
}

// TestEqualPairsAreOnlyCounted: with either side first none of them is read in full.
func TestEqualPairsAreOnlyCounted(t *testing.T) {
	t.Parallel()
	for _, first := range []byte{sideOurs, sideTheirs} {
		run, err := Start(Config{Day: noon})
		require.NoError(t, err)
		defer run.Close()
		var ours []Ours
		var theirs []telco.Transaction
		for n := range 1000 {
			o, tx := sold(n + 1)
			if n%10 == 0 {
				tx.CreatedAt = day.AddDate(0, 0, 1)
			}
			ours, theirs = append(ours, o), append(theirs, tx)
		}
		if first == sideTheirs {
			require.NoError(t, run.AddTheirs(seq(theirs)))
		}
		require.NoError(t, run.AddOurs(seq(ours)))
		if first == sideOurs {
			require.NoError(t, run.AddTheirs(seq(theirs)))
		}
		j := &joiner{run: run}
		var matched, otherDays Sides
		for p := range partitions {
			var pg page
			j.prepare(&pg, run.first, p)
			require.NoError(t, pg.err)
			assert.Empty(t, pg.odd)
			matched.plus(pg.matched)
			otherDays.plus(pg.otherDays)
		}
		assert.Equal(t, int64(900), matched.Ours.Rows)
		assert.Equal(t, matched.Ours, matched.Theirs)
		assert.Equal(t, int64(100), otherDays.Ours.Rows)
		assert.Equal(t, otherDays.Ours, otherDays.Theirs)
	}
}

// TestATemporaryFileThatFails ends the run with a word, in either round and where a partition is split.
func TestATemporaryFileThatFails(t *testing.T) {
	t.Parallel()
	many := func(byTransID bool) (ours []Ours) {
		for n := range 5000 {
			o, _ := sold(n + 1)
			if byTransID {
				o.PartnerTransID = ""
			}
			ours = append(ours, o)
		}
		return ours
	}
	split, _ := crowded(200, 8, false)
	for name, ours := range map[string][]Ours{"first": many(false), "second": many(true), "split": split} {
		for _, fault := range []string{"closed", "cut off"} {
			run, err := Start(Config{Memory: 1, Dir: t.TempDir()})
			require.NoError(t, err)
			defer run.Close()
			require.NoError(t, run.AddOurs(seq(ours)))
			require.NotNil(t, run.file.file, "it spilled")
			want := "file already closed"
			if fault == "closed" {
				require.NoError(t, run.file.file.Close())
			} else {
				require.NoError(t, run.file.file.Truncate(1))
				want = "the temporary file cannot be read again: unexpected EOF"
			}
			var end error
			for _, err := range run.Findings(t.Context()) {
				end = err
			}
			require.ErrorContains(t, end, want, name)
		}
	}
}

// TestAShortRecordIsOfItsLine: whatever else the line has become, its hash, state and time have to be those
// that were compared.
func TestAShortRecordIsOfItsLine(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.AddTheirsFile(t.Context(), strings.NewReader(head+good(1)), FileOptions{}))
	_, tx := sold(1)
	p := int(sum([]byte(tx.PartnerTransID)) >> 24)
	data, err := run.first.load(p, nil)
	require.NoError(t, err)
	j := &joiner{run: run}
	whole, err := j.full(recordAt(data))
	require.NoError(t, err)
	assert.Equal(t, tx, run.veil.theirs(whole))
	for _, at := range []int{28, 10, 12} {
		data[at]++
		_, err = j.full(recordAt(data))
		require.ErrorIs(t, err, errChanged)
		data[at]--
	}
}

// TestWhoseSaleItIs: of two sales in one group each finding has its own, and a stranger the one that is registered.
func TestWhoseSaleItIs(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	other := o
	o.SaleID, other.SaleID, other.TransID, other.Outcome = "S-1", "S-2", "T2", telco.Rejected
	tx.TransID = "T9"
	again, first := tx, tx
	first.TransID, again.TransID = "T1", "T8"
	all, _ := join(t, Config{WithMatched: true}, []Ours{other, o}, []telco.Transaction{first, again})
	var said []string
	for _, f := range all {
		said = append(said, fmt.Sprint(f.Kind, " ", f.SaleID, " ", f.IDs().TransID))
	}
	assert.Equal(t, []string{"MATCHED S-1 T1", "UNSOLD S-2 T2", "DUPLICATE S-1 T8"}, said)
}
