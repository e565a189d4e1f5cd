package reconcile

import (
	"fmt"
	"testing"

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
