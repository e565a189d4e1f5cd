package transport

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/seam"
)

// Waits between tries double up to the longest, and none is no draw at all.
func TestBackoffDoubles(t *testing.T) {
	t.Parallel()
	most := uint64(1<<63 - 1)
	a := &core{cfg: Config{Seam: seam.Seam{Draw: func() uint64 { return most }}}}
	bound := func(base, longest time.Duration, tries int) time.Duration {
		a.cfg.Retry = Retry{BackoffBase: base, BackoffMax: longest}
		most = 0
		if a.backoff(tries) != 0 {
			return -1
		}
		for b := time.Duration(1); b < 1<<40; b *= 2 { // the draw below b is the largest below the bound
			most = uint64(b) - 1
			if a.backoff(tries) != b-1 {
				return b / 2
			}
		}
		return -1
	}
	assert.Equal(t, time.Duration(1), bound(1, 1<<30, 1))
	assert.Equal(t, time.Duration(1<<19), bound(1, 1<<30, 20))
	assert.Equal(t, time.Duration(1<<30), bound(1, 1<<30, 21))
	assert.Equal(t, time.Duration(1<<10), bound(1<<20, 1<<10, 1))
	a.cfg.Retry = Retry{}
	assert.Zero(t, a.backoff(1))
	assert.Zero(t, a.backoff(30))
}
