package reconcile

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Sinks gather records in buffers of 16 KiB, one for each partition. A source of few rows leaves them
// nearly empty; kept as they are, each such source would cost 4 MiB.
func TestAFewRowsAreHeldInLittleMemory(t *testing.T) {
	t.Parallel()
	v, err := newVeil()
	require.NoError(t, err)
	h := newHeap(&spill{}, 1<<20, 0)
	s := sink{heap: h}
	for i := range 2000 {
		require.NoError(t, s.put(v.appendRecord(nil, &fields{side: sideOurs, transID: fmt.Appendf(nil, "TX%012d", i)})))
	}
	require.NoError(t, s.done())
	used, kept := 0, 0
	for _, held := range h.held {
		for _, b := range held {
			used, kept = used+len(b), kept+cap(b)
		}
	}
	require.Positive(t, used)
	require.Less(t, kept, 2*used)
}

// TestWhatIsInMemoryIsCounted to the byte, so that no more of it is kept than was asked for.
func TestWhatIsInMemoryIsCounted(t *testing.T) {
	t.Parallel()
	run, err := Start(Config{})
	require.NoError(t, err)
	defer run.Close()
	ours, _ := crowded(500, 8, false) // more than one buffer
	for n := range 2000 {
		o, _ := sold(n + 1)
		switch n % 3 {
		case 0:
			o.PartnerTransID = ""
		case 1:
			o.PartnerTransID, o.TransID = "", ""
		}
		ours = append(ours, o)
	}
	require.NoError(t, run.AddOurs(seq(ours)))
	for _, h := range []*heap{run.first, run.second} {
		kept := int64(0)
		for p, held := range h.held {
			bytes := int64(0)
			for _, b := range held {
				bytes += int64(len(b))
			}
			require.Equal(t, h.sizes[p], bytes)
			kept += bytes
		}
		require.Positive(t, kept)
		require.Equal(t, kept, h.inside)
		require.False(t, h.out.Load())
	}
}

// TestWhatDoesNotFitIsWritten: no more than the limit stays in memory, and nothing is lost.
func TestWhatDoesNotFitIsWritten(t *testing.T) {
	t.Parallel()
	h := newHeap(&spill{}, 100, 0)
	assert.False(t, h.grow(100))
	assert.True(t, h.grow(1))
	ours, _ := crowded(500, 8, false)
	given := int64(0)
	for _, memory := range []int64{1, 1 << 20} {
		run, err := Start(Config{Memory: memory, Dir: t.TempDir()})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddOurs(seq(ours)))
		kept, written := int64(0), int64(0)
		for p := range partitions {
			for _, b := range run.first.held[p] {
				kept += int64(len(b))
			}
			for _, c := range run.first.parts[p] {
				written += int64(c.size)
			}
		}
		assert.Positive(t, kept)
		assert.LessOrEqual(t, kept, run.first.limit)
		assert.Equal(t, written, run.file.end)
		given = max(given, kept+written)
		assert.Equal(t, given, kept+written)
	}
}

// TestWhatWasTakenIsFree: memory is not held twice.
func TestWhatWasTakenIsFree(t *testing.T) {
	t.Parallel()
	ours, _ := crowded(500, 8, false)
	for _, memory := range []int64{1, 1 << 20} {
		run, err := Start(Config{Memory: memory, Dir: t.TempDir()})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddOurs(seq(ours)))
		size, read := run.first.sizes[7], int64(0)
		finer, err := run.first.split(7)
		require.NoError(t, err)
		assert.Nil(t, run.first.held[7])
		assert.Nil(t, run.first.parts[7])
		for p := range partitions {
			data, err := finer.load(p, nil)
			require.NoError(t, err)
			assert.Nil(t, finer.held[p])
			read += int64(len(data))
		}
		assert.Equal(t, size, read)

		run, err = Start(Config{Memory: memory, Dir: t.TempDir()})
		require.NoError(t, err)
		defer run.Close()
		require.NoError(t, run.AddOurs(seq(ours)))
		data, err := run.first.load(7, nil)
		require.NoError(t, err)
		assert.Len(t, data, int(size))
		assert.Nil(t, run.first.held[7])
	}
}
