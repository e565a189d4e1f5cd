package seam_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/seam"
)

// The zero seam is the machine's time: it waits as long as it was told, and not beyond the
// end of the context.
func TestZeroIsTheMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s seam.Seam
		began := time.Now()
		require.NoError(t, s.Sleep(t.Context(), time.Minute))
		assert.Equal(t, time.Minute, time.Since(began))
		assert.Equal(t, time.Minute, s.Now().Sub(began))
		assert.Equal(t, time.Minute, s.Wall().Sub(began))
		ctx, cancel := s.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, s.Sleep(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Minute+time.Second, time.Since(began))
		require.ErrorIs(t, s.Sleep(ctx, 0), context.DeadlineExceeded)
		assert.Len(t, s.ID(), 32)
		first, second := s.ID(), s.ID()
		assert.NotEqual(t, first, second)
		assert.Less(t, s.Jitter(time.Second), time.Second)
	})
}

// What a wire brings is taken from it, and deadlines go by the monotonic clock: a step of
// the wall moves none.
func TestAnotherTime(t *testing.T) {
	t.Parallel()
	wall, mono := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), time.Hour
	n := uint64(6)
	s := seam.In(wire{seam.Seam{
		Read: func() (time.Time, time.Duration) { return wall, mono },
		Wait: func(context.Context, time.Duration) error { return context.Canceled },
		Ends: func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
			return ctx, func() {}
		},
		Draw: func() uint64 { n++; return n },
	}})
	assert.Equal(t, wall, s.Wall())
	before := s.Now()
	wall = wall.Add(-24 * time.Hour)
	assert.Equal(t, before, s.Now())
	assert.Equal(t, seam.Deadline(mono), before)
	require.ErrorIs(t, s.Sleep(t.Context(), 0), context.Canceled)
	assert.Equal(t, "00000000000000070000000000000008", s.ID())
	assert.Equal(t, time.Duration(4), s.Jitter(5))
	assert.Zero(t, seam.In(nil))
}

type wire struct{ s seam.Seam }

func (w wire) Seam() seam.Seam { return w.s }
